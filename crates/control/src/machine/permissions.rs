//! Permissions: given once people have approved the request, and revoked at once.

use evidence::{Content, Field, RecordKind};
use ledger::Turn;
use replay::fold::Event;
use types::permission::{PERMITTED, Permission, REVOKED, Terms};
use types::{ActionProposal, Code, PermissionId, PersonId, Principal};

use super::{Decider, Reply};

/// Is how many permissions are kept at a time, used-up ones not counted.
const PERMISSIONS_MAX: usize = 1_000;

/// Is a minute in milliseconds.
const MINUTE_MS: i64 = 60_000;

impl Decider {
    /// Gives what a permitted request asks for. Its terms are read from the very arguments that people have approved.
    pub(super) fn permit(&mut self, request: Option<&ActionProposal>, turn: &mut Turn<'_>) -> Reply {
        let read = |request: &ActionProposal| {
            Some((request.principal.agent()?.clone(), Terms::read(&request.arguments).ok()?))
        };
        let Some((request, (agent, terms))) = request.and_then(|request| Some((request, read(request)?))) else {
            return Reply::refused(
                Code::PermissionUnsupported,
                "a permission is given to an agent, on terms that can be read",
            );
        };
        let live = self.books.permissions().values().filter(|kept| kept.holds_at(turn.now)).count();
        if live >= PERMISSIONS_MAX {
            let says = format!("{PERMISSIONS_MAX} permissions hold already; wait until one ends, or revoke one");
            return Reply::refused(Code::PermissionUnsupported, says);
        }
        let given = Permission {
            id: PermissionId::draw(turn.now, turn.draw()),
            agent,
            on_behalf_of: request.on_behalf_of.clone(),
            bundle: self.bundle().digest(),
            request: request.id,
            at: turn.now,
            expires: turn.now.plus(i64::from(terms.minutes).saturating_mul(MINUTE_MS)),
            left: terms.uses,
            terms,
        };
        let content = Content::about(given.subjects()).with(Field::Tool, &given.terms.tool).with(Field::Body, &given);
        let reason = given.terms.purpose.clone();
        let draft = self.note(RecordKind::Grant, &request.principal, &reason, content, Some(PERMITTED));
        self.append(draft, Event::Permitted(Box::new(given)), turn);
        Reply::done()
    }

    /// Revokes a permission: nothing that is decided after this turn is covered by it.
    pub(super) fn revoke_permission(
        &mut self,
        id: PermissionId,
        by: PersonId,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let Some(given) = self.books.permissions().get(&id).cloned() else {
            return Reply::refused(Code::NotFound, format!("there is no permission {id}"));
        };
        let by = Principal::Person(by);
        let subjects = given.subjects().into_iter().chain([by.subject()]).collect();
        let content = Content::about(subjects).with(Field::Tool, &given.terms.tool).with(Field::Body, &given);
        let draft = self.note(RecordKind::Grant, &by, reason, content, Some(REVOKED));
        self.append(draft, Event::Revoked(id), turn);
        Reply::done()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testkit::Counting;
    use types::{ActionId, Arguments, Channel, Claims, Digest, Millis, cbor};

    use super::super::invariants::tests::{Row, machine};
    use super::*;
    use crate::state::kind;

    const NOW: Millis = Millis(1_000);

    fn arguments() -> Arguments {
        let terms = json!({
            "tool": "sre.restart", "bounds": [], "environments": [], "minutes": 1, "uses": 1, "profiles": ["owner"],
            "purpose": "a rollout",
        });
        Arguments::parse(&terms.to_string(), 4_096).unwrap()
    }

    fn kept(number: u64, expires: Millis) -> (&'static str, Row) {
        let id = PermissionId::draw(Millis(1), [[0, 0].as_slice(), &number.to_be_bytes()].concat().try_into().unwrap());
        let given = Permission {
            id,
            agent: "sre-bot".parse().unwrap(),
            on_behalf_of: None,
            terms: Terms::read(&arguments()).unwrap(),
            bundle: Digest::default(),
            request: ActionId::draw(Millis(1), [1; 10]),
            at: Millis(1),
            expires,
            left: 1,
        };
        (kind::PERMISSION, (id.to_string(), cbor::encode(&given)))
    }

    /// Asks for one more beside others, as many as hold and as many as have ended.
    fn one_more(hold: u64, ended: u64) -> Option<Code> {
        let rows = (0..hold).map(|n| kept(n, NOW.plus(1))).chain((hold..hold + ended).map(|n| kept(n, NOW)));
        let request = ActionProposal {
            id: ActionId::draw(Millis(2), [2; 10]),
            tenant: "default".parse().unwrap(),
            principal: Principal::Agent("sre-bot".parse().unwrap()),
            on_behalf_of: None,
            session: None,
            tool: types::permission::REQUEST_TOOL.parse().unwrap(),
            definition: None,
            arguments: arguments(),
            claims: Claims::default(),
            channel: Channel::Http,
            at: NOW,
            plan: None,
        };
        let random = Counting::default();
        let mut turn = Turn::new(NOW, false, 0, &random);
        match machine(rows.collect()).permit(Some(&request), &mut turn) {
            Reply::Refused { refusal, .. } => Some(refusal.code),
            _ => None,
        }
    }

    #[test]
    fn so_many_hold_at_a_time_and_no_more() {
        assert_eq!(one_more(999, 5), None, "what has ended takes no room");
        assert_eq!(one_more(1_000, 0), Some(Code::PermissionUnsupported));
    }
}
