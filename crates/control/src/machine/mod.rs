//! The machine the ledger runs: everything that is decided in order.
//!
//! Each command is one turn. Stored state is written in the same transaction as the records of the turn,
//! and [`Machine::load`] reads it back, at a start as after a failed batch.

mod admin;
mod cases;
mod command;
mod due;
mod erase;
mod log_keys;
mod meters;
mod outcome;
mod propose;
mod refusals;
mod repeats;
mod session;
mod tick;
mod tickets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connectors::inventory::Entities;
use ledger::{Machine, Standing, StateSource, Turn, standing};
use policy::{Bundle, BundleFiles};
use stages::decision::Permit;
use types::case::Case;
use types::cbor::{self, Canonical};
use types::{AgentId, CaseId, ClassId, Digest, KeyId, Session, TenantId, ToolName};

pub use command::{Change, Changes, Command, Propose, Reply};
pub use log_keys::LogChange;
pub use outcome::UNREPORTED_MS;
pub use propose::REPORTED_PERMIT_MS;
pub use repeats::{KEY_MS, KEYS_MAX};
pub use session::{SESSION_IDLE_MS, SESSIONS_MAX};

use crate::board::Board;
use crate::snapshot::{Snapshot, Views};
use crate::state::{Conduct, Grant, Key, Quarantine, Switch, kind};
use meters::Meters;

/// Is what a machine is loaded with besides the stored state.
#[derive(Clone)]
pub struct Seed {
    /// The tenant.
    pub tenant: TenantId,
    /// The bundle that is active until one is recorded as activated.
    pub bundle: Arc<Bundle>,
    /// The inventory's entities at the start.
    pub entities: Arc<Entities>,
    /// How the log stands until a change of its keys is recorded.
    pub log: Standing,
    /// Where the machine shows its snapshot; set at the first load.
    pub views: Arc<std::sync::OnceLock<Arc<Views>>>,
    /// Where changed cases are shown.
    pub board: Arc<Board>,
}

/// Decides commands in order.
pub struct Decider {
    tenant: TenantId,
    views: Arc<Views>,
    snapshot: Snapshot,
    activated: bool,
    switches: BTreeMap<String, Switch>,
    cases: BTreeMap<CaseId, Case>,
    refusals: refusals::Refusals,
    flights: outcome::Flights,
    sessions: session::Sessions,
    keys: BTreeMap<KeyId, Key>,
    conduct: BTreeMap<(AgentId, ClassId), Conduct>,
    repeats: repeats::Repeats,
    meters: Meters,
    denials: tick::Denials,
    bundles: BTreeSet<Digest>,
    log: Standing,
}

fn read<T: Canonical>(source: &dyn StateSource, kind: &str) -> Result<Vec<(String, T)>, String> {
    let rows = source.all(kind)?;
    let decode = |(key, bytes): (String, Vec<u8>)| match cbor::decode(&bytes) {
        Ok(value) => Ok((key, value)),
        Err(error) => Err(format!("stored {kind} `{key}` is {error}")),
    };
    rows.into_iter().map(decode).collect()
}

fn values<T: Canonical, K: Ord>(
    source: &dyn StateSource,
    kind: &str,
    key: impl Fn(&T) -> K,
) -> Result<BTreeMap<K, T>, String> {
    Ok(read::<T>(source, kind)?.into_iter().map(|(_, value)| (key(&value), value)).collect())
}

/// Returns the active bundle as stored, and the digests of all that are stored.
///
/// - `at_hand`: taken instead of reading the stored files once more, if its digest is the active one's.
fn stored_bundle(
    source: &dyn StateSource,
    at_hand: &Arc<Bundle>,
) -> Result<(Option<Arc<Bundle>>, BTreeSet<Digest>), String> {
    let rows = source.all(kind::BUNDLE)?;
    let current = rows.iter().find(|(key, _)| key == "current").map(|(_, value)| cbor::decode::<Digest>(value));
    let known = rows.iter().filter_map(|(key, _)| Digest::from_hex(key)).collect();
    let Some(current) = current.transpose().map_err(|e| format!("the active bundle's digest is {e}"))? else {
        return Ok((None, known));
    };
    if current == at_hand.digest() {
        return Ok((Some(at_hand.clone()), known));
    }
    let name = current.to_string();
    let files = rows.iter().find(|(key, _)| *key == name).ok_or("the active bundle's files are missing")?;
    let files: Vec<(String, String)> =
        cbor::decode(&files.1).map_err(|e| format!("the active bundle's files are {e}"))?;
    let bundle =
        Bundle::load(BundleFiles(files.into_iter().collect())).map_err(|e| format!("the active bundle: {e}"))?;
    Ok((Some(Arc::new(bundle)), known))
}

impl Machine for Decider {
    type Command = Command;
    type Reply = Reply;
    type Authority = Permit;
    type Seed = Seed;

