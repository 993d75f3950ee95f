//! Drills: a kill that is set on purpose, measured, recorded, and lifted again.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{DrillId, PersonId, Target};

/// Is the status of the record of a switch that tells how a drill went; 0 is a switch that was lifted, 1 one that was set.
pub const TOLD: u8 = 2;

/// Is how one drill went, told while its switch was still set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Drill {
    /// Its identity, which its switch carries too.
    #[n(0)]
    pub id: DrillId,
    /// What was stopped.
    #[n(1)]
    pub target: Target,
    /// Who drilled.
    #[n(2)]
    pub by: PersonId,
    /// The index of the record that set its switch.
    #[n(3)]
    pub set_in: u64,
    /// How long it took from the request until nothing new left and that was recorded, in microseconds.
    #[n(4)]
    pub armed_us: u64,
    /// How long it took from the request until nothing was in flight, in microseconds; absent if that did not come about in time.
    #[n(5)]
    pub drained_us: Option<u64>,
    /// How many actions were in flight when it was armed.
    #[n(6)]
    pub in_flight: u64,
    /// For how long dispatches were watched after it was armed, in microseconds.
    #[n(7)]
    pub watched_us: u64,
    /// How many actions left in that time; any is a fault.
    #[n(8)]
    pub left: u64,
}

impl Drill {
    /// Says whether the kill did what a kill promises: nothing left after it was armed, and it drained in time.
    pub fn passed(&self) -> bool {
        self.left == 0 && self.drained_us.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgentId, Millis, cbor};

    #[test]
    fn a_drill_passes_only_if_nothing_left_and_it_drained() {
        let drill = Drill {
            id: DrillId::draw(Millis(1), [1; 10]),
            target: Target::Agent(AgentId::new("a").unwrap()),
            by: PersonId::new("ana").unwrap(),
            set_in: 7,
            armed_us: 900,
            drained_us: Some(1_200),
            in_flight: 3,
            watched_us: 5_000,
            left: 0,
        };
        assert!(drill.passed());
        assert!(!Drill { left: 1, ..drill.clone() }.passed());
        assert!(!Drill { drained_us: None, ..drill.clone() }.passed());
        assert_eq!(cbor::decode::<Drill>(&cbor::encode(&drill)), Ok(drill));
    }
}
