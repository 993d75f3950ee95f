//! The server: everything assembled behind one listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use control::closing::roll_over;
use control::control::Started;
use control::passkeys::PasskeyConfig;
use control::{Config, Control, Refusal};
use ledger::recover::Lock;
use ledger::rollover::RolledOver;
use policy::Bundle;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use types::{AgentId, Code, PersonId, Principal, TenantId};

use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::machine::{SystemRandom, environment};
use crate::{artifacts, notifications, oidc, probes, timestamps};

/// Says how the server runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that MCP callers without a key are taken for.
    pub anonymous: Option<AgentId>,
    /// Whether the published log is read without a key.
    pub public_log: bool,
    /// The host of people's passkeys, and the origins of its pages; none for those that follow from the host.
    pub passkeys: (String, Vec<String>),
}

impl Options {
    /// Serves this machine alone, under one tenant.
    pub fn local(listen: SocketAddr, tenant: TenantId) -> Self {
        let passkeys = (LOCALHOST.to_owned(), Vec::new());
        Self { listen, tenant, anonymous: None, public_log: false, passkeys }
    }
}

/// Is the host of passkeys on this machine.
const LOCALHOST: &str = "localhost";

/// Names the site of people's passkeys.
fn passkeys((host, origins): (String, Vec<String>), port: u16) -> Result<PasskeyConfig, CliError> {
    let own = match host.as_str() {
        LOCALHOST => format!("http://localhost:{port}"),
        host => format!("https://{host}"),
    };
    let origins = if origins.is_empty() { vec![own] } else { origins };
    PasskeyConfig::new(host, origins).map_err(CliError::usage)
}

/// Returns the address that people are sent to: beyond this machine it is the one at which their passkeys work.
fn people_go_to(passkeys: &PasskeyConfig, address: SocketAddr) -> String {
    match passkeys.origins().first() {
        Some(origin) if passkeys.rp_id() != LOCALHOST => origin.clone(),
        Some(_) | None => format!("http://{address}"),
    }
}

/// Names the hosts that are answered to: the listener's own, and those by which a proxy shows the pages of passkeys.
fn hosts(passkeys: &PasskeyConfig, address: SocketAddr) -> Vec<String> {
    let shown = passkeys.origins().iter().filter_map(|origin| origin.split_once("://"));
    let shown = shown.map(|(_, host)| host.to_owned());
    [address.to_string(), format!("localhost:{}", address.port())].into_iter().chain(shown).collect()
}

/// Is a running server.
pub struct Server {
    /// Where it listens.
    pub url: String,
    /// The first person's key, unless it was put away.
    pub admin_key: Option<String>,
    /// What the start found.
    pub started: Started,
    /// The log that was closed before this start, and the one that it took up.
    pub rolled_over: Option<RolledOver>,
    /// What everybody should know of break-glasses that are not closed, in a line each.
    pub glasses: Vec<String>,
    /// The application behind it.
    pub control: Arc<Control>,
    folders: Folders,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Takes the data folder, listens, opens the journal and starts the application.
    ///
    /// # Errors
    ///
    /// `data-folder-busy` if another process serves the folder, `address-unusable` if the address cannot be listened on, or
    /// what the folders, the bundle or the journal say.
    pub async fn start(folders: &Folders, options: Options) -> Result<Self, CliError> {
        let bundle = Arc::new(load_bundle(folders.bundle_files()?)?);
        // Before the port: whoever serves this folder is the reason that matters if it has the port too.
        let lock = folders.lock()?;
        let (listener, address) = listen(options.listen).await?;
        let url = format!("http://{address}");
        let public_log = options.public_log;
        let config = config(folders, &lock, bundle, options, address)?;
        let (lock, rolled_over) = roll_over(&config, lock).await?;
        let control = Control::open_locked(config, lock)?;
        let started = control.start().await?;
        let admin_key = first_start(folders, &control).await?;
        let now = control.now();
        let kept = control.break_glasses()?;
        let glasses = kept.iter().filter_map(|glass| control::break_glass::told(glass, now)).collect();
        folders.announce(&url)?;
        let (stop, stopped) = watch::channel(false);
        let app = routes(&control, address, public_log).layer(from_fn_with_state(stopped.clone(), unless_stopped));
        let task = tokio::spawn(serve(listener, app, stopped));
        Ok(Self { url, admin_key, started, rolled_over, glasses, control, folders: folders.clone(), stop, task })
    }

    /// Makes a link that logs a browser in to the console once, as the holder of a key.
    ///
    /// # Errors
    ///
    /// What the key says.
    pub fn login_link(&self, key: &str) -> Result<String, CliError> {
        Ok(self.control.login_link(key)?.url)
    }

    /// Runs until the process is told to stop, then publishes what is recorded.
    pub async fn wait(self, mut signals: Signals) {
        signals.told_to_stop().await;
        self.stop().await;
    }

