//! What a corpus is made of: real logs, every checkpoint that witnesses have cosigned of them, and evidence from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use evidence::{Archive, Leaf, RecordKind};
use replay::Bundles;
use tlog::hash::{Hash, leaf_hash};
use tlog::key::SignerKey;
use tlog::{Note, NoteSignature, TrustPolicy};
use types::Digest;

/// Are the kinds of record that the product writes; no code writes a heartbeat.
pub const KINDS: [RecordKind; 19] = [
    RecordKind::Genesis,
    RecordKind::SessionOpen,
    RecordKind::SessionClose,
    RecordKind::Decided,
    RecordKind::Outcome,
    RecordKind::Vote,
    RecordKind::CaseEnded,
    RecordKind::Switch,
    RecordKind::Grant,
    RecordKind::Key,
    RecordKind::Bundle,
    RecordKind::Tool,
    RecordKind::Aggregate,
    RecordKind::Recovered,
    RecordKind::Erasure,
    RecordKind::KeyEvent,
    RecordKind::Epoch,
    RecordKind::Decoy,
    RecordKind::Model,
];

/// Is one record of a log, genuine or not.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its bytes in the log.
    pub bytes: Arc<[u8]>,
    /// Their leaf hash.
    pub hash: Hash,
    /// What they say, if they can be read.
    pub leaf: Option<Arc<Leaf>>,
}

impl Record {
    /// Reads a record from its bytes.
    pub fn read(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), hash: leaf_hash(bytes), leaf: Leaf::from_bytes(bytes).ok().map(Arc::new) }
    }

    /// Writes a record, as the log's own code encodes it.
    pub fn written(leaf: Leaf) -> Self {
        Self::read(&leaf.to_bytes())
    }

    /// Returns its leaf; only genuine records and those written here are asked.
    pub fn leaf(&self) -> &Leaf {
        self.leaf.as_ref().expect("the record can be read")
    }

    /// Returns its hash as a session's next record links to it.
    pub fn link(&self) -> Digest {
        Digest(self.hash.0)
    }
}

/// Is a checkpoint that the log signed, and the cosignatures that it got.
#[derive(Debug, Clone)]
pub struct Cosigned {
    /// With the log's own signature alone.
    pub signed: Note,
    /// The lines of the witnesses, two or three, each by another.
    pub lines: Vec<NoteSignature>,
    /// Another line by the first of those witnesses, a second later.
    pub again: NoteSignature,
}

impl Cosigned {
    /// Returns the note with every cosignature.
    pub fn note(&self) -> Vec<u8> {
        self.signed.clone().with(self.lines.clone()).unwrap().to_string().into_bytes()
    }
}

/// Is evidence of some records that holds as it is.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The bundle.
    pub archive: Archive,
    /// The place, in the bundle, of a record of the kind it is a sample of.
    pub place: usize,
}

/// Is everything that a corpus is made of.
pub struct Material {
    /// The records of the log.
    pub records: Vec<Record>,
    /// By how many records it covers, less one: a checkpoint that a quorum has cosigned.
    pub checkpoints: Vec<Cosigned>,
    /// The log's own key at its end, which the attacker holds.
    pub key: SignerKey,
    /// Whom the reader trusts: the log, and two of its three witnesses.
    pub policy: TrustPolicy,
    /// The same as the text of a C2SP policy.
    pub policy_text: String,
    /// The policy bundles that the reader has.
    pub bundles: Bundles,
    /// The same as files, by path.
    pub bundle_files: Vec<BTreeMap<String, String>>,
    /// Evidence by kind of record.
    pub samples: BTreeMap<RecordKind, Vec<Sample>>,
    /// Evidence from which something was withheld.
    pub withheld: Vec<Archive>,
}

/// Are two logs, the second of which began when the first was closed: no log holds both a genesis and what follows a
/// closed one.
pub struct Logs {
    /// The first one, closed and deleted.
    pub first: Material,
    /// The one that began behind it.
    pub live: Material,
}

impl Logs {
    /// Returns the log from which the cases about a kind of record are made: the second, where it can hold that kind.
    pub fn of(&self, kind: RecordKind) -> &Material {
        if Self::is_first(kind) { &self.first } else { &self.live }
    }

    /// Says whether it is the first log.
    pub(crate) fn is_first(kind: RecordKind) -> bool {
        kind == RecordKind::Genesis
    }
}

impl Material {
    /// Returns how many records the log has.
    pub fn size(&self) -> usize {
        self.records.len()
    }

    /// Returns the indices of all records of a kind.
    pub fn of_kind(&self, kind: RecordKind) -> Vec<usize> {
        let of_kind = |(_, record): &(usize, &Record)| record.leaf().kind == kind;
        self.records.iter().enumerate().filter(of_kind).map(|(index, _)| index).collect()
    }

    /// Returns the checkpoint of so many records, at least 1.
    pub fn checkpoint(&self, size: usize) -> &Cosigned {
        &self.checkpoints[size - 1]
    }
}
