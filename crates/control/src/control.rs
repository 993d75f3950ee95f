//! The application itself: what it holds, how it starts, and what runs beside the requests.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use connectors::bucket::Bucket;
use evidence::ModelSigningKey;
use executor::Gate;
use ledger::epoch::Found;
use ledger::publish::Publisher;
use ledger::recover::{Lock, Open, OpenError, Place, lock, open_anew, open_locked, open_on};
use ledger::sync::{Mutex, RwLock, thread};
use ledger::{Clock, History, Ledger, Random, Standing};
use policy::Bundle;
use stages::decision::Permit;
use tlog::TrustPolicy;
use tokio::sync::{Notify, watch};
use types::case::Case;
use types::cbor;
use types::{AgentId, KeyId, Millis, Session, SessionId, TenantId};

use crate::at_once::KillKept;
use crate::ballots::Ballots;
use crate::board::Board;
use crate::bundles::Activations;
use crate::door::Refusal;
use crate::events::Followers;
use crate::logins::Logins;
use crate::logs::{ClosedHistories, first_origin};
use crate::machine::{Command, Decider, Reply, Seed};
use crate::model_signers::ModelSigners;
use crate::oidc::{OidcConfig, OidcLogins};
use crate::oversight::Watched;
use crate::passkey_logins::Challenges;
use crate::passkeys::{Asked, PasskeyConfig};
use crate::probes::ProbesConfig;
use crate::redaction::Redaction;
use crate::snapshot::{DoorClock, Snapshot, Views};
use crate::state::{Decoy, Key, OpenFlight, Switch, kind};
use crate::timestamps::{TimestampConfig, Timestamps};
use crate::tools::Listed;
use crate::tracking::Tracking;
use crate::witnesses::Witnesses;

/// Resolves a name from the environment; only binaries read it.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Says with what the application runs.
#[derive(Clone)]
pub struct Config {
    /// The tenant.
    pub tenant: TenantId,
    /// The base of the addresses that people are sent to, such as `http://127.0.0.1:7717`.
    pub url: String,
    /// Where the journal is.
    pub place: Place,
    /// The bundle that becomes active if none was activated before.
    pub bundle: Arc<Bundle>,
    /// The agent that a caller without a credential is taken for; only for a listener nobody else reaches.
    pub anonymous: Option<AgentId>,
    /// The witnesses that cosign the log, if there are any.
    pub witnesses: Option<TrustPolicy>,
    /// Where files of training are kept, if not in the data folder.
    pub bucket: Option<Arc<Bucket>>,
    /// The key that signs models, where one does.
    pub model_key: Option<ModelSigningKey>,
    /// Whose signatures of models are believed.
    pub model_signers: Arc<ModelSigners>,
    /// Who dates the log, if somebody does.
    pub timestamps: Option<TimestampConfig>,
    /// The site that people's passkeys belong to.
    pub passkeys: PasskeyConfig,
    /// At whose place people can log in, if anywhere.
    pub oidc: Option<OidcConfig>,
    /// Who is told of what, if anybody is.
    pub notifications: Option<notify::Settings>,
    /// What is asked which version it serves, if anything is.
    pub probes: Option<ProbesConfig>,
    /// Resolves what a catalogue entry names.
    pub environment: Environment,
    /// How long a kill waits for the number of its record; one that is durable by then is answered without.
    pub receipt_wait: Duration,
}

