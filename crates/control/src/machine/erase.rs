//! Erasing a subject: what rests on it ends with it, and then everything that is recorded about it goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::{Content, RecordKind};
use ledger::{Draft, Traces, Turn};
use stages::approval;
use types::case::Case;
use types::{ActionId, Code, PersonId, Principal, Session, SessionId};

use super::{Changes, Decider, Reply};
use crate::state::{Erased, Key, OpenFlight, Target, kind};

/// Is a subject on its way out, and the actions that are recorded about it.
pub(super) struct Leaving<'a> {
    subject: &'a Principal,
    actions: BTreeSet<[u8; 16]>,
}

impl Leaving<'_> {
    fn is(&self, other: &Principal) -> bool {
        self.subject == other
    }

    fn is_person(&self, other: Option<&PersonId>) -> bool {
        matches!((self.subject, other), (Principal::Person(own), Some(other)) if own == other)
    }

    fn did(&self, who: &Principal, on_behalf_of: Option<&PersonId>) -> bool {
        self.is(who) || self.is_person(on_behalf_of)
    }

    /// Says whether an action is recorded about the subject.
    pub(super) fn has(&self, action: &ActionId) -> bool {
        self.actions.contains(action.0.as_bytes())
    }

    /// Says whether the subject is all of a principal.
    pub(super) fn is_named(&self, principal: &str) -> bool {
        self.subject.to_string() == principal
    }

    fn flew(&self, action: &ActionId, flight: &OpenFlight) -> bool {
        self.did(&flight.principal, flight.on_behalf_of.as_ref()) || self.has(action)
    }

    fn asked(&self, case: &Case) -> bool {
        let voted = case.votes.iter().any(|vote| self.is_person(Some(&vote.person)));
        self.did(&case.requester, case.on_behalf_of.as_ref()) || voted || self.has(&case.action)
    }

    fn opened(&self, session: &Session) -> bool {
        self.subject.agent() == Some(&session.agent) || self.is_person(session.on_behalf_of.as_ref())
    }

    fn holds(&self, key: &Key) -> bool {
        self.did(&key.holder, key.on_behalf_of.as_ref())
    }
}

impl Decider {
    /// Erases a subject, unless something that is alive needs it.
    pub(super) fn erase(
        &mut self,
        subject: &Principal,
        mark: &str,
        action: Option<ActionId>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let name = subject.subject();
        let traces = match turn.traces(&name) {
            Ok(Some(traces)) => traces,
            Ok(None) => return Reply::refused(Code::NotFound, format!("nothing is recorded about `{name}`")),
            Err(why) => {
                tracing::error!(%why, "what is recorded about a subject cannot be read");
                return Reply::refused(Code::Internal, "the records cannot be read; see the server's log");
            }
        };
        let actions = traces.records.iter().filter_map(|(_, action)| *action).collect();
        let leaving = Leaving { subject, actions };
        let needed = self.needed(&leaving, turn);
        if !needed.is_empty() {
            return Reply::refused(Code::SubjectInUse, format!("`{name}` is in use: {}", needed.join("; ")));
        }
        self.end_subject(&leaving, &traces, mark, action, turn)
    }

    /// Lists what is alive and names the subject, so that erasing it now would leave something without its evidence.
    fn needed(&self, leaving: &Leaving<'_>, turn: &Turn<'_>) -> Vec<String> {
        let mut needed = Vec::new();
        if self.is_in_bundle(leaving.subject) {
            needed.push("the active bundle names it".to_owned());
        }
        let flights = self.flights.all().filter(|(action, flight)| leaving.flew(action, flight));
        needed.extend(flights.map(|(action, _)| format!("{action} is in flight")));
        let target = leaving.subject.agent().map(|agent| Target::Agent(agent.clone()));
        let switches = self.switches.values().filter(|s| leaving.is(&s.by) || target.as_ref() == Some(&s.target));
        needed.extend(switches.map(|switch| format!("switch {} is set", switch.target.key())));
        let live = |key: &&Key| key.revoked.is_none() && key.expires.is_none_or(|end| turn.now < end);
        let keys = self.keys.values().filter(live).filter(|key| leaving.is(&key.by) && !leaving.holds(key));
        needed.extend(keys.map(|key| format!("it made {}, which is live", key.id)));
        let grants = self.snapshot.grants.values().filter(|grant| turn.now < grant.expires && leaving.is(&grant.by));
        let others = grants.filter(|grant| leaving.subject.agent() != Some(&grant.agent));
        needed.extend(others.map(|grant| format!("it gave {}, which holds", grant.id)));
        needed
    }

