//! Aliases, stages and deployments held against the decisions in the journal, on a schedule: what stands elsewhere than decisions led it is
//! an incident.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use types::{ActionId, Digest};

use crate::control::Control;
use crate::dossier::Led;
use crate::error::Failure;
use crate::logs::closed_logs;
use crate::tracking::incidents::{Verdict, Wrong};
use crate::tracking::kept::ModelMove;
use crate::tracking::placements::{KINDS, Placed};
use crate::tracking::{Tracking, blocking};

/// Is how long a move may go without the record of how it ended, in milliseconds.
const ENDS_WITHIN_MS: i64 = 60_000;

/// Is how many moves are remembered to be decided.
const REMEMBERED_MAX: usize = 100_000;

impl Control {
    /// Looks at everything that stands somewhere, and keeps what is wrong with it, or is no more.
    ///
    /// # Errors
    ///
    /// What the disk or the journal says.
    pub(crate) async fn look_at_placements(self: &Arc<Self>) -> Failure<()> {
        let this = self.clone();
        Ok(blocking(self.tracking()?, move |tracking| this.hold_placements(tracking)).await?)
    }

    fn hold_placements(&self, tracking: &Tracking) -> crate::tracking::Answer<()> {
        let mut found = Vec::new();
        let mut standing = BTreeSet::new();
        for kind in KINDS {
            tracking.each_placed(kind, &mut |placed| {
                let verdict = self.judge(tracking, &placed, &mut standing);
                if verdict != Verdict::Fine {
                    found.push(((placed.thing, placed.model, placed.name), verdict));
                }
                Ok(())
            })?;
        }
        *tracking.decided.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        tracking.hold_all(&KINDS.map(|(_, thing)| thing), found)
    }

    /// Says whether something stands where a decision led it. A move that was held against the journal once is not looked up again while
    /// nothing of it changes.
    fn judge(&self, tracking: &Tracking, placed: &Placed, standing: &mut BTreeSet<Digest>) -> Verdict {
        if let Some(wrong) = placed.elsewhere() {
            return Verdict::Wrong(wrong);
        }
        let Some(last) = &placed.last else { return Verdict::Fine };
        let of = Digest::of("countersign/placement/1", format!("{last:?}").as_bytes());
        let is_known = tracking.decided.lock().unwrap_or_else(PoisonError::into_inner).contains(&of);
        let led = if is_known { Led::Here } else { self.led(last) };
        match led {
            Led::Here => {
                if standing.len() < REMEMBERED_MAX {
                    standing.insert(of);
                }
                Verdict::Fine
            }
            Led::Unended if self.now().0.saturating_sub(last.at) < ENDS_WITHIN_MS => Verdict::Wait,
            Led::Unknown => Verdict::Wait,
            Led::Nowhere if last.action.is_none() => undecided(placed, "not-decided"),
            Led::Nowhere | Led::Unended => undecided(placed, "decision-missing"),
        }
    }

    /// Says where a decision led, by the journals. What a log held that was deleted nobody can say.
    fn led(&self, moved: &ModelMove) -> Led {
        let Some(action) = &moved.action else { return Led::Nowhere };
        let Ok(action) = action.parse::<ActionId>() else { return Led::Nowhere };
        match self.trace(&action) {
            Ok(path) => crate::dossier::led(path, moved),
            Err(refusal) if refusal.code != types::Code::NotFound => Led::Unknown,
            Err(_) if self.may_be_deleted(moved.at) => Led::Unknown,
            Err(_) => Led::Nowhere,
        }
    }

    /// Says whether the records of an instant may be in a log that was deleted, or cannot be read.
    fn may_be_deleted(&self, at: i64) -> bool {
        let deleted = closed_logs(self.history())
            .map(|logs| logs.into_iter().any(|log| log.deleted.is_some() && log.last.0 >= at));
        let unread = self.before().map(|before| before.iter().any(|(_, history)| history.is_err()));
        deleted.unwrap_or(true) || unread.unwrap_or(true)
    }
}

fn undecided(placed: &Placed, wrong: &'static str) -> Verdict {
    Verdict::Wrong(Wrong { wrong, declared: None, observed: placed.stands.clone(), means: None })
}