    /// Stops listening, refuses what still comes over open connections, and publishes what is recorded.
    pub async fn stop(self) {
        self.folders.retract();
        self.stop.send_replace(true);
        self.control.send_followers_away();
        let grace = std::time::Duration::from_secs(3);
        if tokio::time::timeout(grace, self.task).await.is_err() {
            tracing::info!("some connections were still open");
        }
        self.control.close().await;
    }
}

/// Hears the interrupt and the terminate signal, which do not end the process by themselves from then on.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to hear them.
    ///
    /// # Errors
    ///
    /// `file-unusable` if the system does not let it.
    pub fn hear() -> Result<Self, CliError> {
        let heard = |kind| {
            signal(kind).map_err(|error| CliError::machine(format!("the signals to stop cannot be heard: {error}")))
        };
        Ok(Self { interrupt: heard(SignalKind::interrupt())?, terminate: heard(SignalKind::terminate())? })
    }

    /// Waits until one has come since they are heard.
    pub async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits until the process is told to end, by the interrupt or the terminate signal.
pub async fn told_to_stop() {
    match Signals::hear() {
        Ok(mut signals) => signals.told_to_stop().await,
        Err(error) => tracing::warn!(%error, "nobody could tell this process to stop"),
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CliError> {
    let failed = |error: std::io::Error| {
        let message = format!("{address} cannot be listened on: {error}");
        CliError::new(Exit::Failed, Code::AddressUnusable, message)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn config(
    folders: &Folders,
    lock: &Lock,
    bundle: Arc<Bundle>,
    options: Options,
    address: SocketAddr,
) -> Result<Config, CliError> {
    let passkeys = passkeys(options.passkeys, address.port())?;
    Ok(Config {
        tenant: options.tenant,
        url: people_go_to(&passkeys, address),
        place: folders.place(lock)?,
        bundle,
        anonymous: options.anonymous,
        witnesses: folders.witnesses()?,
        timestamps: timestamps::config(folders)?,
        bucket: artifacts::bucket(folders)?,
        model_key: Some(folders.model_key(lock)?),
        model_signers: Arc::new(folders.model_signers()?),
        passkeys,
        notifications: notifications::settings(folders)?,
        probes: probes::config(folders)?,
        oidc: oidc::config(folders)?,
        environment: environment(),
        receipt_wait: control::RECEIPT_WAIT,
    })
}

/// Says with what a journal is opened that no server runs on.
///
/// # Errors
///
/// What the keys folder says.
pub fn at_rest(folders: &Folders, lock: &Lock, bundle: Bundle, tenant: &TenantId) -> Result<Config, CliError> {
    Ok(Config {
        tenant: tenant.clone(),
        url: String::new(),
        place: folders.place(lock)?,
        bundle: Arc::new(bundle),
        anonymous: None,
        witnesses: folders.witnesses()?,
        timestamps: timestamps::config(folders)?,
        bucket: None,
        // Who takes a model elsewhere asks a running server.
        model_key: None,
        model_signers: Arc::default(),
        passkeys: PasskeyConfig::local(0),
        // Nobody is told of what is done while no server runs until one does.
        notifications: None,
        probes: None,
        oidc: None,
        environment: environment(),
        receipt_wait: control::RECEIPT_WAIT,
    })
}

/// At the first start, as the journal knows it, the folder's bundle becomes active and the first person gets a key.
///
/// The start stays the first one until the key is recorded, so its file is written before.
async fn first_start(folders: &Folders, control: &Arc<Control>) -> Result<Option<String>, CliError> {
    if !control.is_new() {
        return folders.read_key("admin.key");
    }
    let person = first_person(control)?;
    control.activate_first(&person, control.config().bundle.clone(), "the first start").await?;
    let holder = Principal::Person(person.clone());
    first_key(folders, control, "admin.key", (&person, holder), "the first start").await.map(Some)
}

/// Makes a key by the hand of whoever runs this process, and returns its token.
///
/// Its file is written before it is recorded: a recorded key that nobody has could not be made again.
pub async fn first_key(
    folders: &Folders,
    control: &Control,
    file: &str,
    (by, holder): (&PersonId, Principal),
    reason: &str,
) -> Result<String, CliError> {
    let (key, new) = control.draft_first_key(by, holder, None);
    folders.write_key(file, &new.token)?;
    control.record_first_key(key, reason).await?;
    Ok(new.token)
}

/// Returns who holds the first key: one of the group `admins`, else the bundle's first author, else anybody it names.
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

fn routes(control: &Arc<Control>, address: SocketAddr, public_log: bool) -> axum::Router {
    let hosts = hosts(&control.config().passkeys, address);
    let api_config = api::ApiConfig { allowed_hosts: hosts.clone(), public_log, ..api::ApiConfig::default() };
    let (api, _) = api::router(control.clone(), api_config);
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
