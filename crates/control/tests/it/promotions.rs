//! Promotions: nothing in the registry of models moves without a decision, and what people approve is what is moved, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_control::keys::Holder;
use countersign_control::levels::LevelWish;
use countersign_control::promotions::NotMoved;
use countersign_control::tracking::kept::{ModelMove, MoveKind};
use countersign_control::tracking::{ModelVersionWish, Move, NewLoggedModel, Status, Tracking, artifact};
use policy::BundleFiles;
use replay::{Replayed, record};
use testkit::{World, bundle, world, world_with};
use types::case::CaseState;
use types::{ActionId, AutonomyLevel, CaseId, Code, OutcomeStatus, Principal, Target, Verdict};

use crate::safety::approve;

fn dan() -> Holder {
    Holder { principal: Principal::Person("dan".parse().unwrap()), on_behalf_of: None }
}

fn agent() -> Holder {
    Holder { principal: Principal::Agent("sre-bot".parse().unwrap()), on_behalf_of: None }
}

fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

/// A world in which the agent assists with promotions, so that people are asked about what it wants.
async fn assisted() -> World {
    let world = world().await;
    let wish = LevelWish {
        epoch: None,
        agent: "sre-bot".parse().unwrap(),
        class: "promotion".parse().unwrap(),
        level: AutonomyLevel::L1,
        environments: BTreeSet::new(),
        expires: world.control.now().plus(86_400_000),
        reason: "it trains them".into(),
    };
    world.control.give_first_level(&"dan".parse().unwrap(), wish).await.unwrap();
    world
}

/// Registers so many versions of `fraud`.
fn register(world: &World, versions: usize) {
    let tracking = tracking(world);
    tracking.create_registered_model(&dan(), "fraud".into(), String::new(), Vec::new()).unwrap();
    for n in 1..=versions {
        add(&tracking, &format!("s3://b/{n}"), None);
    }
}

fn add(tracking: &Tracking, source: &str, model: Option<&str>) {
    let (source, model) = (source.to_owned(), model.map(str::to_owned));
    let wish = ModelVersionWish { name: "fraud".into(), source, model, ..ModelVersionWish::default() };
    tracking.create_model_version(&dan(), wish).unwrap();
}

fn champion(version: &str) -> Move {
    Move::SetAlias { model: "fraud".into(), alias: "champion".into(), version: version.into() }
}

async fn moved(world: &World, who: Holder, wanted: Move) -> Result<Option<ActionId>, NotMoved> {
    world.control.move_model(who, wanted, Some("it is better".into())).await
}

async fn held(world: &World, wanted: Move) -> (CaseId, ActionId) {
    match moved(world, agent(), wanted).await {
        Err(NotMoved::Held(case, action)) => (case.id, action),
        other => panic!("{other:?}"),
    }
}

