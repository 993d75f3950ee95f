//! A draft: a record before it has its place, its link and its seal.

use evidence::commit::Commitments;
use evidence::leaf::{InSession, VERSION};
use evidence::{Content, Leaf, LogEvent, RecordKind};
use types::id::RecordId;
use types::{ActionId, Digest, Millis, SessionId};

/// Is what a machine wants recorded.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is about.
    pub kind: RecordKind,
    /// The action it belongs to.
    pub action: Option<ActionId>,
    /// The session it belongs to; the ledger adds number and link.
    pub session: Option<SessionId>,
    /// The policy bundle in force.
    pub bundle: Option<Digest>,
    /// The rank of the verdict.
    pub verdict: Option<u8>,
    /// The autonomy level.
    pub level: Option<u8>,
    /// The state it reports, by the kind's own numbering.
    pub status: Option<u8>,
    /// The version of the rules that decided.
    pub semantics: Option<u32>,
    /// What it says in the open about the log itself.
    pub log: Option<LogEvent>,
    /// What may have to be forgotten.
    pub content: Content,
}

impl Draft {
    /// Starts a draft with nothing but its kind and content.
    pub fn new(kind: RecordKind, content: Content) -> Self {
        Self {
            kind,
            action: None,
            session: None,
            bundle: None,
            verdict: None,
            level: None,
            status: None,
            semantics: None,
            log: None,
            content,
        }
    }

    /// Makes its leaf, once it has its place and its seal.
    ///
    /// - `content`: the digest of the sealed content.
    pub(crate) fn leaf(
        &self,
        (record, at): (RecordId, Millis),
        session: Option<InSession>,
        committed: Commitments,
        content: Digest,
    ) -> Leaf {
        Leaf {
            version: VERSION,
            kind: self.kind,
            record,
            at,
            action: self.action,
            session,
            bundle: self.bundle,
            verdict: self.verdict,
            level: self.level,
            status: self.status,
            fields: committed.fields,
            findings: committed.findings,
            facts: committed.facts,
            content,
            semantics: self.semantics,
            log: self.log.clone(),
        }
    }
}
