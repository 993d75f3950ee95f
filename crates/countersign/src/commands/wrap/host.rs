//! Who serves the data folder: a server that runs already, or one of this process's own.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::mcp::Wiring;
use tokio::net::TcpStream;
use types::{AgentId, Code, ServerName, TenantId};

use crate::cli::{Runs, Wrap};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, Running};
use crate::serve::{Options, Server};

/// Is how often a busy data folder is tried, every [`TRY_EVERY`]: longer than a server takes to leave.
const TRIES: u32 = 150;

/// Is the time between two tries.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Is how long a server may take to accept a connection on this machine.
const CONNECT: Duration = Duration::from_secs(1);

/// Starts a server of this process's own, on a loopback port that is free.
///
/// # Errors
///
/// `data-folder-busy` if another process serves the folder; otherwise as [`Server::start`].
pub(super) async fn start(folders: &Folders) -> Result<Server, CliError> {
    let tenant = TenantId::new("default").map_err(|e| CliError::usage(e.to_string()))?;
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    Server::start(folders, Options::local(loopback, tenant)).await
}

/// Returns the server that runs on the data folder and accepts connections, if there is one.
pub(super) async fn running(folders: &Folders) -> Option<Running> {
    let running = folders.running()?;
    accepts(&running.url).await.then_some(running)
}

async fn accepts(url: &str) -> bool {
    let address = url.trim_start_matches("http://");
    matches!(tokio::time::timeout(CONNECT, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Finds who serves the data folder, and does so itself if nobody does.
pub(super) struct Host {
    folders: Folders,
    agent: AgentId,
    server: Option<ServerName>,
    runs: Runs,
    own: Option<Server>,
    /// The server of another process's that the last way led to.
    attached: Option<Running>,
}

impl Host {
    /// Builds one that serves nothing yet.
    pub(super) fn new(folders: &Folders, args: &Wrap) -> Self {
        Self {
            folders: folders.clone(),
            agent: args.agent.clone(),
            server: args.server.clone(),
            runs: args.runs.clone(),
            own: None,
            attached: None,
        }
    }

    /// Returns the way to whoever serves the folder now; starts a server if nobody does.
    ///
    /// # Errors
    ///
    /// `unauthenticated` without a key for the agent; `data-folder-busy` if another process keeps the folder for 15 s
    /// and accepts no connection; otherwise as [`start`].
    pub(super) async fn reach(&mut self) -> Result<Wiring, CliError> {
        for _ in 0..TRIES {
            if let Some(own) = &self.own {
                return self.wiring(&own.url);
            }
            self.attached = running(&self.folders).await;
            if let Some(attached) = &self.attached {
                return self.wiring(&attached.url);
            }
            match start(&self.folders).await {
                Ok(server) => self.own = Some(server),
                // The one that left has not let go yet, or another wrap was quicker.
                Err(error) if error.code == Code::DataFolderBusy => tokio::time::sleep(TRY_EVERY).await,
                Err(error) => return Err(error),
            }
        }
        let message = format!("another process keeps `{}`, and nobody answers there", self.folders.data.display());
        Err(CliError::new(Exit::Failed, Code::DataFolderBusy, message))
    }

    async fn serving(&self) -> Option<String> {
        match &self.own {
            Some(own) => Some(own.url.clone()),
            None => running(&self.folders).await.map(|running| running.url),
        }
    }

    /// Says whether a way that was returned before still leads to whoever serves the folder, and that one listens.
    pub(super) async fn holds(&self, wiring: &Wiring) -> bool {
        let url = wiring.url.as_deref();
        url.zip(self.serving().await)
            .is_some_and(|(url, serving)| url.strip_prefix(&serving).is_some_and(|p| p.starts_with('/')))
    }

    /// Returns the server of another process's that the last way led to.
    pub(super) fn attached(&self) -> Option<Running> {
        self.attached.clone()
    }

    /// Says whether the process that the last way led to runs still.
    pub(super) fn lives(&self) -> bool {
        self.own.is_some() || self.attached.as_ref().is_some_and(Running::lives)
    }

    fn wiring(&self, url: &str) -> Result<Wiring, CliError> {
        let file = format!("agent-{}.key", self.agent);
        let key = self.folders.read_key(&file)?.ok_or_else(|| {
            let message = format!("there is no key for agent `{}` in `{}`", self.agent, self.folders.keys.display());
            CliError::new(Exit::Failed, Code::Unauthenticated, message)
                .hint(format!("`countersign key create --agent {}` makes one; save it as {file} there", self.agent))
        })?;
        let runs = self.runs.headers();
        let path = self.server.as_ref().map_or_else(|| "/mcp".to_owned(), |server| format!("/mcp/{server}"));
        Ok(Wiring {
            command: Vec::new(),
            env: BTreeMap::new(),
            url: Some(format!("{url}{path}")),
            headers: runs.into_iter().chain([("authorization".into(), format!("Bearer {key}"))]).collect(),
            ..Wiring::default()
        })
    }

    /// Ends the server of this process's own, if it runs one.
    pub(super) async fn close(&mut self) {
        if let Some(own) = self.own.take() {
            own.stop().await;
        }
    }
}
