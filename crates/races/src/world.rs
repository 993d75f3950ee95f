//! The application of one schedule, and what everybody does with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::mcp::{Connection, Limits};
use control::actions::Wish;
use control::door::{CallOutcome, Caller, GovernedCall};
use control::levels::LevelWish;
use control::machine::Change;
use control::mcp::Link;
use control::state::Target;
use control::{Config, Control};
use evidence::TenantKey;
use ledger::LogKeys;
use ledger::recover::{JOURNAL, Place};
use ledger::sync::thread::{self, JoinHandle};
use testkit::{Counting, TestClock};
use tokio::sync::mpsc;
use types::case::{Ballot, Case, CaseState};
use types::jsonrpc::{Frame, RpcId};
use types::{
    AgentId, Arguments, AutonomyLevel, Channel, Claims, OutcomeStatus, PersonId, Principal, SessionId, ToolName,
};

use crate::bundles::{HELLO, bundles};
use crate::notes::Notes;
use crate::step;
use crate::told::{Said, Told};

/// Is the agent that does everything.
pub const AGENT: &str = "sre-bot";

/// Returns the key that everything in the journal is sealed under.
pub fn tenant() -> TenantKey {
    TenantKey::from_bytes([7; 32])
}

/// Is the application, and who uses it.
#[derive(Clone)]
pub struct World {
    /// The application.
    pub control: Arc<Control>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// What everybody sees.
    pub notes: Notes,
    session: SessionId,
    link: Arc<Link>,
}

fn caller() -> Caller {
    Caller { agent: AGENT.parse().unwrap(), on_behalf_of: None, anonymous: false }
}

fn config(folder: &Path, clock: &Arc<TestClock>, bundle: usize) -> Config {
    let keys = LogKeys { tenant: tenant(), log: testkit::log_key().into() };
    let (data, head) = (folder.join("data"), folder.join("head"));
    let random = Arc::new(Counting::default());
    Config {
        tenant: "default".parse().unwrap(),
        url: "http://127.0.0.1:7717".into(),
        place: Place { data, head, keys, clock: clock.clone(), random, journal_bytes_max: None },
        bundle: bundles()[bundle].clone(),
        anonymous: None,
        passkeys: control::passkeys::PasskeyConfig::local(7717),
        witnesses: None,
        timestamps: None,
        bucket: None,
        model_key: None,
        model_signers: Arc::default(),
        notifications: None,
        probes: None,
        oidc: None,
        environment: Arc::new(|_| None),
        receipt_wait: control::RECEIPT_WAIT,
    }
}

/// Returns the path by which the journal of a folder is known.
pub fn journal(folder: &Path) -> PathBuf {
    folder.join("data").join(JOURNAL)
}

fn arguments(service: &str) -> String {
    format!("{{\"service\":\"{service}\"}}")
}

fn tool(name: &str) -> ToolName {
    ToolName::new("sre".parse().unwrap(), name).unwrap()
}

impl World {
    /// Opens the application of a folder at a time after the tests' first.
    ///
    /// - `bundle`: which of the bundles is at hand.
    /// - `session`: of the agent; absent to open one.
    pub fn open(folder: &Path, ms: i64, bundle: usize, session: Option<SessionId>) -> Self {
        let clock = Arc::new(TestClock::default());
        clock.advance(ms);
        let control = Control::open(config(folder, &clock, bundle)).unwrap();
        let notes = Notes::beside(&journal(folder));
        let session = session.unwrap_or_else(|| begin(&control));
        let connection = Connection::in_memory(Arc::new(notes.clone()), HELLO, &Limits::default());
        let link = control.link_over(caller(), "sre".parse().unwrap(), connection);
        Self { control, clock, notes, session, link }
    }

    /// Returns the agent's session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Begins a thread.
    pub fn thread<F: Future<Output = ()>>(&self, run: impl FnOnce(Self) -> F + Send + 'static) -> JoinHandle<()> {
        let world = self.clone();
        thread::spawn(move || shuttle::future::block_on(run(world)))
    }

    /// Makes a bundle active and gives the agent its levels.
    pub async fn set_up(&self, bundle: usize) {
        self.activate(bundle).await;
        for class in ["read", "write"] {
            self.level(class).await;
        }
    }

    /// Makes one of the bundles active, by decision.
    pub async fn activate(&self, which: usize) {
        let bundle = bundles()[which].clone();
        let change = Change::Activate { bundle: bundle.clone(), entities: Arc::default() };
        let (dan, about) = (person("dan"), serde_json::json!({ "bundle": bundle.digest() }));
        let decided = self.control.administer(&dan, "countersign.policy.activate", &about, "it is time", change).await;
        self.notes.told(Told::Activated(decided.map(drop).map_err(|refusal| refusal.code)));
    }

