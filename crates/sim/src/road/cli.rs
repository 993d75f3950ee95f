//! `countersign-sim road`: what is asked for, and what is printed.

use std::process::ExitCode;
use std::time::Instant;

use super::seeds::play_or_tell;
use crate::again;
use crate::apart::{self, Played, Sum};
use crate::net::cli::{counted, range};

/// Is how many seeds a process plays. What each begins with, the bundles and the disk, takes as long to make as several seeds.
const EACH: u64 = 100;

struct Asked {
    from: u64,
    seeds: u64,
    seed: Option<u64>,
    one: Option<(u64, u64)>,
    mutant: Option<u8>,
    threads: usize,
}

fn asked(words: &[String]) -> Option<Asked> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut asked = Asked { from: 1, seeds: 100, seed: None, one: None, mutant: None, threads };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--seed" => asked.seed = Some(value.parse().ok()?),
            "--seeds" => asked.seeds = value.parse().ok()?,
            "--from" => asked.from = value.parse().ok()?,
            "--one" => asked.one = Some(range(value)?),
            "--threads" => asked.threads = value.parse().ok()?,
            "--mutant" => asked.mutant = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(asked)
}

#[cfg(feature = "mutants")]
pub(crate) fn plant(number: u8) -> bool {
    use types::mutant::{ALL, NETWORK};
    let found = ALL.iter().chain(NETWORK).find(|mutant| **mutant as u8 == number);
    types::mutant::plant(found.copied());
    found.is_some()
}

#[cfg(not(feature = "mutants"))]
pub(crate) fn plant(_: u8) -> bool {
    false
}

fn tell(played: &Played, mutant: Option<u8>) {
    for wrong in &played.wrong {
        line(&format!("{}: {wrong}", again::line("road", played.seed, mutant)));
    }
}

fn line(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Plays what is asked for, and prints it: 0 if nothing was wrong, 1 if something was, 2 if it was asked for wrongly.
pub fn main(words: &[String]) -> ExitCode {
    let Some(asked) = asked(words) else {
        line("usage: countersign-sim road [--seed N | --seeds N [--from N]] [--threads N] [--mutant N]");
        return ExitCode::from(2);
    };
    if asked.mutant.is_some_and(|number| !plant(number)) {
        line("this build has no such planted bug");
        return ExitCode::from(2);
    }
    if let Some((from, to)) = asked.one {
        let mut wrong = false;
        for seed in from..to {
            let played = play_or_tell(seed).told();
            wrong |= !played.wrong.is_empty();
            line(&serde_json::to_string(&played).unwrap());
        }
        return ExitCode::from(u8::from(wrong));
    }
    if let Some(seed) = asked.seed {
        let played = play_or_tell(seed).told();
        tell(&played, asked.mutant);
        line(&format!("{}seed {seed} journal {}", counted(&played.counts), played.digest));
        return ExitCode::from(u8::from(!played.wrong.is_empty()));
    }
    many(&asked)
}

fn many(asked: &Asked) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "how long the seeds took is told to people; no run sees it")]
    let begun = Instant::now();
    let Ok(program) = std::env::current_exe() else { return ExitCode::from(2) };
    let mut words = vec!["road".to_owned()];
    words.extend(asked.mutant.into_iter().flat_map(|mutant| ["--mutant".to_owned(), mutant.to_string()]));
    let sum: Sum = apart::play_all(&apart::Asked {
        program,
        words,
        from: asked.from,
        to: asked.from + asked.seeds,
        each: EACH,
        threads: asked.threads,
        stop_early: asked.mutant.is_some(),
    });
    sum.wrong.iter().for_each(|played| tell(played, asked.mutant));
    let (crashes, losses) = (sum.of("operations", "crash"), sum.of("disk", "losses of power"));
    let failed = ["reads failed", "writes failed", "syncs failed", "no room"];
    let faults: u64 = failed.iter().map(|name| sum.of("disk", name)).sum();
    line(&format!(
        "{}{} seeds, {} wrong, {crashes} crashes, {losses} losses of power, {faults} disk faults, {} s",
        counted(&sum.counts),
        sum.seeds,
        sum.wrong.len(),
        begun.elapsed().as_secs()
    ));
    ExitCode::from(u8::from(!sum.wrong.is_empty()))
}
