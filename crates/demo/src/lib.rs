//! The demo: something real to govern, a bundle that governs it, and a story that shows both at work.
//!
//! [`inventory_server`] is an MCP server over a SQLite service inventory. It knows nothing of Countersign, as no
//! upstream server does: whatever it is asked, it does. [`bundle`] holds the policies, [`script`] the calls of an agent
//! and what must come of each. Nothing here decides, approves or dispatches; the command that plays the story does,
//! through the gateway.

pub mod bundle;
pub mod inventory;
pub mod inventory_server;
pub mod script;
