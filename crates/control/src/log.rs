//! How the live log stands: who signs it, how far it is published, cosigned and dated.

use ledger::Standing;
use ledger::standing;

use crate::control::Control;
use crate::error::Failure;
use crate::timestamps::Dated;
use crate::witnesses::Witnessed;

/// Is how the live log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStanding {
    /// Its name, as its checkpoints have it.
    pub origin: String,
    /// The verifier keys of those that sign it, the oldest first.
    pub keys: Vec<String>,
    /// How many records the journal holds.
    pub size: u64,
    /// Its keys may be in other hands, so nothing more is recorded.
    pub frozen: bool,
    /// The witnesses' verifier keys; none if nobody cosigns it.
    pub witnesses: Vec<String>,
    /// How the witnesses stand; none if there are none.
    pub witnessed: Option<Witnessed>,
    /// How its time-stamps stand; none if no authority is named.
    pub dated: Option<Dated>,
}

impl Control {
    /// Says how the live log stands.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn log_standing(&self) -> Failure<LogStanding> {
        let stored = self.history.state_value(standing::KIND, standing::KEY)?;
        let stored = stored.and_then(|bytes| types::cbor::decode::<Standing>(&bytes).ok());
        let standing = stored.unwrap_or_else(|| Standing::first(&self.config.place.keys.log.verifier()));
        let policy = self.config.witnesses.as_ref();
        let keys = policy.map(|policy| policy.witnesses().iter().map(|witness| witness.key.to_string()).collect());
        Ok(LogStanding {
            origin: standing.origin().to_owned(),
            keys: standing.signers,
            size: self.size(),
            frozen: standing.frozen,
            witnesses: keys.unwrap_or_default(),
            witnessed: self.witnessed(),
            dated: self.dated(),
        })
    }
}
