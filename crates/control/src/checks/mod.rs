//! Checks: what an action has led to is looked at for a while, judged, and taken back where the bundle says so.
//!
//! What is watched is kept with the records: whoever ends in between begins to look anew, and what was to be taken back is.

mod containment;
mod looks;

use std::sync::{Arc, Weak};
use std::time::Duration;

use stages::checks::{Looks, judge};
use tokio::time::Instant;
use types::Code;
use types::bundle::BundleData;
use types::check::{Check, Checked, Judgement, Look, Watch};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::followed::{Followed, look_now_and_then};
use crate::machine::Command;
use crate::state::kind;

use connectors::check::Seen;
use looks::{Eyes, Lookout};

impl Control {
    /// Returns the actions that checks watch, and those that are to be taken back.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn watches(&self) -> Failure<Vec<Watch>> {
        let rows = self.history().state(kind::WATCH)?;
        let read = |(_, bytes): (String, Vec<u8>)| {
            types::cbor::decode(&bytes).map_err(|error| Refusal::plain(Code::Internal, error.to_string()))
        };
        rows.into_iter().map(read).collect()
    }

    /// Follows everything that checks watch, for as long as the process runs.
    pub(crate) fn spawn_checks(self: &Arc<Self>) {
        let (this, ended) = (Arc::downgrade(self), self.ended.clone());
        let (followed, eyes) = (Followed::default(), Arc::new(Eyes::default()));
        tokio::spawn(look_now_and_then(ended, move || {
            let Some(control) = this.upgrade() else { return false };
            match control.watches() {
                Ok(watches) => watches.into_iter().for_each(|watch| {
                    let (this, eyes) = (this.clone(), eyes.clone());
                    followed.follow(watch.key(), || async move { to_the_end(&this, &eyes, watch).await });
                }),
                Err(refusal) => tracing::warn!(code = %refusal.code, "what is to be watched cannot be read"),
            }
            true
        }));
    }

    /// Says whether an action is watched still: what was taken back meanwhile is not.
    fn is_watched(&self, watch: &Watch) -> bool {
        self.history().state_value(kind::WATCH, &watch.key()).is_ok_and(|row| row.is_some())
    }

    /// Records how a check ended.
    async fn record_checked(&self, checked: Checked) -> Failure<()> {
        self.ask(Command::Checked(Box::new(checked))).await.map(drop)
    }
}

async fn to_the_end(control: &Weak<Control>, eyes: &Eyes, mut watch: Watch) -> Failure<()> {
    if !watch.violated {
        let Some(checked) = watched(control, eyes, &watch).await else { return Ok(()) };
        let Some(control) = control.upgrade() else { return Ok(()) };
        if checked.judgement != Judgement::Held {
            let (action, check, how) = (watch.action, &watch.check, checked.judgement.as_str());
            tracing::warn!(%action, %check, how, "what an action has led to is not known to hold");
        }
        watch.violated = checked.undo;
        control.record_checked(checked).await?;
    }
    match control.upgrade() {
        Some(control) if watch.violated => control.contain(&watch).await,
        _ => Ok(()),
    }
}

/// Is what was seen so far, by one rule.
#[derive(Default)]
struct Series {
    rule: Option<Check>,
    looks: Looks,
    good: String,
    against: String,
}

impl Series {
    fn take(&mut self, seen: Seen) {
        self.looks.take(seen.look);
        match seen.look {
            Look::Good => self.good = seen.why,
            Look::Bad | Look::Nothing => self.against = seen.why,
        }
    }

    fn end(self, watch: &Watch, judgement: Judgement) -> Checked {
        let Looks { good, bad, nothing, .. } = self.looks;
        let violated = judgement == Judgement::Violated;
        let rule = self.rule.as_ref().filter(|_| violated);
        let why = match judgement {
            Judgement::Held if bad == 0 => self.good,
            Judgement::Held => format!("{}; before that it was bad {bad} times: {}", self.good, self.against),
            Judgement::Violated | Judgement::Inconclusive => self.against,
        };
        let (undo, stop) = (rule.is_some_and(|rule| rule.undo), rule.is_some_and(Check::stops));
        let (action, check, at) = (watch.action, watch.check.clone(), watch.since);
        Checked { action, check, judgement, good, bad, nothing, why, at, undo, stop }
    }
}

/// Looks until it can be judged; nothing, if the process ends before, or nobody is to watch any more.
///
/// It ends with the last look and not with the time: looks that come late, because there are many, excuse nobody. A rule that changes begins anew: nobody is held to
/// what is no longer said, and what was seen by another rule tells nothing about this one.
async fn watched(control: &Weak<Control>, eyes: &Eyes, watch: &Watch) -> Option<Checked> {
    let mut series = Series::default();
    let (mut began, mut lookout, mut number) = (Instant::now(), Lookout::default(), 0_i64);
    loop {
        let this = control.upgrade()?;
        let Some(rule) = rule_of(this.snapshot().bundle.data(), watch) else { return Some(gone(watch)) };
        if series.rule.as_ref() != Some(&rule) {
            series = Series { rule: Some(rule.clone()), ..Series::default() };
            (began, lookout, number) = (Instant::now(), Lookout::of(&rule).await, 0);
        }
        drop(this);
        let due = began + millis(rule.after_ms.saturating_add(number.saturating_mul(rule.every_ms)));
        tokio::time::sleep_until(due).await;
        let this = control.upgrade()?;
        if !this.is_watched(watch) {
            return None;
        }
        if rule_of(this.snapshot().bundle.data(), watch).as_ref() != Some(&rule) {
            continue;
        }
        series.take(this.look_on(watch, &rule, eyes, &mut lookout, due).await);
        number = number.saturating_add(1);
        if let Some(judgement) = judge(&rule, &series.looks, number >= rule.looks()) {
            return Some(series.end(watch, judgement));
        }
    }
}

fn rule_of(data: &BundleData, watch: &Watch) -> Option<Check> {
    data.checks.get(&watch.check).cloned()
}

fn gone(watch: &Watch) -> Checked {
    let against = "the active bundle has no such check any more".to_owned();
    Series { against, ..Series::default() }.end(watch, Judgement::Inconclusive)
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
