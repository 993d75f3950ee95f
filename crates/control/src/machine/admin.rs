//! Changes to the system itself: bundles, levels, keys, switches, pins.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::inventory::Entities;
use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use policy::Bundle;
use replay::fold::{Event, Op};
use stages::{approval, break_glass};
use types::break_glass::{End, Extent};
use types::case::{Case, CaseState};
use types::identity::{FIRST, UNNAMED};
use types::mutant::{self, Mutant};
use types::{ActionProposal, AgentId, AutonomyLevel, Code, Digest, KeyId, Principal, ServerName, ToolName};

use super::decoys::Waiting;
use super::{Change, Changes, Decider, Reply};
use crate::state::{Grant, Key, Quarantine, Switch, Target, kind};

impl Decider {
    /// Makes a change that was permitted, or that comes by the hand of whoever runs the process.
    pub(super) fn change(
        &mut self,
        change: Change,
        by: &Principal,
        reason: &str,
        proposal: Option<&ActionProposal>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let action = proposal.map(|p| p.id);
        let reply = match change {
            Change::Activate { bundle, entities } => self.activate(bundle, entities, by, reason, turn),
            Change::Grant(grant) => self.give_level(*grant, turn),
            Change::Delegate(given) => self.delegate(*given, turn),
            Change::Permit { .. } => self.permit(proposal, turn),
            Change::BreakGlass(step) => self.step_glass(*step, by, reason, turn),
            Change::CreateKey(key) => self.create_key(*key, reason, turn),
            Change::Elsewhere => Reply::done(),
            Change::RevokeKey(id) => self.revoke_key(id, by, reason, turn),
            Change::Invite(passkey) => self.invite(*passkey, reason, turn),
            Change::Enrol(passkey) => self.enrol(*passkey, by, reason, turn),
            Change::RevokePasskey(id) => self.revoke_passkey(id, by, reason, turn),
            Change::Clear(target, set_in) => self.clear((&target, set_in), by, reason, turn),
            Change::Reset(breaker, stopped) => self.reset_breaker(breaker, stopped, by, reason, turn),
            Change::Pin(tool, digest) => self.pin(&tool, digest, by, reason, turn),
            Change::CloseLog => self.drain(action, turn),
            Change::ArchiveLog { number, archive } => self.archive_log(number, archive, (by, reason), turn),
            Change::DeleteLog(number) => self.delete_log(number, (by, reason), action, turn),
            Change::Log(change) => self.change_log(*change, by, reason, turn),
            Change::Rebuild(changes) => self.rebuild(changes, by, reason, turn),
            Change::Erase { subject, mark, closed } => self.erase(&subject, &mark, &closed, action, turn),
        };
        // Administration takes effect inside the turn that records it, so it lands in the same turn.
        if let Some(flight) = action.and_then(|id| self.books.flights().get(&id).cloned()) {
            let refused =
                if let Reply::Refused { refusal, .. } = &reply { Some(refusal.message.clone()) } else { None };
            self.land_administration(action, &flight, refused, turn);
        }
        reply
    }

    /// Drafts a record that says who changed something, and why.
    pub(super) fn note(
        &self,
        record: RecordKind,
        by: &Principal,
        reason: &str,
        content: Content,
        status: Option<u8>,
    ) -> Draft {
        let content = content.with(Field::Principal, by).with(Field::Reason, &reason.to_owned());
        Draft { bundle: Some(self.bundle().digest()), status, ..Draft::new(record, content) }
    }

    fn activate(
        &mut self,
        bundle: Arc<Bundle>,
        entities: Arc<Entities>,
        by: &Principal,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let digest = bundle.digest();
        if self.books.active() == Some(digest) {
            return self.inventory(digest, entities);
        }
        if !self.books.bundles().contains(&digest) {
            let files: Vec<(String, String)> =
                bundle.files().iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
            turn.put(kind::BUNDLE, digest.to_string(), &files);
        }
        // In one turn: the new bundle never judges by what another one's inventory said.
        self.snapshot.bundle = bundle;
        self.snapshot.entities = entities;
        let content = Content::about(vec![by.subject()]).with(Field::Body, &digest);
        let draft = self.note(RecordKind::Bundle, by, reason, content, None);
        self.append(draft, Event::Activated(digest), turn);
        self.end_glasses(End::Bundle, Some((by, reason)), |_| true, turn);
        // What people were asked under the old rules is asked again under the new ones; what they approved but nobody
        // has used, when the agent proposes it again.
        let to_reopen: Vec<Case> = self.end_cases(|case| case.state == CaseState::Open, approval::void, turn);
        let all = !mutant::on(Mutant::ApprovalAfterPolicyChange);
        let mut cases = self.end_cases(|_| all, approval::void, turn);
        cases.extend(to_reopen.iter().cloned());
        cases.extend(self.end_decoys(|_| true, approval::void, turn));
        self.decoys = Waiting::default();
        self.publish();
        Reply::Done(Changes { cases, to_reopen, ..Changes::default() })
    }

