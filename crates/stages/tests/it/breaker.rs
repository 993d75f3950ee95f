//! Breakers over many actions: random endings and times against a simple model that remembers everything.

use countersign_stages::breaker::{self, Bulk, BulkStand, Circuit, Ending, Stand};
use serde_json::json;
use spec::vector::Vector;
use types::bundle::{BulkRule, CircuitRule, Scope};
use types::{ActionId, Code, LimitId, Millis, OutcomeStatus, Reversibility, Verdict};

use crate::fast;
use crate::generate::{Dice, bytes};
use crate::world::changed;

const BEGIN: i64 = 1_767_607_200_050;
const STEPS: u32 = 80;

fn action(n: u32) -> ActionId {
    let mut random = [0; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    ActionId::draw(Millis(BEGIN), random)
}

fn circuit_rule(dice: &mut Dice<'_>) -> CircuitRule {
    let of_last = dice.pick(&[1, 2, 3, 5]);
    let failures = dice.pick(&[1, 2, 3, 5]).min(of_last);
    let (pause_ms, probes) = (dice.pick(&[1, 5, 20]), dice.pick(&[1, 1, 2, 3]));
    let (successes, most) = (dice.pick(&[1, 1, 2]), dice.pick(&[1, 3, 8]));
    let within_ms = dice.pick(&[1, 10, 40]);
    let covers = Scope::default();
    CircuitRule { covers, failures, of_last, within_ms, pause_ms, pause_ms_max: pause_ms * most, probes, successes }
}

/// Is a circuit that forgets nothing and looks at everything anew.
struct Model<'a> {
    rule: &'a CircuitRule,
    /// Every ending that counts since it was closed last.
    endings: Vec<(i64, bool)>,
    /// Since when, for how long, and after how many failures in a row of its probes.
    open: Option<(i64, u32)>,
    out: Vec<u32>,
    succeeded: u32,
}

impl<'a> Model<'a> {
    fn new(rule: &'a CircuitRule) -> Self {
        Self { rule, endings: Vec::new(), open: None, out: Vec::new(), succeeded: 0 }
    }

    fn pause(&self, failed: u32) -> i64 {
        (0..failed).fold(self.rule.pause_ms, |pause, _| (2 * pause).min(self.rule.pause_ms_max))
    }

    /// Says how many calls it would let through now; all of them while it is closed.
    fn room(&self, now: i64) -> Option<u32> {
        let (at, failed) = self.open?;
        let tried = now - at >= self.pause(failed);
        Some(if tried { self.rule.probes - u32::try_from(self.out.len()).unwrap() } else { 0 })
    }

    fn permitted(&mut self, n: u32) {
        if self.open.is_some() {
            self.out.push(n);
        }
    }

    fn ended(&mut self, n: u32, status: OutcomeStatus, reported: bool, now: i64) {
        let sent = status != OutcomeStatus::NotDispatched;
        let good = status == OutcomeStatus::Done && !reported;
        let bad = sent && status != OutcomeStatus::Done;
        match self.open {
            None => {
                if good || bad {
                    self.endings.push((now, bad));
                }
                let last = self.endings.iter().rev().take(self.rule.of_last as usize);
                let failures = last.filter(|(at, bad)| *bad && now - at < self.rule.within_ms).count();
                if failures >= self.rule.failures as usize {
                    self.reopen(now, 0);
                }
            }
            Some((_, failed)) if self.out.contains(&n) => {
                self.out.retain(|out| *out != n);
                self.succeeded += u32::from(good);
                if bad {
                    self.reopen(now, failed + 1);
                } else if self.succeeded >= self.rule.successes {
                    *self = Self::new(self.rule);
                }
            }
            Some(_) => {}
        }
    }

    fn reopen(&mut self, now: i64, failed: u32) {
        *self = Self { open: Some((now, failed)), ..Self::new(self.rule) };
    }
}

/// Plays calls, endings and time to a circuit and to the model; says whether they agreed throughout.
pub fn circuits_agree(seed: u64) -> bool {
    let mut stream = bytes(seed);
    let dice = &mut Dice(&mut stream);
    let rule = circuit_rule(dice);
    let (mut circuit, mut model, mut flying) = (Circuit::default(), Model::new(&rule), Vec::new());
    let mut now = BEGIN;
    for n in 0..STEPS {
        now += dice.pick(&[0, 0, 1, 1, 4, 5, 9, 10, 11, 19, 20, 21, 40, 41]);
        let room = match circuit.stand(&rule, Millis(now)) {
            Stand::Closed => None,
            Stand::Open { .. } => Some(0),
            Stand::HalfOpen { free, .. } => Some(free),
        };
        if room != model.room(now) {
            return false;
        }
        if dice.once_in(2) && room != Some(0) {
            circuit.permitted(action(n), Millis(now));
            model.permitted(n);
            flying.push((n, dice.once_in(4)));
        } else if !flying.is_empty() {
            let place = usize::from(dice.below(u8::try_from(flying.len().min(200)).unwrap()));
            let (ends, reported) = flying.swap_remove(place);
            let status = dice.pick(&[
                OutcomeStatus::Done,
                OutcomeStatus::Done,
                OutcomeStatus::Failed,
                OutcomeStatus::InDoubt,
                OutcomeStatus::NotDispatched,
            ]);
            circuit.ended(&rule, &action(ends), Ending::of(status, reported), Millis(now));
            model.ended(ends, status, reported, now);
        }
        assert!(circuit.endings.len() <= rule.of_last as usize, "what is kept is bounded");
    }
    true
}

