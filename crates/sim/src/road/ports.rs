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
    door: Mutex<Door>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Door {
    shut: bool,
    waiting: bool,
}

impl Clockwork {
    /// Shows the same time as others do, and holds up one sequencer alone.
    pub fn beside(time: &Arc<TestClock>) -> Self {
        Self { time: time.clone(), ..Self::default() }
    }

    /// Holds the sequencer at its next command, and says whether it was held already.
    pub fn shut(&self) -> bool {
        std::mem::replace(&mut self.door.lock().unwrap().shut, true)
    }

    /// Says whether the sequencer has taken a command and waits.
    pub fn holds_up(&self) -> bool {
        self.door.lock().unwrap().waiting
    }

    /// Lets the sequencer go on.
    pub fn open(&self) {
        *self.door.lock().unwrap() = Door::default();
        self.opened.notify_all();
    }
}

impl Clock for Clockwork {
    fn wall(&self) -> Millis {
        if std::thread::current().name() == Some("sequencer") {
            let mut door = self.door.lock().unwrap();
            while door.shut {
                door.waiting = true;
                door = self.opened.wait(door).unwrap();
            }
        }
        self.time.wall()
    }

    fn steady_ms(&self) -> i64 {
        self.time.steady_ms()
    }
}
