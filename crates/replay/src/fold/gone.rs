//! What goes without a record of its own, and what is told again of others when somebody goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use types::delegation::Delegation;
use types::{Millis, Principal, Target};

use super::FoldError;
use super::books::Books;
use super::leaving::Leaving;
use super::ops::Ops;
use crate::state::{Summed, Switch, kind};

impl Books {
    pub(super) fn summed(&mut self, summed: &Summed, ops: &mut Ops) -> Result<(), FoldError> {
        if !summed.meter.is_empty() {
            self.meters.set(&summed.principal, &summed.meter, ops).ok_or(FoldError::Unreadable)?;
        }
        for (class, conduct) in &summed.conduct {
            let agent = summed.principal.agent().ok_or(FoldError::Unreadable)?;
            let key = (agent.clone(), class.clone());
            ops.put(kind::CONDUCT, format!("{agent}/{class}"), &(key.clone(), *conduct));
            self.conduct.insert(key, *conduct);
        }
        if let (Some(kept), Some(agent)) = (&summed.breakers, summed.principal.agent()) {
            self.breakers.set(agent, kept, ops);
        }
        if let (Some(hours), Some(agent)) = (&summed.hours, summed.principal.agent()) {
            self.behaviour.set(agent, hours, ops);
        }
        Ok(())
    }

    /// Sums up what is counted of everybody, and how their breakers stand, for whom `goes` says that records it rests on go.
    pub fn sum_up(&self, goes: impl Fn(&Principal) -> bool) -> Vec<Summed> {
        let mut all: BTreeMap<String, Summed> = BTreeMap::new();
        let new = |principal| Summed { principal, meter: Vec::new(), conduct: Vec::new(), breakers: None, hours: None };
        for (who, meter) in self.meters.all() {
            if let Some(principal) = Principal::from_subject(who) {
                all.insert(who.clone(), Summed { meter, ..new(principal) });
            }
        }
        for ((agent, class), conduct) in &self.conduct {
            let principal = Principal::Agent(agent.clone());
            let summed = all.entry(principal.subject()).or_insert_with(|| new(principal));
            summed.conduct.push((class.clone(), *conduct));
        }
        // Of those too who have a permit: a breaker that was reset leaves no row, and the record of that may go.
        let permitted = self.flights.all().filter_map(|(_, flight)| flight.principal.agent());
        for principal in
            self.breakers.agents().chain(self.behaviour.agents()).chain(permitted).cloned().map(Principal::Agent)
        {
            all.entry(principal.subject()).or_insert_with(|| new(principal));
        }
        for summed in all.values_mut() {
            summed.breakers = summed.principal.agent().map(|agent| self.breakers.of(agent));
            summed.hours = summed.principal.agent().map(|agent| self.behaviour.of(agent));
        }
        all.into_values().filter(|summed| goes(&summed.principal)).collect()
    }

