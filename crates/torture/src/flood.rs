//! Agents that ask for people without an end, beside agents that need people: how long those wait, and what the flood leaves behind.
//!
//! Legitimate agents propose what two people must approve, people who look and vote at once, and propose it again once that is
//! so. First without a flood, then beside agents that propose something else that escalates, each time, at a rate.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evidence::{Field, RecordKind, TenantKey, bodies};
use ledger::History;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use types::case::{Ballot, Vote};
use types::{CaseId, PersonId};

use crate::bundle::AGENTS;
use crate::http::{Answer, Client, at};
use crate::pace::{Offered, Pace, Times};
use crate::program::Programs;
use crate::sink::Sink;
use crate::{bundle, clock};

/// Is how many of the agents flood; the others are legitimate.
const FLOODING: usize = 4;

/// Is how many cases an agent may have open, by default of a bundle.
const OPEN_CASES_MAX: u64 = 20;

/// Is how many denials of one agent are recorded one by one in a minute.
const DENIALS_MAX: u64 = 200;

/// Are the people who vote; every case needs both.
const PEOPLE: [&str; 2] = ["ben", "cleo"];

/// Is how long a legitimate agent rests between two proposals, in milliseconds.
const REST_MS: u64 = 100;

/// Says what is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many escalations are offered a second.
    pub rate: u64,
    /// How long nobody floods, in seconds.
    pub quiet_s: u64,
    /// How long the flood lasts, in seconds.
    pub flood_s: u64,
    /// How many connections carry the flood.
    pub callers: usize,
}

/// Is how a folder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// The records of the journal.
    pub records: u64,
    /// The bytes of the data folder.
    pub bytes: u64,
}

/// Is what came of it.
#[derive(Debug, Default)]
pub struct Told {
    /// What was offered.
    pub offered: Offered,
    /// What the flood was answered: the verdict or code, and how often.
    pub answers: BTreeMap<String, u64>,
    /// From a legitimate proposal to its permit, without the flood.
    pub quiet: Times,
    /// The same beside the flood.
    pub beside: Times,
    /// How long the page of the inbox took, beside the flood.
    pub inbox: Times,
    /// The most open cases that it ever showed.
    pub open_max: u64,
    /// Before and after the flood.
    pub sizes: (Size, Size),
    /// How many permits there are.
    pub permits: u64,
    /// Permits that not everybody has voted for who must, or that a flooding agent was given. None may be.
    pub by_accident: Vec<String>,
    /// How many records are about a flooding agent.
    pub of_the_flood: u64,
}

impl Told {
    /// Returns how many records of the flood there may be: its cases, and the denials that are recorded one by one in each minute that it
    /// touches, with a sum of the others.
    pub fn records_max(plan: Plan) -> u64 {
        let minutes = plan.flood_s.div_ceil(60) + 1;
        FLOODING as u64 * (2 * OPEN_CASES_MAX + minutes * (DENIALS_MAX + 1))
    }

    /// Says whether nothing was decided by accident, and what the flood leaves behind is bounded, if there was one.
    pub fn holds(&self, plan: Plan) -> bool {
        let is_bounded =
            self.open_max <= OPEN_CASES_MAX * u64::from(AGENTS) && self.of_the_flood <= Self::records_max(plan);
        let was_there = self.of_the_flood > 0 && self.inbox.count() > 0 && self.permits > 0;
        self.by_accident.is_empty() && is_bounded && was_there
    }

