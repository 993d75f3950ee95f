//! Verifying a bundle: what the signatures prove, and apart from that, whether the claims hold.
//!
//! A green signature is not a green verdict, so the two are told separately; and what is missing is
//! never counted as passed.

use std::collections::BTreeMap;

use serde::Serialize;
use tlog::checkpoint::Checkpoint;

use crate::about::About;
use crate::archive::{Archive, ArchivedRecord};
use crate::claims::{self, Read};
use crate::commit;
use crate::content::Field;
use crate::custody::{self, Custody};
use crate::leaf::Leaf;
use crate::trust::Trust;

/// Says how a single statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was recomputed and is so.
    Holds,
    /// It was recomputed and is not so.
    Broken,
    /// The values it needs were withheld by the exporter.
    Withheld,
    /// The values it needs were erased, as the bundle says.
    Erased,
    /// What it needs is not here.
    Missing,
}

/// Is one statement and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The statement, for people.
    pub claim: String,
    /// How it stands.
    pub standing: Standing,
    /// More, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why it does not hold, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl Check {
    /// Names the reason for which it does not hold.
    #[must_use]
    pub fn because(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Names the reason for which it does not hold, if it does not; what was withheld or erased says so instead.
    #[must_use]
    pub(crate) fn unless_holds(self, reason: &'static str) -> Self {
        match self.standing {
            Standing::Holds => self,
            Standing::Withheld => self.because("withheld"),
            Standing::Erased => self.because("erased"),
            Standing::Broken | Standing::Missing => self.because(reason),
        }
    }
}

/// Is what is known of one record after verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordReport {
    /// Its index in the log.
    pub index: u64,
    /// Its kind, once the leaf could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// How each field stands.
    pub fields: BTreeMap<&'static str, &'static str>,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// Is the result of verifying a bundle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the bundle says it is about.
    pub about: About,
    /// How it was made, as the exporter says.
    pub custody: Custody,
    /// The log's origin, once the checkpoint could be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The tree size of the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What hashes, proofs and signatures show.
    pub signature: Vec<Check>,
    /// What the records say, recomputed.
    pub claims: Vec<Check>,
    /// Each record.
    pub records: Vec<RecordReport>,
    /// What is not proved, whatever the bundle holds.
    pub unproven: Vec<&'static str>,
}

impl Report {
    /// Returns the standing of all signature checks together.
    pub fn signature_standing(&self) -> Standing {
        worst(self.signature.iter().chain(self.records.iter().flat_map(|r| &r.checks)))
    }

    /// Returns the standing of all claims together.
    pub fn claim_standing(&self) -> Standing {
        worst(self.claims.iter())
    }

    /// Returns the standing of one claim; missing if it was not judged.
    pub fn claim_standing_of(&self, claim: &str) -> Standing {
        worst(self.claims.iter().filter(|check| check.claim == claim))
    }

    /// Returns every check: of the signature, of each record, of the claims.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        let records = self.records.iter().flat_map(|record| &record.checks);
        self.signature.iter().chain(records).chain(&self.claims)
    }
}

impl Standing {
    /// Joins two standings: broken wins, then missing, erased and withheld.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Withheld => 1,
            Self::Erased => 2,
            Self::Missing => 3,
            Self::Broken => 4,
        }
    }
}

/// Joins the standings of all checks; nothing checked at all is missing.
fn worst<'a>(checks: impl Iterator<Item = &'a Check>) -> Standing {
    checks.map(|c| c.standing).reduce(Standing::and).unwrap_or(Standing::Missing)
}

pub(crate) fn check(claim: impl Into<String>, standing: Standing, detail: Option<String>) -> Check {
    Check { claim: claim.into(), standing, detail, reason: None }
}

/// Verifies a bundle for a reader who trusts somebody; where it is nobody, the bundle's own key is used and said so.
///
/// Returns the records too, as far as they could be read, for whoever knows more to claim of them.
pub fn archive<'a>(bundle: &'a Archive, trust: &Trust) -> (Report, Vec<Read<'a>>) {
    let about = &bundle.manifest.about;
    let mut report = Report {
        about: about.clone(),
        custody: bundle.manifest.custody.clone(),
        unproven: vec![about.unproven(), custody::unproven(&bundle.manifest.custody)],
        origin: None,
        size: None,
        signature: Vec::new(),
        claims: Vec::new(),
        records: Vec::new(),
    };
    report.unproven.extend(trust.unproven());
    let (checks, root) = trust.open(&bundle.checkpoint, &bundle.manifest.log_key);
    report.signature = checks;
    report.origin = root.as_ref().map(|checkpoint| checkpoint.origin.clone());
    report.size = root.as_ref().map(|checkpoint| checkpoint.size);
    let erased = crate::erasure::covered(&bundle.records);
    let mut read = Vec::new();
    for record in &bundle.records {
        let erased = erased.contains(&record.index);
        let (entry, leaf, shown) = verify_record(record, root.as_ref(), erased);
        report.records.push(entry);
        read.extend(leaf.map(|leaf| Read { index: record.index, bytes: &record.leaf, leaf, shown, erased }));
    }
    report.claims = claims::of(about, report.origin.as_deref(), &read);
    report.claims.extend(custody::checks(bundle));
    (report, read)
}

type Verified = (RecordReport, Option<Leaf>, Option<commit::Disclosed>);

