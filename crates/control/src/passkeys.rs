//! Passkeys of people: invited by another person, enrolled with the invitation's token, revoked at once.

use std::collections::BTreeMap;
use std::sync::PoisonError;

pub use evidence::passkey::{Algorithm, CoseKey};
use evidence::passkey::{
    Enrolment, EnrolmentPaper, Origins, Passkey, PasskeyError, Registration, Site, is_of, verify_registration,
};
use subtle::ConstantTimeEq;
use types::{Code, Digest, Millis, PasskeyId, PersonId, Principal, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, forbidden, invalid};
use crate::machine::{Change, Command};
use crate::state::kind;

/// Is how long an invitation can be taken up, in milliseconds: an hour.
pub const INVITATION_MS: i64 = 3_600_000;

/// Is how long a browser has to answer the options of an enrolment, in milliseconds.
pub const ENROLMENT_MS: i64 = 300_000;

const PREFIX: &str = "csi_";
const TOOL: &str = "countersign.passkey.invite";
const SECRET: &str = "countersign/invitation/1";

/// Says which site the passkeys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyConfig {
    rp_id: String,
    origins: Vec<String>,
}

impl PasskeyConfig {
    /// Names a site.
    ///
    /// - `rp_id`: the relying-party id, a host name.
    /// - `origins`: the origins of its pages, such as `https://gate.example`, each of that host or below it.
    ///
    /// # Errors
    ///
    /// A sentence saying which origin no browser would let use such a passkey.
    pub fn new(rp_id: impl Into<String>, origins: Vec<String>) -> Result<Self, String> {
        let rp_id = rp_id.into();
        match origins.iter().find(|origin| !is_of(origin, &rp_id)) {
            Some(origin) => Err(format!(
                "`{origin}` is no origin of the relying party `{rp_id}`: write `https://HOST` with that host or one below it, or \
                 `http://localhost:PORT`"
            )),
            None => Ok(Self { rp_id, origins }),
        }
    }

    /// Names the site of a server on this machine: `http://localhost:PORT`.
    pub fn local(port: u16) -> Self {
        Self { rp_id: "localhost".to_owned(), origins: vec![format!("http://localhost:{port}")] }
    }

    /// Returns the relying-party id.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// Returns the origins of its pages.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Returns the site as an answer is held against it.
    pub(crate) fn site(&self) -> Site<'_> {
        Site { rp_id: &self.rp_id, origins: Origins::OneOf(&self.origins) }
    }
}

/// Is an invitation at the only moment its token exists in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The passkey that can be enrolled with it.
    pub id: PasskeyId,
    /// What the person who is invited shows, once.
    pub token: String,
    /// When it ends.
    pub until: Millis,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation({})", self.id)
    }
}

/// Is what a browser must know to make a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentAsked {
    /// What the person is shown.
    pub paper: EnrolmentPaper,
    /// The challenge that commits to it.
    pub challenge: Digest,
    /// The credentials that this person has already, of which no second one is to be made.
    pub exclude: Vec<Vec<u8>>,
    /// How long there is to answer, in milliseconds.
    pub timeout_ms: i64,
}

/// Is what a browser hands over of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationAnswer {
    /// The credential's id.
    pub id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation: Vec<u8>,
}

/// Are the enrolments that browsers were asked for, by passkey: what they are shown, and until when they may answer.
pub(crate) type Asked = BTreeMap<PasskeyId, (EnrolmentPaper, Millis)>;

fn no_invitation() -> Refusal {
    Refusal::plain(Code::InvitationInvalid, "the invitation is none that was made here, has ended or was used")
}

impl Control {
    /// Invites a person to enrol a passkey, if policy lets this person.
    ///
    /// Nobody invites themselves, since whoever has taken a bearer key could then sign with it; where the bundle sets
    /// `solo` there is nobody else.
    ///
    /// # Errors
    ///
    /// `person-unknown` if the bundle has no such person; `forbidden` for oneself; otherwise a refusal with the decision's
    /// findings, or what the journal says.
    pub async fn invite(&self, by: &PersonId, person: &PersonId, reason: &str) -> Failure<Invitation> {
        self.is_invitable(by, person)?;
        let (secret, now): ([u8; 32], _) = (self.draw(), self.now());
        let id = PasskeyId::draw(now, self.draw());
        let token = format!("{PREFIX}{}_{}", id.0.simple(), hex::encode(secret));
        let passkey = Passkey {
            id,
            person: person.clone(),
            secret: Digest::of(SECRET, &secret),
            by: Principal::Person(by.clone()),
            at: now,
            until: now.plus(INVITATION_MS),
            enrolment: None,
            revoked: None,
        };
        let arguments = serde_json::json!({ "person": person });
        self.administer(by, TOOL, &arguments, reason, Change::Invite(Box::new(passkey))).await?;
        let until = self.passkey(&id)?.map_or(now, |passkey| passkey.until);
        Ok(Invitation { id, token, until })
    }

