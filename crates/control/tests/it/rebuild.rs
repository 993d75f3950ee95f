//! What is kept, rebuilt from the records: equal after everything that can happen, and every other row is found.

use std::collections::BTreeSet;

use countersign_control::actions::Wish;
use countersign_control::rebuild::{self, Found};
use countersign_control::sessions::Brief;
use countersign_control::state::{Target, kind};
use countersign_control::{Config, Control, Refusal};
use ledger::recover::{OpenError, lock};
use policy::BundleFiles;
use replay::fold::{Answer, RowTold};
use store::StateOp;
use testkit::{World, permitting_bundle, reviewed_bundle, world_with};
use types::case::Ballot;
use types::reconciliation::{Bypass, Gap, Reconciliation};
use types::reversal::{Phase, StateSeen};
use types::reviewing::Advice;
use types::saga::{Plan, PlannedStep, Saga, SagaState, SagaStep};
use types::{ActionId, Code, Digest, Millis, OutcomeStatus, PersonId, Principal, cbor};

use crate::{propose, try_propose};

const SERVICE: &str = r#"{"service":"web"}"#;

const LIMITS: &str = "[rates.often]\nburst = 50\nrefill_ms = 60000\n\n[budgets.month]\nmax = 1000\n\
                      period_ms = 2592000000\n";

/// Breakers that take note of everything and stop nobody.
const BREAKERS: &str = "[circuits.calls]\nfailures = 50\nof_last = 100\nwithin_ms = 2592000000\npause_ms = 1000\n\
                        pause_ms_max = 8000\n\n[bulks.undoing]\npermits_max = 1000\nwithin_ms = 2592000000\n\
                        counts = [\"reversible\", \"compensable\", \"staged\", \"irreversible\"]\n";

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

const CHECKS: &str =
    "[checks.later]\ncovers = { class = \"read\" }\nafter_ms = 86400000\nhttp = { url = \"http://127.0.0.1:9/\" }\n";

fn limited() -> BundleFiles {
    let mut files = permitting_bundle();
    for file in ["agents.toml", "escalation.toml"] {
        files.insert(file, reviewed_bundle().get(file).unwrap().replace("review_first = true\n", ""));
    }
    files.insert("limits.toml", LIMITS);
    files.insert("breakers.toml", BREAKERS);
    files.insert("behaviour.toml", "[baselines.usual]\nhours_min = 1\n");
    // Nobody looks before the test is over.
    files.insert("checks.toml", CHECKS);
    testkit::with_decoys(files)
}

pub fn look(world: &World) -> Found {
    look_with(world, None, world.control.now())
}

fn look_with(world: &World, more: Option<BundleFiles>, now: Millis) -> Found {
    rebuild::look(world.control.history(), at_hand(more), now, |_| {}).unwrap()
}

/// Returns every bundle that was ever active in a world.
pub fn bundles(world: &World) -> replay::Bundles {
    let mut bundles = replay::Bundles::new();
    for (_, value) in world.control.history().state(kind::BUNDLE).unwrap() {
        if let Ok(files) = cbor::decode::<Vec<(String, String)>>(&value) {
            bundles.add(BundleFiles(files.into_iter().collect()));
        }
    }
    bundles
}

fn at_hand(files: Option<BundleFiles>) -> replay::Bundles {
    let mut bundles = replay::Bundles::new();
    files.into_iter().for_each(|files| bundles.add(files));
    bundles
}

/// Counts the journal again with what some records say changed, and returns how many then do not follow.
pub fn problems_with(
    world: &World,
    which: impl Fn(&ledger::history::Entry) -> bool,
    forge: impl Fn(&evidence::Content) -> evidence::Content,
) -> usize {
    let (history, bundles) = (world.control.history(), bundles(world));
    let mut again = replay::fold::Again::default();
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        let forged = entry.content.as_ref().filter(|_| which(&entry)).map(&forge);
        again.take(entry.index, &entry.leaf, forged.as_ref().or(entry.content.as_ref()), &bundles);
    }
    again.end(&bundles).problems.len()
}

