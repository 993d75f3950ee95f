//! Changes to the system itself: what an activation does to cases and facts, what a kill covers, what is recorded why.

use std::sync::{Arc, OnceLock};

use countersign_control::actions::Wish;
use countersign_control::door::{Caller, McpDoor};
use countersign_control::keys::Holder;
use countersign_control::levels::LevelWish;
use countersign_control::machine::{Command, Decider, Seed};
use countersign_control::snapshot::Views;
use countersign_control::state::Target;
use evidence::{Field, RecordKind};
use policy::BundleFiles;
use testkit::{World, bundle, world, world_with};
use types::case::{Ballot, CaseState};
use types::{AutonomyLevel, CaseId, Code, Digest, PersonId, Principal, Verdict};

use crate::propose;

const SERVICE: &str = r#"{"service":"web"}"#;

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

fn renamed() -> BundleFiles {
    let mut files = bundle();
    let head = files.get("bundle.toml").unwrap().replace("\"small\"", "\"another\"");
    files.insert("bundle.toml", head);
    files
}

/// The reason that the last record of a kind gives.
fn last_reason(world: &World, kind: RecordKind) -> (String, Principal) {
    let history = world.control.history();
    let entries = history.range(0, history.size().unwrap()).unwrap();
    let content = entries.into_iter().rev().find(|entry| entry.leaf.kind == kind).unwrap().content.unwrap();
    (content.get(Field::Reason).unwrap().unwrap(), content.get(Field::Principal).unwrap().unwrap())
}

fn state(world: &World, case: CaseId) -> CaseState {
    world.control.case(&case).unwrap().case.state
}

