//! Telling approvers: what is recorded reaches those it concerns, across restarts and closed logs, and nobody waits for it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use countersign_control::Config;
use countersign_control::doctor::Sign;
use countersign_control::notifications::{NoticeState, OUTBOX, Wanted};
use countersign_control::state::Target;
use notify::Settings;
use policy::BundleFiles;
use serde_json::Value;
use testkit::{World, reviewed_bundle, world, world_with};
use types::case::{Ballot, CaseState};
use types::reviewing::Advice;
use types::{CaseId, Code, PersonId, Principal};

use crate::approvals::with_a_fallback;
use crate::erasure::{erase, they_leave};
use crate::{closing, propose, rebuild};

const SERVICE: &str = r#"{"service":"web-7f3a","note":"do not tell anybody"}"#;

const EVERYTHING: &str = "[\"case-opened\", \"case-asked\", \"case-ended\", \"kill-set\", \"kill-lifted\", \
                          \"freeze-begun\", \"freeze-ended\"]";

pub(crate) fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// Is a webhook's receiver: what came, by id, and what it answers.
#[derive(Clone, Default)]
pub(crate) struct Receiver(Arc<Mutex<(Vec<Request>, u16)>>);

/// Is the id and the body of a request.
type Request = (String, String);

impl Receiver {
    pub(crate) async fn start(status: u16) -> (Self, String) {
        let receiver = Self::default();
        receiver.answer(status);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, address)
    }

    pub(crate) fn answer(&self, status: u16) {
        self.0.lock().unwrap().1 = status;
    }

    pub(crate) fn came(&self) -> Vec<(String, Value)> {
        let came = self.0.lock().unwrap().0.clone();
        came.into_iter().map(|(id, body)| (id, serde_json::from_str(&body).unwrap())).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.came().iter().map(|(_, said)| said["type"].as_str().unwrap().replace("countersign.", "")).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = receiver.0.lock().unwrap();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    kept.0.push((id, String::from_utf8(body.to_vec()).unwrap()));
    StatusCode::from_u16(kept.1).unwrap()
}

pub(crate) fn target(name: &str, address: &str, events: &str, more: &str) -> String {
    format!(
        "[targets.{name}]\nkind = \"webhook\"\nurl = \"http://{address}/\"\nsecret_file = \"secret\"\nevents = {events}\n\
         allow_private = true\nprivate = [\"127.0.0.1/32\"]\n{more}\n"
    )
}

fn settings(text: &str) -> Settings {
    Settings::read(text, &|_| Ok(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_vec())).unwrap()
}

pub(crate) async fn telling(world: World, text: &str) -> World {
    let notifications = Some(settings(text));
    world.restart_with(|config| Config { notifications, ..config }).await
}

pub(crate) async fn until(what: impl Fn() -> bool) {
    for _ in 0..600 {
        if what() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it has not come to that");
}

pub(crate) async fn vote(world: &World, case: CaseId, by: &str, ballot: Ballot) {
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&person(by), case, ballot, "looks right", shown, false).await.unwrap();
}

pub(crate) fn counted(world: &World, state: NoticeState) -> usize {
    let wanted = Wanted { state: Some(state), limit: 1_000, ..Wanted::default() };
    world.control.notifications(&wanted).unwrap().notices.len()
}

