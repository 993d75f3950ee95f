//! The swapped clock: it stands until it is told to move, and can hold the sequencer up.

use std::sync::{Arc, Condvar, Mutex};

use ledger::Clock;
use testkit::TestClock;
use types::Millis;

/// Is the clock of a run.
///
/// The sequencer reads it once for each command that it takes. While the clock is shut, the sequencer waits there, so that
/// several commands come to wait behind each other in an order that the seed determines.
#[derive(Debug, Default)]
pub struct Clockwork {
    /// The time.
    pub time: Arc<TestClock>,
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Clockwork {
    /// Shows the same time as others do, and holds up one sequencer alone.
    pub fn beside(time: &Arc<TestClock>) -> Self {
        Self { time: time.clone(), ..Self::default() }
    }

    /// Holds the sequencer at its next command, and says whether it was held already.
    pub fn shut(&self) -> bool {
        std::mem::replace(&mut *self.shut.lock().unwrap(), true)
    }

    /// Lets the sequencer go on.
    pub fn open(&self) {
        *self.shut.lock().unwrap() = false;
        self.opened.notify_all();
    }
}

impl Clock for Clockwork {
    fn wall(&self) -> Millis {
        if std::thread::current().name() == Some("sequencer") {
            drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
        }
        self.time.wall()
    }

    fn steady_ms(&self) -> i64 {
        self.time.steady_ms()
    }
}
