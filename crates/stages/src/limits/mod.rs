//! Limits: rates, budgets, change windows, freezes and maximum impact.
//!
//! What a limit covers is decided here and nowhere else; the state behind rates and budgets is in
//! [`meter`], the arithmetic of the calendar in [`calendar`].

mod bucket;
pub mod calendar;
mod cover;
pub mod meter;
mod spend;

pub use bucket::Bucket;
pub use cover::Covered;
pub use meter::{Meter, Reservation};
pub use spend::Spend;

use types::bundle::{BundleData, Limits};
use types::{ActionProposal, Code, Facts, Finding, Stage};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Judges every limit that covers the action; a limit that covers it and whose fact is missing denies.
///
/// Reads `tool.class`, `resource.env` if it is known, and for each covering limit `rate.<limit>`, `budget.<limit>` and
/// `budget.<limit>.asked`, `window.<limit>`, `freeze.<limit>`, `impact.<limit>`. Several windows must all be open.
pub fn check(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Limits, facts);
    if said.text("tool.class").is_none() {
        return said.so_far();
    }
    if let Some(covered) = Covered::by(proposal, facts) {
        rates(&mut said, &bundle.limits, &covered);
        budgets(&mut said, &bundle.limits, &covered);
        windows(&mut said, &bundle.limits, &covered);
        freezes(&mut said, &bundle.limits, &covered);
        impacts(&mut said, &bundle.limits, &covered);
    }
    said.or_allow(Code::WithinLimits, "no limit stands against it", "limits")
}

fn rates(said: &mut Said<'_>, limits: &Limits, covered: &Covered<'_>) {
    for (id, rate) in limits.rates.iter().filter(|(_, rate)| covered.matches(&rate.covers)) {
        let name = format!("rate.{id}");
        if said.int(&name).is_some_and(|left| left < 1) {
            let detail = format!("the rate `{id}` of {} per {} ms is used up", rate.burst, rate.refill_ms);
            said.deny(Code::RateExceeded, detail, name);
        }
    }
}

fn budgets(said: &mut Said<'_>, limits: &Limits, covered: &Covered<'_>) {
    for id in limits.budgets.iter().filter(|(_, budget)| covered.matches(&budget.covers)).map(|(id, _)| id) {
        let name = format!("budget.{id}");
        let (Some(left), Some(asked)) = (said.int(&name), said.int(&format!("{name}.asked"))) else { continue };
        let over = if mutant::on(Mutant::BudgetOffByOne) { asked >= left } else { asked > left };
        if over {
            said.deny(
                Code::BudgetExceeded,
                format!("it asks for {} of the {left} left in the budget `{id}`", shown(asked)),
                name,
            );
        }
    }
}

fn shown(asked: i64) -> String {
    if asked == i64::MAX { "an unreadable amount".to_owned() } else { asked.to_string() }
}

fn windows(said: &mut Said<'_>, limits: &Limits, covered: &Covered<'_>) {
    for (id, window) in limits.windows.iter().filter(|(_, window)| covered.matches(&window.covers)) {
        let name = format!("window.{id}");
        let Some(open) = said.bool(&name) else { continue };
        if open == mutant::on(Mutant::WindowInverted) {
            said.escalate(
                window.outside.as_ref(),
                Code::OutsideWindow,
                format!("the change window `{id}` is closed"),
                name,
            );
        }
    }
}

fn freezes(said: &mut Said<'_>, limits: &Limits, covered: &Covered<'_>) {
    for (id, freeze) in limits.freezes.iter().filter(|(_, freeze)| covered.matches(&freeze.covers)) {
        let name = format!("freeze.{id}");
        if said.bool(&name) == Some(true) {
            said.deny(Code::ChangeFrozen, format!("the freeze `{id}` is on: {}", freeze.reason), name);
        }
    }
}

fn impacts(said: &mut Said<'_>, limits: &Limits, covered: &Covered<'_>) {
    for id in limits.impacts.iter().filter(|(_, impact)| covered.matches(&impact.covers)).map(|(id, _)| id) {
        let name = format!("impact.{id}");
        if said.bool(&name) == Some(true) {
            said.deny(Code::ImpactExceeded, format!("it touches more than `{id}` allows"), name);
        }
    }
}
