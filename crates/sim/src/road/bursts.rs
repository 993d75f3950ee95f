//! Several commands behind each other, and the end of a run.

use std::sync::Arc;
use std::time::Duration;

use control::state::Target;
use types::Principal;

use super::player::{Player, Running, poll};
use super::trace::Call;

/// Polls something once, so that its command is on its way, and keeps it if it has not ended.
fn launch<T>(waiting: &mut Vec<Running<T>>, mut running: Running<T>) {
    if poll(&mut running, &Arc::default()).is_pending() {
        waiting.push(running);
    }
}

impl Player {
    /// Several commands come to wait behind each other, so that each was prepared before the others took effect.
    pub(super) async fn burst(&mut self) {
        let mut waiting: Vec<Running<Option<(Target, bool)>>> = Vec::new();
        self.hold().await;
        for _ in 0..2 + self.dice.below(4) {
            match self.dice.weighted(&[4, 6, 3, 2, 1, 2]) {
                0 => {
                    let call = self.any_call();
                    self.begin_in_burst(call);
                }
                1 => self.go_on_in_burst(),
                2 => {
                    let Some(voting) = self.voting() else { continue };
                    launch(
                        &mut waiting,
                        Box::pin(async move {
                            voting.await;
                            None
                        }),
                    );
                }
                3 => {
                    let (control, wish) = (self.stage.control.clone(), self.any_level());
                    let give = async move {
                        drop(control.give_first_level(&"dan".parse().unwrap(), wish).await);
                        None
                    };
                    launch(&mut waiting, Box::pin(give));
                }
                4 => {
                    let (control, target) = (self.stage.control.clone(), self.any_target());
                    let kill = async move {
                        let killed =
                            control.kill(Principal::Person("dan".parse().unwrap()), target.clone(), "stop").await;
                        killed.ok().map(|killed| (target, killed.drained))
                    };
                    launch(&mut waiting, Box::pin(kill));
                }
                _ if self.held.is_empty() => {}
                _ => {
                    let call = self.dice.pick(&self.held).clone();
                    self.begin_in_burst(call);
                }
            }
        }
        self.stage.clock.open();
        self.quiet().await;
        for running in waiting {
            if let Some((target, drained)) = running.await {
                self.armed(target, drained);
            }
        }
    }

    fn begin_in_burst(&mut self, call: Call) {
        let number = self.begin(call);
        self.poll(number);
    }

    fn go_on_in_burst(&mut self) {
        let ready = self.ready();
        if !ready.is_empty() {
            let number = *self.dice.pick(&ready);
            self.poll(number);
        }
    }

    /// Lets everything that was begun end, and the process stop and start once more.
    pub async fn end(&mut self) {
        self.stage.disk.calm();
        for _ in 0..400 {
            self.quiet().await;
            let ready = self.ready();
            if let Some(number) = ready.first() {
                self.step(*number).await;
            } else if self.stage.upstream.book().unsettled() > 0 {
                self.settle_one();
            } else if self.tasks.is_empty() {
                break;
            } else {
                self.stage.clock.time.advance(500);
                tokio::time::advance(Duration::from_millis(500)).await;
                tokio::task::yield_now().await;
            }
        }
        if !self.tasks.is_empty() {
            let left: Vec<_> = self.tasks.iter().map(|(number, task)| format!("{number} at {}", task.point)).collect();
            self.wrong(format!("calls never ended: {}", left.join(", ")));
        }
        self.stage.upstream.book().catch_up();
        self.crash().await;
    }
}