fn verify_record(record: &ArchivedRecord, checkpoint: Option<&Checkpoint>, erased: bool) -> Verified {
    let mut entry = RecordReport { index: record.index, kind: None, fields: BTreeMap::new(), checks: Vec::new() };
    entry.checks.push(inclusion(record, checkpoint));
    let leaf = match Leaf::from_bytes(&record.leaf) {
        Ok(leaf) => leaf,
        Err(error) => {
            let unreadable = check("the record can be read", Standing::Broken, Some(error.to_string()));
            entry.checks.push(unreadable.because("leaf-invalid"));
            return (entry, None, None);
        }
    };
    entry.kind = Some(leaf.kind.as_str());
    let Some(disclosure) = &record.disclosure else {
        let standing = if erased { Standing::Erased } else { Standing::Missing };
        let word = if erased { "erased" } else { "missing" };
        entry.fields = Field::ALL.iter().map(|f| (f.as_str(), word)).collect();
        let gone = check("the record's values are what it commits to", standing, None);
        entry.checks.push(gone.unless_holds("content-missing"));
        return (entry, Some(leaf), None);
    };
    match commit::check(&leaf, disclosure) {
        Ok(shown) => {
            entry.fields = field_words(&shown);
            entry.checks.push(check("the record's values are what it commits to", Standing::Holds, None));
            (entry, Some(leaf), Some(shown))
        }
        Err(error) => {
            let other = check("the record's values are what it commits to", Standing::Broken, Some(error.to_string()));
            entry.checks.push(other.because("commitment-mismatch"));
            (entry, Some(leaf), None)
        }
    }
}

fn field_words(shown: &commit::Disclosed) -> BTreeMap<&'static str, &'static str> {
    let word = |f: &Field| match f {
        f if shown.withheld.contains(f) => "withheld",
        f if shown.empty.contains(f) => "empty",
        _ => "disclosed",
    };
    Field::ALL.iter().map(|f| (f.as_str(), word(f))).collect()
}

fn inclusion(record: &ArchivedRecord, checkpoint: Option<&Checkpoint>) -> Check {
    let claim = format!("record {} is in the log", record.index);
    let Some(checkpoint) = checkpoint else {
        return check(claim, Standing::Missing, None).because("checkpoint-unusable");
    };
    let leaf = tlog::hash::leaf_hash(&record.leaf);
    match tlog::verify_inclusion(&leaf, record.index, checkpoint.size, &record.proof, &checkpoint.root) {
        Ok(()) => check(claim, Standing::Holds, None),
        Err(error) => check(claim, Standing::Broken, Some(error.to_string())).because(error.code()),
    }
}

#[cfg(test)]
mod tests {
    use types::id::RecordId;
    use types::{ActionId, Digest, Millis, SessionId};

    use super::*;
    use crate::leaf::{InSession, RecordKind, VERSION};

    fn leaf(n: u8, seq: u64) -> Leaf {
        let session = SessionId::draw(Millis(1), [1; 10]);
        Leaf {
            version: VERSION,
            kind: RecordKind::Decided,
            record: RecordId::draw(Millis(1), [n; 10]),
            at: Millis(1),
            action: Some(ActionId::draw(Millis(1), [n; 10])),
            session: Some(InSession { session, seq, previous: None }),
            bundle: None,
            verdict: Some(0),
            level: None,
            status: None,
            fields: Digest::default(),
            findings: None,
            facts: None,
            content: Digest::default(),
            semantics: None,
            log: None,
        }
    }

    fn bundle(leaves: &[Leaf]) -> Archive {
        let records = leaves.iter().zip(0..).map(|(leaf, index)| ArchivedRecord {
            index,
            leaf: leaf.to_bytes(),
            proof: Vec::new(),
            disclosure: None,
        });
        let manifest = crate::archive::Manifest {
            format: crate::archive::FORMAT.to_owned(),
            about: About::Records { from: 0, to: 2 },
            custody: Custody::default(),
            log_key: String::new(),
            records: (0..).take(leaves.len()).collect(),
            erased: (0..).take(leaves.len()).collect(),
            bundles: Vec::new(),
        };
        let bundles = BTreeMap::new();
        Archive {
            manifest,
            checkpoint: Vec::new(),
            records: records.collect(),
            bundles,
            timestamp: None,
            attestation: None,
        }
    }

    #[test]
    fn a_session_that_ends_at_the_last_number_is_only_broken() {
        let bundle = bundle(&[leaf(0, u64::MAX), leaf(1, 0)]);
        let (report, _) = archive(&bundle, &Trust::Nobody);
        let place = report.claims.iter().find(|check| check.claim.contains("in its place")).unwrap();
        assert_eq!(place.standing, Standing::Broken);
    }

    #[test]
    fn that_a_bundle_calls_a_record_erased_is_nothing() {
        let word =
            |bundle: &Archive| archive(bundle, &Trust::Nobody).0.records[0].checks.last().map(|check| check.standing);
        assert_eq!(word(&bundle(&[leaf(0, 0)])), Some(Standing::Missing));
        let erasure = Leaf { kind: RecordKind::Erasure, ..leaf(1, 1) };
        assert_eq!(word(&bundle(&[leaf(0, 0), erasure])), Some(Standing::Missing));
    }
}
