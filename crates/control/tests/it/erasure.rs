//! Erasing a subject: what is alive keeps it, what rests on it ends with it, and what proves things stays.

use countersign_control::actions::{Proposed, Wish};
use countersign_control::erasures::{Erasure, subject};
use countersign_control::state::{Target, kind};
use evidence::verify::archive;
use evidence::{Archive, Field, RecordKind, Standing, Trust};
use ledger::history::Entry;
use policy::BundleFiles;
use testkit::{World, bundle, world, world_with};
use types::case::{Ballot, CaseState};
use types::{AgentId, Code, OutcomeStatus, PersonId, Principal, SessionId};

const SERVICE: &str = r#"{"service":"web"}"#;

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

fn bot() -> AgentId {
    "sre-bot".parse().unwrap()
}

/// The bundle after `sre-bot` and `cleo`, for whom it acts, have left; a second person looks at what owners erase.
fn without_them() -> BundleFiles {
    let mut files = bundle();
    let agents = "[agents.report-bot]\nowner = \"ben\"\nteams = [\"agents\"]\n";
    let people = files.get("people.toml").unwrap().replace("[people.cleo]\ngroups = [\"owners\"]\n", "");
    let erase = "@id(\"owners.erase\")\n@escalate(\"owner\")\npermit (principal in Group::\"owners\", \
                 action == Action::\"countersign.subject.erase\", resource)\nwhen { context.mode == Mode::\"approved\" };\n";
    let administration = format!("{}\n{erase}", files.get("policies/administration.cedar").unwrap());
    for (path, text) in
        [("agents.toml", agents), ("people.toml", &people), ("policies/administration.cedar", &administration)]
    {
        files.insert(path, text);
    }
    files
}

pub async fn they_leave(world: &World) {
    world.control.activate(&person("dan"), without_them(), "they have left").await.unwrap();
}

pub async fn erase(world: &World, by: &str, whom: &str) -> Result<Erasure, countersign_control::Refusal> {
    world.control.erase(&person(by), &subject(whom).unwrap(), "request 4711").await
}

fn wish(on_behalf_of: Option<&str>, session: Option<SessionId>) -> Wish {
    Wish { on_behalf_of: on_behalf_of.map(person), session, ..crate::wish("sre.report", "{}") }
}

async fn propose(world: &World, wish: Wish, key: &str) {
    let decided = world.control.propose(wish, true, key.into()).await.unwrap();
    let Proposed::Now(decided) = decided else { panic!("it is new") };
    let action = decided.decision.action;
    if decided.permit.is_some() {
        world.control.report(&bot(), action, OutcomeStatus::Done, Some("fine".into()), None).await.unwrap();
    }
}

fn entries(world: &World) -> Vec<Entry> {
    let history = world.control.history();
    history.range(0, history.size().unwrap()).unwrap()
}

/// Says whether some stored state, bundles aside, has a name in its key or its value.
pub fn state_names(world: &World, name: &str) -> Vec<&'static str> {
    let kinds = [
        kind::GRANT,
        kind::SWITCH,
        kind::CASE,
        kind::DECOY,
        kind::FLIGHT,
        kind::SESSION,
        kind::KEY,
        kind::PASSKEY,
        kind::METER,
        kind::CIRCUIT,
        kind::BULK,
        kind::HOUR,
        kind::CONDUCT,
        kind::QUARANTINE,
        kind::PIN,
        kind::IDEMPOTENCY,
        kind::IDENTITY,
        kind::REFUSAL,
        kind::RECENT_VOTE,
        kind::RETURN,
        kind::ERASED,
    ];
    let has = |bytes: &[u8]| bytes.windows(name.len()).any(|w| w == name.as_bytes());
    let names = |kind: &&str| {
        let rows = world.control.history().state(kind).unwrap();
        rows.iter().any(|(key, value)| has(key.as_bytes()) || has(value))
    };
    kinds.into_iter().filter(names).collect()
}

