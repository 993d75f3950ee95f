//! Each rule is broken once, in an account that is sound otherwise.

use countersign_torture::books::{Ack, Call, Fate, Tool};
use countersign_torture::checker::{Evidence, Rule, check};
use countersign_torture::journal::{Action, Ended, Start};
use countersign_torture::sink::{Effect, Seen};
use types::OutcomeStatus::{self, Done, Failed, InDoubt};

fn call(tool: Tool, fate: Fate) -> Call {
    Call { tool, agent: "agent-0".into(), run: 1, fate }
}

fn effect(name: &str, tool: Tool) -> Effect {
    let key = (tool == Tool::Keyed).then(|| format!("act-{name}"));
    Effect { call: name.into(), agent: "agent-0".into(), tool: tool.name().into(), at: 2_000, key }
}

fn refused(name: &str) -> Fate {
    Fate::Answered(Ack::Refused { code: "policy-forbids".into(), action: Some(format!("act-{name}")) })
}

/// An account of one kill: six calls before it, two of them cut off, and the start after it.
fn sound() -> Evidence {
    let mut evidence = Evidence { ready: 1, started: 1, ..Evidence::default() };
    evidence.journal.starts.push(Start { index: 10, in_flight: 2 });
    evidence.journal.size = 20;
    let done = Fate::Answered(Ack::Done);
    let failed = Fate::Answered(Ack::Failed);
    add(&mut evidence, "done", Tool::Unsafe, done.clone(), 1, Some((2, Done)));
    add(&mut evidence, "failed", Tool::Keyed, failed, 3, Some((4, Failed)));
    add(&mut evidence, "read", Tool::Read, done.clone(), 5, Some((6, Done)));
    add(&mut evidence, "denied", Tool::Denied, refused("denied"), 7, None);
    add(&mut evidence, "cut", Tool::Unsafe, Fate::Cut, 8, Some((11, InDoubt)));
    add(&mut evidence, "cut-keyed", Tool::Keyed, Fate::Cut, 9, Some((12, InDoubt)));
    add(&mut evidence, "keyed", Tool::Keyed, done, 13, Some((14, Done)));
    evidence.calls.insert("never-recorded".into(), call(Tool::Unsafe, Fate::Cut));
    for (name, tool) in [("done", Tool::Unsafe), ("cut-keyed", Tool::Keyed), ("keyed", Tool::Keyed)] {
        evidence.effects.push(effect(name, tool));
    }
    evidence
}

fn add(evidence: &mut Evidence, name: &str, tool: Tool, fate: Fate, index: u64, outcome: Option<(u64, OutcomeStatus)>) {
    let action = Action {
        id: format!("act-{name}"),
        call: name.into(),
        agent: "agent-0".into(),
        tool: tool.name().into(),
        index,
        at: 1_000,
        permitted: tool != Tool::Denied,
        outcomes: outcome.into_iter().map(|(index, status)| Ended { index, status }).collect(),
    };
    evidence.calls.insert(name.into(), call(tool, fate));
    evidence.seen.insert(name.into(), Seen { arrivals: 1, ..Seen::default() });
    evidence.journal.actions.insert(action.id.clone(), action);
}

fn rules(plant: impl FnOnce(&mut Evidence)) -> Vec<Rule> {
    let mut evidence = sound();
    plant(&mut evidence);
    let mut rules: Vec<Rule> = check(&evidence).into_iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

fn action<'a>(evidence: &'a mut Evidence, name: &str) -> &'a mut Action {
    evidence.journal.actions.get_mut(&format!("act-{name}")).unwrap()
}

fn end(evidence: &mut Evidence, name: &str, fate: Fate) {
    evidence.calls.get_mut(name).unwrap().fate = fate;
}

#[test]
fn a_sound_account_has_no_violation() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn an_answer_whose_record_is_gone_is_found() {
    assert!(rules(|evidence| drop(evidence.journal.actions.remove("act-read"))).contains(&Rule::LostRecord));
    assert_eq!(rules(|evidence| drop(evidence.journal.actions.remove("act-denied"))), [Rule::LostRecord]);
}

#[test]
fn an_answer_whose_record_says_something_else_is_found() {
    assert_eq!(rules(|evidence| end(evidence, "failed", Fate::Answered(Ack::Done))), [Rule::LostRecord]);
    assert_eq!(rules(|evidence| end(evidence, "done", Fate::Answered(Ack::Failed))), [Rule::LostRecord]);
    assert_eq!(rules(|evidence| end(evidence, "denied", refused("other"))), [Rule::LostRecord]);
    assert!(rules(|evidence| action(evidence, "done").outcomes.clear()).contains(&Rule::LostRecord));
}

#[test]
fn a_second_effect_is_found() {
    assert_eq!(rules(|evidence| evidence.effects.push(effect("done", Tool::Unsafe))), [Rule::DoubleEffect]);
    assert_eq!(rules(|evidence| evidence.effects.push(effect("keyed", Tool::Keyed))), [Rule::DoubleEffect]);
}

#[test]
fn a_second_dispatch_is_found_where_nothing_may_be_repeated() {
    let twice = |evidence: &mut Evidence, name: &str| evidence.seen.get_mut(name).unwrap().arrivals = 2;
    assert_eq!(rules(|evidence| twice(evidence, "cut")), [Rule::DoubleEffect]);
    assert_eq!(rules(|evidence| twice(evidence, "keyed")), []);
}

