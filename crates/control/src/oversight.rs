//! How people decide and what authority is used, counted from the journal and kept counted as it grows.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use evidence::RecordKind;
use ledger::History;
use ledger::sync::Mutex;
use policy::BundleFiles;
use replay::Bundles;
use replay::oversight::Oversight;
pub use replay::oversight::{Benign, DecoyFigures, Figures, OfGroup, OfPerson, OfProfile, OfReviewer, Report, Times};
pub use replay::review::{Concern, ConcernKind};
use replay::review::{Held, Review};
use types::{Digest, Millis};

use crate::control::Control;
use crate::error::Failure;
use crate::export::policy_files;
use crate::rebuild::begun;

/// Is a day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Is what a review of authority found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// When the period begins.
    pub since: Millis,
    /// When it ends.
    pub now: Millis,
    /// The active bundle.
    pub bundle: Digest,
    /// The bundle that was active when the period began; absent where the journal is younger, and then no policy, profile, person
    /// or group can be judged.
    pub before: Option<Digest>,
    /// What should be looked at, in order of kind and name.
    pub concerns: Vec<Concern>,
}

/// Is how many records are read at a time.
const AT_ONCE: u64 = 1_000;

/// Is what was counted so far; nothing before anybody has asked.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    counted: Mutex<Option<Counted>>,
    /// Records that it rests on were erased.
    is_stale: AtomicBool,
}

#[derive(Debug)]
struct Counted {
    oversight: Oversight,
    review: Review,
    bundles: Bundles,
    asked: BTreeSet<Digest>,
    /// The index of the first record that is not counted yet.
    next: u64,
}

impl Counted {
    fn begin(history: &History) -> Failure<Self> {
        let oversight = Oversight::of(begun(history)?);
        Ok(Self { oversight, review: Review::default(), bundles: Bundles::new(), asked: BTreeSet::new(), next: 0 })
    }

    /// Counts on to the end. What was counted of records that an erasure has emptied since is forgotten, by beginning again.
    fn catch_up(mut self, history: &History) -> Failure<Self> {
        let end = history.size()?;
        let mut is_fresh = self.next == 0;
        while self.next < end {
            let entries = history.range(self.next, end.min(self.next + AT_ONCE))?;
            let erases = entries.iter().any(|entry| entry.leaf.kind == RecordKind::Erasure);
            if erases && !is_fresh {
                (self, is_fresh) = (Self::begin(history)?, true);
                continue;
            }
            for entry in &entries {
                if let Some(digest) = entry.leaf.bundle {
                    self.fetch(history, digest)?;
                }
                self.oversight.take(entry.index, &entry.leaf, entry.content.as_ref(), &self.bundles);
                self.review.take(&entry.leaf, entry.content.as_ref(), &self.bundles);
                self.next = entry.index + 1;
            }
        }
        Ok(self)
    }

    fn fetch(&mut self, history: &History, digest: Digest) -> Failure<()> {
        if self.asked.insert(digest)
            && let Some(files) = policy_files(history, &digest)?
        {
            self.bundles.add(BundleFiles(files));
        }
        Ok(())
    }
}

impl Control {
    /// Returns how people have decided since an instant, by the records of the live journal.
    ///
    /// The first call reads the whole journal, each later one what has been recorded since. It blocks, and one call waits for
    /// another.
    ///
    /// - `since`: as for [`Oversight::report`].
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn oversight(&self, since: Option<Millis>) -> Failure<Report> {
        self.counted(|counted| Ok(counted.oversight.report(since)))
    }

    /// Lists the authority that was not used in a period that ends now, or has grown in it, by the records of the live journal.
    ///
    /// It blocks as [`Control::oversight`] does.
    ///
    /// - `days`: how long the period is.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn review(&self, days: u32) -> Failure<Reviewed> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let since = now.plus(i64::from(days).saturating_mul(-DAY_MS));
        self.counted(|counted| {
            let before = counted.review.active_at(since);
            let held = Held {
                bundle: &snapshot.bundle,
                before: before.and_then(|digest| counted.bundles.get(&digest).ok()),
                grants: &snapshot.grants,
                delegations: &snapshot.delegations,
            };
            let concerns = counted.review.concerns(since, now, &held);
            Ok(Reviewed { since, now, bundle: snapshot.bundle.digest(), before, concerns })
        })
    }

    /// Counts on to the end, and tells something of it.
    fn counted<T>(&self, tell: impl Fn(&Counted) -> Failure<T>) -> Failure<T> {
        let mut kept = self.watched.counted.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let is_stale = self.watched.is_stale.swap(false, Ordering::SeqCst);
            let counted = match kept.take().filter(|_| !is_stale) {
                Some(counted) => counted,
                None => Counted::begin(&self.history)?,
            };
            let counted = counted.catch_up(&self.history)?;
            if !self.watched.is_stale.load(Ordering::SeqCst) {
                return tell(kept.insert(counted));
            }
        }
    }

    /// Forgets what was counted, since records it rests on are gone. Whoever is counting begins again; nobody waits for them.
    pub(crate) fn forget_oversight(&self) {
        self.watched.is_stale.store(true, Ordering::SeqCst);
        if let Ok(mut kept) = self.watched.counted.try_lock() {
            *kept = None;
        }
    }
}
