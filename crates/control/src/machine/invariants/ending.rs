//! The end of an action: one for each permit, which gives back what was taken and no more.

use replay::fold::Books;
use types::{ActionId, Broken, Invariant, LimitId, OutcomeStatus};

use crate::state::OpenFlight;

/// Is an action that is to end.
pub(in crate::machine) struct Ending {
    action: ActionId,
    is_sent: bool,
    flight: Option<OpenFlight>,
    /// What was spent of each budget that the permit was charged to.
    spent: Vec<(LimitId, i64)>,
}

/// Returns what is spent of the budgets that a permit was charged to.
fn spent(books: &Books, flight: &OpenFlight) -> Vec<(LimitId, i64)> {
    if flight.charged.is_empty() {
        return Vec::new();
    }
    let meter = books.meters().of(&flight.principal);
    let is_charged = |id: &LimitId| flight.charged.iter().any(|(name, _)| name == id.as_str());
    let spends = meter.spends.into_iter().filter(|(id, _)| is_charged(id));
    spends.map(|(id, spend)| (id, spend.spent)).collect()
}

impl Ending {
    pub(super) fn of(books: &Books, action: ActionId, status: OutcomeStatus) -> Self {
        let flight = books.flights().get(&action).cloned();
        let spent = flight.as_ref().map(|flight| spent(books, flight)).unwrap_or_default();
        Self { action, is_sent: status != OutcomeStatus::NotDispatched, flight, spent }
    }

    pub(super) fn assert(&self, books: &Books) -> Result<(), Broken> {
        let is_over = self.flight.is_some() && books.flights().get(&self.action).is_none();
        Invariant::FlightOnce
            .assert(is_over, || format!("{} ended and was not in flight, or still is", self.action))?;
        let Some(flight) = &self.flight else { return Ok(()) };
        let after = spent(books, flight);
        Invariant::RefundFits.assert(after.len() == self.spent.len(), || {
            format!("budgets of {} came or went with the end of {}", flight.principal, self.action)
        })?;
        let mut pairs = self.spent.iter().zip(&after);
        pairs.try_for_each(|((id, before), (_, after))| self.fits(flight, id, *before, *after))
    }

    /// Asserts that what is spent of a budget went back by what the permit took at most, and not below nothing.
    fn fits(&self, flight: &OpenFlight, id: &LimitId, before: i64, after: i64) -> Result<(), Broken> {
        let charged = flight.charged.iter().filter(|(name, _)| name == id.as_str()).map(|(_, amount)| *amount);
        let most = if self.is_sent { 0 } else { charged.fold(0, i64::saturating_add) };
        let back = before.saturating_sub(after);
        Invariant::RefundFits.assert(after >= 0 && (0..=most).contains(&back), || {
            format!(
                "{after} of `{id}` are spent after the end of {}, {before} before, and it had {most} to return",
                self.action
            )
        })
    }
}
