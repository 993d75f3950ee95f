//! What a record is: a leaf committed to the log, and a content that stays beside it.
//!
//! The leaf holds ids, counts, codes and salted commitments, never personal data and never an unsalted
//! digest of anything guessable. The content holds the values, sealed under keys that belong to the
//! people and agents it is about; destroy such a key and the values are gone while every proof stays
//! valid. Nothing here stores, signs or draws random bytes.

pub mod about;
pub mod archive;
pub mod authority;
pub mod bodies;
pub mod carried;
pub mod claims;
pub mod commit;
pub mod content;
pub mod cose_receipt;
pub mod custody;
pub mod dsse;
pub mod erasure;
pub mod heartbeat;
pub mod keys;
pub mod leaf;
pub mod listing;
pub mod log_archive;
pub mod log_event;
pub mod logged;
pub mod model_signature;
pub mod passkey;
pub mod published;
pub mod redaction;
pub mod seal;
pub mod signed_votes;
pub mod stamped;
pub mod statement;
mod subject;
pub mod timestamp;
pub mod trust;
pub mod trust_root;
pub mod verify;
pub mod walk;

pub use about::About;
pub use archive::{Archive, ArchiveError};
pub use carried::{Carried, Counts};
pub use commit::{Disclosed, Disclosure, Item};
pub use content::{Content, Field};
pub use cose_receipt::{CoseError, CoseReceipt};
pub use dsse::{DsseError, Envelope};
pub use keys::{RecordKey, RedactionKey, SecretsKey, SubjectKey, TenantKey, WrappedKey};
pub use leaf::{FIELDS, Leaf, RecordKind};
pub use listing::{ListedTool, Listing};
pub use log_archive::{LogArchiveReader, LogArchiveReport, LogArchiveWriter, LogManifest};
pub use log_event::{LogEnd, LogEvent, LogEventKind};
pub use logged::{Logged, LoggedError};
pub use model_signature::{ModelKey, ModelManifest, ModelSignature, ModelSignatureError, ModelSigningKey};
pub use published::LogReport;
pub use redaction::{Hidden, Redactor};
pub use seal::{SealError, Sealed};
pub use statement::{Statement, StatementError};
pub use timestamp::{Authorities, Timestamp, TimestampError};
pub use trust::Trust;
pub use trust_root::TrustRoot;
pub use verify::{Report, Standing};