    /// Forgets what has ended by itself and stands for nothing any more: no record says so.
    pub fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        self.repeats.sweep(now, ops);
        self.refusals.sweep(now, ops);
        self.recent_votes.sweep(now, ops);
        self.returns.sweep(now, ops);
        self.behaviour.sweep(now, ops);
    }

    /// Forgets what rests on a subject, whose records go with it: so nobody who counts them again finds it either.
    ///
    /// Returns how many keys and levels it took along.
    pub fn forget(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> (u64, u64) {
        let keys = self.forget_keys(leaving, ops) + self.forget_passkeys(leaving, ops);
        let levels = self.forget_grants(leaving, ops);
        self.forget_delegations(leaving, ops);
        self.forget_watches(leaving, ops);
        self.forget_sagas(leaving, ops);
        self.forget_tested(leaving, ops);
        self.forget_permissions(leaving, ops);
        self.forget_break_glass(leaving, ops);
        self.meters.remove(leaving.subject(), ops);
        self.repeats.remove(leaving, ops);
        self.refusals.remove(leaving, ops);
        self.recent_votes.remove(leaving, ops);
        self.returns.remove(leaving, ops);
        if let Some(agent) = leaving.subject().agent() {
            for (_, class) in self.conduct.keys().filter(|(counted, _)| counted == agent) {
                ops.delete(kind::CONDUCT, format!("{agent}/{class}"));
            }
            self.conduct.retain(|(counted, _), _| counted != agent);
            self.breakers.remove(agent, ops);
            self.behaviour.remove(agent, ops);
            self.forget_identities(agent, ops);
        }
        (keys, levels)
    }

    /// Says whether anything that is kept names a subject, or rests on its actions.
    pub fn names(&self, leaving: &Leaving<'_>) -> bool {
        let switched = |switch: &Switch| {
            leaving.is(&switch.by)
                || matches!(&switch.target, Target::Agent(agent) if leaving.subject().agent() == Some(agent))
        };
        let mut ops = Ops::default();
        self.clone().forget(leaving, &mut ops);
        ops.into_iter().next().is_some()
            || self.cases.values().chain(self.decoys.values().map(|decoy| &decoy.case)).any(|case| leaving.asked(case))
            || self.flights.all().any(|(action, flight)| leaving.flew(action, flight))
            || !self.sessions.which(|session| leaving.opened(session)).is_empty()
            || self.switches.values().any(switched)
    }

    /// Removes the keys that the subject holds, made, or is acted for with; those it made for others have ended by now.
    fn forget_keys(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> u64 {
        let before = self.keys.len();
        self.keys.retain(|id, key| {
            let theirs = leaving.holds(key) || leaving.is(&key.by);
            if theirs {
                ops.delete(kind::KEY, id.to_string());
            }
            !theirs
        });
        (before - self.keys.len()) as u64
    }

    /// Removes the passkeys that are the subject's, and those it invited others to, which were revoked by now.
    fn forget_passkeys(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> u64 {
        let before = self.passkeys.len();
        for passkey in self.passkeys.values().filter(|passkey| leaving.enrolled(passkey)) {
            ops.delete(kind::PASSKEY, passkey.id.to_string());
        }
        self.passkeys.retain(|_, passkey| !leaving.enrolled(passkey));
        (before - self.passkeys.len()) as u64
    }

    /// Removes the levels that were given to the subject, or by it and have ended.
    fn forget_grants(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> u64 {
        let before = self.grants.len();
        for grant in self.grants.values().filter(|grant| leaving.was_given(grant)) {
            ops.delete(kind::GRANT, format!("{}/{}", grant.agent, grant.class));
        }
        Arc::make_mut(&mut self.grants).retain(|_, grant| !leaving.was_given(grant));
        (before - self.grants.len()) as u64
    }

    /// Removes the break-glasses that name the subject, which are closed by now.
    fn forget_break_glass(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        for glass in self.break_glass.values().filter(|glass| leaving.broke(glass)) {
            ops.delete(kind::BREAK_GLASS, glass.id.to_string());
        }
        self.break_glass.retain(|_, glass| !leaving.broke(glass));
    }

    /// Forgets what was tested by taking back an action that is recorded about the subject.
    fn forget_tested(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        for tested in self.tested.values().filter(|tested| leaving.has(&tested.action)) {
            ops.delete(kind::TESTED, tested.tool.to_string());
        }
        Arc::make_mut(&mut self.tested).retain(|_, tested| !leaving.has(&tested.action));
    }

    /// Removes the delegations by the subject and to it.
    fn forget_delegations(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        let theirs = |given: &Delegation| leaving.is_person(Some(&given.from)) || leaving.is_person(Some(&given.to));
        for given in self.delegations.values().filter(|given| theirs(given)) {
            ops.delete(kind::DELEGATION, given.key());
        }
        Arc::make_mut(&mut self.delegations).retain(|_, given| !theirs(given));
    }
}
