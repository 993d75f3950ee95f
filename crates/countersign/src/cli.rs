//! The command line, declared.

mod approvals;
mod audit;
mod break_glass;
mod breakers;
mod data;
mod drill;
mod feature;
mod host;
mod incident;
mod key;
mod log;
mod logs;
mod model;
mod notify;
mod on_call;
mod passkey;
mod permission;
mod policy;
mod rebuild;
mod receipt;
mod rollback;
mod saga;
mod target;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use types::{AgentId, AutonomyLevel, ClassId, PersonId, ServerName, TenantId, ToolName};

pub use approvals::{ApprovalCommand, Approvals, DelegateArgs, EndDelegationArgs, VoteArgs};
pub use audit::{AuditCommand, Sample, Which};
pub use break_glass::{AskGlass, BreakGlassCommand, StepGlass};
pub use breakers::BreakersCommand;
pub use data::{DataCheckArgs, DataCommand, DataFormat};
pub use drill::{DrillCommand, DrillKill};
pub use feature::{FeatureCommand, FeatureImportArgs, FeatureRegisterArgs, FeatureSkewArgs};
pub use host::HostCommand;
pub use incident::{IncidentCommand, IncidentRun, IncidentServe, Recorded};
pub use key::KeyCommand;

use crate::error::Exit;
use crate::folder::Folders;

pub use log::{Export, LogCommand, LogKeyCommand};
pub use logs::{Archive, KeptContents, LogsCommand};
pub use model::{
    CompareArgs, DeployArgs, EvaluateArgs, IncidentsArgs, ModelCommand, ModelDiagnoseArgs, ModelHistoryArgs,
    ModelImportArgs, ModelSignatureArgs, ModelVerifyArgs, PipelineArgs, PromoteArgs, Question, ReportArgs,
    ReproduceArgs, RollbackArgs, RunningArgs, UndeployArgs, WhyArgs,
};
pub use notify::NotifyCommand;
pub use on_call::OnCall;
pub use passkey::PasskeyCommand;
pub use permission::{PermissionCommand, PermissionRequestArgs};
pub use policy::PolicyCommand;
pub use rebuild::Rebuild;
pub use receipt::{Receipt, ReceiptFormat, RecordRef};
pub use rollback::{Reconcile, Rollback};
pub use saga::SagaCommand;
pub use target::TargetCommand;
pub use tool::ToolCommand;

/// Trust control plane for AI agents: every action decided, recorded, and answerable.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on standard error; twice for more still.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Where bundle/, data/ and keys/ are.
    #[arg(long, global = true, env = "COUNTERSIGN_DIR", default_value = "countersign", value_name = "DIR")]
    pub dir: PathBuf,
    /// The server to speak to, instead of the one that runs on the data folder.
    #[arg(long, global = true, env = "COUNTERSIGN_URL", value_name = "URL")]
    pub url: Option<String>,
    /// The key to speak with, instead of the one in the keys folder.
    #[arg(long, global = true, env = "COUNTERSIGN_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Returns where everything is.
    pub fn folders(&self) -> Folders {
        Folders::below(&self.dir)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put Countersign in front of an MCP server: connect, pin its tools, write a starter bundle.
    Init(Init),
    /// Run the server.
    Up(Up),
    /// Run a governed MCP server over stdio, for a client's config.
    Wrap(Wrap),
    /// Edit an MCP client's config so that it goes through Countersign, with a backup.
    Connect(Connect),
    /// Tell a story on a real service inventory, then keep the server running.
    Demo(Demo),
    /// Decide a tool call for Claude Code, as its PreToolUse and PostToolUse hook.
    Hook(Hook),
    /// Say what is enforced, for whom, and what is not.
    Doctor,
    /// Agents and their autonomy levels.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// The policy bundle.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What awaits people.
    Approvals(Approvals),
    /// Say how people decide: how long it takes them, how often they approve, what expired, what was regretted.
    Oversight(Oversight),
    /// What agents may do in advance, within bounds that people have approved.
    #[command(subcommand)]
    Permission(PermissionCommand),
    /// In an emergency, run without approvals what two people answer for.
    #[command(subcommand)]
    BreakGlass(BreakGlassCommand),
    /// What reviewer agents said of cases, and what people decided.
    Reviews,
    /// Stop an agent, a tool, a class or everything, at once.
    Kill(Kill),
    /// Do on a good day what is meant for the worst one, and record how it went.
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Kill switches that are set.
    #[command(subcommand)]
    Switch(SwitchCommand),
    /// Breakers: what has stopped an agent by itself.
    #[command(subcommand)]
    Breakers(BreakersCommand),
    /// Tell one action's whole path.
    Trace(Trace),
    /// Take an action of an agent back, if what it left still stands.
    Rollback(Rollback),
    /// Find what changed systems around the road, and what was done and is not there.
    Reconcile(Reconcile),
    /// Tell what must hold after actions, and what is watched now.
    Checks,
    /// Sagas: several steps that belong together, and are taken back together.
    #[command(subcommand)]
    Saga(SagaCommand),
    /// Offer a system to agents as an MCP server that plans, changes once, tells its state and takes back.
    #[command(subcommand)]
    Target(TargetCommand),
    /// Compute every recorded decision again and say which come out otherwise.
    Replay(Replay),
    /// Rebuild everything that is kept from the records, compare it with what is stored, and repair that.
    Rebuild(Rebuild),
    /// Replay a recorded session: be its servers, or run an agent or another policy bundle against it.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// An audit of the published log: the auditor's steps, and the operator's answer.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The journal and its published log.
    #[command(subcommand)]
    Log(LogCommand),
    /// Models: what is kept of them besides what MLflow's clients read, and their signatures.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Data: whether a file is as expected, before anything is trained on it.
    #[command(subcommand)]
    Data(DataCommand),
    /// Features: their definitions in versions, and whether serving computes what training did.
    #[command(subcommand)]
    Feature(FeatureCommand),
    /// Who is told that people are asked, and whether they were.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Print a link that logs a browser in to the console, once.
    Login,
    /// Bearer keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Keys of hosts, with which they sign what they say that they run.
    #[command(subcommand)]
    Host(HostCommand),
    /// Passkeys, with which people log in and sign their votes.
    #[command(subcommand)]
    Passkey(PasskeyCommand),
    /// Erase everything that is recorded about a person or an agent.
    Erase(Erase),
    /// Tools and their reviewed definitions.
    #[command(subcommand)]
    Tool(ToolCommand),
    /// Explain a code.
    Explain {
        /// The code, such as `policy-denies`; without one, all are listed.
        code: Option<String>,
    },
    /// Print the reference of this command line, as Markdown.
    #[command(hide = true)]
    Reference,
}

