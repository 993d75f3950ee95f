//! The sessions' last places, remembered so that the next record of a session need not look for them.

use std::collections::BTreeMap;

use types::{Digest, SessionId};

/// Is how many sessions are remembered at the end of a batch; beyond it the idle ones are forgotten.
const SESSIONS_MAX: usize = 10_000;

/// Remembers the number and the hash of the last record of each session that was written to lately.
///
/// What is forgotten is read again from the journal, which shows durable rows only; so nothing is forgotten that the
/// batch which ends has touched.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    last: BTreeMap<SessionId, Last>,
    /// The batch that grows.
    batch: u64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    place: (u64, Digest),
    batch: u64,
}

impl Sessions {
    /// Returns the last place of a session, if it is remembered.
    pub(crate) fn last(&self, session: &SessionId) -> Option<(u64, Digest)> {
        self.last.get(session).map(|last| last.place)
    }

    /// Remembers the last place of a session, given by the batch that grows.
    pub(crate) fn put(&mut self, session: SessionId, place: (u64, Digest)) {
        self.last.insert(session, Last { place, batch: self.batch });
    }

    /// Forgets sessions if there are too many, and begins the next batch. Every batch before the one that ends MUST be
    /// durable.
    pub(crate) fn end_batch(&mut self) {
        if self.last.len() > SESSIONS_MAX {
            let ending = self.batch;
            self.last.retain(|_, last| last.batch == ending);
        }
        self.batch += 1;
    }

    /// Forgets everything, as after a batch that failed.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use types::Millis;

    use super::*;

    fn session(n: usize) -> SessionId {
        SessionId::draw(Millis(i64::try_from(n).unwrap_or_default()), [7; 10])
    }

    #[test]
    fn idle_sessions_are_forgotten_and_those_of_the_batch_are_not() {
        let place = (3, Digest([1; 32]));
        let mut sessions = Sessions::default();
        for n in 0..SESSIONS_MAX {
            sessions.put(session(n), place);
        }
        sessions.end_batch();
        assert_eq!(sessions.last.len(), SESSIONS_MAX, "so many are remembered");
        sessions.put(session(0), place);
        sessions.put(session(SESSIONS_MAX), place);
        sessions.end_batch();
        assert_eq!(sessions.last.len(), 2);
        assert_eq!(sessions.last(&session(0)), Some(place));
        assert_eq!(sessions.last(&session(SESSIONS_MAX)), Some(place));
        assert_eq!(sessions.last(&session(1)), None);
    }
}
