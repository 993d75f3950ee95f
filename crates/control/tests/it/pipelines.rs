//! Pipelines: a version that is registered goes step by step to where it is promoted, or says at which step it ended and why.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_control::keys::Holder;
use countersign_control::levels::LevelWish;
use countersign_control::tracking::kept::{Pair, RunChange};
use countersign_control::tracking::{
    EVALUATE_TAG, ModelVersionWish, NewCheck, NewEvaluation, NewRun, PipelineShown, Tracking,
};
use evidence::{Content, Field, RecordKind};
use policy::BundleFiles;
use testkit::{World, bundle, world_with};
use types::attestation::{Attestation, PIPELINE_STEPPED};
use types::case::{Ballot, CaseState};
use types::pipeline::PipelineStepped;
use types::{ActionId, AutonomyLevel, CaseId, Code, PersonId, Principal, ToolName};

use crate::safety::approve;

const HOUR_MS: i64 = 3_600_000;

pub const PROMPT: &str = "mlflow.prompt.is_prompt";

/// Promotes at once.
pub const PLAIN: &str = "models = ['fraud']\n[promote]\nalias = 'champion'\nreason = 'it is new'\n";

pub fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

pub fn holder(name: &str) -> Holder {
    Holder { principal: Principal::Person(person(name)), on_behalf_of: None }
}

pub fn agent() -> Holder {
    Holder { principal: Principal::Agent("sre-bot".parse().unwrap()), on_behalf_of: None }
}

pub fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

pub fn with(pipeline: &str) -> BundleFiles {
    let mut files = bundle();
    files.insert("pipelines/fraud.toml", pipeline);
    files
}

/// A world with a pipeline, in which the agent assists with promotions, so that people are asked about what it wants.
pub async fn driven(pipeline: &str) -> World {
    let world = world_with(with(pipeline)).await;
    let wish = LevelWish {
        epoch: None,
        agent: "sre-bot".parse().unwrap(),
        class: "promotion".parse().unwrap(),
        level: AutonomyLevel::L1,
        environments: BTreeSet::new(),
        expires: world.control.now().plus(86_400_000),
        reason: "it trains them".into(),
    };
    world.control.give_first_level(&person("dan"), wish).await.unwrap();
    world
}

pub fn register_with(world: &World, who: &Holder, run: Option<String>, tags: Vec<Pair>) -> String {
    let tracking = tracking(world);
    let source = if tags.iter().any(|tag| tag.key == PROMPT) { "prompt-template" } else { "s3://b/a" }.to_owned();
    if tracking.registered_model("fraud").is_err() {
        tracking.create_registered_model(who, "fraud".into(), String::new(), Vec::new()).unwrap();
    }
    let wish = ModelVersionWish { name: "fraud".into(), source, run, tags, ..ModelVersionWish::default() };
    tracking.create_model_version(who, wish).unwrap().version.number.to_string()
}

pub fn register(world: &World, who: &Holder) -> String {
    register_with(world, who, None, Vec::new())
}

fn new_run(world: &World) -> String {
    let new = NewRun { experiment: "0".into(), name: "r".into(), user: "dan".into(), started: 1, tags: Vec::new() };
    tracking(world).create_run(new).unwrap().run.id
}

pub async fn shown(world: &World, number: &str) -> Option<PipelineShown> {
    world.control.pipeline("fraud".into(), number.into()).await.unwrap()
}

/// Returns where a version stands.
pub async fn stands(world: &World, number: &str) -> (String, String) {
    let Some(PipelineShown { driven, .. }) = shown(world, number).await else { return ("none".into(), String::new()) };
    (format!("{} {}", driven.step.name(), driven.state.name()), driven.why.unwrap_or_default())
}

