//! One run: what a seed does to a journal, and what is checked after each start.

mod mark;
mod rot;

use ledger::LedgerError;
use types::Code;

use crate::counts::Counts;
use crate::disk::{Fails, Fault};
use crate::machine::Ask;
use crate::oracle::{Command, Oracle};
use crate::process::{Answer, Process, World};
use crate::rng::Rng;
use crate::vfs;

/// Is what a run without a violation has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// What happened, counted.
    pub counts: Counts,
    /// A number that depends on every operation of the disk and on their order.
    pub trace: u64,
}

/// Is a promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed={seed} round={round}: {what}")]
pub struct Violation {
    /// The seed that shows it again.
    pub seed: u64,
    /// The life of the process in which it was seen, from 0.
    pub round: u32,
    /// What is wrong.
    pub what: String,
    /// What the run did until then, a line each.
    pub story: Vec<String>,
}

/// Runs one seed: several lives of one journal, most of which end by a loss of power.
///
/// # Errors
///
/// [`Violation`] with the first promise that was not kept.
pub fn power_loss(seed: u64) -> Result<Report, Violation> {
    let _turn = vfs::take_turn(seed);
    let failed = |what, round, story| Violation { seed, round, what, story };
    let mut run = Run::new(seed).map_err(|what| failed(what, 0, Vec::new()))?;
    match run.all() {
        Ok(()) => Ok(run.report()),
        Err(what) => Err(failed(what, run.round, run.story)),
    }
}

/// Is whether a process may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Goes,
    Ends,
}

struct Run {
    rng: Rng,
    world: World,
    oracle: Oracle,
    counts: Counts,
    commands: u64,
    round: u32,
    story: Vec<String>,
}

impl Run {
    fn new(seed: u64) -> Result<Self, String> {
        let mut rng = Rng::new(seed);
        let world = World::new(&mut rng)?;
        let (oracle, counts) = (Oracle::default(), Counts::default());
        Ok(Self { rng, world, oracle, counts, commands: 0, round: 0, story: Vec::new() })
    }

    fn all(&mut self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
        for _ in 0..4 + self.rng.below(5) {
            runtime.block_on(self.live())?;
            self.round += 1;
        }
        runtime.block_on(self.last_life())
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(format!("{}: {}", self.round, what.into()));
    }

    fn report(&self) -> Report {
        let mut counts = self.counts;
        counts += self.oracle.counts;
        counts += self.world.disk.counts();
        Report { counts, trace: self.world.disk.trace() }
    }

    fn losses(&self) -> u64 {
        self.world.disk.counts().losses
    }

    fn faults(&self) -> u64 {
        let counts = self.world.disk.counts();
        counts.faults_read + counts.faults_write + counts.faults_sync + counts.faults_full
    }

    /// Lives one life: starts, works, and ends in one of the ways a process ends.
    async fn live(&mut self) -> Result<(), String> {
        let mut process = self.start()?;
        for _ in 0..=self.rng.below(8) {
            if self.rng.once_in(4) {
                self.world.disk.lose_after(self.rng.below(24));
            }
            if self.rng.once_in(10) {
                self.plan_fault();
            }
            let then = self.step(&mut process).await?;
            self.world.disk.plan(None);
            if then == Then::Ends || !self.world.disk.is_on() {
                break;
            }
        }
        self.end(process);
        Ok(())
    }

    fn plan_fault(&mut self) {
        let fails = match self.rng.below(8) {
            0 => Fails::Read,
            1 | 2 => Fails::Write,
            3 | 4 => Fails::Full,
            _ => Fails::Sync,
        };
        let (after, times, kills) = (self.rng.below(6), 1 + self.rng.below(3), self.rng.once_in(3));
        let fault = Fault { fails, after, times, kills };
        self.tell(format!("plans {fault:?}"));
        self.world.disk.plan(Some(fault));
    }

    fn end(&mut self, process: Process) {
        let disk = &self.world.disk;
        let end = match self.rng.below(10) {
            0 | 1 => {
                disk.kill();
                "is killed"
            }
            2 => {
                // A clean stop writes too, and the power may go in the middle.
                if self.rng.once_in(2) {
                    disk.lose_after(self.rng.below(12));
                }
                self.counts.stops += u64::from(disk.is_on());
                "stops"
            }
            _ => {
                disk.lose();
                "loses the power"
            }
        };
        process.end();
        // What a process has left in memory may go later, before the next one starts.
        let losses = self.losses();
        if self.rng.once_in(2) {
            self.world.disk.lose();
        }
        let later = if self.losses() > losses { ", and the power goes" } else { "" };
        self.tell(format!("{end}{later}"));
        self.world.disk.power_on();
    }