    fn load(seed: &Seed, source: &dyn StateSource) -> Result<Self, String> {
        let (stored, bundles) = stored_bundle(source, &seed.bundle)?;
        let activated = stored.is_some();
        let bundle = stored.unwrap_or_else(|| seed.bundle.clone());
        let grants: BTreeMap<_, Grant> = values(source, kind::GRANT, |g: &Grant| (g.agent.clone(), g.class.clone()))?;
        let pins: BTreeMap<ToolName, Digest> =
            read::<(ToolName, Digest)>(source, kind::PIN)?.into_iter().map(|(_, pin)| pin).collect();
        let conduct: Vec<((AgentId, ClassId), Conduct)> =
            read::<((AgentId, ClassId), Conduct)>(source, kind::CONDUCT)?.into_iter().map(|(_, entry)| entry).collect();
        let log = read::<Standing>(source, standing::KIND)?.into_iter().map(|(_, log)| log).next();
        let snapshot = Snapshot {
            epoch: seed.views.get().map_or(1, |views| views.snapshot().epoch + 1),
            bundle,
            entities: seed.views.get().map_or_else(|| seed.entities.clone(), |views| views.snapshot().entities.clone()),
            grants: Arc::new(grants),
            quarantine: Arc::new(values(source, kind::QUARANTINE, |q: &Quarantine| q.tool.clone())?),
            pins: Arc::new(pins),
        };
        let views = seed.views.get_or_init(|| Arc::new(Views::new(snapshot.clone()))).clone();
        views.forget_conduct();
        for ((agent, class), conduct) in &conduct {
            views.set_conduct(agent, class, *conduct);
        }
        let machine = Self {
            tenant: seed.tenant.clone(),
            views,
            snapshot: snapshot.clone(),
            activated,
            switches: values(source, kind::SWITCH, |s: &Switch| s.target.key())?,
            cases: values(source, kind::CASE, |c: &Case| c.id)?,
            refusals: refusals::Refusals::load(source)?,
            flights: outcome::Flights::load(source)?,
            sessions: session::Sessions::load(values(source, kind::SESSION, |s: &Session| s.id)?),
            keys: values(source, kind::KEY, |k: &Key| k.id)?,
            conduct: conduct.into_iter().collect(),
            repeats: repeats::Repeats::load(source)?,
            meters: Meters::load(source)?,
            denials: tick::Denials::default(),
            bundles,
            log: log.unwrap_or_else(|| seed.log.clone()),
        };
        machine.views.publish(snapshot);
        Ok(machine)
    }

    fn apply(&mut self, command: Command, turn: &mut Turn<'_>) -> (Reply, Option<Permit>) {
        self.views.saw(turn.now);
        if let Some(refused) = self.frozen(&command) {
            return (refused, None);
        }
        match command {
            Command::Propose(propose) => self.propose(*propose, turn),
            Command::Outcome(outcome) => (self.outcome(&outcome, turn), None),
            Command::Vote { vote, solo_confirmed } => (self.vote(vote, solo_confirmed, turn), None),
            Command::Withdraw(case) => (self.withdraw(&case, turn), None),
            Command::Tick => (self.tick(turn), None),
            Command::SumUp => (self.sum_up_all(turn), None),
            Command::OpenSession(session, brief) => (self.open_session(*session, &brief, turn), None),
            Command::CloseSession(session) => (self.close_session(session, turn), None),
            Command::Kill(switch) => (self.kill(switch, turn), None),
            Command::Observe { server, seen } => (self.observe(&server, &seen, turn), None),
            Command::Inventory { bundle, entities } => (self.inventory(bundle, entities), None),
            Command::Local { change, by, reason } => (self.change(change, &by, &reason, None, turn), None),
            Command::Recover => (self.recover(turn), None),
        }
    }

    fn is_alone(command: &Command) -> bool {
        let change = match command {
            Command::Propose(propose) => propose.change.as_ref(),
            Command::Local { change, .. } => Some(change),
            _ => None,
        };
        matches!(change, Some(Change::Erase { .. }))
    }

    fn committed(seed: &Seed, reply: &Reply) {
        seed.board.put(reply.cases());
        if let Some(subject) = reply.gone() {
            seed.board.forget(subject);
        }
    }
}

impl Decider {
    /// Shows the changed snapshot under a new number.
    fn publish(&mut self) {
        self.snapshot.epoch += 1;
        self.views.publish(self.snapshot.clone());
    }

    /// Returns the active bundle.
    fn bundle(&self) -> &Bundle {
        &self.snapshot.bundle
    }

    fn inventory(&mut self, bundle: Digest, entities: Arc<Entities>) -> Reply {
        if bundle == self.bundle().digest() {
            self.snapshot.entities = entities;
            self.publish();
        }
        Reply::done()
    }
}
