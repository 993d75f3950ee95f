//! Connections to what agents act upon: upstream MCP servers, and the inventory that describes what they touch.
//!
//! Nothing here decides, records or knows who calls. The environment is never read: commands come with
//! their variables, headers with their values, inventory files with their text.

pub mod inventory;
pub mod mcp;
pub mod timestamp;
pub mod witness;
