//! `/v1/tools`: definitions of tools, reviewed and pinned.

use axum::extract::State;
use control::secrets::SecretPart;
use control::tools::ToolView;
use serde::{Deserialize, Serialize};
use types::{Digest, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, AsChanger};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(pin))
}

/// Is a tool of the catalogue, with what was reviewed of it and what is listed now.
#[derive(Debug, Serialize, ToSchema)]
pub struct CataloguedTool {
    /// The tool, as `server.tool`.
    #[schema(value_type = String)]
    tool: ToolName,
    /// The digest of the definition that counts as reviewed; null if none does.
    #[schema(value_type = Option<String>)]
    reviewed: Option<Digest>,
    /// The digest of the definition that its server listed last; null until it has listed one.
    #[schema(value_type = Option<String>)]
    listed: Option<Digest>,
    /// Its definition is not the reviewed one, so every call is denied.
    quarantined: bool,
}

impl From<ToolView> for CataloguedTool {
    fn from(view: ToolView) -> Self {
        Self { tool: view.tool, reviewed: view.reviewed, listed: view.listed, quarantined: view.quarantined }
    }
}

/// Is the list of tools.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tools {
    /// The tools that servers define, in order of name.
    tools: Vec<CataloguedTool>,
}

/// Is a tool with the definition that is to be reviewed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewedTool {
    #[serde(flatten)]
    tool: CataloguedTool,
    /// The definition as the server wrote it, which is JSON text; null when only its digest is known, as after a restart.
    definition: Option<String>,
    /// What of it is redacted in every record; what its schema and its names say once its server has listed it.
    secrets: Vec<Secret>,
}

/// Is a part of a tool that is redacted in every record.
#[derive(Debug, Serialize, ToSchema)]
pub struct Secret {
    /// Of what it is a part: `arguments` or `results`.
    #[schema(example = "arguments")]
    side: &'static str,
    /// Where it stands: a JSON Pointer with `*` for any name or position and `**` for any depth.
    #[schema(example = "/users/*/password")]
    place: String,
    /// Who says so: the bundle's `catalogue`, the tool's own `schema`, or the property's `name`.
    #[schema(example = "schema")]
    why: &'static str,
}

impl From<SecretPart> for Secret {
    fn from(part: SecretPart) -> Self {
        Self { side: part.side, place: part.place, why: part.why.as_str() }
    }
}

/// Is what was reviewed, and what came of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `definition` and `reason`")]
pub struct Review {
    /// The digest of the definition that was reviewed, as `listed` shows it.
    #[schema(value_type = String)]
    definition: Digest,
    /// What was found.
    reason: String,
}

/// Is a tool whose definition is pinned.
#[derive(Debug, Serialize, ToSchema)]
pub struct PinnedTool {
    /// The tool, as `server.tool`.
    #[schema(value_type = String)]
    tool: ToolName,
    /// The digest of the definition that counts as reviewed now.
    #[schema(value_type = String)]
    definition: Digest,
}

/// Lists the tools of the catalogue with the digests of their definitions.
#[utoipa::path(get, path = "/v1/tools", operation_id = "list_tools", tag = "tools",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    responses(
    (status = 200, description = "The tools that servers define", body = Tools),
))]
async fn list(State(app): State<App>, _: Anyone) -> Json<Tools> {
    Json(Tools { tools: app.control.tools().into_iter().map(CataloguedTool::from).collect() })
}

/// Shows a tool's definition as it was listed last.
#[utoipa::path(get, path = "/v1/tools/{tool}", operation_id = "show_tool", tag = "tools",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("tool" = String, Path, description = "The tool, as `server.tool`; a slash in it is written `%2F`")), responses(
    (status = 200, description = "The tool", body = ReviewedTool),
    (status = 404, description = "`not-found`: no tool can have this name", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`tool-unknown`: the catalogue has no such tool", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(app): State<App>, _: Anyone, Named(tool): Named<ToolName>) -> Result<Json<ReviewedTool>, Fault> {
    let view = app.control.tool(&tool)?;
    let secrets = app.control.secrets(&tool)?.into_iter().map(Secret::from).collect();
    Ok(Json(ReviewedTool { definition: view.text.clone(), tool: view.into(), secrets }))
}

/// Pins the definition that was reviewed, if the tool is still listed with it.
///
/// Ends its quarantine. Needs a person's key.
#[utoipa::path(post, path = "/v1/tools/{tool}/pin", operation_id = "pin_tool", tag = "tools",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("tool" = String, Path, description = "The tool, as `server.tool`; a slash in it is written `%2F`")),
    request_body = Review, responses(
    (status = 200, description = "The definition is pinned", body = PinnedTool),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: no server has listed the tool", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`tool-unknown`: the catalogue has no such tool; `tool-changed`: its server lists another definition by now", body = Problem, content_type = "application/problem+json"),
))]
async fn pin(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(tool): Named<ToolName>,
    Json(review): Json<Review>,
) -> Result<Json<PinnedTool>, Fault> {
    app.control.pin(&by, &tool, review.definition, reason(&review.reason)?).await?;
    Ok(Json(PinnedTool { tool, definition: review.definition }))
}