/// Put Countersign in front of an MCP server.
#[derive(Debug, Args)]
pub struct Init {
    /// The server's name in the catalogue; by default taken from its command.
    #[arg(long)]
    pub name: Option<ServerName>,
    /// The agent that will use it.
    #[arg(long, default_value = "agent")]
    pub agent: AgentId,
    /// The person who answers for the agent; by default whoever runs this.
    #[arg(long)]
    pub owner: Option<PersonId>,
    /// Environment variables of the server, by name; their values are read when it starts.
    #[arg(long = "env", value_name = "NAME")]
    pub env: Vec<String>,
    /// Replace a bundle that is there; it is kept beside the new one.
    #[arg(long)]
    pub force: bool,
    /// The server's command with its arguments, or its URL.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub server: Vec<String>,
}

/// Run the server.
#[derive(Debug, Args)]
pub struct Up {
    /// The data folder, instead of DIR/data.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The policy bundle, instead of DIR/bundle.
    #[arg(long)]
    pub bundle: Option<PathBuf>,
    /// The keys folder, instead of DIR/keys, or of the data folder's name with `.keys` behind it if --data is given.
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:7717")]
    pub listen: std::net::SocketAddr,
    /// The tenant.
    #[arg(long, default_value = "default")]
    pub tenant: TenantId,
    /// Take MCP callers without a key for this agent; only on a loopback address.
    #[arg(long, value_name = "AGENT")]
    pub anonymous: Option<AgentId>,
    /// The host whose pages use people's passkeys, such as `gate.example`; it stays for good, since a passkey is of one host.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub passkey_host: String,
    /// An origin of those pages, such as `https://gate.example`; may be given several times. Without one it is
    /// `http://localhost` with the port that is listened on, or `https://` with --passkey-host. The server answers to their
    /// hosts, as a proxy in front of it hands them on.
    #[arg(long, value_name = "ORIGIN")]
    pub passkey_origin: Vec<String>,
    /// Serve the published log, which holds no contents, to whoever asks: checkpoint and tiles under /log.
    #[arg(long)]
    pub public_log: bool,
}

/// Run a governed MCP server over stdio.
#[derive(Debug, Args)]
pub struct Wrap {
    /// The agent the client is.
    #[arg(long, default_value = "agent")]
    pub agent: AgentId,
    /// The server of the catalogue; without one, all of them behind one connection.
    #[arg(long)]
    pub server: Option<ServerName>,
    #[command(flatten)]
    pub runs: Runs,
    /// A server to set up first as `init` does, if there is no bundle yet.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// What an agent runs.
#[derive(Debug, Clone, Args)]
pub struct Runs {
    /// The model that the agent runs: `models:/NAME/VERSION` for one that is registered, anything else as it is.
    #[arg(long)]
    pub model: Option<String>,
    /// The prompt that the agent runs: `prompts:/NAME/VERSION` for one that is registered, anything else as it is.
    #[arg(long)]
    pub prompt: Option<String>,
}

/// The MCP clients whose config can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientKind {
    /// Claude Code: `.mcp.json` of the project.
    ClaudeCode,
    /// Cursor: `.cursor/mcp.json` of the project.
    Cursor,
    /// VS Code: `.vscode/mcp.json` of the project.
    Vscode,
}

