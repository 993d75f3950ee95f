//! `countersign approvals`, declared.

use clap::{Args, Subcommand};
use types::{CaseId, PersonId};

/// What awaits people.
#[derive(Debug, Args)]
pub struct Approvals {
    /// What to do; without it, the open cases are listed.
    #[command(subcommand)]
    pub command: Option<ApprovalCommand>,
}

/// What to do with a case.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// List cases.
    List {
        /// Ended ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show exactly what would be executed.
    Show {
        /// The case.
        case: CaseId,
    },
    /// Approve a case.
    Approve(VoteArgs),
    /// Deny a case.
    Deny(VoteArgs),
    /// Let somebody vote in your place, for 30 days at most.
    Delegate(DelegateArgs),
    /// List the delegations that hold.
    Delegations,
    /// Take a delegation back, at once.
    EndDelegation(EndDelegationArgs),
}

/// A delegation: your vote in somebody's hand.
#[derive(Debug, Args)]
pub struct DelegateArgs {
    /// Who may vote for you.
    #[arg(long, value_name = "PERSON")]
    pub to: PersonId,
    /// When it ends, such as `2026-12-24T18:00:00Z`.
    #[arg(long, value_name = "INSTANT")]
    pub until: String,
    /// Only for profiles that ask this group.
    #[arg(long)]
    pub group: Option<String>,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

/// A delegation to be taken back.
#[derive(Debug, Args)]
pub struct EndDelegationArgs {
    /// Who may vote by it.
    #[arg(long, value_name = "PERSON")]
    pub to: PersonId,
    /// Whose vote it is, if it is not yours.
    #[arg(long, value_name = "PERSON")]
    pub from: Option<PersonId>,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

/// A vote.
#[derive(Debug, Args)]
pub struct VoteArgs {
    /// The case.
    pub case: CaseId,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The digest of what was shown to you, to vote on that and nothing newer; by default it is shown now.
    #[arg(long)]
    pub shown: Option<String>,
    /// Confirm that you decide alone about your own agent, where the bundle lets you.
    #[arg(long)]
    pub solo: bool,
}
