//! An agent's run: a listener of its own, the ways in which agents find servers, and its end.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use control::incident::Incident;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;
use types::{Code, ServerName};

use crate::error::{CliError, Exit};
use crate::machine::SystemRandom;

/// Names the variable with the address of the recorded servers: the one server's, or that of all of them.
const URL: &str = "COUNTERSIGN_INCIDENT_URL";

/// Names the variable with the path of a client config that lists the recorded servers.
const CONFIG: &str = "COUNTERSIGN_INCIDENT_CONFIG";

/// Names the variable with the number of the run, from 1.
const RUN: &str = "COUNTERSIGN_INCIDENT_RUN";

/// Is a listener over HTTP in front of one replay.
pub(super) struct Listener {
    /// Where it listens.
    pub(super) url: String,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    ///
    /// `address-unusable` if the address cannot be listened on.
    pub(super) async fn start(incident: Incident, address: SocketAddr) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Failed, Code::AddressUnusable, format!("{address} cannot be listened on: {error}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut config = gateway::HttpConfig::new(|| ledger::port::draw(&SystemRandom));
        config.hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
        let app = gateway::router(Arc::new(incident), config);
        let (stop, mut stopped) = watch::channel(false);
        let until = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the listener ended");
            }
        });
        Ok(Self { url: format!("http://{address}"), stop, task })
    }

    /// Stops listening; connections that stay open are cut.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        let grace = Duration::from_millis(200);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(grace, self.task).await.is_err() {
            abort.abort();
        }
    }

    /// Returns the address that an agent is given: of the one server, or of all of them.
    fn address(&self, servers: &BTreeSet<ServerName>) -> String {
        match (servers.len(), servers.first()) {
            (1, Some(server)) => format!("{}/mcp/{server}", self.url),
            _ => format!("{}/mcp", self.url),
        }
    }

    /// Writes a client config that lists each recorded server under its own name.
    fn write_config(&self, path: &Path, servers: &BTreeSet<ServerName>) -> Result<(), CliError> {
        let entry = |server: &ServerName| {
            (server.to_string(), json!({ "type": "http", "url": format!("{}/mcp/{server}", self.url) }))
        };
        let list: Map<String, Value> = servers.iter().map(entry).collect();
        let text = serde_json::to_string_pretty(&json!({ "mcpServers": list })).unwrap_or_default();
        std::fs::write(path, format!("{text}\n"))
            .map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", path.display())))
    }
}

/// Is how one agent is to be run.
pub(super) struct Order<'a> {
    /// Its command with its arguments.
    pub(super) command: &'a [String],
    /// The number of the run, from 1.
    pub(super) number: u32,
    /// The servers it finds.
    pub(super) servers: &'a BTreeSet<ServerName>,
    /// A folder of this run's own.
    pub(super) folder: &'a Path,
    /// How long it may take.
    pub(super) timeout: Duration,
}

/// Runs an agent against a replay and says how it ended, if otherwise than well.
///
/// # Errors
///
/// `usage-invalid` if its command cannot be started, or what the listener says.
pub(super) async fn run(incident: &Incident, order: &Order<'_>) -> Result<Option<String>, CliError> {
    let listener = Listener::start(incident.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let config = order.folder.join("mcp.json");
    listener.write_config(&config, order.servers)?;
    let (url, path) = (listener.address(order.servers), config.display().to_string());
    let words: Vec<String> =
        order.command.iter().map(|word| word.replace("{url}", &url).replace("{config}", &path)).collect();
    let Some((program, arguments)) = words.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments).env(URL, &url).env(CONFIG, &path).env(RUN, order.number.to_string());
    // What the agent prints is beside the report, which has standard output to itself.
    command.stdin(Stdio::null()).stdout(std::io::stderr()).kill_on_drop(true);
    let mut child =
        command.spawn().map_err(|e| CliError::usage(format!("the agent `{program}` cannot be started: {e}")))?;
    let ended = match tokio::time::timeout(order.timeout, child.wait()).await {
        Ok(Ok(status)) if status.success() => None,
        Ok(Ok(status)) => Some(status.to_string()),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => {
            // One that has ended just now is no longer there to be killed.
            let _ = child.kill().await;
            Some(format!("it took longer than {} s and was ended", order.timeout.as_secs()))
        }
    };
    listener.stop().await;
    Ok(ended)
}
