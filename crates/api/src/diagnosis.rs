//! `/v1/runs/{run}/diagnosis`: a run of training set beside its nearest successful one.

mod curves;

use axum::extract::State;
use control::tracking::{Beside, Diagnosed};
use models::diagnosis::{Aspect, Difference, Gap, Training, Verdict, Weight};
use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{Code, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::extract::{Json, Named, Query};
use crate::problem::{Fault, Problem};
use crate::{App, callers};
use curves::CurveShown;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(diagnose))
}

/// Says beside what a run is set.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Against {
    /// The run to set it beside, successful or not; the nearest successful one by default.
    against: Option<String>,
}

/// Is a run of training.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagnosedRun {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// How it stands, in MLflow's word.
    #[schema(example = "FAILED")]
    status: String,
    /// When it began, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    started: Millis,
    /// Why it is no success; absent if nothing says that it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

impl From<&Training> for DiagnosedRun {
    fn from(run: &Training) -> Self {
        Self {
            id: run.id.clone(),
            name: shown(&run.name),
            status: shown(&run.status),
            started: Millis(run.started),
            failed: run.unsuccessful().map(|why| shown(&why.says())),
        }
    }
}

/// Is the run that another is set beside.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBeside {
    /// The run.
    run: DiagnosedRun,
    /// How many of the recorded facts differ.
    differing: usize,
    /// How many one of the two does not say.
    unknown: usize,
    /// How many there are in all.
    facts: usize,
    /// Whether the request named it; otherwise it is the nearest: the run of which the least differs or is not known, then the
    /// nearest in time.
    named: bool,
}

impl From<&Beside> for RunBeside {
    fn from(beside: &Beside) -> Self {
        let Beside { run, differing, unknown, facts, is_named } = beside;
        Self { run: run.into(), differing: *differing, unknown: *unknown, facts: *facts, named: *is_named }
    }
}

/// Says what a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AspectName {
    /// The code that ran.
    Code,
    /// The data it read.
    Data,
    /// A parameter.
    Parameter,
    /// Libraries, container, hardware.
    Environment,
    /// What somebody noted of it.
    Tag,
}

impl From<Aspect> for AspectName {
    fn from(aspect: Aspect) -> Self {
        match aspect {
            Aspect::Code => Self::Code,
            Aspect::Data => Self::Data,
            Aspect::Parameter => Self::Parameter,
            Aspect::Environment => Self::Environment,
            Aspect::Tag => Self::Tag,
        }
    }
}

/// Says how much a difference says of the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeightName {
    /// A successful run differs in this and in nothing else, and nothing is recorded of one of the two only.
    Controlled,
    /// No successful run shares it, and those that say have one value.
    Alone,
    /// It is a number far outside of what successful runs had.
    Outside,
    /// No successful run shares it, but they vary in it.
    Varied,
    /// A successful run shares it.
    Shared,
}

impl From<Weight> for WeightName {
    fn from(weight: Weight) -> Self {
        match weight {
            Weight::Controlled => Self::Controlled,
            Weight::Alone => Self::Alone,
            Weight::Outside => Self::Outside,
            Weight::Varied => Self::Varied,
            Weight::Shared => Self::Shared,
        }
    }
}

/// Is something that differs between the two runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDifference {
    /// What it is about.
    aspect: AspectName,
    /// The parameter, the tag, the package, or what the data were read for.
    name: String,
    /// What the run has; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// What the run beside it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<String>,
    /// How much it says of the cause.
    weight: WeightName,
    /// Why it says that.
    why: String,
    /// How many successful runs share the value.
    same: usize,
    /// How many have another.
    other: usize,
    /// Of how many it is not recorded.
    unknown: usize,
}

impl From<&Difference> for RunDifference {
    fn from(difference: &Difference) -> Self {
        let Difference { fact, run, other, evidence } = difference;
        Self {
            aspect: fact.aspect.into(),
            name: shown(&fact.name),
            run: run.as_deref().map(shown),
            beside: other.as_deref().map(shown),
            weight: evidence.weight.into(),
            why: difference.reason(),
            same: evidence.same,
            other: evidence.other,
            unknown: evidence.unknown,
        }
    }
}

/// Is something that is not recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunGap {
    /// What is not recorded, and of which run.
    says: String,
    /// How to record it.
    remedy: String,
}