    fn give_level(&mut self, grant: Grant, turn: &mut Turn<'_>) -> Reply {
        if let Some(reason) = self.ungrantable(&grant, turn) {
            return Reply::refused(Code::LevelUnsupported, reason);
        }
        let grant = Grant { at: turn.now, ..grant };
        let subjects = vec![Principal::Agent(grant.agent.clone()).subject(), grant.by.subject()];
        let content = Content::about(subjects).with(Field::Body, &grant);
        let draft = self.note(RecordKind::Grant, &grant.by, &grant.reason, content, Some(grant.level as u8));
        self.append(draft, Event::Granted(grant), turn);
        self.publish();
        Reply::done()
    }

    fn ungrantable(&self, grant: &Grant, turn: &Turn<'_>) -> Option<String> {
        let data = self.bundle().data();
        if !data.agents.contains_key(&grant.agent) {
            return Some(format!("the bundle has no agent `{}`", grant.agent));
        }
        let Some(class) = data.classes.get(&grant.class) else {
            return Some(format!("the bundle has no class `{}`", grant.class));
        };
        if grant.reason.trim().is_empty() || grant.expires <= turn.now {
            return Some("a level given by hand needs a reason and an expiry that lies ahead".into());
        }
        if grant.epoch.is_some_and(|epoch| !self.knows_epoch(&grant.agent, epoch)) {
            return Some(format!(
                "`{}` has no such epoch: it has named nothing like it, or too much since",
                grant.agent
            ));
        }
        match grant.level {
            AutonomyLevel::L2 | AutonomyLevel::L3 if class.writes && grant.environments.is_empty() => {
                Some(format!("{} is given only for named environments", grant.level))
            }
            AutonomyLevel::L2 | AutonomyLevel::L3 if class.writes && !self.is_rated(grant) => Some(format!(
                "{} is given only under a rate limit, and none in limits.toml covers class `{}`",
                grant.level, grant.class
            )),
            AutonomyLevel::L3 if class.writes => self
                .snapshot
                .unguarded(grant)
                .map(|lacking| format!("L3 is given only where all is guarded; what is lacking: {lacking}")),
            AutonomyLevel::L0 | AutonomyLevel::L1 | AutonomyLevel::L2 | AutonomyLevel::L3 => None,
        }
    }

    fn knows_epoch(&self, agent: &AgentId, number: u64) -> bool {
        let known = self.books.identities().get(agent);
        let first = if known.is_some() { UNNAMED } else { FIRST };
        number == first || known.is_some_and(|epochs| epochs.all().iter().any(|epoch| epoch.number == number))
    }

    fn is_rated(&self, grant: &Grant) -> bool {
        let covers = |scope: &types::bundle::Scope| {
            scope.agent.matches(grant.agent.as_str()) && scope.class.matches(grant.class.as_str())
        };
        self.bundle().data().limits.rates.values().any(|rate| covers(&rate.covers))
    }

    fn create_key(&mut self, key: Key, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let key = Key { at: turn.now, ..key };
        let content = Content::about(key.subjects()).with(Field::Body, &key);
        let draft = self.note(RecordKind::Key, &key.by, reason, content, Some(1));
        self.append(draft, Event::Keyed(key), turn);
        Reply::done()
    }

    fn revoke_key(&mut self, id: KeyId, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let Some(key) = self.books.keys().get(&id).cloned() else {
            return Reply::refused(Code::NotFound, format!("there is no key {id}"));
        };
        let key = Key { revoked: Some(key.revoked.unwrap_or(turn.now)), ..key };
        let subjects = key.subjects().into_iter().chain([by.subject()]).collect();
        let content = Content::about(subjects).with(Field::Body, &key);
        let draft = self.note(RecordKind::Key, by, reason, content, Some(0));
        self.append(draft, Event::Keyed(key), turn);
        Reply::done()
    }

