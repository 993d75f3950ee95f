//! The command line of `countersign log`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use types::{ActionId, AgentId, SessionId, TenantId};

use super::{LogsCommand, Receipt};

/// The journal and its published log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print the last records.
    Tail {
        /// How many.
        #[arg(short = 'n', default_value_t = 20)]
        count: u64,
        /// Go on as records come.
        #[arg(short, long)]
        follow: bool,
        /// Of a closed log: its number, as `log list` shows it, or its origin.
        #[arg(long, value_name = "LOG", conflicts_with = "follow")]
        log: Option<String>,
    },
    /// Hold the journal against its published files.
    Check,
    /// Write an evidence bundle of actions, a session, an agent or a period, for somebody who does not trust us.
    Export(Export),
    /// Write a request to a witness that no network reaches, for `countersign-witness cosign`.
    WitnessRequest {
        /// The witness, as keys/witness.policy names it.
        witness: String,
        /// How many records it has cosigned before; it says so when that is wrong.
        #[arg(long, default_value_t = 0, value_name = "RECORDS")]
        old: u64,
        /// The file to write.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Take the cosignatures that came back for such a request.
    WitnessAnswer {
        /// The request.
        #[arg(long)]
        request: PathBuf,
        /// What the witnesses answered.
        #[arg(required = true)]
        answers: Vec<PathBuf>,
    },
    /// Write a request to an authority that no network reaches, to date the latest checkpoint (RFC 3161).
    TimestampRequest {
        /// The file to write.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Take the authority's answer to such a request.
    TimestampAnswer {
        /// The request.
        #[arg(long)]
        request: PathBuf,
        /// What the authority answered.
        answer: PathBuf,
    },
    /// The keys that sign it, its end, and how it goes on.
    #[command(flatten)]
    Keys(LogKeyCommand),
    /// The tenant's logs.
    #[command(flatten)]
    Logs(LogsCommand),
    /// Write a receipt for one record, in a format that others read.
    Receipt(Receipt),
    /// Print the key a verifier needs.
    Key {
        /// The key of receipts and statements, instead of the log's.
        #[arg(long)]
        statement: bool,
        /// As PEM, for programs that know no verifier keys.
        #[arg(long)]
        pem: bool,
    },
}

/// The keys that sign the log, its end, and how it goes on.
#[derive(Debug, Subcommand)]
pub enum LogKeyCommand {
    /// Let a second key of the same name sign the log; both sign until the older one is retired.
    RotateKey {
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let the older of two keys sign no longer, and destroy it.
    RetireKey {
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// End the log at once, because its keys may be in other hands; it waits for no decision.
    Freeze {
        /// Why.
        #[arg(long)]
        reason: String,
        /// The tenant, where no server runs.
        #[arg(long, default_value = "default")]
        tenant: TenantId,
    },
    /// Go on under a new key and a new name after a log that was frozen, or that is behind what was seen of it.
    Continue {
        /// Why.
        #[arg(long)]
        reason: String,
        /// Acknowledge that records are lost; the log says so from then on.
        #[arg(long)]
        accept_gap: bool,
        /// The tenant.
        #[arg(long, default_value = "default")]
        tenant: TenantId,
    },
}

/// Write an evidence bundle.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub struct Export {
    /// The actions.
    #[arg(group = "subject", value_name = "ACTION")]
    pub actions: Vec<ActionId>,
    /// A session, from its opening to its end.
    #[arg(long, group = "subject")]
    pub session: Option<SessionId>,
    /// Everything an agent proposed.
    #[arg(long, group = "subject")]
    pub agent: Option<AgentId>,
    /// Everything from an instant on, such as `2026-11-01T00:00:00Z`.
    #[arg(long, group = "subject", value_name = "TIME")]
    pub from: Option<jiff::Timestamp>,
    /// With --from: up to this instant; without it, up to now.
    #[arg(long, requires = "from", value_name = "TIME")]
    pub to: Option<jiff::Timestamp>,
    /// The file to write.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Fields to withhold, such as `arguments`; what a decision needs cannot be computed again without.
    #[arg(long = "withhold", value_name = "FIELD")]
    pub withhold: Vec<String>,
    /// Leave the files of the policy bundles out; whoever verifies must have them.
    #[arg(long)]
    pub without_policy: bool,
    /// Of a closed log: its number, as `log list` shows it, or its origin.
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
}
