//! The gateway's host: the real application and its listener over a folder that outlives it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::serve::Listener;
use control::Control;
use ledger::Random as _;
use policy::Bundle;
use tempfile::TempDir;
use turmoil::net::{TcpListener, TcpStream};
use types::{CaseId, PersonId};

use crate::road::journal::Mirror;
use crate::road::oracle::invariants;
use crate::road::ports::Clockwork;
use crate::road::rules::{self, Setting};
use crate::road::stage::{Seeded, config, copy, fresh_folder, tenant};

use super::client::GATEWAY;
use super::outgoing::Outgoing;
use super::scene::Scene;
use super::server;
use super::template::Template;

/// Is what the bundles say of this world.
pub const SETTING: Setting = Setting { url: server::URL, wait_ms_max: 9_000, deadline_ms: Some(6_000) };

/// Draws the ids of the listener's sessions; a process plays one seed.
static IDS: OnceLock<Seeded> = OnceLock::new();

fn session_id() -> [u8; 32] {
    let mut id = [0; 32];
    IDS.get_or_init(|| Seeded::of(0)).fill(&mut id);
    id
}

/// Is the gateway with its folder, through all its lives.
pub struct Node {
    scene: Arc<Scene>,
    folder: TempDir,
    random: Arc<Seeded>,
    bundle: Arc<Bundle>,
    alive: Mutex<Option<Alive>>,
    life: Mutex<u32>,
    /// Waits for the ledger between two steps.
    waiting: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Alive {
    control: Arc<Control>,
    clock: Arc<Clockwork>,
}

/// Listens on the simulated network.
struct Listening(TcpListener);

impl Listener for Listening {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Ok(accepted) = self.0.accept().await {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Lets the application's time pass as often as the product does; publishing is done between steps, because it works on a
/// thread of its own.
async fn tick(control: Arc<Control>) {
    let mut every = tokio::time::interval(Duration::from_millis(250));
    loop {
        every.tick().await;
        // What a refused tick was to end, the next one ends.
        drop(control.tick().await);
    }
}

impl Node {
    /// Lays out the folder of a seed's gateway.
    pub fn new(seed: u64, scene: &Arc<Scene>, template: &Template) -> Arc<Self> {
        let folder = fresh_folder();
        copy(&template.path, &folder.path().join("0"));
        IDS.get_or_init(|| Seeded::of(seed ^ 0x1D5));
        Arc::new(Self {
            scene: scene.clone(),
            folder,
            random: Arc::new(Seeded::of(!seed)),
            bundle: rules::load(0, &SETTING),
            alive: Mutex::new(None),
            life: Mutex::new(0),
            waiting: tokio::runtime::Builder::new_current_thread().build().unwrap(),
        })
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(self.life.lock().unwrap().to_string())
    }

    /// Opens what the folder holds and settles what the last life left, while no host runs.
    pub fn start(&self) {
        let clock = Arc::new(Clockwork::beside(&self.scene.time));
        let control = Control::open(config(&self.home(), &clock, &self.random, &self.bundle)).unwrap();
        self.waiting.block_on(control.take_up()).unwrap();
        clock.shut();
        self.kills_are_kept(&control);
        self.scene.book().mirror = Some(Mirror::open(&self.home().join("data"), tenant()));
        *self.alive.lock().unwrap() = Some(Alive { control, clock });
    }

    /// Serves what was started, until its host ends.
    ///
    /// # Errors
    ///
    /// What the simulated network says.
    pub async fn serve(self: Arc<Self>) -> turmoil::Result {
        let control = self.alive.lock().unwrap().clone().unwrap().control;
        control.reach_over(Outgoing::new(&self.scene));
        tokio::spawn(tick(control.clone()));
        let hosts = vec![GATEWAY.to_owned()];
        let api_config = api::ApiConfig { allowed_hosts: hosts.clone(), ..api::ApiConfig::default() };
        let (api, _) = api::router(control.clone(), api_config);
        let mut config = gateway::HttpConfig::new(session_id);
        config.hosts = hosts;
        let app = api.merge(gateway::router(Arc::new(control), config));
        let listener = Listening(TcpListener::bind("0.0.0.0:7717").await?);
        axum::serve(listener, app).await?;
        Ok(())
    }

    fn kills_are_kept(&self, control: &Control) {
        let set = control.switches();
        let mut seen = self.scene.seen();
        let open = seen.trace.armed.iter().filter(|armed| armed.to.is_none());
        let gone = open.filter(|armed| !set.iter().any(|switch| switch.target == armed.target));
        let gone: Vec<String> = gone.map(|armed| armed.target.key()).collect();
        let told = gone.into_iter().map(|key| format!("the acknowledged kill `{key}` is gone after a crash"));
        seen.trace.wrong.extend(told);
    }

    /// Lets the ledger answer everything that was asked of it, while no host runs; the sequencer takes commands in order, so
    /// the one sent here comes last. Returns how many records are durable, if the gateway is alive.
    pub fn quiet(&self) -> Option<u64> {
        let alive = self.alive.lock().unwrap().clone()?;
        alive.clock.open();
        let nothing = CaseId::draw(types::Millis(1), [0; 10]);
        let answered = self.waiting.block_on(alive.control.withdraw(nothing));
        alive.clock.shut();
        if let Err(refusal) = answered {
            self.scene.wrong(format!("the journal has stopped: {}", refusal.message));
            self.asserted(&alive.control);
        }
        Some(alive.control.health().size)
    }

    /// Publishes what is recorded, while no host runs.
    pub fn publish(&self) {
        let alive = self.alive.lock().unwrap().clone();
        if let Some(Err(error)) = alive.map(|alive| alive.control.publish()) {
            self.scene.wrong(format!("the log could not be published: {error}"));
        }
    }

    /// Leaves the files as they are at this moment, for the next life. No host may run, and whatever was asked of the ledger
    /// since it was quiet is lost.
    pub fn crash(&self) {
        let from = self.home();
        *self.life.lock().unwrap() += 1;
        copy(&from, &self.home());
        if let Some(alive) = self.alive.lock().unwrap().take() {
            self.asserted(&alive.control);
            alive.clock.open();
        }
    }

    /// Takes note of an invariant that is broken.
    fn asserted(&self, control: &Control) {
        let mut wrong = Vec::new();
        invariants::judge(control, &mut wrong);
        wrong.into_iter().for_each(|what| self.scene.wrong(what));
    }

    /// Puts another policy in force, while no host runs: reading an inventory works on a thread of its own.
    pub fn activate(&self, turn: usize) {
        let Some(alive) = self.alive.lock().unwrap().clone() else { return };
        let files = rules::load(turn, &SETTING).files().clone();
        let dan: PersonId = "dan".parse().unwrap();
        alive.clock.open();
        let done = self.waiting.block_on(alive.control.activate(&dan, files, "another turn"));
        alive.clock.shut();
        let said = done.map_or_else(|refusal| refusal.code.as_str().to_owned(), |_| "active".to_owned());
        self.scene.count("policies", said);
    }

    /// Starts once more, and returns the journal.
    pub fn settle(&self) -> Mirror {
        self.start();
        if let Some(alive) = self.alive.lock().unwrap().take() {
            alive.clock.open();
        }
        let mut book = self.scene.book();
        let mut mirror = book.mirror.take().unwrap();
        mirror.pull();
        mirror
    }
}
