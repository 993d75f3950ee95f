//! What a bundle declares of retention.

use serde::{Deserialize, Serialize};

/// Is `retention.toml`: when a closed log may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How many days a log is kept after its last record.
    pub minimum_days: u32,
    /// Whether somebody must have recorded an archive first. They must by default.
    #[serde(default = "yes")]
    pub archive_required: bool,
    /// Whether an archive counts that has none of the contents. It does not by default.
    #[serde(default)]
    pub archive_without_contents: bool,
    /// Whether nothing may be deleted, however old it is: a legal hold.
    #[serde(default)]
    pub hold: bool,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_the_strict_one() {
        let declared: Retention = serde_json::from_str(r#"{"minimum_days": 30}"#).unwrap();
        let strict =
            Retention { minimum_days: 30, archive_required: true, archive_without_contents: false, hold: false };
        assert_eq!(declared, strict);
        assert!(serde_json::from_str::<Retention>("{}").is_err(), "nobody has said for how long");
        assert!(serde_json::from_str::<Retention>(r#"{"minimum_days": 1, "more": 1}"#).is_err());
    }
}
