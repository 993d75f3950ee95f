//! The numbered snapshot that decisions are prepared against, outside the sequencer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use connectors::inventory::Entities;
use ledger::Clock;
use ledger::sync::RwLock;
use policy::{ADMIN_TOOLS, Bundle};
use stages::facts::ADMIN_CLASS;
use stages::guards;
use stages::limits::Covered;
use types::delegation::Delegation;
use types::reversal::Tested;
use types::{AgentId, ClassId, Digest, Epochs, Millis, PersonId, Principal, ToolName};

use crate::state::{Conduct, Grant, Quarantine};

/// Is everything a decision reads that does not change with every action.
///
/// The machine replaces it as a whole and raises the epoch; a proposal prepared against an older epoch is
/// prepared again.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Grows with every change.
    pub epoch: u64,
    /// The active bundle.
    pub bundle: Arc<Bundle>,
    /// The inventory's entities.
    pub entities: Arc<Entities>,
    /// Levels given by hand.
    pub grants: Arc<BTreeMap<(AgentId, ClassId), Grant>>,
    /// What agents named that they run, and the epochs that this makes.
    pub identities: Arc<BTreeMap<AgentId, Epochs>>,
    /// Votes in others' hands, ended ones among them.
    pub delegations: Arc<BTreeMap<String, Delegation>>,
    /// Tools whose definition is not the reviewed one.
    pub quarantine: Arc<BTreeMap<ToolName, Quarantine>>,
    /// Definitions pinned by hand, which win over the catalogue's.
    pub pins: Arc<BTreeMap<ToolName, Digest>>,
    /// Tools whose undo was seen to work.
    pub tested: Arc<BTreeMap<ToolName, Tested>>,
}

impl Snapshot {
    /// Returns the action class of a tool, if the catalogue or the product itself has it.
    pub fn class_of(&self, tool: &ToolName) -> Option<ClassId> {
        if ADMIN_TOOLS.contains(&tool.to_string().as_str()) {
            return ClassId::new(ADMIN_CLASS).ok();
        }
        self.bundle.data().tools.get(tool).map(|entry| entry.class.clone())
    }

    /// Says what guards a level is lacking that L3 demands, if it lacks any: each tool of the class that changes something can be taken back, which was tested; a check does
    /// so by itself; a limit bounds what it may touch, and a window says when, in every environment that is named.
    pub fn unguarded(&self, grant: &Grant) -> Option<String> {
        let (data, principal) = (self.bundle.data(), Principal::Agent(grant.agent.clone()));
        let mut lacking: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (tool, _) in data.changing().filter(|(_, entry)| entry.class == grant.class) {
            for environment in &grant.environments {
                let covered = Covered::of(&principal, grant.class.as_str(), tool, Some(environment));
                for guard in guards::missing(data, tool, &covered) {
                    lacking.entry(guard.to_string()).or_default().insert(tool.to_string());
                }
            }
            let undo = data.undo_digest(tool);
            if undo.is_some() && self.tested.get(tool).map(|tested| tested.undo) != undo {
                lacking.entry("a rollback that was tested".to_owned()).or_default().insert(tool.to_string());
            }
        }
        let told = |(guard, tools): (String, BTreeSet<String>)| {
            let tools: Vec<String> = tools.into_iter().map(|tool| format!("`{tool}`")).collect();
            format!("{guard} for {}", tools.join(", "))
        };
        let lacking: Vec<String> = lacking.into_iter().map(told).collect();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }

    /// Returns the definition a tool must have: the pin set by hand, else the catalogue's.
    pub fn pinned(&self, tool: &ToolName) -> Option<Digest> {
        let by_hand = self.pins.get(tool).copied();
        by_hand.or_else(|| self.bundle.data().tools.get(tool).and_then(|entry| entry.definition))
    }
}

/// Is what the machine shows to those who prepare decisions.
#[derive(Debug)]
pub struct Views {
    snapshot: ArcSwap<Snapshot>,
    conduct: RwLock<BTreeMap<(AgentId, ClassId), Conduct>>,
    recent_votes: RwLock<BTreeMap<PersonId, Vec<Millis>>>,
    journal_ms: AtomicI64,
}

impl Views {
    /// Starts with a first snapshot.
    pub fn new(first: Snapshot) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(first),
            conduct: RwLock::default(),
            recent_votes: RwLock::default(),
            journal_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Returns the current snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Takes note of the journal's time.
    pub(crate) fn saw(&self, now: Millis) {
        self.journal_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Returns the latest time of the journal's that a turn had.
    pub fn journal_time(&self) -> Millis {
        Millis(self.journal_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Returns how an agent's actions of a class have ended so far.
    pub fn conduct(&self, agent: &AgentId, class: &ClassId) -> Conduct {
        let conduct = self.conduct.read().unwrap_or_else(PoisonError::into_inner);
        conduct.get(&(agent.clone(), class.clone())).copied().unwrap_or_default()
    }

    /// Returns when a person has voted of late, in order.
    pub fn recent_votes(&self, person: &PersonId) -> Vec<Millis> {
        let votes = self.recent_votes.read().unwrap_or_else(PoisonError::into_inner);
        votes.get(person).cloned().unwrap_or_default()
    }

    pub(crate) fn set_recent_votes(&self, to: BTreeMap<PersonId, Vec<Millis>>) {
        *self.recent_votes.write().unwrap_or_else(PoisonError::into_inner) = to;
    }

    pub(crate) fn forget_conduct(&self) {
        self.conduct.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn forget_conduct_of(&self, agent: &AgentId) {
        self.conduct.write().unwrap_or_else(PoisonError::into_inner).retain(|(known, _), _| known != agent);
    }

    pub(crate) fn set_conduct(&self, agent: &AgentId, class: &ClassId, to: Conduct) {
        let mut conduct = self.conduct.write().unwrap_or_else(PoisonError::into_inner);
        conduct.insert((agent.clone(), class.clone()), to);
    }
}

/// Is the clock at the door: the later of the wall clock and the journal's time.
///
/// What ends by the journal's time has then ended here too, though somebody has turned the wall clock back.
pub(crate) struct DoorClock {
    pub(crate) wall: Arc<dyn Clock>,
    pub(crate) views: Arc<Views>,
}

impl Clock for DoorClock {
    fn wall(&self) -> Millis {
        self.wall.wall().max(self.views.journal_time())
    }

    fn steady_ms(&self) -> i64 {
        self.wall.steady_ms()
    }
}
