//! The application over a real journal: what survives a restart, what is used once, what a kill stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod administration;
mod approval_budget;
mod approvals;
mod at_once;
mod audit;
mod behaviour;
mod bounds;
mod break_glass;
mod breakers;
mod calendars;
mod closing;
mod data_checks;
mod decoys;
mod delegations;
mod dossier;
mod drills;
mod erasure;
mod export;
mod heartbeats;
mod identities;
mod incident;
mod incident_secrets;
mod incidents;
mod invariants;
mod late;
mod log_keys;
mod mcp;
mod model_signature;
mod notices;
mod notifications;
mod oversight;
mod passkey_logins;
mod passkeys;
mod passkeys_offline;
mod permission_bounds;
mod permissions;
mod pipelines;
mod pipelines_crossed;
mod probes;
mod promotions;
mod rebuild;
mod rebuild_logs;
mod receipts;
mod recovery;
mod redaction;
mod registry;
mod replay;
mod retention;
mod review;
mod reviews;
mod roles;
mod safety;
mod sealing;
mod time;
mod timestamps;
mod webhooks;
mod witnesses;

use std::time::Duration;

use countersign_control::actions::{Decided, Wish};
use countersign_control::door::Refusal;
use testkit::World;
use types::{Arguments, Channel, Claims, Principal};

/// What `sre-bot` wants to call, as an agent that the gateway executes for.
pub fn wish(tool: &str, arguments: &str) -> Wish {
    Wish {
        principal: Principal::Agent("sre-bot".parse().unwrap()),
        on_behalf_of: None,
        session: None,
        tool: tool.parse().unwrap(),
        definition: None,
        arguments: Arguments::parse(arguments, 4_096).unwrap(),
        claims: Claims::default(),
        channel: Channel::Http,
    }
}

/// Waits for what becomes true by itself; half a minute later it is taken never to.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}");
}

pub async fn try_propose(world: &World, tool: &str, arguments: &str, reported: bool) -> Result<Decided, Refusal> {
    world.control.decide_once(wish(tool, arguments), reported).await
}

pub async fn propose(world: &World, tool: &str, arguments: &str) -> Decided {
    try_propose(world, tool, arguments, false).await.unwrap()
}
