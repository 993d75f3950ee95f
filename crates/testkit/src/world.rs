//! A running application over a temporary folder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use control::levels::LevelWish;
use control::{Config, Control};
use evidence::TenantKey;
use ledger::LogKeys;
use ledger::recover::{OpenError, Place};
use policy::{Bundle, BundleFiles};
use tempfile::TempDir;
use tlog::key::SignerKey;
use types::{AutonomyLevel, PersonId, Principal};

use crate::bundle::bundle;
use crate::machine::{Counting, TestClock};

/// Is a running application and everybody's key to it.
pub struct World {
    /// The application.
    pub control: Arc<Control>,
    /// The clock it runs by.
    pub clock: Arc<TestClock>,
    /// The folder that holds its data and its head file; searched for everybody's keys and gone when the world is dropped.
    pub folder: Folder,
    /// Bearer tokens by name: every agent and person of the bundle, and `sre-bot/cleo` for a key of `sre-bot` that acts
    /// for `cleo`.
    pub tokens: BTreeMap<String, String>,
}

/// Is a folder in which no bearer token may be found when it goes.
pub struct Folder {
    folder: TempDir,
    secrets: Vec<String>,
}

impl Folder {
    /// Watches over a folder that holds a copy of a world's files.
    pub fn of(folder: TempDir, tokens: &BTreeMap<String, String>) -> Self {
        Self { folder, secrets: tokens.values().cloned().collect() }
    }
}

impl std::ops::Deref for Folder {
    type Target = TempDir;

    fn deref(&self) -> &TempDir {
        &self.folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut waiting = vec![self.folder.path().to_owned()];
        while let Some(path) = waiting.pop() {
            // What is replaced while a publisher still runs is not there any more.
            if path.is_dir() {
                waiting.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            let found = self.secrets.iter().any(|secret| holds(&bytes, secret.as_bytes()));
            assert!(!found, "a bearer token stands in {}", path.display());
        }
    }
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| Some(*byte) == secret.first());
    starts.filter_map(|(at, _)| bytes.get(at..)).any(|rest| rest.starts_with(secret))
}

impl World {
    /// Returns the bearer token of an agent or a person.
    pub fn token(&self, name: &str) -> &str {
        self.tokens.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}

impl World {
    /// Looks for one more secret in everybody's files once the world is dropped.
    pub fn watch_for(&mut self, secret: &str) {
        self.folder.secrets.push(secret.to_owned());
    }

    /// Stops the application as a clean stop does, and starts it again on the same folder.
    pub async fn restart(self) -> Self {
        self.restart_with(|config| config).await
    }

    /// Writes another digest into the seal of a model, as somebody does who can write the data folder.
    pub fn forge_seal(&self, model: &str, digest: types::Digest) {
        let tracking = rusqlite::Connection::open(self.control.config().place.data.join("tracking.db")).unwrap();
        tracking.busy_timeout(Duration::from_secs(5)).unwrap();
        let forged = tracking.execute("UPDATE seal SET digest = ?2 WHERE model = ?1", (model, digest.0));
        assert_eq!(forged.unwrap(), 1);
    }

    /// Changes what is tracked behind the application's back, as a process does that ends between two changes; returns how many rows it was.
    pub fn alter_tracked(&self, sql: &str) -> usize {
        self.tracked().execute(sql, ()).unwrap()
    }

    /// Changes what is tracked behind the server's back, as somebody does who can write the data folder; it changes one row or more.
    pub fn tamper(&self, sql: &str) {
        let tracked = self.tracked();
        tracked.pragma_update(None, "foreign_keys", false).unwrap();
        let triggers = "DROP TRIGGER IF EXISTS model_move_stays; DROP TRIGGER IF EXISTS model_move_is_kept;";
        tracked.execute_batch(triggers).unwrap();
        assert!(tracked.execute(sql, []).unwrap() > 0, "nothing was changed by {sql}");
    }

    fn tracked(&self) -> rusqlite::Connection {
        let tracked = rusqlite::Connection::open(self.control.config().place.data.join("tracking.db")).unwrap();
        tracked.busy_timeout(Duration::from_secs(5)).unwrap();
        tracked
    }

    /// Holds the journal up until what is returned is dropped, or its writer gives up after five seconds.
    pub fn hold_journal(&self) -> rusqlite::Connection {
        let journal = rusqlite::Connection::open(self.control.config().place.data.join("journal.db")).unwrap();
        journal.busy_timeout(Duration::from_secs(5)).unwrap();
        journal.execute_batch("BEGIN IMMEDIATE").unwrap();
        journal
    }

