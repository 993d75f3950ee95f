//! What goes wrong below the application: the disk fails, and the power goes.

use types::{CaseId, Code, Millis, point};

use super::player::{Player, Running, poll};
use crate::disk::{Fails, Fault};

/// Says whether a refusal means that the journal has stopped: what was asked for may be in it or not.
pub fn leaves_open(code: Code) -> bool {
    matches!(code, Code::JournalStopped | Code::ShuttingDown)
}

impl Player {
    fn nothing(&self) -> Running<Result<(), Code>> {
        let (control, case) = (self.stage.control.clone(), CaseId::draw(Millis(1), [0; 10]));
        Box::pin(async move { control.withdraw(case).await.map_err(|refusal| refusal.code) })
    }

    /// Waits until every command that was sent is answered: the sequencer takes them in order, so this one comes last. Where
    /// the journal has stopped, its threads have ended.
    pub async fn quiet(&self) {
        loop {
            let answered = self.nothing().await;
            let mut broken = Vec::new();
            super::oracle::invariants::judge(&self.stage.control, &mut broken);
            assert!(broken.is_empty(), "{}", broken.join("\n"));
            match answered {
                Ok(()) => return,
                // The batch it was in is refused while those before it may still be answered; the next is not.
                Err(Code::DiskFull) if self.uneasy => {}
                Err(code) if self.uneasy && leaves_open(code) => {
                    while !self.stage.control.has_ended() {
                        std::thread::yield_now();
                    }
                    return;
                }
                Err(code) => panic!("the journal answers {code:?} though nothing is wrong with its disk"),
            }
        }
    }

    /// Holds the sequencer up at a command of no effect, so that whatever is asked from now on is one batch.
    pub(super) async fn hold(&self) {
        self.quiet().await;
        self.stage.clock.shut();
        let mut nothing = self.nothing();
        if poll(&mut nothing, &std::sync::Arc::default()).is_pending() {
            // The command is withdrawn if it is dropped before the sequencer has taken it.
            while !self.stage.clock.holds_up() {
                std::thread::yield_now();
            }
        }
    }

    /// Leaves no room for what a call that was answered writes next, which is how it ended.
    pub(super) async fn no_room_for_an_outcome(&mut self) {
        self.settle_one();
        let answered = self.ready().into_iter().find(|number| self.tasks[number].point == "answer");
        let Some(number) = answered else { return };
        self.stage.disk.plan(Some(Fault { fails: Fails::FullAnywhere, after: 0, times: 1, kills: false }));
        self.step(number).await;
        self.stage.disk.calm();
        if point::waiting("pause before the outcome") == 0 {
            return;
        }
        match self.dice.below(3) {
            0 => self.lose(),
            1 => {
                self.hold().await;
                self.pass(1_000).await;
                self.lose();
                self.stage.clock.open();
            }
            _ => {}
        }
    }

    /// Plans a fault of the disk, for one of the operations to come.
    pub(super) async fn fault(&mut self) {
        if self.dice.chance(30) {
            return self.no_room_for_an_outcome().await;
        }
        let fails = match self.dice.below(8) {
            0 => Fails::Read,
            1 | 2 => Fails::Write,
            3 | 4 => Fails::Full,
            _ => Fails::Sync,
        };
        let (after, times) = (self.dice.draw() % 8, 1 + self.dice.draw() % 3);
        let kills = self.dice.chance(25);
        self.coverage.count("planned", format!("{fails:?}").to_lowercase());
        self.stage.disk.plan(Some(Fault { fails, after, times, kills }));
    }

    /// Loses the power: now, while a command is on its way, or in the middle of what is written next.
    pub(super) async fn loss(&mut self) {
        match self.dice.below(4) {
            0 => {
                self.coverage.count("planned", "loss now");
                self.quiet().await;
                self.lose();
            }
            1 => {
                self.coverage.count("planned", "loss before an answer");
                let call = self.any_call();
                let number = self.begin(call);
                self.hold().await;
                self.poll(number);
                self.lose();
                self.stage.clock.open();
            }
            _ => {
                self.coverage.count("planned", "loss while writing");
                self.stage.disk.lose_after(self.dice.draw() % 24);
            }
        }
    }

    /// Notes how something was refused that nothing but the disk may refuse.
    pub(super) fn denied(&mut self, code: Code) {
        self.coverage.count("denied", code.as_str());
        if !self.uneasy || !(leaves_open(code) || code == Code::DiskFull) {
            self.wrong(format!("it was refused as {code:?}, and nothing but the disk may refuse it"));
        }
    }

    /// Looks whether the process lives still. One that lost its power starts again; one whose journal has stopped denies
    /// everything until somebody starts it again.
    pub(super) async fn look(&mut self) {
        self.quiet().await;
        if !self.stage.disk.is_on() {
            return self.crash().await;
        }
        self.stage.upstream.book().size();
        if self.stage.control.health().stopped.is_none() {
            return;
        }
        self.coverage.count("disk", "steps with a stopped journal");
        let call = self.any_call();
        if self.stage.control.decide_once(Self::wish(&call, 0), true).await.is_ok() {
            self.wrong("a journal that has stopped recorded a decision");
        }
        if self.dice.chance(60) {
            self.crash().await;
        }
    }
}
