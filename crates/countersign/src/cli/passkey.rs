//! The commands about passkeys.

use clap::Subcommand;
use types::PersonId;
use types::id::PasskeyId;

/// Passkeys, with which people log in and sign their votes.
#[derive(Debug, Subcommand)]
pub enum PasskeyCommand {
    /// Invite another person to enrol a passkey: prints a token, good once and for an hour.
    Invite {
        /// The person.
        person: PersonId,
        /// Why.
        #[arg(long, default_value = "invited from the command line")]
        reason: String,
    },
    /// List passkeys and invitations.
    List,
    /// Revoke a passkey, or the invitation to one, at once.
    Revoke {
        /// The passkey's id.
        id: PasskeyId,
        /// Why.
        #[arg(long, default_value = "revoked from the command line")]
        reason: String,
    },
}
