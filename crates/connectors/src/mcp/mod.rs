//! One raw connection to one upstream MCP server, over a child's pipes or Streamable HTTP.
//!
//! Frames pass as they came: `params` and `result` keep every byte, save that over a pipe a line break
//! between tokens becomes a blank, since there a message is one line. Rewritten, and restored on the way back, are only
//! what several clients of one pipe would otherwise share: request ids, progress tokens, subscription ids.

pub(crate) mod address;
mod ask;
mod calls;
mod catalog;
mod child;
mod client;
mod connection;
mod discover;
mod error;
mod header;
mod http;
pub mod lines;
mod listen;
mod memory;
mod mirror;
mod network;
pub mod splice;
pub mod sse;
mod stdio;
mod stream;
mod wiring;

pub use ask::{read_with_tool, tool_request};
pub use catalog::{definition_digest, list_all};
pub use connection::{Connection, connect_stateful, connect_stateless, identity_in};
pub use discover::{STATELESS_VERSION, probe};
pub use error::{CallError, ConnectError};
pub use memory::{Answering, Peer};
pub use mirror::Mirrors;
pub use network::{Network, Over, Sending};
pub use wiring::{Era, Limits, ORDINARY, Unset, Wiring};
