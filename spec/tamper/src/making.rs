//! Real logs: the application runs, every kind of record it knows to write is written, and three witnesses, two of which
//! make a quorum, cosign what is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use control::Config;
use control::actions::Wish;
use control::export::{Order, Wanted, custody, select, when_published};
use control::levels::LevelWish;
use control::state::Target;
use control::tracking::{NewLoggedModel, Status, artifact};
use evidence::archive::Custody;
use evidence::{About, Archive, RecordKind, Standing, Trust};
use ledger::KeyStore;
use policy::{Bundle, BundleFiles};
use replay::Bundles;
use testkit::World;
use testkit::authenticator::Authenticator;
use tlog::checkpoint::Checkpoint;
use tlog::key::SignerKey;
use tlog::prove::prove_consistency;
use tlog::{AddCheckpoint, CosignerKey, Frontier, Note, TrustPolicy, WitnessedLog};
use types::case::Ballot;
use types::outcome::OutcomeStatus;
use types::{AgentId, Arguments, AutonomyLevel, Channel, Claims, Millis, PersonId, Principal, SessionId, ToolName};

use crate::ends;
use crate::material::{Cosigned, KINDS, Logs, Material, Record, Sample};

/// Is how often everything is done that a log has a record for.
const ROUNDS: usize = 8;

/// Is how many denials of one agent are recorded one by one before they are only counted.
const FLOOD: usize = 206;

/// Is how many bundles are kept of each kind of record.
const SAMPLES_MAX: usize = 8;

/// Is when the first record is cosigned, in seconds since the Unix epoch.
const COSIGNED_FROM: u64 = 1_767_607_200;

const SERVICE: &str = r#"{"service":"web"}"#;

/// Makes two logs, the second behind the first, and everything that a corpus is made of; the same in every run.
pub async fn material() -> Logs {
    let kept = Arc::new(Kept::default());
    let keeping = |mut config: Config| {
        config.place.keys.log = config.place.keys.log.kept_in(kept.clone());
        config
    };
    let world = testkit::world_with(other_bundle(1)).await.restart_with(keeping).await;
    let ghost = begin(&world).await;
    let first = gather(&world, kept.last()).await;
    let world = ends::next(world, &ghost).await;
    let world = go_on(world).await;
    let live = gather(&world, kept.last()).await;
    Logs { first, live }
}

/// Does a little of everything and closes the log; returns whom nothing behind it knows.
async fn begin(world: &World) -> Principal {
    let ben = world.with_passkey("ben", 4).await;
    for round in [ROUNDS, ROUNDS + 1] {
        work(world, round, &ben).await;
        administer(world, round).await;
    }
    rotate(world).await;
    let ghost: AgentId = "ghost".parse().unwrap();
    call(world, ghost.as_str(), None, "sre.report", "{}").await;
    ends::closed(world, "the year is over").await;
    Principal::Agent(ghost)
}

/// Does everything that a log has a record for, and closes it.
async fn go_on(mut world: World) -> World {
    // What a passkey is, is told by the log it was enrolled in.
    let ben = world.with_passkey("ben", 3).await;
    for round in 0..ROUNDS {
        work(&world, round, &ben).await;
        administer(&world, round).await;
        erase(&world, round).await;
        if round % 2 == 1 {
            rotate(&world).await;
            world = world.restart().await;
        }
    }
    let world = ends::continued(world).await;
    for agent in ["sre-bot", "report-bot"] {
        for _ in 0..FLOOD {
            call(&world, agent, None, "sre.delete", "{}").await;
        }
    }
    let world = world.restart().await;
    call(&world, "sre-bot", None, "sre.report", "{}").await;
    ends::closed(&world, "another year is over").await;
    world
}

/// Keeps the log's keys, as the attacker has them.
#[derive(Debug, Default)]
struct Kept(Mutex<String>);

impl Kept {
    /// Returns the key that was made last.
    fn last(&self) -> SignerKey {
        SignerKey::from_secret_text(self.0.lock().unwrap().lines().last().unwrap()).unwrap()
    }
}

impl KeyStore for Kept {
    fn replace(&self, secrets: &str) -> std::io::Result<()> {
        secrets.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }
}

async fn call(
    world: &World,
    agent: &str,
    session: Option<SessionId>,
    tool: &str,
    arguments: &str,
) -> control::actions::Decided {
    let wish = Wish {
        principal: Principal::Agent(agent.parse().unwrap()),
        on_behalf_of: None,
        session,
        tool: tool.parse().unwrap(),
        definition: None,
        arguments: Arguments::parse(arguments, 4_096).unwrap(),
        claims: Claims::default(),
        channel: Channel::Http,
    };
    world.clock.advance(17);
    world.control.decide_once(wish, true).await.unwrap()
}

