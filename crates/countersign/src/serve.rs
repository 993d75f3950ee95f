//! The server: everything assembled behind one listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use control::control::Started;
use control::{Config, Control, Refusal};
use tokio::net::TcpListener;
use tokio::sync::watch;
use types::{AgentId, Code, PersonId, Principal, TenantId};

use crate::error::CliError;
use crate::folder::{Folders, load_bundle};
use crate::machine::{SystemRandom, environment};

/// Says how the server runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that MCP callers without a key are taken for.
    pub anonymous: Option<AgentId>,
}

/// Is a running server.
pub struct Server {
    /// Where it listens.
    pub url: String,
    /// The first person's key, unless it was put away.
    pub admin_key: Option<String>,
    /// What the start found.
    pub started: Started,
    /// The application behind it.
    pub control: Arc<Control>,
    folders: Folders,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Opens the journal, starts the application and listens.
    ///
    /// # Errors
    ///
    /// What the folders, the bundle, the journal or the socket say.
    pub async fn start(folders: &Folders, options: Options) -> Result<Self, CliError> {
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|e| CliError::machine(format!("{} cannot be listened on: {e}", options.listen)))?;
        let address = listener.local_addr().map_err(|e| CliError::machine(e.to_string()))?;
        let url = format!("http://{address}");
        let control = open(folders, &options, &url)?;
        let started = control.start().await?;
        let admin_key = first_start(folders, &control).await?;
        folders.announce(&url)?;
        let (stop, stopped) = watch::channel(false);
        let app = routes(&control, address).layer(from_fn_with_state(stopped.clone(), unless_stopped));
        let task = tokio::spawn(serve(listener, app, stopped));
        Ok(Self { url, admin_key, started, control, folders: folders.clone(), stop, task })
    }

    /// Runs until the process is told to stop, then publishes what is recorded.
    pub async fn wait(self) {
        told_to_stop().await;
        self.stop().await;
    }

    /// Stops listening, refuses what still comes over open connections, and publishes what is recorded.
    pub async fn stop(self) {
        self.folders.retract();
        self.stop.send_replace(true);
        let grace = std::time::Duration::from_secs(3);
        if tokio::time::timeout(grace, self.task).await.is_err() {
            tracing::info!("some connections were still open");
        }
        let control = self.control;
        let closed = tokio::task::spawn_blocking(move || control.close()).await;
        if closed.is_err() {
            tracing::warn!("the journal was not closed cleanly");
        }
    }
}

/// Waits until the process is told to end, by the interrupt or the terminate signal.
pub async fn told_to_stop() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::warn!(%error, "the terminate signal cannot be waited for");
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn open(folders: &Folders, options: &Options, url: &str) -> Result<Arc<Control>, CliError> {
    let bundle = Arc::new(load_bundle(folders.bundle_files()?)?);
    Ok(Control::open(Config {
        tenant: options.tenant.clone(),
        url: url.to_owned(),
        place: folders.place()?,
        bundle,
        anonymous: options.anonymous.clone(),
        environment: environment(),
    })?)
}

/// At the first start, as the journal knows it, the folder's bundle becomes active and the first person gets a key.
async fn first_start(folders: &Folders, control: &Arc<Control>) -> Result<Option<String>, CliError> {
    if !control.is_new() {
        return folders.read_key("admin.key");
    }
    let person = first_person(control)?;
    control.activate_first(&person, control.config().bundle.clone(), "the first start").await?;
    let key = control.create_first_key(Principal::Person(person), None, "the first start").await?;
    folders.write_key("admin.key", &key.token)?;
    Ok(Some(key.token))
}

/// Returns who holds the first key: a bundle's author, or else anybody it names.
fn first_person(control: &Control) -> Result<PersonId, CliError> {
    let bundle = &control.config().bundle;
    let data = bundle.data();
    let admin = data.people.iter().find(|(_, person)| person.groups.contains("admins")).map(|(id, _)| id);
    admin
        .or_else(|| data.head.authors.first())
        .or_else(|| data.people.keys().next())
        .cloned()
        .ok_or_else(|| CliError::usage("the bundle names no person, so nobody could hold the first key"))
}

fn routes(control: &Arc<Control>, address: SocketAddr) -> axum::Router {
    let hosts: Vec<String> = [address.to_string(), format!("localhost:{}", address.port())].into();
    let (api, _) =
        api::router(control.clone(), api::ApiConfig { allowed_hosts: hosts.clone(), ..api::ApiConfig::default() });
    let mut config = gateway::HttpConfig::new(|| ledger::port::draw(&SystemRandom));
    config.hosts = hosts;
    api.merge(gateway::router(Arc::new(control.clone()), config))
}

/// Takes no new request once the server was told to stop: what it began then could be cut off.
async fn unless_stopped(State(stopped): State<watch::Receiver<bool>>, request: Request, next: Next) -> Response {
    if *stopped.borrow() {
        return api::refuse(Refusal::plain(Code::ShuttingDown, "the server is stopping and takes no new requests"));
    }
    next.run(request).await
}

async fn serve(listener: TcpListener, app: axum::Router, mut stopped: watch::Receiver<bool>) {
    let until = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(until).await {
        tracing::error!(%error, "the listener ended");
    }
}
