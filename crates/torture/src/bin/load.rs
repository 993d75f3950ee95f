//! `countersign-load`: puts the real server under load, and says whether what it promises holds there.
//!
//! Exit codes: 0 it holds, 1 it does not, or the run could not be made, 2 the command line is wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use countersign_torture::program::Programs;
use countersign_torture::{drill, flood};

/// Puts the server under load.
#[derive(Debug, Parser)]
#[command(name = "countersign-load", version, max_term_width = 100)]
struct Cli {
    /// The server's program.
    #[arg(long)]
    countersign: PathBuf,
    /// The verifier's program.
    #[arg(long)]
    verify: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Kills under load: how soon nothing new leaves, and that nothing does.
    Drill(Drill),
    /// A flood of escalations beside legitimate agents: how long those wait, and what it leaves behind.
    Flood(Flood),
}

#[derive(Debug, Args)]
struct Flood {
    /// How many escalations are offered a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// How long nobody floods, in seconds.
    #[arg(long, default_value_t = 20)]
    quiet: u64,
    /// How long the flood lasts, in seconds.
    #[arg(long, default_value_t = 60)]
    flood: u64,
    /// How many connections carry the flood.
    #[arg(long, default_value_t = 32)]
    callers: usize,
}

#[derive(Debug, Args)]
struct Drill {
    /// How many actions are offered a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// How many kills there are.
    #[arg(long, default_value_t = 60)]
    kills: u64,
    /// How long each stays, in milliseconds.
    #[arg(long, default_value_t = 100)]
    hold: u64,
    /// How long the load runs between two, in milliseconds.
    #[arg(long, default_value_t = 400)]
    gap: u64,
    /// How many connections carry the load.
    #[arg(long, default_value_t = 200)]
    callers: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let programs = Programs { countersign: cli.countersign, verify: cli.verify };
    let ran = match &cli.what {
        What::Drill(args) => drill_all(&programs, args).await,
        What::Flood(args) => flood_all(&programs, args).await,
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn drill_all(programs: &Programs, args: &Drill) -> Result<bool, String> {
    let below = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (sink, keys) = drill::set_up(programs, below.path()).await?;
    let plan =
        drill::Plan { rate: args.rate, kills: args.kills, hold_ms: args.hold, gap_ms: args.gap, callers: args.callers };
    let told = drill::play(programs, &below.path().join("drill"), &keys, &sink, plan).await?;
    let answered = told.done + told.killed + told.other.values().sum::<u64>();
    let per_second = |count: u64| count.saturating_mul(1_000_000) / told.offered.us.max(1);
    println!(
        "offered {} a second, answered {}; {} done, {} killed, other: {:?}; {} waited at most",
        per_second(told.offered.pieces),
        per_second(answered),
        told.done,
        told.killed,
        told.other,
        told.offered.waiting_max
    );
    println!("{} were named as in flight, {} of them arrived after `armed`", told.named, told.on_their_way);
    println!("{} kills were answered with the number of their record", told.receipts);
    for call in &told.left {
        println!("LEFT after `armed`: {call}");
    }
    let (kills, syncs) = (told.armed.first_and_last_quarter(), told.syncs.first_and_last_quarter());
    for (which, (kills, syncs)) in ["first", "last"].iter().zip(kills.iter().zip(&syncs)) {
        println!("the {which} quarter: request to `armed` {}; the disk's own sync {}", kills.told(), syncs.told());
    }
    println!(
        "{} kills and {} drills under {} actions a second: {} dispatches after `armed`; request to `armed` {}; the disk's own sync {}; the goal of twice its p99 is {}",
        told.armed.count(),
        told.drills,
        per_second(answered),
        told.left.len(),
        told.armed.told(),
        told.syncs.told(),
        if told.is_soon() { "met" } else { "missed" }
    );
    Ok(told.holds())
}

async fn flood_all(programs: &Programs, args: &Flood) -> Result<bool, String> {
    let below = tempfile::tempdir().map_err(|error| error.to_string())?;
    let keys = flood::set_up(programs, below.path()).await?;
    let plan = flood::Plan { rate: args.rate, quiet_s: args.quiet, flood_s: args.flood, callers: args.callers };
    let told = flood::play(programs, &below.path().join("flood"), &keys, plan).await?;
    let answered = told.answers.values().sum::<u64>().saturating_mul(1_000_000) / told.offered.us.max(1);
    println!("the flood was answered {:?}; {} waited at most", told.answers, told.offered.waiting_max);
    println!("without it: {} waits, {}", told.quiet.count(), told.quiet.told());
    println!("beside it: {} waits, {}", told.beside.count(), told.beside.told());
    println!("the inbox: {} pages, {}; {} cases open at most", told.inbox.count(), told.inbox.told(), told.open_max);
    for permit in &told.by_accident {
        println!("BY ACCIDENT: {permit}");
    }
    let (before, after) = told.sizes;
    println!(
        "{answered} escalations a second for {} s: {} decided by accident of {} permits; legitimate waits beside it {}, without it {} (the goal of less than twice the p99 is {}); {} records of the flood, {} at most; the folder grew by {} records and {} bytes; at most {} open cases, the inbox p99 {} ms",
        args.flood,
        told.by_accident.len(),
        told.permits,
        told.beside.told(),
        told.quiet.told(),
        if told.is_fair() { "met" } else { "missed" },
        told.of_the_flood,
        flood::Told::records_max(plan),
        after.records.saturating_sub(before.records),
        after.bytes.saturating_sub(before.bytes),
        told.open_max,
        told.inbox.percentile(99) / 1_000
    );
    Ok(told.holds(plan))
}
