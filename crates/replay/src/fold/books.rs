//! Everything that is kept, and the one function by which a record changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::break_glass::BreakGlass;
use types::case::Case;
use types::check::Watch;
use types::delegation::Delegation;
use types::mutant::{self, Mutant};
use types::reconciliation::Reconciliation;
use types::reversal::Tested;
use types::saga::Saga;
use types::{
    AgentId, CaseId, ClassId, Digest, Epochs, GlassId, Grant, KeyId, PasskeyId, Permission, PermissionId, ServerName,
    Session, SessionId, ToolName,
};

use super::behaviour::Behaviour;
use super::breakers::Breakers;
use super::event::Event;
use super::flights::Flights;
use super::meters::Meters;
use super::ops::Ops;
use super::recent_votes::RecentVotes;
use super::refusals::Refusals;
use super::repeats::Repeats;
use super::sessions::Sessions;
use super::source::{Rows, read, values};
use super::{FoldError, Place};
use crate::state::{Conduct, Decoy, Key, Passkey, Quarantine, Switch, kind};

/// Is the key of the row that names the active bundle; the others hold the files of one each.
pub const ACTIVE: &str = "current";

/// Is everything that is kept between decisions.
#[derive(Debug, Clone)]
pub struct Books {
    pub(super) active: Option<Digest>,
    pub(super) bundles: BTreeSet<Digest>,
    pub(super) grants: Arc<BTreeMap<(AgentId, ClassId), Grant>>,
    pub(super) identities: Arc<BTreeMap<AgentId, Epochs>>,
    pub(super) reconciliations: BTreeMap<ServerName, Reconciliation>,
    pub(super) watches: BTreeMap<String, Watch>,
    pub(super) sagas: BTreeMap<SessionId, Saga>,
    pub(super) tested: Arc<BTreeMap<ToolName, Tested>>,
    pub(super) delegations: Arc<BTreeMap<String, Delegation>>,
    pub(super) permissions: BTreeMap<PermissionId, Permission>,
    pub(super) break_glass: BTreeMap<GlassId, BreakGlass>,
    pub(super) quarantine: Arc<BTreeMap<ToolName, Quarantine>>,
    pub(super) pins: Arc<BTreeMap<ToolName, Digest>>,
    pub(super) switches: BTreeMap<String, Switch>,
    pub(super) cases: BTreeMap<CaseId, Case>,
    pub(super) decoys: BTreeMap<CaseId, Decoy>,
    pub(super) refusals: Refusals,
    pub(super) recent_votes: RecentVotes,
    pub(super) returns: Refusals,
    pub(super) flights: Flights,
    pub(super) sessions: Sessions,
    pub(super) keys: BTreeMap<KeyId, Key>,
    pub(super) passkeys: BTreeMap<PasskeyId, Passkey>,
    pub(super) conduct: BTreeMap<(AgentId, ClassId), Conduct>,
    pub(super) repeats: Repeats,
    pub(super) meters: Meters,
    pub(super) breakers: Breakers,
    pub(super) behaviour: Behaviour,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            active: None,
            bundles: BTreeSet::new(),
            grants: Arc::default(),
            identities: Arc::default(),
            reconciliations: BTreeMap::new(),
            watches: BTreeMap::new(),
            sagas: BTreeMap::new(),
            tested: Arc::default(),
            delegations: Arc::default(),
            permissions: BTreeMap::new(),
            break_glass: BTreeMap::new(),
            quarantine: Arc::default(),
            pins: Arc::default(),
            switches: BTreeMap::new(),
            cases: BTreeMap::new(),
            decoys: BTreeMap::new(),
            refusals: Refusals::none(kind::REFUSAL),
            recent_votes: RecentVotes::default(),
            returns: Refusals::none(kind::RETURN),
            flights: Flights::default(),
            sessions: Sessions::default(),
            keys: BTreeMap::new(),
            passkeys: BTreeMap::new(),
            conduct: BTreeMap::new(),
            repeats: Repeats::default(),
            meters: Meters::default(),
            breakers: Breakers::default(),
            behaviour: Behaviour::default(),
        }
    }
}

