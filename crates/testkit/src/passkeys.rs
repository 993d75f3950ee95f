//! People with passkeys, over an application of the tests.

use control::ballots::{AssertionAnswer, BallotDrawn};
use control::passkey_logins::LoginAnswer;
use control::passkeys::RegistrationAnswer;
use evidence::passkey::Passkey;
use policy::BundleFiles;
use types::case::{Ballot, Case};
use types::{CaseId, Digest};

use crate::authenticator::Authenticator;
use crate::bundle::bundle;
use crate::world::World;

/// Is the page on which people of the tests enrol and sign.
pub const ORIGIN: &str = "http://localhost:7717";

/// Returns the bundle of [`bundle`] whose profile `owner` counts signed votes alone.
pub fn signing_bundle() -> BundleFiles {
    let mut files = bundle();
    let profiles =
        files.get("escalation.toml").unwrap().replacen("approvals = 1\n", "approvals = 1\nsigned = true\n", 1);
    files.insert("escalation.toml", profiles);
    files
}

impl World {
    /// Invites a person in the name of `dan`, and enrols an authenticator for them.
    pub async fn enrol(&self, person: &str, authenticator: &Authenticator) -> Passkey {
        let (dan, invited) = ("dan".parse().unwrap(), person.parse().unwrap());
        let invitation = self.control.invite(&dan, &invited, "they approve").await.unwrap();
        let asked = self.control.ask_enrolment(&invitation.token).unwrap();
        let made = authenticator.register(&asked.challenge.0, ORIGIN, true);
        let answer = RegistrationAnswer {
            id: authenticator.id.clone(),
            client_data: made.client_data,
            attestation: made.attestation,
        };
        self.control.enrol(&invitation.token, answer).await.unwrap()
    }

    /// Enrols a key on P-256 for a person.
    pub async fn with_passkey(&self, person: &str, seed: u8) -> Authenticator {
        let authenticator = Authenticator::p256("localhost", seed);
        self.enrol(person, &authenticator).await;
        authenticator
    }

    /// Draws a ballot for a person.
    pub fn ballot(&self, person: &str, case: CaseId, vote: Ballot) -> BallotDrawn {
        let person = person.parse().unwrap();
        self.control.draw_ballot(&person, &case, vote, "looked at it", false).unwrap()
    }

    /// Draws a ballot for a person, has it signed, and casts it.
    pub async fn cast(&self, person: &str, case: CaseId, vote: Ballot, with: &Authenticator) -> Case {
        let drawn = self.ballot(person, case, vote);
        self.control.vote_signed(&person.parse().unwrap(), case, signed(&drawn, with)).await.unwrap()
    }
}

/// Has a ballot signed, and returns what the browser hands over.
pub fn signed(drawn: &BallotDrawn, with: &Authenticator) -> AssertionAnswer {
    answered(&drawn.challenge, with)
}

/// Answers the challenge of a login with a passkey, as the browser hands it over.
pub fn login(challenge: &Digest, with: &Authenticator, passkey: &Passkey) -> LoginAnswer {
    LoginAnswer { assertion: answered(challenge, with), user_handle: Some(passkey.id.0.as_bytes().to_vec()) }
}

fn answered(challenge: &Digest, with: &Authenticator) -> AssertionAnswer {
    let made = with.assert(&challenge.0, ORIGIN);
    AssertionAnswer {
        id: with.id.clone(),
        client_data: made.client_data,
        authenticator_data: made.authenticator_data,
        signature: made.signature,
    }
}
