//! Where the server is, for callers that come back after every kill.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Is where one run of the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which run it is, from 1 on.
    pub run: u64,
    /// Its address.
    pub address: SocketAddr,
}

/// Says where the server is, which run is killed, and when callers are to end.
#[derive(Debug)]
pub struct Door {
    place: watch::Sender<Option<Place>>,
    doomed: AtomicU64,
    closing: watch::Sender<bool>,
}

impl Default for Door {
    fn default() -> Self {
        Self { place: watch::channel(None).0, doomed: AtomicU64::new(0), closing: watch::channel(false).0 }
    }
}

impl Door {
    /// Lets the callers in.
    pub fn open(&self, place: Place) {
        self.place.send_replace(Some(place));
    }

    /// Writes down that a run is about to be killed, before it is, and sends nobody there any more.
    pub fn doom(&self, run: u64) {
        self.doomed.store(run, Ordering::SeqCst);
        self.place.send_replace(None);
    }

    /// Says whether a run was killed.
    pub fn is_doomed(&self, run: u64) -> bool {
        self.doomed.load(Ordering::SeqCst) >= run
    }

    /// Tells the callers to end with what they are doing.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Says whether callers are to begin nothing new.
    pub fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits for a run later than `run`; `None` once callers are to end.
    pub async fn after(&self, run: u64) -> Option<Place> {
        let mut places = self.place.subscribe();
        let mut closing = self.closing.subscribe();
        let later = |place: &Option<Place>| place.is_some_and(|place| place.run > run);
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => None,
            found = places.wait_for(later) => found.ok().and_then(|place| *place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_is_sent_to_a_run_that_was_killed() {
        let door = Door::default();
        let place = |run| Place { run, address: SocketAddr::from(([127, 0, 0, 1], 9)) };
        door.open(place(1));
        assert_eq!(door.after(0).await, Some(place(1)));
        door.doom(1);
        assert!(door.is_doomed(1) && !door.is_doomed(2));
        tokio::select! {
            biased;
            found = door.after(0) => panic!("sent to {found:?}"),
            () = std::future::ready(()) => {}
        }
        door.open(place(2));
        assert_eq!(door.after(1).await, Some(place(2)));
        door.close();
        assert_eq!(door.after(0).await, None);
    }
}