fn found(world: &World, about: &str) -> (Sign, String, Option<Code>) {
    let all = world.control.doctor();
    let found = all.into_iter().find(|found| found.about == about).unwrap_or_else(|| panic!("nothing about {about}"));
    (found.sign, found.says, found.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_told_with_who_where_and_until_when_and_without_its_arguments() {
    let (receiver, address) = Receiver::start(204).await;
    let world =
        telling(world().await, &format!("link = \"https://c.example\"\n{}", target("hook", &address, EVERYTHING, "")))
            .await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    until(|| receiver.came().len() == 1).await;
    let (id, said) = receiver.came().remove(0);
    assert_eq!(id, format!("{case}_opened"));
    let data = &said["data"];
    assert_eq!((data["case"].clone(), data["state"].clone()), (case.to_string().into(), "open".into()));
    assert_eq!((data["requester"].as_str(), data["tool"].as_str()), (Some("agent:sre-bot"), Some("sre.restart")));
    assert_eq!(data["asked"][0]["group"], "owners");
    assert_eq!(
        (data["expires"].as_str(), data["link"].as_str()),
        (Some("2026-01-05T10:10:00Z"), Some(&*format!("https://c.example/inbox/{case}")))
    );
    let body = said.to_string();
    assert!(!body.contains("web-7f3a") && !body.contains("do not tell"), "an argument is told: {body}");
    // It has come before that is noted.
    until(|| found(&world, "target hook").1.contains("1 delivered")).await;
    assert_eq!(found(&world, "target hook").0, Sign::Good);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_case_and_each_switch_is_told() {
    let (receiver, address) = Receiver::start(204).await;
    let world = telling(world().await, &target("hook", &address, EVERYTHING, "")).await;
    let state = |at: usize| receiver.came()[at].1["data"]["state"].as_str().unwrap_or_default().to_owned();
    let approved = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    until(|| receiver.came().len() == 1).await;
    vote(&world, approved, "ben", Ballot::Approve).await;
    vote(&world, approved, "cleo", Ballot::Approve).await;
    until(|| receiver.came().len() == 2).await;
    assert_eq!((receiver.kinds()[1].as_str(), state(1).as_str()), ("case.ended", "approved"));
    let denied = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    until(|| receiver.came().len() == 3).await;
    vote(&world, denied, "ben", Ballot::Deny).await;
    until(|| receiver.came().len() == 4).await;
    assert_eq!(state(3), "denied");
    propose(&world, "sre.restart", r#"{"service":"db"}"#).await;
    until(|| receiver.came().len() == 5).await;
    let killed = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), killed.clone(), "<!channel> acting up").await.unwrap();
    // The kill ends the open case and the approval that nobody has used.
    until(|| receiver.came().len() == 8).await;
    world.control.lift(&person("dan"), killed, "all clear").await.unwrap();
    until(|| receiver.came().len() == 9).await;
    let kinds = receiver.kinds();
    assert_eq!(kinds.iter().filter(|kind| *kind == "kill.set").count(), 1, "{kinds:?}");
    assert_eq!(kinds[8], "kill.lifted");
    let kill = receiver.came().into_iter().find(|(_, said)| said["type"] == "countersign.kill.set").unwrap().1;
    assert_eq!(kill["data"]["reason"], "<!channel> acting up");
    assert_eq!(kill["data"]["by"], "person:ben");
    let ended = receiver.came().iter().filter(|(_, said)| said["data"]["state"] == "void").count();
    assert_eq!(ended, 2, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_target_is_told_of_a_break_glass_whatever_it_asks_for() {
    let (receiver, address) = Receiver::start(204).await;
    // It wants nothing but the cases of another group.
    let text = target("hook", &address, "[\"case-opened\"]", "groups = [\"nobody\"]\nper_minute = 1");
    let world = telling(world().await, &text).await;
    let id = crate::break_glass::ask(&world, "ben", "sre.restart").await.unwrap();
    until(|| receiver.came().len() == 1).await;
    crate::break_glass::confirm(&world, "cleo", id).await.unwrap();
    until(|| receiver.came().len() == 2).await;
    let broken = receiver.came()[1].1.clone();
    assert_eq!((&broken["data"]["people"][0], &broken["data"]["people"][1]), (&"ben".into(), &"cleo".into()));
    assert!(broken["data"]["title"].as_str().unwrap().contains("THE GLASS IS BROKEN"), "{broken}");
    world.control.end_glass(&person("dan"), id, "it is over").await.unwrap();
    until(|| receiver.came().len() == 3).await;
    world.clock.advance(24 * 3_600_000);
    until(|| receiver.came().len() == 4).await;
    crate::break_glass::review(&world, "dan", id).await.unwrap();
    until(|| receiver.came().len() == 5).await;
    assert_eq!(receiver.kinds(), ["glass.asked", "glass.broken", "glass.ended", "glass.overdue", "glass.reviewed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_at_once_of_what_a_reviewer_looks_at_first_and_that_it_was_sent_back() {
    let (receiver, address) = Receiver::start(204).await;
    let world = telling(world_with(reviewed_bundle()).await, &target("hook", &address, EVERYTHING, "")).await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    until(|| receiver.came().len() == 1).await;
    let (id, said) = receiver.came().remove(0);
    assert_eq!((id, said["data"]["asked"].as_array().unwrap().len()), (format!("{case}_opened"), 2), "{said}");
    let say = async |advice| {
        let shown = world.control.case(&case).unwrap().case.shown;
        let checker = "checker".parse().unwrap();
        world.control.give_review(&checker, case, advice, "looked", shown).await.map(|case| case.state)
    };
    assert_eq!(say(Advice::Back).await.unwrap(), CaseState::Returned);
    until(|| receiver.came().len() == 2).await;
    let ended = receiver.came().remove(1).1;
    assert_eq!(
        (ended["type"].as_str(), ended["data"]["state"].as_str()),
        (Some("countersign.case.ended"), Some("returned"))
    );
}

/// A bundle in which `eve` answers if no owner does within ten minutes, and nothing changes on the next day.
fn with_a_fallback_and_a_freeze() -> BundleFiles {
    let mut files = with_a_fallback();
    files.insert(
        "limits.toml",
        "[freezes.holidays]\nfrom = \"2026-01-06T00:00:00Z\"\nto = \"2026-01-06T01:00:00Z\"\nreason = \"nobody is here\"\n",
    );
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_on_the_path_are_told_when_they_are_asked_and_not_before() {
    let (owners, owners_at) = Receiver::start(204).await;
    let (late, late_at) = Receiver::start(204).await;
    let asked = "[\"case-opened\", \"case-asked\"]";
    let text = target("owners", &owners_at, asked, "groups = [\"owners\"]")
        + &target("late", &late_at, asked, "groups = [\"late\"]");
    let world = telling(world_with(with_a_fallback_and_a_freeze()).await, &text).await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    until(|| owners.came().len() == 1 && counted(&world, NoticeState::Waiting) == 1).await;
    assert!(late.came().is_empty(), "they were told too early");
    let world = world.restart().await;
    world.clock.advance(600_000);
    until(|| late.came().len() == 1).await;
    let (id, said) = late.came().remove(0);
    assert_eq!((id, said["type"].as_str()), (format!("{case}_asked_1"), Some("countersign.case.asked")));
    assert_eq!(said["data"]["asked"][0]["group"], "late");
    assert_eq!(owners.came().len(), 1);
    // A case that is decided before asks nobody further.
    let decided = propose(&world, "sre.restart", r#"{"service":"db"}"#).await.case.unwrap().id;
    until(|| owners.came().len() == 2).await;
    vote(&world, decided, "ben", Ballot::Deny).await;
    world.clock.advance(600_000);
    until(|| counted(&world, NoticeState::Dropped) == 1).await;
    assert_eq!(late.came().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_told_when_it_begins_and_when_it_is_over() {
    let (receiver, address) = Receiver::start(204).await;
    let world =
        telling(world_with(with_a_fallback_and_a_freeze()).await, &target("hook", &address, EVERYTHING, "")).await;
    world.clock.advance(14 * 3_600_000);
    until(|| receiver.came().len() == 1).await;
    assert_eq!(
        (receiver.kinds()[0].as_str(), receiver.came()[0].1["data"]["freeze"].as_str()),
        ("freeze.begun", Some("holidays"))
    );
    let world = world.restart().await;
    world.clock.advance(3_600_000);
    until(|| receiver.came().len() == 2).await;
    assert_eq!(receiver.kinds(), ["freeze.begun", "freeze.ended"], "each is told once, over a restart too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_so_when_a_target_comes_back_is_not_told() {
    let (receiver, address) = Receiver::start(500).await;
    let events = "[\"case-opened\", \"freeze-begun\"]";
    let world = telling(world_with(with_a_fallback_and_a_freeze()).await, &target("hook", &address, events, "")).await;
    world.clock.advance(14 * 3_600_000 - 60_000);
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    until(|| receiver.came().len() == 1).await;
    // It is approved and stays stored until the agent comes for it; it asks nobody any more.
    vote(&world, case, "ben", Ballot::Approve).await;
    world.clock.advance(60_000);
    until(|| counted(&world, NoticeState::Waiting) + counted(&world, NoticeState::Dropped) == 2).await;
    let mut files = with_a_fallback_and_a_freeze();
    let limits = files.get("limits.toml").unwrap().replace("2026-01-06T00:", "2026-01-07T00:");
    files.insert("limits.toml", limits.replace("2026-01-06T01:", "2026-01-07T01:"));
    let bundle = Arc::new(policy::Bundle::load(files).unwrap());
    world.control.activate_first(&person("dan"), bundle, "it is put off").await.unwrap();
    let before = receiver.came().len();
    receiver.answer(204);
    for _ in 0..6 {
        world.clock.advance(60_000);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    until(|| counted(&world, NoticeState::Dropped) == 2).await;
    assert_eq!((receiver.came().len(), counted(&world, NoticeState::Sent)), (before, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_before_it_could_be_sent_is_not_told() {
    let (receiver, address) = Receiver::start(500).await;
    let world = telling(world().await, &target("hook", &address, EVERYTHING, "")).await;
    let report = Target::Agent("report-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("cleo")), report.clone(), "by cleo's hand").await.unwrap();
    until(|| found(&world, "target hook").0 == Sign::Bad).await;
    world.control.lift(&person("dan"), report, "all clear").await.unwrap();
    they_leave(&world).await;
    let asked = erase(&world, "ana", "person:cleo").await.unwrap_err();
    vote(&world, asked.case.unwrap().id, "ben", Ballot::Approve).await;
    erase(&world, "ana", "person:cleo").await.unwrap();
    receiver.answer(204);
    let before = receiver.came().len();
    world.clock.advance(15 * 60_000);
    until(|| counted(&world, NoticeState::Waiting) == 0).await;
    let after: Vec<String> = receiver.came().iter().skip(before).map(|(_, said)| said.to_string()).collect();
    assert!(!after.iter().any(|said| said.contains("cleo")), "{after:?}");
    assert!(counted(&world, NoticeState::Dropped) >= 1);
    let outbox = std::fs::read(world.control.config().place.data.join(OUTBOX)).unwrap();
    assert!(!outbox.windows(4).any(|bytes| bytes == b"cleo"), "the outbox has the name");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_as_a_log_is_closed_is_told_from_the_next_one() {
    let (receiver, address) = Receiver::start(500).await;
    let world = telling(world().await, &target("hook", &address, EVERYTHING, "")).await;
    let left = closing::close(&world).await;
    until(|| found(&world, "target hook").0 == Sign::Bad).await;
    let (world, _) = closing::next(world).await;
    receiver.answer(204);
    let told = |kind: &str| receiver.kinds().iter().any(|told| told == kind);
    let opened = || receiver.came().iter().any(|(id, _)| *id == format!("{}_opened", left.case));
    for round in 0..600 {
        // Time enough for every try again, and less than the case has left.
        if round < 40 {
            world.clock.advance(10_000);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if opened() && told("kill.set") && told("case.ended") {
            break;
        }
    }
    assert!(opened() && told("kill.set") && told("case.ended"), "{:?}", receiver.kinds());
    propose(&world, "sre.scale", SERVICE).await;
    let before = receiver.came().len();
    until(|| receiver.came().len() > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_target_delays_no_decision_and_the_doctor_says_so() {
    let world = telling(world().await, &target("hook", "127.0.0.1:9", EVERYTHING, "groups = [\"others\"]")).await;
    let (sign, says, _) = found(&world, "notifications");
    assert_eq!(sign, Sign::Note);
    assert!(says.contains("no target is told when `owner` asks `owners`"), "{says}");
    let killed = Target::Agent("report-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), killed, "acting up").await.unwrap();
    until(|| found(&world, "target hook").0 == Sign::Bad).await;
    assert_eq!(found(&world, "target hook").2, Some(Code::UpstreamUnavailable));
    for _ in 0..20 {
        assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    }
    let nobody = Wanted { target: Some("nobody".into()), ..Wanted::default() };
    assert_eq!(world.control.notifications(&nobody).unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_delivered_is_no_part_of_what_a_rebuild_compares() {
    let (receiver, address) = Receiver::start(500).await;
    let world = telling(world().await, &target("hook", &address, EVERYTHING, "")).await;
    propose(&world, "sre.restart", SERVICE).await;
    until(|| !receiver.came().is_empty() && counted(&world, NoticeState::Waiting) == 1).await;
    rebuild::assert_equal(&rebuild::look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_cannot_be_used_stops_the_telling_and_nothing_else() {
    let world = world().await;
    let path = world.control.config().place.data.join(OUTBOX);
    std::fs::write(&path, "this is no database, however long one looks at it ".repeat(40)).unwrap();
    let world = telling(world, &target("hook", "127.0.0.1:9", EVERYTHING, "")).await;
    let (sign, says, code) = found(&world, "notifications");
    assert_eq!((sign, code), (Sign::Bad, Some(Code::FileUnusable)), "{says}");
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    assert_eq!(world.control.notifications(&Wanted::default()).unwrap_err().code, Code::FileUnusable);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_settings_nobody_is_told_and_the_doctor_says_so() {
    let world = world().await;
    propose(&world, "sre.restart", SERVICE).await;
    let (sign, says, _) = found(&world, "notifications");
    assert_eq!(sign, Sign::Note);
    assert!(says.contains("nobody is told when people are asked"), "{says}");
    assert!(!world.control.config().place.data.join(OUTBOX).exists());
    // Told only now, those who are asked already are told too, and nothing that is over.
    let (receiver, address) = Receiver::start(204).await;
    let world = telling(world, &target("hook", &address, EVERYTHING, "")).await;
    until(|| receiver.came().len() == 1).await;
    until(|| counted(&world, NoticeState::Sent) == 1).await;
    assert_eq!(receiver.kinds(), ["case.opened"]);
}
