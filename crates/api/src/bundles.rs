//! `/v1/bundles`: the policy bundle, checked and activated; which ones were in force, and what differs between them.

use std::collections::BTreeMap;

use axum::extract::State;
use control::bundles::{self, BundleFiles};
use serde::{Deserialize, Serialize};
use types::{Digest, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, Query, reason};
use crate::problem::{Fault, Problem};
use crate::view::RestrictionName;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, activate))
        .routes(routes!(active))
        .routes(routes!(read))
        .routes(routes!(read_difference))
}

/// Is a bundle to be activated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a bundle object")]
pub struct NewBundle {
    /// The texts of all its files by path, `/` between its parts.
    files: BTreeMap<String, String>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is what an activation did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivatedBundle {
    /// The digest of the bundle that is active now.
    #[schema(value_type = String)]
    bundle: Digest,
    /// How many open cases are put to people again under it.
    reopened: usize,
    /// How many open cases ended, because it permits or denies them outright.
    ended: usize,
}

/// Activates a bundle.
///
/// It is checked and its own tests are run; if anything fails, the active bundle stays. Calls in progress keep the
/// bundle they were decided by. Needs a person's key.
#[utoipa::path(post, path = "/v1/bundles", operation_id = "activate_bundle", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewBundle, responses(
    (status = 200, description = "The bundle is active", body = ActivatedBundle),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`bundle-invalid` or `bundle-tests-failed`: every problem of it", body = Problem, content_type = "application/problem+json"),
))]
async fn activate(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewBundle>,
) -> Result<Json<ActivatedBundle>, Fault> {
    let done = app.control.activate(&by, BundleFiles(new.files), reason(&new.reason)?).await?;
    Ok(Json(ActivatedBundle { bundle: done.bundle, reopened: done.reopened, ended: done.ended }))
}

/// Is the active bundle, without the texts of its files.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActiveBundle {
    /// The digest that names exactly these files.
    #[schema(value_type = String)]
    digest: Digest,
    /// The name it gives itself.
    name: String,
    /// The paths of its files, in order.
    files: Vec<String>,
}

/// Names the active bundle.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/bundles/active", operation_id = "read_active_bundle", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The active bundle", body = ActiveBundle),
))]
async fn active(State(app): State<App>, _: AsPerson) -> Json<ActiveBundle> {
    let snapshot = app.control.snapshot();
    let bundle = &snapshot.bundle;
    Json(ActiveBundle {
        digest: bundle.digest(),
        name: bundle.data().head.name.clone(),
        files: bundle.files().iter().map(|(path, _)| path.to_owned()).collect(),
    })
}

/// Is one activation of a bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activation {
    /// Its record in the journal.
    record: u64,
    /// The digest of the bundle that came into force.
    #[schema(value_type = String)]
    bundle: Digest,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// By whom, as `person:NAME`; absent once that was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why, escaped; absent once that was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<bundles::Activation> for Activation {
    fn from(one: bundles::Activation) -> Self {
        Self {
            record: one.record,
            bundle: one.bundle,
            at: one.at,
            by: one.by.map(|by| by.subject()),
            reason: one.reason.map(|reason| types::text::escape(&reason, true)),
        }
    }
}

/// Is which bundles were put in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct BundleHistory {
    /// The activations that the present log holds, the newest first, at most 200.
    activations: Vec<Activation>,
}

/// Lists which bundles were put in force, by whom and why.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/bundles", operation_id = "list_bundles", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The activations", body = BundleHistory),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<BundleHistory>, Fault> {
    let activations = app.control.activations().await?;
    Ok(Json(BundleHistory { activations: activations.into_iter().map(Activation::from).collect() }))
}

/// Is how one of a bundle's own tests went.
#[derive(Debug, Serialize, ToSchema)]
pub struct BundleTest {
    /// What it shows.
    name: String,
    /// Verdict and code came out as expected.
    passed: bool,
    /// What was decided.
    verdict: RestrictionName,
}

/// Is a bundle that is or was in force, with the texts of its files.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptBundle {
    /// The digest that names exactly these files.
    #[schema(value_type = String)]
    digest: Digest,
    /// The name it gives itself.
    name: String,
    /// The texts of its files by path.
    files: BTreeMap<String, String>,
    /// Its own tests, run again by this program.
    tests: Vec<BundleTest>,
}

/// Reads a bundle that is or was in force, and runs its own tests.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/bundles/{digest}", operation_id = "read_bundle", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("digest" = String, Path, description = "The digest of the bundle")), responses(
    (status = 200, description = "The bundle", body = KeptBundle),
    (status = 404, description = "`not-found`: it was never in force here", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`bundle-invalid`: this program cannot use it any more", body = Problem, content_type = "application/problem+json"),
))]
async fn read(State(app): State<App>, _: AsPerson, Named(digest): Named<Digest>) -> Result<Json<KeptBundle>, Fault> {
    let kept = app.control.bundle(digest).await?;
    let tests = kept.tests.into_iter();
    let tests = tests.map(|one| BundleTest { name: one.name, passed: one.passed, verdict: (&one.verdict).into() });
    Ok(Json(KeptBundle { digest, name: kept.name, tests: tests.collect(), files: kept.files }))
}

/// Names the bundle that another is held against.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Against {
    /// The digest of the older bundle.
    #[param(value_type = String)]
    from: Digest,
}

/// Says what became of a file.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

/// Says on which side a line stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// On both.
    Both,
    /// In the older text alone.
    Old,
    /// In the newer text alone.
    New,
}

/// Is one line of a difference.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceLine {
    /// On which side it stands.
    side: Side,
    /// Its number in the text that has it, in the newer one if both have; from 1 on.
    number: usize,
    /// Its text, without the end of the line.
    text: String,
}

/// Is one file that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileDifference {
    /// Its path.
    path: String,
    /// What became of it.
    became: Became,
    /// The places that differ, each with three lines around it.
    hunks: Vec<Vec<DifferenceLine>>,
}

/// Is what differs between two bundles.
#[derive(Debug, Serialize, ToSchema)]
pub struct BundleDifference {
    /// The files that differ, in order of paths.
    files: Vec<FileDifference>,
}

impl From<bundles::FileChange> for FileDifference {
    fn from(file: bundles::FileChange) -> Self {
        let became = match file.became {
            bundles::Became::Added => Became::Added,
            bundles::Became::Removed => Became::Removed,
            bundles::Became::Changed => Became::Changed,
        };
        let line = |line: bundles::Line| DifferenceLine {
            side: match line.side {
                bundles::Side::Both => Side::Both,
                bundles::Side::Old => Side::Old,
                bundles::Side::New => Side::New,
            },
            number: line.number,
            text: line.text,
        };
        let hunk = |lines: Vec<bundles::Line>| lines.into_iter().map(line).collect();
        Self { path: file.path, became, hunks: file.hunks.into_iter().map(hunk).collect() }
    }
}

/// Says what differs between two bundles that are or were in force.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/bundles/{digest}/difference", operation_id = "read_bundle_difference", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("digest" = String, Path, description = "The digest of the newer bundle"), Against), responses(
    (status = 200, description = "What differs", body = BundleDifference),
    (status = 404, description = "`not-found`: one of them was never in force here", body = Problem, content_type = "application/problem+json"),
))]
async fn read_difference(
    State(app): State<App>,
    _: AsPerson,
    Named(digest): Named<Digest>,
    Query(Against { from }): Query<Against>,
) -> Result<Json<BundleDifference>, Fault> {
    let files = app.control.bundle_difference(from, digest).await?;
    Ok(Json(BundleDifference { files: files.into_iter().map(FileDifference::from).collect() }))
}
