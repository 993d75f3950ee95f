//! Runs the simulations: a seed to look at, or many to count.

mod entropy;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_sim::{net, power_loss_cli, road};

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
    PowerLoss(power_loss_cli::Arguments),
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
    match Arguments::parse().simulation {
        Simulation::Net { words } => net::main(&words, entropy::seed),
        Simulation::Road { words } => road::main(&words),
        Simulation::PowerLoss(asked) => {
            let (text, wrong) = power_loss_cli::run(&asked);
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::from(u8::from(wrong))
        }
    }
}
