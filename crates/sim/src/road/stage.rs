//! The application of a run: opened on a simulated disk, and opened again on what a crash leaves there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use connectors::mcp::{Connection, Limits};
use control::door::{Caller, McpDoor};
use control::levels::LevelWish;
use control::mcp::Link;
use control::{Config, Control};
use evidence::TenantKey;
use ledger::recover::{OpenError, Place};
use ledger::{LogKeys, Random};
use policy::Bundle;
use tempfile::TempDir;
use tlog::key::SignerKey;
use types::{AgentId, AutonomyLevel, PersonId, SessionId};

use super::dice::Dice;
use super::journal::Mirror;
use super::ports::Clockwork;
use super::rules;
use super::upstream::Upstream;
use crate::disk::{Disk, Mount};
use crate::vfs;

/// Are the agents that call: two with levels, one without, and one that no bundle knows.
pub const AGENTS: [&str; 4] = ["one", "two", "new", "stranger"];

/// Draws bytes from a seed.
pub(crate) struct Seeded(Mutex<Dice>);

impl Seeded {
    /// Begins the bytes of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(Mutex::new(Dice::of(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        for chunk in out.chunks_mut(8) {
            let drawn = dice.draw().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// Is the application with everything it is plugged into.
pub struct Stage {
    /// The application.
    pub control: Arc<Control>,
    /// Its clock.
    pub clock: Arc<Clockwork>,
    /// The server behind it.
    pub upstream: Upstream,
    /// The session and the link of each agent that has one.
    pub links: BTreeMap<AgentId, (SessionId, Arc<Link>)>,
    /// The disk that its journal and its other files are on.
    pub disk: Arc<Disk>,
    pub(super) seed: u64,
    pub(super) life: u32,
}

pub(crate) fn tenant() -> TenantKey {
    TenantKey::from_bytes([7; 32])
}

/// A folder in memory where the system has one: what the power takes is for other simulations.
pub(crate) fn fresh_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name();
        if source.is_dir() {
            copy(&source, &target);
        } else if name != "journal.db-shm" {
            // The index of the write-ahead log is memory, which a crash takes.
            std::fs::copy(source, target).unwrap();
        }
    }
}

pub(crate) fn config(folder: &Path, clock: &Arc<Clockwork>, random: &Arc<Seeded>, bundle: &Arc<Bundle>) -> Config {
    for name in ["data", "head"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    config_in(folder, clock, random, bundle)
}

fn config_in(folder: &Path, clock: &Arc<Clockwork>, random: &Arc<Seeded>, bundle: &Arc<Bundle>) -> Config {
    Config {
        tenant: "default".parse().unwrap(),
        url: "http://127.0.0.1:7717".into(),
        place: Place {
            data: folder.join("data"),
            head: folder.join("head"),
            keys: LogKeys { tenant: tenant(), log: SignerKey::ed25519("sim.example/log", &[9; 32]).unwrap().into() },
            clock: clock.clone(),
            random: random.clone(),
            journal_bytes_max: None,
        },
        bundle: bundle.clone(),
        anonymous: None,
        passkeys: control::passkeys::PasskeyConfig::local(7717),
        witnesses: None,
        timestamps: None,
        bucket: None,
        model_key: None,
        model_signers: Arc::default(),
        notifications: None,
        probes: None,
        oidc: None,
        environment: Arc::new(|_| None),
        receipt_wait: control::RECEIPT_WAIT,
    }
}

/// Returns a level as a wish, for a month.
pub fn level(agent: &str, class: &str, level: AutonomyLevel, expires: types::Millis) -> LevelWish {
    LevelWish {
        epoch: None,
        agent: agent.parse().unwrap(),
        class: class.parse().unwrap(),
        level,
        environments: BTreeSet::from(["test".to_owned()]),
        reason: "the run needs it".into(),
        expires,
    }
}

/// Returns a disk on which the first bundle is active and two agents have levels: made once per process.
async fn template() -> &'static Disk {
    static DISK: OnceLock<Arc<Disk>> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _making = MAKING.lock().await;
    if let Some(disk) = DISK.get() {
        return disk;
    }
    vfs::install();
    let (disk, clock) = (Disk::new(0), Arc::new(Clockwork::default()));
    let config = config_in(disk.root(), &clock, &Arc::new(Seeded::of(u64::MAX)), &rules::bundles()[0]);
    let control = Control::open_on(config, &mounted(&disk)).unwrap();
    control.take_up().await.unwrap();
    let dan: PersonId = "dan".parse().unwrap();
    control.activate_first(&dan, rules::bundles()[0].clone(), "the run begins").await.unwrap();
    for agent in ["one", "two"] {
        for class in ["read", "note", "write", "destructive"] {
            let rank = if class == "note" { AutonomyLevel::L2 } else { AutonomyLevel::L1 };
            let wish = level(agent, class, rank, control.now().plus(30 * 86_400_000));
            control.give_first_level(&dan, wish).await.unwrap();
        }
    }
    control.close().await;
    DISK.get_or_init(|| disk)
}

/// Returns the disk as the life of the process sees it that begins.
fn mounted(disk: &Arc<Disk>) -> Arc<dyn ledger::Disk> {
    Arc::new(Mount::new(disk))
}

impl Stage {
    /// Opens the application of a seed.
    pub async fn open(seed: u64) -> Self {
        let disk = Disk::like(template().await, seed);
        let clock = Arc::new(Clockwork::default());
        clock.time.advance(1_000);
        let control = opened(&disk, &clock, seed, 0, &rules::bundles()[0]).unwrap();
        control.take_up().await.unwrap();
        let upstream = Upstream::default();
        let mut stage = Self { control, clock, upstream, links: BTreeMap::new(), disk, seed, life: 0 };
        stage.begin().await;
        stage
    }

    /// Opens a session for each agent, and lets the book look into the journal.
    pub(super) async fn begin(&mut self) {
        let mirror = Mirror::open(&self.disk.root().join("data"), tenant()).on(&self.disk);
        self.upstream.book().mirror = Some(mirror);
        for agent in AGENTS {
            self.link(&agent.parse().unwrap()).await;
        }
    }

    /// Gives an agent a new session and a new line to the server, which is asked again for its tools.
    pub async fn link(&mut self, agent: &AgentId) {
        let caller = Caller { agent: agent.clone(), on_behalf_of: None, anonymous: false };
        // One that the bundle does not know gets no session, and calls in one that is closed.
        let session = self.control.open_session(&caller, &Default::default(), "sim").await;
        let session = session.unwrap_or_else(|_| SessionId::draw(self.control.now(), [1; 10]));
        let connection = Connection::in_memory(Arc::new(self.upstream.clone()), rules::HELLO, &Limits::default());
        let link = self.control.link_over(caller, "box".parse().unwrap(), connection);
        self.links.insert(agent.clone(), (session, link));
    }

    /// Opens the application for a life, which draws bytes of its own: what is left of an earlier one cannot disturb it.
    pub(super) fn opened(&self, bundle: &Arc<Bundle>) -> Result<Arc<Control>, OpenError> {
        opened(&self.disk, &self.clock, self.seed, self.life, bundle)
    }
}

fn opened(
    disk: &Arc<Disk>,
    clock: &Arc<Clockwork>,
    seed: u64,
    life: u32,
    bundle: &Arc<Bundle>,
) -> Result<Arc<Control>, OpenError> {
    let random = Arc::new(Seeded::of(!seed ^ (u64::from(life) << 40)));
    Control::open_on(config_in(disk.root(), clock, &random, bundle), &mounted(disk))
}
