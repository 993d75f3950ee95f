//! Arguments of `countersign rollback` and `countersign reconcile`.

use clap::Args;
use types::{ActionId, AgentId, ServerName, SessionId};

/// Hold the systems behind servers against the journal.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// The server; all that list what changed their systems, without it.
    pub server: Option<ServerName>,
    /// Tell what was found so far, and look at nothing.
    #[arg(long)]
    pub list: bool,
}

/// Take back what an agent did: one action, or all of a session, or all since an instant.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The action; `countersign trace last` names the one that was decided last.
    #[arg(required_unless_present_any = ["session", "agent"], conflicts_with_all = ["session", "agent"])]
    pub action: Option<ActionId>,
    /// Take back all that this session did, the latest first.
    #[arg(long, conflicts_with = "agent")]
    pub session: Option<SessionId>,
    /// Take back all that this agent did since --since, the latest first.
    #[arg(long, requires = "since")]
    pub agent: Option<AgentId>,
    /// How far back, such as `2h` or `7d`.
    #[arg(long, requires = "agent")]
    pub since: Option<String>,
    /// Why; it is recorded. Needed unless only the plan is shown.
    #[arg(long, required_unless_present = "plan")]
    pub reason: Option<String>,
    /// Show what it would do, and do nothing.
    #[arg(long)]
    pub plan: bool,
}
