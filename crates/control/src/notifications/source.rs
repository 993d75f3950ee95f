//! The application as the desk sees it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use notify::Event;
use notify::source::{Followed, Found, Source};
use store::outbox::{Cursor, Notice};
use types::{Code, Millis};

use crate::control::Control;
use crate::door::Refusal;
use crate::logs::closed_logs;

/// Is how many records are looked at in one go.
const BATCH: u64 = 500;

/// Finds and tells what happens in one application; it keeps that from ending no longer than one answer takes.
pub(super) struct Reporter {
    control: Weak<Control>,
    /// The base of the links that people are sent.
    base: String,
    /// The ids of freezes that were found since the start.
    freezes: Mutex<BTreeSet<String>>,
}

impl Reporter {
    pub(super) fn of(control: &Arc<Control>, base: String) -> Self {
        Self { control: Arc::downgrade(control), base, freezes: Mutex::default() }
    }

    fn control(&self) -> Result<Arc<Control>, String> {
        self.control.upgrade().ok_or_else(|| "the application has ended".to_owned())
    }

    /// Returns the freezes that have begun or ended, each once.
    fn freezes(&self, control: &Control) -> Vec<Found> {
        let mut known = self.freezes.lock().unwrap_or_else(PoisonError::into_inner);
        control.freezes_found().into_iter().filter(|found| known.insert(found.id.clone())).collect()
    }
}

fn text(refusal: Refusal) -> String {
    refusal.message
}

impl Source for Reporter {
    fn now(&self) -> Option<Millis> {
        self.control.upgrade().map(|control| control.now())
    }

    fn random(&self) -> u64 {
        self.control.upgrade().map_or(0, |control| u64::from_le_bytes(control.draw()))
    }

    fn follow(&self, from: Option<Cursor>) -> Result<Followed, String> {
        let control = self.control()?;
        let mut followed = control.followed(from).map_err(text)?;
        followed.found.extend(self.freezes(&control));
        Ok(followed)
    }

    fn tell(&self, notice: &Notice) -> Result<Option<Event>, String> {
        self.control()?.notice_told(notice, &self.base).map_err(text)
    }

    fn inbox(&self) -> String {
        format!("{}/v1/approvals", self.base)
    }
}

impl Control {
    fn followed(&self, from: Option<Cursor>) -> Result<Followed, Refusal> {
        let live = closed_logs(self.history())?.last().map_or(1, |log| log.number + 1);
        let size = self.size();
        let at = match from {
            None => Cursor { log: live, record: self.first_open(size)? },
            Some(at) if at.log < live => return self.followed_closed(at),
            // The journal is an older copy than the outbox.
            Some(at) if at.log > live || at.record > size => Cursor { log: live, record: size },
            Some(at) => at,
        };
        let to = size.min(at.record.saturating_add(BATCH));
        let mut found = self.found(self.history(), at, to)?;
        // A breaker opens by a record alone, and stands so by when that is followed.
        if at.record < to {
            found.extend(self.breakers_found()?);
        }
        Ok(Followed { cursor: Cursor { record: to, ..at }, found, more: to < size })
    }

    /// Follows a log that was closed meanwhile to its end, and then goes on with the one after it.
    fn followed_closed(&self, at: Cursor) -> Result<Followed, Refusal> {
        let next = Cursor { log: at.log + 1, record: 0 };
        let history = match self.closed_history(&at.log.to_string()) {
            Ok(history) => history,
            Err(refusal) if matches!(refusal.code, Code::LogDeleted | Code::NotFound) => {
                return Ok(Followed { cursor: next, found: Vec::new(), more: true });
            }
            Err(refusal) => return Err(refusal),
        };
        let size = history.size()?;
        let to = size.min(at.record.saturating_add(BATCH));
        let found = self.found(&history, at, to)?;
        let cursor = if to < size { Cursor { record: to, ..at } } else { next };
        Ok(Followed { cursor, found, more: true })
    }

    /// Returns where a first start begins: with the oldest case that waits, or at the end.
    fn first_open(&self, size: u64) -> Result<u64, Refusal> {
        let open = self.open_cases()?;
        Ok(open.iter().map(|case| case.opened_in).min().unwrap_or(size).min(size))
    }
}
