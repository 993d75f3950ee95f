//! The application layer: one method per use case. Deciding and doing meet only here.
//!
//! A use case never holds authority of its own: it asks the ledger's machine, and what may be carried out
//! comes back as a `Recorded<Permit>` that it hands to the executor.

pub mod actions;
pub mod approvals;
mod at_once;
pub mod audit;
pub mod authority;
pub mod ballots;
pub mod baselines;
pub mod board;
pub mod break_glass;
pub mod breakers;
pub mod bundles;
pub mod calendars;
pub mod closing;
pub mod control;
pub mod decoys;
pub mod delegations;
pub mod doctor;
pub mod door;
pub mod drills;
pub mod erasures;
pub mod error;
pub mod events;
pub mod export;
pub mod gather;
pub mod grants;
pub mod incident;
pub mod keys;
pub mod late;
pub mod levels;
pub mod lineage;
pub mod log;
pub mod log_keys;
pub mod logins;
pub mod logs;
pub mod machine;
pub mod mcp;
mod model_signature;
pub mod model_signers;
pub mod notifications;
pub mod oidc;
pub mod on_call;
mod overrides;
pub mod oversight;
pub mod passkey_logins;
pub mod passkeys;
pub mod permissions;
pub mod promotions;
pub mod rebuild;
mod receipts;
pub mod records;
pub mod redaction;
pub mod replay;
pub mod reviews;
pub mod roles;
mod seals;
pub mod secrets;
pub mod sessions;
pub mod signers;
pub mod snapshot;
pub mod switches;
pub mod timestamps;
pub mod tools;
pub mod trace;
pub mod tracking;
pub mod witnesses;

pub use at_once::RECEIPT_WAIT;
pub use control::{Config, Control};
pub use door::Refusal;
pub use error::Failure;
pub use model_signature::MODEL_SIGNATURE_TYPE;

pub use ::replay::state;