    /// Gives the agent its level for a class, by the operator's hand, which makes another snapshot.
    pub async fn level(&self, class: &str) {
        let wish = LevelWish {
            epoch: None,
            agent: AGENT.parse().unwrap(),
            class: class.parse().unwrap(),
            level: AutonomyLevel::L1,
            environments: Default::default(),
            reason: "the run needs it".into(),
            expires: self.control.now().plus(30 * 86_400_000),
        };
        self.control.give_first_level(&person("dan"), wish).await.unwrap();
    }

    /// Calls a tool over MCP.
    ///
    /// - `number`: MUST be another one for each call of a run.
    pub async fn call(&self, number: u64, name: &str, service: &str) -> Said {
        let arguments = arguments(service);
        let params = format!("{{\"name\":\"{name}\",\"arguments\":{arguments}}}");
        let call = GovernedCall {
            caller: caller(),
            session: self.session,
            server: "sre".parse().unwrap(),
            operation: name.to_owned(),
            arguments,
            claims: claims(number),
            request: Frame::request(&RpcId::number(number), "tools/call", Some(&params)),
            inputs: None,
            rest: None,
            headers: None,
        };
        let (events, _) = mpsc::channel(1);
        let said = match self.control.clone().call_here(self.link.clone(), call, events).await {
            CallOutcome::Answer(_) => Said::Answered,
            CallOutcome::Held(case) => Said::Held(case.id),
            CallOutcome::Refused(refusal) => Said::Refused(refusal.code),
        };
        self.notes.told(Told::Call(number, said.clone()));
        said
    }

    /// Asks for a permit that the agent carries out by itself, looks whether it is alive, and reports.
    pub async fn act(&self, number: u64, name: &str, service: &str) {
        let wish = Wish {
            principal: Principal::Agent(AGENT.parse().unwrap()),
            on_behalf_of: None,
            session: Some(self.session),
            tool: tool(name),
            definition: bundles()[0].data().tools.get(&tool(name)).and_then(|entry| entry.definition),
            arguments: Arguments::parse(&arguments(service), 1_000).unwrap(),
            claims: claims(number),
            channel: Channel::Mcp,
        };
        let decided = self.control.decide_once(wish, true).await;
        let action = match decided {
            Ok(decided) if decided.permit.is_some() => Ok(decided.decision.action),
            Ok(decided) => Err(decided.refusal().code),
            Err(refusal) => Err(refusal.code),
        };
        self.notes.told(Told::Handed(number, action));
        let Ok(action) = action else { return };
        step();
        let asked = self.notes.moment();
        let alive = self.control.holds(&action).is_some();
        self.notes.told(Told::Alive(action, asked, alive));
        let reported = self.control.report(&AGENT.parse().unwrap(), action, OutcomeStatus::Done, None, None).await;
        self.notes.told(Told::Reported(action, reported.map(drop).map_err(|refusal| refusal.code)));
    }

    /// Votes for a case.
    pub async fn vote(&self, who: &str, case: &Case) {
        let voter = person(who);
        let voted = self.control.vote(&voter, case.id, Ballot::Approve, "it is due", case.shown, false).await;
        let said = voted.map(|case| stands(&case, &voter)).map_err(|refusal| refusal.code);
        self.notes.told(Told::Vote(voter, case.id, said));
    }

    /// Waits for the end of a case.
    pub async fn wait(&self, case: &Case) {
        let end = self.control.await_decision(case.id, CASE_WAIT_MS).await;
        self.notes.told(Told::Waited(case.id, end));
    }

    /// Kills the agent, and waits until nothing of it is in flight.
    pub async fn kill(&self) {
        let target = Target::Agent(AGENT.parse::<AgentId>().unwrap());
        let by = Principal::Person(person("ana"));
        let killed = self.control.kill(by, target.clone(), "stop").await.unwrap();
        self.notes.told(Told::Armed(killed.in_flight.iter().map(|flight| flight.action).collect()));
        if !killed.drained {
            self.control.drained(&target).await;
        }
        self.notes.told(Told::Drained);
    }
}

/// No time passes by itself in a run, so nobody waits so long.
const CASE_WAIT_MS: i64 = 1_000_000;

fn begin(control: &Arc<Control>) -> SessionId {
    shuttle::future::block_on(control.begin_session(&AGENT.parse().unwrap(), None, None)).unwrap()
}

fn claims(number: u64) -> Claims {
    Claims { purpose: Some(format!("call {number}")), ..Claims::default() }
}

pub(crate) fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// Returns how a case stands, and whether a vote by a person is on it.
pub(crate) fn stands(case: &Case, voter: &PersonId) -> (CaseState, bool) {
    (case.state, case.votes.iter().any(|vote| vote.person == *voter))
}
