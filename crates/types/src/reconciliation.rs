//! What a system says that changed it, held against what the journal says that was done.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Millis, ServerName};

/// Is how many bypasses of a system are kept, the latest; every one is recorded.
pub const KEPT_MAX: usize = 100;

/// Says how a system and the journal differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The system was changed without any key: around the road.
    #[n(0)]
    Around,
    /// The system was changed under a key that no action of the journal has.
    #[n(1)]
    UnknownKey,
    /// The journal says that an action was done, and the system has nothing of it.
    #[n(2)]
    Missing,
    /// The system no longer lists what it listed before: it was restored, or its list was cut.
    #[n(3)]
    Rewound,
}

impl Gap {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Around => "around",
            Self::UnknownKey => "unknown-key",
            Self::Missing => "missing",
            Self::Rewound => "rewound",
        }
    }
}

/// Is one effect without a record, or one record without an effect.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Bypass {
    /// How they differ.
    #[n(0)]
    pub gap: Gap,
    /// Its place in the system's list.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// When, as the system says it.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who, as far as the system knows: the credential, the program.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was changed, such as tables or files.
    #[n(4)]
    pub what: Vec<String>,
    /// The key, or the action that has no effect.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Is what was found when a system was held against the journal, and how far both were read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Reconciliation {
    /// The server through which the system is reached.
    #[n(0)]
    pub server: ServerName,
    /// The last change of the system that was compared.
    #[n(1)]
    pub to: i64,
    /// The first record of the journal that was not.
    #[n(2)]
    pub journal: u64,
    /// How many changes and records were compared.
    #[n(3)]
    pub compared: u64,
    /// What was found.
    #[n(4)]
    pub found: Vec<Bypass>,
    /// When, in the journal's time.
    #[n(5)]
    pub at: Millis,
}

impl Reconciliation {
    /// Takes up what was kept before: what was found then stays, the latest as far as they are kept.
    pub fn after(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.found = before.found.iter().cloned().chain(self.found).collect();
        }
        let over = self.found.len().saturating_sub(KEPT_MAX);
        self.found.drain(..over);
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn of(numbers: std::ops::Range<i64>) -> Reconciliation {
        let bypass = |number| Bypass {
            gap: Gap::Around,
            number: Some(number),
            at: None,
            by: Some("psql".into()),
            what: vec!["orders".into()],
            key: None,
        };
        let server = ServerName::new("orders").unwrap();
        let (to, found) = (numbers.end, numbers.map(bypass).collect());
        Reconciliation { server, to, journal: 1, compared: 2, found, at: Millis(1) }
    }

    #[test]
    fn the_latest_are_kept() {
        let first = of(0..60).after(None);
        let both = of(60..130).after(Some(&first));
        let numbers: Vec<_> = both.found.iter().filter_map(|one| one.number).collect();
        assert_eq!((numbers.len(), numbers[0], numbers[99], both.to), (100, 30, 129, 130));
        assert_eq!(crate::cbor::decode::<Reconciliation>(&crate::cbor::encode(&both)).ok(), Some(both));
    }
}