impl RunGap {
    pub(crate) fn of(says: &str, remedy: &str) -> Self {
        Self { says: shown(says), remedy: remedy.to_owned() }
    }
}

impl From<&Gap> for RunGap {
    fn from(gap: &Gap) -> Self {
        Self::of(&gap.says(), gap.remedy())
    }
}

/// Says what the differences say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictName {
    /// There is no successful run in the experiment.
    NoSuccess,
    /// Nothing that is recorded differs.
    NothingDiffers,
    /// One difference says more than all others.
    Named,
    /// Several differences say the same, and the records cannot tell them apart.
    Several,
    /// Successful runs vary in whatever differs, or share it.
    OnlyWeak,
}

impl From<Verdict> for VerdictName {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NoSuccess => Self::NoSuccess,
            Verdict::NothingDiffers => Self::NothingDiffers,
            Verdict::Named => Self::Named,
            Verdict::Several(_) => Self::Several,
            Verdict::OnlyWeak => Self::OnlyWeak,
        }
    }
}

/// Is what is found out about a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDiagnosis {
    /// The run.
    run: DiagnosedRun,
    /// The number of its experiment.
    experiment: i64,
    /// What was found, in one sentence.
    says: String,
    /// What the differences say together.
    verdict: VerdictName,
    /// How many of the differences, the first ones, may be the cause.
    causes: usize,
    /// The run it is set beside; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<RunBeside>,
    /// How many successful runs of the experiment were looked at.
    successes: usize,
    /// How many other finished runs were looked at that are no success.
    set_aside: usize,
    /// The runs with whose curves its curves were compared.
    neighbours: Vec<String>,
    /// What differs, what says most first.
    differences: Vec<RunDifference>,
    /// The metric that shows first that something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// What the metrics show: those that show that something is wrong first, the earliest first.
    curves: Vec<CurveShown>,
    /// What is not recorded.
    gaps: Vec<RunGap>,
    /// The metrics that were not compared, or not to their end, since there is too much of them.
    unread: Vec<String>,
}

impl From<Diagnosed> for RunDiagnosis {
    fn from(found: Diagnosed) -> Self {
        let diagnosis = &found.diagnosis;
        Self {
            run: (&found.run).into(),
            experiment: found.experiment,
            says: shown(&diagnosis.says()),
            verdict: diagnosis.verdict.into(),
            causes: diagnosis.causes().len(),
            beside: found.beside.as_ref().map(RunBeside::from),
            successes: found.successes,
            set_aside: found.set_aside,
            differences: diagnosis.differences.iter().map(RunDifference::from).collect(),
            first: diagnosis.first().map(|curve| shown(&curve.key)),
            curves: diagnosis.curves.iter().map(CurveShown::from).collect(),
            gaps: diagnosis.gaps.iter().map(RunGap::from).collect(),
            unread: found.unread.iter().map(|key| shown(key)).collect(),
            neighbours: found.neighbours,
        }
    }
}

/// Writes what somebody once sent so that nothing in it can pass for something else.
fn shown(text: &str) -> String {
    escape(text, false)
}

/// Sets a run of training beside its nearest successful one.
///
/// Tells what differs in parameters, data, code and environment, how much each difference says of the cause and why, where each metric
/// leaves those of successful runs, where it stops being a number, and what is not recorded. Nothing that is not recorded is said. Needs any key.
#[utoipa::path(get, path = "/v1/runs/{run}/diagnosis", operation_id = "diagnose_run", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("run" = String, Path, description = "The id of a run", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867"), Against),
    responses(
    (status = 200, description = "What was found", body = RunDiagnosis),
    (status = 404, description = "`not-found`: there is no such run", body = Problem, content_type = "application/problem+json"),
))]
async fn diagnose(
    State(app): State<App>,
    _: Anyone,
    Named(run): Named<String>,
    Query(Against { against }): Query<Against>,
) -> Result<Json<RunDiagnosis>, Fault> {
    let control = app.control.clone();
    let reading = tokio::task::spawn_blocking(move || control.diagnose_run(&run, against.as_deref())).await;
    let found = reading.map_err(|_| Fault::new(Code::Internal, "the request was interrupted"))??;
    Ok(Json(found.into()))
}
