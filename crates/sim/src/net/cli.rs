//! `countersign-sim net`: what is asked for, and what is printed.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use super::driver::play;
use super::seeds::{Asked, play_all};
use super::template::Template;
use crate::again;
use crate::apart::{Counted, Played, Sum};

#[derive(Default)]
struct Words {
    seed: Option<u64>,
    seeds: Option<(u64, u64)>,
    one: Option<u64>,
    template: Option<PathBuf>,
    mutant: Option<u8>,
    threads: Option<usize>,
}

pub(crate) fn range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn read(words: &[String]) -> Option<Words> {
    let (mut asked, mut words) = (Words::default(), words.iter());
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--seed" => asked.seed = Some(value.parse().ok()?),
            "--seeds" => asked.seeds = Some(range(value)?),
            "--one" => asked.one = range(value).map(|(seed, _)| seed),
            "--template" => asked.template = Some(value.into()),
            "--mutant" => asked.mutant = Some(value.parse().ok()?),
            "--threads" => asked.threads = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(asked)
}

fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn tell(played: &Played, mutant: Option<u8>) {
    for wrong in &played.wrong {
        line(&format!("{}: {wrong}", again::line("net", played.seed, mutant)));
    }
}

/// Writes what was gone through, a line for each kind.
pub fn counted(counts: &Counted) -> String {
    let names = |names: &std::collections::BTreeMap<String, u64>| {
        names.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    counts.iter().map(|(kind, of)| format!("{kind}: {}\n", names(of))).collect()
}

/// Plays what is asked for, and prints it: 0 if nothing was wrong, 1 if something was, 2 if it was asked for wrongly.
///
/// - `entropy`: lets what libraries ask the system for come from a seed.
pub fn main(words: &[String], entropy: fn(u64)) -> ExitCode {
    let Some(asked) = read(words) else {
        line("usage: countersign-sim net [--seed N | --seeds A..B] [--threads N] [--mutant N]");
        return ExitCode::from(2);
    };
    if asked.mutant.is_some_and(|number| !crate::road::cli::plant(number)) {
        line("this build has no such planted bug");
        return ExitCode::from(2);
    }
    let template = || asked.template.as_deref().map_or_else(Template::make, Template::at);
    // A thread that begins after the seed is set has asked the system for nothing yet.
    let play = |seed| {
        entropy(seed);
        let playing = std::thread::scope(|scope| scope.spawn(|| play(seed, &template())).join());
        playing.unwrap_or_else(|_| std::process::exit(101))
    };
    if let Some(seed) = asked.one {
        let played = play(seed);
        line(&serde_json::to_string(&played).unwrap());
        return ExitCode::from(u8::from(!played.wrong.is_empty()));
    }
    if let Some(seed) = asked.seed {
        let played = play(seed);
        tell(&played, asked.mutant);
        line(&format!("{}seed {} digest {}", counted(&played.counts), played.seed, played.digest));
        return ExitCode::from(u8::from(!played.wrong.is_empty()));
    }
    many(&asked)
}

fn many(words: &Words) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "how long the seeds took is told to people; no run sees it")]
    let begun = Instant::now();
    let (from, to) = words.seeds.unwrap_or((1, 101));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let Ok(program) = std::env::current_exe() else { return ExitCode::from(2) };
    let threads = words.threads.unwrap_or(threads);
    let sum: Sum = play_all(&Asked { program, from, to, threads, mutant: words.mutant });
    sum.wrong.iter().for_each(|played| tell(played, words.mutant));
    let (crashes, faults) = (sum.all_of("gateway ends"), sum.all_of("faults"));
    line(&format!(
        "{}{} seeds, {} wrong, {crashes} crashes, {faults} faults, {} s",
        counted(&sum.counts),
        sum.seeds,
        sum.wrong.len(),
        begun.elapsed().as_secs()
    ));
    ExitCode::from(u8::from(!sum.wrong.is_empty()))
}
