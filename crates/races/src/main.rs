//! Runs races: one seed to look at, or many to count.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use countersign_races::again;
use countersign_races::scenes::{SCENES, Scene};
use countersign_races::schedules::{Wrong, run_all};

/// Runs what races in the application under a scheduler that decides every step.
#[derive(Parser)]
#[command(name = "countersign-races")]
struct Arguments {
    /// Run this race alone: timeout, kill, policy, votes, deputy or ballot.
    #[arg(value_parser = scene)]
    race: Option<Scene>,
    /// Run the schedule of this seed alone.
    #[arg(long, conflicts_with_all = ["schedules", "from"])]
    seed: Option<u64>,
    /// Run so many schedules of each race.
    #[arg(long, default_value_t = 1_000)]
    schedules: u64,
    /// Begin with this seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Run on so many threads of the machine instead of all.
    #[arg(long)]
    threads: Option<usize>,
    /// Switch a planted bug on, by its number.
    #[arg(long)]
    mutant: Option<u8>,
    /// The commit to name beside a seed that fails, if not the one that is checked out.
    #[arg(long)]
    commit: Option<String>,
}

fn scene(name: &str) -> Result<Scene, String> {
    SCENES.into_iter().find(|scene| scene.name() == name).ok_or_else(|| format!("there is no race `{name}`"))
}

#[cfg(feature = "mutants")]
fn plant(number: u8) -> bool {
    use types::mutant;
    let all = [mutant::ALL, mutant::RACES, mutant::STAND_INS].into_iter().flatten();
    let found = all.copied().find(|mutant| *mutant as u8 == number);
    mutant::plant(found);
    found.is_some()
}

#[cfg(not(feature = "mutants"))]
fn plant(_: u8) -> bool {
    false
}

fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Runs one race and tells what came of it; says whether nothing was wrong.
fn run(arguments: &Arguments, scene: Scene) -> bool {
    let (from, count) = arguments.seed.map_or((arguments.from, arguments.schedules), |seed| (seed, 1));
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    #[expect(clippy::disallowed_methods, reason = "how long the schedules took is told to people; no run sees it")]
    let begun = Instant::now();
    let ran = run_all(scene, from, from + count, threads.unwrap_or(1));
    match ran {
        Ok(counts) => {
            let told: Vec<String> = counts.iter().map(|(told, count)| format!("{told} {count}")).collect();
            line(&format!("{}: {}", scene.name(), told.join(", ")));
            line(&format!("{}: {count} schedules, 0 wrong, {} s", scene.name(), begun.elapsed().as_secs()));
            true
        }
        Err(Wrong { seed, what }) => {
            line(&format!("{what}\n{}", again::line(scene, seed, arguments.commit.as_deref(), arguments.mutant)));
            false
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.mutant.is_some_and(|number| !plant(number)) {
        line("this build has no such planted bug");
        return ExitCode::from(2);
    }
    let asked = SCENES.into_iter().filter(|scene| arguments.race.is_none_or(|race| race == *scene));
    let wrong = asked.filter(|scene| !run(&arguments, *scene)).count();
    ExitCode::from(u8::from(wrong > 0))
}
