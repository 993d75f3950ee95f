//! Ballots: people's passkeys, what they are given to sign, and what they cast.

use control::ballots::{AssertionAnswer, BallotDrawn};
use control::passkeys::RegistrationAnswer;
use testkit::authenticator::Authenticator;
use testkit::passkeys::{ORIGIN, signed};
use types::case::{Ballot, Case};

use crate::told::Told;
use crate::world::{World, person, stands};

/// Returns the authenticator of a person.
fn authenticator(who: &str) -> Authenticator {
    Authenticator::ed25519("localhost", who.as_bytes()[0])
}

impl World {
    /// Lets a person enrol their passkey.
    pub async fn enrol(&self, who: &str) {
        let (invited, authenticator) = (person(who), authenticator(who));
        let invitation = self.control.invite(&person("dan"), &invited, "they approve").await.unwrap();
        let asked = self.control.ask_enrolment(&invitation.token).unwrap();
        let made = authenticator.register(&asked.challenge.0, ORIGIN, true);
        let id = authenticator.id.clone();
        let answer = RegistrationAnswer { id, client_data: made.client_data, attestation: made.attestation };
        self.control.enrol(&invitation.token, answer).await.unwrap();
    }

    /// Gives a person a ballot for a case, if it can be given.
    pub fn draw(&self, who: &str, case: &Case) -> Option<BallotDrawn> {
        let voter = person(who);
        let drawn = self.control.draw_ballot(&voter, &case.id, Ballot::Approve, "it is due", false);
        let said = drawn.as_ref().map(|drawn| drawn.challenge).map_err(|refusal| refusal.code);
        self.notes.told(Told::Drawn(voter, case.id, said));
        drawn.ok()
    }

    /// Signs a ballot and casts it.
    pub async fn cast(&self, who: &str, case: &Case, drawn: &BallotDrawn) {
        let voter = person(who);
        let answer: AssertionAnswer = signed(drawn, &authenticator(who));
        let cast = self.control.vote_signed(&voter, case.id, answer).await;
        let said = cast.map(|case| stands(&case, &voter)).map_err(|refusal| refusal.code);
        self.notes.told(Told::Cast(voter, case.id, drawn.challenge, said));
    }

    /// Revokes the passkey of a person.
    pub async fn revoke(&self, who: &str) {
        let own = |passkey: &evidence::passkey::Passkey| passkey.person.as_str() == who;
        let passkey = self.control.passkeys().unwrap().into_iter().find(own).unwrap();
        let revoked = self.control.revoke_passkey(&person("dan"), passkey.id, "it is lost").await;
        self.notes.told(Told::Revoked(person(who), revoked.map_err(|refusal| refusal.code)));
    }
}