    fn is_invitable(&self, by: &PersonId, person: &PersonId) -> Failure<()> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        if !data.people.contains_key(person) {
            return Err(Refusal::plain(Code::PersonUnknown, format!("the bundle has no person `{person}`")));
        }
        if by == person && !data.head.solo {
            return Err(forbidden(format!(
                "`person:{person}` cannot invite themselves: a second person does, so that a stolen key enrols nothing"
            )));
        }
        Ok(())
    }

    /// Returns what a browser must know to enrol a passkey.
    ///
    /// # Errors
    ///
    /// `invitation-invalid` for a token that is none, has ended or was used, or what the journal says.
    pub fn ask_enrolment(&self, token: &str) -> Failure<EnrolmentAsked> {
        let invited = self.invited(token)?;
        let nonce: [u8; 32] = self.draw();
        let paper = EnrolmentPaper {
            version: EnrolmentPaper::VERSION,
            origin: self.config.place.keys.log.verifier().name().to_owned(),
            tenant: self.config.tenant.clone(),
            passkey: invited.id,
            person: invited.person.clone(),
            rp_id: self.config.passkeys.rp_id().to_owned(),
            nonce: nonce.to_vec(),
        };
        let own = self.passkeys()?.into_iter().filter(|other| other.person == invited.person && other.is_live());
        let exclude = own.filter_map(|other| Some(other.enrolment?.credential)).collect();
        let mut asked = self.enrolments.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        asked.retain(|_, (_, until)| now < *until);
        asked.insert(invited.id, (paper.clone(), now.plus(ENROLMENT_MS)));
        Ok(EnrolmentAsked { challenge: paper.challenge(), paper, exclude, timeout_ms: ENROLMENT_MS })
    }

    /// Enrols the passkey that a browser has made, and uses the invitation up.
    ///
    /// # Errors
    ///
    /// `invitation-invalid` for a token that is none, has ended or was used; `registration-invalid` if nobody asked for it
    /// in time, it does not hold, or the credential is enrolled already; otherwise what the journal says.
    pub async fn enrol(&self, token: &str, answer: RegistrationAnswer) -> Failure<Passkey> {
        let invited = self.invited(token)?;
        let refused = |why: String| Refusal::plain(Code::RegistrationInvalid, why);
        let asked = self.enrolments.lock().unwrap_or_else(PoisonError::into_inner).remove(&invited.id);
        let now = self.now();
        let paper = asked.filter(|(_, until)| now < *until).map(|(paper, _)| paper);
        let paper = paper.ok_or_else(|| refused("nobody asked for its options, or not in time".to_owned()))?;
        let registration = Registration { client_data: &answer.client_data, attestation: &answer.attestation };
        let attested = verify_registration(&registration, &paper.challenge(), &self.config.passkeys.site());
        let attested = attested.map_err(|error| refused(error.to_string()))?;
        if attested.credential.id != answer.id {
            return Err(refused(PasskeyError::OtherCredential.to_string()));
        }
        let enrolment = Enrolment {
            at: now,
            rp_id: paper.rp_id.clone(),
            credential: attested.credential.id,
            key: CoseKey::to_bytes(&attested.credential.key),
            paper: paper.to_bytes(),
            client_data: answer.client_data,
            attestation: answer.attestation,
        };
        let (id, by) = (invited.id, Principal::Person(invited.person.clone()));
        let passkey = Passkey { enrolment: Some(enrolment), ..invited };
        let change = Change::Enrol(Box::new(passkey));
        self.ask(Command::Local { change, by, reason: "enrolled by invitation".to_owned() }).await?;
        self.passkey(&id)?.ok_or_else(|| Refusal::plain(Code::Internal, "the passkey is not recorded"))
    }

    /// Finds the invitation of a token that can still be taken up.
    fn invited(&self, token: &str) -> Failure<Passkey> {
        let (id, secret) =
            token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or_else(no_invitation)?;
        let id: PasskeyId = format!("pk_{id}").parse().map_err(|_| no_invitation())?;
        let secret = hex::decode(secret).map_err(|_| no_invitation())?;
        let passkey = self.passkey(&id)?.ok_or_else(no_invitation)?;
        let is_own = bool::from(passkey.secret.0.ct_eq(&Digest::of(SECRET, &secret).0));
        let is_live = passkey.enrolment.is_none() && passkey.revoked.is_none() && self.now() < passkey.until;
        let is_known = self.snapshot().bundle.data().people.contains_key(&passkey.person);
        if is_own && is_live && is_known { Ok(passkey) } else { Err(no_invitation()) }
    }

    /// Returns a passkey, or the invitation to one.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn passkey(&self, id: &PasskeyId) -> Failure<Option<Passkey>> {
        let stored = self.history.state_value(kind::PASSKEY, &id.to_string())?;
        Ok(stored.and_then(|bytes| cbor::decode(&bytes).ok()))
    }

    /// Returns the passkeys and the invitations, in order of inviting.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn passkeys(&self) -> Failure<Vec<Passkey>> {
        let rows = self.history.state(kind::PASSKEY)?;
        let mut all: Vec<Passkey> = rows.iter().filter_map(|(_, bytes)| cbor::decode(bytes).ok()).collect();
        all.sort_by_key(|passkey| passkey.id);
        Ok(all)
    }

    /// Revokes a passkey, or the invitation to one, at once: taking authority away waits for no decision.
    ///
    /// # Errors
    ///
    /// `not-found`, `forbidden` for an auditor, or what the journal says.
    pub async fn revoke_passkey(&self, by: &PersonId, id: PasskeyId, reason: &str) -> Failure<()> {
        self.may_change(by)?;
        if reason.trim().is_empty() {
            return Err(invalid("to revoke a passkey needs a reason"));
        }
        let by = Principal::Person(by.clone());
        self.ask(Command::Local { change: Change::RevokePasskey(id), by, reason: reason.to_owned() }).await.map(drop)
    }
}
