//! The MCP listener: agents connect here, over stdio or Streamable HTTP.
//!
//! It speaks the protocol and nothing else. What is behind [`control::door::McpDoor`] it does not know: a
//! governed message goes through [`control::door::McpDoor::call`], and there is no way around it. Messages are
//! relayed as they came; where a member must change, the others keep their bytes.

mod claims;
mod envelope;
mod fault;
mod http;
mod idle;
pub mod lines;
pub mod methods;
mod raw;
mod session;
mod stdio;
mod task;
mod tasks;
mod translate;

pub use http::{HttpConfig, HttpGateway, router};
pub use stdio::serve_stdio;

use types::ServerName;

/// Says which servers of the catalogue a listener shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selection {
    /// All of them, behind one endpoint.
    All,
    /// One alone; everything passes under its own name.
    One(ServerName),
}

impl Selection {
    /// Returns the selected servers out of those there are.
    fn servers(&self, all: &[ServerName]) -> Vec<ServerName> {
        match self {
            Self::All => all.to_vec(),
            Self::One(server) => vec![server.clone()],
        }
    }
}

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose data stays sound when a holder panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
