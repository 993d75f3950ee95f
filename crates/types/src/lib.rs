//! The nouns of Countersign as plain data, and the one byte encoding they are hashed in.
//!
//! Nothing here decides, stores, signs or speaks to a network. Every type that is ever hashed derives
//! its bytes from [`cbor`]; every JSON text that came from outside passes [`json`] once and is
//! carried in canonical form from then on.

pub mod action;
pub mod attestation;
pub mod autonomy;
pub mod baseline;
pub mod bound;
pub mod break_glass;
pub mod breaker;
pub mod bundle;
pub mod case;
pub mod cbor;
pub mod check;
pub mod code;
pub mod data_check;
pub mod decision;
pub mod decoy;
pub mod delegation;
pub mod digest;
pub mod drill;
pub mod fact;
pub mod finding;
pub mod glob;
pub mod grant;
pub mod heartbeat;
pub mod id;
pub mod identity;
pub mod imports;
pub mod incident;
pub mod invariant;
pub mod json;
pub mod jsonrpc;
pub mod limit;
pub mod mutant;
pub mod obligation;
pub mod outcome;
pub mod permission;
pub mod pipeline;
pub mod planning;
pub mod point;
pub mod profile;
pub mod reconciliation;
pub mod retention;
pub mod reversal;
pub mod review;
pub mod reviewing;
pub mod role;
pub mod saga;
pub mod schedule;
pub mod seal;
pub mod secret;
pub mod session;
pub mod target;
pub mod text;
pub mod time;
pub mod workflow;

pub use action::{ActionProposal, Channel, Claims, Principal};
pub use autonomy::{AutonomyLevel, EffectClass, Reversibility};
pub use code::Code;
pub use decision::Decision;
pub use digest::Digest;
pub use fact::{Fact, FactName, FactValue, Facts};
pub use finding::{Finding, Restriction, Stage, Verdict};
pub use grant::Grant;
pub use id::{
    ActionId, AgentId, CaseId, CheckId, ClassId, DecoyId, DrillId, GlassId, GrantId, KeyId, LimitId, ObligationId,
    PasskeyId, PermissionId, PersonId, PolicyId, ProfileId, ScheduleId, ServerName, SessionId, TenantId, ToolName,
};
pub use identity::{Epochs, Identity, IdentityEpoch};
pub use invariant::{Broken, Invariant};
pub use json::{Arguments, JsonError};
pub use outcome::{Outcome, OutcomeStatus, Provenance};
pub use permission::Permission;
pub use role::Role;
pub use session::Session;
pub use target::Target;
pub use time::Millis;
