//! Incidents: what runs or stands otherwise than decisions led it is recorded and told once, again when it changes, and when it is mended.

use std::sync::Arc;

use countersign_control::keys::Holder;
use countersign_control::notifications::NoticeState;
use countersign_control::state::Target;
use countersign_control::tracking::kept::IncidentWish;
use countersign_control::tracking::{ModelVersionWish, Move, NewObservation, SILENT_AFTER_MS, Thing, Tracking, mend};
use evidence::{Field, RecordKind};
use testkit::{World, world};
use types::attestation::INCIDENT;
use types::incident::Incident;
use types::{Digest, Principal};

use crate::notifications::{Receiver, counted, person, target, telling, until};

pub(crate) fn dan() -> Holder {
    Holder { principal: Principal::Person(person("dan")), on_behalf_of: None }
}

pub(crate) fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

/// Makes a model with some versions.
pub(crate) fn versions(world: &World, count: usize) {
    let tracking = tracking(world);
    tracking.create_registered_model(&dan(), "fraud".into(), String::new(), Vec::new()).unwrap();
    for _ in 0..count {
        let source = "s3://models/a".to_owned();
        let wish = ModelVersionWish { name: "fraud".into(), source, ..ModelVersionWish::default() };
        tracking.create_model_version(&dan(), wish).unwrap();
    }
}

pub(crate) async fn moved(world: &World, wanted: Move) {
    assert!(world.control.move_model(dan(), wanted, None).await.unwrap().is_some(), "nothing was moved");
}

pub(crate) async fn deploy(world: &World, version: u64) {
    moved(world, Move::Deploy { model: "fraud".into(), target: "eu".into(), version: version.to_string() }).await;
}

async fn promote(world: &World, version: u64) {
    let alias = "champion".to_owned();
    moved(world, Move::SetAlias { model: "fraud".into(), alias, version: version.to_string() }).await;
}

async fn stage(world: &World, version: u64, stage: &str) {
    let (version, archive, stage) = (version.to_string(), stage == "Staging", stage.to_owned());
    moved(world, Move::TransitionStage { model: "fraud".into(), version, stage, archive }).await;
}

pub(crate) async fn seen(world: &World, version: Option<u64>, digest: Option<Digest>) {
    let new = NewObservation { model: "fraud".into(), target: "eu".into(), version, digest };
    world.control.observe_deployment(dan(), new).await.unwrap();
}

/// Returns the incidents, in words, the latest first.
pub(crate) async fn incidents(world: &World, with_ended: bool) -> Vec<String> {
    let wish = IncidentWish { with_ended, limit: 100, ..IncidentWish::default() };
    let all = world.control.model_incidents(wish).await.unwrap();
    all.into_iter().map(|one| told(&one.what)).collect()
}

fn told(one: &Incident) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let ended = if one.ended.is_some() { " mended" } else { "" };
    format!("{} {}: {} {} {}{ended}", one.thing, one.name, one.wrong, or(&one.declared), or(&one.observed))
}

/// Returns what is recorded of incidents, in words.
pub(crate) fn recorded(world: &World) -> Vec<String> {
    let all = world.control.history().range(0, 10_000).unwrap();
    let own = all.into_iter().filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(INCIDENT));
    own.map(|one| told(&one.content.unwrap().get::<Incident>(Field::Body).unwrap().unwrap())).collect()
}