pub fn assert_equal(found: &Found) {
    let comparison = &found.comparison;
    assert!(comparison.is_equal(), "{:?} {:?}", comparison.rows, comparison.problems);
    assert_eq!(comparison.doubts.len(), 0, "{:?}", comparison.doubts);
}

async fn vote(world: &World, by: &str, ballot: Ballot, tool: &str, arguments: &str) {
    let case = propose(world, tool, arguments).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await.unwrap();
}

async fn listed(world: &World, tools: &[(&str, &str)]) {
    let tool = |(name, says): &(&str, &str)| format!(r#"{{"name":"{name}","description":"{says}"}}"#);
    let tools: Vec<String> = tools.iter().map(tool).collect();
    world.control.observe(&"sre".parse().unwrap(), "sre/1", &tools).await.unwrap();
}

async fn pin(world: &World, tool: &str) {
    let tool = tool.parse().unwrap();
    let digest = world.control.definition(&tool).unwrap();
    world.control.pin(&person("dan"), &tool, digest, "reviewed").await.unwrap();
}

/// Erases `report-bot`, which did something and has left the bundle.
async fn somebody_erased(world: &World) {
    let wish = Wish { principal: Principal::Agent("report-bot".parse().unwrap()), ..crate::wish("sre.report", "{}") };
    world.control.decide_once(wish, false).await.unwrap();
    let mut files = limited();
    let (before, after) = files.get("agents.toml").unwrap().split_once("[agents.report-bot]").unwrap();
    let after = after.split_once("[agents.").map_or_else(String::new, |(_, after)| format!("[agents.{after}"));
    let without = format!("{before}{after}");
    files.insert("agents.toml", without);
    world.control.activate(&person("dan"), files, "it has left").await.unwrap();
    let whom = countersign_control::erasures::subject("agent:report-bot").unwrap();
    world.control.erase(&person("dan"), &whom, "request 4711").await.unwrap();
}

/// A world in which something of every kind is kept.
pub async fn full() -> World {
    let world = world_with(limited()).await;
    somebody_erased(&world).await;
    world.with_passkey("ben", 3).await;
    world.decoy().await;
    let around = Bypass {
        gap: Gap::Around,
        number: Some(7),
        at: None,
        by: Some("psql".into()),
        what: vec!["orders".into()],
        key: None,
    };
    let at = types::Millis(0);
    let held =
        Reconciliation { server: "sre".parse().unwrap(), to: 7, journal: 1, compared: 3, found: vec![around], at };
    world.control.record_reconciliation(held).await.unwrap();
    let tested = Some(("sre.restart".parse().unwrap(), Digest::of("an undo", b"")));
    let action = ActionId::draw(at, [7; 10]);
    let seen =
        StateSeen { action, phase: Phase::Undone, at, undo: Some(action), restored: Some(true), error: None, tested };
    world.control.record_seen(seen, Some("3".into()), Vec::new()).await.unwrap();
    let agent = "sre-bot".parse().unwrap();
    let runs = types::Identity { model: Some("a model".into()), prompt: Some("a prompt".into()) };
    let brief = Brief { runs, ..Brief::default() };
    let session = world.control.begin_briefed_session(&agent, None, None, brief).await.unwrap();
    let closed = world.control.begin_session(&agent, Some(person("cleo")), None).await.unwrap();
    for session in [session, closed] {
        let wish = Wish { session: Some(session), ..crate::wish("sre.report", r#"{"days":7}"#) };
        world.control.decide_once(wish, false).await.unwrap();
    }
    world.control.end_session(closed).await.unwrap();
    saga_begun(&world, &agent).await;
    let keyed = Wish { session: Some(session), ..crate::wish("sre.report", "{}") };
    world.control.propose(keyed, true, "a key/with a slash".into()).await.unwrap();
    let reported = try_propose(&world, "sre.report", "{}", true).await.unwrap();
    world.control.report(&agent, reported.decision.action, OutcomeStatus::Failed, None, None).await.unwrap();
    let case = propose(&world, "sre.restart", r#"{"service":"r"}"#).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    let reviewer = "checker".parse().unwrap();
    world.control.give_review(&reviewer, case, Advice::Back, "not now", shown).await.unwrap();
    vote(&world, "ben", Ballot::Deny, "sre.restart", r#"{"service":"a"}"#).await;
    vote(&world, "ben", Ballot::Approve, "sre.restart", r#"{"service":"b"}"#).await;
    propose(&world, "sre.restart", r#"{"service":"b"}"#).await;
    vote(&world, "ben", Ballot::Approve, "sre.restart", SERVICE).await;
    vote(&world, "cleo", Ballot::Approve, "sre.scale", SERVICE).await;
    propose(&world, "sre.delete", SERVICE).await;
    crate::permissions::given(&world, crate::permissions::restarts(), &["ben"]).await;
    propose(&world, "sre.restart", r#"{"service":"web","replicas":3}"#).await;
    listed(&world, &[("list", "lists"), ("delete", "deletes")]).await;
    pin(&world, "sre.list").await;
    pin(&world, "sre.delete").await;
    listed(&world, &[("list", "lists"), ("delete", "deletes everything")]).await;
    for target in ["agent:nobody", "tool:sre.list"] {
        let target: Target = target.parse().unwrap();
        world.control.kill(Principal::Person(person("ana")), target, "to be sure").await.unwrap();
    }
    world.control.lift(&person("dan"), "tool:sre.list".parse().unwrap(), "it is fine").await.unwrap();
    for to in ["eve", "ben"] {
        crate::delegations::delegate(&world, "cleo", to, None, 86_400_000).await.unwrap();
    }
    let glass = crate::break_glass::ask(&world, "cleo", "sre.scale").await.unwrap();
    crate::break_glass::confirm(&world, "dan", glass).await.unwrap();
    propose(&world, "sre.scale", r#"{"service":"c"}"#).await;
    world.control.take_back(&person("dan"), &person("cleo"), &person("ben"), "she is back").await.unwrap();
    let key = world.control.create_key(&person("dan"), Principal::Agent(agent), None, None, "more").await.unwrap();
    world.control.revoke_key(&person("dan"), key.id, "it leaked").await.unwrap();
    world.control.rotate_log_key(&person("dan"), "yearly").await.unwrap();
    // The gateway's own actions end as the process does, in doubt, and count in the conduct of their agent.
    let world = world.restart().await;
    // Its server is away, so nothing of the saga is begun.
    while world.control.sagas().unwrap().iter().any(|saga| !saga.state.is_end()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world
}

/// Takes a saga on.
async fn saga_begun(world: &World, agent: &types::AgentId) {
    let session = world.control.begin_session(agent, None, None).await.unwrap();
    let step = PlannedStep { tool: "sre.report".parse().unwrap(), arguments: serde_json::json!({}), check: None };
    let steps = vec![SagaStep { tool: step.tool.clone(), check: None, actions: Vec::new() }];
    let (plan, digest) = Plan { steps: vec![step] }.write(1 << 20).unwrap();
    let (agent, on_behalf_of, key, state, at) = (agent.clone(), None, None, SagaState::Asked, types::Millis(0));
    let saga = Saga { session, agent, on_behalf_of, key, digest, steps, begun: at, state, since: at };
    world.control.record_saga(saga, plan, types::Claims::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_kept_comes_out_of_the_records_as_it_is_stored() {
    let world = full().await;
    let found = look(&world);
    assert_equal(&found);
    let kinds: BTreeSet<&str> = found.comparison.kinds.keys().map(String::as_str).collect();
    let all: BTreeSet<&str> = kind::ALL.into_iter().chain(["log"]).collect();
    assert_eq!(kinds, all, "something of every kind is among them");
    assert!(found.comparison.kinds.values().all(|counts| counts.equal > 0));
    assert_eq!(found.comparison.records, world.control.size());
    assert_equal(&look(&world.restart().await));
}

/// Writes rows into the file of a world that is down, as whoever can write the data folder can.
fn tamper(config: &Config, state: Vec<StateOp>) {
    let mut writer = store::Writer::open(&config.place.data.join("journal.db")).unwrap();
    let frontier = writer.head().frontier.clone();
    writer.commit(&store::Batch { state, frontier, ..store::Batch::default() }).unwrap();
}

/// Lets go of a world, so that its files are nobody's.
async fn down(world: World) -> (Config, testkit::Folder, String) {
    let token = world.token("dan").to_owned();
    let World { control, folder, .. } = world;
    let config = control.config().clone();
    control.close().await;
    drop(taken(&config).await);
    (config, folder, token)
}

async fn taken(config: &Config) -> ledger::recover::Lock {
    for _ in 0..600 {
        match lock(&config.place.data) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            taken => return taken.unwrap(),
        }
    }
    panic!("the folder is still taken")
}

fn look_at(config: &Config, more: Option<BundleFiles>) -> Found {
    let history = ledger::History::open(&config.place.data, config.place.keys.tenant.clone()).unwrap();
    rebuild::look(&history, at_hand(more), config.place.clock.wall(), |_| {}).unwrap()
}

fn rows_of(config: &Config, kind: &str) -> Vec<(String, Vec<u8>)> {
    let history = ledger::History::open(&config.place.data, config.place.keys.tenant.clone()).unwrap();
    history.state(kind).unwrap()
}

async fn repair(config: &Config, found: &Found, token: &str) -> Result<rebuild::Repair, Refusal> {
    let lock = taken(config).await;
    rebuild::write(config.clone(), lock, found, token, "the disk rotted").await
}

fn told(kind: &str, key: &str, answer: Answer) -> RowTold {
    RowTold { kind: kind.into(), key: key.into(), answer }
}

fn changed(kind: &'static str, key: &str, value: &[u8]) -> (StateOp, RowTold) {
    let mut value = value.to_vec();
    *value.last_mut().unwrap() ^= 1;
    (StateOp::Put { kind, key: key.to_owned(), value }, told(kind, key, Answer::Differs))
}

fn added(kind: &'static str, _: &str, value: &[u8]) -> (StateOp, RowTold) {
    let key = "planted/key".to_owned();
    (StateOp::Put { kind, key, value: value.to_vec() }, told(kind, "planted/key", Answer::Extra))
}

fn removed(kind: &'static str, key: &str, _: &[u8]) -> (StateOp, RowTold) {
    (StateOp::Delete { kind, key: key.to_owned() }, told(kind, key, Answer::Missing))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_any_kind_that_was_changed_added_or_removed_is_found_by_name_and_written_back() {
    let (config, _folder, token) = down(full().await).await;
    let files = config.bundle.files().clone();
    assert_equal(&look_at(&config, None));
    let kinds: BTreeSet<&'static str> = kind::ALL.into_iter().chain(["log"]).collect();
    let rows = || kinds.iter().map(|kind| rows_of(&config, kind)).collect::<Vec<_>>();
    let before = rows();
    for plant in [changed, added, removed] {
        // Of the bundles, the files of the one at hand can be written back.
        let of = |(kind, rows): (&&'static str, &Vec<(String, Vec<u8>)>)| {
            let own = |key: &String| *kind != kind::BUNDLE || *key == files.digest().to_string();
            let (key, value) = rows.iter().find(|(key, _)| own(key)).unwrap();
            plant(kind, key, value)
        };
        let (plants, expected): (Vec<_>, Vec<_>) = kinds.iter().zip(&before).map(of).unzip();
        tamper(&config, plants);
        let found = look_at(&config, Some(files.clone()));
        assert_eq!(found.comparison.rows, expected);
        assert!(found.comparison.differs());
        let repaired = repair(&config, &found, &token).await.unwrap();
        assert_eq!(repaired.changed, expected.len());
        assert!(repaired.receipt.is_some());
        assert_equal(&look_at(&config, None));
        assert_eq!(rows(), before);
    }
    let control = Control::open(config).unwrap();
    control.take_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_active_bundle_is_the_one_the_records_name() {
    let (config, _folder, token) = down(full().await).await;
    let other = cbor::encode(&Digest::plain(b"another bundle"));
    tamper(&config, vec![StateOp::Put { kind: kind::BUNDLE, key: "current".into(), value: other }]);
    let opened = Control::open(config.clone());
    assert!(matches!(opened, Err(OpenError::State(_))), "such a journal does not even open");
    let found = look_at(&config, None);
    assert_eq!(found.comparison.rows, [told(kind::BUNDLE, "current", Answer::Differs)]);
    repair(&config, &found, &token).await.unwrap();
    assert!(Control::open(config).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_key_gives_nobody_a_hand_in_the_repair_and_no_agent_has_one() {
    let world = full().await;
    let agent = world.token("sre-bot").to_owned();
    // Somebody holds a key that no record made, and has put it beside the others.
    let (planted, stranger) = world.control.draft_first_key(&person("dan"), Principal::Person(person("dan")), None);
    let (config, _folder, token) = down(world).await;
    let value = cbor::encode(&planted);
    tamper(&config, vec![StateOp::Put { kind: kind::KEY, key: planted.id.to_string(), value }]);
    let found = look_at(&config, None);
    assert_eq!(found.comparison.rows, [told(kind::KEY, &planted.id.to_string(), Answer::Extra)]);
    assert_eq!(repair(&config, &found, &stranger.token).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(repair(&config, &found, &agent).await.unwrap_err().code, Code::Forbidden);
    let lock = taken(&config).await;
    let wordless = rebuild::write(config.clone(), lock, &found, &token, " ").await.unwrap_err();
    assert_eq!(wordless.code, Code::RequestInvalid);
    assert_eq!(look_at(&config, None).comparison.rows.len(), 1, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_bundle_that_are_lost_come_back_from_the_folder_alone() {
    let world = world_with(limited()).await;
    let (config, _folder, token) = down(world).await;
    let files = config.bundle.files().clone();
    let key = files.digest().to_string();
    tamper(&config, vec![StateOp::Delete { kind: kind::BUNDLE, key: key.clone() }]);
    let alone = look_at(&config, None);
    assert!(alone.comparison.rows.contains(&told(kind::BUNDLE, &key, Answer::Missing)), "{:?}", alone.comparison.rows);
    let found = look_at(&config, Some(files.clone()));
    assert_eq!(found.comparison.rows, [told(kind::BUNDLE, &key, Answer::Missing)]);
    repair(&config, &found, &token).await.unwrap();
    assert_equal(&look_at(&config, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_by_itself_may_be_dropped_already_and_not_be_added() {
    let world = full().await;
    let at = world.control.now();
    assert!(look_with(&world, None, at).comparison.kinds.contains_key(kind::IDEMPOTENCY));
    world.clock.advance(2 * 86_400_000);
    world.control.tick().await.unwrap();
    let found = look(&world);
    assert_equal(&found);
    let (config, _folder, _) = down(world).await;
    let entry = (types::ActionId::draw(at, [1; 10]), Digest::plain(b"x"), at.plus(9 * 86_400_000));
    let key = "agent:sre-bot/planted".to_owned();
    tamper(&config, vec![StateOp::Put { kind: kind::IDEMPOTENCY, key: key.clone(), value: cbor::encode(&entry) }]);
    assert_eq!(look_at(&config, None).comparison.rows, [told(kind::IDEMPOTENCY, &key, Answer::Extra)]);
}

/// What is left of others after `cleo` is erased, who revoked a key, set a switch anew, and for whom an agent did things.
async fn without_cleo() -> World {
    let world = world_with(limited()).await;
    let agent: types::AgentId = "sre-bot".parse().unwrap();
    for on_behalf_of in [Some(person("cleo")), None] {
        let wish = Wish { on_behalf_of, ..crate::wish("sre.report", "{}") };
        let decided = world.control.decide_once(wish, false).await.unwrap();
        assert!(decided.permit.is_some());
    }
    let holder = Principal::Agent("report-bot".parse().unwrap());
    let key = world.control.create_key(&person("dan"), holder, None, None, "a second one").await.unwrap();
    world.control.revoke_key(&person("cleo"), key.id, "it leaked").await.unwrap();
    let passkey = world.enrol("ben", &testkit::authenticator::Authenticator::p256("localhost", 3)).await;
    world.control.revoke_passkey(&person("cleo"), passkey.id, "it is lost").await.unwrap();
    let target = Target::Tool("sre.list".parse().unwrap());
    for by in ["ana", "cleo"] {
        world.control.kill(Principal::Person(person(by)), target.clone(), "to be sure").await.unwrap();
    }
    world.control.lift(&person("dan"), target, "it is fine").await.unwrap();
    // The gateway's own actions end with the process, in doubt.
    let world = world.restart().await;
    assert!(
        world.control.history().state(kind::CONDUCT).unwrap().iter().any(|(key, _)| key.starts_with(agent.as_str()))
    );
    crate::erasure::they_leave(&world).await;
    crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_erased_records_is_told_again_but_for_what_they_took_away() {
    let world = without_cleo().await;
    let found = look(&world);
    // The lifting is erased with her, and what she had lifted was set before by somebody else.
    assert_eq!(found.comparison.rows, [told(kind::SWITCH, "tool:sre.list", Answer::Erased)]);
    assert!(!found.comparison.differs() && !found.comparison.is_equal());
    assert!(found.comparison.doubts.keys().all(|kind| *kind == kind::SWITCH), "{:?}", found.comparison.doubts);
    let (config, _folder, token) = down(world).await;
    let meter = ("agent:sre-bot".to_owned(), rows_of(&config, kind::METER)[0].1.clone());
    let (plant, expected) = changed(kind::METER, &meter.0, &meter.1);
    let switch = StateOp::Put { kind: kind::SWITCH, key: "agent:x".into(), value: vec![1] };
    tamper(&config, vec![plant, switch]);
    let found = look_at(&config, None);
    let extra = told(kind::SWITCH, "agent:x", Answer::Extra);
    assert_eq!(found.comparison.rows, [expected, extra, told(kind::SWITCH, "tool:sre.list", Answer::Erased)]);
    assert_eq!(repair(&config, &found, &token).await.unwrap().changed, 2, "what cannot be told stays as it is");
    assert_eq!(look_at(&config, None).comparison.rows, [told(kind::SWITCH, "tool:sre.list", Answer::Erased)]);
    assert!(rows_of(&config, kind::SWITCH).is_empty(), "no switch comes back that was lifted");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_rested_on_erased_records_are_not_said_to_be_wrong() {
    let world = without_cleo().await;
    crate::propose(&world, "sre.report", "{}").await;
    let found =
        countersign_control::replay::decisions(world.control.history(), at_hand(None), 0, u64::MAX, |_| {}).unwrap();
    assert_eq!((found.count("differs"), found.count("missing")), (0, 0), "{:?}", found.told);
    assert!(found.taken.contains_key("meter"), "of those between, somebody's word is taken: {:?}", found.taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_gone_without_an_erasure_is_no_erased_one() {
    let (config, _folder, token) = down(full().await).await;
    let journal = config.place.data.join("journal.db");
    let seq = 9;
    let subject = store::Reader::open(&journal).unwrap().record(seq).unwrap().unwrap().subjects[0];
    let mut writer = store::Writer::open(&journal).unwrap();
    let frontier = writer.head().frontier.clone();
    let erasures = vec![store::Erasure { subject, records: vec![store::Erased { seq, by: 3 }] }];
    writer.commit(&store::Batch { erasures, frontier, ..store::Batch::default() }).unwrap();
    drop(writer);
    let found = look_at(&config, None);
    assert!(found.comparison.problems.iter().any(|problem| problem.index == seq), "{:?}", found.comparison.problems);
    assert!(found.comparison.differs());
    assert_eq!(repair(&config, &found, &token).await.unwrap_err().code, Code::JournalMismatch);
}
