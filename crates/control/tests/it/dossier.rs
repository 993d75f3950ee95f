//! The dossier of a version: what runs logged is recorded as digests, evaluations and what hosts say are recorded, gaps are told, and what a
//! move is decided on says them.

use std::sync::Arc;
use std::time::Duration;

use countersign_control::keys::Holder;
use countersign_control::tracking::kept::{Dataset, Input, Metric, Pair, RunChange};
use countersign_control::tracking::{
    DeploymentState, ErrorCode, Gap, Logged, LoggedMetric, ModelVersionWish, Move, NewCheck, NewEvaluation,
    NewObservation, NewRun, SILENT_AFTER_MS, Tracking,
};
use evidence::{Field, RecordKind};
use testkit::{World, world};
use types::attestation::{ANCHORED, Anchored, OBSERVED, Observed};
use types::{Code, Digest, Principal};

fn dan() -> Holder {
    Holder { principal: Principal::Person("dan".parse().unwrap()), on_behalf_of: None }
}

fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

fn pair(key: &str, value: &str) -> Pair {
    Pair { key: key.into(), value: value.into() }
}

/// Returns the bodies of the records of a status.
fn recorded<T: types::cbor::Canonical>(world: &World, status: u8) -> Vec<T> {
    let all = world.control.history().range(0, 10_000).unwrap();
    let own = all.into_iter().filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(status));
    own.map(|one| one.content.unwrap().get(Field::Body).unwrap().unwrap()).collect()
}

/// Makes a run that logs a parameter, two points and a dataset; it goes on.
fn run(tracking: &Tracking) -> String {
    let new = NewRun {
        experiment: "0".into(),
        name: "train".into(),
        user: "dan".into(),
        started: 1_000,
        tags: vec![pair("mlflow.source.git.commit", "c0ffee")],
    };
    let id = tracking.create_run(new).unwrap().run.id;
    let point = |value: f64, step| LoggedMetric { metric: Metric { key: "loss".into(), value, at: 5, step }, of: None };
    let logged = Logged {
        metrics: vec![point(0.5, 1), point(f64::NAN, 2)],
        params: vec![pair("rate", "0.1")],
        tags: Vec::new(),
    };
    tracking.log_batch(id.clone(), logged).unwrap();
    let dataset = Dataset {
        name: "features".into(),
        digest: "d1".into(),
        kind: "local".into(),
        source: "{}".into(),
        ..Dataset::default()
    };
    let input = Input { dataset, tags: vec![pair("mlflow.data.context", "training")] };
    tracking.log_inputs(id.clone(), vec![input], Vec::new()).unwrap();
    id
}

fn end(tracking: &Tracking, run: &str) {
    let change = RunChange { status: Some("FINISHED".into()), ended: Some(9_000), name: None };
    tracking.change_run(run.into(), change).unwrap();
}

fn version(tracking: &Tracking, run: Option<&str>) -> String {
    if tracking.registered_model("fraud").is_err() {
        tracking.create_registered_model(&dan(), "fraud".into(), String::new(), Vec::new()).unwrap();
    }
    let (source, run) = ("s3://models/a".to_owned(), run.map(str::to_owned));
    let wish = ModelVersionWish { name: "fraud".into(), source, run, ..ModelVersionWish::default() };
    tracking.create_model_version(&dan(), wish).unwrap().version.number.to_string()
}

async fn gaps(world: &World, at: &str) -> Vec<&'static str> {
    let found = world.control.model_dossier("fraud".into(), at.into()).await.unwrap();
    found.dossier.gaps.into_iter().map(Gap::name).collect()
}

