//! What a permit takes from rates and budgets: what it asks for, and only where that is left.

use stages::limits::{Bucket, Meter, Reservation};
use types::bundle::{Budget, Limits, Rate};
use types::{Broken, Invariant, LimitId, Millis};

/// Asserts that a reservation was there, and was taken once.
pub(super) fn assert(
    limits: &Limits,
    reservation: &Reservation,
    (before, after): (&Meter, &Meter),
    now: Millis,
) -> Result<(), Broken> {
    for id in &reservation.rates {
        if let Some(rate) = limits.rates.get(id) {
            let left = |meter: &Meter| tokens(meter, id, rate, now);
            took(id, 1, left(before), left(after))?;
        }
    }
    for (id, amount) in &reservation.budgets {
        if let Some(budget) = limits.budgets.get(id) {
            let left = |meter: &Meter| amount_left(meter, id, budget, now);
            took(id, *amount, left(before), left(after))?;
            let spent = after.spends.get(id).map_or(0, |spend| spend.spent);
            Invariant::LimitHolds.assert(spent >= 0, || format!("{spent} of the budget `{id}` are spent"))?;
        }
    }
    Ok(())
}

fn tokens(meter: &Meter, id: &LimitId, rate: &Rate, now: Millis) -> i64 {
    let bucket = meter.buckets.get(id).copied();
    bucket.unwrap_or_else(|| Bucket::full(rate, now)).peek(rate, now)
}

fn amount_left(meter: &Meter, id: &LimitId, budget: &Budget, now: Millis) -> i64 {
    meter.spends.get(id).copied().unwrap_or_default().left(budget, now)
}

fn took(id: &LimitId, asked: i64, before: i64, after: i64) -> Result<(), Broken> {
    let holds = asked >= 0 && after >= 0 && before.checked_sub(asked) == Some(after);
    Invariant::LimitHolds
        .assert(holds, || format!("{before} of `{id}` were left, a permit asked for {asked}, and {after} are left"))
}
