//! The contract from outside: requests into the router, answers out of it, over a real application.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod administration;
mod approval_budget;
mod approvals;
mod artifacts;
mod auditor;
mod authorization;
mod bad_input;
mod behaviour;
mod break_glass;
mod breakers;
mod call;
mod contract;
mod data_checks;
mod decoys;
mod delegations;
mod diagnosis;
mod document;
mod dossier;
mod erasures;
mod events;
mod features;
mod identities;
mod imports;
mod incidents;
mod journal;
mod keys;
mod lineage;
mod lineage_input;
mod log;
mod login;
mod model_signature;
mod oidc;
mod oversight;
mod pages;
mod passkey_logins;
mod passkeys;
mod permissions;
mod recipes;
mod registry;
mod reviews;
mod switches;
mod traces;
mod tracking;
mod webhooks;
