//! `countersign-sim road`: what is asked for, and what is printed.

use std::process::ExitCode;
use std::time::Instant;

use super::seeds::{Played, play, play_all};

struct Asked {
    from: u64,
    seeds: u64,
    one: bool,
    mutant: Option<u8>,
    threads: usize,
}

fn asked(words: &[String]) -> Option<Asked> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut asked = Asked { from: 1, seeds: 100, one: false, mutant: None, threads };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let number: u64 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--seed" => (asked.from, asked.seeds, asked.one) = (number, 1, true),
            "--seeds" => asked.seeds = number,
            "--from" => asked.from = number,
            "--threads" => asked.threads = usize::try_from(number).ok()?,
            "--mutant" => asked.mutant = Some(u8::try_from(number).ok()?),
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

pub(crate) fn commit() -> String {
    let head = std::process::Command::new("git").args(["rev-parse", "--short=10", "HEAD"]).output();
    let head = head.ok().filter(|output| output.status.success());
    head.map_or_else(|| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn tell(played: &Played) {
    for wrong in &played.wrong {
        line(&format!("seed={} commit={} {wrong}", played.seed, commit()));
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
    #[expect(clippy::disallowed_methods, reason = "how long the seeds took is told to people; no run sees it")]
    let begun = Instant::now();
    if asked.one {
        let played = play(asked.from);
        tell(&played);
        line(&format!("seed {} journal {}\n{}", played.seed, played.journal, played.coverage));
        return ExitCode::from(u8::from(!played.wrong.is_empty()));
    }
    let stop_early = asked.mutant.is_some();
    let (wrong, coverage, count) = play_all(asked.from, asked.from + asked.seeds, asked.threads, stop_early);
    wrong.iter().for_each(tell);
    let crashes = coverage.of("operations", "crash");
    line(&format!(
        "{coverage}{count} seeds, {} wrong, {crashes} crashes, {} s",
        wrong.len(),
        begun.elapsed().as_secs()
    ));
    ExitCode::from(u8::from(!wrong.is_empty()))
}
