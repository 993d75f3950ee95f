//! A record with the proof that the log holds it: what every receipt is made from.

use tlog::checkpoint::{Checkpoint, CheckpointError};
use tlog::hash::{Hash, leaf_hash};
use tlog::key::VerifierKey;
use tlog::proof::{ProofError, verify_inclusion};
use tlog::{LogProof, LogProofError, write_log_proof};
use types::Code;

/// Is the longest proof any tree needs, in hashes.
pub(crate) const PATH_MAX: usize = 64;

/// Is a leaf, its place in the log and the signed checkpoint that its proof leads to.
///
/// Whoever holds one has seen all of it verified: [`Logged::new`] and [`Logged::parse`] are the only ways to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    leaf: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    note: String,
    checkpoint: Checkpoint,
}

/// Says why a record is not shown to be in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoggedError {
    /// The checkpoint is malformed, or not signed by the key.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not lead from the leaf to the checkpoint.
    #[error("the inclusion proof: {0}")]
    Proof(#[from] ProofError),
    /// The text is not a C2SP tlog-proof.
    #[error("not a tlog-proof: {0}")]
    Form(#[from] LogProofError),
}

impl LoggedError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        Code::EvidenceBroken
    }
}

impl Logged {
    /// Takes a leaf with its proof and verifies both against the log's key.
    ///
    /// # Errors
    ///
    /// [`LoggedError::Checkpoint`] or [`LoggedError::Proof`]. No others.
    pub fn new(
        leaf: Vec<u8>,
        index: u64,
        path: Vec<Hash>,
        note: &[u8],
        key: &VerifierKey,
    ) -> Result<Self, LoggedError> {
        let (checkpoint, note) = Checkpoint::open(note, key)?;
        verify_inclusion(&leaf_hash(&leaf), index, checkpoint.size, &path, &checkpoint.root)?;
        Ok(Self { leaf, index, path, note: note.to_string(), checkpoint })
    }

    /// Reads a C2SP tlog-proof of a leaf and verifies it against the log's key.
    ///
    /// # Errors
    ///
    /// [`LoggedError`], as described there.
    pub fn parse(text: &[u8], leaf: Vec<u8>, key: &VerifierKey) -> Result<Self, LoggedError> {
        let proof = LogProof::parse(text)?;
        Self::new(leaf, proof.index, proof.hashes, proof.checkpoint.to_string().as_bytes(), key)
    }

    /// Prints the C2SP tlog-proof: index, inclusion proof and checkpoint, without the leaf.
    pub fn tlog_proof(&self) -> Vec<u8> {
        write_log_proof(self.index, &self.path, self.note.as_bytes(), None)
    }

    /// Returns the leaf's exact bytes.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// Returns the record's index in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the inclusion proof, from the leaf's sibling upwards.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// Returns the checkpoint the proof leads to.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns the signed note of that checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use tlog::key::SignerKey;
    use tlog::prove::{prove_inclusion, tree_root};
    use types::id::RecordId;
    use types::{ActionId, Digest, Millis};

    use super::*;
    use crate::leaf::{Leaf, RecordKind, VERSION};

    /// Returns the key of the log of these tests.
    pub(crate) fn log_key() -> SignerKey {
        SignerKey::ed25519("log.example/1", &[1; 32]).unwrap()
    }

    /// Returns a decided record's leaf.
    pub(crate) fn leaf(n: u8) -> Leaf {
        let at = Millis(1_800_000_000_000);
        Leaf {
            version: VERSION,
            kind: RecordKind::Decided,
            record: RecordId::draw(at, [n; 10]),
            at,
            action: Some(ActionId::draw(at, [n + 100; 10])),
            session: None,
            bundle: Some(Digest([7; 32])),
            verdict: Some(1),
            level: Some(2),
            status: None,
            fields: Digest([8; 32]),
            findings: None,
            facts: None,
            content: Digest([9; 32]),
            semantics: Some(1),
            log: None,
        }
    }

    /// Returns the record at an index of a log of so many, with its proof.
    pub(crate) fn logged(index: u64, size: u8) -> Logged {
        let leaves: Vec<Vec<u8>> = (0..size).map(|n| leaf(n).to_bytes()).collect();
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let root = tree_root(size.into(), hashes.as_slice()).unwrap();
        let note = Checkpoint::new("log.example/1", size.into(), root).sign(&log_key()).unwrap().to_string();
        let path = prove_inclusion(index, size.into(), hashes.as_slice()).unwrap();
        Logged::new(leaves[index as usize].clone(), index, path, note.as_bytes(), log_key().verifier()).unwrap()
    }

    #[test]
    fn a_tlog_proof_reads_back_and_proves_its_own_leaf_alone() {
        let logged = logged(5, 13);
        let text = String::from_utf8(logged.tlog_proof()).unwrap();
        let read = |text: &str, leaf: Vec<u8>| Logged::parse(text.as_bytes(), leaf, log_key().verifier());
        assert_eq!(read(&text, logged.leaf().to_vec()), Ok(logged.clone()));
        assert!(matches!(read(&text, leaf(6).to_bytes()), Err(LoggedError::Proof(_))));
        let moved = text.replace("index 5\n", "index 6\n");
        assert!(matches!(read(&moved, logged.leaf().to_vec()), Err(LoggedError::Proof(_))));
        let spelt = text.replace("index 5\n", "index 05\n");
        assert!(matches!(read(&spelt, logged.leaf().to_vec()), Err(LoggedError::Form(_))));
        let other = SignerKey::ed25519("log.example/1", &[2; 32]).unwrap();
        let by_other = Logged::parse(text.as_bytes(), logged.leaf().to_vec(), other.verifier());
        assert!(matches!(by_other, Err(LoggedError::Checkpoint(_))));
    }

    #[test]
    fn what_stands_for_an_application_is_passed_over() {
        let logged = logged(0, 1);
        let text = String::from_utf8(logged.tlog_proof()).unwrap().replace("\nindex", "\nextra aGk=\nindex");
        assert_eq!(Logged::parse(text.as_bytes(), logged.leaf().to_vec(), log_key().verifier()), Ok(logged));
    }

    #[test]
    fn every_altered_byte_of_a_proof_is_noticed() {
        let logged = logged(9, 21);
        let text = logged.tlog_proof();
        for at in 0..text.len() {
            let mut altered = text.clone();
            altered[at] ^= 1;
            let read = Logged::parse(&altered, logged.leaf().to_vec(), log_key().verifier());
            assert!(read.is_err(), "byte {at}");
        }
    }
}
