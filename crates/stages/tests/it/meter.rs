//! The counters of a principal over several actions.

use countersign_stages::limits::{Meter, Reservation};
use serde_json::json;
use types::Millis;

use crate::world::{changed, decide};

const NOW: Millis = Millis(1_767_607_200_050);

#[test]
fn an_unused_meter_is_full() {
    let case = changed(&json!({}));
    let peeked = Meter::default().peek(&case.bundle, &case.proposal, &case.facts, NOW);
    let named: Vec<(&str, Option<i64>)> =
        peeked.iter().map(|fact| (fact.name.as_str(), peeked.int(fact.name.as_str()))).collect();
    assert_eq!(named, [("budget.spend", Some(100)), ("budget.spend.asked", Some(5)), ("rate.restarts", Some(5))]);
}

#[test]
fn what_is_reserved_is_gone_until_it_comes_back() {
    let case = changed(&json!({}));
    let reservation = decide(&json!({})).granted.unwrap().reservation;
    let mut meter = Meter::default();
    for _ in 0..5 {
        meter.reserve(&case.bundle, &reservation, NOW);
    }
    let left = |at: Millis| {
        let peeked = meter.peek(&case.bundle, &case.proposal, &case.facts, at);
        (peeked.int("rate.restarts").unwrap(), peeked.int("budget.spend").unwrap())
    };
    assert_eq!(left(NOW), (0, 75));
    assert_eq!(left(NOW.plus(3_600_000 / 5)), (1, 75));
    assert_eq!(left(NOW.plus(86_400_000)), (5, 100));
}

#[test]
fn an_amount_nobody_can_read_is_more_than_any_budget() {
    for (arguments, asked) in [
        (json!({ "service": "cart", "amount": 12.5 }), 13),
        (json!({ "service": "cart", "amount": null }), i64::MAX),
        (json!({ "service": "cart", "amount": "5" }), i64::MAX),
        (json!({ "service": "cart", "amount": -5 }), i64::MAX),
    ] {
        let case = changed(&json!({ "proposal": { "arguments": arguments } }));
        let peeked = Meter::default().peek(&case.bundle, &case.proposal, &case.facts, NOW);
        assert_eq!(peeked.int("budget.spend.asked"), Some(asked), "{arguments}");
    }
}

#[test]
fn a_budget_without_a_pointer_counts_actions() {
    let case = changed(&json!({ "bundle": { "limits": { "budgets": { "spend": { "amount": null } } } } }));
    let peeked = Meter::default().peek(&case.bundle, &case.proposal, &case.facts, NOW);
    assert_eq!(peeked.int("budget.spend.asked"), Some(1));
}

#[test]
fn a_limit_the_bundle_dropped_is_passed_over() {
    let case = changed(&json!({ "bundle": { "limits": { "rates": { "restarts": null } } } }));
    let mut meter = Meter::default();
    let reservation = Reservation {
        rates: vec!["restarts".parse().unwrap()],
        budgets: vec![("spend".parse().unwrap(), 5)],
        ..Reservation::default()
    };
    meter.reserve(&case.bundle, &reservation, NOW);
    assert_eq!((meter.buckets.len(), meter.spends.len()), (0, 1));
}
