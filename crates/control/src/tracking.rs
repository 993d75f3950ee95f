//! Training as MLflow's clients track it: experiments, runs, and what runs log.
//!
//! The rules and the words of refusals are those of MLflow's own server, so that a stock client cannot tell the two apart. What is
//! tracked decides nothing by itself, so it is kept beside the journal. Every method here waits for the disk: call it where that is
//! allowed.

mod anchors;
mod artifacts;
mod assessments;
mod attestations;
mod comparison;
mod data_checks;
mod deployments;
mod diagnosis;
pub(crate) mod dossier;
mod evaluations;
mod experiments;
mod features;
mod gaps;
mod host_keys;
mod identities;
mod imports;
pub(crate) mod incidents;
mod inputs;
mod logged_models;
mod logs;
mod model_history;
mod model_searches;
mod model_sources;
mod model_versions;
pub(crate) mod moves;
mod observations;
pub(crate) mod pipelines;
pub(crate) mod placements;
mod probes;
mod recipes;
mod refused;
mod registered_models;
mod registry_searches;
mod runs;
mod seals;
mod searches;
mod shelf;
mod spans;
pub mod times;
mod trace_searches;
mod trace_totals;
mod traces;
mod webhook_events;
mod webhooks;
mod witnesses;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use connectors::bucket::Bucket;
use evidence::SecretsKey;
use ledger::recover::Place;
use ledger::{Clock, Random};
use notify::address::Reach;
use notify::webhooks::Hooks;
use shelf::InBucket;
use store::artifacts::{Artifacts, Shelf};
use store::tracking::{Change, Experiment, Run, Stage, View};
use tokio::sync::watch;
use types::Digest;

pub use anchors::PARTS;
pub use artifacts::{ARTIFACT_BYTES_MAX, Listed, Opened, Upload};
pub use assessments::{
    ASSESSMENT_BYTES_MAX, ASSESSMENTS_CHARACTERS_MAX, ASSESSMENTS_MAX, AssessmentChange, Judgement, JudgingError,
    NewAssessment, SOURCES,
};
pub use comparison::{COMPARED, Comparison, Difference, compare};
pub use connectors::bucket;
pub use data_checks::{DATA_TEXT_MAX, DataCheckOf, NewDataCheck};
pub(crate) use deployments::target_name;
pub use deployments::{DeploymentShown, DeploymentState, OBSERVATIONS_MAX, SILENT_AFTER_MS, TARGET_MAX};
pub use diagnosis::{Beside, CANDIDATES_MAX, CURVES_MAX, Diagnosed, POINTS_MAX};
pub use dossier::{Dossier, DossierRun, Release, Standing};
pub use evaluations::{CHECKS_MAX, EVALUATION_TEXT_MAX, NewCheck, NewEvaluation};
pub(crate) use features::of_run as features_of_run;
pub use features::{
    COMPARED_MAX, FEATURES_MAX, FeatureSkew, NamedFeature, NewFeature, Registered, VALUES_MAX, ValueBatch,
    WORD_BYTES_MAX,
};
pub use gaps::{Gap, INFRASTRUCTURE};
pub use host_keys::SignedReport;
pub use identities::VersionUse;
pub(crate) use identities::{Agents, is_registered};
pub use imports::{IMPORTS_MAX, ImportShown, ImportState, Judged, Owner};
pub use incidents::{FAILS_MAX, INCIDENTS_MAX, Thing, mend};
pub use logged_models::{LoggedModelShown, NewLoggedModel, Status};
pub use logs::{Logged, LoggedMetric, OfModel};
pub use model_history::MOVES_MAX;
pub use model_searches::ModelWish;
pub use model_versions::{ModelVersionShown, ModelVersionWish};
pub use models::artifact;
pub use models::names::WebhookEvent;
pub use moves::Move;
pub use observations::NewObservation;
pub use pipelines::{EVALUATE_TAG, PipelineShown};
pub(crate) use probes::Probed;
pub use recipes::{Checked, VersionRecipe};
pub use refused::{ErrorCode, Refused};
pub use registered_models::RegisteredModelShown;
pub use runs::{NewRun, RunChange, RunShown};
pub use seals::{REFUSED_WRITES_MAX, RefusedWrite, Writing};
pub use searches::{Found, SearchWish, ViewType};
pub use spans::{TRACE_BYTES_MAX, TRACE_SPANS_MAX, TRACES_TOGETHER_MAX};
pub use store::artifacts::{ArtifactError, CHUNK_BYTES, Incoming, Outgoing};
pub use store::tracking as kept;
pub use traces::{NewTrace, STATES, TRACES_MAX, TraceShown, WholeTrace};
pub use webhooks::{WebhookTried, WebhookWish};
pub use witnesses::{Means, Witness};

use crate::control::Control;
use crate::door::Refusal;
use crate::snapshot::Views;

/// Is the file beside the journal.
const FILE: &str = "tracking.db";

/// Is the folder of the files of training.
const ARTIFACTS: &str = "artifacts";

/// Is what a use case answers.
pub type Answer<T> = Result<T, Refused>;

