//! MCP servers over the systems that agents change.
//!
//! Each is a process of its own that alone holds the credentials of its system, and answers the same questions about a change: what it would do
//! (`plan`), that it be done once under a key, what its state is, that it be taken back if that state still stands, and what has changed there without a key.
//! They decide nothing: whoever calls them has decided.

pub mod changes;
mod difference;
pub mod fault;
pub mod files;
pub mod http;
mod kept;
mod lock;
pub mod mcp;
pub mod sql;
