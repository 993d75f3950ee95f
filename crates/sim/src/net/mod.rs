//! The network under simulation: the gateway, its agents, its people and its upstream, each a host of a simulated network.
//!
//! Real are the MCP listener and the HTTP contract behind one router, served by the same code as the product's, and control,
//! ledger, store and executor behind them; requests to the upstream go through the product's own connection. Swapped are the
//! ports alone: the network ([`connectors::mcp::Network`] on one side, the listener on the other), the clock, tokio's time,
//! and the random bytes. Links break, hold back and lose in one direction, connections are cut in the middle of a message,
//! hosts end and start again, the wall clock is set, and time passes unseen.
//!
//! The ledger has threads of its own, for which simulated time does not pass. Its sequencer is held while the hosts run, and
//! between two steps it is let through until every command is answered: whatever a host asks is answered one step later,
//! however fast the machine is. One process plays one seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation that cannot go on says so at once"
)]

pub mod agent;
pub mod cli;
pub mod client;
pub mod driver;
pub mod events;
pub mod faults;
pub mod gateway;
pub mod journal;
pub mod oracle;
pub mod outgoing;
pub mod people;
pub mod scene;
pub mod seeds;
pub mod server;
pub mod stateful;
pub mod stateless;
pub mod template;
pub mod wire;

pub use cli::main;
