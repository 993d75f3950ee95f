//! Arguments of `countersign rollback`.

use clap::Args;
use types::ActionId;

/// Take an action of an agent back.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The action; `countersign trace last` names the one that was decided last.
    pub action: ActionId,
    /// Why; it is recorded. Needed unless only the plan is shown.
    #[arg(long, required_unless_present = "plan")]
    pub reason: Option<String>,
    /// Show what it would do, and do nothing.
    #[arg(long)]
    pub plan: bool,
}
