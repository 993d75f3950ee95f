//! The join, the approvals and the permit.

use countersign_stages::decision::{Finished, Late, PERMIT_MS, PolicyAnswer, finish, pre};
use serde_json::{Value, json};
use types::decision::{Risk, RiskFactor, SEMANTICS};
use types::{AutonomyLevel, CaseId, Code, Digest, Facts, Finding, Millis, Restriction, Stage, Verdict};

use crate::world::{changed, decide, facts};

const NOW: i64 = 1_767_607_200_050;

fn late(case: Option<CaseId>) -> Late {
    Late { facts: Facts::new(), bundle: Digest([9; 32]), case, permit_ms: PERMIT_MS }
}

fn permits() -> PolicyAnswer {
    PolicyAnswer {
        findings: vec![Finding::new(Stage::Policy, Restriction::Allow, Code::PolicyPermits, "", "p1")],
        policies: vec!["p1".to_owned()],
        obligations: vec!["careful".parse().unwrap()],
    }
}

fn finished(change: &Value, answer: PolicyAnswer, late: Late) -> Finished {
    let case = changed(change);
    let risk = Risk { score: 10, factors: vec![RiskFactor { name: "f".into(), points: 10 }] };
    finish(&case.bundle, &case.proposal, pre(&case.bundle, &case.proposal, case.facts.clone(), risk, answer), late)
}

