//! Erasing a subject: what rests on it ends with it, and then everything that is recorded about it goes.

use std::collections::BTreeSet;

use evidence::erasure::Scope;
use evidence::passkey::REVOKED;
use evidence::{Content, Field, LogEnd, LogEvent, LogEventKind, RecordKind};
use ledger::{Draft, Traces, Turn};
use minicbor::bytes::ByteArray;
use replay::fold::{Event, Leaving, Ops};
use stages::approval;
use types::break_glass::status::TOLD;
use types::{ActionId, Code, Principal, SessionId};

use super::{Changes, Decider, Reach, Reply, store};
use crate::state::{Erased, Key, Target, kind};

impl Decider {
    /// Erases a subject, unless something that is alive needs it.
    pub(super) fn erase(
        &mut self,
        subject: &Principal,
        mark: &str,
        closed: &[Reach],
        action: Option<ActionId>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let name = subject.subject();
        let elsewhere: BTreeSet<[u8; 16]> = closed.iter().flat_map(|reach| reach.actions.iter().copied()).collect();
        let leaving = Leaving::new(subject, elsewhere.clone());
        let is_known = || closed.iter().any(|reach| reach.records > 0) || self.books.names(&leaving);
        let traces = match turn.traces(&name) {
            Ok(Some(traces)) => traces,
            // What decides it is about the subject too, and goes with it.
            Ok(None) if is_known() => Traces::default(),
            Ok(None) => return Reply::refused(Code::NotFound, format!("nothing is recorded about `{name}`")),
            Err(why) => {
                tracing::error!(%why, "what is recorded about a subject cannot be read");
                return Reply::refused(Code::Internal, "the records cannot be read; see the server's log");
            }
        };
        let actions = traces.records.iter().filter_map(|(_, action)| *action).chain(elsewhere).collect();
        let leaving = Leaving::new(subject, actions);
        let needed = self.needed(&leaving, turn);
        if !needed.is_empty() {
            return Reply::refused(Code::SubjectInUse, format!("`{name}` is in use: {}", needed.join("; ")));
        }
        self.end_subject(&leaving, &traces, (mark, closed), action, turn)
    }

    /// Lists what is alive and names the subject, so that erasing it now would leave something without its evidence.
    fn needed(&self, leaving: &Leaving<'_>, turn: &Turn<'_>) -> Vec<String> {
        let mut needed = Vec::new();
        if self.is_in_bundle(leaving.subject()) {
            needed.push("the active bundle names it".to_owned());
        }
        let flights = self.books.flights().all().filter(|(action, flight)| leaving.flew(action, flight));
        needed.extend(flights.map(|(action, _)| format!("{action} is in flight")));
        let target = leaving.subject().agent().map(|agent| Target::Agent(agent.clone()));
        let switches =
            self.books.switches().values().filter(|s| leaving.is(&s.by) || target.as_ref() == Some(&s.target));
        needed.extend(switches.map(|switch| format!("switch {} is set", switch.target.key())));
        let live = |key: &&Key| key.revoked.is_none() && key.expires.is_none_or(|end| turn.now < end);
        let keys = self.books.keys().values().filter(live).filter(|key| leaving.is(&key.by) && !leaving.holds(key));
        needed.extend(keys.map(|key| format!("it made {}, which is live", key.id)));
        let passkeys = self.books.passkeys().values().filter(|passkey| passkey.revoked.is_none());
        let invited = passkeys.filter(|passkey| leaving.is(&passkey.by) && !leaving.signs_with(passkey));
        needed.extend(invited.map(|passkey| format!("it invited to {}, which is live", passkey.id)));
        let grants = self.books.grants().values().filter(|grant| turn.now < grant.expires && leaving.is(&grant.by));
        let others = grants.filter(|grant| leaving.subject().agent() != Some(&grant.agent));
        needed.extend(others.map(|grant| format!("it gave {}, which holds", grant.id)));
        let glasses = self.books.break_glass().values().filter(|glass| leaving.broke(glass));
        let open = glasses.filter(|glass| !glass.phase(turn.now).is_closed());
        needed.extend(open.map(|glass| format!("{} names it and is not closed", glass.id)));
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
        (mark, closed): (&str, &[Reach]),
        action: Option<ActionId>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let name = leaving.subject().subject();
        let mut cases = self.end_cases(|case| leaving.asked(case), approval::void, turn);
        let cases_ended = cases.len() as u64;
        cases.extend(self.end_decoys(|case| leaving.asked(case), approval::void, turn));
        let ended: Vec<SessionId> = self.books.sessions().which(|session| leaving.opened(session));
        let ended = self.close_all(ended, turn);
        self.sum_up(&name, turn);
        let (keys, levels) = self.forget(leaving, turn);
        self.tell_again(leaving, traces, turn);
        let bundle = Some(self.bundle().digest());
        let index = turn.next_index();
        let records = turn.count_traces(&name, traces) + closed.iter().map(|reach| reach.records).sum::<u64>();
        let sessions = ended.len() as u64;
        let erased = Erased { index, at: turn.now, records, cases: cases_ended, sessions, keys, levels };
        // The mark says of whom only to who holds the tenant's key and the name.
        let content = Content::default().with(Field::Result, &(mark.to_owned(), erased));
        let draft = Draft { action, bundle, ..Draft::new(RecordKind::Erasure, content) };
        turn.erase(&name, traces, &draft);
        if turn.next_index() == index && closed.is_empty() {
            // Nothing is recorded about it, but that it stood in what went over from a log that was deleted.
            turn.record(Draft { content: draft.content.clone().with(Field::Body, &Scope::default()), ..draft.clone() });
        }
        self.take(Event::Erased(mark.to_owned(), erased), index, turn);
        closed.iter().for_each(|reach| self.reach(reach, &draft, turn));
        let gone = Some(Box::new((leaving.subject().clone(), erased)));
        Reply::Done(Changes { cases, ended, gone, ..Changes::default() })
    }

