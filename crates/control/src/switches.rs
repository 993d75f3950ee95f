//! Kill switches: set at once, lifted by decision.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use types::{Code, PersonId, Principal, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid, not_found};
use crate::late::is_over;
use crate::machine::{Change, Command};
use crate::state::{Switch, Target, kind};

/// Is how long a kill waits that the journal could not take, before it is tried again.
const RECORD_AGAIN: Duration = Duration::from_millis(500);

/// Is the administration that lifts a switch, a drill's too.
pub(crate) use stages::switches::CLEAR;

/// Says which switch is to be lifted: an approval is bound to this, so it names the one that is set and not its key alone.
pub(crate) fn lifting(target: &Target, set_in: Option<u64>) -> serde_json::Value {
    serde_json::json!({ "switch": target.key(), "set_in": set_in })
}

/// Is how a kill stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Killed {
    /// Nothing new that it covers leaves.
    pub armed: bool,
    /// Nothing that it covers is in flight, and no permit handed to an agent that executes by itself is alive.
    pub drained: bool,
    /// What is still in flight, by name.
    pub in_flight: Vec<executor::Flight>,
    /// The index of its record.
    pub receipt: Option<u64>,
}

impl Control {
    /// Sets a kill switch. When this returns, nothing new that it covers leaves.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `forbidden` for an auditor. If the journal cannot record it, the switch holds all the same in this
    /// process, and the refusal says so; if the log is closed or frozen, also after the next start, which records it.
    ///
    /// A journal that takes its time holds nobody up: the kill is kept beside it at once, and the answer then has no receipt.
    pub async fn kill(self: &Arc<Self>, by: Principal, target: Target, reason: &str) -> Failure<Killed> {
        if reason.trim().is_empty() {
            return Err(invalid("a kill needs a reason"));
        }
        self.principal_may_change(&by)?;
        let (reason, at) = (reason.to_owned(), self.now());
        let switch = Switch { target: target.clone(), by, reason, at, drill: None, set_in: None };
        let switching = self.switching.clone().lock_owned().await;
        // The gate first: a journal that cannot write must not keep anybody from stopping things.
        self.set_here(&switch);
        let receipt = self.make_durable(switch, switching).await?;
        Ok(self.killed(&target, receipt))
    }

    /// Records a kill that holds here; returns the index of its record.
    pub(crate) async fn record_kill(self: &Arc<Self>, switch: &Switch) -> Failure<Option<u64>> {
        self.put_down(switch).await.map_err(|refusal| self.unrecorded(switch.clone(), refusal))
    }

    /// Has the journal take a switch that holds here, and shows it as it is recorded; returns the index of its record. The caller
    /// holds `switching`.
    pub(crate) async fn put_down(&self, switch: &Switch) -> Failure<Option<u64>> {
        let (_, _, set_in) = self.ask_permit(Command::Kill(switch.clone())).await?;
        self.show(Switch { set_in, ..switch.clone() });
        Ok(set_in)
    }

    /// Shows a switch that holds as it is recorded; the caller holds `switching`.
    pub(crate) fn show(&self, switch: Switch) {
        let mut switches = self.switches.write().unwrap_or_else(PoisonError::into_inner);
        switches.insert(switch.target.key(), switch);
    }

    /// Lets a switch hold in this process.
    pub(crate) fn set_here(&self, switch: &Switch) {
        self.gate.kill(&switch.target);
        self.show(switch.clone());
    }

    /// Sees to a kill that the journal did not take, and says how it holds.
    pub(crate) fn unrecorded(self: &Arc<Self>, switch: Switch, refusal: Refusal) -> Refusal {
        let mut how = "in this process all the same".to_owned();
        if is_over(refusal.code) {
            how = match self.keep_kill(&switch) {
                Ok(()) => "here, and the next start records it before it serves".to_owned(),
                Err(kept) => format!("in this process alone ({})", kept.message),
            };
        } else {
            self.record_kill_later(switch);
        }
        Refusal { message: format!("{}; the switch holds {how}", refusal.message), ..refusal }
    }

    /// A kill that the journal could not take holds in this process; it is recorded as soon as the journal can, unless it
    /// was lifted or set anew meanwhile.
    fn record_kill_later(self: &Arc<Self>, switch: Switch) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RECORD_AGAIN).await;
                let Some(this) = this.upgrade() else { return };
                let _switching = this.switching.lock().await;
                if !this.is_set(&switch) {
                    return;
                }
                match this.put_down(&switch).await {
                    Err(refusal) if matches!(refusal.code, Code::DiskFull | Code::Overloaded) => {}
                    Err(refusal) => {
                        return tracing::error!(code = %refusal.code, "a kill holds here and is not recorded");
                    }
                    Ok(_) => return this.forget_at_once(&switch.target).await,
                }
            }
        });
    }

    fn is_set(&self, switch: &Switch) -> bool {
        let switches = self.switches.read().unwrap_or_else(PoisonError::into_inner);
        switches.get(&switch.target.key()) == Some(switch)
    }

    /// Returns how a kill stands now.
    pub fn killed(&self, target: &Target, receipt: Option<u64>) -> Killed {
        let in_flight = self.gate.flying(target);
        Killed { armed: true, drained: in_flight.is_empty(), in_flight, receipt }
    }

    /// Waits until nothing that a switch covers is in flight and no permit that it covers is alive.
    pub async fn drained(&self, target: &Target) {
        self.gate.drained(target).await;
    }

    /// Says whether the tenant or the bundle knows what a switch would cover, so that a misspelt kill is noticed.
    pub fn knows(&self, target: &Target) -> bool {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        match target {
            Target::Tenant(tenant) => *tenant == self.config.tenant,
            Target::Agent(agent) => data.agents.contains_key(agent),
            Target::Tool(tool) => data.tools.contains_key(tool),
            Target::Class(class) => data.classes.contains_key(class),
        }
    }

    /// Lifts a kill switch, if policy lets this person. Whom policy asks approves that this one is lifted, and no later one on
    /// the same.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings, or `not-found` if the switch is not set, or not recorded yet.
    pub async fn lift(&self, by: &PersonId, target: Target, reason: &str) -> Failure<()> {
        let _switching = self.switching.lock().await;
        let set_in = self.set_in(&target)?;
        let change = Change::Clear(target.clone(), set_in);
        self.administer(by, CLEAR, &lifting(&target, set_in), reason, change).await?;
        self.forget_at_once(&target).await;
        self.let_go_of(&target);
        Ok(())
    }

    /// Returns the index of the record that set the switch that holds here; absent if none holds, or one of an earlier version.
    fn set_in(&self, target: &Target) -> Failure<Option<u64>> {
        let key = target.key();
        let here = self.switches.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let Some(here) = here else { return Ok(None) };
        if here.set_in.is_some() {
            return Ok(here.set_in);
        }
        // Whoever set it may have left before the answer came, so that the journal alone knows its record; a row from before it was
        // set is of another switch.
        let row = self.history().state_value(kind::SWITCH, &key)?;
        let row = row.and_then(|bytes| cbor::decode::<Switch>(&bytes).ok()).filter(|row| row.at >= here.at);
        row.map(|row| row.set_in)
            .ok_or_else(|| not_found(format!("record of the switch `{key}` yet, which holds here alone")))
    }

    /// Lets go of a switch in this process, once its lifting is recorded.
    pub(crate) fn let_go_of(&self, target: &Target) {
        self.gate.clear(target);
        self.switches.write().unwrap_or_else(PoisonError::into_inner).remove(&target.key());
    }

    /// Returns the switches that are set.
    pub fn switches(&self) -> Vec<Switch> {
        self.switches.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
