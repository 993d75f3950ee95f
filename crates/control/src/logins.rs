//! Logins: people in front of a browser, each let in by a key or a passkey of their own, or by the word of a provider.
//!
//! A login lives in this process alone: a restart ends it, so do its time, a logout, and the end of what it rests on.
//! What the browser holds is known here by its digest only.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use types::{Code, Digest, KeyId, Millis, PasskeyId, PersonId, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, forbidden};
use crate::keys::{is_good, key_among};

/// Is how long a login lasts, in milliseconds: a working day.
pub const LOGIN_MS: i64 = 12 * 3_600_000;

/// Is how long a link that logs in is worth something, in milliseconds.
pub const LINK_MS: i64 = 10 * 60_000;

/// Is how many logins may rest on one key at a time; one more ends the oldest.
const LOGINS_PER_KEY_MAX: usize = 16;

/// Is how many unused links there may be at a time; one more ends the oldest.
const LINKS_MAX: usize = 64;

/// Is who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The person.
    pub person: PersonId,
    /// When the login ends.
    pub expires: Millis,
    /// What a page must send along with everything that changes something; no other origin can read it.
    pub proof: String,
}

/// Is a login at the only moment its secret exists in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What the browser keeps as a cookie.
    pub secret: String,
    /// Who is logged in.
    pub visit: Visit,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.visit.person)
    }
}

/// Is a link that logs a browser in once, at the only moment it exists in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The address to open.
    pub url: String,
    /// From then on it is worth nothing.
    pub expires: Millis,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link(until {})", self.expires.0)
    }
}

/// Is what a login rests on: once it has ended, so has the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ground {
    /// A person's bearer key.
    Key(KeyId),
    /// A passkey.
    Passkey(PasskeyId),
    /// The word of a provider that this person was there.
    Person(PersonId),
}

/// Is what a secret stands for, until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ticket {
    ground: Ground,
    expires: Millis,
}

/// Holds who is logged in and which links may still be used.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    logins: BTreeMap<Digest, Ticket>,
    links: BTreeMap<Digest, Ticket>,
}

fn digest(secret: &str) -> Digest {
    Digest::of("countersign/login/1", secret.as_bytes())
}

fn proof(secret: &str) -> String {
    Digest::of("countersign/login-proof/1", secret.as_bytes()).to_string()
}

/// Ends what is past its time and, beyond a number, what ends first of those that `counts` names.
fn tidy(tickets: &mut BTreeMap<Digest, Ticket>, now: Millis, max: usize, counts: impl Fn(&Ticket) -> bool) {
    tickets.retain(|_, ticket| ticket.expires > now);
    let mut counted: Vec<(Millis, Digest)> =
        tickets.iter().filter(|(_, ticket)| counts(ticket)).map(|(digest, ticket)| (ticket.expires, *digest)).collect();
    counted.sort();
    for (_, oldest) in counted.iter().take(counted.len().saturating_sub(max)) {
        tickets.remove(oldest);
    }
}

fn over(what: &str) -> Refusal {
    Refusal::plain(Code::Unauthenticated, format!("{what} is over or was never one; log in again"))
}

impl Control {
    fn with_logins<T>(&self, work: impl FnOnce(&mut Logins) -> T) -> T {
        // Every change is one insert or remove, so a panic elsewhere leaves the maps whole.
        work(&mut self.logins.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds the key of a bearer token, if a person holds it.
    fn key_of_person(&self, token: &str) -> Failure<KeyId> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = key_among(&keys, token, self.now())?;
        match key.holder {
            Principal::Person(_) => Ok(key.id),
            Principal::Agent(_) => Err(forbidden("people log in, and this is an agent's key")),
        }
    }

    /// Finds the person who holds a key that is good still.
    fn person_of_key(&self, id: &KeyId) -> Option<PersonId> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(id).filter(|key| is_good(key, self.now()))?;
        match &key.holder {
            Principal::Person(person) => Some(person.clone()),
            Principal::Agent(_) => None,
        }
    }

    /// Finds the person behind what a login rests on, if it has not ended.
    fn person_of(&self, ground: &Ground) -> Failure<Option<PersonId>> {
        match ground {
            Ground::Key(id) => Ok(self.person_of_key(id)),
            Ground::Person(person) => Ok(self.is_person(person).then(|| person.clone())),
            Ground::Passkey(id) => Ok(self.passkey(id)?.and_then(|passkey| self.person_of_passkey(&passkey))),
        }
    }

    /// Says whether the active bundle has a person.
    pub(crate) fn is_person(&self, person: &PersonId) -> bool {
        self.snapshot().bundle.data().people.contains_key(person)
    }

    /// Begins a login that rests on something that was found good just now.
    pub(crate) fn begin_login(&self, ground: Ground) -> Failure<Login> {
        let secret = hex::encode(self.draw::<32>());
        let now = self.now();
        let ticket = Ticket { ground: ground.clone(), expires: now.plus(LOGIN_MS) };
        self.with_logins(|logins| {
            logins.logins.insert(digest(&secret), ticket);
            tidy(&mut logins.logins, now, LOGINS_PER_KEY_MAX, |ticket| ticket.ground == ground);
        });
        let visit = self.visit(&secret)?;
        Ok(Login { secret, visit })
    }

    /// Logs in whoever holds a person's key.
    ///
    /// # Errors
    ///
    /// `unauthenticated` or `key-expired` as the token says, `forbidden` for an agent's key.
    pub fn login(&self, token: &str) -> Failure<Login> {
        self.begin_login(Ground::Key(self.key_of_person(token)?))
    }

    /// Logs in whoever has a link, which is worth nothing from then on.
    ///
    /// # Errors
    ///
    /// `unauthenticated` if it was used, is past its time, or its key has ended.
    pub fn login_by_link(&self, code: &str) -> Failure<Login> {
        let now = self.now();
        let ticket = self.with_logins(|logins| logins.links.remove(&digest(code)));
        let ticket = ticket.filter(|ticket| ticket.expires > now).ok_or_else(|| over("the link"))?;
        self.begin_login(ticket.ground)
    }

    /// Makes a link that logs a browser in once, as the holder of a person's key.
    ///
    /// # Errors
    ///
    /// As [`Control::login`].
    pub fn login_link(&self, token: &str) -> Failure<Link> {
        let ground = Ground::Key(self.key_of_person(token)?);
        let code = hex::encode(self.draw::<32>());
        let now = self.now();
        let expires = now.plus(LINK_MS);
        self.with_logins(|logins| {
            logins.links.insert(digest(&code), Ticket { ground, expires });
            tidy(&mut logins.links, now, LINKS_MAX, |_| true);
        });
        Ok(Link { url: format!("{}/#login={code}", self.config.url), expires })
    }

    /// Finds out who is logged in.
    ///
    /// # Errors
    ///
    /// `unauthenticated` if the login is past its time, was ended, or what it rests on has ended; otherwise what the journal says.
    pub fn visit(&self, secret: &str) -> Failure<Visit> {
        let now = self.now();
        let ticket = self.with_logins(|logins| logins.logins.get(&digest(secret)).cloned());
        let ticket = ticket.filter(|ticket| ticket.expires > now).ok_or_else(|| over("the login"))?;
        let person = self.person_of(&ticket.ground)?.ok_or_else(|| over("the login"))?;
        Ok(Visit { person, expires: ticket.expires, proof: proof(secret) })
    }

    /// Ends a login.
    pub fn logout(&self, secret: &str) {
        self.with_logins(|logins| logins.logins.remove(&digest(secret)));
    }
}