    /// Records that a closed log loses contents, and remembers it until that log is reached.
    fn reach(&self, reach: &Reach, draft: &Draft, turn: &mut Turn<'_>) {
        // It says too what the erasure did: where this log has nothing of the subject, no other record does.
        let content = draft.content.clone().with(Field::Body, &(reach.log, reach.records));
        let log = self.closed.get(&reach.log).map(|log| {
            let ended = Some(LogEnd { found: log.size, seen: log.size, root: Some(log.root) });
            let event = LogEvent::of(LogEventKind::Erased, log.signers.clone(), self.log.signers.clone());
            LogEvent { ended, checkpoint: Some(log.checkpoint_digest()), ..event }
        });
        turn.record(Draft { content, log, ..draft.clone() });
        turn.put(kind::REACHING, reach.key(), &(reach.log, ByteArray::from(reach.tag)));
    }

    /// Forgets what is counted and kept of the subject; returns how many keys and levels that took along.
    fn forget(&mut self, leaving: &Leaving<'_>, turn: &mut Turn<'_>) -> (u64, u64) {
        let mut ops = Ops::default();
        let (keys, levels) = self.books.forget(leaving, &mut ops);
        store(ops, turn);
        self.show_recent_votes();
        self.publish();
        if let Some(agent) = leaving.subject().agent() {
            self.views.forget_conduct_of(agent);
        }
        (keys, levels)
    }

    /// Records once more what is kept of others and follows from records that go with the subject: what they have used and
    /// how their actions ended, that their keys are revoked, and which definitions were reviewed.
    fn tell_again(&mut self, leaving: &Leaving<'_>, traces: &Traces, turn: &mut Turn<'_>) {
        let bundle = Some(self.bundle().digest());
        let goes = |turn: &Turn<'_>, who: &Principal| !leaving.is(who) && turn.shares(traces, &who.subject());
        for summed in self.books.sum_up(|who| goes(turn, who)) {
            let content = Content::about(vec![summed.principal.subject()])
                .with(Field::Principal, &summed.principal)
                .with(Field::Body, &summed);
            let draft = Draft { bundle, status: Some(1), ..Draft::new(RecordKind::Aggregate, content) };
            self.append(draft, Event::Summed(summed), turn);
        }
        let revoked = self.books.keys().values().filter(|key| key.revoked.is_some() && goes(turn, &key.holder));
        for key in revoked.cloned().collect::<Vec<_>>() {
            let content = Content::about(key.subjects()).with(Field::Body, &key);
            let draft = Draft { bundle, status: Some(0), ..Draft::new(RecordKind::Key, content) };
            self.append(draft, Event::Keyed(key), turn);
        }
        let revoked = self
            .books
            .passkeys()
            .values()
            .filter(|passkey| passkey.revoked.is_some() && goes(turn, &Principal::Person(passkey.person.clone())));
        for passkey in revoked.cloned().collect::<Vec<_>>() {
            let content = Content::about(passkey.subjects()).with(Field::Body, &passkey);
            let draft = Draft { bundle, status: Some(REVOKED), ..Draft::new(RecordKind::Key, content) };
            self.append(draft, Event::Enrolled(Box::new(passkey)), turn);
        }
        let glasses = self.books.break_glass().values().filter(|glass| leaving.ran_under(glass)).cloned();
        for glass in glasses.collect::<Vec<_>>() {
            self.tell_glass(glass, TOLD, None, turn);
        }
        // Only people pin, and a pin names no one.
        let pins = self.books.pins().iter().filter(|_| leaving.subject().agent().is_none());
        for (tool, digest) in pins.map(|(tool, digest)| (tool.clone(), *digest)).collect::<Vec<_>>() {
            let content = Content::default().with(Field::Tool, &tool).with(Field::Body, &digest);
            let draft = Draft { bundle, status: Some(1), ..Draft::new(RecordKind::Tool, content) };
            self.append(draft, Event::Pinned(tool, digest), turn);
        }
    }
}
