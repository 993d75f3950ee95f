//! A subject that is erased, and what is about it.

use std::collections::BTreeSet;

use types::break_glass::BreakGlass;
use types::case::Case;
use types::check::Watch;
use types::{ActionId, Grant, PersonId, Principal, Session};

use crate::state::{Key, OpenFlight, Passkey};

/// Is a subject on its way out, and the actions that are recorded about it.
#[derive(Debug)]
pub struct Leaving<'a> {
    subject: &'a Principal,
    actions: BTreeSet<[u8; 16]>,
}

impl<'a> Leaving<'a> {
    /// Names a subject and the actions that are recorded about it, as 16 bytes each.
    pub fn new(subject: &'a Principal, actions: BTreeSet<[u8; 16]>) -> Self {
        Self { subject, actions }
    }

    /// Returns the subject.
    pub fn subject(&self) -> &'a Principal {
        self.subject
    }

    /// Says whether a principal is the subject.
    pub fn is(&self, other: &Principal) -> bool {
        self.subject == other
    }

    pub(super) fn is_person(&self, other: Option<&PersonId>) -> bool {
        matches!((self.subject, other), (Principal::Person(own), Some(other)) if own == other)
    }

    /// Says whether somebody who did something, or on whose behalf it was done, is the subject.
    pub fn did(&self, who: &Principal, on_behalf_of: Option<&PersonId>) -> bool {
        self.is(who) || self.is_person(on_behalf_of)
    }

    /// Says whether an action is recorded about the subject.
    pub fn has(&self, action: &ActionId) -> bool {
        self.actions.contains(action.0.as_bytes())
    }

    /// Says whether the subject is all of a principal.
    pub fn is_named(&self, principal: &str) -> bool {
        self.subject.to_string() == principal
    }

    /// Says whether an open flight is about the subject.
    pub fn flew(&self, action: &ActionId, flight: &OpenFlight) -> bool {
        self.did(&flight.principal, flight.on_behalf_of.as_ref()) || self.has(action)
    }

    /// Says whether a case is about the subject, or it has voted or reviewed there.
    pub fn asked(&self, case: &Case) -> bool {
        let reviewed = case.reviews.iter().any(|review| self.subject.agent() == Some(&review.reviewer));
        let voted = case.votes.iter().any(|vote| self.is_person(Some(&vote.person)) || self.is_person(Some(vote.of())));
        self.did(&case.requester, case.on_behalf_of.as_ref()) || voted || reviewed || self.has(&case.action)
    }

    /// Says whether an action that a check watches is the subject's, or was done on its behalf.
    pub fn is_watched(&self, watch: &Watch) -> bool {
        let of_agent = self.subject.agent() == Some(&watch.agent);
        of_agent || self.is_person(watch.on_behalf_of.as_ref()) || self.has(&watch.action)
    }

    /// Says whether a session is the subject's, or is held on its behalf.
    pub fn opened(&self, session: &Session) -> bool {
        self.subject.agent() == Some(&session.agent) || self.is_person(session.on_behalf_of.as_ref())
    }

    /// Says whether a key is the subject's, or is held on its behalf.
    pub fn holds(&self, key: &Key) -> bool {
        self.did(&key.holder, key.on_behalf_of.as_ref())
    }

    /// Says whether a passkey is the subject's.
    pub fn signs_with(&self, passkey: &Passkey) -> bool {
        self.is_person(Some(&passkey.person))
    }

    /// Says whether a passkey is the subject's, or it has invited to it.
    pub fn enrolled(&self, passkey: &Passkey) -> bool {
        self.signs_with(passkey) || self.is(&passkey.by)
    }

    /// Says whether a break-glass is for the subject, or it had a hand in it.
    pub fn broke(&self, glass: &BreakGlass) -> bool {
        let had_a_hand = glass.people().into_iter().any(|person| self.is_person(Some(person)));
        had_a_hand || self.subject.agent() == Some(&glass.extent.agent)
    }

    /// Says whether an action that is recorded about the subject ran under a break-glass.
    pub fn ran_under(&self, glass: &BreakGlass) -> bool {
        glass.actions.iter().any(|used| self.has(&used.action))
    }

    /// Says whether a level was given to the subject, or by it.
    pub fn was_given(&self, grant: &Grant) -> bool {
        self.subject.agent() == Some(&grant.agent) || self.is(&grant.by)
    }
}
