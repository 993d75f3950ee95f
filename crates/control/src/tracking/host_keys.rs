//! The keys by which hosts sign what they say of their target, and the reports that are signed with them.

use evidence::heartbeat::{is_key, verify, write};
use store::tracking::{Attested, Change, HostKeyKept};
use types::attestation::{Attestation, HOST_KEY, Signed};
use types::heartbeat::{CLOCK_MS_MAX, Heartbeat, HostKey, key_id};
use types::json::SAFE_INTEGER_MAX;
use types::{Code, Digest};

use super::deployments::{DeploymentShown, target_name, wrong};
use super::observations::{NewObservation, Taken, take};
use super::witnesses::Means;
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is how many keys of hosts there may be, revoked ones too.
const KEYS_MAX: usize = 100_000;

/// Is what stands under a report that a host has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReport {
    /// The id of the key.
    pub key: String,
    /// Is higher than in every report before.
    pub counter: u64,
    /// When, in milliseconds since the epoch, by the host's clock.
    pub at: i64,
    /// The signature, in hexadecimal.
    pub signature: String,
}

fn refused(code: Code, message: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::PermissionDenied, message).because(code)
}

fn unknown() -> Refused {
    refused(Code::HostKeyUnknown, "No such key of a host was enrolled.")
}

impl Tracking {
    /// Checks what is to be enrolled, and returns the id of the key.
    pub(crate) fn host_key_fits(&self, target: &str, public: &[u8; 32]) -> Answer<String> {
        target_name(target)?;
        if !is_key(public) {
            return Err(wrong("That is no public key on Ed25519.".to_owned()));
        }
        let id = key_id(public);
        if self.kept.view(|view| view.host_key(&id))?.is_some() {
            return Err(taken());
        }
        Ok(id)
    }

    /// Keeps a key that counts for one target from now on, and attests it.
    pub(crate) fn enroll_host_key(&self, who: &Holder, target: String, public: [u8; 32]) -> Answer<HostKeyKept> {
        let (by, at) = (who.principal.subject(), self.now());
        self.kept.change(move |change| {
            let id = key_id(&public);
            if change.host_key(&id)?.is_some() {
                return Err(taken());
            }
            if change.host_keys()?.len() >= KEYS_MAX {
                return Err(wrong(format!("{KEYS_MAX} keys of hosts are kept already.")));
            }
            let said = HostKey { id: id.clone(), target: target.clone(), public: write(&public), revoked: false, at };
            let enrolled = change.attest(&Attestation::HostKey(said), &id, Some(&by))?;
            let key = HostKeyKept { id, target, public, by, at, enrolled, revoked: None, ended: None, counter: 0 };
            change.enroll_host_key(&key)?;
            Ok(key)
        })
    }

    /// Says that a key counts no more, and attests it. One that was revoked already stays so.
    ///
    /// # Errors
    ///
    /// An id that none has.
    pub(crate) fn revoke_host_key(&self, who: &Holder, id: String) -> Answer<()> {
        let (by, at) = (who.principal.subject(), self.now());
        self.kept.change(move |change| {
            let key = change
                .host_key(&id)?
                .ok_or_else(|| Refused::absent("There is no such key of a host.").because(Code::NotFound))?;
            if key.revoked.is_some() {
                return Ok(());
            }
            let said = HostKey { id: key.id, target: key.target, public: write(&key.public), revoked: true, at };
            let attested = change.attest(&Attestation::HostKey(said), &id, Some(&by))?;
            Ok(change.revoke_host_key(&id, attested, at)?)
        })
    }

    /// Returns the keys of hosts, by target.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn host_keys(&self) -> Answer<Vec<HostKeyKept>> {
        self.kept.view(|view| Ok(view.host_keys()?))
    }

    /// Returns where it is attested that a key was enrolled, if what is kept of the key says the same.
    ///
    /// # Errors
    ///
    /// `host-key-unknown` if it was not.
    pub(crate) fn host_key_attested(&self, id: &str) -> Answer<Attested> {
        self.kept.view(|view| {
            let key = view.host_key(id)?.ok_or_else(unknown)?;
            let attested = view.attestation(key.enrolled)?.ok_or_else(unknown)?;
            let Attestation::HostKey(said) = &attested.what else { return Err(unknown()) };
            let is_same = said.id == key.id && said.target == key.target && said.public == write(&key.public);
            if is_same && !said.revoked { Ok(attested) } else { Err(unknown()) }
        })
    }

    /// Keeps what the host of a target says and has signed, and returns how that compares to what is to run there.
    ///
    /// # Errors
    ///
    /// `host-key-unknown`, `host-key-foreign` or `host-key-revoked` for a key that does not count for the target; `heartbeat-forged`,
    /// `heartbeat-untimely` or `heartbeat-replayed` for a report that it does not bear out; as [`Tracking::observe`].
    pub(crate) fn observe_signed(
        &self,
        who: &Holder,
        new: NewObservation,
        signed: SignedReport,
    ) -> Answer<DeploymentShown> {
        let new = new.checked()?;
        let (by, now, started) = (who.principal.subject(), self.now(), self.started);
        if signed.counter > SAFE_INTEGER_MAX {
            return Err(wrong("The counter is too high.".to_owned()));
        }
        self.kept.change(move |change| {
            let public = counts(change, &new, &signed, now)?;
            change.count_host_key(&signed.key, signed.counter)?;
            let SignedReport { key, counter, at, signature } = signed;
            let signed = Signed { key, public: write(&public), counter, at, signature };
            take(change, Taken { seen: new.seen(Means::Signed, by, now), signed: Some(signed) }, now, started)
        })
    }
}

fn taken() -> Refused {
    Refused::new(ErrorCode::ResourceAlreadyExists, "That key was enrolled already.").because(Code::StateConflict)
}

/// Returns the public key of a report that counts.
fn counts(change: &Change<'_>, new: &NewObservation, signed: &SignedReport, now: i64) -> Answer<[u8; 32]> {
    let key = change.host_key(&signed.key)?.ok_or_else(unknown)?;
    if key.target != new.target {
        return Err(refused(
            Code::HostKeyForeign,
            format!("The key was enrolled for another target than {}.", new.target),
        ));
    }
    if key.revoked.is_some() || is_attested_revoked(change, &key.id)? {
        return Err(refused(Code::HostKeyRevoked, "The key was revoked."));
    }
    if !verify(&key.public, &heartbeat(new.clone(), signed), &signed.signature) {
        return Err(refused(Code::HeartbeatForged, "The signature does not hold over what is said."));
    }
    if signed.at.saturating_sub(now).saturating_abs() > CLOCK_MS_MAX {
        let message = "The clock of the host is more than five minutes from this server's.";
        return Err(refused(Code::HeartbeatUntimely, message));
    }
    if signed.counter <= key.counter {
        let message = format!("The counter is no higher than {}, that of the report before.", key.counter);
        return Err(refused(Code::HeartbeatReplayed, message));
    }
    Ok(key.public)
}

/// Says whether it was attested last that a key was revoked, whatever is kept of the key.
fn is_attested_revoked(change: &Change<'_>, id: &str) -> Answer<bool> {
    let last = change.attested(HOST_KEY, id, 1)?.pop();
    Ok(matches!(last.map(|last| last.what), Some(Attestation::HostKey(said)) if said.revoked))
}

fn heartbeat(new: NewObservation, signed: &SignedReport) -> Heartbeat {
    let NewObservation { model, target, version, digest } = new;
    let digest: Option<Digest> = digest;
    Heartbeat { target, model, version, digest, at: signed.at, counter: signed.counter }
}
