//! Checks of data: recorded with who says so, told of the run whose data they are about, and read by policies as gaps.

use std::sync::Arc;

use countersign_control::keys::Holder;
use countersign_control::tracking::kept::{Dataset, Input, RunChange};
use countersign_control::tracking::{Gap, ModelVersionWish, Move, NewDataCheck, NewRun, Tracking};
use evidence::{Field, RecordKind};
use testkit::{World, world};
use types::attestation::DATA_CHECKED;
use types::data_check::{DataChecked, DataFinding, Tie};
use types::{Code, Digest, Principal};

fn dan() -> Holder {
    Holder { principal: Principal::Person("dan".parse().unwrap()), on_behalf_of: None }
}

fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

/// Makes a run that logged a dataset, if one is named, and has finished; and a version of `fraud` of it.
fn trained(world: &World, dataset: Option<(&str, &str)>) -> (String, String) {
    let tracking = tracking(world);
    let new = NewRun { experiment: "0".into(), name: "r".into(), user: "dan".into(), started: 1, tags: Vec::new() };
    let run = tracking.create_run(new).unwrap().run.id;
    if let Some((name, digest)) = dataset {
        let dataset = Dataset {
            name: name.into(),
            digest: digest.into(),
            kind: "local".into(),
            source: "{}".into(),
            ..Dataset::default()
        };
        tracking.log_inputs(run.clone(), vec![Input { dataset, tags: Vec::new() }], Vec::new()).unwrap();
    }
    let change = RunChange { status: Some("FINISHED".into()), ended: Some(9), name: None };
    tracking.change_run(run.clone(), change).unwrap();
    if tracking.registered_model("fraud").is_err() {
        tracking.create_registered_model(&dan(), "fraud".into(), String::new(), Vec::new()).unwrap();
    }
    let (name, source) = ("fraud".to_owned(), "s3://b/a".to_owned());
    let wish = ModelVersionWish { name, source, run: Some(run.clone()), ..ModelVersionWish::default() };
    let number = tracking.create_model_version(&dan(), wish).unwrap().version.number;
    (run, number.to_string())
}

fn finding(check: &str, passed: bool) -> DataFinding {
    let found = (check == "rows").then(|| "3".to_owned());
    let (count, line) = if passed { (0, None) } else { (2, Some(4)) };
    DataFinding { check: check.into(), column: None, passed, count, line, found, demanded: "so".into() }
}

fn check(digest: Digest, run: Option<&str>, passed: bool) -> NewDataCheck {
    NewDataCheck {
        dataset: "features".into(),
        run: run.map(str::to_owned),
        digest,
        bytes: 10,
        rows: 3,
        expectations: Digest([9; 32]),
        findings: vec![finding("lines", passed), finding("rows", true)],
        as_of: 5,
    }
}

/// Returns which of the two gaps of data a version has.
async fn gaps(world: &World, number: &str) -> Vec<&'static str> {
    let found = world.control.model_dossier("fraud".into(), number.into()).await.unwrap();
    let names = found.dossier.gaps.into_iter().map(Gap::name);
    names.filter(|name| name.starts_with("data-") || *name == "record-missing").collect()
}

