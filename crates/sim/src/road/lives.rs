//! The end of a process and the start of the next one on what is left on the disk.

use std::sync::Arc;

use control::Control;
use policy::Bundle;
use types::point;

use super::dice::Dice;
use super::oracle;
use super::player::Player;
use super::ports::Clockwork;
use super::rules;
use super::stage::Stage;
use super::trace::Ack;
use super::upstream::Fate;
use crate::disk::{Fails, Fault};

impl Player {
    /// Ends the process, unless the power has ended it, and starts it again on what it left on the disk.
    pub async fn crash(&mut self) {
        self.quiet().await;
        if self.stage.disk.is_on() {
            self.stage.upstream.book().size();
        }
        let lost = self.stage.end(&mut self.dice, self.uneasy) > self.losses;
        self.fell(lost);
        // What had left us is on its way still.
        while self.stage.upstream.book().unsettled() > 0 {
            let fate = *self.dice.pick(&[Fate::LostAfter, Fate::LostBefore]);
            self.stage.upstream.book().settle(0, fate);
        }
        let gone = self.stage.start_again(&mut self.dice, self.uneasy).await;
        self.losses = self.stage.disk.counts().losses;
        self.trace.wrong.extend(gone);
        oracle::kept::judge(&self.stage, &mut self.trace.wrong);
        self.switches_are_kept();
    }

    /// Counts where everybody waited, whom nobody answers any more.
    fn fell(&mut self, lost: bool) {
        let fallen = self.fallen.take().unwrap_or_else(point::take_all);
        if fallen.is_empty() && lost {
            self.coverage.count("losses of power", "nobody waits");
        }
        for (point, count) in fallen {
            self.coverage.count_many("crashes", point, count);
            if lost {
                self.coverage.count_many("losses of power", point, count);
            }
        }
        for number in std::mem::take(&mut self.tasks).into_keys() {
            self.trace.acks.insert(number, Ack::Lost);
        }
        self.coverage.count("operations", "crash");
    }

    /// Loses the power at this moment, whoever waits for whatever.
    pub(super) fn lose(&mut self) {
        self.fallen = Some(point::take_all());
        self.stage.disk.lose();
    }

    fn switches_are_kept(&mut self) {
        let (switches, lifting) = (self.stage.control.switches(), std::mem::take(&mut self.trace.lifting));
        for armed in self.trace.armed.iter_mut().filter(|armed| armed.to.is_none()) {
            if switches.iter().any(|switch| switch.target == armed.target) {
                continue;
            }
            // Nobody was told that it is lifted, and it may be.
            armed.to = lifting.iter().find(|(target, _)| *target == armed.target).map(|(_, moment)| *moment);
            if armed.to.is_none() {
                let key = armed.target.key();
                self.trace.wrong.push(format!("the acknowledged kill `{key}` is gone after a crash"));
            }
        }
    }
}

impl Stage {
    /// Ends the process by a kill, after which the system's memory is left, or with the power; returns how often the power
    /// has gone so far.
    fn end(&self, dice: &mut Dice, uneasy: bool) -> u64 {
        if uneasy && dice.chance(50) {
            self.disk.lose()
        } else {
            self.disk.kill()
        }
        self.disk.counts().losses
    }

    /// Opens the application again on the disk as it is, which may fail or lose its power meanwhile.
    ///
    /// Returns what was wrong: a record that was there and is gone, or another.
    async fn start_again(&mut self, dice: &mut Dice, uneasy: bool) -> Vec<String> {
        let before = self.upstream.book().mirror.take().unwrap().entries;
        let acknowledged = self.control.health().size;
        self.links.clear();
        // Most starts find the active bundle at hand; the others read it from the journal.
        let active = self.control.snapshot().bundle.digest();
        let at_hand = rules::bundles().iter().find(|bundle| bundle.digest() == active && !self.life.is_multiple_of(3));
        let bundle = at_hand.unwrap_or(&rules::bundles()[0]).clone();
        while let Err(why) = self.start(dice, uneasy, &bundle).await {
            assert!(uneasy, "a start was refused: {why}");
        }
        self.disk.calm();
        self.begin().await;
        let mut book = self.upstream.book();
        let mirror = book.mirror.as_mut().unwrap();
        let size = mirror.pull();
        let same = before.iter().zip(&mirror.entries).filter(|(a, b)| a.bytes == b.bytes).count();
        if same == before.len() && size >= acknowledged {
            Vec::new()
        } else {
            vec![format!("only the first {same} of {} records survived, {acknowledged} acknowledged", before.len())]
        }
    }

    /// Starts once; a start that fails although the disk did what it was asked to is wrong.
    async fn start(&mut self, dice: &mut Dice, uneasy: bool, bundle: &Arc<Bundle>) -> Result<(), String> {
        self.life += 1;
        self.clock = Arc::new(Clockwork::beside(&self.clock.time));
        self.disk.power_on();
        if uneasy {
            self.trouble(dice);
        }
        let before = self.troubles();
        let started = match self.opened(bundle) {
            Ok(control) => self.taken_up(control).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = &started {
            assert!(self.troubles() > before, "a start was refused though the disk did not fail: {why}");
            self.end(dice, uneasy);
        }
        started
    }

    fn trouble(&self, dice: &mut Dice) {
        if dice.chance(25) {
            self.disk.lose_after(dice.draw() % 30);
        }
        if dice.chance(12) {
            let fails = *dice.pick(&[Fails::Read, Fails::Write, Fails::Sync, Fails::Sync, Fails::Full]);
            self.disk.plan(Some(Fault { fails, after: dice.draw() % 6, times: 1, kills: dice.chance(30) }));
        }
    }

    fn troubles(&self) -> u64 {
        let counts = self.disk.counts();
        counts.losses + counts.faults_read + counts.faults_write + counts.faults_sync + counts.faults_full
    }

    /// Lets a process that has opened its journal settle what the last one left.
    async fn taken_up(&mut self, control: Arc<Control>) -> Result<(), String> {
        let taken = control.take_up().await;
        if control.health().stopped.is_some() {
            while !control.has_ended() {
                std::thread::yield_now();
            }
        }
        let stopped = control.health().stopped;
        // One that failed is let go of once its life has ended, so that its threads change nothing any more.
        self.control = control;
        match (taken, stopped) {
            (Err(refusal), _) => Err(refusal.message),
            (Ok(_), Some(why)) => Err(why),
            (Ok(_), None) if !self.disk.is_on() => Err("the power went".to_owned()),
            (Ok(_), None) => Ok(()),
        }
    }
}