    /// Says whether legitimate agents waited less than twice as long as without a flood.
    pub fn is_fair(&self) -> bool {
        self.beside.percentile(99) < 2 * self.quiet.percentile(99)
    }
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Sets a folder up whose changes need two people, and returns the keys of its agents.
///
/// # Errors
///
/// What the programs or the file system say.
pub async fn set_up(programs: &Programs, below: &Path) -> Result<Vec<String>, String> {
    let (_, target) = Sink::start(&below.join("effects")).await?;
    let folder = below.join("flood");
    bundle::write(&folder.join("bundle"), target, AGENTS)?;
    let change = |name: &str, how: &dyn Fn(String) -> String| {
        let path = folder.join("bundle").join(name);
        let changed = how(std::fs::read_to_string(&path).map_err(text)?);
        std::fs::write(&path, changed).map_err(text)
    };
    change("bundle.toml", &|_| "name = \"flood\"\nauthors = []\n".into())?;
    change("people.toml", &|people| {
        people + &PEOPLE.map(|person| format!("\n[people.{person}]\ngroups = [\"owners\"]\n")).concat()
    })?;
    change("escalation.toml", &|profiles| profiles.replace("approvals = 1", "approvals = 2"))?;
    // An agent that executes by itself lists no tools, so nothing compares a definition.
    change("catalog/sink.toml", &|catalog| {
        catalog.lines().filter(|line| !line.starts_with("definition")).map(|line| format!("{line}\n")).collect()
    })?;
    change("policies/torture.cedar", &|policies| {
        policies.replace(
            "@id(\"changes\")\npermit (principal in Team::\"agents\", action in Action::\"class:change\", resource);",
            "@id(\"changes\")\n@escalate(\"owner\")\npermit (principal in Team::\"agents\", action in Action::\"class:change\", resource)\nwhen { context.mode == Mode::\"approved\" };",
        )
    })?;
    programs.set_up(&folder, AGENTS).await
}

/// Is a server, and what is said to it.
struct Place {
    address: SocketAddr,
    agents: Vec<String>,
    people: Vec<String>,
}

/// Proposes a change; each has another call.
fn proposal(call: &str) -> Value {
    json!({ "tool": "sink.append_unsafe", "arguments": { "item": "item", "call": call, "agent": "a", "fail": false } })
}

async fn ask(client: &mut Client, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
    client.send(method, path, "", body).await.ok_or_else(|| format!("{method} {path}: the connection broke"))?;
    client.answer().await.ok_or_else(|| format!("{method} {path}: no answer came"))
}

/// Is a legitimate agent with the people it needs.
struct Legitimate {
    agent: Client,
    people: Vec<Client>,
}

impl Legitimate {
    async fn connect(place: &Place, key: &str) -> Result<Self, String> {
        let connect = async |key: &str| Client::connect(place.address, key).await.ok_or("the server does not listen");
        let mut people = Vec::new();
        for key in &place.people {
            people.push(connect(key).await?);
        }
        Ok(Self { agent: connect(key).await?, people })
    }

    /// Proposes, has people vote, proposes again, and reports; returns how long the permit took.
    async fn act(&mut self, call: &str) -> Result<u64, String> {
        let begun = clock::now();
        let asked = ask(&mut self.agent, "POST", "/v1/actions", Some(&proposal(call))).await?.body;
        let case = at(&asked, "/approval/id").as_str().ok_or_else(|| format!("it was not escalated: {asked}"))?;
        for person in &mut self.people {
            vote(person, case).await?;
        }
        let permitted = ask(&mut self.agent, "POST", "/v1/actions", Some(&proposal(call))).await?.body;
        let took = clock::us_since(begun);
        let verdict = at(&permitted, "/verdict").as_str().unwrap_or_default();
        let action = at(&permitted, "/action").as_str().filter(|_| verdict.starts_with("allow"));
        let action = action.ok_or_else(|| format!("it was approved and not permitted: {permitted}"))?;
        let outcome = format!("/v1/actions/{action}/outcome");
        ask(&mut self.agent, "POST", &outcome, Some(&json!({ "status": "done" }))).await?;
        Ok(took)
    }

