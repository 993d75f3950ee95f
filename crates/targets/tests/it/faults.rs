//! Steps that fail: one of them, or everything from it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use targets::fault::Fault;

/// Is how a step fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum How {
    /// Once, without happening.
    Failed,
    /// Once, having happened.
    Persisted,
    /// With everything after it: the process is gone.
    Dead,
}

/// Fails one step, counted from when it is armed.
#[derive(Debug)]
pub struct At {
    at: usize,
    how: How,
    seen: AtomicUsize,
}

const UNARMED: usize = usize::MAX / 2;

impl At {
    pub fn new(at: usize, how: How) -> Arc<Self> {
        Arc::new(Self { at, how, seen: AtomicUsize::new(UNARMED) })
    }

    pub fn arm(&self) {
        self.seen.store(0, Ordering::SeqCst);
    }

    pub fn steps(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Fault for At {
    fn before(&self, _: &str) -> std::io::Result<()> {
        let now = self.seen.fetch_add(1, Ordering::SeqCst);
        let dead = self.how == How::Dead && now >= self.at && now < UNARMED;
        let failed = self.how == How::Failed && now == self.at;
        if dead || failed { Err(std::io::Error::other("it fails")) } else { Ok(()) }
    }

    fn after(&self, _: &str) -> std::io::Result<()> {
        let persisted = self.how == How::Persisted && self.seen.load(Ordering::SeqCst) == self.at + 1;
        if persisted { Err(std::io::Error::other("it seems to fail")) } else { Ok(()) }
    }
}
