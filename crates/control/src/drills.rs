//! Kill drills: a real switch is set, what it promises is measured and recorded, and it is lifted again if it is still the
//! drill's own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use types::drill::Drill;
use types::{Code, DrillId, PersonId, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid, not_found};
use crate::machine::{Change, Command};
use crate::state::{Switch, Target};
use crate::switches::{CLEAR, lifting};

/// Is a drill that a person wishes to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillWish {
    /// What is stopped: an agent or the tenant.
    pub target: Target,
    /// Why.
    pub reason: String,
    /// How long what is in flight may take to come back.
    pub wait: Duration,
    /// How long the switch stays set at least, while dispatches are watched.
    pub hold: Duration,
}

/// Says what became of a drill's switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It is lifted.
    Lifted,
    /// It is no longer the drill's own: somebody has killed the same in earnest, or lifted it. What is set now stays.
    Overtaken,
    /// It stays set: this person may not lift it, or people must approve that first.
    Stays(Box<Refusal>),
}

/// Is a drill that was made and recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drilled {
    /// How it went.
    pub drill: Drill,
    /// The index of the record that tells it.
    pub record: u64,
    /// What became of its switch.
    pub ending: Ending,
}

impl Control {
    /// Kills in earnest what a wish names, measures how long that takes, records it, and lifts the switch again.
    ///
    /// The switch is a real one: what it covers is denied, open cases are void, and a server that stops in the middle starts with
    /// it set. It is lifted by decision, as any switch is.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, or for anything but an agent or the tenant; `not-found` for one that the bundle or the
    /// tenant does not know; `forbidden` for an auditor; `drill-conflict` if a switch on the same is set already. If the journal cannot
    /// record the kill or the result, the switch stays set, and the refusal says so.
    pub async fn drill(self: &Arc<Self>, by: &PersonId, wish: DrillWish) -> Failure<Drilled> {
        self.may_change(by)?;
        if wish.reason.trim().is_empty() {
            return Err(invalid("a drill needs a reason"));
        }
        if !matches!(wish.target, Target::Agent(_) | Target::Tenant(_)) {
            return Err(invalid("a drill stops an agent or the tenant"));
        }
        if !self.knows(&wish.target) {
            return Err(not_found(format!("`{}` to drill with", wish.target.key())));
        }
        let drill = self.measure(by, &wish).await?;
        let recorded = self.ask_permit(Command::Drilled(Box::new(drill.clone()), wish.reason.clone())).await;
        let (_, _, record) = recorded.map_err(|refusal| stays(&refusal))?;
        let record = record.ok_or_else(|| Refusal::plain(Code::Internal, "the drill is not recorded"))?;
        let ending = self.end_drill(by, &wish, &drill).await;
        Ok(Drilled { drill, record, ending })
    }

    /// Sets the switch and measures what follows.
    async fn measure(self: &Arc<Self>, by: &PersonId, wish: &DrillWish) -> Failure<Drill> {
        let begun = Instant::now();
        let us = |since: Instant| u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let id = DrillId::draw(self.now(), self.draw());
        let (watch, set_in) = self.set_drill(by, wish, id).await?;
        let (armed, armed_us) = (Instant::now(), us(begun));
        let in_flight = self.gate.flying(&wish.target).len() as u64;
        let drained = timeout(wish.wait, self.drained(&wish.target)).await.is_ok();
        let drained_us = drained.then(|| us(begun));
        sleep_until(armed + wish.hold).await;
        let (target, by) = (wish.target.clone(), by.clone());
        Ok(Drill { id, target, by, set_in, armed_us, drained_us, in_flight, watched_us: us(armed), left: watch.left() })
    }

    /// Kills, and watches the gate from then on.
    async fn set_drill(
        self: &Arc<Self>,
        by: &PersonId,
        wish: &DrillWish,
        id: DrillId,
    ) -> Failure<(executor::Watch, u64)> {
        let _switching = self.switching.lock().await;
        if self.switches().iter().any(|switch| switch.target == wish.target) {
            return Err(Refusal::plain(
                Code::DrillConflict,
                format!("switch `{}` is set already, and a drill would lift it", wish.target.key()),
            ));
        }
        let switch = Switch {
            target: wish.target.clone(),
            by: Principal::Person(by.clone()),
            reason: format!("drill: {}", wish.reason),
            at: self.now(),
            drill: Some(id),
            set_in: None,
        };
        self.set_here(&switch);
        let watch = self.gate.watch(&wish.target);
        let set_in = self.record_kill(&switch).await?;
        let set_in = set_in.ok_or_else(|| Refusal::plain(Code::Internal, "the kill is not recorded"))?;
        Ok((watch, set_in))
    }

    /// Lifts the switch of a drill, if policy lets this person and it is still the drill's own.
    async fn end_drill(&self, by: &PersonId, wish: &DrillWish, drill: &Drill) -> Ending {
        let _switching = self.switching.lock().await;
        // A kill in earnest may hold here alone, because the journal could not take it.
        let own = self.switches().iter().any(|switch| switch.target == wish.target && switch.drill == Some(drill.id));
        if !own {
            return Ending::Overtaken;
        }
        let arguments = lifting(&wish.target, Some(drill.set_in));
        let change = Change::Clear(wish.target.clone(), Some(drill.set_in));
        match self.administer(by, CLEAR, &arguments, &wish.reason, change).await {
            Ok(_) => {
                self.let_go_of(&wish.target);
                Ending::Lifted
            }
            Err(refusal) if refusal.code == Code::NotFound => Ending::Overtaken,
            Err(refusal) => Ending::Stays(Box::new(refusal)),
        }
    }
}

fn stays(refusal: &Refusal) -> Refusal {
    Refusal { message: format!("{}; the switch of the drill stays set", refusal.message), ..refusal.clone() }
}
