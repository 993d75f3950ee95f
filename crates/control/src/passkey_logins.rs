//! Logins with a passkey: a challenge that any browser may ask for, and the answer of whoever has a passkey.
//!
//! The person is not asked for a name: the authenticator offers what it has for this host. A challenge is answered once and
//! within two minutes. How many are given out in that time is bounded, which bounds the signatures that are looked at too.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use evidence::passkey::{Assertion, ClientData, Passkey, check_login, login_challenge};
use types::{Code, Digest, Millis, PersonId};

use crate::ballots::AssertionAnswer;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::logins::{Ground, Login};

/// Is how long a challenge can be answered, in milliseconds.
pub const CHALLENGE_MS: i64 = 120_000;

/// Is how many challenges are given out within [`CHALLENGE_MS`], to everybody together.
pub const CHALLENGES_MAX: usize = 4_096;

/// Is what a browser must know to have a passkey log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAsked {
    /// The challenge.
    pub challenge: Digest,
    /// The relying-party id.
    pub rp_id: String,
    /// How long there is to answer, in milliseconds.
    pub timeout_ms: i64,
}

/// Is what a browser hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAnswer {
    /// The assertion.
    pub assertion: AssertionAnswer,
    /// `userHandle`.
    pub user_handle: Option<Vec<u8>>,
}

/// Keeps the challenges that are out, each until its end though it was used: they are counted against the bound.
#[derive(Debug, Default)]
pub(crate) struct Challenges(BTreeMap<Digest, Given>);

#[derive(Debug)]
struct Given {
    until: Millis,
    used: bool,
}

impl Challenges {
    /// Gives a challenge out, unless there were too many of late.
    ///
    /// None gives way to another one: whoever asks for many would put out those of others.
    fn give(&mut self, challenge: Digest, now: Millis) -> Failure<()> {
        self.0.retain(|_, given| now < given.until);
        if self.0.len() >= CHALLENGES_MAX {
            let says = "too many logins with a passkey are asked for; a link or a key logs in meanwhile";
            return Err(Refusal::plain(Code::LoginsFlooding, says));
        }
        self.0.insert(challenge, Given { until: now.plus(CHALLENGE_MS), used: false });
        Ok(())
    }

    /// Takes a challenge, whatever comes of it: it is worth nothing a second time.
    fn take(&mut self, challenge: &Digest, now: Millis) -> Failure<()> {
        let given = self.0.get_mut(challenge).filter(|given| now < given.until && !given.used);
        let unasked = || {
            let says = "the challenge is none that was given out here within two minutes, or was used; try again";
            Refusal::plain(Code::LoginUnasked, says)
        };
        given.ok_or_else(unasked)?.used = true;
        Ok(())
    }
}

fn refused() -> Refusal {
    // One answer for each reason: whoever tries learns of no passkey whether it is known, revoked or whose it is.
    Refusal::plain(Code::LoginRefused, "this passkey does not log in here")
}

impl Control {
    /// Returns what a browser must know to log in with whichever passkey its owner picks.
    ///
    /// # Errors
    ///
    /// `logins-flooding` if 4,096 were asked for within two minutes.
    pub fn ask_passkey_login(&self) -> Failure<LoginAsked> {
        let challenge = login_challenge(&self.draw());
        let now = self.now();
        self.login_challenges.lock().unwrap_or_else(PoisonError::into_inner).give(challenge, now)?;
        Ok(LoginAsked { challenge, rp_id: self.config.passkeys.rp_id().to_owned(), timeout_ms: CHALLENGE_MS })
    }

    /// Logs in whoever has answered a challenge with their passkey. The login ends with the passkey.
    ///
    /// # Errors
    ///
    /// `login-unasked` if the challenge was not given out here, was used, or is past its time; `login-refused` if no
    /// passkey is enrolled of which this is an assertion over it, made on this site by its person, present and verified, or the
    /// passkey was revoked or its person left the bundle; otherwise what the journal says.
    pub fn login_by_passkey(&self, answer: &LoginAnswer) -> Failure<Login> {
        let client = ClientData::parse(&answer.assertion.client_data).map_err(|_| refused())?;
        // Nothing is given out that is not 32 bytes long, so any other challenge is none of ours.
        let challenge = client.challenge().unwrap_or_default();
        let now = self.now();
        self.login_challenges.lock().unwrap_or_else(PoisonError::into_inner).take(&challenge, now)?;
        let passkey = self.answering(answer)?.ok_or_else(refused)?;
        let assertion = Assertion {
            client_data: &answer.assertion.client_data,
            authenticator_data: &answer.assertion.authenticator_data,
            signature: &answer.assertion.signature,
        };
        let shown = (&assertion, answer.user_handle.as_deref());
        if let Err(why) = check_login(&passkey, shown, &challenge, self.config.passkeys.site().origins) {
            // The operator hears what nobody who tries is told; the text quotes what a stranger sent, hence escaped.
            tracing::info!(passkey = %passkey.id, ?why, "a login with a passkey was refused");
            return Err(refused());
        }
        self.person_of_passkey(&passkey).ok_or_else(refused)?;
        self.begin_login(Ground::Passkey(passkey.id))
    }

    /// Finds the passkey that an answer names, revoked or not.
    fn answering(&self, answer: &LoginAnswer) -> Failure<Option<Passkey>> {
        let is_it =
            |passkey: &Passkey| passkey.enrolment.as_ref().is_some_and(|own| own.credential == answer.assertion.id);
        Ok(self.passkeys()?.into_iter().find(is_it))
    }

    /// Finds the person whom a passkey stands for, if it was not revoked and the bundle still has them.
    pub(crate) fn person_of_passkey(&self, passkey: &Passkey) -> Option<PersonId> {
        (passkey.is_live() && self.is_person(&passkey.person)).then(|| passkey.person.clone())
    }
}