/// Is the application layer.
pub struct Control {
    pub(crate) config: Config,
    pub(crate) ledger: Ledger<Decider>,
    pub(crate) history: History,
    pub(crate) views: Arc<Views>,
    clock: DoorClock,
    pub(crate) board: Arc<Board>,
    pub(crate) gate: Gate,
    pub(crate) keys: RwLock<BTreeMap<KeyId, Key>>,
    /// Ballots that are out to be signed.
    pub(crate) ballots: Mutex<Ballots>,
    /// Enrolments that browsers were asked for.
    pub(crate) enrolments: Mutex<Asked>,
    /// Challenges that browsers were given to log in with a passkey.
    pub(crate) login_challenges: Mutex<Challenges>,
    /// Logins that are under way at a provider.
    pub(crate) oidc_logins: Mutex<OidcLogins>,
    pub(crate) sessions: RwLock<BTreeMap<SessionId, Arc<Session>>>,
    pub(crate) switches: RwLock<BTreeMap<String, Switch>>,
    /// Held while a switch is set or lifted, so that the two cannot cross.
    pub(crate) switching: Arc<tokio::sync::Mutex<()>>,
    /// Held while something is moved in the registry of models, so that what is approved is moved once.
    pub(crate) moving: tokio::sync::Mutex<()>,
    /// Is held by who takes an action back.
    pub(crate) undoing: tokio::sync::Mutex<()>,
    /// Tells those who watch that an action has ended.
    pub(crate) ended: Arc<Notify>,
    /// Tells those who follow sagas that there is one more.
    pub(crate) sagas_begun: Arc<Notify>,
    /// Systems are held against the journal one after the other.
    pub(crate) reconciling: tokio::sync::Mutex<()>,
    /// Where a kill is kept the moment it comes; absent where nothing runs beside the requests.
    pub(crate) at_once: OnceLock<Arc<KillKept>>,
    /// What is tracked of training, or why nothing can be; absent where nothing runs beside the requests.
    pub(crate) tracking: OnceLock<Result<Arc<Tracking>, String>>,
    /// Permits handed to agents that execute by themselves: their place on the list of flights, and when they end.
    pub(crate) handed: Mutex<BTreeMap<types::ActionId, (executor::Pass, Millis)>>,
    pub(crate) observed: RwLock<BTreeMap<types::ToolName, Listed>>,
    pub(crate) redaction: Redaction,
    /// Held while the keys of the log change, so that two changes cannot cross.
    pub(crate) changing_log: tokio::sync::Mutex<()>,
    pub(crate) publisher: Mutex<Publisher>,
    /// How many records the published files hold.
    pub(crate) published: watch::Sender<u64>,
    /// Ends the publisher's rest.
    pub(crate) hurry: Arc<Notify>,
    pub(crate) witnesses: Option<Witnesses>,
    pub(crate) timestamps: Option<Timestamps>,
    /// Delivers notifications, or why nothing can be.
    pub(crate) notifier: OnceLock<Result<Arc<notify::Desk>, String>>,
    /// The network that upstream servers are reached over, if it is not the machine's own.
    pub(crate) network: OnceLock<Arc<dyn connectors::mcp::Network>>,
    /// Why nothing is signed any more, once the journal and its files were found to differ.
    pub(crate) mismatch: OnceLock<String>,
    pub(crate) thread: Mutex<Option<thread::JoinHandle<()>>>,
    pub(crate) closed: ClosedHistories,
    pub(crate) logins: Mutex<Logins>,
    pub(crate) followers: Followers,
    /// How people decide, as far as somebody has asked.
    pub(crate) watched: Watched,
    pub(crate) activations: Mutex<Activations>,
}

/// Is what a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Started {
    /// Actions that were in flight when the last run stopped.
    pub in_doubt: Vec<types::ActionId>,
    /// The active bundle is another one than the folder's.
    pub bundle_differs: bool,
}

fn stored<T: cbor::Canonical>(history: &History, kind: &str) -> Result<Vec<T>, Refusal> {
    let rows = history.state(kind)?;
    Ok(rows.iter().filter_map(|(_, bytes)| cbor::decode(bytes).ok()).collect())
}

/// Lists an action as the gate knows it.
fn listed(action: types::ActionId, flight: &OpenFlight, tenant: &TenantId) -> executor::Flight {
    executor::Flight {
        action,
        tenant: tenant.clone(),
        agent: flight.principal.agent().cloned(),
        tool: flight.tool.clone(),
        class: flight.class.clone(),
        since: flight.since,
    }
}

pub(crate) fn seed(config: &Config) -> Seed {
    let entities = crate::bundles::inventory(&config.bundle, config.place.clock.wall()).unwrap_or_default();
    Seed {
        tenant: config.tenant.clone(),
        bundle: config.bundle.clone(),
        entities: Arc::new(entities),
        log: Standing::first(&config.place.keys.log.verifier()),
        views: Arc::new(OnceLock::new()),
        board: Arc::default(),
    }
}

impl Control {
    /// Takes the data folder, opens its journal and takes up where the last run stopped.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as described there.
    pub fn open(config: Config) -> Result<Arc<Self>, OpenError> {
        let lock = lock(&config.place.data)?;
        Self::open_locked(config, lock)
    }

    /// Opens the journal of a data folder that is taken already, as it is where the keys may have to be made.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as described there, but for [`OpenError::Busy`].
    pub fn open_locked(config: Config, lock: Lock) -> Result<Arc<Self>, OpenError> {
        let seed = seed(&config);
        let opened = open_locked::<Decider>(&config.place, lock, seed.clone())?;
        Self::assemble(config, opened, &seed)
    }

