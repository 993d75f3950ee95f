//! Probes on a schedule: what the operator's settings name is asked which version it serves, a bounded number at once, and what is told is
//! held against what is to run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connectors::probe::{Address, Judge, Judged, Kind, Probe, ReadFile, settings};
use notify::address::{Cidr, Names, Reach, SystemNames, checked, special};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::control::Control;
use crate::error::Failure;
use crate::tracking::{Means, Probed, Tracking, blocking, target_name};

/// Is how many probes look at once.
const AT_ONCE: usize = 16;

/// Says what is probed, how often, and where that may lead.
#[derive(Clone)]
pub struct ProbesConfig {
    every: Duration,
    probes: Arc<Vec<(Arc<Probe>, Reach)>>,
    read: ReadFile,
    names: Arc<dyn Names>,
}

impl ProbesConfig {
    /// Reads settings.
    ///
    /// - `read`: returns the bytes of a file that they name.
    ///
    /// # Errors
    ///
    /// A text with the first thing that is wrong.
    pub fn read(text: &str, read: ReadFile) -> Result<Self, String> {
        let read_settings = settings(text)?;
        let named = |probe: Probe| {
            let wrong = |why: String| format!("probe `{}`: {why}", probe.name);
            models::names::model_name(&probe.model).map_err(|refused| wrong(refused.to_string()))?;
            target_name(&probe.target).map_err(|refused| wrong(refused.message))?;
            let reach = reach(&probe.private).map_err(wrong)?;
            judged(&probe, &reach).map_err(|why| format!("probe `{}`: {why}", probe.name))?;
            Ok((Arc::new(probe), reach))
        };
        let probes = read_settings.probes.into_iter().map(named).collect::<Result<Vec<_>, String>>()?;
        let every = Duration::from_secs(read_settings.every_seconds);
        Ok(Self { every, probes: Arc::new(probes), read, names: Arc::new(SystemNames) })
    }
}

impl std::fmt::Debug for ProbesConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProbesConfig({} probes every {:?})", self.probes.len(), self.every)
    }
}

fn reach(private: &[String]) -> Result<Reach, String> {
    let read = |text: &String| text.parse::<Cidr>().map_err(|error| format!("`private`: {error}"));
    private.iter().map(read).collect::<Result<_, _>>().map(Reach)
}

/// Refuses a probe of an address that is not spoken to; what a name leads to is judged before each look.
fn judged(probe: &Probe, reach: &Reach) -> Result<(), String> {
    let host = probe.url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.map_or(Ok(()), |address| reach.judge(address).map_err(|forbidden| forbidden.to_string()))
}

/// Judges where one probe may go, by the networks that the settings name for it.
struct Reached<'a>(&'a dyn Names, &'a Reach);

impl Judge for Reached<'_> {
    fn judge<'a>(&'a self, host: &'a str, port: u16) -> Judged<'a> {
        Box::pin(async move {
            let found = checked(self.0, self.1, host, port).await.map_err(|failure| failure.says)?;
            let address = |at: SocketAddr| Address { at, is_private: special(at.ip()).is_some() };
            Ok(found.into_iter().map(address).collect())
        })
    }
}

/// Names a probe as it is kept.
fn named(probe: &Probe) -> Probed {
    let means = if matches!(probe.kind, Kind::Kubernetes { .. }) { Means::Cluster } else { Means::Probed };
    let abstains = matches!(probe.kind, Kind::Mlflow);
    Probed { name: probe.name.clone(), model: probe.model.clone(), target: probe.target.clone(), means, abstains }
}

impl Control {
    /// Forgets probes that the settings name no more, and looks on a schedule from then on.
    pub(crate) fn spawn_probes(self: &Arc<Self>) {
        let Ok(tracking) = self.tracking().cloned() else { return };
        let config = self.config.probes.clone();
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let all = config.iter().flat_map(|config| config.probes.iter()).map(|(probe, _)| named(probe)).collect();
            if let Err(refused) = blocking(&tracking, move |tracking| tracking.declare_probes(all)).await {
                tracing::warn!(%refused, "nothing is probed");
                return;
            }
            let Some(config) = config else { return };
            let mut every = tokio::time::interval(config.every);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                let Some(this) = this.upgrade() else { return };
                this.probe_all(&config).await;
            }
        });
    }

    /// Lets every probe look once, a bounded number at a time.
    async fn probe_all(self: &Arc<Self>, config: &ProbesConfig) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut looking = JoinSet::new();
        for (probe, reach) in config.probes.iter() {
            let (this, room) = (self.clone(), room.clone());
            let (probe, reach) = (probe.clone(), reach.clone());
            let (names, read) = (config.names.clone(), config.read.clone());
            looking.spawn(async move {
                let Ok(_place) = room.acquire_owned().await else { return };
                let told = probe.ask(&Reached(names.as_ref(), &reach), &read).await;
                if let Err(refusal) = this.keep_probed(named(&probe), told).await {
                    tracing::warn!(code = %refusal.code, message = %refusal.message, "what a probe found is not kept");
                }
            });
        }
        while looking.join_next().await.is_some() {}
    }

    async fn keep_probed(&self, of: Probed, told: Result<connectors::probe::Told, String>) -> Failure<()> {
        self.attest(move |tracking: &Tracking| tracking.keep_probed(&of, told)).await
    }

    /// Lets every probe look once, now.
    ///
    /// # Errors
    ///
    /// What the disk or the journal says.
    pub async fn probe_models(self: &Arc<Self>) -> Failure<()> {
        if let Some(config) = &self.config.probes {
            self.probe_all(config).await;
        }
        self.record_attestations().await
    }
}