/// Waits until a version stands somewhere, and returns why.
pub async fn until(world: &World, number: &str, wanted: &str) -> String {
    let mut last = (String::new(), String::new());
    for _ in 0..400 {
        last = stands(world, number).await;
        if last.0 == wanted {
            return last.1;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never {wanted}, but {last:?}: {:#?}", steps(world, number).await);
}

/// Returns what became of each step.
pub async fn steps(world: &World, number: &str) -> Vec<String> {
    let all = shown(world, number).await.unwrap().steps;
    all.into_iter()
        .map(|one| match one.what {
            Attestation::PipelineStepped(step) => format!("{} {}", step.step.name(), step.state.name()),
            _ => panic!("another record"),
        })
        .collect()
}

/// Returns which version runs.
pub fn running(world: &World) -> Option<i64> {
    tracking(world).model_version_of_alias("fraud", "champion").ok().map(|shown| shown.version.number)
}

/// Returns the actions that were decided in the registry, in order, each once.
pub fn proposed(world: &World) -> Vec<ActionId> {
    let mut found: Vec<ActionId> = Vec::new();
    for (leaf, content) in crate::replay::decided(world) {
        let tool: Option<ToolName> = Content::get(&content, Field::Tool).unwrap();
        if tool.is_some_and(|tool| tool.server.as_str() == "registry") {
            found.extend(leaf.action);
        }
    }
    found.dedup();
    found
}

pub fn open_case(world: &World) -> CaseId {
    let open: Vec<_> = world.control.cases().into_iter().filter(|case| case.state == CaseState::Open).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].id
}

pub async fn evaluate(world: &World, number: &str, suite: &str, passed: bool) {
    let check = NewCheck { name: "auc".into(), passed: Some(passed), ..NewCheck::default() };
    let new = NewEvaluation { suite: suite.into(), checks: vec![check], ..NewEvaluation::default() };
    world.control.evaluate_model(holder("eve"), ("fraud".into(), number.into()), new).await.unwrap();
}

/// Gives what goes on time to do something that it should not.
pub async fn settle(world: &World) {
    for _ in 0..3 {
        world.control.drive_pipelines().await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_promoted_by_itself_where_policy_permits_it() {
    let world = driven(PLAIN).await;
    let number = register(&world, &holder("dan"));
    until(&world, &number, "promote done").await;
    assert_eq!(running(&world), Some(1));
    assert_eq!(steps(&world, &number).await, ["register done", "validate done", "approve done", "promote done"]);
    let driven = shown(&world, &number).await.unwrap().driven;
    let path = world.control.trace(&driven.action.unwrap().parse().unwrap()).unwrap();
    let proposal = path.proposal.unwrap();
    assert_eq!(
        (proposal.principal, proposal.tool.to_string().as_str()),
        (holder("dan").principal, "registry.set_alias")
    );
    assert_eq!(proposal.claims.purpose.as_deref(), Some("it is new (pipeline fraud)"));
    // Each step is in the journal.
    world.control.drive_pipelines().await.unwrap();
    let recorded = world
        .control
        .history()
        .range(0, 1_000)
        .unwrap()
        .into_iter()
        .filter(|entry| entry.leaf.kind == RecordKind::Model && entry.leaf.status == Some(PIPELINE_STEPPED));
    let recorded: Vec<PipelineStepped> =
        recorded.map(|entry| entry.content.unwrap().get(Field::Body).unwrap().unwrap()).collect();
    assert_eq!(recorded.len(), 4);
    assert!(recorded.iter().all(|step| step.pipeline == "fraud" && step.version == 1));
    assert!(shown(&world, &number).await.unwrap().steps.iter().all(|step| step.record.is_some()));
    assert_eq!(proposed(&world).len(), 1);
    let dossier = world.control.model_dossier("fraud".into(), number).await.unwrap().dossier;
    assert_eq!(dossier.stepped.len(), 4);
    crate::rebuild::assert_equal(&crate::rebuild::look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_person_waits_and_is_promoted_once_they_approve_also_after_a_restart() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let case = open_case(&world);
    assert_eq!(
        world.control.case(&case).unwrap().case.requester,
        agent().principal,
        "in the name of who registered it"
    );
    assert_eq!(running(&world), None);
    let world = world.restart().await;
    settle(&world).await;
    assert_eq!(stands(&world, &number).await.0, "approve waiting");
    assert_eq!(proposed(&world).len(), 1, "it is not proposed again");
    approve(&world, case).await;
    until(&world, &number, "promote done").await;
    assert_eq!(running(&world), Some(1));
    let all = shown(&world, &number).await.unwrap().steps;
    let Attestation::PipelineStepped(approved) = &all[all.len() - 2].what else { panic!() };
    assert_eq!(approved.why.as_deref(), Some("person:ben approved it: it is"));
    assert_eq!(proposed(&world).len(), 2, "asked once, carried out once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_what_they_have_registered_themselves() {
    let mut files = with(PLAIN);
    let policies = files.get("policies/starter.cedar").unwrap().replace(
        "@id(\"registry.owners\")\npermit (principal in Group::\"owners\", action in Action::\"class:promotion\", resource)\nwhen { context.mode == Mode::\"monitored\" };",
        "@id(\"registry.owners\")\n@escalate(\"owner\")\npermit (principal in Group::\"owners\", action in Action::\"class:promotion\", resource)\nwhen { context.mode == Mode::\"approved\" };",
    );
    files.insert("policies/starter.cedar", policies);
    let world = world_with(files).await;
    let number = register(&world, &holder("cleo"));
    until(&world, &number, "approve waiting").await;
    let case = open_case(&world);
    let view = world.control.case(&case).unwrap().case;
    let own = world.control.vote(&person("cleo"), case, Ballot::Approve, "mine", view.shown, false).await;
    assert_eq!(own.unwrap_err().code, Code::VoterExcluded);
    assert_eq!(running(&world), None);
    approve(&world, case).await;
    until(&world, &number, "promote done").await;
    assert_eq!(running(&world), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_may_do_no_more_than_whoever_registered() {
    let world = driven(PLAIN).await;
    let number = register(&world, &holder("eve"));
    let why = until(&world, &number, "promote failed").await;
    assert!(why.starts_with("policy-denies"), "{why}");
    let driven = shown(&world, &number).await.unwrap().driven;
    let path = world.control.trace(&driven.action.unwrap().parse().unwrap()).unwrap();
    assert_eq!(path.proposal.unwrap().principal, holder("eve").principal);
    assert_eq!(running(&world), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_lacks_something_ends_at_its_validation_and_says_all_of_it() {
    let pipeline = format!(
        "{PLAIN}[validate]\ngaps_refused = ['no-run', 'not-sealed']\ntags = ['owner', 'use']\nsigned = true\ndata_checked = true\n"
    );
    let world = driven(&pipeline).await;
    let number = register_with(&world, &holder("dan"), None, vec![Pair { key: "use".into(), value: "cards".into() }]);
    let why = until(&world, &number, "validate failed").await;
    assert_eq!(
        why,
        "no-run: it names no run that it was made in; not-sealed: its files are not sealed, so they may change; \
         neither it nor its model has the tag `owner`"
    );
    assert!(proposed(&world).is_empty() && running(&world).is_none());

    let world = driven(&format!("{PLAIN}[validate]\nsigned = true\n")).await;
    let number = register(&world, &holder("dan"));
    let why = until(&world, &number, "validate failed").await;
    assert_eq!(why, "it is no sealed model, so no signature came with it");

    let allowed = "gaps_allowed = ['no-run', 'not-sealed', 'no-evaluation', 'no-environment', 'no-infrastructure']";
    let world = driven(&format!("{PLAIN}[validate]\n{allowed}\ntags = ['owner']\n")).await;
    let number = register_with(&world, &holder("dan"), None, vec![Pair { key: "owner".into(), value: "ana".into() }]);
    until(&world, &number, "promote done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_is_waited_for() {
    let world = driven(&format!("{PLAIN}[validate]\ngaps_refused = ['run-not-finished', 'not-anchored']\n")).await;
    let run = new_run(&world);
    let number = register_with(&world, &holder("dan"), Some(run.clone()), Vec::new());
    until(&world, &number, "validate waiting").await;
    let change = RunChange { status: Some("FINISHED".into()), ended: Some(9), name: None };
    tracking(&world).change_run(run, change).unwrap();
    until(&world, &number, "promote done").await;

    let number = register_with(&world, &holder("dan"), Some(new_run(&world)), Vec::new());
    until(&world, &number, "validate waiting").await;
    world.clock.advance(25 * HOUR_MS);
    world.control.drive_pipelines().await.unwrap();
    let why = until(&world, &number, "validate failed").await;
    assert!(why.contains("goes on, a day after"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluations_are_waited_for_and_told_by_a_tag() {
    let pipeline = format!("{PLAIN}[evaluate]\nsuites = ['fair', 'holdout']\nwithin_hours = 2\n");
    let world = driven(&pipeline).await;
    let number = register(&world, &holder("dan"));
    until(&world, &number, "evaluate waiting").await;
    let tagged = tracking(&world).model_version("fraud", &number).unwrap().version.tags;
    assert_eq!(tagged, [Pair { key: EVALUATE_TAG.into(), value: "fair,holdout".into() }]);
    evaluate(&world, &number, "other", false).await;
    evaluate(&world, &number, "holdout", true).await;
    settle(&world).await;
    let (at, why) = stands(&world, &number).await;
    assert_eq!(
        (at.as_str(), why.as_str()),
        ("evaluate waiting", "it is to pass fair within 2 hours of its registration")
    );
    assert_eq!(running(&world), None);
    evaluate(&world, &number, "fair", true).await;
    until(&world, &number, "promote done").await;
    assert_eq!(running(&world), Some(1));

    let number = register(&world, &holder("dan"));
    until(&world, &number, "evaluate waiting").await;
    evaluate(&world, &number, "fair", false).await;
    assert_eq!(until(&world, &number, "evaluate failed").await, "it failed fair");

    let number = register(&world, &holder("dan"));
    until(&world, &number, "evaluate waiting").await;
    world.clock.advance(2 * HOUR_MS + 1_000);
    world.control.drive_pipelines().await.unwrap();
    assert_eq!(
        until(&world, &number, "evaluate failed").await,
        "nobody told within 2 hours that it passed fair, holdout"
    );
    evaluate(&world, &number, "fair", true).await;
    evaluate(&world, &number, "holdout", true).await;
    settle(&world).await;
    assert_eq!((stands(&world, &number).await.0.as_str(), running(&world)), ("evaluate failed", Some(1)), "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_refuse_or_leave_ends_there() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let case = open_case(&world);
    let view = world.control.case(&case).unwrap().case;
    world.control.vote(&person("ben"), case, Ballot::Deny, "too soon", view.shown, false).await.unwrap();
    assert_eq!(until(&world, &number, "approve failed").await, "person:ben refused it: too soon");

    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    world.clock.advance(600_001);
    let why = until(&world, &number, "approve failed").await;
    assert!(why.starts_with("nobody decided in time"), "{why}");
    assert_eq!(running(&world), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_nobody_looked_is_read_from_the_journal() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let case = open_case(&world);
    let view = world.control.case(&case).unwrap().case;
    world.control.vote(&person("ben"), case, Ballot::Deny, "too soon", view.shown, false).await.unwrap();
    until(&world, &number, "approve failed").await;
    // As if the process had ended before it noted what became of it.
    assert_eq!(world.alter_tracked("UPDATE pipeline SET step = 'approve', state = 'waiting', why = NULL"), 1);
    let world = world.restart().await;
    assert_eq!(until(&world, &number, "approve failed").await, "person:ben refused it: too soon");
    assert_eq!(proposed(&world).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_between_two_steps_proposes_nothing_twice() {
    let world = driven(PLAIN).await;
    let number = register(&world, &holder("dan"));
    until(&world, &number, "promote done").await;
    let first = proposed(&world);
    // As if the process had ended after the promotion, and before it noted anything of it.
    assert_eq!(world.alter_tracked("UPDATE pipeline SET step = 'validate', state = 'done', why = NULL"), 1);
    let world = world.restart().await;
    until(&world, &number, "promote done").await;
    assert_eq!(proposed(&world), first);

    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let second = proposed(&world);
    // As if it had ended between the case and the note of it.
    assert_eq!(
        world.alter_tracked("UPDATE pipeline SET step = 'validate', state = 'done', why = NULL WHERE number = 2"),
        1
    );
    let world = world.restart().await;
    until(&world, &number, "approve waiting").await;
    assert_eq!(proposed(&world), second);
    approve(&world, open_case(&world)).await;
    until(&world, &number, "promote done").await;
    let done = proposed(&world).len();
    // As if it had ended between the move and the note of it.
    assert_eq!(
        world.alter_tracked("UPDATE pipeline SET step = 'approve', state = 'waiting', why = NULL WHERE number = 2"),
        1
    );
    let world = world.restart().await;
    until(&world, &number, "promote done").await;
    assert_eq!((proposed(&world).len(), running(&world)), (done, Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proposed_and_could_not_be_noted_is_proposed_once() {
    let world = driven(PLAIN).await;
    let trigger = "CREATE TRIGGER no_note BEFORE UPDATE ON pipeline WHEN NEW.step = 'approve' \
                   BEGIN SELECT RAISE(ABORT, 'planted'); END";
    world.alter_tracked(trigger);
    let number = register(&world, &agent());
    until(&world, &number, "validate done").await;
    for _ in 0..200 {
        if !proposed(&world).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    settle(&world).await;
    let world = world.restart().await;
    settle(&world).await;
    assert_eq!(proposed(&world).len(), 1);
    world.alter_tracked("DROP TRIGGER no_note");
    world.control.drive_pipelines().await.unwrap();
    until(&world, &number, "approve waiting").await;
    assert_eq!(proposed(&world).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_was_noted_and_never_proposed_is_proposed_under_that_name() {
    let world = driven(&format!("{PLAIN}[evaluate]\nsuites = ['holdout']\nwithin_hours = 2\n")).await;
    let number = register(&world, &holder("dan"));
    until(&world, &number, "evaluate waiting").await;
    let noted = ActionId::draw(world.control.now(), [7; 10]);
    let sql = format!("UPDATE pipeline SET step = 'evaluate', state = 'done', why = NULL, action = '{noted}'");
    assert_eq!(world.alter_tracked(&sql), 1);
    let world = world.restart().await;
    until(&world, &number, "promote done").await;
    assert_eq!(proposed(&world), [noted]);
}
