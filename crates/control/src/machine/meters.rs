//! The counters of all principals, stored so that a restart refills nothing.

use std::collections::BTreeMap;

use ledger::{StateSource, Turn};
use minicbor::{Decode, Encode};
use stages::limits::{Bucket, Meter, Spend};
use types::{LimitId, Millis, Principal};

use crate::state::kind;

/// Is one principal's counters as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    buckets: Vec<(LimitId, i64, i64, Millis)>,
    #[n(1)]
    spends: Vec<(LimitId, Millis, i64)>,
}

/// Holds the counters by principal.
#[derive(Debug, Default)]
pub(super) struct Meters(BTreeMap<String, Meter>);

impl Meters {
    pub(super) fn load(source: &dyn StateSource) -> Result<Self, String> {
        let rows = super::read::<Stored>(source, kind::METER)?;
        Ok(Self(rows.into_iter().map(|(key, stored)| (key, restore(stored))).collect()))
    }

    pub(super) fn of(&self, principal: &Principal) -> Meter {
        self.0.get(&principal.subject()).cloned().unwrap_or_default()
    }

    pub(super) fn put(&mut self, principal: &Principal, meter: Meter, turn: &mut Turn<'_>) {
        let key = principal.subject();
        turn.put(kind::METER, key.clone(), &store(&meter));
        self.0.insert(key, meter);
    }

    /// Forgets what a principal has used.
    pub(super) fn remove(&mut self, principal: &Principal, turn: &mut Turn<'_>) {
        let key = principal.subject();
        if self.0.remove(&key).is_some() {
            turn.delete(kind::METER, key);
        }
    }
}

fn store(meter: &Meter) -> Stored {
    Stored {
        buckets: meter.buckets.iter().map(|(id, b)| (id.clone(), b.parts, b.parts_per_token, b.at)).collect(),
        spends: meter.spends.iter().map(|(id, s)| (id.clone(), s.from, s.spent)).collect(),
    }
}

fn restore(stored: Stored) -> Meter {
    let bucket = |(id, parts, parts_per_token, at)| (id, Bucket { parts, parts_per_token, at });
    Meter {
        buckets: stored.buckets.into_iter().map(bucket).collect(),
        spends: stored.spends.into_iter().map(|(id, from, spent)| (id, Spend { from, spent })).collect(),
    }
}
