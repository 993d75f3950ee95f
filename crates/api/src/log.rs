//! `/log`: the published log as static files (C2SP `tlog-tiles`), for whoever mirrors, monitors or verifies it.

use std::str::FromStr;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use control::records::LogFile;
use types::Code;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::Named;
use crate::problem::{Fault, Problem};
use crate::{App, callers};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// "This endpoint is mutable, so its headers SHOULD prevent caching beyond a few seconds."
const MUTABLE: &str = "no-cache";
/// "This endpoint is immutable, so its caching headers SHOULD be long-lived."
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// The same where a key is needed, so that no cache on the way hands it to somebody without one.
const IMMUTABLE_WITH_KEY: &str = "private, max-age=31536000, immutable";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(checkpoint)).routes(routes!(tile))
}

/// Is whoever may read the log: anybody where it is public, otherwise a person.
struct Reader;

impl FromRequestParts<App> for Reader {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        if !app.config.public_log {
            AsPerson::from_request_parts(parts, app).await?;
        }
        Ok(Self)
    }
}

/// Is the place of a tile as it stands behind `/log/tile/`, in its one spelling.
struct Tile(LogFile);

impl FromStr for Tile {
    type Err = <LogFile as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("tile/{text}").parse().map(Self)
    }
}

/// Is a file of the log.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct LogBytes(Vec<u8>);

impl IntoResponse for LogBytes {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

type File = ([(HeaderName, HeaderValue); 2], LogBytes);

fn file(app: &App, file: LogFile, kind: &'static str, caching: &'static str) -> Result<File, Fault> {
    let missing = || Fault::new(Code::NotFound, "the log has no such file");
    let bytes = app.control.log_file(file)?.ok_or_else(missing)?;
    let value = HeaderValue::from_static;
    Ok(([(header::CONTENT_TYPE, value(kind)), (header::CACHE_CONTROL, value(caching))], LogBytes(bytes)))
}

/// Reads the checkpoint.
///
/// It is a signed note: origin, size and root of the log. Needs a person's key unless the log is public.
#[utoipa::path(get, path = "/log/checkpoint", operation_id = "read_checkpoint", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The checkpoint", body = String, content_type = "text/plain"),
    (status = 404, description = "`not-found`: nothing is published yet", body = Problem, content_type = "application/problem+json"),
))]
async fn checkpoint(State(app): State<App>, _: Reader) -> Result<File, Fault> {
    file(&app, LogFile::Checkpoint, TEXT, MUTABLE)
}

/// Reads a tile or an entry bundle.
///
/// The path is `LEVEL/INDEX` or `entries/INDEX`, partial ones with `.p/WIDTH` behind, as C2SP `tlog-tiles` has them: 1,234,067
/// is written `x001/x234/067`. A partial one may be gone once the full one is there. Needs a person's key unless the log is
/// public.
#[utoipa::path(get, path = "/log/tile/{*path}", operation_id = "read_tile", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("path" = String, Path, description = "The rest of the tile's path", example = "0/000")),
    responses(
        (status = 200, description = "The tile", body = LogBytes, content_type = "application/octet-stream"),
        (status = 404, description = "`not-found`: the log has no such tile", body = Problem, content_type = "application/problem+json"),
    ))]
async fn tile(State(app): State<App>, _: Reader, Named(tile): Named<Tile>) -> Result<File, Fault> {
    let caching = if app.config.public_log { IMMUTABLE } else { IMMUTABLE_WITH_KEY };
    file(&app, tile.0, BYTES, caching)
}
