//! Trust policies: which logs are believed, and which witnesses must have cosigned (C2SP `tlog-policy`).

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::cosignatures;
use crate::key::VerifierKey;
use crate::note::Note;
use crate::policy_text::{self, PolicyError};

/// The known logs and witnesses, and the quorum: which sets of witnesses suffice.
///
/// What is not named in it counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    pub(crate) logs: Vec<Log>,
    pub(crate) witnesses: Vec<Witness>,
    /// In the order of the text, so that the members of each stand before it.
    pub(crate) nodes: Vec<Node>,
    pub(crate) quorum: Quorum,
}

/// A log whose checkpoints are believed. Its key's name is its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The key that verifies the log's own signature.
    pub key: VerifierKey,
    /// Where to reach the log, as the policy's author wrote it.
    pub url: Option<Vec<u8>>,
}

/// A witness whose cosignatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The name it goes by within the policy, not always UTF-8.
    pub name: Vec<u8>,
    /// The key that verifies its cosignatures.
    pub key: VerifierKey,
    /// Where to reach the witness, as the policy's author wrote it.
    pub url: Option<Vec<u8>>,
}

/// A witness or a group, by whose place in the policy others refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// The witness at this place among the witnesses.
    Witness(usize),
    /// At least `threshold` of the members, each a place of an earlier node.
    Group { threshold: usize, members: Vec<usize> },
}

/// What must hold of the cosignatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quorum {
    /// Nothing; the log's own signature suffices.
    None,
    /// The node at this place must have witnessed the checkpoint.
    Node(usize),
}

/// A checkpoint that satisfies a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted<'p> {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The policy's witnesses that have validly cosigned it, in the order of the policy.
    pub witnesses: Vec<Cosigned<'p>>,
}

/// A witness of the policy and when it says that it cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosigned<'p> {
    /// The witness.
    pub witness: &'p Witness,
    /// The time of its cosignature in seconds since the Unix epoch, 0 if it makes no statement about time.
    pub time: u64,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// The note or the checkpoint in it is refused, a known key's signature is invalid, or the log's is missing.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The policy names no log of this origin.
    #[error("the policy names no log `{0}`")]
    UnknownLog(String),
    /// Too few of the witnesses have cosigned.
    #[error("{valid} valid cosignatures by witnesses of the policy do not make its quorum")]
    NoQuorum {
        /// The number of the policy's witnesses that have validly cosigned.
        valid: usize,
    },
}

impl TrustError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            TrustError::Checkpoint(error) => error.code(),
            TrustError::UnknownLog(_) => "policy-log-unknown",
            TrustError::NoQuorum { .. } => "policy-quorum-missing",
        }
    }
}

impl TrustPolicy {
    /// Parses the text of a policy strictly.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with the line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        policy_text::parse(text)
    }

    /// Returns the policy with one more log, for one whose key is known from elsewhere.
    #[must_use]
    pub fn with_log(mut self, key: VerifierKey) -> Self {
        self.logs.push(Log { key, url: None });
        self
    }

    /// Returns the policy for logs of these keys alone, whichever its text names.
    #[must_use]
    pub fn for_logs(mut self, keys: impl IntoIterator<Item = VerifierKey>) -> Self {
        self.logs = keys.into_iter().map(|key| Log { key, url: None }).collect();
        self
    }

    /// Returns the logs, in the order of the policy.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Returns the witnesses, in the order of the policy.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Says whether these witnesses, named as in the policy, are a quorum. Other names count for nothing.
    pub fn is_quorum(&self, names: &[&[u8]]) -> bool {
        let present: Vec<bool> =
            self.witnesses.iter().map(|witness| names.contains(&witness.name.as_slice())).collect();
        self.quorum_of(&present)
    }

    /// Opens a checkpoint that one of the logs has signed and a quorum of the witnesses has cosigned.
    ///
    /// # Errors
    ///
    /// [`TrustError`], as described there. A signature by a known key that does not verify spoils the whole note.
    pub fn open(&self, note: &[u8]) -> Result<Trusted<'_>, TrustError> {
        self.open_note(&Note::parse(note).map_err(CheckpointError::from)?)
    }

    /// Opens a checkpoint as [`TrustPolicy::open`] does, from a note that is parsed already.
    ///
    /// # Errors
    ///
    /// As [`TrustPolicy::open`].
    pub fn open_note(&self, note: &Note) -> Result<Trusted<'_>, TrustError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        self.check_log(note, &checkpoint)?;
        let witnesses = self.cosigned(note)?;
        let has = |witness: &Witness| witnesses.iter().any(|cosigned| cosigned.witness.name == witness.name);
        let present: Vec<bool> = self.witnesses.iter().map(has).collect();
        if !self.quorum_of(&present) {
            return Err(TrustError::NoQuorum { valid: witnesses.len() });
        }
        Ok(Trusted { checkpoint, witnesses })
    }

    fn check_log(&self, note: &Note, checkpoint: &Checkpoint) -> Result<(), TrustError> {
        let keys = self.logs.iter().map(|log| &log.key).filter(|key| key.name() == checkpoint.origin);
        let keys: Vec<VerifierKey> = keys.cloned().collect();
        if keys.is_empty() {
            return Err(TrustError::UnknownLog(checkpoint.origin.clone()));
        }
        let verified = note.verify(&keys).map_err(CheckpointError::from)?;
        let signed = keys.iter().filter(|key| verified.known.iter().any(|line| line.is_by(key)));
        Ok(checkpoint.check_extension(signed)?)
    }

    fn cosigned(&self, note: &Note) -> Result<Vec<Cosigned<'_>>, TrustError> {
        let keys: Vec<VerifierKey> = self.witnesses.iter().map(|witness| witness.key.clone()).collect();
        if !note.signatures().iter().any(|line| keys.iter().any(|key| line.is_by(key))) {
            return Ok(Vec::new());
        }
        let valid = cosignatures(note, &keys).map_err(CheckpointError::from)?;
        let pairs = self.witnesses.iter().filter_map(|witness| {
            let found = valid.iter().find(|cosignature| *cosignature.key == witness.key)?;
            Some(Cosigned { witness, time: found.time })
        });
        Ok(pairs.collect())
    }

    /// Says whether the witnesses that are present make the quorum; from the first node on, each knows its members.
    fn quorum_of(&self, present: &[bool]) -> bool {
        let mut witnessed = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let holds = match node {
                Node::Witness(at) => is_set(present, *at),
                Node::Group { threshold, members } => {
                    members.iter().filter(|member| is_set(&witnessed, **member)).count() >= *threshold
                }
            };
            witnessed.push(holds);
        }
        match self.quorum {
            Quorum::None => true,
            Quorum::Node(at) => is_set(&witnessed, at),
        }
    }
}

fn is_set(bits: &[bool], at: usize) -> bool {
    bits.get(at).copied().unwrap_or(false)
}