async fn look(world: &World) -> Vec<String> {
    world.control.reconcile_models().await.unwrap();
    incidents(world, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_around_the_road_is_recorded_once_again_when_it_changes_and_when_it_is_mended() {
    let world = world().await;
    versions(&world, 3);
    deploy(&world, 1).await;
    seen(&world, Some(1), None).await;
    assert!(look(&world).await.is_empty(), "it runs as declared");
    seen(&world, Some(2), None).await;
    let expected = ["deployment eu: other-version 1 2"];
    assert_eq!(incidents(&world, false).await, expected);
    for _ in 0..3 {
        seen(&world, Some(2), None).await;
        assert_eq!(look(&world).await, expected);
    }
    assert_eq!(recorded(&world).len(), 1, "what is no news is not recorded");
    seen(&world, Some(3), None).await;
    let files = Digest([7; 32]);
    seen(&world, Some(1), Some(files)).await;
    seen(&world, Some(1), None).await;
    assert!(look(&world).await.is_empty());
    seen(&world, Some(2), None).await;
    let with_files = format!("deployment eu: other-files 1 1 with files {files}");
    let mended = format!("{with_files} mended");
    let all = ["deployment eu: other-version 1 2", "deployment eu: other-version 1 3", &with_files, &mended];
    let again = [&all[..], &["deployment eu: other-version 1 2"]].concat();
    assert_eq!(recorded(&world), again);
    assert_eq!(incidents(&world, true).await, [all[0], &mended]);
    let world = world.restart().await;
    assert_eq!(look(&world).await, expected);
    assert_eq!(recorded(&world), again, "a restart records nothing again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_follows_a_decision_is_no_incident_and_one_that_does_not_is() {
    let world = world().await;
    versions(&world, 3);
    deploy(&world, 1).await;
    assert!(look(&world).await.is_empty(), "it was just decided");
    seen(&world, Some(1), None).await;
    deploy(&world, 2).await;
    seen(&world, Some(1), None).await;
    assert!(look(&world).await.is_empty(), "it still runs what was to run before");
    seen(&world, Some(3), None).await;
    assert_eq!(look(&world).await, ["deployment eu: other-version 2 3"], "which was never to run");
    seen(&world, Some(2), None).await;
    deploy(&world, 3).await;
    world.clock.advance(SILENT_AFTER_MS + 1);
    seen(&world, Some(2), None).await;
    assert_eq!(look(&world).await, ["deployment eu: other-version 3 2"], "it does not follow");
    moved(&world, Move::Undeploy { model: "fraud".into(), target: "eu".into() }).await;
    seen(&world, Some(3), None).await;
    assert_eq!(look(&world).await, ["deployment eu: other-version 3 2"], "what was found stands while it may follow");
    world.clock.advance(SILENT_AFTER_MS + 1);
    seen(&world, Some(3), None).await;
    assert_eq!(look(&world).await, ["deployment eu: undeclared - 3"]);
    seen(&world, None, None).await;
    assert!(look(&world).await.is_empty(), "nothing is to run, and nothing does");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_falls_silent_is_an_incident_and_one_that_nobody_could_hear_is_not() {
    let world = world().await;
    versions(&world, 1);
    deploy(&world, 1).await;
    seen(&world, Some(1), None).await;
    world.clock.advance(SILENT_AFTER_MS + 1);
    let world = world.restart().await;
    assert!(look(&world).await.is_empty(), "this server did not listen");
    world.clock.advance(SILENT_AFTER_MS + 1);
    assert_eq!(look(&world).await, ["deployment eu: silent 1 1"]);
    let world = world.restart().await;
    assert_eq!(look(&world).await, ["deployment eu: silent 1 1"], "and it still is");
    seen(&world, Some(1), None).await;
    assert!(look(&world).await.is_empty());
    moved(&world, Move::Deploy { model: "fraud".into(), target: "us".into(), version: "1".into() }).await;
    assert!(look(&world).await.is_empty());
    world.clock.advance(SILENT_AFTER_MS + 1);
    seen(&world, Some(1), None).await;
    assert_eq!(look(&world).await, ["deployment us: unseen 1 -"], "it never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_elsewhere_than_decisions_led_it_is_an_incident_until_it_is_mended() {
    let world = world().await;
    versions(&world, 3);
    promote(&world, 1).await;
    stage(&world, 1, "Staging").await;
    stage(&world, 2, "Staging").await;
    deploy(&world, 1).await;
    seen(&world, Some(1), None).await;
    assert!(look(&world).await.is_empty(), "everything stands where it was led, also what went into the archive");
    assert!(tracking(&world).incidents(IncidentWish::default()).unwrap().is_empty());

    world.tamper("UPDATE model_alias SET number = 2");
    assert_eq!(look(&world).await, ["alias champion: alias-around-the-road 1 2"]);
    promote(&world, 1).await;
    assert!(look(&world).await.is_empty(), "the command that is told mends it");
    world.tamper("DELETE FROM model_alias");
    assert_eq!(look(&world).await, ["alias champion: alias-around-the-road 1 -"]);
    promote(&world, 1).await;
    world.tamper("INSERT INTO model_alias (model, alias, number) VALUES (1, 'shadow', 3)");
    assert_eq!(look(&world).await, ["alias shadow: alias-around-the-road - 3"]);
    moved(&world, Move::DeleteAlias { model: "fraud".into(), alias: "shadow".into() }).await;
    assert!(look(&world).await.is_empty());

    world.tamper("UPDATE model_version SET stage = 'Staging' WHERE number = 3");
    assert_eq!(look(&world).await, ["stage 3: stage-around-the-road - Staging"]);
    stage(&world, 3, "None").await;
    world.tamper("UPDATE model_version SET stage = 'None' WHERE number = 2");
    assert_eq!(look(&world).await, ["stage 2: stage-around-the-road Staging -"]);
    stage(&world, 2, "Staging").await;
    assert!(look(&world).await.is_empty());

    world.tamper("UPDATE deployment SET number = 3");
    let mut found = look(&world).await;
    found.sort();
    assert_eq!(found, ["declaration eu: declaration-around-the-road 1 3"], "and what runs may follow for a while");
    deploy(&world, 1).await;
    assert!(look(&world).await.is_empty());
    world.tamper("DELETE FROM deployment");
    assert!(look(&world).await.contains(&"declaration eu: declaration-around-the-road 1 -".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_no_decision_bears_out_is_an_incident() {
    let world = world().await;
    versions(&world, 2);
    promote(&world, 1).await;
    stage(&world, 1, "Staging").await;
    assert!(look(&world).await.is_empty());
    let both = "UPDATE model_alias SET number = 2";
    world.tamper(both);
    world.tamper("UPDATE model_move SET after = '2' WHERE kind = 'alias-moved'");
    assert_eq!(look(&world).await, ["alias champion: decision-missing - 2"], "that was decided of another version");
    world.tamper("UPDATE model_move SET action = NULL WHERE kind = 'alias-moved'");
    assert_eq!(look(&world).await, ["alias champion: not-decided - 2"]);
    world.tamper("UPDATE model_version SET stage = 'Archived' WHERE number = 1");
    world.tamper("UPDATE model_move SET after = 'Archived' WHERE kind = 'stage-moved'");
    assert!(look(&world).await.contains(&"stage 1: decision-missing - Archived".to_owned()));
    world.tamper("UPDATE model_move SET action = 'act_00000000000000000000000000000000' WHERE kind = 'stage-moved'");
    assert!(look(&world).await.contains(&"stage 1: decision-missing - Archived".to_owned()));
    promote(&world, 1).await;
    stage(&world, 1, "Staging").await;
    assert!(look(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_told_once_and_so_is_its_end() {
    let (receiver, address) = Receiver::start(204).await;
    let events = "[\"incident-opened\", \"incident-ended\", \"kill-set\"]";
    let world = telling(world().await, &target("hook", &address, events, "")).await;
    versions(&world, 2);
    deploy(&world, 1).await;
    seen(&world, Some(1), None).await;
    world.clock.advance(SILENT_AFTER_MS + 1);
    seen(&world, Some(2), None).await;
    until(|| receiver.came().len() == 1).await;
    let (id, said) = receiver.came().remove(0);
    assert!(id.starts_with("incident_") && id.ends_with("_opened"), "{id}");
    assert_eq!(said["type"], "countersign.incident.opened");
    assert_eq!(said["subject"], "deployment/fraud/eu");
    let data = &said["data"];
    assert_eq!((data["wrong"].as_str(), data["declared"].as_str()), (Some("other-version"), Some("1")));
    assert_eq!((data["observed"].as_str(), data["means"].as_str()), (Some("2"), Some("reported")));
    assert!(data["mend"].as_str().unwrap().contains("countersign model deploy fraud 2 --to eu"), "{data}");
    assert!(data["title"].as_str().unwrap().contains("INCIDENT"), "{data}");
    let outbox = std::fs::read(world.control.config().place.data.join("notify.db")).unwrap();
    assert!(!outbox.windows(5).any(|bytes| bytes == b"fraud"), "the outbox has the model's name");

    until(|| counted(&world, NoticeState::Waiting) == 0).await;
    let world = world.restart().await;
    look(&world).await;
    seen(&world, Some(2), None).await;
    look(&world).await;
    seen(&world, Some(1), None).await;
    until(|| receiver.came().len() == 2).await;
    assert_eq!(receiver.kinds(), ["incident.opened", "incident.ended"], "and the restart told nothing again");
    let mark = Target::Agent("nobody".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), mark, "a mark").await.unwrap();
    until(|| receiver.came().len() > 2).await;
    assert_eq!(receiver.kinds(), ["incident.opened", "incident.ended", "kill.set"], "nothing more was to be told");
}

#[test]
fn each_incident_says_how_it_is_mended() {
    let of = |thing: Thing, wrong: &str, declared: Option<&str>, observed: Option<&str>| {
        let [declared, observed] = [declared, observed].map(|text| text.map(str::to_owned));
        let (thing, model, name) = (thing.name().to_owned(), "fraud".to_owned(), "eu".to_owned());
        let wrong = wrong.to_owned();
        mend(&Incident { thing, model, name, wrong, declared, observed, means: None, since: 1, ended: None, at: 1 })
    };
    for (told, said) in [
        (of(Thing::Deployment, "other-version", Some("1"), Some("2")), "model deploy fraud 2 --to eu"),
        (of(Thing::Deployment, "mixed-versions", Some("1"), Some("1 and 2")), "serve version 1 alone"),
        (of(Thing::Deployment, "mixed-versions", None, Some("1 and 2")), "stop it on the host"),
        (
            of(Thing::Deployment, "other-files", Some("1 with files ab"), Some("1 with files cd")),
            "files of version 1 on",
        ),
        (of(Thing::Deployment, "undeclared", None, Some("2")), "model deploy fraud 2 --to eu"),
        (of(Thing::Deployment, "nothing-runs", Some("1"), None), "model undeploy fraud --from eu"),
        (of(Thing::Deployment, "silent", Some("1"), Some("1")), "model running fraud"),
        (of(Thing::Alias, "alias-around-the-road", Some("1"), Some("2")), "model promote fraud 1 --alias eu"),
        (of(Thing::Alias, "alias-around-the-road", None, Some("2")), "delete_registered_model_alias"),
        (of(Thing::Stage, "stage-around-the-road", Some("Staging"), None), "\"Staging\""),
        (of(Thing::Declaration, "declaration-around-the-road", Some("1"), Some("2")), "model deploy fraud 1 --to eu"),
        (of(Thing::Declaration, "declaration-around-the-road", None, Some("2")), "model undeploy fraud --from eu"),
        (of(Thing::Alias, "not-decided", None, Some("2")), "away and back"),
    ] {
        assert!(told.contains(said), "{told}");
    }
}
