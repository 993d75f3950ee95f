//! The application of a run: opened over a folder, and opened again on what a crash leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use connectors::mcp::{Connection, Limits};
use control::door::{Caller, McpDoor};
use control::levels::LevelWish;
use control::mcp::Link;
use control::{Config, Control};
use evidence::TenantKey;
use ledger::recover::Place;
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
    random: Arc<Seeded>,
    folder: TempDir,
    life: u32,
}

pub(crate) fn tenant() -> TenantKey {
    TenantKey::from_bytes([7; 32])
}

/// A folder in memory where the system has one: what the power takes is for another simulation.
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
    let make = |name: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    Config {
        tenant: "default".parse().unwrap(),
        url: "http://127.0.0.1:7717".into(),
        place: Place {
            data: make("data"),
            head: make("head"),
            keys: LogKeys { tenant: tenant(), log: SignerKey::ed25519("sim.example/log", &[9; 32]).unwrap().into() },
            clock: clock.clone(),
            random: random.clone(),
            journal_bytes_max: None,
        },
        bundle: bundle.clone(),
        anonymous: None,
        witnesses: None,
        timestamps: None,
        environment: Arc::new(|_| None),
    }
}

/// Returns a level as a wish, for a month.
pub fn level(agent: &str, class: &str, level: AutonomyLevel, expires: types::Millis) -> LevelWish {
    LevelWish {
        agent: agent.parse().unwrap(),
        class: class.parse().unwrap(),
        level,
        environments: BTreeSet::from(["test".to_owned()]),
        reason: "the run needs it".into(),
        expires,
    }
}

/// Returns a folder in which the first bundle is active and two agents have levels: made once per process.
async fn template() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _making = MAKING.lock().await;
    if let Some(folder) = FOLDER.get() {
        return folder;
    }
    let (folder, clock) = (fresh_folder(), Arc::new(Clockwork::default()));
    let control =
        Control::open(config(folder.path(), &clock, &Arc::new(Seeded::of(u64::MAX)), &rules::bundles()[0])).unwrap();
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
    FOLDER.get_or_init(|| folder)
}

impl Stage {
    /// Opens the application of a seed.
    pub async fn open(seed: u64) -> Self {
        let template = template().await;
        let folder = fresh_folder();
        copy(template.path(), &folder.path().join("0"));
        let (clock, random) = (Arc::new(Clockwork::default()), Arc::new(Seeded::of(!seed)));
        clock.time.advance(1_000);
        let control = Control::open(config(&folder.path().join("0"), &clock, &random, &rules::bundles()[0])).unwrap();
        let upstream = Upstream::default();
        let mut stage = Self { control, clock, upstream, links: BTreeMap::new(), random, folder, life: 0 };
        stage.begin().await;
        stage
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(self.life.to_string())
    }

    /// Takes up, opens a session for each agent, and lets the book look into the journal.
    async fn begin(&mut self) {
        let mirror = Mirror::open(&self.home().join("data"), tenant());
        self.upstream.book().mirror = Some(mirror);
        self.control.take_up().await.unwrap();
        for agent in AGENTS {
            self.link(&agent.parse().unwrap()).await;
        }
    }

    /// Gives an agent a new session and a new line to the server, which is asked again for its tools.
    pub async fn link(&mut self, agent: &AgentId) {
        let caller = Caller { agent: agent.clone(), on_behalf_of: None, anonymous: false };
        // One that the bundle does not know gets no session, and calls in one that is closed.
        let session = self.control.open_session(&caller, "sim").await;
        let session = session.unwrap_or_else(|_| SessionId::draw(self.control.now(), [1; 10]));
        let connection = Connection::in_memory(Arc::new(self.upstream.clone()), rules::HELLO, &Limits::default());
        let link = self.control.link_over(caller, "box".parse().unwrap(), connection);
        self.links.insert(agent.clone(), (session, link));
    }

    /// Opens the application again on a copy of its files as they are at this moment, which is what a crash leaves. No
    /// command may be on its way, and nobody else may hold the application.
    ///
    /// Returns what was wrong: a record that was there and is gone, or another.
    pub async fn crash(&mut self) -> Vec<String> {
        let before = {
            let mut book = self.upstream.book();
            let mut mirror = book.mirror.take().unwrap();
            mirror.pull();
            mirror.entries
        };
        let from = self.home();
        self.life += 1;
        copy(&from, &self.home());
        self.links.clear();
        // Most starts find the active bundle at hand; the others read it from the journal.
        let active = self.control.snapshot().bundle.digest();
        let at_hand = rules::bundles().iter().find(|bundle| bundle.digest() == active && !self.life.is_multiple_of(3));
        let bundle = at_hand.unwrap_or(&rules::bundles()[0]).clone();
        self.control = Control::open(config(&self.home(), &self.clock, &self.random, &bundle)).unwrap();
        self.begin().await;
        let mut book = self.upstream.book();
        let mirror = book.mirror.as_mut().unwrap();
        mirror.pull();
        let same = before.iter().zip(&mirror.entries).filter(|(a, b)| a.bytes == b.bytes).count();
        if same == before.len() {
            Vec::new()
        } else {
            vec![format!("only the first {same} of {} records survived", before.len())]
        }
    }
}