fn of_lines(lines: &[&str]) -> Digest {
    Digest::plain(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_logged_is_recorded_as_digests_that_a_stranger_computes() {
    let world = world().await;
    let tracking = tracking(&world);
    let id = run(&tracking);
    end(&tracking, &id);
    world.control.anchor_runs(true).await.unwrap();
    let anchored: Anchored = recorded(&world, ANCHORED).pop().unwrap();
    assert_eq!((anchored.run.as_str(), anchored.status.as_str(), anchored.points), (id.as_str(), "FINISHED", 2));
    let part = |name: &str| anchored.parts.iter().find(|part| part.name == name).unwrap().digest;
    assert_eq!(part("params"), of_lines(&[r#"["rate","0.1"]"#]));
    assert_eq!(part("tags"), of_lines(&[r#"["mlflow.runName","train"]"#, r#"["mlflow.source.git.commit","c0ffee"]"#]));
    assert_eq!(
        part("metrics"),
        of_lines(&[r#"["loss",5,1,"3fe0000000000000"]"#, r#"["loss",5,2,"7ff8000000000000"]"#])
    );
    let dataset = r#"["features","d1","local","{}","","",[["mlflow.data.context","training"]]]"#;
    assert_eq!(part("datasets"), of_lines(&[dataset]));
    assert_eq!(part("run"), of_lines(&[&format!(r#"["{id}","0","train","dan","FINISHED",1000,9000]"#)]));
    assert_eq!((part("models"), part("artifacts")), (of_lines(&[]), of_lines(&[])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_recorded_once_it_ends_and_again_only_if_it_changed() {
    let world = world().await;
    let tracking = tracking(&world);
    let id = run(&tracking);
    world.control.anchor_runs(true).await.unwrap();
    assert!(recorded::<Anchored>(&world, ANCHORED).is_empty(), "it goes on, and its turn has not come");
    world.control.anchor_runs(false).await.unwrap();
    assert_eq!(recorded::<Anchored>(&world, ANCHORED).len(), 1, "now and then, while it goes on");
    end(&tracking, &id);
    for _ in 0..200 {
        // By itself: nobody asks for it.
        if recorded::<Anchored>(&world, ANCHORED).len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(recorded::<Anchored>(&world, ANCHORED).len(), 2, "it has ended");
    world.control.anchor_runs(false).await.unwrap();
    tracking.tag_run(id.clone(), pair("mlflow.runName", "train")).unwrap();
    world.control.anchor_runs(false).await.unwrap();
    assert_eq!(recorded::<Anchored>(&world, ANCHORED).len(), 2, "nothing has changed");

    let number = version(&tracking, Some(&id));
    assert!(!gaps(&world, &number).await.contains(&"run-changed"));
    tracking.tag_run(id.clone(), pair("note", "looked at again")).unwrap();
    assert!(gaps(&world, &number).await.contains(&"run-changed"));
    let found = world.control.model_dossier("fraud".into(), number).await.unwrap().dossier.run.unwrap();
    assert_eq!((found.changed, found.differs), (vec!["tags".to_owned()], Vec::new()));
    let world = world.restart().await;
    assert_eq!(recorded::<Anchored>(&world, ANCHORED).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_of_a_version_is_told() {
    let world = world().await;
    let tracking = tracking(&world);
    let bare = version(&tracking, None);
    let expected = ["not-sealed", "no-run", "no-environment", "no-infrastructure", "no-evaluation"];
    assert_eq!(gaps(&world, &bare).await, expected);

    let going_on = tracking.create_run(NewRun { experiment: "0".into(), ..NewRun::default() }).unwrap().run.id;
    let number = version(&tracking, Some(&going_on));
    let found = gaps(&world, &number).await;
    for gap in ["run-not-finished", "not-anchored", "no-training-data", "no-code-revision", "no-parameters"] {
        assert!(found.contains(&gap), "{gap} is missing of {found:?}");
    }
    let full = run(&tracking);
    end(&tracking, &full);
    let number = version(&tracking, Some(&full));
    let expected =
        ["not-sealed", "data-not-checked", "no-lineage", "no-environment", "no-infrastructure", "no-evaluation"];
    assert_eq!(gaps(&world, &number).await, expected);
    tracking.tag_model_version("fraud".into(), number.clone(), pair("countersign.infrastructure.k8s", "d")).unwrap();
    tracking.tag_run(full.clone(), pair("mlflow.source.git.dirty", "True")).unwrap();
    let found = gaps(&world, &number).await;
    assert!(found.contains(&"uncommitted-code") && !found.contains(&"no-infrastructure"), "{found:?}");
    tracking.stage_run(full, countersign_control::tracking::kept::Stage::Deleted).unwrap();
    assert!(gaps(&world, &number).await.contains(&"run-deleted"));
}

fn evaluation(suite: &str, checks: Vec<NewCheck>) -> NewEvaluation {
    NewEvaluation { suite: suite.into(), checks, ..NewEvaluation::default() }
}

fn check(name: &str, passed: Option<bool>, value: Option<&str>, demanded: Option<&str>) -> NewCheck {
    let text = |text: &str| text.to_owned();
    NewCheck { name: name.into(), passed, value: value.map(text), interval: None, demanded: demanded.map(text) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_agrees_with_its_own_numbers_or_is_refused() {
    let world = world().await;
    let number = version(&tracking(&world), None);
    let kept = async |checks: Vec<NewCheck>| {
        let of = ("fraud".to_owned(), number.clone());
        world.control.evaluate_model(dan(), of, evaluation("holdout", checks)).await
    };
    for (value, demanded, expected) in [
        ("0.9", ">= 0.9", true),
        ("0.89", ">=0.9", false),
        ("1e-3", "< 0.01", true),
        ("2", "<2", false),
        ("2", "<=2", true),
        ("2", ">2", false),
        ("2.0", "==2", true),
        ("NaN", ">= 0", false),
        ("NaN", "<= 0", false),
    ] {
        let (found, record) = kept(vec![check("a", None, Some(value), Some(demanded))]).await.unwrap();
        assert_eq!((found.passed, record.is_some()), (expected, true), "{value} {demanded}");
        let contrary = kept(vec![check("a", Some(!expected), Some(value), Some(demanded))]).await;
        assert_eq!(contrary.unwrap_err().code, Code::EvaluationInvalid, "{value} {demanded}");
    }
    let both = vec![check("a", Some(true), None, None), check("b", Some(false), None, None)];
    assert!(!kept(both).await.unwrap().0.passed, "one that failed fails all of it");
    let interval = |low: &str, high: &str| NewCheck {
        interval: Some((low.into(), high.into())),
        ..check("a", Some(true), Some("1"), None)
    };
    assert!(kept(vec![interval("0.5", "1.5")]).await.is_ok());
    let long = "x".repeat(501);
    for wrong in [
        vec![],
        vec![check("a", None, None, None)],
        vec![check("a", None, Some("1"), None)],
        vec![check("a", Some(true), Some("high"), None)],
        vec![check("a", Some(true), Some("1"), Some("about 1"))],
        vec![check("a", Some(true), Some("1"), Some(">= NaN"))],
        vec![check(&long, Some(true), None, None)],
        vec![check("a", Some(true), None, None), check("a", Some(true), None, None)],
        vec![interval("2", "1")],
        (0..1_001).map(|n| check(&n.to_string(), Some(true), None, None)).collect(),
    ] {
        assert_eq!(kept(wrong.clone()).await.unwrap_err().code, Code::EvaluationInvalid, "{:?}", wrong.first());
    }
    let nobody = world.control.evaluate_model(dan(), ("fraud".into(), "9".into()), evaluation("s", vec![])).await;
    assert_eq!(nobody.unwrap_err().code, Code::EvaluationInvalid);
    let one = || evaluation("s", vec![check("a", Some(true), None, None)]);
    let nobody = world.control.evaluate_model(dan(), ("fraud".into(), "9".into()), one()).await;
    assert_eq!(nobody.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_move_is_decided_on_says_what_was_passed_and_what_is_missing() {
    let world = world().await;
    let tracking = tracking(&world);
    let number = version(&tracking, None);
    for (suite, passed) in [("holdout", true), ("drift", false), ("drift", true), ("bias", false)] {
        let new = evaluation(suite, vec![check("a", Some(passed), None, None)]);
        world.control.evaluate_model(dan(), ("fraud".into(), number.clone()), new).await.unwrap();
    }
    tracking.tag_model_version("fraud".into(), number.clone(), pair("sensitivity", "pii")).unwrap();
    let wanted = Move::SetAlias { model: "fraud".into(), alias: "champion".into(), version: number.clone() };
    let action = world.control.move_model(dan(), wanted, None).await.unwrap().unwrap();
    let arguments = world.control.trace(&action).unwrap().proposal.unwrap().arguments;
    let told = |name: &str| arguments.value()[name].to_string();
    assert_eq!((told("passed"), told("failed")), (r#"["drift","holdout"]"#.into(), r#"["bias"]"#.into()));
    assert_eq!(told("tags"), r#"["sensitivity=pii"]"#);
    assert_eq!(told("gaps"), r#"["evaluation-failed","no-environment","no-infrastructure","no-run","not-sealed"]"#);
    let found = world.control.model_dossier("fraud".into(), "@champion".into()).await.unwrap();
    let decided = &found.decided[&action.to_string()];
    assert_eq!(decided.records.len(), 2);
    assert!(!found.dossier.gaps.contains(&Gap::NotDecided) && !found.dossier.gaps.contains(&Gap::DecisionMissing));
}

fn observation(target: &str, version: Option<u64>, digest: Option<Digest>) -> NewObservation {
    NewObservation { model: "fraud".into(), target: target.into(), version, digest }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_held_against_what_is_to_run_and_news_are_recorded() {
    let world = world().await;
    let tracking = tracking(&world);
    let (one, two) = (version(&tracking, None), version(&tracking, None));
    let deploy = async |version: &str| {
        let wanted = Move::Deploy { model: "fraud".into(), target: "eu".into(), version: version.into() };
        world.control.move_model(dan(), wanted, None).await.unwrap()
    };
    let seen = async |target: &str, version, digest| {
        world.control.observe_deployment(dan(), observation(target, version, digest)).await.unwrap().state
    };
    let states = async || {
        let all = world.control.deployments(Some("fraud".into())).await.unwrap();
        all.into_iter().map(|one| (one.target, one.state)).collect::<Vec<_>>()
    };
    let told = || recorded::<Observed>(&world, OBSERVED).len();

    assert_eq!(seen("eu", Some(1), None).await, DeploymentState::Undeclared);
    assert_eq!(told(), 1);
    assert!(deploy(&one).await.is_some());
    assert!(deploy(&one).await.is_none(), "it is to run there already");
    assert_eq!(seen("eu", Some(1), None).await, DeploymentState::AsDeclared);
    assert_eq!(seen("eu", Some(1), None).await, DeploymentState::AsDeclared);
    assert_eq!(told(), 2, "what is no news is not recorded");
    assert_eq!(seen("eu", Some(2), None).await, DeploymentState::OtherVersion);
    assert!(gaps(&world, &two).await.contains(&"runs-around-the-road"));
    let files = Some(Digest([7; 32]));
    assert_eq!(seen("eu", Some(1), files).await, DeploymentState::OtherFiles, "nothing says that these are its files");
    assert_eq!(seen("eu", None, None).await, DeploymentState::NothingRuns);
    assert_eq!(seen("eu", Some(1), None).await, DeploymentState::AsDeclared);
    assert_eq!(told(), 6);
    deploy(&two).await;
    assert_eq!(
        states().await,
        [("eu".to_owned(), DeploymentState::OtherVersion)],
        "as soon as another is to run there"
    );
    deploy(&one).await;

    world.clock.advance(SILENT_AFTER_MS);
    assert_eq!(states().await, [("eu".to_owned(), DeploymentState::AsDeclared)]);
    world.clock.advance(1);
    assert_eq!(states().await, [("eu".to_owned(), DeploymentState::Silent)]);
    let gone = Move::DeleteVersion { model: "fraud".into(), version: one.clone() };
    let refused = world.control.move_model(dan(), gone, None).await;
    let Err(countersign_control::promotions::NotMoved::Refused(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!((refused.code, refused.reason), (ErrorCode::PermissionDenied, Some(Code::StateConflict)));
    let nowhere = Move::Undeploy { model: "fraud".into(), target: "eu".into() };
    assert!(world.control.move_model(dan(), nowhere, None).await.unwrap().is_some());
    for target in ["", "-eu", "e u", "ü"] {
        let refused = world.control.observe_deployment(dan(), observation(target, None, None)).await;
        assert_eq!(refused.unwrap_err().code, Code::RequestInvalid, "{target}");
    }
}
