//! Notifications: telling approvers that they are asked, beside everything else.
//!
//! Nothing here is waited for, and nothing that is told decides anything. What is to be delivered is kept in a file of its own:
//! it follows from no record, so no rebuild may make it anew, and losing it loses messages, never authority.

mod behaviour;
mod breakers;
mod bypasses;
mod checks;
mod finding;
mod incidents;
mod sagas;
mod source;
mod telling;

use std::sync::Arc;

use notify::Desk;
use notify::send::Sender;
use store::outbox::OutboxError;
use types::bundle::Profile;
use types::{Code, ProfileId};

use crate::control::Control;
use crate::doctor::{Finding, Sign};
use crate::door::Refusal;
use crate::error::Failure;
use source::Reporter;
use telling::names_asked;

pub use notify::desk::view::{Health, NOTICES_MAX, TargetView, View, Wanted};
pub use store::outbox::{Notice, NoticeState};

/// Is the file of what is to be delivered, in the data folder.
pub const OUTBOX: &str = "notify.db";

impl From<OutboxError> for Refusal {
    fn from(error: OutboxError) -> Self {
        Self::plain(error.code(), error.to_string())
    }
}

fn say(sign: Sign, about: impl Into<String>, says: impl Into<String>) -> Finding {
    Finding { sign, about: about.into(), says: says.into(), code: None }
}

impl Control {
    pub(crate) fn spawn_notifications(self: &Arc<Self>) {
        let Some(settings) = self.config.notifications.clone() else { return };
        let base = settings.link.clone().unwrap_or_else(|| self.config.url.clone());
        let reporter = Arc::new(Reporter::of(self, base.clone()));
        let opened = Desk::open(&self.config.place.data.join(OUTBOX), settings, reporter, Sender::new(base));
        match &opened {
            Ok(desk) => desk.spawn(),
            // Everything is decided and recorded all the same; the doctor says that nobody is told.
            Err(error) => tracing::error!(%error, "nobody is told of anything"),
        }
        let opened = opened.map_err(|error| error.to_string());
        // A start happens once.
        let _ = self.notifier.set(opened);
    }

    /// Shows who is told of what, and what became of it; empty if nobody is.
    ///
    /// # Errors
    ///
    /// `not-found` for a target that the settings do not name; `file-unusable` if what is to be delivered cannot be read.
    pub fn notifications(&self, wanted: &Wanted) -> Failure<View> {
        let unusable = |why: &String| Refusal::plain(Code::FileUnusable, why.clone());
        let Some(desk) = self.notifier.get() else { return Ok(View::default()) };
        let desk = desk.as_ref().map_err(unusable)?;
        if let Some(name) = wanted.target.as_ref().filter(|name| desk.settings().target(name).is_none()) {
            return Err(crate::error::not_found(format!("target `{}`", types::text::escape(name, false))));
        }
        Ok(desk.view(wanted)?)
    }

    pub(crate) fn notifications_found(&self) -> Vec<Finding> {
        if self.config.notifications.is_none() {
            let says = "nobody is told when people are asked; `countersign notify check` says how they can be";
            return vec![say(Sign::Note, "notifications", says)];
        }
        match self.notifications(&Wanted::default()) {
            Err(refusal) => {
                let found = say(Sign::Bad, "notifications", format!("nobody is told of anything: {}", refusal.message));
                vec![Finding { code: Some(refusal.code), ..found }]
            }
            Ok(view) => view.targets.iter().map(target_found).chain(self.unreached()).collect(),
        }
    }

    /// Names each group that a profile asks and no target stands for.
    fn unreached(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let Some(settings) = &self.config.notifications else { return Vec::new() };
        let all = data.profiles.iter().map(|(id, profile)| (id, whom(profile)));
        let missed = all.filter(|(id, whom)| !whom.iter().any(|name| settings.reaches(name, id.as_str())));
        let says = |(id, whom): (&ProfileId, Vec<String>)| {
            let says = format!("no target is told when `{id}` asks `{}`", whom.join("`, `"));
            say(Sign::Note, "notifications", says)
        };
        missed.map(says).collect()
    }
}

/// Returns whom a profile asks, as targets name them in `groups`: its group, and `on-call:SCHEDULE` for whoever is on call.
pub fn whom(profile: &Profile) -> Vec<String> {
    names_asked(profile.group.as_deref(), profile.on_call.as_ref())
}

fn target_found(target: &TargetView) -> Finding {
    let about = format!("target {}", target.name);
    let mut says = format!("{}: {} wait, {} delivered", target.health.as_str(), target.waiting, target.sent);
    if target.dead > 0 {
        says = format!("{says}, {} NOT DELIVERED in time", target.dead);
    }
    let failure = target.last_failure.as_ref().filter(|_| matches!(target.health, Health::Failing | Health::Stopped));
    if let Some((_, code, why)) = failure {
        return Finding { code: Some(*code), ..say(Sign::Bad, about, format!("{says}; {why}")) };
    }
    say(if target.dead > 0 { Sign::Note } else { Sign::Good }, about, says)
}