async fn denied(world: &World, who: Holder, wanted: Move) -> Code {
    match moved(world, who, wanted).await {
        Err(NotMoved::Denied(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

/// Returns which version runs.
fn running(world: &World) -> Option<i64> {
    tracking(world).model_version_of_alias("fraud", "champion").ok().map(|shown| shown.version.number)
}

fn history(world: &World) -> Vec<ModelMove> {
    let all = world.control.model_history("fraud", 0, 1_000).unwrap();
    all.into_iter().filter(|one| one.kind == MoveKind::AliasMoved).collect()
}

/// Waits until something is so, or gives up.
async fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_of_promotions_holds_everybody_up_until_it_ends() {
    let mut files = bundle();
    let day = "covers = { class = \"promotion\" }\nfrom = \"2026-01-01T00:00:00Z\"\nto = \"2026-01-07T00:00:00Z\"\nreason = \"the year ends\"\n";
    files.insert("limits.toml", format!("[freezes.year-end]\n{day}"));
    let world = world_with(files).await;
    register(&world, 2);
    assert_eq!(denied(&world, dan(), champion("2")).await, Code::ChangeFrozen);
    assert_eq!(running(&world), None);
    world.clock.advance(7 * 86_400_000);
    moved(&world, dan(), champion("2")).await.unwrap();
    assert_eq!(running(&world), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_decided_recorded_and_named_in_the_history() {
    let world = world().await;
    register(&world, 2);
    let action = moved(&world, dan(), champion("2")).await.unwrap().unwrap();
    assert_eq!(running(&world), Some(2));
    assert_eq!(history(&world)[0].action, Some(action.to_string()));
    let path = world.control.trace(&action).unwrap();
    assert_eq!(path.decision().unwrap().verdict, Verdict::AllowObserved);
    assert_eq!(path.outcome.unwrap().status, OutcomeStatus::Done);
    let proposal = path.proposal.unwrap();
    assert_eq!(
        (proposal.tool.to_string().as_str(), proposal.claims.purpose.as_deref()),
        ("registry.set_alias", Some("it is better"))
    );
    assert_eq!(
        proposal.arguments.canonical(),
        r#"{"alias":"champion","aliases":[],"failed":[],"gaps":["no-environment","no-evaluation","no-infrastructure","no-run","not-sealed"],"made_by":"person:dan","model":"fraud","model_tags":[],"passed":[],"prompt":false,"rollback":false,"sealed":false,"source":"s3://b/2","stage_before":"None","tags":[],"version":2}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_nothing_and_what_the_registry_refuses_is_put_to_nobody() {
    let world = assisted().await;
    register(&world, 1);
    moved(&world, dan(), champion("1")).await.unwrap();
    let size = world.control.history().size().unwrap();
    assert_eq!(moved(&world, agent(), champion("1")).await.unwrap(), None, "it names that already");
    for wanted in [champion("2"), champion("x"), Move::DeleteModel { model: "churn".into() }] {
        assert!(matches!(moved(&world, agent(), wanted).await, Err(NotMoved::Refused(_))));
    }
    assert_eq!(world.control.history().size().unwrap(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_people_is_moved_by_the_server_once_they_approve() {
    let world = assisted().await;
    register(&world, 1);
    let (case, asked) = held(&world, champion("1")).await;
    assert_eq!(held(&world, champion("1")).await.0, case, "asked again, it is the same case");
    assert_eq!(running(&world), None);
    approve(&world, case).await;
    until("it is moved", || running(&world) == Some(1)).await;
    let by = history(&world).remove(0);
    assert_eq!(by.by, "agent:sre-bot");
    let action: ActionId = by.action.unwrap().parse().unwrap();
    let path = world.control.trace(&action).unwrap();
    assert!(path.opened_by().contains(&asked));
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Consumed);
    assert_eq!(moved(&world, agent(), champion("1")).await.unwrap(), None, "whoever asks again changes nothing");
    let (bundles, decided) = (crate::replay::bundles(&world), crate::replay::decided(&world));
    for (leaf, content) in &decided {
        assert_eq!(record(leaf, Some(content), &bundles), Replayed::Equal);
    }
    assert!(decided.len() >= 3, "{}", decided.len());
    crate::rebuild::assert_equal(&crate::rebuild::look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_not_moved_once_what_it_rests_on_has_changed() {
    let world = assisted().await;
    register(&world, 3);
    let (case, _) = held(&world, champion("2")).await;
    moved(&world, dan(), champion("3")).await.unwrap();
    approve(&world, case).await;
    until("it is tried", || world.control.case(&case).unwrap().case.state == CaseState::Consumed).await;
    let tried = |world: &World| {
        let all = world.control.history().range(0, 1_000).unwrap();
        all.iter().filter_map(|entry| entry.leaf.action).next_back()
    };
    let action = tried(&world).unwrap();
    until("it has ended", || world.control.trace(&action).unwrap().outcome.is_some()).await;
    let outcome = world.control.trace(&action).unwrap().outcome.unwrap();
    assert_eq!(outcome.status, OutcomeStatus::Failed, "{outcome:?}");
    assert_eq!((running(&world), history(&world).len()), (Some(3), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_moved_once_though_it_is_asked_for_again_at_the_same_time() {
    for _ in 0..10 {
        let world = assisted().await;
        register(&world, 2);
        let (case, _) = held(&world, champion("1")).await;
        approve(&world, case).await;
        // Whoever asks again runs on the same approval as the server that carries it out by itself: one of the two finds it done.
        let again = moved(&world, agent(), champion("1")).await;
        until("it is moved", || running(&world) == Some(1)).await;
        assert!(again.is_ok(), "{again:?}");
        until("it is used up", || world.control.case(&case).unwrap().case.state == CaseState::Consumed).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(history(&world).len(), 1);
        let failed = world.control.history().range(0, 1_000).unwrap().into_iter().filter(|entry| {
            entry.leaf.kind == evidence::RecordKind::Outcome && entry.leaf.status != Some(OutcomeStatus::Done as u8)
        });
        assert_eq!(failed.count(), 0, "nothing was tried that was done already");
        let decided = crate::replay::decided(&world);
        let of_tool = |content: &evidence::Content| {
            let tool: Option<types::ToolName> = content.get(evidence::Field::Tool).unwrap();
            tool.is_some_and(|tool| tool.to_string() == "registry.set_alias")
        };
        assert_eq!(decided.iter().filter(|(_, content)| of_tool(content)).count(), 2, "asked once, carried out once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_stops_promotions_and_the_next_start_makes_those_approved_meanwhile() {
    let world = assisted().await;
    register(&world, 1);
    let (case, _) = held(&world, champion("1")).await;
    let target = Target::Tool("registry.set_alias".parse().unwrap());
    world.control.kill(dan().principal, target.clone(), "nothing is promoted today").await.unwrap();
    assert_eq!(denied(&world, dan(), champion("1")).await, Code::Killed);
    assert_eq!(running(&world), None);
    // A kill voids what it covers, so that nobody approves it unawares.
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Void);
    world.control.lift(&"dan".parse().unwrap(), target, "go on").await.unwrap();

    let (case, _) = held(&world, champion("1")).await;
    let world = world.restart().await;
    approve(&world, case).await;
    until("it is moved by the process after", || running(&world) == Some(1)).await;
}

fn without_registry() -> BundleFiles {
    let mut files = bundle();
    files.0.remove("catalog/registry.toml");
    let policies = files.get("policies/starter.cedar").unwrap();
    let begins = policies.find("@id(\"registry.owners\")").unwrap();
    let ends = policies.find("@id(\"destructive\")").unwrap();
    let policies = format!("{}{}", &policies[..begins], &policies[ends..]);
    files.insert("policies/starter.cedar", policies);
    let schema = files.get("schema.cedarschema").unwrap();
    let schema = schema[..schema.find("\n// Server registry.").unwrap()].to_owned()
        + &schema[schema.find("\n// Server sre.").unwrap()..];
    files.insert("schema.cedarschema", schema);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_catalogue_nothing_is_moved() {
    let world = world_with(without_registry()).await;
    register(&world, 1);
    let all = [
        champion("1"),
        Move::TransitionStage {
            model: "fraud".into(),
            version: "1".into(),
            stage: "Production".into(),
            archive: false,
        },
        Move::RenameModel { model: "fraud".into(), to: "other".into() },
        Move::DeleteVersion { model: "fraud".into(), version: "1".into() },
        Move::DeleteModel { model: "fraud".into() },
    ];
    for wanted in all {
        assert_eq!(denied(&world, dan(), wanted.clone()).await, Code::ToolUnknown, "{wanted:?}");
    }
    let shown = tracking(&world).model_version("fraud", "1").unwrap();
    assert_eq!((shown.version.stage.name(), shown.aliases.len()), ("None", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_reads_what_the_server_knows_of_a_version() {
    let mut files = bundle();
    let policies = files.get("policies/starter.cedar").unwrap().to_owned()
        + "@id(\"sealed\")\n@reason(\"its files are not sealed\")\nforbid (principal, action == Action::\"registry.set_alias\", \
           resource)\nunless { context.input.sealed && context.input has made_by && context.input.made_by == \"person:dan\" };\n";
    files.insert("policies/starter.cedar", policies);
    let world = world_with(files).await;
    register(&world, 1);
    assert_eq!(denied(&world, dan(), champion("1")).await, Code::PolicyForbids);

    let tracking = tracking(&world);
    let wish = NewLoggedModel { experiment: "0".into(), ..NewLoggedModel::default() };
    let model = tracking.create_logged_model(wish).unwrap().model;
    let file = artifact::path(&format!("0/models/{}/artifacts/MLmodel", model.id)).unwrap();
    let mut upload = tracking.receive(file, "person:dan".into(), None).unwrap();
    upload.write(b"weights").unwrap();
    tracking.keep(upload).unwrap();
    add(&tracking, &model.location, Some(&model.id));
    assert_eq!(denied(&world, dan(), champion("2")).await, Code::PolicyForbids, "not ready yet");
    tracking.set_logged_model_status(model.id.clone(), Status::Ready, "person:dan".into()).unwrap();
    let action = moved(&world, dan(), champion("2")).await.unwrap().unwrap();
    let proposal = world.control.trace(&action).unwrap().proposal.unwrap();
    let seal = world.control.seals(Some(model.id), String::new()).await.unwrap().remove(0);
    assert_eq!(proposal.arguments.value()["seal"], seal.digest.to_string());
    assert_eq!(running(&world), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_is_told_as_such() {
    let world = world().await;
    register(&world, 2);
    for (version, back, from) in [("1", false, None), ("2", false, Some(1)), ("1", true, Some(2))] {
        let action = moved(&world, dan(), champion(version)).await.unwrap().unwrap();
        let arguments = world.control.trace(&action).unwrap().proposal.unwrap().arguments;
        assert_eq!(arguments.value()["rollback"], back, "{version}");
        assert_eq!(arguments.value().get("from").and_then(|from| from.as_i64()), from);
    }
    // An auditor reads.
    let zoe = Holder { principal: Principal::Person("eve".parse().unwrap()), on_behalf_of: None };
    assert_eq!(denied(&world, zoe, champion("2")).await, Code::PolicyDenies);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_that_no_model_can_be_promoted() {
    for (files, is_told) in [(without_registry(), true), (testkit::bundle(), false)] {
        let world = world_with(files).await;
        let said = || world.control.doctor().into_iter().find(|found| found.about == "models");
        assert_eq!(said(), None, "there is no model yet");
        let tracking = world.control.tracking().unwrap();
        tracking.create_registered_model(&dan(), "fraud".into(), String::new(), Vec::new()).unwrap();
        assert_eq!(said().is_some_and(|found| found.says.contains("[registry]")), is_told, "{:?}", said());
    }
}