    /// Restarts as [`World::restart`] does, with another configuration.
    pub async fn restart_with(self, change: impl FnOnce(Config) -> Config) -> Self {
        let Self { control, clock, folder, tokens } = self;
        let config = change(control.config().clone());
        control.close().await;
        let control = reopened(config).await;
        control.start().await.unwrap();
        Self { control, clock, folder, tokens }
    }
}

/// Opens an application whose folder was just let go; a task that still holds it for a moment keeps the folder taken.
pub async fn reopened(config: Config) -> Arc<Control> {
    for _ in 0..600 {
        match Control::open(config.clone()) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the folder is still taken")
}

/// Returns the key that the log of every test's application begins with.
pub fn log_key() -> SignerKey {
    SignerKey::ed25519("testkit.example/log", &[9; 32]).unwrap()
}

/// Returns the key that signs models in every test's application.
pub fn model_key() -> evidence::ModelSigningKey {
    evidence::ModelSigningKey::from_bytes(&[5; 32]).unwrap()
}

/// Starts an application with the bundle of [`bundle`].
pub async fn world() -> World {
    world_with(bundle()).await
}

/// Starts an application with a bundle that has the same people, agents and classes.
pub async fn world_with(files: BundleFiles) -> World {
    start(files, None).await
}

/// Starts an application whose journal file cannot grow beyond so many bytes, as on a disk that is full.
pub async fn world_on_small_disk(files: BundleFiles, journal_bytes_max: u64) -> World {
    start(files, Some(journal_bytes_max)).await
}

async fn start(files: BundleFiles, journal_bytes_max: Option<u64>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let bundle = Arc::new(Bundle::load(files).unwrap_or_else(|problems| panic!("{problems}")));
    let control = Control::open(Config {
        tenant: "default".parse().unwrap(),
        url: "http://127.0.0.1:7717".into(),
        place: Place { journal_bytes_max, ..place(&folder, clock.clone()) },
        bundle: bundle.clone(),
        anonymous: None,
        passkeys: control::passkeys::PasskeyConfig::local(7717),
        witnesses: None,
        timestamps: None,
        bucket: None,
        model_key: Some(model_key()),
        model_signers: Arc::default(),
        notifications: None,
        probes: None,
        oidc: None,
        environment: Arc::new(|_| None),
        // A busy machine changes no answer.
        receipt_wait: std::time::Duration::from_secs(1),
    })
    .unwrap();
    control.start().await.unwrap();
    let author: PersonId = "dan".parse().unwrap();
    control.activate_first(&author, bundle.clone(), "the first start").await.unwrap();
    let tokens = keys(&control, &author, &bundle).await;
    for class in ["read", "write", "destructive"] {
        control.give_first_level(&author, level(&control, class)).await.unwrap();
    }
    let folder = Folder::of(folder, &tokens);
    World { control, clock, folder, tokens }
}

fn place(folder: &TempDir, clock: Arc<TestClock>) -> Place {
    let make = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    Place {
        data: make("data"),
        head: make("head"),
        keys: LogKeys { tenant: TenantKey::from_bytes([7; 32]), log: log_key().into() },
        clock,
        random: Arc::new(Counting::default()),
        journal_bytes_max: None,
    }
}

async fn keys(control: &Arc<Control>, author: &PersonId, bundle: &Bundle) -> BTreeMap<String, String> {
    let agents = bundle.data().agents.keys().map(|agent| (agent.to_string(), Principal::Agent(agent.clone()), None));
    let people =
        bundle.data().people.keys().map(|person| (person.to_string(), Principal::Person(person.clone()), None));
    let delegated =
        ("sre-bot/cleo".to_owned(), Principal::Agent("sre-bot".parse().unwrap()), Some("cleo".parse().unwrap()));
    let mut tokens = BTreeMap::new();
    for (name, holder, on_behalf_of) in agents.chain(people).chain([delegated]) {
        let key = control.create_first_key(author, holder, on_behalf_of, "the first start").await.unwrap();
        tokens.insert(name, key.token);
    }
    tokens
}

fn level(control: &Control, class: &str) -> LevelWish {
    LevelWish {
        epoch: None,
        agent: "sre-bot".parse().unwrap(),
        class: class.parse().unwrap(),
        level: AutonomyLevel::L1,
        environments: BTreeSet::new(),
        reason: "the tests need it".into(),
        expires: control.now().plus(30 * 86_400_000),
    }
}
