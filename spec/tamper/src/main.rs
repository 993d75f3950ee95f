//! `countersign-tamper`: makes the corpus, holds the verifier against it, and prints what came of it.
//!
//! Exit codes: 0 everything was refused for the right reason and everything honest accepted, 1 something was not, 2 the
//! arguments cannot be used.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a corpus that cannot be made fails its run"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use countersign_tamper::case::Case;
use countersign_tamper::class::{CLASSES, Class};
use countersign_tamper::flaw::{FLAWS, Flaw};
use countersign_tamper::material::{KINDS, Logs};
use countersign_tamper::reader::Asking;
use countersign_tamper::{attack, benign, making, program, run, written};

/// Attacks a real log in every known way and says whether the verifier notices, and why.
#[derive(Debug, Parser)]
#[command(name = "countersign-tamper", version, max_term_width = 100)]
struct Args {
    /// How many cases of each class and kind of record.
    #[arg(long, default_value_t = 200)]
    cases: usize,
    /// How many honest variants.
    #[arg(long, default_value_t = 1_200)]
    benign: usize,
    /// The verifier's program; it is run on one case of each class and kind.
    #[arg(long, value_name = "PROGRAM")]
    verifier: Option<PathBuf>,
    /// Write every case as files below this folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Make this one case only, `CLASS/KIND/NUMBER`, and say what comes of it.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Plant a bug into the verifier, such as `skips-quorum` or `ignores-earlier`, to see what it would let through.
    #[arg(long, value_name = "NAME", value_parser = flaw)]
    flaw: Option<Flaw>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn flaw(name: &str) -> Result<Flaw, String> {
    let all = FLAWS.map(Flaw::as_str).join(", ");
    Flaw::named(name).ok_or_else(|| format!("it is one of {all}"))
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let logs = making::material().await;
    let write = |case: &Case| {
        if let Some(folder) = &args.write {
            written::case(case, folder).unwrap();
        }
    };
    if let Some(folder) = &args.write {
        written::both(&logs, folder).unwrap();
    }
    match &args.case {
        Some(name) => one(&logs, name, &write),
        None => whole(&logs, &args, &write),
    }
}

/// Finds a case by its name.
fn named(logs: &Logs, name: &str) -> Option<Case> {
    let mut parts = name.split('/');
    let class = Class::named(parts.next()?)?;
    let kind = parts.next()?;
    let kind = KINDS.into_iter().find(|known| known.as_str() == kind)?;
    attack::case(logs.of(kind), class, kind, parts.next()?.parse().ok()?)
}

fn one(logs: &Logs, name: &str, write: &dyn Fn(&Case)) -> ExitCode {
    let Some(case) = named(logs, name) else {
        eprintln!("error: there is no case `{name}`");
        return ExitCode::from(2);
    };
    write(&case);
    println!("{name}: {}\nmust be {:?}, and also {:?}", case.draft.how, case.draft.first, case.draft.also);
    println!("{:?}", Asking::new(logs.of(case.kind), None).see(&case.draft));
    ExitCode::SUCCESS
}

fn whole(logs: &Logs, args: &Args, write: &(dyn Fn(&Case) + Sync)) -> ExitCode {
    let rows = run::corpus(logs, args.cases, args.flaw, write);
    let (honest, refused) = benign::run(logs, args.benign);
    let (tried, disagreements) = args.verifier.as_ref().map_or_else(Default::default, |path| by_program(logs, path));
    let cases: usize = rows.iter().map(|row| row.cases).sum();
    let detected: usize = rows.iter().map(|row| row.detected).sum();
    let full = rows.iter().all(|row| row.cases == args.cases) && honest == args.benign;
    let accepted = honest - refused.len();
    if args.json {
        println!(
            "{}",
            serde_json::json!({
                "records": logs.live.size(), "rows": rows, "cases": cases, "detected": detected, "benign": honest,
                "accepted": accepted, "refused": refused, "program": { "cases": tried, "disagreements": disagreements },
            })
        );
    } else {
        let per_kind = KINDS.map(|kind| format!("{} {}", kind.as_str(), logs.of(kind).of_kind(kind).len()));
        let (first, live) = (logs.first.size(), logs.live.size());
        println!("a log of {first} records and one behind it of {live}: {}\n", per_kind.join(", "));
        print!("{}", run::table(&rows));
        refused.iter().chain(&disagreements).for_each(|line| println!("{line}"));
        println!(
            "\n{detected} of {cases} detected for the right reason, {accepted} of {honest} honest variants accepted"
        );
        println!("{} of {tried} judged the same by the program", tried - disagreements.len());
    }
    let good = full && detected == cases && refused.is_empty() && disagreements.is_empty();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the verifier's program on the first case of each class and kind.
fn by_program(logs: &Logs, path: &std::path::Path) -> (usize, Vec<String>) {
    let firsts =
        CLASSES.into_iter().flat_map(|class| KINDS.map(|kind| attack::cases(logs.of(kind), class, kind, 1).next()));
    let firsts: Vec<Case> = firsts.flatten().collect();
    (firsts.len(), firsts.iter().filter_map(|case| program::disagreement(path, logs.of(case.kind), case)).collect())
}
