//! A round: a fresh copy of the journal, kills under load, and then the books.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::aim::{Aim, StartAim};
use crate::books::Books;
use crate::bundle::agent;
use crate::callers::Caller;
use crate::checker::{Evidence, Violation, check};
use crate::clock;
use crate::door::{Door, Place};
use crate::journal;
use crate::plants::Plant;
use crate::program::{Programs, Server, copy};
use crate::random::Random;
use crate::sink::{self, Sink};
use crate::watcher::Watcher;

/// Is the fewest calls that must be in flight at every kill.
pub const IN_FLIGHT_MIN: u64 = 64;

/// Is how long anything may take that must happen, in seconds.
const PATIENCE_S: u64 = 30;

/// Is one kill in this many starts, beside those under load.
const START_KILL_EVERY: u64 = 5;

/// Is what all rounds share.
pub struct Stage {
    /// The programs.
    pub programs: Programs,
    /// The target.
    pub sink: Arc<Sink>,
    /// The folder that every round begins with.
    pub template: PathBuf,
    /// The keys of the agents.
    pub keys: Vec<String>,
    /// How long a start takes, in milliseconds.
    pub start_ms: u64,
    /// How many callers there are.
    pub callers: u64,
    /// The seed of the whole run.
    pub seed: u64,
}

/// Is one kill, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// What it was aimed at.
    pub aim: &'static str,
    /// The moment came; otherwise the kill came without it.
    pub hit: bool,
    /// The fewest calls in flight from when the load was reached until the kill; none where a start was killed.
    pub least: Option<u64>,
}

/// Is what a round leaves.
#[derive(Debug, Default)]
pub struct Left {
    /// The kills, in order.
    pub kills: Vec<Kill>,
    /// When each run was killed under load, by the target's clock, in microseconds.
    pub killed: BTreeMap<u64, u64>,
    /// What is known in the end.
    pub evidence: Evidence,
    /// How long the kills took, in milliseconds.
    pub kills_ms: u64,
}

/// Is a round while it runs.
pub(crate) struct Round<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) folder: PathBuf,
    books: Arc<Books>,
    door: Arc<Door>,
    random: Random,
    run: u64,
    left: Left,
}

/// Plays a round of so many kills under load in a folder of its own.
///
/// # Errors
///
/// What stops the round itself: a server that ends by itself, or fewer calls in flight than there must be.
pub async fn play(stage: &Stage, folder: &Path, name: &str, kills: u64, plant: Option<Plant>) -> Result<Left, String> {
    copy(&stage.template, folder)?;
    let effects = folder.join("effects");
    stage.sink.turn_page(&effects)?;
    let mut round = Round {
        stage,
        folder: folder.to_owned(),
        books: Arc::default(),
        door: Arc::default(),
        random: Random::of(stage.seed, name),
        run: 0,
        // The folder that was copied had one more start after its first, to see how long that takes.
        left: Left { evidence: Evidence { ready: 1, started: 1, ..Evidence::default() }, ..Left::default() },
    };
    let callers = round.let_callers_in(name);
    let begun = clock::now();
    for n in 0..kills {
        if round.random.below(START_KILL_EVERY) == 0 {
            round.kill_a_start().await?;
        }
        let aim = plant.and_then(|plant| plant.aim(n, kills)).unwrap_or_else(|| Aim::draw(&mut round.random));
        round.kill_under_load(aim).await?;
        if let Some(plant) = plant {
            plant.after_kill(&round, n, kills)?;
        }
    }
    round.end(callers).await?;
    round.left.kills_ms = clock::us_since(begun) / 1_000;
    let Round { books, mut left, .. } = round;
    left.evidence.calls = books.calls();
    left.evidence.effects = sink::effects(&effects)?;
    left.evidence.seen = stage.sink.seen();
    Ok(left)
}

