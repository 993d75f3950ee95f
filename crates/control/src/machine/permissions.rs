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
