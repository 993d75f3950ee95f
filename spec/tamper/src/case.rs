//! One case: what a reader is given, and for which reasons it must be refused.

use std::sync::Arc;

use evidence::RecordKind;
use sha2::{Digest as _, Sha256};

use crate::class::Class;
use crate::render::Files;

/// Says whom the reader of a case trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The log's key, once two of three witnesses have cosigned.
    Policy,
    /// The log's key alone, and what the reader has kept.
    Key,
}

/// Is what a reader is given.
#[derive(Debug, Clone)]
pub enum Given {
    /// The files of a published log, and the checkpoints that the reader has kept.
    Log {
        /// The files.
        files: Files,
        /// The checkpoints, in the order in which they are held against the log.
        kept: Vec<Arc<[u8]>>,
    },
    /// An evidence bundle.
    Bundle {
        /// The file.
        bytes: Vec<u8>,
        /// The reader has the policy bundles from elsewhere.
        own_policy: bool,
    },
}

/// Is what an attacker made, before it has a name.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What was done, in a few words.
    pub how: String,
    /// Who reads it.
    pub reader: Reader,
    /// What the reader is given.
    pub given: Given,
    /// The reasons of which the first finding must have one.
    pub first: Vec<&'static str>,
    /// Reasons that must be found as well.
    pub also: Vec<&'static str>,
}

/// Is one case of the corpus.
#[derive(Debug, Clone)]
pub struct Case {
    /// The class of the attack.
    pub class: Class,
    /// The kind of the record that it is about.
    pub kind: RecordKind,
    /// Its number among the draws for class and kind; not every draw gives a case.
    pub number: usize,
    /// What it is.
    pub draft: Draft,
}

impl Case {
    /// Returns its name, `CLASS/KIND/NUMBER`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.class.as_str(), self.kind.as_str(), self.number)
    }
}

impl Draft {
    /// Returns a digest of all that the reader is given, so that no case counts twice.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        put(&[self.reader as u8]);
        match &self.given {
            Given::Bundle { bytes, own_policy } => {
                put(&[u8::from(*own_policy)]);
                put(bytes);
            }
            Given::Log { files, kept } => {
                for (path, bytes) in files {
                    put(path.as_bytes());
                    put(bytes);
                }
                kept.iter().for_each(|note| put(note));
            }
        }
        hasher.finalize().into()
    }
}