/// `sre-bot` has done things for itself and for `cleo`, was refused something, and has a session open.
pub async fn lived(world: &World) -> SessionId {
    let session = world.control.begin_session(&bot(), Some(person("cleo")), None).await.unwrap();
    propose(world, wish(None, None), "first").await;
    propose(world, wish(Some("cleo"), Some(session)), "second").await;
    let case = crate::propose(world, "sre.restart", SERVICE).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&person("ben"), case, Ballot::Deny, "not today", shown, false).await.unwrap();
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_about_a_subject_goes_and_what_rests_on_it_ends() {
    let world = world().await;
    let session = lived(&world).await;
    they_leave(&world).await;
    assert_eq!(state_names(&world, "sre-bot"), ["grant", "session", "key", "rate", "idempotency", "recent_vote"]);
    let before = entries(&world);
    let about = |name: &str| {
        let about = before.iter().filter(|e| e.content.as_ref().unwrap().subjects.iter().any(|s| s == name));
        about.map(|e| e.index).collect::<Vec<_>>()
    };
    let theirs = about("agent:sre-bot");
    let erased = erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert_eq!((erased.sessions, erased.keys, erased.levels, erased.gone, erased.repeated), (1, 2, 3, true, false));
    assert_eq!(erased.records, theirs.len() as u64 + 1, "and the end of its session, made by the erasure");
    assert_eq!(erased.bundles.len(), 1, "the bundle it was in");
    assert_eq!(state_names(&world, "sre-bot"), [""; 0]);
    let after = entries(&world);
    for entry in after.iter().filter(|entry| entry.index < before.len() as u64) {
        assert_eq!(entry.content.is_none(), theirs.contains(&entry.index), "record {}", entry.index);
        assert_eq!(entry.bytes, before[usize::try_from(entry.index).unwrap()].bytes);
    }
    let leaf = &after.iter().find(|e| e.index == erased.receipt).unwrap().leaf;
    assert_eq!((leaf.kind, leaf.action.is_some(), leaf.bundle.is_some()), (RecordKind::Erasure, true, true));
    assert!(world.control.session_of(&bot(), session).is_err());
    assert!(world.control.cases().iter().all(|case| case.requester != Principal::Agent(bot())));
    for token in ["sre-bot", "sre-bot/cleo"] {
        assert_eq!(world.control.holder_of(world.token(token)).unwrap_err().code, Code::Unauthenticated);
    }

    let again = erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert_eq!(again, Erasure { repeated: true, ..erased.clone() });
    assert_eq!(entries(&world).len(), after.len(), "the second time records nothing");
    let world = world.restart().await;
    assert_eq!(erase(&world, "dan", "agent:sre-bot").await.unwrap(), again);
    assert_eq!(state_names(&world, "sre-bot"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_along_what_was_done_for_them_and_leaves_the_rest() {
    let world = world().await;
    lived(&world).await;
    they_leave(&world).await;
    let erased = erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!((erased.sessions, erased.keys, erased.levels), (1, 2, 0), "her own key, and the one that acts for her");
    assert_eq!(state_names(&world, "cleo"), [""; 0]);
    let content_of = |name: &str| {
        let named = |e: &&Entry| e.content.as_ref().is_some_and(|c| c.subjects.iter().any(|s| s == name));
        entries(&world).iter().filter(named).count()
    };
    assert_eq!(content_of("person:cleo"), 0);
    assert!(content_of("agent:sre-bot") >= 5, "what the agent did for itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_alive_keeps_a_subject() {
    let world = world().await;
    let refused = |whom: &'static str, why: &'static str| {
        let world = &world;
        async move {
            let refusal = erase(world, "dan", whom).await.unwrap_err();
            assert_eq!(refusal.code, Code::SubjectInUse, "{}", refusal.message);
            assert!(refusal.message.contains(why), "{}", refusal.message);
        }
    };
    refused("agent:sre-bot", "the active bundle names it").await;
    refused("person:cleo", "the active bundle names it").await;
    let flight = crate::try_propose(&world, "sre.report", "{}", true).await.unwrap();
    let holder = Principal::Agent("report-bot".parse().unwrap());
    let key = world.control.create_first_key(&person("cleo"), holder, None, "hers").await.unwrap().id;
    let switch = Target::Agent(bot());
    world.control.kill(Principal::Person(person("ana")), switch.clone(), "stop").await.unwrap();
    they_leave(&world).await;
    refused("agent:sre-bot", "in flight").await;
    world.control.report(&bot(), flight.decision.action, OutcomeStatus::Done, None, None).await.unwrap();
    refused("agent:sre-bot", "switch agent:sre-bot is set").await;
    world.control.lift(&person("dan"), switch, "it has left").await.unwrap();
    erase(&world, "dan", "agent:sre-bot").await.unwrap();
    refused("person:cleo", "which is live").await;
    world.control.revoke_key(&person("dan"), key, "another was made").await.unwrap();
    erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!(state_names(&world, "cleo"), [""; 0], "the revoked key went along");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_erased_whom_nothing_is_recorded_about_or_without_leave() {
    let world = world().await;
    let unknown = erase(&world, "dan", "person:nobody").await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    let size = entries(&world).len();
    let denied = erase(&world, "eve", "agent:sre-bot").await.unwrap_err();
    assert_eq!((denied.code, entries(&world).len()), (Code::PolicyDenies, size + 1));
    for wrong in ["sre-bot", "team:agents", "agent:", "person:a b"] {
        assert_eq!(subject(wrong).unwrap_err().code, Code::RequestInvalid, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_before_denies_every_erasure() {
    let mut files = bundle();
    let schema = files.get("schema.cedarschema").unwrap().replace("countersign.subject.erase", "countersign.other");
    files.insert("schema.cedarschema", schema);
    let world = world_with(files).await;
    assert_eq!(erase(&world, "dan", "agent:sre-bot").await.unwrap_err().code, Code::ToolUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_decision_to_erase_outlives_its_subject_and_does_not_name_it() {
    let world = world().await;
    lived(&world).await;
    they_leave(&world).await;
    let other = erase(&world, "ben", "person:cleo").await.unwrap_err().case.unwrap().id;
    let asked = erase(&world, "ana", "person:cleo").await.unwrap_err();
    assert_eq!(asked.code, Code::PolicyEscalates);
    let case = world.control.case(&asked.case.unwrap().id).unwrap();
    assert_eq!(case.proposal.unwrap().arguments.canonical(), r#"{"subject":"person:cleo"}"#, "who approves sees whom");
    let (id, shown) = (case.case.id, case.case.shown);
    world.control.vote(&person("ben"), id, Ballot::Approve, "request 4711", shown, false).await.unwrap();
    let erased = erase(&world, "ana", "person:cleo").await.unwrap();
    assert_eq!(erased.cases, 1, "the other one who asked");
    assert_eq!(world.control.case(&other).unwrap().case.state, CaseState::Void);

    let action = entries(&world).into_iter().find(|e| e.index == erased.receipt).unwrap().leaf.action.unwrap();
    let path = world.control.trace(&action).unwrap();
    assert!(path.proposal.is_none() && path.decision().is_some() && path.outcome.is_some());
    assert_eq!(path.votes.iter().map(|vote| vote.person.as_str()).collect::<Vec<_>>(), ["ben"]);
    for entry in entries(&world) {
        let Some(content) = entry.content else { continue };
        let values = content.values.iter().filter(|value| value.field != Field::Reason);
        let named = values.filter(|value| value.bytes.windows(4).any(|w| w == b"cleo")).count();
        assert_eq!(named, 0, "record {} ({}) names her", entry.index, entry.leaf.kind.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_an_erased_subject_is_exported_as_such() {
    let world = world().await;
    lived(&world).await;
    let of = |e: &Entry| e.leaf.kind == RecordKind::Decided && e.content.as_ref().unwrap().subjects.len() == 2;
    let action = entries(&world).iter().find(|e| of(e)).unwrap().leaf.action.unwrap();
    let key = world.control.config().place.keys.log.verifier().clone();
    let before = Archive::from_bytes(&world.control.export(&"dan".parse().unwrap(), &action).await.unwrap()).unwrap();
    they_leave(&world).await;
    let receipt = erase(&world, "dan", "person:cleo").await.unwrap().receipt;
    let after = Archive::from_bytes(&world.control.export(&"dan".parse().unwrap(), &action).await.unwrap()).unwrap();
    assert_eq!((after.manifest.erased.len(), after.manifest.records.last()), (2, Some(&receipt)));
    let told = |bundle: &Archive| {
        let report = archive(bundle, &Trust::Key(key.clone())).0;
        (report.signature_standing(), report.claim_standing())
    };
    assert_eq!(told(&before), (Standing::Holds, Standing::Holds));
    assert_eq!(told(&after), (Standing::Erased, Standing::Erased));
    let mut cut = after.clone();
    cut.records.pop();
    cut.manifest.records.pop();
    assert_eq!(told(&cut), (Standing::Missing, Standing::Missing), "without the erasure's record nothing is erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_decided_where_an_erased_person_voted_is_kept_as_the_records_have_it() {
    let world = world().await;
    let case = crate::propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    for (by, ballot) in [("cleo", Ballot::Approve), ("ben", Ballot::Deny)] {
        let shown = world.control.case(&case).unwrap().case.shown;
        world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await.unwrap();
    }
    let refusals = || world.control.history().state(kind::REFUSAL).unwrap().len();
    assert_eq!(refusals(), 1);
    they_leave(&world).await;
    erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!(refusals(), 0, "it goes with any record of the action that opened the case");
    let found = crate::rebuild::look(&world).comparison;
    assert!(found.is_equal(), "{:?} {:?}", found.rows, found.problems);
}
