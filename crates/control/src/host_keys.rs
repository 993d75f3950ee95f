//! Keys of hosts: enrolled by decision, revoked at once, and believed as far as the journal says the same.

use evidence::heartbeat::write;
use types::heartbeat::key_id;
use types::{Code, PersonId, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::dossier::is_attested;
use crate::error::Failure;
use crate::keys::Holder;
use crate::machine::Change;
use crate::tracking::kept::HostKeyKept;
use crate::tracking::{DeploymentShown, NewObservation, SignedReport, blocking};

/// Is the tool that it is decided as: who makes keys of agents and people makes those of hosts.
const TOOL: &str = "countersign.key.create";

fn holder(by: &PersonId) -> Holder {
    Holder { principal: Principal::Person(by.clone()), on_behalf_of: None }
}

impl Control {
    /// Lets a key sign what the host of one target says, if that is permitted; nothing that is not signed counts for the target from then on.
    ///
    /// # Errors
    ///
    /// `request-invalid` for what can be no key or no target, `state-conflict` for a key that was enrolled already; what the decision says.
    pub async fn enroll_host_key(
        &self,
        by: &PersonId,
        target: String,
        public: [u8; 32],
        reason: &str,
    ) -> Failure<HostKeyKept> {
        self.may_change(by)?;
        let asked = target.clone();
        blocking(self.tracking()?, move |tracking| tracking.host_key_fits(&asked, &public)).await?;
        let arguments = serde_json::json!({
            "holder": format!("host:{target}"), "key": key_id(&public), "public_key": write(&public),
        });
        self.administer(by, TOOL, &arguments, reason, Change::Elsewhere).await?;
        let who = holder(by);
        self.attest(move |tracking| tracking.enroll_host_key(&who, target, public)).await
    }

    /// Takes a key of a host back at once; nobody is asked first.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no such key; what the journal says.
    pub async fn revoke_host_key(&self, by: &PersonId, id: String) -> Failure<()> {
        self.may_change(by)?;
        let who = holder(by);
        self.attest(move |tracking| tracking.revoke_host_key(&who, id)).await
    }

    /// Returns the keys of hosts, by target.
    ///
    /// # Errors
    ///
    /// `file-unusable` if they cannot be read.
    pub async fn host_keys(&self) -> Failure<Vec<HostKeyKept>> {
        Ok(blocking(self.tracking()?, |tracking| tracking.host_keys()).await?)
    }

    /// Keeps what the host of a target says and has signed, and records it if it is news.
    ///
    /// # Errors
    ///
    /// The codes of a key that does not count and of a report that it does not bear out; what the journal says, and then it is recorded later.
    pub async fn observe_signed_deployment(
        &self,
        who: Holder,
        new: NewObservation,
        signed: SignedReport,
    ) -> Failure<DeploymentShown> {
        self.principal_may_change(&who.principal)?;
        let id = signed.key.clone();
        let attested = blocking(self.tracking()?, move |tracking| tracking.host_key_attested(&id)).await?;
        if !self.holds_record(attested.record, |entry| is_attested(entry, &attested))? {
            return Err(Refusal::plain(Code::HostKeyUnknown, "the journal does not say that the key was enrolled"));
        }
        self.attest(move |tracking| tracking.observe_signed(&who, new, signed)).await
    }
}
