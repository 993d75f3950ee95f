//! The live log: published while records come in, and how it stands: who signs it, how far it is published, cosigned and dated.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ledger::Standing;
use ledger::publish::PublishError;
use ledger::standing;

use crate::control::Control;
use crate::error::Failure;
use crate::timestamps::Dated;
use crate::witnesses::{Witnessed, pause};

/// Is how long the publisher rests after it has brought the files up to date.
const PUBLISH_EVERY: Duration = Duration::from_millis(500);

/// Is how long it rests after it could not.
const PUBLISH_AGAIN: Duration = Duration::from_secs(2);

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

    pub(crate) fn spawn_publisher(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        let (mut size, hurry) = (self.ledger.watch(), self.hurry.clone());
        tokio::spawn(async move {
            loop {
                let Some(strong) = this.upgrade() else { return };
                let published = tokio::task::spawn_blocking(move || strong.publish()).await;
                if let Ok(Err(error)) = published {
                    tracing::error!(%error, code = %error.code(), "the log's files are not up to date");
                    if matches!(error, PublishError::Mismatch(_)) {
                        return;
                    }
                    tokio::time::sleep(PUBLISH_AGAIN).await;
                    continue;
                }
                pause(PUBLISH_EVERY, &hurry).await;
                if size.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Brings the published files up to the journal's end and returns how many records they hold.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as described there; after [`PublishError::Mismatch`] every later call fails with it too.
    pub fn publish(&self) -> Result<u64, PublishError> {
        let published = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).publish();
        if let Err(PublishError::Mismatch(why)) = &published {
            self.mismatch.get_or_init(|| why.clone());
        }
        if let Ok(size) = &published {
            self.published.send_replace(*size);
        }
        published
    }
}