    /// Acts until it is over.
    async fn run(mut self, name: String, over: Arc<AtomicBool>) -> Result<Times, String> {
        let (mut times, mut n) = (Times::default(), 0_u64);
        while !over.load(Ordering::SeqCst) {
            n += 1;
            times.add(self.act(&format!("{name}-{n}")).await?);
            clock::sleep(REST_MS).await;
        }
        Ok(times)
    }
}

async fn vote(person: &mut Client, case: &str) -> Result<(), String> {
    let path = format!("/v1/approvals/{case}");
    let shown = at(&ask(person, "GET", &path, None).await?.body, "/shown").clone();
    let vote = json!({ "vote": "approve", "reason": "looked at it", "shown": shown });
    let counted = ask(person, "POST", &format!("{path}/votes"), Some(&vote)).await?;
    if counted.status == 200 { Ok(()) } else { Err(format!("a vote was not counted: {}", counted.body)) }
}

/// Lets the legitimate agents act for so long.
async fn legitimate(place: &Place, name: &str, seconds: u64) -> Result<Times, String> {
    let over = Arc::new(AtomicBool::new(false));
    let mut acting = JoinSet::new();
    for (n, key) in place.agents.iter().enumerate().skip(FLOODING) {
        acting.spawn(Legitimate::connect(place, key).await?.run(format!("{name}-{n}"), over.clone()));
    }
    clock::sleep(seconds * 1_000).await;
    over.store(true, Ordering::SeqCst);
    let mut times = Times::default();
    while let Some(acted) = acting.join_next().await {
        times.extend(acted.map_err(text)??);
    }
    Ok(times)
}

/// Looks at the inbox until it is over; returns how long that took, and the most open cases.
async fn look(address: SocketAddr, key: String, over: Arc<AtomicBool>) -> Result<(Times, u64), String> {
    let mut person = Client::connect(address, &key).await.ok_or("the server does not listen")?;
    let (mut times, mut most) = (Times::default(), 0);
    while !over.load(Ordering::SeqCst) {
        let begun = clock::now();
        let page = ask(&mut person, "GET", "/v1/approvals?state=open", None).await?;
        times.add_since(begun);
        let open =
            at(&page.body, "/approvals").as_array().ok_or_else(|| format!("no inbox came: {}", page.status))?.len();
        most = most.max(open as u64);
        clock::sleep(500).await;
    }
    Ok((times, most))
}

/// Floods with one connection's share; returns how often which answer came.
async fn flood(pace: Arc<Pace>, address: SocketAddr, key: String, name: String) -> BTreeMap<String, u64> {
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    let mut client = Client::connect(address, &key).await;
    let mut n = 0_u64;
    while pace.take().await {
        n += 1;
        let answer = match &mut client {
            Some(client) => ask(client, "POST", "/v1/actions", Some(&proposal(&format!("{name}-{n}")))).await.ok(),
            None => None,
        };
        if answer.is_none() {
            client = Client::connect(address, &key).await;
        }
        *answers.entry(answer.map_or("no answer".into(), |answer| said(&answer))).or_default() += 1;
    }
    answers
}

/// Says in a word what a proposal was answered.
fn said(answer: &Answer) -> String {
    let verdict =
        at(&answer.body, "/verdict").as_str().or_else(|| at(&answer.body, "/code").as_str()).unwrap_or_default();
    let denied = |finding: &&Value| *at(finding, "/restriction") == json!("deny");
    let finding = at(&answer.body, "/findings").as_array().and_then(|all| all.iter().find(denied));
    let code = finding.and_then(|finding| at(finding, "/code").as_str()).filter(|_| verdict == "deny");
    code.map_or_else(|| format!("{} {verdict}", answer.status), |code| format!("{} {verdict} {code}", answer.status))
}

/// Plays a plan on a folder that was set up.
///
/// # Errors
///
/// What the programs, the file system or the journal say, or that a legitimate agent was not served.
pub async fn play(programs: &Programs, folder: &Path, keys: &[String], plan: Plan) -> Result<Told, String> {
    let mut server = programs.up(folder)?;
    let address = server.ready().await?;
    let mut people = Vec::new();
    for person in PEOPLE {
        people.push(programs.run(folder, &["key", "create", "--person", person]).await?.trim().to_owned());
    }
    let place = Place { address, agents: keys.to_vec(), people };
    let mut told = Told { quiet: legitimate(&place, "quiet", plan.quiet_s).await?, ..Told::default() };
    told.sizes.0 = size(folder, &place).await?;
    beside(&place, plan, &mut told).await?;
    told.sizes.1 = size(folder, &place).await?;
    server.stop().await?;
    programs.check(folder).await?;
    programs.run(folder, &["rebuild"]).await?;
    judge(folder, &mut told)?;
    Ok(told)
}

/// Floods, while legitimate agents act and a person looks at the inbox.
async fn beside(place: &Place, plan: Plan, told: &mut Told) -> Result<(), String> {
    let (pace, over) = (Arc::new(Pace::default()), Arc::new(AtomicBool::new(false)));
    let mut flooding = JoinSet::new();
    for (n, key) in (0..plan.callers).zip(place.agents.iter().take(FLOODING).cycle()) {
        flooding.spawn(flood(pace.clone(), place.address, key.clone(), format!("flood-{n}")));
    }
    let person = place.people.first().cloned().unwrap_or_default();
    let looking = tokio::spawn(look(place.address, person, over.clone()));
    let offering = tokio::spawn(pace.clone().offer(plan.rate));
    let acted = legitimate(place, "beside", plan.flood_s).await;
    pace.stop();
    over.store(true, Ordering::SeqCst);
    told.offered = offering.await.map_err(text)?;
    (told.inbox, told.open_max) = looking.await.map_err(text)??;
    while let Some(answers) = flooding.join_next().await {
        for (answer, count) in answers.map_err(text)? {
            *told.answers.entry(answer).or_default() += count;
        }
    }
    told.beside = acted?;
    Ok(())
}

fn history(folder: &Path) -> Result<History, String> {
    let key = std::fs::read_to_string(folder.join("keys/tenant.key")).map_err(text)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(key.trim(), &mut bytes).map_err(text)?;
    History::open(&folder.join("data"), TenantKey::from_bytes(bytes)).map_err(text)
}

/// Says how the folder of a running server stands.
async fn size(folder: &Path, place: &Place) -> Result<Size, String> {
    let person = place.people.first().map(String::as_str).unwrap_or_default();
    let mut person = Client::connect(place.address, person).await.ok_or("the server does not listen")?;
    let health = ask(&mut person, "GET", "/v1/health", None).await?;
    let records = at(&health.body, "/records").as_u64().ok_or("the server does not tell how many records there are")?;
    Ok(Size { records, bytes: bytes(&folder.join("data"))? })
}

fn bytes(folder: &Path) -> Result<u64, String> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder).map_err(text)? {
        let entry = entry.map_err(text)?;
        // A tile that is replaced meanwhile is gone.
        let Ok(data) = entry.metadata() else { continue };
        sum += if data.is_dir() { bytes(&entry.path())? } else { data.len() };
    }
    Ok(sum)
}

