//! `/v1/tools`: definitions of tools, pinned after a review.

use axum::extract::State;
use serde::Serialize;
use types::{Digest, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::AsPerson;
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem};
use crate::switches::Why;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pin))
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

/// Pins a tool's definition as it is listed now.
///
/// Ends its quarantine. Needs a person's key.
#[utoipa::path(post, path = "/v1/tools/{tool}/pin", operation_id = "pin_tool", tag = "tools",
    params(("tool" = String, Path, description = "The tool, as `server.tool`; a slash in it is written `%2F`")),
    request_body = Why, responses(
    (status = 200, description = "The definition is pinned", body = PinnedTool),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: no server has listed the tool", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`tool-unknown`: the catalogue has no such tool", body = Problem, content_type = "application/problem+json"),
))]
async fn pin(
    State(app): State<App>,
    AsPerson(by): AsPerson,
    Named(tool): Named<ToolName>,
    Json(why): Json<Why>,
) -> Result<Json<PinnedTool>, Fault> {
    let definition = app.control.pin(&by, &tool, reason(&why.reason)?).await?;
    Ok(Json(PinnedTool { tool, definition }))
}
