//! `countersign`: the server and its command line.

mod artifacts;
mod cli;
mod client;
mod commands;
mod error;
mod folder;
mod machine;
mod model_folder;
mod model_key;
mod notifications;
mod oidc;
mod output;
mod probes;
mod serve;
mod settings;
mod timestamps;

use clap::Parser as _;

// A decision allocates some hundred small values on one thread and frees them on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::usage(&error),
    };
    machine::log(cli.verbose);
    machine::no_core_dumps();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return output::fail(&error::CliError::machine(format!("no threads can be started: {error}")), cli.json);
        }
    };
    let json = cli.json;
    let code = match runtime.block_on(commands::run(cli)) {
        Ok(code) => code.into(),
        Err(error) => output::fail(&error, json),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}
