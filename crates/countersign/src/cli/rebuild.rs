//! The words of `countersign rebuild`.

use clap::Args;
use types::TenantId;

/// Rebuild everything that is kept from the records, and compare.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Write what the records say; the server must be stopped.
    #[arg(long, requires = "reason")]
    pub write: bool,
    /// Why it is written; that is recorded.
    #[arg(long, requires = "write")]
    pub reason: Option<String>,
    /// The tenant.
    #[arg(long, default_value = "default", requires = "write")]
    pub tenant: TenantId,
}
