//! Connections to what agents act upon: upstream MCP servers, the inventory that describes what they touch, and
//! calendars of those who are on call; to those who know people: providers of OpenID Connect; to buckets that keep files; and to servers
//! of MLflow, from which what they keep is taken over.
//!
//! Nothing here decides, records or knows who calls. The environment is never read: commands come with
//! their variables, headers with their values, inventory files with their text.

pub mod bucket;
pub mod calendar;
pub mod check;
mod host;
pub mod inventory;
pub mod mcp;
pub mod mlflow;
pub mod oidc;
pub mod probe;
pub mod timestamp;
pub mod witness;