    pub(super) fn kill(&mut self, switch: Switch, turn: &mut Turn<'_>) -> Reply {
        let switch = Switch { at: turn.now, ..switch };
        let content = Content::about(switch.subjects()).with(Field::Body, &switch);
        let draft = self.note(RecordKind::Switch, &switch.by, &switch.reason, content, Some(1));
        self.append(draft, Event::Switched(switch.clone()), turn);
        let (tenant, snapshot) = (self.tenant.clone(), self.snapshot.clone());
        let stopped = |of: &Extent| break_glass::is_killed(of, &switch.target, &tenant, snapshot.bundle.data());
        self.end_glasses(End::Kill, Some((&switch.by, &switch.reason)), stopped, turn);
        let covered = |case: &Case| {
            let class = snapshot.class_of(&case.tool);
            switch.target.covers(&tenant, case.requester.agent(), Some(&case.tool), class.as_ref())
        };
        let mut ended = self.end_cases(covered, approval::void, turn);
        ended.extend(self.end_decoys(covered, approval::void, turn));
        Reply::changed(ended)
    }

    /// Lifts the switch that a record has set. One that was set on the same later stays: nobody was asked about that one.
    fn clear(
        &mut self,
        (target, set_in): (&Target, Option<u64>),
        by: &Principal,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let set = self.books.switches().get(&target.key()).filter(|switch| switch.set_in == set_in).cloned();
        let Some(switch) = set else {
            let record = set_in.map_or_else(String::new, |index| format!(" by record {index}"));
            return Reply::refused(Code::NotFound, format!("no switch `{}` is set{record}", target.key()));
        };
        let subjects = switch.subjects().into_iter().chain([by.subject()]).collect();
        let content = Content::about(subjects).with(Field::Body, &switch);
        let draft = self.note(RecordKind::Switch, by, reason, content, Some(0));
        self.append(draft, Event::Lifted(switch.target), turn);
        Reply::done()
    }

    fn pin(&mut self, tool: &ToolName, digest: Digest, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        if !self.bundle().data().tools.contains_key(tool) {
            return Reply::refused(Code::ToolUnknown, format!("the catalogue has no tool `{tool}`"));
        }
        let content = Content::about(vec![by.subject()]).with(Field::Tool, tool).with(Field::Body, &digest);
        let draft = self.note(RecordKind::Tool, by, reason, content, Some(1));
        self.append(draft, Event::Pinned(tool.clone(), digest), turn);
        self.publish();
        Reply::done()
    }

    /// Quarantines tools whose definition is not the reviewed one, and voids what people were asked about them.
    pub(super) fn observe(&mut self, server: &ServerName, seen: &[(ToolName, Digest)], turn: &mut Turn<'_>) -> Reply {
        let mut changed = Vec::new();
        let mut quarantined = false;
        for (tool, digest) in seen.iter().filter(|(tool, _)| tool.server == *server) {
            if !self.bundle().data().tools.contains_key(tool) {
                continue;
            }
            let pinned = self.snapshot.pinned(tool);
            let known = self.books.quarantine().get(tool).is_some_and(|q| q.seen == *digest);
            if pinned == Some(*digest) || known || pinned.is_none() {
                continue;
            }
            let quarantine = Quarantine { tool: tool.clone(), pinned, seen: *digest, at: turn.now };
            let content = Content::about(Vec::new()).with(Field::Tool, tool).with(Field::Body, &quarantine);
            let bundle = Some(self.bundle().digest());
            let draft = Draft { bundle, status: Some(0), ..Draft::new(RecordKind::Tool, content) };
            self.append(draft, Event::Quarantined(quarantine), turn);
            changed.extend(self.end_cases(|case| case.tool == *tool, approval::void, turn));
            changed.extend(self.end_decoys(|case| case.tool == *tool, approval::void, turn));
            quarantined = true;
        }
        if quarantined {
            self.publish();
        }
        Reply::changed(changed)
    }

    /// Changes stored rows to what the machine was loaded with, and records how many of each kind.
    fn rebuild(&self, changes: Vec<Op>, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for change in &changes {
            *counts.entry(change.kind.to_owned()).or_default() += 1;
        }
        let content = Content::about(vec![by.subject()]).with(Field::Body, &counts);
        turn.record(self.note(RecordKind::Recovered, by, reason, content, Some(1)));
        for Op { kind, key, value } in changes {
            turn.change(kind, key, value);
        }
        Reply::done()
    }
}