#[test]
fn a_doubt_about_an_answered_call_is_unexplained() {
    let found = rules(|evidence| end(evidence, "cut", Fate::Answered(Ack::Done)));
    assert!(found.contains(&Rule::UnexplainedDoubt) && found.contains(&Rule::LostRecord), "{found:?}");
}

#[test]
fn a_doubt_without_a_kill_is_unexplained() {
    let found = rules(|evidence| end(evidence, "cut", Fate::Dropped));
    assert_eq!(found, [Rule::BrokenConnection, Rule::UnexplainedDoubt]);
}

#[test]
fn a_doubt_that_the_next_start_did_not_record_is_unexplained() {
    let late = |evidence: &mut Evidence| {
        action(evidence, "cut").outcomes = vec![Ended { index: 15, status: InDoubt }];
    };
    assert_eq!(rules(late), [Rule::UnexplainedDoubt, Rule::WrongRecovery]);
    let before = |evidence: &mut Evidence| {
        action(evidence, "cut").outcomes = vec![Ended { index: 9, status: InDoubt }];
        evidence.journal.starts = vec![Start { index: 10, in_flight: 1 }];
    };
    assert!(rules(before).contains(&Rule::UnexplainedDoubt));
}

#[test]
fn a_start_that_overlooks_an_action_in_flight_is_found() {
    let overlooked = |evidence: &mut Evidence| evidence.journal.starts = vec![Start { index: 10, in_flight: 1 }];
    assert!(rules(overlooked).contains(&Rule::WrongRecovery));
    let one_more = |evidence: &mut Evidence| evidence.journal.starts = vec![Start { index: 10, in_flight: 3 }];
    assert_eq!(rules(one_more), [Rule::WrongRecovery]);
}

#[test]
fn an_effect_without_a_record_is_found() {
    let alone = |evidence: &mut Evidence| evidence.effects.push(effect("never-recorded", Tool::Unsafe));
    assert_eq!(rules(alone), [Rule::UnrecordedEffect]);
}

#[test]
fn an_effect_before_its_record_is_found() {
    assert_eq!(rules(|evidence| evidence.effects[0].at = 999), [Rule::UnrecordedEffect]);
}

#[test]
fn an_effect_that_is_not_the_one_decided_is_found() {
    assert_eq!(rules(|evidence| evidence.effects[0].agent = "agent-1".into()), [Rule::UnrecordedEffect]);
    assert_eq!(rules(|evidence| evidence.effects[0].tool = Tool::Denied.name().into()), [Rule::UnrecordedEffect]);
    assert_eq!(rules(|evidence| evidence.effects[2].key = Some("act-other".into())), [Rule::UnrecordedEffect]);
    assert_eq!(rules(|evidence| evidence.effects[2].key = None), [Rule::UnrecordedEffect]);
}

#[test]
fn an_effect_of_what_was_refused_or_failed_is_found() {
    for (name, tool) in [("denied", Tool::Denied), ("failed", Tool::Keyed)] {
        assert_eq!(rules(|evidence| evidence.effects.push(effect(name, tool))), [Rule::ForbiddenEffect], "{name}");
    }
    let never_sent = |evidence: &mut Evidence| {
        action(evidence, "cut-keyed").outcomes = vec![Ended { index: 10, status: OutcomeStatus::NotDispatched }];
        evidence.journal.starts = vec![Start { index: 10, in_flight: 1 }];
    };
    assert!(rules(never_sent).contains(&Rule::ForbiddenEffect));
}

#[test]
fn an_effect_that_is_missing_is_found() {
    assert_eq!(rules(|evidence| drop(evidence.effects.remove(0))), [Rule::MissingEffect]);
}

#[test]
fn a_permit_without_an_outcome_is_found() {
    let open = |evidence: &mut Evidence| {
        add(evidence, "open", Tool::Unsafe, Fate::Cut, 15, None);
    };
    assert_eq!(rules(open), [Rule::OpenIntent]);
}

#[test]
fn books_that_do_not_add_up_are_found() {
    let nobody = |evidence: &mut Evidence| drop(evidence.calls.remove("read"));
    assert_eq!(rules(nobody), [Rule::WrongBooks]);
    let twice = |evidence: &mut Evidence| {
        action(evidence, "done").outcomes.push(Ended { index: 16, status: Done });
    };
    assert_eq!(rules(twice), [Rule::WrongBooks]);
    let again = |evidence: &mut Evidence| {
        let again = Action { id: "act-again".into(), ..action(evidence, "read").clone() };
        evidence.journal.actions.insert(again.id.clone(), again);
    };
    assert!(rules(again).contains(&Rule::WrongBooks));
    assert_eq!(rules(|evidence| evidence.journal.strays.push("act-stray".into())), [Rule::WrongBooks]);
}

#[test]
fn a_refusal_by_anything_but_the_policy_is_found() {
    assert_eq!(
        rules(|evidence| end(evidence, "cut", refused("cut"))),
        [Rule::UnexpectedRefusal, Rule::UnexplainedDoubt]
    );
}

#[test]
fn a_caller_that_ended_without_an_answer_is_found() {
    assert_eq!(rules(|evidence| end(evidence, "never-recorded", Fate::Open)), [Rule::BrokenConnection]);
    assert_eq!(rules(|evidence| end(evidence, "never-recorded", Fate::Dropped)), [Rule::BrokenConnection]);
}

#[test]
fn a_start_that_was_told_and_not_recorded_is_found() {
    assert_eq!(rules(|evidence| (evidence.ready, evidence.started) = (2, 2)), [Rule::LostStart]);
    assert_eq!(rules(|evidence| (evidence.ready, evidence.started) = (0, 0)), [Rule::LostStart]);
}
