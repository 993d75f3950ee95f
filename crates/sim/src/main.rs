//! Runs the simulations: a seed to look at, or many to count.

mod entropy;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_sim::{Counts, Violation, net, power_loss, road};

/// Simulates what a machine does to a journal.
#[derive(Parser)]
#[command(name = "countersign-sim")]
struct Arguments {
    #[command(subcommand)]
    simulation: Simulation,
}

#[derive(Subcommand)]
enum Simulation {
    /// Loses the power of a journal's disk.
    PowerLoss {
        /// Run this seed alone, twice, and print its trace.
        #[arg(long, conflicts_with_all = ["seeds", "from"])]
        seed: Option<u64>,
        /// Run so many seeds.
        #[arg(long, default_value_t = 100)]
        seeds: u64,
        /// Begin with this one.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// The commit to name beside a seed that fails.
        #[arg(long, default_value = "unknown")]
        commit: String,
    },
    /// Plays gateway, agents, people and upstream over a network that fails; `net --help` says how.
    Net {
        /// What the simulation of the network is told.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Plays the road from proposal to outcome; `road --help` says how.
    Road {
        /// What the simulation of the road is told.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    let (seed, seeds, from, commit) = match Arguments::parse().simulation {
        Simulation::Net { words } => return net::main(&words, entropy::seed),
        Simulation::Road { words } => return road::main(&words),
        Simulation::PowerLoss { seed, seeds, from, commit } => (seed, seeds, from, commit),
    };
    let ran = match seed {
        Some(seed) => again(seed),
        None => many(from, seeds),
    };
    let mut out = std::io::stdout();
    let (text, code) = match ran {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(violation) => {
            let Violation { seed, round, what, story } = violation;
            let story = story.join("\n");
            (format!("{story}\nseed={seed} commit={commit} round={round}: {what}\n"), ExitCode::FAILURE)
        }
    };
    let _ = out.write_all(text.as_bytes());
    code
}

fn again(seed: u64) -> Result<String, Violation> {
    let first = power_loss(seed)?;
    let second = power_loss(seed)?;
    let same = if first == second { "the same twice" } else { "another the second time" };
    Ok(format!("{}trace {:016x}, {same}\n", first.counts, first.trace))
}

fn many(from: u64, seeds: u64) -> Result<String, Violation> {
    let mut counts = Counts::default();
    for seed in from..from + seeds {
        counts += power_loss(seed)?.counts;
    }
    Ok(format!("{counts}{seeds} seeds, 0 violations\n"))
}