impl Books {
    /// Takes up what is stored; without any rows it is a journal that has not begun.
    ///
    /// # Errors
    ///
    /// A sentence saying which stored value cannot be read.
    pub fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let bundles = rows(kind::BUNDLE)?;
        let active = bundles.iter().find(|(key, _)| key == ACTIVE).map(|(_, value)| types::cbor::decode(value));
        let pins = read::<(ToolName, Digest)>(rows, kind::PIN)?.into_iter().map(|(_, pin)| pin).collect();
        let conduct = read::<((AgentId, ClassId), Conduct)>(rows, kind::CONDUCT)?.into_iter().map(|(_, entry)| entry);
        Ok(Self {
            active: active.transpose().map_err(|e| format!("the active bundle's digest is {e}"))?,
            bundles: bundles.iter().filter_map(|(key, _)| Digest::from_hex(key)).collect(),
            grants: Arc::new(values(rows, kind::GRANT, |g: &Grant| (g.agent.clone(), g.class.clone()))?),
            identities: Arc::new(super::identities::load(rows)?),
            reconciliations: values(rows, kind::RECONCILIATION, |r: &Reconciliation| r.server.clone())?,
            watches: values(rows, kind::WATCH, Watch::key)?,
            sagas: values(rows, kind::SAGA, |s: &Saga| s.session)?,
            tested: Arc::new(values(rows, kind::TESTED, |t: &Tested| t.tool.clone())?),
            delegations: Arc::new(values(rows, kind::DELEGATION, Delegation::key)?),
            permissions: values(rows, kind::PERMISSION, |p: &Permission| p.id)?,
            break_glass: values(rows, kind::BREAK_GLASS, |g: &BreakGlass| g.id)?,
            quarantine: Arc::new(values(rows, kind::QUARANTINE, |q: &Quarantine| q.tool.clone())?),
            pins: Arc::new(pins),
            switches: values(rows, kind::SWITCH, |s: &Switch| s.target.key())?,
            cases: values(rows, kind::CASE, |c: &Case| c.id)?,
            decoys: values(rows, kind::DECOY, |d: &Decoy| d.case.id)?,
            recent_votes: RecentVotes::load(rows)?,
            refusals: Refusals::load(rows, kind::REFUSAL)?,
            returns: Refusals::load(rows, kind::RETURN)?,
            flights: Flights::load(rows)?,
            sessions: Sessions::load(values(rows, kind::SESSION, |s: &Session| s.id)?),
            keys: values(rows, kind::KEY, |k: &Key| k.id)?,
            passkeys: values(rows, kind::PASSKEY, |p: &Passkey| p.id)?,
            conduct: conduct.collect(),
            repeats: Repeats::load(rows)?,
            meters: Meters::load(rows)?,
            breakers: Breakers::load(rows)?,
            behaviour: Behaviour::load(rows)?,
        })
    }

    /// Returns the digest of the active bundle; `None` until one was activated.
    pub fn active(&self) -> Option<Digest> {
        self.active
    }

    /// Returns the digests of the bundles that were ever active.
    pub fn bundles(&self) -> &BTreeSet<Digest> {
        &self.bundles
    }

    /// Returns the levels given by hand.
    pub fn grants(&self) -> &Arc<BTreeMap<(AgentId, ClassId), Grant>> {
        &self.grants
    }

    /// Returns what agents named that they run, and the epochs that this makes.
    pub fn identities(&self) -> &Arc<BTreeMap<AgentId, Epochs>> {
        &self.identities
    }

    /// Returns the delegations that were given, by who gave them and to whom, ended ones among them.
    pub fn delegations(&self) -> &Arc<BTreeMap<String, Delegation>> {
        &self.delegations
    }

    /// Returns the permissions that were given and have uses left; of those that have ended by time, some are kept still.
    pub fn permissions(&self) -> &BTreeMap<PermissionId, Permission> {
        &self.permissions
    }

    /// Returns the break-glasses that are not closed, and the last few that are.
    pub fn break_glass(&self) -> &BTreeMap<GlassId, BreakGlass> {
        &self.break_glass
    }

    /// Returns the tools whose definition is not the reviewed one.
    pub fn quarantine(&self) -> &Arc<BTreeMap<ToolName, Quarantine>> {
        &self.quarantine
    }

    /// Returns the definitions pinned by hand.
    pub fn pins(&self) -> &Arc<BTreeMap<ToolName, Digest>> {
        &self.pins
    }

    /// Returns the kill switches that are set, by their key.
    pub fn switches(&self) -> &BTreeMap<String, Switch> {
        &self.switches
    }

    /// Returns the cases that are open or approved.
    pub fn cases(&self) -> &BTreeMap<CaseId, Case> {
        &self.cases
    }

    /// Returns the decoys that are open, which are among no cases.
    pub fn decoys(&self) -> &BTreeMap<CaseId, Decoy> {
        &self.decoys
    }

    /// Returns what people are asked under an identity: a case, or a decoy that looks like one, and whether it is a decoy.
    pub fn asked_of_people(&self, id: &CaseId) -> Option<(&Case, bool)> {
        let decoy = self.decoys.get(id).map(|decoy| (&decoy.case, true));
        decoy.or_else(|| self.cases.get(id).map(|case| (case, false)))
    }

    /// Returns the exact actions that a person refused.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Returns when each person voted of late.
    pub fn recent_votes(&self) -> &RecentVotes {
        &self.recent_votes
    }

    /// Returns the exact actions that a reviewer sent back.
    pub fn returns(&self) -> &Refusals {
        &self.returns
    }

    /// Returns the permitted actions without an outcome.
    pub fn flights(&self) -> &Flights {
        &self.flights
    }

    /// Returns the open sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Returns the bearer keys.
    pub fn keys(&self) -> &BTreeMap<KeyId, Key> {
        &self.keys
    }

    /// Returns the passkeys of people, those that are still invitations among them.
    pub fn passkeys(&self) -> &BTreeMap<PasskeyId, Passkey> {
        &self.passkeys
    }

    /// Returns how the actions of agents ended, by agent and class.
    pub fn conduct(&self) -> &BTreeMap<(AgentId, ClassId), Conduct> {
        &self.conduct
    }

    /// Returns the idempotency keys.
    pub fn repeats(&self) -> &Repeats {
        &self.repeats
    }

    /// Returns what everybody has used of rates and budgets.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Returns the tools whose undo was seen to work.
    pub fn tested(&self) -> &Arc<BTreeMap<ToolName, Tested>> {
        &self.tested
    }

    /// Returns what checks watch, and what is to be taken back, by key.
    pub fn watches(&self) -> &BTreeMap<String, Watch> {
        &self.watches
    }

    /// Returns the sagas that are under way, and the last few of each agent that are over, by session.
    pub fn sagas(&self) -> &BTreeMap<SessionId, Saga> {
        &self.sagas
    }

    /// Returns how the breakers of agents stand.
    pub fn breakers(&self) -> &Breakers {
        &self.breakers
    }

    /// Lets a record change what is kept, and returns the cases that it changed.
    ///
    /// # Errors
    ///
    /// [`FoldError`] if it cannot follow upon the records before it; then nothing has changed.
    pub fn take(&mut self, event: Event<'_>, place: &Place<'_>, ops: &mut Ops) -> Result<Vec<Case>, FoldError> {
        match event {
            Event::Nothing => {}
            Event::Decided(decided) => return self.decided(&decided, place, ops),
            Event::Counted(session, permitted) => self.count_in(&session, permitted, place.now, ops),
            Event::Landed(action, status) => self.landed(&action, status, place, ops)?,
            Event::Voted(vote) => return self.voted(&vote, place, ops).map(|case| vec![case]),
            Event::Reviewed(review) => return self.reviewed(&review, place, ops).map(|case| vec![case]),
            Event::CaseEnded(case, state) => return self.ended(&case, state, ops).map(|case| vec![case]),
            Event::DecoyShown(shown) => return self.decoy_shown(&shown, place, ops).map(|case| vec![case]),
            Event::DecoyVoted(vote) => return self.decoy_voted(vote, place, ops).map(|case| vec![case]),
            Event::DecoyEnded(case, state) => return self.decoy_ended(&case, state, ops).map(|case| vec![case]),
            Event::SessionOpened(session) => {
                ops.put(kind::SESSION, session.id.to_string(), &session);
                self.sessions.put(session);
            }
            Event::SessionClosed(session) => {
                ops.delete(kind::SESSION, session.to_string());
                self.sessions.remove(&session);
            }
            Event::Switched(switch) => self.switched(Switch { set_in: Some(place.index), ..switch }, ops),
            Event::Saga(saga) => self.saga_stands(*saga, ops)?,
            Event::Glass(glass) => self.stepped(*glass, place, ops)?,
            Event::GlassTold(glass) => self.put_glass(*glass, ops),
            Event::Summed(summed) => self.summed(&summed, ops)?,
            Event::Erased(mark, erased) => ops.put(kind::ERASED, mark, &erased),
            Event::Permitted(permission) => self.permit(*permission, place.now, ops),
            Event::Revoked(permission) => self.revoke_permission(&permission, ops),
            other => self.administered(other, ops),
        }
        Ok(Vec::new())
    }

    fn switched(&mut self, switch: Switch, ops: &mut Ops) {
        ops.put(kind::SWITCH, switch.target.key(), &switch);
        self.switches.insert(switch.target.key(), switch);
    }

    fn administered(&mut self, event: Event<'_>, ops: &mut Ops) {
        match event {
            Event::Lifted(target) => {
                ops.delete(kind::SWITCH, target.key());
                self.switches.remove(&target.key());
            }
            Event::Reset(name) => self.breakers.reset(&name, ops),
            Event::Granted(grant) => {
                ops.put(kind::GRANT, format!("{}/{}", grant.agent, grant.class), &grant);
                Arc::make_mut(&mut self.grants).insert((grant.agent.clone(), grant.class.clone()), grant);
            }
            Event::Identified(epoch) => self.identified(epoch, ops),
            Event::Reconciled(found) => self.reconciled(*found, ops),
            Event::Restored(action, tested) => {
                self.unwatch(&action, ops);
                if let Some(tested) = tested {
                    ops.put(kind::TESTED, tested.tool.to_string(), &*tested);
                    Arc::make_mut(&mut self.tested).insert(tested.tool.clone(), *tested);
                }
            }
            Event::Checked(checked) => self.checked(&checked, ops),
            Event::Contained(contained) => self.contained(&contained, ops),
            Event::Delegated(given) => {
                ops.put(kind::DELEGATION, given.key(), &given);
                Arc::make_mut(&mut self.delegations).insert(given.key(), given);
            }
            Event::TakenBack(given) => {
                ops.delete(kind::DELEGATION, given.key());
                if !mutant::on(Mutant::DelegationKept) {
                    Arc::make_mut(&mut self.delegations).remove(&given.key());
                }
            }
            Event::Keyed(key) => {
                ops.put(kind::KEY, key.id.to_string(), &key);
                self.keys.insert(key.id, key);
            }
            Event::Enrolled(passkey) => {
                ops.put(kind::PASSKEY, passkey.id.to_string(), &*passkey);
                self.passkeys.insert(passkey.id, *passkey);
            }
            Event::Activated(digest) => {
                ops.put(kind::BUNDLE, ACTIVE, &digest);
                self.active = Some(digest);
                self.bundles.insert(digest);
                self.end_permissions_of_others(&digest, ops);
            }
            Event::Pinned(tool, digest) => {
                ops.put(kind::PIN, tool.to_string(), &(tool.clone(), digest));
                ops.delete(kind::QUARANTINE, tool.to_string());
                Arc::make_mut(&mut self.quarantine).remove(&tool);
                Arc::make_mut(&mut self.pins).insert(tool, digest);
            }
            Event::Quarantined(quarantine) => {
                ops.put(kind::QUARANTINE, quarantine.tool.to_string(), &quarantine);
                Arc::make_mut(&mut self.quarantine).insert(quarantine.tool.clone(), quarantine);
            }
            _ => {}
        }
    }
}