/// Reads the journal: who was permitted what, and by whose votes.
fn judge(folder: &Path, told: &mut Told) -> Result<(), String> {
    let history = history(folder)?;
    let flooding: BTreeSet<String> = (0..AGENTS).take(FLOODING).map(bundle::agent).collect();
    let mut votes: BTreeMap<CaseId, BTreeSet<PersonId>> = BTreeMap::new();
    for entry in history.range(0, history.size().map_err(text)?).map_err(text)? {
        let Some(content) = &entry.content else { return Err(format!("record {} has no content", entry.index)) };
        if entry.leaf.kind == RecordKind::Vote {
            let vote: Vote = content.get(Field::Body).ok().flatten().ok_or("a vote cannot be read")?;
            if vote.ballot == Ballot::Approve {
                votes.entry(vote.case).or_default().insert(vote.person);
            }
        }
        let floods = content
            .subjects
            .iter()
            .any(|subject| subject.strip_prefix("agent:").is_some_and(|agent| flooding.contains(agent)));
        if entry.index >= told.sizes.0.records {
            told.of_the_flood += u64::from(floods);
        }
        let Some(proposal) = bodies::proposal(content).filter(|_| entry.leaf.kind == RecordKind::Decided) else {
            continue;
        };
        if proposal.principal.agent().is_none() || entry.leaf.verdict.is_none_or(|rank| rank > 1) {
            continue;
        }
        told.permits += 1;
        let case = bodies::decision(content).and_then(|decision| decision.case);
        let voted = case.and_then(|case| votes.get(&case)).map_or(0, BTreeSet::len);
        if voted < PEOPLE.len() || floods {
            told.by_accident.push(format!("record {}: {}, {voted} votes", entry.index, proposal.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { rate: 1_000, quiet_s: 1, flood_s: 60, callers: 1 };

    #[test]
    fn a_flood_that_decides_or_grows_without_bound_does_not_hold() {
        let mut inbox = Times::default();
        inbox.add(1);
        let told = || Told { inbox: inbox.clone(), permits: 1, of_the_flood: 1_700, open_max: 80, ..Told::default() };
        assert_eq!(Told::records_max(PLAN), 1_768);
        assert!(told().holds(PLAN));
        assert!(!Told { by_accident: vec!["record 1".into()], ..told() }.holds(PLAN));
        assert!(!Told { of_the_flood: 1_769, ..told() }.holds(PLAN));
        assert!(!Told { open_max: 161, ..told() }.holds(PLAN));
        assert!(!Told { of_the_flood: 0, ..told() }.holds(PLAN));
        assert!(!Told { inbox: Times::default(), ..told() }.holds(PLAN));
    }

    #[test]
    fn an_answer_to_the_flood_is_a_verdict_with_the_finding_that_denied() {
        let deny = json!({ "verdict": "deny", "findings": [
            { "restriction": "escalate", "code": "policy-escalates" }, { "restriction": "deny", "code": "cases-full" },
        ] });
        assert_eq!(said(&Answer { status: 200, body: deny }), "200 deny cases-full");
        assert_eq!(said(&Answer { status: 200, body: json!({ "verdict": "escalate" }) }), "200 escalate");
        assert_eq!(said(&Answer { status: 503, body: json!({ "code": "overloaded" }) }), "503 overloaded");
    }
}
