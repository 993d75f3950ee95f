//! `countersign-torture`: kills `countersign up` under load, round after round, and says what was lost.
//!
//! Exit codes: 0 nothing was lost, 1 something was, or the run could not be made, 2 the command line is wrong.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use countersign_torture::checker::Violation;
use countersign_torture::plants;
use countersign_torture::program::{Programs, copy};
use countersign_torture::report::Report;
use countersign_torture::round::{IN_FLIGHT_MIN, Left, Stage, judge, play};
use countersign_torture::sink::Sink;
use countersign_torture::{bundle, clock};
use tokio::task::JoinHandle;

/// Kills the server under load and checks what is left.
#[derive(Debug, Parser)]
#[command(name = "countersign-torture", version, max_term_width = 100)]
struct Args {
    /// The server's program.
    #[arg(long)]
    countersign: PathBuf,
    /// The verifier's program.
    #[arg(long)]
    verify: PathBuf,
    /// How many times it is killed under load; starts are killed besides.
    #[arg(long, default_value_t = 2_000)]
    kills: u64,
    /// How many of them come in one round, on one journal.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    round: u64,
    /// How many callers there are, each with one call in flight.
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u64).range(IN_FLIGHT_MIN..))]
    callers: u64,
    /// The seed of everything that is drawn.
    #[arg(long)]
    seed: u64,
    /// Where the folder of a round is left in which something was found.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("seed {}: {why}", args.seed);
            ExitCode::FAILURE
        }
    }
}

/// Makes the folder that every round begins with.
async fn stage(args: &Args, below: &Path) -> Result<Stage, String> {
    let programs = Programs { countersign: args.countersign.clone(), verify: args.verify.clone() };
    let (sink, target) = Sink::start(&below.join("effects")).await?;
    let template = below.join("template");
    bundle::write(&template.join("bundle"), target, bundle::AGENTS)?;
    let keys = programs.set_up(&template, bundle::AGENTS).await?;
    let begun = clock::now();
    let mut server = programs.up(&template)?;
    server.ready().await?;
    let start_ms = clock::us_since(begun) / 1_000;
    server.stop().await?;
    Ok(Stage { programs, sink, template, keys, start_ms, callers: args.callers, seed: args.seed })
}

async fn run(args: &Args) -> Result<bool, String> {
    let below = tempfile::tempdir().map_err(|error| error.to_string())?;
    let stage = stage(args, below.path()).await?;
    println!("seed {}, {} callers, a start takes {} ms", args.seed, args.callers, stage.start_ms);
    plants::all_are_seen(&stage, below.path()).await?;
    println!("{} of {} planted faults were seen", plants::Plant::ALL.len(), plants::Plant::ALL.len());
    let report = rounds(args, &stage, below.path()).await?;
    println!("{}{}", report.histogram(), report.summary());
    Ok(report.is_clean())
}

/// Is a round that has ended, while it is judged beside the next.
struct Ended {
    round: u64,
    folder: PathBuf,
    judging: JoinHandle<Result<(Left, Vec<Violation>), String>>,
}

/// Plays rounds until there were so many kills, or something was found.
async fn rounds(args: &Args, stage: &Stage, below: &Path) -> Result<Report, String> {
    let mut report = Report::default();
    let mut last: Option<Ended> = None;
    let (mut kills, mut round) = (0, 0);
    while kills < args.kills && report.is_clean() {
        let next = args.round.min(args.kills - kills);
        let folder = below.join(format!("round-{round}"));
        let played = play(stage, &folder, &format!("r{round}"), next, None).await;
        if let Some(last) = last.take() {
            end(args, &mut report, last).await?;
        }
        let judged = played.map(|left| judge(stage.programs.clone(), folder.clone(), left));
        let judging = tokio::spawn(judged.map_err(|why| kept(args, round, &folder, &why))?);
        last = Some(Ended { round, folder, judging });
        kills += next;
        round += 1;
    }
    if let Some(last) = last {
        end(args, &mut report, last).await?;
    }
    Ok(report)
}

/// Waits for the judgement of a round and adds it to the report.
async fn end(args: &Args, report: &mut Report, ended: Ended) -> Result<(), String> {
    let Ended { round, folder, judging } = ended;
    let judged = judging.await.map_err(|error| error.to_string())?;
    let (left, violations) = judged.map_err(|why| kept(args, round, &folder, &why))?;
    for violation in &violations {
        println!("seed {}, round {round}: {:?}: {}", args.seed, violation.rule, violation.detail);
    }
    if !violations.is_empty() {
        println!("{}", kept(args, round, &folder, "something was found"));
    }
    report.add(&left, &violations);
    println!(
        "round {round}: {} kills in {} ms, {} calls, {} violations",
        left.kills.len(),
        left.kills_ms,
        left.evidence.calls.len(),
        violations.len()
    );
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// Keeps the folder of a round, where that is asked for, and says so beside what went wrong.
fn kept(args: &Args, round: u64, folder: &Path, why: &str) -> String {
    let where_to = match &args.keep {
        Some(keep) => match copy(folder, keep) {
            Ok(()) => format!("; its folder is left in {}", keep.display()),
            Err(error) => format!("; its folder could not be kept: {error}"),
        },
        None => String::new(),
    };
    format!("round {round}: {why}{where_to}")
}