    /// Starts until a start succeeds: the power may go, or a fault may strike, while it recovers.
    fn start(&mut self) -> Result<Process, String> {
        if self.rng.once_in(4) {
            self.world.disk.lose_after(self.rng.below(30));
        }
        if self.rng.once_in(8) {
            self.plan_fault();
        }
        loop {
            let (losses, faults) = (self.losses(), self.faults());
            let started = Process::start(&self.world);
            self.world.disk.plan(None);
            let disturbed = self.losses() > losses || self.faults() > faults;
            self.counts.losses_recovering += self.losses() - losses;
            let how = started.as_ref().map_or_else(ToString::to_string, |_| "well".to_owned());
            self.tell(format!("starts: {how}"));
            match started {
                Ok(process) if self.world.disk.is_on() => {
                    self.check(&process)?;
                    return Ok(process);
                }
                Ok(process) => process.end(),
                Err(error) if disturbed => self.counts.denied += u64::from(has_code(error.code())?),
                Err(error) => return Err(format!("a start was refused: {error}")),
            }
            if self.rng.once_in(2) {
                self.world.disk.kill();
            }
            self.world.disk.power_on();
        }
    }

    fn check(&mut self, process: &Process) -> Result<(), String> {
        self.oracle.check(&process.reader, &process.open.history)?;
        self.oracle.check_files(self.world.mount().as_ref(), &self.world.place)
    }

    async fn step(&mut self, process: &mut Process) -> Result<Then, String> {
        match self.rng.below(16) {
            0..=7 => self.one(process).await,
            8..=10 => self.several(process).await,
            11 | 12 => self.publish(process),
            13 | 14 => Ok(self.fold(process)),
            _ if self.rng.once_in(3) => self.take_over(process).await,
            _ => self.one(process).await,
        }
    }

    fn command(&mut self) -> (Ask, Command) {
        self.commands += 1;
        let id = self.commands;
        let records = match self.rng.below(20) {
            0..=2 => 0,
            3..=12 => 1,
            13..=18 => 2 + self.rng.below(6),
            _ => 100,
        };
        let records = u32::try_from(records).unwrap_or(1);
        let bytes = if self.rng.once_in(6) { self.rng.place(20_000) } else { self.rng.place(300) };
        (Ask::Note { id, records, bytes: if records > 9 { 10 } else { bytes } }, Command { id, records })
    }

    /// One command, and its answer.
    async fn one(&mut self, process: &Process) -> Result<Then, String> {
        let (ask, command) = self.command();
        self.send(process, ask, command).await
    }

    async fn send(&mut self, process: &Process, ask: Ask, command: Command) -> Result<Then, String> {
        let answer = process.ask(ask).await;
        self.tell(format!("{command:?}: {}", told(&answer)));
        let then = self.answered(process, &[command], vec![answer]).await?;
        self.check_mark(process, then).map(|()| then)
    }

    /// A command whose sync is held up until several others wait behind it, in one batch.
    async fn several(&mut self, process: &Process) -> Result<Then, String> {
        let disk = self.world.disk.clone();
        let (ask, first) = self.command();
        disk.close_gate();
        let all = self.world.applied.get() + 1;
        let before = tokio::spawn(ask_of(process, ask));
        while !disk.is_at_gate() && !before.is_finished() {
            tokio::task::yield_now().await;
        }
        // A command that failed before its sync holds nothing up.
        let count = if before.is_finished() { 0 } else { 2 + self.rng.below(3) };
        let behind: Vec<(Ask, Command)> = (0..count).map(|_| self.command()).collect();
        let waiting: Vec<_> = behind.iter().map(|(ask, _)| tokio::spawn(ask_of(process, *ask))).collect();
        // A read that fails makes the sequencer refuse those behind, and wait for the one before.
        let is_over = || before.is_finished() || waiting.iter().any(tokio::task::JoinHandle::is_finished);
        while disk.is_at_gate() && !is_over() && self.world.applied.get() < all + count {
            tokio::task::yield_now().await;
        }
        disk.open_gate();
        let before = before.await.map_err(|e| e.to_string())?;
        let mut answers = Vec::new();
        for answer in waiting {
            answers.push(answer.await.map_err(|e| e.to_string())?);
        }
        let commands: Vec<Command> = behind.into_iter().map(|(_, command)| command).collect();
        let heard: Vec<String> = answers.iter().map(told).collect();
        self.tell(format!("{first:?}: {}, and behind it {commands:?}: {heard:?}", told(&before)));
        let first = self.answered(process, &[first], vec![before]).await?;
        let second = self.answered(process, &commands, answers).await?;
        Ok(if first == Then::Ends { first } else { second })
    }

