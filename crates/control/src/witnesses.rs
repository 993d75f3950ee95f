//! Witnesses: having the published log cosigned, and stopping when they know another journal than this one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::witness::Witnesses as Door;
use ledger::Folder;
use ledger::recover::LOG;
use ledger::witnessing::{Answered, Round, Step, Witnessing, WitnessingError, name};
use tlog::trust_policy::Witness;
use tokio::sync::{Notify, watch};
use types::Code;

use crate::control::{Config, Control};
use crate::door::Refusal;

/// Is how long the witnesses are left alone between two rounds.
const EVERY: Duration = Duration::from_secs(1);

/// Is how long they are left alone when not enough of them have answered.
const AGAIN: Duration = Duration::from_secs(10);

/// Is how long they are left alone whoever waits for them.
const HURRY: Duration = Duration::from_millis(50);

/// Is how often a witness is asked in one round: once more if it knows the log at another size.
const TRIES: u32 = 2;

/// Rests, but no longer than [`HURRY`] once somebody waits.
pub(crate) async fn pause(rest: Duration, hurry: &Notify) {
    let waited_for = async {
        tokio::time::sleep(HURRY).await;
        hurry.notified().await;
    };
    let _ = tokio::time::timeout(rest, waited_for).await;
}

/// Is how the witnesses stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Witnessed {
    /// How many witnesses can be reached at an address.
    pub witnesses: usize,
    /// How many records a quorum of them has cosigned.
    pub size: u64,
    /// Why a witness did not cosign in the last round, by its name.
    pub failures: BTreeMap<String, String>,
}

/// Speaks to the witnesses of this log.
pub(crate) struct Witnesses {
    door: Door,
    witnessing: tokio::sync::Mutex<Witnessing>,
    stand: watch::Sender<Witnessed>,
    /// Ends the rest between two rounds.
    hurry: Arc<Notify>,
}

impl Witnesses {
    /// Prepares for the witnesses that the configuration names; `None` if it names none.
    ///
    /// # Errors
    ///
    /// `internal` if there is no way to speak to them.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, Refusal> {
        let Some(policy) = config.witnesses.clone() else { return Ok(None) };
        let folder = Folder::at(config.place.data.join(LOG));
        let witnessing = Witnessing::new(folder, config.place.keys.log.clone(), policy);
        let door = Door::new().map_err(|why| Refusal::plain(Code::Internal, why))?;
        let stand = Witnessed { witnesses: witnessing.reachable().len(), ..Witnessed::default() };
        Ok(Some(Self {
            door,
            witnessing: tokio::sync::Mutex::new(witnessing),
            stand: watch::Sender::new(stand),
            hurry: Arc::default(),
        }))
    }

    /// Brings the latest checkpoint before every witness; says whether a quorum has cosigned all there is.
    ///
    /// # Errors
    ///
    /// [`WitnessingError`] that is fatal, or about our own files; what a single witness refuses is only noted.
    pub(crate) async fn round(&self) -> Result<bool, WitnessingError> {
        let mut witnessing = self.witnessing.lock().await;
        let begun = witnessing.begin()?;
        self.bring(&mut witnessing, begun).await
    }

    /// Makes a round as [`Witnesses::round`] does, whatever the files say of how far the witnesses are.
    ///
    /// # Errors
    ///
    /// As for [`Witnesses::round`].
    pub(crate) async fn round_anyway(&self) -> Result<bool, WitnessingError> {
        let mut witnessing = self.witnessing.lock().await;
        let begun = witnessing.begin_anyway()?;
        self.bring(&mut witnessing, begun).await
    }

    async fn bring(&self, witnessing: &mut Witnessing, begun: Option<Round>) -> Result<bool, WitnessingError> {
        let Some(mut round) = begun else {
            self.note(witnessing.witnessed()?, BTreeMap::new());
            return Ok(true);
        };
        let mut failures = BTreeMap::new();
        for (witness, url) in witnessing.reachable() {
            if let Err(error) = self.ask(witnessing, &mut round, &witness, &url).await {
                if error.is_fatal() {
                    return Err(error);
                }
                failures.insert(name(&witness), error.to_string());
            }
        }
        let wanted = round.size();
        let size = witnessing.finish(round)?;
        self.note(size, failures);
        Ok(size >= wanted)
    }

    async fn ask(
        &self,
        witnessing: &mut Witnessing,
        round: &mut Round,
        witness: &Witness,
        url: &str,
    ) -> Result<(), WitnessingError> {
        let refused = |why: &str| WitnessingError::Refused { witness: name(witness), why: why.to_owned() };
        for _ in 0..TRIES {
            let request = witnessing.request(round, witness)?.to_string();
            let sent = self.door.add_checkpoint(url, request).await;
            let (status, body) = sent.map_err(|why| refused(&why))?;
            if witnessing.take(round, witness, &Answered { status, body })? == Step::Cosigned {
                return Ok(());
            }
        }
        Err(refused("it knows the log at another size each time"))
    }

    fn note(&self, size: u64, failures: BTreeMap<String, String>) {
        self.stand.send_modify(|stand| {
            stand.size = size;
            stand.failures = failures;
        });
    }

    pub(crate) fn stand(&self) -> Witnessed {
        self.stand.borrow().clone()
    }

    /// Waits until a quorum has cosigned so many records.
    pub(crate) async fn cosigned(&self, size: u64) {
        self.hurry.notify_one();
        // The sender lives as long as this does, so the wait ends by the size alone.
        let _ = self.stand.subscribe().wait_for(|stand| stand.size >= size).await;
    }
}

impl Control {
    /// Says how the witnesses stand; `None` if there are none.
    pub fn witnessed(&self) -> Option<Witnessed> {
        self.witnesses.as_ref().map(Witnesses::stand)
    }

    /// Asks the witnesses before anything is served: a journal that they know to be longer, or another one, is refused.
    ///
    /// A witness that does not answer holds nothing up; what it has seen is found out as soon as it does.
    ///
    /// # Errors
    ///
    /// `journal-behind` or `journal-mismatch`.
    pub(crate) async fn meet_witnesses(self: &Arc<Self>) -> Result<(), Refusal> {
        let Some(witnesses) = &self.witnesses else { return Ok(()) };
        let this = self.clone();
        let published = tokio::task::spawn_blocking(move || this.publish()).await;
        if let Ok(Err(error)) = published {
            return Err(Refusal::plain(error.code(), error.to_string()));
        }
        match witnesses.round_anyway().await {
            Err(error) if error.is_fatal() => Err(Refusal::plain(error.code(), error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "the witnesses were not asked");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    pub(crate) fn spawn_witnesses(self: &Arc<Self>) {
        if self.witnesses.is_none() {
            return;
        }
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let Some(strong) = this.upgrade() else { return };
                let Some(rest) = strong.witness_round().await else { return };
                let hurry = strong.witnesses.as_ref().map(|witnesses| witnesses.hurry.clone()).unwrap_or_default();
                drop(strong);
                pause(rest, &hurry).await;
            }
        });
    }

    /// Makes a round and says how long to rest; `None` if the journal was stopped over it.
    async fn witness_round(&self) -> Option<Duration> {
        match self.witnesses.as_ref()?.round().await {
            Ok(true) => Some(EVERY),
            Ok(false) => Some(AGAIN),
            Err(error) if error.is_fatal() => {
                tracing::error!(%error, code = %error.code(), "the journal is stopped");
                self.ledger.halt(&error.to_string());
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the witnesses were not asked");
                Some(AGAIN)
            }
        }
    }
}