/// Has the programs check the folder of a round that has ended, reads its journal, and says everything that must not be.
///
/// # Errors
///
/// Evidence that `countersign log check` or `countersign-verify` refuses, or a journal that cannot be read.
pub async fn judge(programs: Programs, folder: PathBuf, mut left: Left) -> Result<(Left, Vec<Violation>), String> {
    programs.check(&folder).await?;
    let read = tokio::task::spawn_blocking(move || journal::read(&folder)).await;
    left.evidence.journal = read.map_err(|error| error.to_string())??;
    let violations = check(&left.evidence);
    Ok((left, violations))
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> Result<T, String> {
    let ended = tokio::time::timeout(Duration::from_secs(PATIENCE_S), future).await;
    ended.map_err(|_| format!("{what} did not come within {PATIENCE_S} s"))
}

impl Round<'_> {
    fn let_callers_in(&self, name: &str) -> JoinSet<()> {
        let mut callers = JoinSet::new();
        for (n, key) in (0..self.stage.callers).zip(self.stage.keys.iter().cycle()) {
            let of = u32::try_from(n % self.stage.keys.len() as u64).unwrap_or(0);
            let caller = Caller {
                books: self.books.clone(),
                door: self.door.clone(),
                agent: agent(of),
                key: key.clone(),
                name: format!("{name}-{n}"),
                seed: self.stage.seed,
            };
            callers.spawn(caller.call_tools());
        }
        callers
    }

    /// Starts the server, and lets the callers in until each has a call in flight.
    async fn start_under_load(&mut self) -> Result<Server, String> {
        let mut server = self.up()?;
        let address = in_time("the ready line", server.ready()).await??;
        self.left.evidence.ready += 1;
        self.run += 1;
        self.door.open(Place { run: self.run, address });
        let load = async {
            while self.books.in_flight() < self.stage.callers {
                tokio::task::yield_now().await;
                clock::sleep(1).await;
            }
        };
        let reached = in_time("the load", load).await;
        reached.map_err(|why| format!("{why}: {} calls are in flight", self.books.in_flight()))?;
        Ok(server)
    }

    fn up(&mut self) -> Result<Server, String> {
        self.left.evidence.started += 1;
        self.stage.programs.up(&self.folder)
    }

    async fn kill_under_load(&mut self, aim: Aim) -> Result<(), String> {
        let server = self.start_under_load().await?;
        self.books.watch();
        let hit = aim.wait(&self.folder, &self.books, &self.stage.sink, &mut self.random).await?;
        let least = self.books.least();
        self.door.doom(self.run);
        let at = self.stage.sink.now();
        server.kill().await?;
        self.left.killed.insert(self.run, at);
        self.left.kills.push(Kill { aim: aim.name(), hit, least: Some(least) });
        if least < IN_FLIGHT_MIN {
            return Err(format!("only {least} calls were in flight before the kill of run {}", self.run));
        }
        let cut = async {
            while self.books.in_flight() > 0 {
                clock::sleep(1).await;
            }
        };
        in_time("the end of the calls that were cut off", cut).await
    }

    async fn kill_a_start(&mut self) -> Result<(), String> {
        let aim = StartAim::draw(&mut self.random, self.stage.start_ms);
        let change = if let StartAim::File(change) = aim { Some(change) } else { None };
        let mut watcher = change.map(|change| Watcher::new(&self.folder, change)).transpose()?;
        let mut server = self.up()?;
        let moment = async {
            match (&mut watcher, aim) {
                (Some(watcher), _) => watcher.wait(1).await,
                (None, StartAim::Instant(ms)) => {
                    clock::sleep(ms).await;
                    Ok(())
                }
                (None, _) => std::future::pending().await,
            }
        };
        let ready = tokio::select! {
            biased;
            came = moment => came.map(|()| false),
            ready = in_time("the ready line", server.ready()) => ready.flatten().map(|_| true),
        }?;
        server.kill().await?;
        self.left.evidence.ready += u64::from(ready);
        let hit = ready == (aim == StartAim::Ready);
        self.left.kills.push(Kill { aim: aim.name(), hit, least: None });
        Ok(())
    }

    /// Starts the server once more, lets the callers end what they are doing, and stops it.
    async fn end(&mut self, mut callers: JoinSet<()>) -> Result<(), String> {
        let server = self.start_under_load().await?;
        self.door.close();
        let all = async {
            while let Some(ended) = callers.join_next().await {
                ended.map_err(|error| format!("a caller broke: {error}"))?;
            }
            Ok::<(), String>(())
        };
        in_time("the end of the callers", all).await??;
        in_time("the target's rest", self.stage.sink.rest()).await?;
        server.stop().await
    }
}
