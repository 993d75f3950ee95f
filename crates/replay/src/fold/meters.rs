//! The counters of all principals, stored so that a restart refills nothing.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use stages::limits::{Bucket, Meter, Spend};
use types::{LimitId, Millis, Principal};

use super::ops::Ops;
use super::source::{Rows, read};
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
#[derive(Debug, Clone, Default)]
pub struct Meters(BTreeMap<String, Meter>);

impl Meters {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let stored = read::<Stored>(rows, kind::METER)?;
        Ok(Self(stored.into_iter().map(|(key, stored)| (key, restore(stored))).collect()))
    }

    /// Returns what a principal has used.
    pub fn of(&self, principal: &Principal) -> Meter {
        self.0.get(&principal.subject()).cloned().unwrap_or_default()
    }

    /// Returns whoever has used anything, with what that is in canonical bytes.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, Vec<u8>)> {
        self.0.iter().map(|(who, meter)| (who, types::cbor::encode(&store(meter))))
    }

    /// Sets what a principal has used as it is stored.
    pub(super) fn set(&mut self, principal: &Principal, stored: &[u8], ops: &mut Ops) -> Option<()> {
        let meter = restore(types::cbor::decode(stored).ok()?);
        self.put(principal, meter, ops);
        Some(())
    }

    pub(super) fn put(&mut self, principal: &Principal, meter: Meter, ops: &mut Ops) {
        let key = principal.subject();
        ops.put(kind::METER, key.clone(), &store(&meter));
        self.0.insert(key, meter);
    }

    /// Forgets what a principal has used.
    pub(super) fn remove(&mut self, principal: &Principal, ops: &mut Ops) {
        let key = principal.subject();
        if self.0.remove(&key).is_some() {
            ops.delete(kind::METER, key);
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
