//! Kills under load, again and again: how soon nothing new leaves, and whether anything does.
//!
//! Actions are offered at a rate through the gateway. A kill of everything is set, stays for a moment, and is cleared. What
//! arrives at the target after the kill was acknowledged must have been named as in flight by that very answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::books::{Ack, Tool};
use crate::callers::{headers, request, told};
use crate::http::{Client, at};
use crate::pace::{Offered, Pace, Times};
use crate::program::{Programs, Server};
use crate::random::Random;
use crate::sink::{Seen, Sink};
use crate::syncs::Syncs;
use crate::{bundle, clock, journal};

/// Is how long the load runs before the first kill, in milliseconds.
const WARM_MS: u64 = 2_000;

/// Is how many drills by the command line follow, under the same load.
const DRILLS: u64 = 5;

/// Is how many agents share the load: so many that the denials of each while everything is killed are all recorded, and none
/// is held off for asking on and on once a kill is cleared.
const AGENTS: u32 = 100;

/// Is how many threads carry the load.
const THREADS: usize = 2;

/// Is by how much those give way to all others, as `nice` counts.
const GIVES_WAY: i32 = 10;

/// Says what is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many actions are offered a second.
    pub rate: u64,
    /// How many kills there are.
    pub kills: u64,
    /// How long each stays, in milliseconds.
    pub hold_ms: u64,
    /// How long the load runs between two, in milliseconds.
    pub gap_ms: u64,
    /// How many connections carry the load.
    pub callers: u32,
}

/// Is the time of one kill, by the target's clock, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// When the kill was acknowledged.
    pub armed: u64,
    /// When it was about to be cleared.
    pub until: u64,
    /// The actions that its answer named.
    pub in_flight: BTreeSet<String>,
}

/// Is what came of it.
#[derive(Debug, Default)]
pub struct Told {
    /// What was offered.
    pub offered: Offered,
    /// How many actions were carried out.
    pub done: u64,
    /// How many were refused because of a kill.
    pub killed: u64,
    /// What else was answered, and how often.
    pub other: BTreeMap<String, u64>,
    /// From the request of each kill until it was acknowledged.
    pub armed: Times,
    /// How long the disk itself takes.
    pub syncs: Times,
    /// How many kills were answered with the number of their record.
    pub receipts: u64,
    /// How many actions the kills named as in flight.
    pub named: u64,
    /// How many of them arrived at the target after the kill was acknowledged.
    pub on_their_way: u64,
    /// What arrived there that was not named: dispatched after the kill. None may.
    pub left: Vec<String>,
    /// How many drills of the command line passed and were lifted.
    pub drills: u64,
}

impl Told {
    /// Says whether nothing left after a kill was acknowledged, and every drill passed, under the load that was meant: all of it
    /// was carried out but for what a kill refused, and some of it was refused.
    pub fn holds(&self) -> bool {
        let was_there = self.done > 0 && self.killed > 0 && self.other.is_empty();
        self.left.is_empty() && self.drills == DRILLS && was_there
    }

    /// Says whether a kill is armed as soon as it should be: twice what the disk itself takes.
    pub fn is_soon(&self) -> bool {
        self.armed.count() > 0 && self.armed.percentile(99) <= 2 * self.syncs.percentile(99)
    }
}

/// Is one connection's share of the load.
struct Share {
    pace: Arc<Pace>,
    address: SocketAddr,
    key: String,
    name: String,
}

impl Share {
    /// Does pieces until there are none; returns how often which answer came.
    async fn run(self) -> BTreeMap<String, u64> {
        let mut answers: BTreeMap<String, u64> = BTreeMap::new();
        let mut random = Random::of(1, &self.name);
        let mut client = Client::connect(self.address, &self.key).await;
        let mut n = 0_u64;
        while self.pace.take().await {
            n += 1;
            let answer = match &mut client {
                Some(client) => self.call(client, &mut random, n).await,
                None => None,
            };
            if answer.is_none() {
                client = Client::connect(self.address, &self.key).await;
            }
            *answers.entry(answer.unwrap_or_else(|| "no answer".into())).or_default() += 1;
        }
        answers
    }

    async fn call(&self, client: &mut Client, random: &mut Random, n: u64) -> Option<String> {
        let tool = if random.below(2) == 0 { Tool::Unsafe } else { Tool::Keyed };
        let call = format!("{}-{n}", self.name);
        let arguments = json!({ "item": "item", "call": call, "agent": self.name, "fail": false });
        client.post("/mcp/sink", &headers(tool), &request(tool, &arguments)).await?;
        Some(match told(&client.answer().await?) {
            Ack::Done => "done".into(),
            Ack::Failed => "failed".into(),
            Ack::Refused { code, .. } => code,
        })
    }
}