#[test]
fn a_permit_carries_the_exact_action_and_nothing_more() {
    let case = changed(&json!({}));
    let Finished { decision, granted } = finished(&json!({}), permits(), late(None));
    let permit = granted.unwrap().permit;
    assert_eq!(decision.verdict, Verdict::Allow);
    assert_eq!((permit.action(), permit.action_digest()), (case.proposal.id, case.proposal.digest()));
    assert_eq!((permit.tenant(), permit.principal()), (&case.proposal.tenant, &case.proposal.principal));
    assert_eq!(permit.class().as_str(), "restart");
    assert_eq!((permit.tool(), permit.definition()), (&case.proposal.tool, case.proposal.definition));
    assert_eq!(permit.arguments().canonical(), r#"{"amount":5,"service":"cart"}"#);
    assert_eq!((permit.case(), permit.bundle()), (None, Digest([9; 32])));
    assert_eq!(permit.obligations(), ["careful".parse().unwrap()]);
    assert_eq!(permit.expires_at(), Millis(NOW + 30_000));
    assert!(!permit.is_expired(Millis(NOW + 29_999)) && permit.is_expired(Millis(NOW + 30_000)));
}

#[test]
fn a_permit_under_a_break_glass_ends_with_it() {
    let under = |left_ms: i64| {
        facts(json!({
            "level.rank": 1, "glass.id": "glass_019b8f4be2807000a1b2c3d4e5f60718", "glass.people": ["cyd", "bob"],
            "glass.expires_at": NOW + left_ms, "glass.left": 5,
        }))
    };
    let expires = |left_ms: i64| {
        let mut change = under(left_ms);
        change["bundle"]["break_glass"] =
            json!({ "groups": ["sre"], "minutes": 30, "reviewers": "dba", "review_hours": 24 });
        let Finished { decision, granted } = finished(&change, permits(), late(None));
        assert_eq!(decision.verdict, Verdict::AllowObserved);
        granted.unwrap().permit.expires_at()
    };
    assert_eq!(expires(29_999), Millis(NOW + 29_999));
    assert_eq!(expires(60_000), Millis(NOW + 30_000));
    // What needs no break-glass does not end with the one that is in force.
    let mut free = under(10);
    free["facts"]["level.rank"] = json!(2);
    assert_eq!(finished(&free, permits(), late(None)).granted.unwrap().permit.expires_at(), Millis(NOW + 30_000));
}

#[test]
fn a_decision_records_everything_it_rests_on() {
    let case = changed(&json!({}));
    let decision = finished(&json!({}), permits(), late(None)).decision;
    assert_eq!((decision.action, decision.action_digest), (case.proposal.id, case.proposal.digest()));
    assert_eq!((decision.at, decision.semantics, decision.bundle), (Millis(NOW), SEMANTICS, Digest([9; 32])));
    assert_eq!((decision.level, decision.case), (AutonomyLevel::L2, None));
    assert_eq!((decision.policies.as_slice(), decision.risk.score), (["p1".to_owned()].as_slice(), 10));
    assert_eq!(decision.facts, case.facts);
}

#[test]
fn the_level_of_a_decision_is_the_one_in_force() {
    for (change, level) in [
        (json!({}), AutonomyLevel::L2),
        (facts(json!({ "level.rank": 1 })), AutonomyLevel::L1),
        (facts(json!({ "level.expires_at": NOW })), AutonomyLevel::L0),
        (facts(json!({ "level.rank": null })), AutonomyLevel::L0),
        (json!({ "proposal": { "principal": { "agent": null, "person": "bob" } } }), AutonomyLevel::L0),
    ] {
        assert_eq!(decide(&change).decision.level, level, "{change}");
    }
}

#[test]
fn what_is_not_permitted_gets_neither_permit_nor_reservation() {
    for (change, verdict) in [(json!({ "level.rank": 1 }), "escalate"), (json!({ "switch.agent": true }), "deny")] {
        let Finished { decision, granted } = decide(&facts(change));
        assert_eq!(decision.verdict.as_str(), verdict);
        assert_eq!(granted, None);
    }
}

#[test]
fn an_allowed_action_reserves_from_what_covers_it() {
    let reservation = finished(&json!({}), permits(), late(None)).granted.unwrap().reservation;
    assert_eq!(reservation.rates, ["restarts".parse().unwrap()]);
    assert_eq!(reservation.budgets, [("spend".parse().unwrap(), 5)]);
    let elsewhere = json!({ "proposal": { "principal": { "agent": "hr-bot" } }, "facts": { "tool.class": "look" } });
    let reservation = finished(&elsewhere, permits(), late(None)).granted.unwrap().reservation;
    assert_eq!((reservation.rates.len(), reservation.budgets.len()), (0, 0));
}

#[test]
fn approvals_lift_escalations_and_consume_their_case() {
    let case = CaseId::draw(Millis(1), [1; 10]);
    let met = facts(json!({ "level.rank": 1, "approval.met": ["sre"], "approval.round": 1 }));
    let Finished { decision, granted } = finished(&met, permits(), late(Some(case)));
    assert_eq!((decision.verdict, decision.case), (Verdict::AllowObserved, Some(case)));
    assert_eq!(granted.unwrap().permit.case(), Some(case));
    assert!(decision.findings.iter().any(|finding| matches!(finding.restriction, Restriction::Escalate(_))));
}

#[test]
fn approvals_without_a_case_to_consume_give_no_permit() {
    let met = facts(json!({ "level.rank": 1, "approval.met": ["sre"], "approval.round": 1 }));
    let Finished { decision, granted } = finished(&met, permits(), late(None));
    assert_eq!((decision.verdict, decision.case, granted), (Verdict::AllowObserved, None, None));
}

#[test]
fn a_permit_is_of_a_class_or_there_is_none() {
    let odd = facts(json!({ "tool.class": "no class!" }));
    let elsewhere = json!({ "proposal": { "principal": { "agent": "hr-bot" } }, "facts": odd["facts"] });
    let Finished { decision, granted } = finished(&elsewhere, permits(), late(None));
    assert_eq!((decision.verdict, granted), (Verdict::Allow, None));
}

#[test]
fn a_case_is_not_consumed_when_nothing_needs_it_or_nothing_runs() {
    let case = CaseId::draw(Millis(1), [1; 10]);
    let idle = facts(json!({ "approval.met": ["sre"], "approval.round": 1 }));
    let allowed = finished(&idle, permits(), late(Some(case)));
    assert_eq!((allowed.decision.verdict, allowed.decision.case), (Verdict::Allow, None));
    assert_eq!(allowed.granted.unwrap().permit.case(), None);
    let killed = facts(json!({ "level.rank": 1, "approval.met": ["sre"], "approval.round": 1, "switch.agent": true }));
    assert_eq!(finished(&killed, permits(), late(Some(case))).decision.case, None);
}

#[test]
fn a_policy_engine_that_says_nothing_denies() {
    let Finished { decision, granted } = finished(&json!({}), PolicyAnswer::default(), late(None));
    assert_eq!((decision.verdict, granted), (Verdict::Deny, None));
    assert!(decision.findings.iter().any(|finding| finding.code == Code::PolicyDenies));
}

#[test]
fn what_the_sequencer_knows_wins_over_the_snapshot() {
    let mut killed = late(None);
    killed.facts.set(types::FactName::known("switch.agent"), true, "switches", Millis(NOW));
    assert_eq!(finished(&json!({}), permits(), killed).decision.verdict, Verdict::Deny);
}

#[test]
fn a_permit_never_outlives_what_was_asked() {
    for (permit_ms, expires) in [(0, NOW), (-5, NOW), (5, NOW + 5), (i64::MAX, i64::MAX)] {
        let late = Late { permit_ms, ..late(None) };
        assert_eq!(finished(&json!({}), permits(), late).granted.unwrap().permit.expires_at(), Millis(expires));
    }
}