async fn approve(world: &World, case: CaseId) {
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "fine", shown, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_asks_again_though_the_session_of_a_case_is_closed() {
    let world = world().await;
    let session = world.control.begin_session(&"sre-bot".parse().unwrap(), None, None).await.unwrap();
    let wish = Wish { session: Some(session), ..crate::wish("sre.restart", SERVICE) };
    let first = world.control.decide_once(wish, false).await.unwrap().case.unwrap().id;
    let second = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    world.control.end_session(session).await.unwrap();
    let activated = world.control.activate(&dan(), renamed(), "a new name").await.unwrap();
    assert_eq!((activated.reopened, activated.ended), (2, 0));
    assert_eq!((state(&world, first), state(&world, second)), (CaseState::Void, CaseState::Void));
    let open: Vec<_> = world.control.cases().into_iter().filter(|case| case.state == CaseState::Open).collect();
    assert_eq!(open.len(), 2);
    let reopened = world.control.history().record(open[0].opened_in).unwrap().unwrap().leaf;
    assert!(reopened.session.is_none(), "a closed session has its closing counts and grows no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_ends_what_was_approved_and_asks_again_only_what_was_open() {
    let world = world().await;
    let approved = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    approve(&world, approved).await;
    let activated = world.control.activate(&dan(), renamed(), "a new name").await.unwrap();
    assert_eq!((activated.reopened, activated.ended, state(&world, approved)), (0, 0, CaseState::Void));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_the_new_bundle_denies_has_ended() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let mut files = renamed();
    let policies = files.get("policies/starter.cedar").unwrap().replace("sre.restart", "sre.scale");
    files.insert("policies/starter.cedar", policies);
    let activated = world.control.activate(&dan(), files, "nothing restarts").await.unwrap();
    assert_eq!((activated.reopened, activated.ended, state(&world, case)), (0, 1, CaseState::Void));
    assert_eq!(world.control.snapshot().bundle.digest(), activated.bundle);
}

fn with_inventory(source: &str) -> BundleFiles {
    let mut files = renamed();
    let schema = format!("{}\nentity Service = {{ tier?: Long }};\n", files.get("schema.cedarschema").unwrap());
    files.insert("schema.cedarschema", schema);
    files.insert("inventory.toml", format!("[kinds.Service.attributes]\ntier = \"long\"\n\n{source}"));
    files
}

const DATABASE: &str =
    "[sources.db]\nsqlite = \"nowhere.db\"\nage_ms_max = 1000\nqueries = { Service = \"SELECT id FROM s\" }\n";
const TABLE: &str = "[sources.files]\nfile = \"inventory/services.toml\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_whose_inventory_cannot_be_read_does_not_become_active() {
    let world = world().await;
    let before = world.control.snapshot().bundle.digest();
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let files = with_inventory(DATABASE);
    let refused = world.control.activate(&dan(), files.clone(), "a database").await.unwrap_err();
    assert_eq!(refused.code, Code::FactStale, "{}", refused.message);
    assert_eq!((world.control.snapshot().bundle.digest(), state(&world, case)), (before, CaseState::Open));
    let stranger = world.control.activate(&"eve".parse().unwrap(), files, "a database").await.unwrap_err();
    assert_eq!(stranger.code, Code::PolicyDenies, "nothing is read for somebody who may not activate it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_while_the_inventory_is_away() {
    let world = world().await;
    // An empty file is a database without tables.
    let database = world.folder.path().join("services.db");
    std::fs::write(&database, "").unwrap();
    let query =
        DATABASE.replace("nowhere.db", database.to_str().unwrap()).replace("id FROM s", "'web' AS id, 1 AS tier");
    world.control.activate(&dan(), with_inventory(&query), "services").await.unwrap();
    assert!(world.control.snapshot().entities.get("Service", "web").is_some());
    std::fs::remove_file(&database).unwrap();
    let world = world.restart().await;
    assert!(world.control.snapshot().entities.get("Service", "web").is_none());
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_brings_its_inventory_in_the_same_turn() {
    let mut files = with_inventory(TABLE);
    files.insert("inventory/services.toml", "[[Service]]\nid = \"web\"\ntier = 1\n");
    let world = world_with(bundle()).await;
    let before = world.control.snapshot();
    world.control.activate(&dan(), files, "services").await.unwrap();
    let after = world.control.snapshot();
    assert_eq!(after.epoch, before.epoch + 1, "bundle and inventory change together");
    assert!(after.entities.get("Service", "web").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_that_was_read_for_another_bundle_is_not_taken() {
    let World { control, folder: _folder, .. } = world().await;
    let config = control.config().clone();
    control.close().await;
    let (views, bundle) = (Arc::new(OnceLock::new()), config.bundle.clone());
    let entities = Arc::default();
    let log = ledger::Standing::first(&config.place.keys.log.verifier());
    let seed = Seed { tenant: config.tenant, bundle, entities, log, views: views.clone(), board: Arc::default() };
    let opened = ledger::recover::open::<Decider>(&config.place, seed).unwrap();
    let views: &Arc<Views> = views.get().unwrap();
    let (active, before) = (views.snapshot().bundle.digest(), views.snapshot().epoch);
    let read_for = |bundle| Command::Inventory { bundle, entities: Arc::default() };
    opened.ledger.ask(read_for(Digest::plain(b"another bundle"))).await.unwrap();
    assert_eq!(views.snapshot().epoch, before);
    opened.ledger.ask(read_for(active)).await.unwrap();
    assert_eq!(views.snapshot().epoch, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_covers_is_the_same_for_decisions_cases_and_relayed_methods() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let caller = Caller { agent: "sre-bot".parse().unwrap(), on_behalf_of: None, anonymous: false };
    let misspelt = Target::Tenant("typo".parse().unwrap());
    world.control.kill(Principal::Person(dan()), misspelt, "typing fast").await.unwrap();
    assert_eq!(state(&world, case), CaseState::Open);
    assert!(world.control.permits_relay(&caller, None, "tasks/get").is_ok());
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    let tenant = Target::Tenant("default".parse().unwrap());
    world.control.kill(Principal::Person(dan()), tenant, "stop").await.unwrap();
    assert_eq!(state(&world, case), CaseState::Void);
    assert!(world.control.permits_relay(&caller, None, "tasks/get").is_err());
    assert!(propose(&world, "sre.report", "{}").await.permit.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_the_administration_voids_what_people_were_asked_about_it() {
    let world = world().await;
    let wish = level(&world, AutonomyLevel::L1);
    let asked = world.control.give_level(&"cleo".parse().unwrap(), wish).await.unwrap_err();
    let case = asked.case.unwrap().id;
    let class = Target::Class("countersign.admin".parse().unwrap());
    world.control.kill(Principal::Person(dan()), class, "stop").await.unwrap();
    assert_eq!(state(&world, case), CaseState::Void);
}

fn level(world: &World, level: AutonomyLevel) -> LevelWish {
    LevelWish {
        epoch: None,
        agent: "sre-bot".parse().unwrap(),
        class: "write".parse().unwrap(),
        level,
        environments: Default::default(),
        reason: "it earned it".into(),
        expires: world.control.now().plus(86_400_000),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_used_up_by_a_change_that_cannot_be_made() {
    let world = world().await;
    let cleo = "cleo".parse().unwrap();
    let wish = level(&world, AutonomyLevel::L3);
    let case = world.control.give_level(&cleo, wish.clone()).await.unwrap_err().case.unwrap().id;
    approve(&world, case).await;
    let refused = world.control.give_level(&cleo, wish).await.unwrap_err();
    assert_eq!(refused.code, Code::LevelUnsupported);
    assert_eq!(state(&world, case), CaseState::Consumed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_says_who_made_and_who_revoked_a_key_and_why() {
    let world = world().await;
    let agent = Principal::Agent("sre-bot".parse().unwrap());
    let first = world.control.create_first_key(&dan(), agent.clone(), None, "setting up").await.unwrap();
    assert_eq!(last_reason(&world, RecordKind::Key), ("setting up".into(), Principal::Person(dan())));
    let made = world.control.keys().into_iter().find(|key| key.id == first.id).unwrap();
    assert_eq!((made.holder, made.by), (agent.clone(), Principal::Person(dan())));
    let holder = Holder { principal: agent.clone(), on_behalf_of: None };
    assert_eq!(world.control.holder_of(&first.token).unwrap(), holder);
    world.control.create_key(&dan(), agent, None, None, "a second machine").await.unwrap();
    assert_eq!(last_reason(&world, RecordKind::Key).0, "a second machine");
    world.control.revoke_key(&dan(), first.id, "it leaked").await.unwrap();
    assert_eq!(last_reason(&world, RecordKind::Key), ("it leaked".into(), Principal::Person(dan())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_connection_is_opened_with_what_its_client_calls_itself() {
    let world = world().await;
    let caller = Caller { agent: "sre-bot".parse().unwrap(), on_behalf_of: None, anonymous: false };
    world.control.open_session(&caller, &Default::default(), "a client 1.0").await.unwrap();
    let history = world.control.history();
    let entries = history.range(0, history.size().unwrap()).unwrap();
    let opened = entries.into_iter().rev().find(|entry| entry.leaf.kind == RecordKind::SessionOpen).unwrap();
    let said: types::Arguments = opened.content.unwrap().get(Field::Arguments).unwrap().unwrap();
    assert_eq!(said.canonical(), r#"{"client":"a client 1.0"}"#);
}