/// Edit an MCP client's config.
#[derive(Debug, Args)]
pub struct Connect {
    /// The client.
    pub client: ClientKind,
    /// The agent the client is.
    #[arg(long, default_value = "agent")]
    pub agent: AgentId,
    /// The project whose config is edited.
    #[arg(long, default_value = ".")]
    pub project: PathBuf,
    /// Put the config back as it was.
    #[arg(long)]
    pub undo: bool,
}

/// Tell a story, then keep the server running.
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the story.
    #[arg(long)]
    pub once: bool,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:7717")]
    pub listen: std::net::SocketAddr,
    /// Be the demo's agent alone, against the server at $COUNTERSIGN_INCIDENT_URL, as `incident run` sets it.
    #[arg(long, conflicts_with = "serve")]
    pub agent: bool,
    /// With --agent: vary the calls with the number of the run, as an agent does that is not deterministic.
    #[arg(long, requires = "agent")]
    pub vary: bool,
    /// Be the demo's MCP server over stdio, on this database.
    #[arg(long, hide = true)]
    pub serve: Option<PathBuf>,
}

/// Decide a tool call for Claude Code.
#[derive(Debug, Args)]
pub struct Hook {
    /// The agent Claude Code is.
    #[arg(long, default_value = "agent")]
    pub agent: AgentId,
    /// The server of the catalogue under which Claude Code's own tools are listed.
    #[arg(long, default_value = "claude-code")]
    pub server: ServerName,
    /// Wait so long for people before it denies, in seconds; the hook's own limit must be 10 seconds longer.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub wait: u64,
}

/// Agents and their autonomy levels.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// List the levels that were given.
    Levels,
    /// List the epochs of an agent: each model or prompt that it named anew started one.
    Epochs {
        /// The agent.
        agent: AgentId,
    },
    /// Tell what is usual for an agent, as far as that was learned.
    Baseline {
        /// The agent.
        agent: AgentId,
    },
    /// Give an agent a level for an action class, for a while.
    Level {
        /// The agent.
        agent: AgentId,
        /// The action class.
        class: ClassId,
        /// The level.
        #[arg(value_parser = level)]
        level: AutonomyLevel,
        /// Why.
        #[arg(long)]
        reason: String,
        /// For how long, such as `30d` or `12h`.
        #[arg(long = "for", default_value = "30d", value_name = "SPAN")]
        span: String,
        /// The environments it holds in; needed for L2.
        #[arg(long = "env", value_name = "NAME")]
        environments: Vec<String>,
        /// The number of the agent's epoch that it is for, 0 for when it names nothing of what it runs; the newest, without it.
        #[arg(long, value_name = "NUMBER")]
        epoch: Option<u64>,
    },
}

fn level(text: &str) -> Result<AutonomyLevel, String> {
    match text.to_ascii_uppercase().as_str() {
        "L0" => Ok(AutonomyLevel::L0),
        "L1" => Ok(AutonomyLevel::L1),
        "L2" => Ok(AutonomyLevel::L2),
        "L3" => Ok(AutonomyLevel::L3),
        _ => Err("a level is L0, L1, L2 or L3".into()),
    }
}

/// Say how people decide.
#[derive(Debug, Args)]
pub struct Oversight {
    /// How far back, such as `30d` or `12h`, from the full hour on; without it, from the journal's beginning on.
    #[arg(long, value_name = "SPAN")]
    pub since: Option<String>,
}

/// What to stop.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// Everything.
    #[arg(long)]
    pub all: bool,
    /// One agent.
    #[arg(long)]
    pub agent: Option<AgentId>,
    /// One tool.
    #[arg(long)]
    pub tool: Option<ToolName>,
    /// One action class.
    #[arg(long)]
    pub class: Option<ClassId>,
}

/// Stop at once.
#[derive(Debug, Args)]
pub struct Kill {
    /// What to stop.
    #[command(flatten)]
    pub target: Target,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// Wait so long for what is in flight, in seconds; 60 at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub wait: u64,
}

/// Kill switches.
#[derive(Debug, Subcommand)]
pub enum SwitchCommand {
    /// List the switches that are set.
    List,
    /// Lift a switch.
    Clear {
        /// The switch, as `list` shows it: `agent:sre-bot`.
        switch: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Tell one action's whole path.
#[derive(Debug, Args)]
pub struct Trace {
    /// The action, or `last`.
    pub action: String,
}

/// Compute recorded decisions again.
#[derive(Debug, Args)]
pub struct Replay {
    /// The index of the first record that is looked at.
    #[arg(long, default_value_t = 0, value_name = "INDEX")]
    pub from: u64,
    /// The index behind the last; without it, all of them.
    #[arg(long, value_name = "INDEX")]
    pub to: Option<u64>,
    /// Of a closed log: its number, as `log list` shows it, or its origin.
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
}

/// Erase everything that is recorded about a person or an agent. It cannot be taken back.
#[derive(Debug, Args)]
pub struct Erase {
    /// The subject: `agent:NAME` or `person:NAME`.
    pub subject: String,
    /// Why; it is recorded and stays, so name the request and not the person.
    #[arg(long)]
    pub reason: String,
}

/// Prints what is wrong with the command line, or the help that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done.into(),
        _ => Exit::Usage.into(),
    }
}