#[test]
fn a_circuit_stands_as_a_model_that_forgets_nothing() {
    for seed in 0..4_000 {
        assert!(circuits_agree(seed), "seed={seed}");
    }
}

fn bulk_rule(dice: &mut Dice<'_>) -> BulkRule {
    BulkRule {
        covers: Scope::default(),
        counts: [Reversibility::Compensable].into(),
        permits_max: dice.pick(&[1, 2, 3, 5]),
        within_ms: dice.pick(&[5, 20, 60]),
        profile: None,
        hold_ms: dice.pick(&[None, None, Some(7), Some(50)]),
    }
}

/// Decides a call by a bulk breaker's state, and lets the decision change it; says whether it was permitted.
fn called(case: &Vector, bulk: &mut Bulk, id: &LimitId, now: Millis) -> bool {
    let mut facts = case.facts.clone();
    facts.extend(breaker::peek(&case.bundle, &case.proposal, &facts, (&|_| None, &|_| Some(&*bulk)), now));
    let finished = fast::decide(&case.proposal, &facts, &case.bundle, &|asker, mode| case.permits(asker, mode));
    for stopped in breaker::stops(&finished.decision) {
        assert_eq!(stopped, *id);
        bulk.stop(now);
    }
    let granted = finished.granted.is_some();
    if granted {
        bulk.permitted(&case.bundle.breakers.bulks[id], now);
    }
    let stopped = finished.decision.findings.iter().any(|finding| finding.code == Code::BulkStopped);
    assert_eq!((granted, finished.decision.verdict == Verdict::Deny), (!stopped, stopped));
    granted
}

/// Plays calls and time to a bulk breaker and to a model of it; says whether they agreed throughout.
pub fn bulks_agree(seed: u64) -> bool {
    let mut stream = bytes(seed);
    let dice = &mut Dice(&mut stream);
    let mut case = changed(&json!({ "bundle": { "breakers": { "circuits": null } } }));
    let id: LimitId = "undoing".parse().unwrap();
    let rule = bulk_rule(dice);
    case.bundle.breakers.bulks.insert(id.clone(), rule.clone());
    let (mut bulk, mut permits, mut stopped): (_, Vec<i64>, Option<i64>) = (Bulk::default(), Vec::new(), None);
    let mut now = BEGIN;
    for _ in 0..STEPS / 2 {
        now += dice.pick(&[0, 0, 1, 1, 4, 5, 6, 7, 19, 20, 21, 59, 60, 61]);
        let held = stopped.is_some_and(|at| rule.hold_ms.is_none_or(|hold| now - at < hold));
        let full = permits.iter().filter(|at| now - **at < rule.within_ms).count() >= rule.permits_max as usize;
        if !held && full {
            stopped = Some(now);
        }
        if called(&case, &mut bulk, &id, Millis(now)) == (held || full) {
            return false;
        }
        if !held && !full {
            permits.push(now);
        }
        if dice.once_in(20) {
            (bulk, permits, stopped) = (Bulk::default(), Vec::new(), None);
        }
        assert!(bulk.permits.len() <= rule.permits_max as usize, "what is kept is bounded");
    }
    true
}

#[test]
fn a_bulk_breaker_stops_as_a_model_that_forgets_nothing() {
    for seed in 0..400 {
        assert!(bulks_agree(seed), "seed={seed}");
    }
}

#[test]
fn each_word_of_a_stand_is_the_one_of_the_fact() {
    let (at, until) = (Millis(0), Millis(1));
    let circuits = [Stand::Closed, Stand::Open { at, until }, Stand::HalfOpen { at, free: 1 }];
    assert_eq!(circuits.map(Stand::as_str), ["closed", "open", "half_open"]);
    let bulks = [BulkStand::Free, BulkStand::Full, BulkStand::Stopped { at, until: None }];
    assert_eq!(bulks.map(BulkStand::as_str), ["free", "full", "stopped"]);
}

/// What else stands against a call does not stop its agent: only a call that could have run is one too many.
#[test]
fn a_call_that_is_denied_anyway_stops_nobody() {
    let full = |more: serde_json::Value| {
        let mut facts = json!({ "bulk.undoing": "full" });
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let case = changed(&json!({ "facts": facts }));
        let decided = fast::decide(&case.proposal, &case.facts, &case.bundle, &|asker, mode| case.permits(asker, mode));
        breaker::stops(&decided.decision).len()
    };
    assert_eq!(full(json!({})), 1);
    assert_eq!(full(json!({ "rate.restarts": 0 })), 0);
    assert_eq!(full(json!({ "circuit.calls": "open" })), 0);
    assert_eq!(full(json!({ "bulk.undoing": "stopped" })), 0, "it was stopped before");
    assert_eq!(full(json!({ "bulk.undoing": "free" })), 0);
    assert_eq!(full(json!({ "switch.agent": true })), 0);
}
