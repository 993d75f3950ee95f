//! The pure stages of a decision, their join, and the state machines behind approvals and limits.
//!
//! A stage is a function of bundle, proposal and facts that returns findings; [`decision`] joins them.
//! Nothing here knows the time, a file, a network or a policy engine: facts are gathered by the shell
//! (with the help of [`facts`]), policy findings arrive as plain data, and the current instant is a fact
//! like any other. Running the same facts through again gives the same decision, years later.
//!
//! A decision has two phases. [`decision::pre`] judges what a numbered snapshot says; it may run anywhere.
//! [`decision::finish`] judges what only the sequencer knows (switches, counters, approvals, its own
//! clock), joins everything, and is the only place where a [`decision::Permit`] comes from.

pub mod approval;
pub mod approval_budget;
pub mod autonomy;
pub mod behaviour;
pub mod break_glass;
pub mod breaker;
pub mod checks;
pub mod decision;
pub mod decoy;
pub mod escalation;
pub mod facts;
pub mod guards;
pub mod identity;
pub mod integrity;
pub mod limits;
pub mod matter;
pub mod on_call;
pub mod permission;
pub mod review;
pub mod reviewing;
pub mod risk;
pub mod saga;
pub mod switches;
pub mod ticket;
pub mod trial;
pub mod turn;

#[cfg(not(feature = "mutants"))]
mod mutant;
#[cfg(feature = "mutants")]
pub mod mutant;
mod said;