    /// Takes the data folder on another disk than the machine's and opens its journal, as a simulation does.
    ///
    /// Only the ledger's own files go to `disk`: where SQLite keeps the journal, SQLite knows.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as described there.
    pub fn open_on(config: Config, disk: &Arc<dyn ledger::Disk>) -> Result<Arc<Self>, OpenError> {
        let seed = seed(&config);
        let opened = open_on::<Decider>(&config.place, disk, seed.clone())?;
        Self::assemble(config, opened, &seed)
    }

    /// Opens a journal whose log may be frozen or behind, to take it up; nothing else may be asked of it.
    pub(crate) fn open_anew(config: Config, lock: Lock) -> Result<(Arc<Self>, Found), OpenError> {
        let seed = seed(&config);
        let (opened, found) = open_anew::<Decider>(&config.place, lock, seed.clone())?;
        Ok((Self::assemble(config, opened, &seed)?, found))
    }

    fn assemble(config: Config, opened: Open<Decider>, seed: &Seed) -> Result<Arc<Self>, OpenError> {
        let views = seed.views.get().cloned().ok_or_else(|| OpenError::State("the machine did not load".into()))?;
        let state = |why: Refusal| OpenError::State(why.message);
        seed.board.put(&stored::<Case>(&opened.history, kind::CASE).map_err(state)?);
        let decoys: Vec<Decoy> = stored(&opened.history, kind::DECOY).map_err(state)?;
        seed.board.put(&decoys.into_iter().map(|decoy| decoy.case).collect::<Vec<_>>());
        let keys: Vec<Key> = stored(&opened.history, kind::KEY).map_err(state)?;
        let sessions: Vec<Session> = stored(&opened.history, kind::SESSION).map_err(state)?;
        let switches: Vec<Switch> = stored(&opened.history, kind::SWITCH).map_err(state)?;
        let gate = Gate::default();
        for switch in &switches {
            gate.kill(&switch.target);
        }
        let flights: Vec<(types::ActionId, OpenFlight)> = stored(&opened.history, kind::FLIGHT).map_err(state)?;
        let reported = flights.into_iter().filter(|(_, flight)| flight.reported);
        let handed = reported
            .map(|(action, flight)| (action, (gate.hold(listed(action, &flight, &config.tenant)), flight.expires)))
            .collect();
        let witnesses = Witnesses::of(&config).map_err(state)?;
        let origin = first_origin(&opened.history, config.place.keys.log.verifier().name()).map_err(state)?;
        let redaction = Redaction::new(config.place.keys.tenant.redaction(&origin));
        let timestamps = Timestamps::of(&config).map_err(state)?;
        Ok(Arc::new(Self {
            ledger: opened.ledger,
            witnesses,
            timestamps,
            notifier: OnceLock::new(),
            history: opened.history,
            clock: DoorClock { wall: config.place.clock.clone(), views: views.clone() },
            views,
            config,
            board: seed.board.clone(),
            gate,
            keys: RwLock::new(keys.into_iter().map(|key| (key.id, key)).collect()),
            ballots: Mutex::default(),
            enrolments: Mutex::default(),
            login_challenges: Mutex::default(),
            oidc_logins: Mutex::default(),
            sessions: RwLock::new(sessions.into_iter().map(|session| (session.id, Arc::new(session))).collect()),
            switches: RwLock::new(switches.into_iter().map(|switch| (switch.target.key(), switch)).collect()),
            switching: Arc::default(),
            at_once: OnceLock::new(),
            tracking: OnceLock::new(),
            handed: Mutex::new(handed),
            observed: RwLock::default(),
            redaction,
            changing_log: tokio::sync::Mutex::new(()),
            moving: tokio::sync::Mutex::new(()),
            undoing: tokio::sync::Mutex::new(()),
            ended: Arc::default(),
            sagas_begun: Arc::default(),
            reconciling: tokio::sync::Mutex::new(()),
            publisher: Mutex::new(opened.publisher),
            published: watch::Sender::new(0),
            hurry: Arc::default(),
            network: OnceLock::new(),
            mismatch: OnceLock::new(),
            thread: Mutex::new(Some(opened.thread)),
            closed: ClosedHistories::default(),
            logins: Mutex::default(),
            followers: Followers::default(),
            watched: Watched::default(),
            activations: Mutex::default(),
        }))
    }

    /// Settles what the last run left, and starts what runs beside the requests.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the journal cannot record the start, `log-frozen` if the log before was frozen after its last record.
    pub async fn start(self: &Arc<Self>) -> Result<Started, Refusal> {
        self.meet_witnesses().await?;
        let started = self.take_up().await?;
        self.keep_kills_at_once();
        self.start_tracking();
        self.complete_seals().await;
        self.spawn_ticks();
        self.spawn_inventory();
        self.spawn_publisher();
        self.spawn_witnesses();
        self.spawn_timestamps();
        self.spawn_notifications();
        self.spawn_webhooks();
        self.spawn_promotions();
        self.spawn_attestations();
        self.spawn_pipelines();
        self.spawn_probes();
        self.spawn_reconciliations();
        self.spawn_checks();
        self.spawn_sagas();
        Ok(started)
    }

