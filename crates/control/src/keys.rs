//! Bearer keys: 256 random bits, known to the journal by their digest alone.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use subtle::ConstantTimeEq;
use types::{Code, Digest, KeyId, Millis, PersonId, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::machine::{Change, Command};
use crate::state::Key;

/// Is a key at the only moment its secret exists in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its identity.
    pub id: KeyId,
    /// What the holder sends as a bearer token.
    pub token: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewKey({})", self.id)
    }
}

/// Is who a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The agent or person.
    pub principal: Principal,
    /// The person an agent's key acts for.
    pub on_behalf_of: Option<PersonId>,
}

const PREFIX: &str = "cs_";

fn secret_digest(secret: &[u8]) -> Digest {
    Digest::of("countersign/secret/1", secret)
}

impl Control {
    fn draft_key(
        &self,
        holder: Principal,
        on_behalf_of: Option<PersonId>,
        by: Principal,
        expires: Option<Millis>,
    ) -> (Key, NewKey) {
        let secret: [u8; 32] = self.draw();
        let now = self.now();
        let id = KeyId::draw(now, self.draw());
        let token = format!("{PREFIX}{}_{}", id.0.simple(), hex::encode(secret));
        let key = Key { id, secret: secret_digest(&secret), holder, on_behalf_of, by, at: now, expires, revoked: None };
        (key, NewKey { id, token })
    }

    /// Makes a key by the hand of whoever runs this process, as at the first start.
    ///
    /// - `by`: who is recorded as its maker.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn create_first_key(
        &self,
        by: &PersonId,
        holder: Principal,
        on_behalf_of: Option<PersonId>,
        reason: &str,
    ) -> Failure<NewKey> {
        let (key, new) = self.draft_first_key(by, holder, on_behalf_of);
        self.record_first_key(key, reason).await?;
        Ok(new)
    }

    /// Draws a key by the hand of whoever runs this process; nobody can use it before [`Control::record_first_key`].
    pub fn draft_first_key(&self, by: &PersonId, holder: Principal, on_behalf_of: Option<PersonId>) -> (Key, NewKey) {
        self.draft_key(holder, on_behalf_of, Principal::Person(by.clone()), None)
    }

    /// Records a drafted key. What is to keep its token MUST have done so by now: it exists nowhere else.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn record_first_key(&self, key: Key, reason: &str) -> Failure<()> {
        let by = key.by.clone();
        self.ask(Command::Local { change: Change::CreateKey(Box::new(key.clone())), by, reason: reason.to_owned() })
            .await?;
        self.remember_key(key);
        Ok(())
    }

    /// Makes a key, if policy lets this person.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings; `agent-unknown` or `person-unknown` if the bundle has no such holder.
    pub async fn create_key(
        &self,
        by: &PersonId,
        holder: Principal,
        on_behalf_of: Option<PersonId>,
        expires: Option<Millis>,
        reason: &str,
    ) -> Failure<NewKey> {
        self.known(&holder)?;
        let arguments =
            serde_json::json!({ "holder": holder.subject(), "on_behalf_of": on_behalf_of, "expires": expires });
        let (key, new) = self.draft_key(holder, on_behalf_of, Principal::Person(by.clone()), expires);
        self.administer(by, "countersign.key.create", &arguments, reason, Change::CreateKey(Box::new(key.clone())))
            .await?;
        self.remember_key(key);
        Ok(new)
    }

    fn known(&self, holder: &Principal) -> Failure<()> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        match holder {
            Principal::Agent(agent) if !data.agents.contains_key(agent) => {
                Err(Refusal::plain(Code::AgentUnknown, format!("the bundle has no agent `{agent}`")))
            }
            Principal::Person(person) if !data.people.contains_key(person) => {
                Err(Refusal::plain(Code::PersonUnknown, format!("the bundle has no person `{person}`")))
            }
            Principal::Agent(_) | Principal::Person(_) => Ok(()),
        }
    }

    fn remember_key(&self, key: Key) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(key.id, key);
    }

    /// Revokes a key at once: taking authority away waits for no decision.
    ///
    /// # Errors
    ///
    /// `not-found`, `forbidden` for an auditor, or what the journal says.
    pub async fn revoke_key(&self, by: &PersonId, id: KeyId, reason: &str) -> Failure<()> {
        self.may_change(by)?;
        let by = Principal::Person(by.clone());
        self.ask(Command::Local { change: Change::RevokeKey(id), by, reason: reason.to_owned() }).await?;
        let now = self.now();
        if let Some(key) = self.keys.write().unwrap_or_else(PoisonError::into_inner).get_mut(&id) {
            key.revoked = Some(now);
        }
        Ok(())
    }

    /// Finds out who a bearer token stands for.
    ///
    /// # Errors
    ///
    /// `unauthenticated` for a token nobody issued, `key-expired` for one that has ended or was revoked.
    pub fn holder_of(&self, token: &str) -> Failure<Holder> {
        holder_among(&self.keys.read().unwrap_or_else(PoisonError::into_inner), token, self.now())
    }

    /// Returns the keys, without their secrets' digests being of use to anybody.
    pub fn keys(&self) -> Vec<Key> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Finds out who a bearer token stands for by some keys.
///
/// # Errors
///
/// As [`Control::holder_of`].
pub(crate) fn holder_among(keys: &BTreeMap<KeyId, Key>, token: &str, now: Millis) -> Failure<Holder> {
    let key = key_among(keys, token, now)?;
    Ok(Holder { principal: key.holder.clone(), on_behalf_of: key.on_behalf_of.clone() })
}

/// Finds the key of a bearer token among some keys.
///
/// # Errors
///
/// As [`Control::holder_of`].
pub(crate) fn key_among<'a>(keys: &'a BTreeMap<KeyId, Key>, token: &str, now: Millis) -> Failure<&'a Key> {
    let nobody = || Refusal::plain(Code::Unauthenticated, "the credential is not one that was issued here");
    let (id, secret) = token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or_else(nobody)?;
    let id: KeyId = format!("key_{id}").parse().map_err(|_| nobody())?;
    let secret = hex::decode(secret).map_err(|_| nobody())?;
    let key = keys.get(&id).ok_or_else(nobody)?;
    if !bool::from(key.secret.0.ct_eq(&secret_digest(&secret).0)) {
        return Err(nobody());
    }
    if is_good(key, now) {
        Ok(key)
    } else {
        Err(Refusal::plain(Code::KeyExpired, "the credential has ended or was revoked"))
    }
}

/// Says whether a key was neither revoked nor is past its time.
pub(crate) fn is_good(key: &Key, now: Millis) -> bool {
    key.revoked.is_none() && key.expires.is_none_or(|end| now < end)
}