/// Is the tracking server of one data folder.
pub struct Tracking {
    pub(crate) kept: kept::Tracking,
    artifacts: Artifacts,
    /// What was refused to be written to sealed models, and is not recorded yet.
    refused: Mutex<Vec<RefusedWrite>>,
    /// Is held by who records seals, so that none is recorded twice.
    pub(crate) recording: tokio::sync::Mutex<()>,
    /// Wakes who takes the digests of runs that have ended.
    pub(crate) ended: tokio::sync::Notify,
    /// Wakes who drives pipelines, as something was attested.
    pub(crate) attested: tokio::sync::Notify,
    /// Is held by who drives pipelines, so that nothing is proposed twice.
    pub(crate) driving: tokio::sync::Mutex<()>,
    /// Posts to webhooks.
    hooks: Arc<Hooks>,
    /// Seals their secrets.
    secrets: SecretsKey,
    /// Moves when webhooks may have to be told of something.
    webhook_news: watch::Sender<u64>,
    /// The moves that were found to be decided, each by all that it says.
    pub(crate) decided: Mutex<BTreeSet<Digest>>,
    /// What agents name that they run.
    views: Arc<Views>,
    /// Since when this server listens, in milliseconds since the epoch.
    pub(crate) started: i64,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Tracking {
    /// Opens what is tracked, with an experiment 0 named `Default` if there is none.
    ///
    /// - `bucket`: where files are kept, if not on the disk here.
    pub(crate) fn open(place: &Place, views: Arc<Views>, webhooks: Reach, bucket: Option<Arc<Bucket>>) -> Answer<Self> {
        let data = &place.data;
        let shelf = bucket.map(InBucket::start).transpose()?;
        let shelf = shelf.map(|shelf| Arc::new(shelf) as Arc<dyn Shelf>);
        let artifacts = Artifacts::open(&data.join(ARTIFACTS), ARTIFACT_BYTES_MAX)?.on(shelf);
        let kept = kept::Tracking::open(&data.join(FILE))?;
        let tracking = Self {
            kept,
            artifacts,
            refused: Mutex::default(),
            recording: tokio::sync::Mutex::default(),
            ended: tokio::sync::Notify::new(),
            attested: tokio::sync::Notify::new(),
            driving: tokio::sync::Mutex::default(),
            hooks: Arc::new(Hooks::new(webhooks)),
            secrets: place.keys.tenant.secrets(),
            webhook_news: watch::Sender::new(0),
            decided: Mutex::default(),
            views,
            started: place.clock.wall().0,
            clock: place.clock.clone(),
            random: place.random.clone(),
        };
        tracking.make_default()?;
        tracking.remove_unnamed()?;
        Ok(tracking)
    }

    /// Returns now, in milliseconds since the epoch.
    fn now(&self) -> i64 {
        self.clock.wall().0
    }

    /// Tells of each change of the registry from now on.
    pub(crate) fn registry_news(&self) -> watch::Receiver<u64> {
        self.webhook_news.subscribe()
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        ledger::port::draw(self.random.as_ref())
    }
}

impl Control {
    /// Returns the tracking server.
    ///
    /// # Errors
    ///
    /// `file-unusable` if its file cannot be used, `not-found` where it was not started.
    pub fn tracking(&self) -> Result<&Arc<Tracking>, Refusal> {
        match self.tracking.get() {
            Some(Ok(tracking)) => Ok(tracking),
            Some(Err(said)) => Err(Refusal::plain(types::Code::FileUnusable, said.clone())),
            None => Err(Refusal::plain(types::Code::NotFound, "nothing is tracked here")),
        }
    }

    /// Opens what is tracked.
    pub(crate) fn start_tracking(&self) {
        let webhooks = self.config.notifications.as_ref().map(|settings| settings.webhooks.clone());
        let (views, bucket) = (self.views.clone(), self.config.bucket.clone());
        let opened = Tracking::open(&self.config.place, views, webhooks.unwrap_or_default(), bucket);
        if let Err(refused) = &opened {
            tracing::error!(%refused, "nothing can be tracked");
        }
        let _ = self.tracking.set(opened.map(Arc::new).map_err(|refused| refused.to_string()));
    }
}

/// Runs what waits for the disk where that is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    tracking: &Arc<Tracking>,
    work: impl FnOnce(&Tracking) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let tracking = tracking.clone();
    let done = tokio::task::spawn_blocking(move || work(&tracking)).await;
    done.map_err(|error| Refused::new(ErrorCode::InternalError, error.to_string()))?
}

/// Returns a run, deleted or not.
fn run(view: &View<'_>, id: &str) -> Answer<Run> {
    view.run(id)?.ok_or_else(|| Refused::absent(format!("Run with id={id} not found")))
}

/// Returns a run that can be written, and notes that it is.
fn active_run(change: &Change<'_>, id: &str) -> Answer<Run> {
    let run = run(change, id)?;
    match run.stage {
        Stage::Active => {
            change.touch_run(run.seq)?;
            Ok(run)
        }
        Stage::Deleted => {
            Err(Refused::invalid(format!("The run {id} must be in the 'active' state. Current state is deleted.")))
        }
    }
}

/// Reads the number of an experiment; one that no database can hold is none's.
fn number(id: &str) -> Answer<i64> {
    let number = models::names::experiment_number(id)?;
    number.parse().map_err(|_| absent_experiment(&number))
}

fn absent_experiment(id: impl std::fmt::Display) -> Refused {
    Refused::absent(format!("No Experiment with id={id} exists"))
}

/// Returns an experiment, deleted or not.
fn experiment(view: &View<'_>, id: i64) -> Answer<Experiment> {
    view.experiment(id)?.ok_or_else(|| absent_experiment(id))
}

/// Returns an experiment that can be written.
fn active_experiment(change: &Change<'_>, id: i64) -> Answer<Experiment> {
    let experiment = experiment(change, id)?;
    match experiment.stage {
        Stage::Active => Ok(experiment),
        Stage::Deleted => Err(Refused::invalid(format!(
            "The experiment {id} must be in the 'active' state. Current state is deleted."
        ))),
    }
}

/// Puts segments below an address, before its query.
fn below(address: &str, segments: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let path = format!("{}/{segments}", path.trim_end_matches('/'));
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}
