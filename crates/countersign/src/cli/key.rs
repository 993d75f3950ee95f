//! `countersign key`, declared.

use clap::Subcommand;
use types::id::KeyId;
use types::{AgentId, PersonId};

/// Bearer keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key.
    Create {
        /// For an agent.
        #[arg(long, required_unless_present = "person", conflicts_with = "person")]
        agent: Option<AgentId>,
        /// For a person.
        #[arg(long)]
        person: Option<PersonId>,
        /// The person an agent's key acts for.
        #[arg(long, requires = "agent")]
        on_behalf_of: Option<PersonId>,
        /// For how long, such as `90d`; without it, until it is revoked.
        #[arg(long = "for", value_name = "SPAN")]
        span: Option<String>,
    },
    /// List keys.
    List,
    /// Revoke a key.
    Revoke {
        /// The key's id.
        id: KeyId,
        /// Why.
        #[arg(long, default_value = "revoked from the command line")]
        reason: String,
    },
}