    fn is_in_bundle(&self, subject: &Principal) -> bool {
        let data = self.bundle().data();
        match subject {
            Principal::Agent(agent) => data.agents.contains_key(agent),
            Principal::Person(person) => {
                let serves =
                    |agent: &types::bundle::Agent| agent.owner == *person || agent.on_behalf_of.contains(person);
                data.people.contains_key(person)
                    || data.head.authors.contains(person)
                    || data.agents.values().any(serves)
            }
        }
    }

    fn end_subject(
        &mut self,
        leaving: &Leaving<'_>,
        traces: &Traces,
        mark: &str,
        action: Option<ActionId>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let name = leaving.subject.subject();
        let cases = self.end_cases(|case| leaving.asked(case), approval::void, turn);
        let ended: Vec<SessionId> = self.sessions.which(|session| leaving.opened(session));
        let ended = self.close_all(ended, turn);
        self.sum_up(&name, turn);
        let keys = self.remove_keys(leaving, turn);
        let levels = self.remove_grants(leaving, turn);
        self.forget_counts(leaving, turn);
        let bundle = Some(self.bundle().digest());
        let draft = Draft { action, bundle, ..Draft::new(RecordKind::Erasure, Content::default()) };
        let (index, records) = turn.erase(&name, traces, &draft);
        let (cases_ended, sessions) = (cases.len() as u64, ended.len() as u64);
        let erased = Erased { index, at: turn.now, records, cases: cases_ended, sessions, keys, levels };
        turn.put(kind::ERASED, mark, &erased);
        let gone = Some(Box::new((leaving.subject.clone(), erased)));
        Reply::Done(Changes { cases, ended, gone, ..Changes::default() })
    }

    /// Removes the keys that the subject holds, made, or is acted for with; those it made for others have ended by now.
    fn remove_keys(&mut self, leaving: &Leaving<'_>, turn: &mut Turn<'_>) -> u64 {
        let before = self.keys.len();
        self.keys.retain(|id, key| {
            let theirs = leaving.holds(key) || leaving.is(&key.by);
            if theirs {
                turn.delete(kind::KEY, id.to_string());
            }
            !theirs
        });
        (before - self.keys.len()) as u64
    }

    /// Removes the levels that were given to the subject, or by it and have ended.
    fn remove_grants(&mut self, leaving: &Leaving<'_>, turn: &mut Turn<'_>) -> u64 {
        let theirs =
            |grant: &crate::state::Grant| leaving.subject.agent() == Some(&grant.agent) || leaving.is(&grant.by);
        let before = self.snapshot.grants.len();
        for grant in self.snapshot.grants.values().filter(|grant| theirs(grant)) {
            turn.delete(kind::GRANT, format!("{}/{}", grant.agent, grant.class));
        }
        let grants = Arc::make_mut(&mut self.snapshot.grants);
        grants.retain(|_, grant| !theirs(grant));
        let removed = before - grants.len();
        if removed > 0 {
            self.publish();
        }
        removed as u64
    }

    /// Forgets what is counted and remembered of the subject.
    fn forget_counts(&mut self, leaving: &Leaving<'_>, turn: &mut Turn<'_>) {
        self.meters.remove(leaving.subject, turn);
        self.repeats.remove(leaving, turn);
        self.refusals.remove(leaving, turn);
        if let Some(agent) = leaving.subject.agent() {
            for (_, class) in self.conduct.keys().filter(|(counted, _)| counted == agent) {
                turn.delete(kind::CONDUCT, format!("{agent}/{class}"));
            }
            self.conduct.retain(|(counted, _), _| counted != agent);
            self.views.forget_conduct_of(agent);
        }
    }
}
