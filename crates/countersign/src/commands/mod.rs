//! The commands, one module each.

mod agent;
mod answer;
mod approvals;
mod audit;
mod authority;
mod break_glass;
mod breakers;
mod calendar;
mod checks;
mod connect;
mod data;
mod delegations;
mod demo;
mod doctor;
mod drill;
mod erase;
mod explain;
mod export;
mod feature;
mod hook;
mod host;
mod incident;
mod init;
mod key;
mod kill;
mod log;
mod log_archive;
mod log_keys;
mod login;
mod logs;
mod model;
mod model_deploy;
mod model_diagnose;
mod model_evaluate;
mod model_import;
mod model_incidents;
mod model_pipeline;
mod model_reproduce;
mod model_signature;
mod model_verify;
mod model_why;
mod notify;
mod on_call;
mod oversight;
mod passkey;
mod permission;
mod policy;
mod rebuild;
mod receipt;
mod reconcile;
mod reference;
mod replay;
mod reviews;
mod rollback;
mod saga;
mod span;
mod target;
mod timestamp;
mod tool;
mod trace;
mod up;
mod witness;
mod wrap;

use crate::cli::{Cli, Command};
use crate::client::Client;
use crate::error::{CliError, Exit};

/// Is how a command ends.
pub type Done = Result<Exit, CliError>;

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> Done {
    let folders = cli.folders();
    let json = cli.json;
    let client = || Client::find(&folders, cli.url.clone(), cli.key.clone());
    match cli.command {
        Command::Init(ref args) => init::run(&folders, args, json).await,
        Command::Up(ref args) => up::run(&cli.dir, args, json).await,
        Command::Wrap(ref args) => wrap::run(&folders, args).await,
        Command::Connect(ref args) => connect::run(&cli.dir, args, json),
        Command::Demo(ref args) => demo::run(args, json).await,
        Command::Hook(ref args) => hook::run(&folders, args).await,
        Command::Doctor => doctor::run(&client()?, json).await,
        Command::Agent(ref command) => agent::run(&client()?, command, json).await,
        Command::Policy(ref command) => policy::run(&folders, command, client, json).await,
        Command::Approvals(ref args) => approvals::run(&client()?, args, json).await,
        Command::Oversight(ref args) => oversight::run(&client()?, args, json).await,
        Command::Permission(ref command) => permission::run(&client()?, command, json).await,
        Command::BreakGlass(ref command) => break_glass::run(&client()?, command, json).await,
        Command::Reviews => reviews::run(&client()?, json).await,
        Command::Kill(ref args) => kill::kill(&client()?, args, json).await,
        Command::Drill(ref command) => drill::run(&client()?, command, json).await,
        Command::Switch(ref command) => kill::switch(&client()?, command, json).await,
        Command::Breakers(ref command) => breakers::run(&client()?, command, json).await,
        Command::Trace(ref args) => trace::run(&folders, args, json),
        Command::Target(command) => target::run(command, json).await,
        Command::Checks => checks::run(&client()?, json).await,
        Command::Saga(ref command) => saga::run(&client()?, command, json).await,
        Command::Reconcile(ref args) => reconcile::run(&client()?, args, json).await,
        Command::Rollback(ref args) => rollback::run(&client()?, args, json).await,
        Command::Replay(ref args) => replay::run(&folders, args, json),
        Command::Rebuild(ref args) => rebuild::run(&cli, args).await,
        Command::Incident(ref command) => incident::run(&folders, command, json).await,
        Command::Audit(ref command) => audit::run(&folders, command, json).await,
        Command::Log(ref command) => log::run(&cli, command).await,
        Command::Model(ref command) => model::run(&folders, command, client, json).await,
        Command::Data(ref command) => data::run(command, client, json).await,
        Command::Feature(ref command) => feature::run(&client()?, command, json).await,
        Command::Notify(ref command) => notify::run(&folders, command, client, json).await,
        Command::Login => login::run(&client()?, json).await,
        Command::Host(ref command) => host::run(client, command, json).await,
        Command::Key(ref command) => key::run(&client()?, command, json).await,
        Command::Passkey(ref command) => passkey::run(&client()?, command, json).await,
        Command::Erase(ref args) => erase::run(&client()?, args, json).await,
        Command::Tool(ref command) => tool::run(&client()?, command, json).await,
        Command::Explain { ref code } => explain::run(code.as_deref(), json),
        Command::Reference => reference::run(),
    }
}