async fn kept(world: &World, new: NewDataCheck) -> (DataChecked, Option<u64>) {
    world.control.check_data(dan(), new).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_recorded_with_who_says_so_and_told_of_the_run() {
    let world = world().await;
    let (run, number) = trained(&world, Some(("features", "1f2e3d4c")));
    assert_eq!(gaps(&world, &number).await, ["data-not-checked"]);
    let (checked, record) = kept(&world, check(Digest([1; 32]), Some(&run), true)).await;
    assert!(checked.passed);
    let entry = world.control.history().record(record.unwrap()).unwrap().unwrap();
    assert_eq!((entry.leaf.kind, entry.leaf.status), (RecordKind::Model, Some(DATA_CHECKED)));
    let content = entry.content.unwrap();
    assert_eq!(content.get::<Principal>(Field::Principal).unwrap().unwrap(), dan().principal);
    assert_eq!(content.get::<DataChecked>(Field::Body).unwrap().unwrap(), checked);
    assert_eq!(gaps(&world, &number).await, Vec::<&str>::new());
    let dossier = world.control.model_dossier("fraud".into(), number).await.unwrap().dossier;
    assert_eq!(dossier.checked[0].ties, [("features".to_owned(), "1f2e3d4c".to_owned(), Tie::Name)]);
    assert_eq!(crate::replay::decided(&world).len(), 0);
    crate::rebuild::assert_equal(&crate::rebuild::look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_checked_whatever_run_they_come_to() {
    let world = world().await;
    let digest = Digest([0xab; 32]);
    // Before any run is: the check stands before training.
    kept(&world, NewDataCheck { dataset: "october".into(), ..check(digest, None, true) }).await;
    let (_, tied) = trained(&world, Some(("anything", &digest.to_string()[..36])));
    assert_eq!(gaps(&world, &tied).await, Vec::<&str>::new());
    let (run, other) = trained(&world, Some(("october", &Digest([0xac; 32]).to_string()[..36])));
    assert_eq!(gaps(&world, &other).await, ["data-not-checked"], "a name alone ties nothing, without the run");
    // A name of this run is enough, and gives way to what is known of the bytes.
    kept(&world, NewDataCheck { dataset: "october".into(), ..check(digest, Some(&run), true) }).await;
    assert_eq!(gaps(&world, &other).await, Vec::<&str>::new());
    kept(&world, check(Digest([0xac; 32]), None, false)).await;
    assert_eq!(gaps(&world, &other).await, ["data-check-failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_check_counts_and_each_dataset_needs_one() {
    let world = world().await;
    let (run, number) = trained(&world, Some(("features", "1f2e")));
    kept(&world, check(Digest([1; 32]), Some(&run), false)).await;
    assert_eq!(gaps(&world, &number).await, ["data-check-failed"]);
    kept(&world, check(Digest([2; 32]), Some(&run), true)).await;
    assert_eq!(gaps(&world, &number).await, Vec::<&str>::new());
    let labels = Dataset {
        name: "labels".into(),
        digest: "77".into(),
        kind: "local".into(),
        source: "{}".into(),
        ..Dataset::default()
    };
    let input = Input { dataset: labels, tags: Vec::new() };
    tracking(&world).log_inputs(run.clone(), vec![input], Vec::new()).unwrap();
    assert_eq!(gaps(&world, &number).await, ["data-not-checked"]);

    let (bare, unlogged) = trained(&world, None);
    let feature = Dataset {
        name: "feature age".into(),
        digest: "5".into(),
        kind: "countersign-feature".into(),
        source: "{}".into(),
        ..Dataset::default()
    };
    tracking(&world).log_inputs(bare.clone(), vec![Input { dataset: feature, tags: Vec::new() }], Vec::new()).unwrap();
    assert_eq!(gaps(&world, &unlogged).await, ["data-not-checked"]);
    kept(&world, check(Digest([2; 32]), Some(&bare), false)).await;
    assert_eq!(gaps(&world, &unlogged).await, ["data-check-failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_decided_on_whether_the_data_was_checked() {
    let world = world().await;
    let (run, number) = trained(&world, Some(("features", "1f2e")));
    let wanted = Move::SetAlias { model: "fraud".into(), alias: "champion".into(), version: number };
    let asked = |wanted: Move| world.control.move_model(dan(), wanted, None);
    let action = asked(wanted.clone()).await.unwrap().unwrap();
    let gaps = |action| {
        let proposal = world.control.trace(&action).unwrap().proposal.unwrap();
        proposal.arguments.at("/gaps").unwrap().to_string()
    };
    assert!(gaps(action).contains("data-not-checked"));
    kept(&world, check(Digest([1; 32]), Some(&run), false)).await;
    let Move::SetAlias { model, version, .. } = wanted else { unreachable!() };
    let other = Move::SetAlias { model, alias: "challenger".into(), version };
    let action = asked(other).await.unwrap().unwrap();
    assert!(gaps(action).contains("data-check-failed") && !gaps(action).contains("data-not-checked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_not_kept() {
    let world = world().await;
    let size = world.control.size();
    let base = || check(Digest([1; 32]), None, true);
    let with = |findings: Vec<DataFinding>| NewDataCheck { findings, ..base() };
    let (lines, rows) = (|| finding("lines", true), || finding("rows", true));
    let all = [
        with(Vec::new()),
        with(vec![lines()]),
        with(vec![rows()]),
        with(vec![lines(), lines(), rows()]),
        with(vec![lines(), rows(), finding("mood", true)]),
        with(vec![DataFinding { count: 2, ..lines() }, rows()]),
        with(vec![DataFinding { passed: false, ..lines() }, rows()]),
        with(vec![lines(), DataFinding { found: Some("4".into()), ..rows() }]),
        with(vec![lines(), rows(), DataFinding { demanded: String::new(), ..finding("nulls", true) }]),
        NewDataCheck { dataset: " ".into(), ..base() },
        NewDataCheck { dataset: "x".repeat(501), ..base() },
    ];
    for new in all {
        let refused = world.control.check_data(dan(), new.clone()).await;
        assert_eq!(refused.unwrap_err().code, Code::DataCheckInvalid, "{new:?}");
    }
    let nobody = world.control.check_data(dan(), check(Digest([1; 32]), Some("none"), true)).await;
    assert_eq!(nobody.unwrap_err().code, Code::NotFound);
    assert_eq!(world.control.size(), size, "nothing of it is recorded");
}
