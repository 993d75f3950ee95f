//! A draft: a record before it has its place, its link and its seal.

use evidence::{Content, LogEvent, RecordKind};
use types::{ActionId, Digest, SessionId};

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
}