    /// Settles what the last run left. Nothing runs beside the requests: whoever asks this instead of [`Control::start`]
    /// calls [`Control::tick`] and [`Control::publish`] when it is time, as a simulation does.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the journal cannot record the start.
    pub async fn take_up(self: &Arc<Self>) -> Result<Started, Refusal> {
        let mut started = Started::default();
        if let Reply::Done(changes) = self.ask(Command::Recover).await? {
            started.in_doubt = changes.in_doubt;
        }
        self.record_late().await?;
        if let Err(refusal) = self.reach_closed().await {
            // It is recorded and remembered; the next start tries again.
            tracing::warn!(code = %refusal.code, message = %refusal.message, "an erasure has not reached a closed log");
        }
        let active = self.snapshot().bundle.digest();
        started.bundle_differs = active != self.config.bundle.digest();
        if let Err(refusal) = self.refresh_inventory().await {
            // What needs a fact that is not there is denied by itself; everything else must go on.
            tracing::warn!(code = %refusal.code, message = %refusal.message, "the inventory was not read");
        }
        Ok(started)
    }

    /// Reaches upstream servers over another network than the machine's own, as a simulation does; the first one named counts.
    pub fn reach_over(&self, network: Arc<dyn connectors::mcp::Network>) {
        // Whoever simulates names one network, before anything is reached.
        let _ = self.network.set(network);
    }

    /// Says whether nobody has a key yet: the journal has just begun.
    pub fn is_new(&self) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns the current snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.views.snapshot()
    }

    /// Returns the recorded past.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns with what it runs.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns how the journal is doing.
    pub fn health(&self) -> ledger::handle::Health {
        self.ledger.health()
    }

    /// Says whether the ledger's threads have ended, as they do by themselves once the journal has stopped.
    pub fn has_ended(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_none_or(ledger::sync::has_ended)
    }

    /// Returns the later of the wall clock and the journal's time, by which permits and keys end.
    pub fn now(&self) -> Millis {
        self.clock().wall()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        self.config.place.random.as_ref()
    }

    pub(crate) fn draw<const N: usize>(&self) -> [u8; N] {
        ledger::port::draw(self.random())
    }

    /// Asks the machine something that gives no authority.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, Refusal> {
        Ok(self.ask_permit(command).await?.0)
    }

    /// Asks the machine, and hands on the recorded permit if it gave one.
    pub(crate) async fn ask_permit(
        &self,
        command: Command,
    ) -> Result<(Reply, Option<ledger::Recorded<Permit>>, Option<u64>), Refusal> {
        let ends = matches!(command, Command::Outcome(_));
        let committed = self.ledger.ask(command).await?;
        if ends {
            self.ended.notify_one();
        }
        match &committed.reply {
            Reply::Done(changes) | Reply::Decided { changes, .. } => self.forget_sessions(&changes.ended),
            Reply::Refused { refusal, .. } => return Err((**refusal).clone()),
            Reply::Opened(_) | Reply::Overtaken | Reply::Repeated(_) | Reply::Decoys(_) => {}
        }
        Ok((committed.reply, committed.authority, committed.index))
    }

    fn spawn_inventory(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(15));
            every.tick().await;
            loop {
                every.tick().await;
                let Some(this) = this.upgrade() else { return };
                if let Err(refusal) = this.refresh_inventory().await {
                    tracing::warn!(code = %refusal.code, message = %refusal.message, "the inventory was not refreshed");
                }
            }
        });
    }

    /// Ends the application: records what was only counted so far, publishes, and waits until the sequencer has stopped.
    ///
    /// Every other holder must have let go, or the sequencer stays.
    pub async fn close(self: Arc<Self>) {
        // A log that is closed counted them with its last records.
        if let Err(refusal) = self.ask(Command::SumUp).await
            && refusal.code != types::Code::LogClosed
        {
            tracing::warn!(code = %refusal.code, "denials that were only counted are not recorded");
        }
        if tokio::task::spawn_blocking(move || self.let_go()).await.is_err() {
            tracing::warn!("the journal was not closed cleanly");
        }
    }

    fn let_go(self: Arc<Self>) {
        if let Err(error) = self.publish() {
            tracing::warn!(%error, "the log's files are not up to date");
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if Arc::strong_count(&self) == 1 {
            drop(self);
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        }
    }
}
