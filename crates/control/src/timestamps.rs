//! Time-stamps: having an authority date the published log, now and then, beside everything else.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use connectors::timestamp::Authority;
use evidence::timestamp::Authorities;
use ledger::port::draw;
use ledger::recover::LOG;
use ledger::stamping::{Stamped, Stamping, StampingError};
use ledger::{Clock, Folder, Random};
use types::Code;

use crate::control::{Config, Control};
use crate::door::Refusal;

/// Is how long the published files are left alone before they are looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// Is how long an authority is left alone that could not be had.
const AGAIN: Duration = Duration::from_secs(60);

/// Says who dates the log, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampConfig {
    /// The authorities whose word is kept.
    pub authorities: Authorities,
    /// Where one of them answers; without an address, requests and answers pass as files alone.
    pub url: Option<String>,
    /// The least time between two time-stamps, in milliseconds.
    pub every_ms: i64,
}

/// Is how the time-stamps stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dated {
    /// How many records the last one covers.
    pub size: u64,
    /// When that was and who says so, for people.
    pub by: Option<String>,
    /// Why the last try came to nothing.
    pub failure: Option<String>,
}

/// Speaks to the authority of this log.
pub(crate) struct Timestamps {
    door: Option<Authority>,
    stamping: Stamping,
    every_ms: i64,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    stand: RwLock<Dated>,
    last: Mutex<Option<Stamped>>,
    asking: tokio::sync::Mutex<()>,
}

impl Timestamps {
    /// Prepares for the authority that the configuration names; `None` if it names none.
    ///
    /// # Errors
    ///
    /// `usage-invalid` if its address is none.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, Refusal> {
        let Some(own) = config.timestamps.clone() else { return Ok(None) };
        let door = own.url.as_deref().map(Authority::at).transpose();
        let door = door.map_err(|why| Refusal::plain(Code::UsageInvalid, why))?;
        let place = &config.place;
        let folder = Folder::at(place.data.join(LOG));
        let stamping = Stamping::new(folder, place.keys.log.clone(), config.witnesses.clone(), own.authorities);
        Ok(Some(Self {
            door,
            stamping,
            every_ms: own.every_ms,
            clock: place.clock.clone(),
            random: place.random.clone(),
            stand: RwLock::default(),
            last: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
        }))
    }

    /// Has the latest checkpoint stamped if it is time and there is something new in it; says whether all is well.
    async fn round(&self) -> bool {
        let due = self.last().is_none_or(|last| self.is_due(&last));
        !due || self.now().await
    }

    /// Returns the last time-stamp, verified again once the files name another.
    fn last(&self) -> Option<Stamped> {
        let named = self.stamping.named().unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().map_or(0, |last| last.size) != named {
            *last = self.stamping.last().ok().flatten();
            self.note(last.as_ref());
        }
        last.clone()
    }

    /// Has the latest checkpoint stamped whether or not it is time; says whether all is well.
    pub(crate) async fn now(&self) -> bool {
        let _asking = self.asking.lock().await;
        match self.stamp().await {
            Ok(stamped) => {
                // With nothing new to stamp, what failed before has still failed.
                if stamped.is_some() {
                    self.last();
                    self.fail(None);
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the log was not time-stamped");
                self.fail(Some(error.to_string()));
                false
            }
        }
    }

    async fn stamp(&self) -> Result<Option<Stamped>, StampingError> {
        let Some(door) = &self.door else { return Ok(None) };
        let Some(asked) = self.stamping.begin(draw(self.random.as_ref()))? else { return Ok(None) };
        let answer = door.ask(asked.request()).await.map_err(StampingError::Unreachable)?;
        self.stamping.take(&asked, &answer, self.clock.wall()).map(Some)
    }

    /// Says whether so much time has passed since a time-stamp, or the clock was set back behind it.
    fn is_due(&self, last: &Stamped) -> bool {
        let passed = self.clock.wall().since(last.stamp.at());
        passed >= self.every_ms || passed < -self.every_ms
    }

    fn note(&self, last: Option<&Stamped>) {
        let Some(Stamped { size, stamp }) = last else { return };
        let mut stand = self.stand.write().unwrap_or_else(PoisonError::into_inner);
        stand.size = *size;
        stand.by = Some(format!("{} by {}", stamp.time(), stamp.by()));
    }

    fn fail(&self, why: Option<String>) {
        self.stand.write().unwrap_or_else(PoisonError::into_inner).failure = why;
    }

    fn stand(&self) -> Dated {
        self.stand.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Control {
    /// Says how the time-stamps stand; `None` if no authority is named.
    pub fn dated(&self) -> Option<Dated> {
        self.timestamps.as_ref().map(Timestamps::stand)
    }

    pub(crate) fn spawn_timestamps(self: &Arc<Self>) {
        if self.timestamps.is_none() {
            return;
        }
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let Some(strong) = this.upgrade() else { return };
                let Some(timestamps) = &strong.timestamps else { return };
                let rest = if timestamps.round().await { LOOK } else { AGAIN };
                drop(strong);
                tokio::time::sleep(rest).await;
            }
        });
    }
}