/// Plays a plan on a folder that was set up, with the target it names.
///
/// # Errors
///
/// What the programs, the file system or the journal say.
pub async fn play(
    programs: &Programs,
    folder: &Path,
    keys: &[String],
    sink: &Arc<Sink>,
    plan: Plan,
) -> Result<Told, String> {
    let mut server = programs.up(folder)?;
    let address = server.ready().await?;
    let syncs = Syncs::begin(&folder.join("data")).map_err(|error| error.to_string())?;
    let pace = Arc::new(Pace::default());
    let aside = aside().map_err(|error| error.to_string())?;
    let mut load = JoinSet::new();
    for (n, key) in (0..plan.callers).zip(keys.iter().cycle()) {
        let share = Share { pace: pace.clone(), address, key: key.clone(), name: format!("c{n}") };
        load.spawn_on(share.run(), aside.handle());
    }
    let offering = aside.spawn(pace.clone().offer(plan.rate));
    clock::sleep(WARM_MS).await;
    let person = Person { programs: programs.clone(), folder: folder.to_owned(), address, sink: sink.clone(), plan };
    let killed = tokio::task::spawn_blocking(move || person.alone()).await.map_err(|error| error.to_string())?;
    pace.stop();
    let mut told = Told { offered: offering.await.map_err(|error| error.to_string())?, ..Told::default() };
    while let Some(answers) = load.join_next().await {
        count(&mut told, answers.map_err(|error| error.to_string())?);
    }
    aside.shutdown_background();
    told.syncs = syncs.end().await?;
    let Killed { windows, armed, receipts, drills } = killed?;
    (told.armed, told.receipts, told.drills) = (armed, receipts, drills);
    ended(programs, folder, server, sink).await?;
    judge(&mut told, &windows, &sink.seen(), &journal::read(folder)?);
    Ok(told)
}

/// Returns threads that give way to all others: agents are elsewhere, and here they share the server's processors.
fn aside() -> std::io::Result<Runtime> {
    // Where that is refused they only compete, which makes the figures no better.
    let give_way = || {
        let _ = rustix::process::nice(GIVES_WAY);
    };
    Builder::new_multi_thread().worker_threads(THREADS).on_thread_start(give_way).enable_all().build()
}

async fn ended(programs: &Programs, folder: &Path, server: Server, sink: &Sink) -> Result<(), String> {
    sink.rest().await;
    server.stop().await?;
    programs.check(folder).await?;
    programs.run(folder, &["rebuild"]).await.map(drop)
}

/// Is who kills: on a thread of their own, as what is measured is the server and not how busy those are who make the load.
struct Person {
    programs: Programs,
    folder: PathBuf,
    address: SocketAddr,
    sink: Arc<Sink>,
    plan: Plan,
}

/// Is what a person has done.
#[derive(Default)]
struct Killed {
    windows: Vec<Window>,
    armed: Times,
    receipts: u64,
    drills: u64,
}

impl Person {
    fn alone(self) -> Result<Killed, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(self.kills())
    }

    /// Kills and clears, and drills by the command line, under whatever load there is.
    async fn kills(&self) -> Result<Killed, String> {
        let key = std::fs::read_to_string(self.folder.join("keys/admin.key")).map_err(|error| error.to_string())?;
        let mut client = Client::connect(self.address, key.trim()).await.ok_or("the server does not listen")?;
        let mut killed = Killed::default();
        for _ in 0..self.plan.kills {
            let window = self.kill(&mut client, &mut killed).await?;
            killed.windows.push(window);
            self.run(&["switch", "clear", "tenant:default", "--reason", "over"]).await?;
            clock::sleep(self.plan.gap_ms).await;
        }
        for _ in 0..DRILLS {
            let hold = self.plan.hold_ms.to_string();
            let drill = ["drill", "kill", "--all", "--reason", "under load", "--hold", &hold, "--json"];
            let report: Value = serde_json::from_str(&self.run(&drill).await?).map_err(|error| error.to_string())?;
            let passed = *at(&report, "/passed") == json!(true) && *at(&report, "/ending") == json!("lifted");
            killed.drills += u64::from(passed);
            clock::sleep(self.plan.gap_ms).await;
        }
        Ok(killed)
    }

    async fn run(&self, words: &[&str]) -> Result<String, String> {
        self.programs.run(&self.folder, words).await
    }

    async fn kill(&self, client: &mut Client, killed: &mut Killed) -> Result<Window, String> {
        let body = json!({ "target": { "tenant": "default" }, "reason": "a kill under load" });
        let begun = clock::now();
        client.post("/v1/switches", "", &body).await.ok_or("the connection broke")?;
        let answer = client.answer().await.ok_or("no answer came")?;
        killed.armed.add_since(begun);
        let armed = self.sink.now();
        if *at(&answer.body, "/armed") != json!(true) {
            return Err(format!("a kill was answered with {} {}", answer.status, answer.body));
        }
        killed.receipts += u64::from(at(&answer.body, "/receipt/index").is_number());
        let flights = at(&answer.body, "/in_flight").as_array().map(Vec::as_slice).unwrap_or_default();
        let in_flight = flights.iter().filter_map(|flight| at(flight, "/action").as_str()).map(str::to_owned).collect();
        clock::sleep(self.plan.hold_ms).await;
        Ok(Window { armed, until: self.sink.now(), in_flight })
    }
}

