//! How people decide, counted from the journal and kept counted as it grows.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use evidence::RecordKind;
use ledger::History;
use ledger::sync::Mutex;
use policy::BundleFiles;
use replay::Bundles;
use replay::oversight::Oversight;
pub use replay::oversight::{Benign, Figures, OfGroup, OfPerson, OfProfile, Report, Times};
use types::{Digest, Millis};

use crate::control::Control;
use crate::error::Failure;
use crate::export::policy_files;
use crate::rebuild::begun;

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
    bundles: Bundles,
    asked: BTreeSet<Digest>,
    /// The index of the first record that is not counted yet.
    next: u64,
}

impl Counted {
    fn begin(history: &History) -> Failure<Self> {
        let oversight = Oversight::of(begun(history)?);
        Ok(Self { oversight, bundles: Bundles::new(), asked: BTreeSet::new(), next: 0 })
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
        let mut kept = self.watched.counted.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let is_stale = self.watched.is_stale.swap(false, Ordering::SeqCst);
            let counted = match kept.take().filter(|_| !is_stale) {
                Some(counted) => counted,
                None => Counted::begin(&self.history)?,
            };
            let counted = counted.catch_up(&self.history)?;
            if !self.watched.is_stale.load(Ordering::SeqCst) {
                return Ok(kept.insert(counted).oversight.report(since));
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
