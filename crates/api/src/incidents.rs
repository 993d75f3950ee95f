//! `/v1/models/incidents`: what runs or stands otherwise than decisions led it.

use axum::extract::State;
use control::tracking::kept::{IncidentKept, IncidentWish};
use control::tracking::mend;
use serde::{Deserialize, Serialize};
use types::Millis;
use types::text::escape;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::Fault;
use crate::{App, callers};

/// Is how many incidents are returned unless the request says otherwise.
const LIMIT: u64 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Says which incidents are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those of this registered model alone, by the name that it had.
    model: Option<String>,
    /// Those too that are mended.
    #[serde(default)]
    ended: bool,
    /// The incident before which they begin, as `next` has it; the latest by default.
    before: Option<i64>,
    /// How many at most, 1,000 at most and 100 by default.
    limit: Option<u64>,
}

/// Are incidents, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelIncidents {
    /// The incidents.
    incidents: Vec<ModelIncident>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Is something that runs or stands otherwise than decisions led it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelIncident {
    /// Its place among all.
    id: i64,
    /// What it is about: `deployment`, `alias`, `stage`, or `declaration` for what is to run at a target.
    thing: String,
    /// The registered model.
    model: String,
    /// The target, the alias, or the number of the version whose stage it is.
    name: String,
    /// What is wrong: the state of a deployment, `alias-around-the-road`, `stage-around-the-road`, `declaration-around-the-road`,
    /// `not-decided` or `decision-missing`.
    wrong: String,
    /// What was decided: the number of a version, with the digest of its seal where the files matter, or a stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<String>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<String>,
    /// By what means that is known: `reported`, `signed`, `probed` or `cluster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<String>,
    /// Since when something is wrong with it, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    since: Millis,
    /// When it was last found otherwise than before, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it was mended; absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    ended: Option<Millis>,
    /// How it is mended.
    mend: String,
}

fn plain(text: &str) -> String {
    escape(text, false)
}

impl From<IncidentKept> for ModelIncident {
    fn from(kept: IncidentKept) -> Self {
        let IncidentKept { id, what } = kept;
        Self {
            id,
            mend: plain(&mend(&what)),
            thing: what.thing,
            model: plain(&what.model),
            name: plain(&what.name),
            wrong: what.wrong,
            declared: what.declared.as_deref().map(plain),
            observed: what.observed.as_deref().map(plain),
            means: what.means,
            since: Millis(what.since),
            at: Millis(what.at),
            ended: what.ended.map(Millis),
        }
    }
}

/// Tells what runs or stands otherwise than decisions led it.
///
/// A version that nobody promoted, an alias moved around the road, a digest that differs: since when, what was decided, what was found, and how
/// it is mended. Needs a person's key.
#[utoipa::path(get, path = "/v1/models/incidents", operation_id = "list_model_incidents", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))), params(Wanted), responses(
    (status = 200, description = "The incidents, the latest first", body = ModelIncidents),
))]
async fn list(
    State(app): State<App>,
    _: AsPerson,
    Query(wanted): Query<Wanted>,
) -> Result<Json<ModelIncidents>, Fault> {
    let limit = wanted.limit.unwrap_or(LIMIT).min(control::tracking::INCIDENTS_MAX);
    let wish = IncidentWish { model: wanted.model, with_ended: wanted.ended, before: wanted.before, limit };
    let found = app.control.model_incidents(wish).await?;
    let is_full = u64::try_from(found.len()).unwrap_or(u64::MAX) >= limit;
    let next = found.last().filter(|_| is_full).map(|last| last.id);
    Ok(Json(ModelIncidents { incidents: found.into_iter().map(ModelIncident::from).collect(), next }))
}