/// Calls a tool and reports how it went, if it was permitted.
async fn act(world: &World, session: Option<SessionId>, tool: &str, arguments: &str, failed: bool) {
    let decided = call(world, "sre-bot", session, tool, arguments).await;
    if decided.permit.is_none() {
        return;
    }
    world.clock.advance(40);
    let (status, result) =
        if failed { (OutcomeStatus::Failed, None) } else { (OutcomeStatus::Done, Some("ok".into())) };
    let error = failed.then(|| "it did not answer".to_owned());
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, decided.decision.action, status, result, error).await.unwrap();
}

/// Does what an agent does: with and without a session, permitted, denied, held, approved, withdrawn.
async fn work(world: &World, round: usize, passkey: &Authenticator) {
    let agent = "sre-bot".parse().unwrap();
    let session = world.control.begin_session(&agent, None, None).await.unwrap();
    let inside = Some(session);
    act(world, inside, "sre.report", &format!(r#"{{"days":{}}}"#, round + 1), false).await;
    act(world, inside, "sre.list", "{}", round % 3 == 2).await;
    call(world, "sre-bot", inside, "sre.delete", SERVICE).await;
    let held = call(world, "sre-bot", inside, "sre.restart", SERVICE).await.case.unwrap().id;
    if round % 2 == 1 {
        world.cast("ben", held, Ballot::Approve, passkey).await;
    } else {
        let shown = world.control.case(&held).unwrap().case.shown;
        let ben: PersonId = "ben".parse().unwrap();
        world.control.vote(&ben, held, Ballot::Approve, "looks right", shown, false).await.unwrap();
    }
    act(world, inside, "sre.restart", SERVICE, false).await;
    world.control.end_session(session).await.unwrap();
    act(world, None, "sre.report", "{}", false).await;
    let dropped = call(world, "sre-bot", None, "sre.scale", SERVICE).await.case.unwrap().id;
    world.clock.advance(90);
    world.control.withdraw(dropped).await.unwrap();
}

/// Does what people do: keys, levels, switches, tools, bundles.
async fn administer(world: &World, round: usize) {
    let dan: PersonId = "dan".parse().unwrap();
    let control = &world.control;
    world.clock.advance(1_000);
    let holder = Principal::Agent("report-bot".parse().unwrap());
    control.create_first_key(&dan, holder, None, "another machine").await.unwrap();
    world.clock.advance(5);
    control.give_first_level(&dan, level(control.now(), round)).await.unwrap();
    let tool: ToolName = "sre.scale".parse().unwrap();
    control.kill(Principal::Person(dan.clone()), Target::Tool(tool.clone()), "too risky").await.unwrap();
    world.clock.advance(5);
    control.lift(&dan, Target::Tool(tool.clone()), "it was looked at").await.unwrap();
    let listed = format!(r#"{{"name":"scale","description":"version {round}","inputSchema":{{}}}}"#);
    control.observe(&tool.server, "sre/1", &[listed]).await.unwrap();
    let seen = control.definition(&tool).unwrap();
    control.pin(&dan, &tool, seen, "reviewed").await.unwrap();
    decoy(world, round).await;
    seal(world).await;
    world.clock.advance(5);
    let bundle = Arc::new(Bundle::load(other_bundle(round)).unwrap());
    control.activate_first(&dan, bundle, "a new name").await.unwrap();
}

/// Has a decoy shown and answered, now rightly and now not.
async fn decoy(world: &World, round: usize) {
    let shown = world.decoy().await;
    let ben: PersonId = "ben".parse().unwrap();
    let vote = if round.is_multiple_of(2) { Ballot::Deny } else { Ballot::Approve };
    world.control.vote(&ben, shown.id, vote, "it was looked at", shown.shown, false).await.unwrap();
}

/// Seals a model, and has somebody try to remove it.
async fn seal(world: &World) {
    let (tracking, by) = (world.control.tracking().unwrap().clone(), "agent:sre-bot");
    let new = NewLoggedModel { experiment: "0".into(), ..NewLoggedModel::default() };
    let id = tracking.create_logged_model(new).unwrap().model.id;
    tracking.set_logged_model_status(id, Status::Ready, by.into()).unwrap();
    world.control.record_models().await.unwrap();
    assert!(tracking.remove_artifacts(artifact::path("0").unwrap(), by).is_err());
    world.control.record_refused_writes().await;
}

/// Has somebody denied whom nobody knows, and erases them by a decision.
async fn erase(world: &World, round: usize) {
    let ghost: AgentId = format!("ghost-{round}").parse().unwrap();
    call(world, ghost.as_str(), None, "sre.report", "{}").await;
    let dan: PersonId = "dan".parse().unwrap();
    world.clock.advance(5);
    world.control.erase(&dan, &Principal::Agent(ghost), "they asked for it").await.unwrap();
}

/// Lets a second key sign, and then that one alone.
async fn rotate(world: &World) {
    let dan: PersonId = "dan".parse().unwrap();
    world.control.rotate_log_key(&dan, "twice a year").await.unwrap();
    world.clock.advance(5);
    world.control.retire_log_key(&dan, "everybody knows the new one").await.unwrap();
}

fn level(now: Millis, round: usize) -> LevelWish {
    LevelWish {
        epoch: None,
        agent: "sre-bot".parse().unwrap(),
        class: "read".parse().unwrap(),
        level: AutonomyLevel::L1,
        environments: BTreeSet::new(),
        reason: format!("review {round}"),
        expires: now.plus(30 * 86_400_000),
    }
}

/// Is one of two bundles that differ in name alone, in turn; both let a closed log be deleted at once.
fn other_bundle(round: usize) -> BundleFiles {
    let mut files = testkit::with_decoys(testkit::bundle());
    files.insert("retention.toml", "minimum_days = 0\n");
    if round.is_multiple_of(2) {
        let head = files.get("bundle.toml").unwrap().replace("\"small\"", "\"another\"");
        files.insert("bundle.toml", head);
    }
    files
}

/// Gathers what a corpus is made of.
///
/// - `key`: the one that signs at its end; every checkpoint is signed with it.
async fn gather(world: &World, key: SignerKey) -> Material {
    world.control.publish().unwrap();
    let history = world.control.history();
    let entries = history.range(0, history.size().unwrap()).unwrap();
    let records: Vec<Record> = entries.iter().map(|entry| Record::read(&entry.bytes)).collect();
    assert_eq!(*key.verifier(), world.control.config().place.keys.log.verifier());
    let witnesses = [1, 2, 3].map(|n| CosignerKey::ed25519(&format!("witness{n}.example/w"), &[n; 32]).unwrap());
    let lines = witnesses.iter().zip(1..).map(|(witness, n)| format!("witness w{n} {}\n", witness.verifier()));
    let witnesses_text: String = lines.collect();
    let policy_text = format!("log {}\n{witnesses_text}group two 2 w1 w2 w3\nquorum two\n", key.verifier());
    let checkpoints = cosigned(&records, &key, &witnesses);
    let files = world.folder.path().join("data/log/checkpoint");
    let latest = Checkpoint::open(&std::fs::read(files).unwrap(), key.verifier()).unwrap().0;
    let last = checkpoints.last().unwrap();
    assert_eq!(latest.to_text().unwrap(), last.signed.text(), "the published log is the one that was cosigned");
    let bundle_files: Vec<BTreeMap<String, String>> = [other_bundle(0), other_bundle(1)].map(|files| files.0).into();
    let mut bundles = Bundles::new();
    bundle_files.iter().for_each(|files| bundles.add(BundleFiles(files.clone())));
    let policy = TrustPolicy::parse(policy_text.as_bytes()).unwrap();
    let mut material = Material {
        records,
        checkpoints,
        key,
        policy,
        policy_text,
        bundles,
        bundle_files,
        samples: BTreeMap::new(),
        withheld: Vec::new(),
    };
    for kind in KINDS {
        material.samples.insert(kind, samples(world, &material, kind).await);
    }
    material.withheld = withheld(world, &material).await;
    material
}

/// Signs the log as it was after each record, and has two or three witnesses cosign that, each by the protocol.
fn cosigned(records: &[Record], key: &tlog::SignerKey, witnesses: &[CosignerKey; 3]) -> Vec<Cosigned> {
    let hashes: Vec<_> = records.iter().map(|record| record.hash).collect();
    let keys = vec![key.verifier().clone()];
    let mut logs: Vec<WitnessedLog> = witnesses
        .iter()
        .map(|_| {
            let enrolled = WitnessedLog::enrol(&keys).unwrap();
            WitnessedLog::restore(keys.clone(), enrolled.as_bytes()).unwrap()
        })
        .collect();
    let mut frontier = Frontier::new();
    let mut all = Vec::new();
    for (at, hash) in hashes.iter().enumerate() {
        frontier.push(*hash).unwrap();
        let signed = Checkpoint::new(key.verifier().name(), frontier.size(), frontier.root()).sign(key).unwrap();
        let time = COSIGNED_FROM + at as u64 * 60;
        let mut lines = Vec::new();
        let mut again = None;
        for n in (0..3).filter(|n| at % 4 == 3 || at % 3 != *n) {
            let old = logs[n].latest().size;
            let proof =
                if old == 0 { Vec::new() } else { prove_consistency(old, frontier.size(), &hashes[..=at]).unwrap() };
            let request = AddCheckpoint::new(old, proof, signed.clone()).unwrap();
            let persisted = logs[n].add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap();
            let own = std::slice::from_ref(&witnesses[n]);
            lines.extend(persisted.cosign(own, time).unwrap());
            again = again.or_else(|| persisted.cosign(own, time + 1).unwrap().pop());
        }
        all.push(Cosigned { signed, lines, again: again.unwrap() });
    }
    all
}

/// Makes bundles around records of a kind; only those that hold as they are.
async fn samples(world: &World, material: &Material, kind: RecordKind) -> Vec<Sample> {
    let mut kept: Vec<Sample> = Vec::new();
    let indices = material.of_kind(kind);
    let step = indices.len().div_ceil(SAMPLES_MAX).max(1);
    for index in indices.iter().copied().step_by(step) {
        let holding = |archive: Archive| {
            let archive = Archive { checkpoint: material.checkpoints.last().unwrap().note(), ..archive };
            let place = archive.records.iter().position(|record| record.index == index as u64)?;
            (stands(material, &archive) == Standing::Holds).then_some(Sample { archive, place })
        };
        // A part of the log holds by itself only if it ends no permitted action before its outcome.
        let windows = (0..12).map(|n| ((n + index) % 3, 1 + (n + index) % 4));
        kept.extend(windows.filter_map(|(before, behind)| holding(part(world, index, before, behind)?)).next());
        kept.extend(road(world, material, index).await.and_then(holding));
    }
    kept
}

fn stands(material: &Material, archive: &Archive) -> Standing {
    let report = replay::archive(archive, &Trust::Policy(material.policy.clone()), material.bundles.clone());
    report.signature_standing().and(report.claim_standing())
}

/// Exports a record and some of its neighbours, as a part of the log.
fn part(world: &World, index: usize, before: usize, behind: usize) -> Option<Archive> {
    let key = world.control.config().place.keys.log.verifier().clone();
    let size = world.control.history().size().unwrap();
    let (from, to) = (index.saturating_sub(before) as u64, ((index + behind) as u64).min(size));
    let indices: Vec<u64> = (from..to).collect();
    world.control.history().export(&About::Records { from, to }, &indices, &key, &custody("ana", Millis(1))).ok()
}

/// Exports everything about the action or the session of a record.
async fn road(world: &World, material: &Material, index: usize) -> Option<Archive> {
    let leaf = material.records[index].leaf();
    let session = leaf.session.as_ref().map(|place| Wanted::Session(place.session));
    let action = leaf.action.map(|action| Wanted::Actions(BTreeSet::from([action])));
    let wanted = match leaf.kind {
        RecordKind::SessionOpen | RecordKind::SessionClose => session,
        _ => action,
    }?;
    exported(world, wanted, custody("ana", Millis(1)), index.is_multiple_of(2)).await
}

async fn exported(world: &World, wanted: Wanted, custody: Custody, with_policy: bool) -> Option<Archive> {
    select(world.control.history(), &wanted).ok()?;
    let order = Order { wanted, with_policy, custody };
    let key = world.control.config().place.keys.log.verifier().clone();
    when_published(world.control.history(), &key, &order).await.ok()
}

/// Exports actions from which the exporter has withheld one thing or another.
async fn withheld(world: &World, material: &Material) -> Vec<Archive> {
    let mut all = Vec::new();
    let decided = material.of_kind(RecordKind::Decided);
    for (index, name) in
        decided.iter().step_by(7).zip(["arguments", "principal", "fact", "finding", "claims"].iter().cycle())
    {
        let Some(action) = material.records[*index].leaf().action else { continue };
        let mut custody = custody("ana", Millis(1));
        custody.withheld = vec![(*name).to_owned()];
        let archive = exported(world, Wanted::Actions(BTreeSet::from([action])), custody, true).await;
        let note: Vec<u8> = material.checkpoints.last().unwrap().note();
        let sealed = archive.map(|archive| Archive { checkpoint: note, ..archive });
        all.extend(sealed.filter(|archive| stands(material, archive) == Standing::Withheld));
    }
    all
}

/// Reads a checkpoint's text and signatures again, for a caller that has only its bytes.
pub(crate) fn note(bytes: &[u8]) -> Note {
    Note::parse(bytes).unwrap()
}
