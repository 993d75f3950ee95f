//! `countersign-sim power-loss`: what is asked for, and what is printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::apart::{self, Played};
use crate::{Counts, Report, Violation, again, power_loss};

const KIND: &str = "power loss";

/// Says which seeds are run, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Run this seed alone, twice, and print its trace.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Run so many seeds, each in a process of its own.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Begin with this one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run so many processes at once instead of one for each of the machine's.
    #[arg(long)]
    threads: Option<usize>,
    /// Run the seeds FROM..TO in this process, and print a line of JSON for each.
    #[arg(long, hide = true)]
    one: Option<String>,
}

/// Runs what is asked for; returns what is printed, and whether something was wrong.
pub fn run(asked: &Arguments) -> (String, bool) {
    match (asked.seed, &asked.one) {
        (Some(seed), _) => twice(seed),
        (None, Some(range)) => here(range),
        (None, None) => many(asked),
    }
}

fn twice(seed: u64) -> (String, bool) {
    match power_loss(seed).and_then(|first| Ok((first, power_loss(seed)?))) {
        Ok((first, second)) => {
            let same = if first == second { "the same twice" } else { "another the second time" };
            (format!("{}trace {:016x}, {same}\n", first.counts, first.trace), first != second)
        }
        Err(violation) => (story(&violation), true),
    }
}

fn story(violation: &Violation) -> String {
    let Violation { seed, round, what, story } = violation;
    format!("{}\n{}: round {round}: {what}\n", story.join("\n"), again::line("power-loss", *seed, None))
}

fn told(seed: u64, ran: &Result<Report, Violation>) -> Played {
    let (wrong, digest, counts) = match ran {
        Ok(report) => (Vec::new(), format!("{:016x}", report.trace), report.counts),
        Err(violation) => {
            (vec![format!("round {}: {}", violation.round, violation.what)], String::new(), Counts::default())
        }
    };
    let counts = counts.named().into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    Played { seed, wrong, digest, counts: BTreeMap::from([(KIND.to_owned(), counts)]) }
}

fn here(range: &str) -> (String, bool) {
    let Some((from, to)) = crate::net::cli::range(range) else { return ("seeds are FROM..TO\n".to_owned(), true) };
    let (mut text, mut wrong) = (String::new(), false);
    for seed in from..to {
        let played = told(seed, &power_loss(seed));
        wrong |= !played.wrong.is_empty();
        let _ = writeln!(text, "{}", serde_json::to_string(&played).unwrap_or_default());
    }
    (text, wrong)
}

fn many(asked: &Arguments) -> (String, bool) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let Ok(program) = std::env::current_exe() else { return ("this program has no path\n".to_owned(), true) };
    let sum = apart::play_all(&apart::Asked {
        program,
        words: vec!["power-loss".to_owned()],
        from: asked.from,
        to: asked.from + asked.seeds,
        each: 1,
        threads: asked.threads.unwrap_or(threads),
        stop_early: false,
    });
    let mut text = String::new();
    for played in &sum.wrong {
        for what in &played.wrong {
            let _ = writeln!(text, "{}: {what}", again::line("power-loss", played.seed, None));
        }
    }
    for name in Counts::NAMES {
        let _ = writeln!(text, "{:>10}  {name}", sum.of(KIND, name));
    }
    let _ = writeln!(text, "{} seeds, {} violations", sum.seeds, sum.wrong.len());
    (text, !sum.wrong.is_empty())
}
