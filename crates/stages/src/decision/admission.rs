//! What stands at the door of the sequencer itself: its clock, floods of denials, what people have refused, and room for
//! another case.

use std::collections::BTreeSet;

use types::bundle::BundleData;
use types::{Code, Facts, Finding, ProfileId, Stage};

use crate::approval_budget::moves_on;
use crate::escalation::asks_on_call;
use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Is the last round of approvals: the second, for what appears only when the action is decided again.
const LAST_ROUND: i64 = 2;

/// Judges clock, flood and refusal, and that the sequencer gave everything [`super::finish`] reads.
///
/// Reads `now`, `clock.jumped`, `denials.flooding`, `cases.open`, `approval.met`, `approval.round` and `approval.refused`, and
/// where a profile asks whoever is on call, `approval.unattended`; where one does not wait for people without room, `approval.spent`.
pub(super) fn check(bundle: &BundleData, facts: &Facts) -> Vec<Finding> {
    let mut clock = Said::by(Stage::Evidence, facts);
    if clock.bool("clock.jumped") == Some(true) {
        clock.deny(Code::ClockJumped, "the clock jumped, so nothing that depends on time is granted", "clock.jumped");
    }
    clock.int("now");
    clock.int("approval.round");
    clock.list("approval.met");
    let mut quota = Said::by(Stage::Limits, facts);
    if quota.bool("denials.flooding") == Some(true) {
        quota.deny(Code::DenialsFlooding, "it has been denied so often that it must wait", "denials.flooding");
    }
    quota.int("cases.open");
    let mut people = Said::by(Stage::Review, facts);
    if people.bool("approval.refused") == Some(true) && !mutant::on(Mutant::RefusalForgotten) {
        let detail = "a person refused this very action; it may be proposed again once that has ended";
        people.deny(Code::ApprovalDenied, detail, "approval.refused");
    }
    if asks_on_call(bundle) {
        people.list("approval.unattended");
    }
    if moves_on(bundle) {
        people.list("approval.spent");
    }
    [clock.so_far(), quota.so_far(), people.so_far()].concat()
}

/// Says what stands against putting the missing profiles before people; nothing if a case may be opened.
///
/// There is no code of its own for a third round: what the approvals were about has changed since, twice, which is
/// `approval-void`. A profile the bundle does not have could never be met, so it is a missing fact.
pub(super) fn new_case(bundle: &BundleData, facts: &Facts, missing: &BTreeSet<ProfileId>) -> Vec<Finding> {
    let mut people = Said::by(Stage::Review, facts);
    if facts.int("approval.round").is_none_or(|round| round >= LAST_ROUND) && !mutant::on(Mutant::RoundsNeverEnd) {
        let detail = "people were asked twice, and once more something else needs approval";
        people.deny(Code::ApprovalVoid, detail, "approval.round");
    }
    for profile in missing.iter().filter(|profile| !bundle.profiles.contains_key(profile)) {
        let name = format!("profile:{profile}");
        people.deny(Code::FactMissing, format!("the bundle has no profile `{profile}` that could approve"), name);
    }
    let looked_at = asks_on_call(bundle) && !mutant::on(Mutant::UnattendedProfileAsked);
    let unattended = facts.list("approval.unattended").filter(|_| looked_at).unwrap_or_default();
    for profile in missing.iter().filter(|profile| unattended.iter().any(|name| name == profile.as_str())) {
        let detail = format!("nobody is on call who may answer for `{profile}`, nor will be in its time");
        people.deny(Code::NobodyOnCall, detail, "approval.unattended");
    }
    let counted = moves_on(bundle) && !mutant::on(Mutant::SpentProfileAsked);
    let spent = facts.list("approval.spent").filter(|_| counted).unwrap_or_default();
    for profile in missing.iter().filter(|profile| spent.iter().any(|name| name == profile.as_str())) {
        let detail = format!("whoever could answer for `{profile}` has decided as often as fits into an hour");
        people.deny(Code::ApproversSpent, detail, "approval.spent");
    }
    let mut quota = Said::by(Stage::Limits, facts);
    let max = i64::from(bundle.head.hold.open_cases_max);
    if facts.int("cases.open").is_none_or(|open| open >= max) {
        quota.deny(Code::CasesFull, format!("at most {max} cases may be open at a time"), "cases.open");
    }
    [people.so_far(), quota.so_far()].concat()
}
