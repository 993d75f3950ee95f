//! The check of a file of data against what is expected of it, as it is recorded: counts and shares, and no value of the data.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Digest;

/// Is how many findings a check of data has at most.
pub const DATA_FINDINGS_MAX: usize = 4_000;

/// Is how many digits of a file's SHA-256 a run must have logged as the digest of a dataset, so that the two are taken for one.
pub const TYING_DIGITS: usize = 16;

/// Is how a file of data did against what is expected of it, as whoever checked it says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct DataChecked {
    /// The dataset's name.
    #[n(0)]
    pub dataset: String,
    /// The run that was to be trained on it.
    #[n(1)]
    pub run: Option<String>,
    /// The SHA-256 of the file's bytes.
    #[n(2)]
    pub digest: Digest,
    /// How many bytes it has.
    #[n(3)]
    pub bytes: u64,
    /// How many rows could be read.
    #[n(4)]
    pub rows: u64,
    /// The SHA-256 of the file that says what is expected.
    #[n(5)]
    pub expectations: Digest,
    /// Whether each finding passed.
    #[n(6)]
    pub passed: bool,
    /// What was looked at.
    #[n(7)]
    pub findings: Vec<DataFinding>,
    /// The instant that freshness was judged at, in milliseconds since the epoch.
    #[n(8)]
    pub as_of: i64,
    /// When it was told, in milliseconds since the epoch.
    #[n(9)]
    pub at: i64,
}

/// Is one thing that was looked at. It tells counts and shares, and no value of the data.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct DataFinding {
    /// What was looked at: `lines`, `rows`, `present`, `unknown-columns`, `type`, `nulls`, `range`, `allowed` or `freshness`.
    #[n(0)]
    pub check: String,
    /// The column, where one is meant.
    #[n(1)]
    pub column: Option<String>,
    /// Whether it is as expected.
    #[n(2)]
    pub passed: bool,
    /// How many lines, values or columns are not.
    #[n(3)]
    pub count: u64,
    /// The first line where one is not, counted from 1.
    #[n(4)]
    pub line: Option<u64>,
    /// What was found, where it is a number, a share or an instant.
    #[n(5)]
    pub found: Option<String>,
    /// What is expected.
    #[n(6)]
    pub demanded: String,
}

/// Says how a check of data and a dataset that a run logged belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// The digest that the run logged begins the SHA-256 of the file: these are the bytes.
    Digest,
    /// The check names the run and the dataset; that the bytes are the same is nobody's word but whoever checked.
    Name,
}

impl Tie {
    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Name => "name",
        }
    }
}

impl DataChecked {
    /// Returns what the file is found by among digests: the first digits of its SHA-256.
    pub fn prefix(&self) -> String {
        self.digest.to_string().chars().take(TYING_DIGITS).collect()
    }

    /// Says how this belongs to a dataset that a run logged; nothing, if it does not.
    ///
    /// - `run`, `name`, `digest`: the run, and the dataset's name and digest as the run logged them.
    pub fn tie(&self, run: &str, name: &str, digest: &str) -> Option<Tie> {
        let (own, logged) = (self.digest.to_string(), digest.to_ascii_lowercase());
        if logged.len() >= TYING_DIGITS && own.starts_with(&logged) {
            return Some(Tie::Digest);
        }
        (self.run.as_deref() == Some(run) && self.dataset == name).then_some(Tie::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_belongs_to_a_dataset_by_its_bytes_or_by_its_name_in_one_run() {
        let checked = DataChecked {
            dataset: "features".into(),
            run: Some("r".into()),
            digest: Digest([0xab; 32]),
            bytes: 1,
            rows: 1,
            expectations: Digest([0; 32]),
            passed: true,
            findings: Vec::new(),
            as_of: 0,
            at: 0,
        };
        assert_eq!(checked.prefix(), "ab".repeat(8));
        for (run, name, digest, expected) in [
            ("other", "other", "ab".repeat(32), Some(Tie::Digest)),
            ("other", "other", "AB".repeat(18), Some(Tie::Digest)),
            ("other", "other", "ab".repeat(8), Some(Tie::Digest)),
            ("other", "other", "ab".repeat(4), None),
            ("other", "other", format!("{}{}", "ab".repeat(18), "cd"), None),
            ("r", "features", "1f2e".into(), Some(Tie::Name)),
            ("r", "labels", "1f2e".into(), None),
            ("other", "features", "1f2e".into(), None),
            ("other", "features", String::new(), None),
        ] {
            assert_eq!(checked.tie(run, name, &digest), expected, "{run} {name} {digest}");
        }
        assert_eq!((Tie::Digest.name(), Tie::Name.name()), ("digest", "name"));
    }
}