    /// Takes note of the answers of one batch, which are all of a kind.
    async fn answered(&mut self, process: &Process, batch: &[Command], answers: Vec<Answer>) -> Result<Then, String> {
        let mut denied: Option<LedgerError> = None;
        for (command, answer) in batch.iter().zip(answers) {
            match answer {
                Ok(_) if denied.is_some() => {
                    return Err(format!("{command:?} was acknowledged, and its batch was not"));
                }
                Ok(committed) => {
                    if let Some(authority) = &committed.authority {
                        self.counts.authorities += 1;
                        if Some(authority.index()) != committed.index || *authority.get() != command.id {
                            return Err(format!("{command:?} got the authority of another record"));
                        }
                    }
                    self.oracle.acknowledged(*command, committed.index, &process.reader)?;
                }
                Err(error) => denied = Some(error),
            }
        }
        match denied {
            None => Ok(Then::Goes),
            Some(error) => self.denied(process, batch, &error).await,
        }
    }

    /// Checks that a batch was denied for a reason, and that a journal that has stopped stays so.
    async fn denied(&mut self, process: &Process, batch: &[Command], error: &LedgerError) -> Result<Then, String> {
        self.counts.denied += u64::from(has_code(error.code())?);
        if *error == LedgerError::DiskFull {
            // Nothing of it is there, now or ever: the oracle is not told of it.
            return Ok(Then::Goes);
        }
        self.oracle.unanswered(batch.to_vec());
        process.wait_for_end();
        self.stays_stopped(process).await?;
        Ok(Then::Ends)
    }

    async fn stays_stopped(&mut self, process: &Process) -> Result<(), String> {
        self.world.disk.plan(None);
        let (ask, command) = self.command();
        match process.ask(ask).await {
            Ok(_) => Err(format!("{command:?} was acknowledged by a journal that had stopped")),
            Err(error) => has_code(error.code()).map(drop),
        }
    }

    fn publish(&mut self, process: &mut Process) -> Result<Then, String> {
        let (losses, faults) = (self.losses(), self.faults());
        let published = process.open.publisher.publish();
        self.counts.losses_publishing += self.losses() - losses;
        self.tell(format!("publishes: {published:?}"));
        match published {
            Ok(size) => self.oracle.signed(size),
            Err(error) if self.losses() > losses || self.faults() > faults => {
                self.counts.denied += u64::from(has_code(error.code())?);
            }
            Err(error) => return Err(format!("publishing failed: {error}")),
        }
        Ok(Then::Goes)
    }

    /// Folds the log in; once that has failed the journal must stop, unless there was only no room.
    fn fold(&mut self, process: &mut Process) -> Then {
        let losses = self.losses();
        let folded = process.fold();
        self.counts.losses_folding += self.losses() - losses;
        self.tell(format!("folds: {folded:?}"));
        match folded {
            Ok(_) | Err(store::StoreError::DiskFull) => Then::Goes,
            Err(_) => Then::Ends,
        }
    }

    /// Lets another writer take over, after which the ledger may acknowledge nothing.
    async fn take_over(&mut self, process: &Process) -> Result<Then, String> {
        if process.take_over().is_err() {
            return Ok(Then::Ends);
        }
        self.counts.taken_over += 1;
        self.stays_stopped(process).await.map_err(|what| format!("{what}, by another writer"))?;
        process.wait_for_end();
        Ok(Then::Ends)
    }
}

fn told(answer: &Answer) -> String {
    answer.as_ref().map_or_else(ToString::to_string, |committed| format!("at {:?}", committed.index))
}

fn ask_of(process: &Process, ask: Ask) -> impl Future<Output = Answer> + use<> {
    let ledger = process.open.ledger.clone();
    async move { ledger.ask(ask).await }
}

/// Says whether a refusal's code is one that these faults have.
fn has_code(code: Code) -> Result<bool, String> {
    let known = [
        Code::DiskFull,
        Code::JournalStopped,
        Code::JournalTorn,
        Code::JournalMismatch,
        Code::FileUnusable,
        Code::DataFolderBusy,
        Code::ShuttingDown,
    ];
    if known.contains(&code) { Ok(true) } else { Err(format!("it was refused as {code:?}")) }
}