fn count(told: &mut Told, answers: BTreeMap<String, u64>) {
    for (answer, count) in answers {
        match answer.as_str() {
            "done" => told.done += count,
            "killed" => told.killed += count,
            _ => *told.other.entry(answer).or_default() += count,
        }
    }
}

/// Finds what arrived at the target while a kill held, and whether that kill had named it.
fn judge(told: &mut Told, windows: &[Window], seen: &BTreeMap<String, Seen>, journal: &journal::Journal) {
    let actions: BTreeMap<&str, &str> =
        journal.actions.values().map(|action| (action.call.as_str(), action.id.as_str())).collect();
    for window in windows {
        told.named += window.in_flight.len() as u64;
        for (call, seen) in seen {
            if seen.arrived <= window.armed || seen.arrived > window.until {
                continue;
            }
            let named = actions.get(call.as_str()).is_some_and(|action| window.in_flight.contains(*action));
            if named {
                told.on_their_way += 1;
            } else {
                told.left.push(call.clone());
            }
        }
    }
}

/// Sets a folder up in front of a target of its own.
///
/// # Errors
///
/// What the programs or the file system say.
pub async fn set_up(programs: &Programs, below: &Path) -> Result<(Arc<Sink>, Vec<String>), String> {
    let (sink, target) = Sink::start_elsewhere(&below.join("effects")).await?;
    bundle::write(&below.join("drill/bundle"), target, AGENTS)?;
    let keys = programs.set_up(&below.join("drill"), AGENTS).await?;
    Ok((sink, keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Action, Journal};

    fn action(id: &str, call: &str) -> (String, Action) {
        let action = Action {
            id: id.into(),
            call: call.into(),
            agent: "a".into(),
            tool: "t".into(),
            index: 1,
            at: 1,
            permitted: true,
            outcomes: Vec::new(),
        };
        (id.to_owned(), action)
    }

    #[test]
    fn a_run_in_which_nothing_was_stopped_or_killed_shows_nothing() {
        let told = || Told { drills: DRILLS, done: 1, killed: 1, ..Told::default() };
        assert!(told().holds() && !told().is_soon());
        assert!(!Told { killed: 0, ..told() }.holds());
        assert!(!Told { done: 0, ..told() }.holds());
        assert!(!Told { other: [("overloaded".to_owned(), 1)].into(), ..told() }.holds());
        assert!(!Told { left: vec!["a".into()], ..told() }.holds());
        let mut one = Times::default();
        one.add(2);
        let mut half = Times::default();
        half.add(1);
        assert!(Told { armed: one.clone(), syncs: half, ..told() }.is_soon());
        assert!(!Told { armed: one, ..told() }.is_soon());
    }

    #[test]
    fn only_what_a_kill_has_named_may_arrive_while_it_holds() {
        let journal = Journal { actions: [action("1", "a"), action("2", "b")].into(), ..Journal::default() };
        let at = |arrived: u64| Seen { arrivals: 1, arrived, ..Seen::default() };
        let window = Window { armed: 10, until: 20, in_flight: ["1".to_owned()].into() };
        let judged = |calls: &[(&str, u64)]| {
            let seen = calls.iter().map(|(call, arrived)| ((*call).to_owned(), at(*arrived))).collect();
            let mut told = Told::default();
            judge(&mut told, std::slice::from_ref(&window), &seen, &journal);
            (told.on_their_way, told.left)
        };
        assert_eq!(judged(&[("a", 15), ("b", 10)]), (1, vec![]));
        assert_eq!(judged(&[("b", 11)]), (0, vec!["b".to_owned()]));
        assert_eq!(judged(&[("b", 21), ("unknown", 20)]), (0, vec!["unknown".to_owned()]));
    }
}
