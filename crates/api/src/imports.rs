//! `/v1/imports`: what is taken over from another server, in batches, by a person.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::header;
use control::door::Refusal;
use control::tracking::{ImportShown, ImportState, Judged, Owner};
use serde::{Deserialize, Serialize};
use types::imports::Item;
use types::{Code, Millis, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, AsChanger};
use crate::extract::{Json, Named, Query, is_json, read};
use crate::problem::{Fault, Problem, invalid};
use crate::tracking::artifacts::arrive;
use crate::{App, callers};

/// Is how many items a batch has at most.
const ITEMS_MAX: usize = 10_000;

/// Is how many bytes a batch has at most: room for the largest thing that is taken, and what stands around it.
const BATCH_BYTES_MAX: usize = 32 << 20;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(show))
        .routes(routes!(take))
        .routes(routes!(take_file))
        .routes(routes!(end))
}

/// Says from where something is to be taken over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a source")]
pub struct ImportWish {
    /// The address of the source, without credentials.
    #[schema(example = "http://mlflow.corp:5000")]
    source: String,
}

/// Is an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    /// Its id.
    id: String,
    /// Where it takes from.
    source: String,
    /// Who makes it, with their kind in front.
    by: String,
    /// When it began, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    began: Millis,
    /// When it ended; absent of one that goes on, or was broken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    ended: Option<Millis>,
    /// How many things are wholly here, by kind.
    taken: BTreeMap<String, u64>,
    /// How many are here in part.
    half: u64,
    /// The digest over those that are wholly here.
    digest: String,
    /// The index of the record that says so; absent until it is over, and of one that took nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

impl From<ImportShown> for ImportView {
    fn from(shown: ImportShown) -> Self {
        let ImportShown { import, taken, half, digest, record } = shown;
        let control::tracking::kept::Import { id, source, by, began, ended, .. } = import;
        let source = types::text::escape(&source, false);
        Self {
            id,
            source,
            by,
            began: Millis(began),
            ended: ended.map(Millis),
            taken,
            half,
            digest: digest.to_string(),
            record,
        }
    }
}

/// Is an import that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportBegun {
    /// The import; one that was broken off goes on.
    import: ImportView,
    /// Whether a catalogue of the bundle says who moves aliases and stages; without one, none is moved.
    registry: bool,
}

/// Are all imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportList {
    /// The imports, the latest first, at most 1,000.
    imports: Vec<ImportView>,
}

/// Says what became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ItemState {
    /// It was taken over, or more of it was.
    Taken,
    /// It was here already, just so.
    Present,
    /// It is not taken.
    Refused,
}

/// Is an item with what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// What kind of thing it is, or is a part of.
    kind: &'static str,
    /// The id of that thing.
    id: String,
    /// What became of it.
    state: ItemState,
    /// The stable code of why it is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    /// Why it is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ItemView {
    fn new(kind: &'static str, id: String, state: ImportState) -> Self {
        let id = types::text::escape(&id, false);
        let plain = |state| Self { kind, id: id.clone(), state, code: None, reason: None };
        match state {
            ImportState::Taken => plain(ItemState::Taken),
            ImportState::Present => plain(ItemState::Present),
            ImportState::Refused(refused) => {
                let Refusal { code, message, .. } = refused.into();
                let reason = types::text::escape(&message, false);
                Self { code: Some(code), reason: Some(reason), ..plain(ItemState::Refused) }
            }
        }
    }
}

/// Is a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with items")]
pub struct Batch {
    /// The items, at most 10,000: each an object with a `kind` of `experiment`, `run`, `points`, `run-end`, `logged-model`, `model-points`,
    /// `model-end`, `registered-model` or `model-version`. Numbers are texts.
    #[schema(value_type = Vec<Object>, max_items = 10000)]
    items: Vec<Item>,
}

/// Says what became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchTaken {
    /// The items in their order.
    items: Vec<ItemView>,
}

/// Names the file that is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAsked {
    run: Option<String>,
    model: Option<String>,
    path: String,
}

/// Says how an import ended for whoever made it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that says what was left")]
pub struct ImportEnd {
    /// How many things of the source were not taken.
    left: u64,
}

/// Lists what was taken over from elsewhere.
///
/// Needs any key.
#[utoipa::path(get, path = "/v1/imports", operation_id = "list_imports", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))), responses(
    (status = 200, description = "The imports, the latest first", body = ImportList),
))]
async fn list(State(app): State<App>, _: Anyone) -> Result<Json<ImportList>, Fault> {
    let imports = app.control.imports().await?;
    Ok(Json(ImportList { imports: imports.into_iter().map(ImportView::from).collect() }))
}

/// Begins to take over what another server has.
///
/// One of the same person and source that was broken off goes on. Needs a person's key.
#[utoipa::path(post, path = "/v1/imports", operation_id = "begin_import", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))), request_body = ImportWish, responses(
    (status = 200, description = "The import", body = ImportBegun),
))]
async fn begin(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(ImportWish { source }): Json<ImportWish>,
) -> Result<Json<ImportBegun>, Fault> {
    let import = app.control.begin_import(person, source).await?.into();
    Ok(Json(ImportBegun { import, registry: app.control.moves_models() }))
}

/// Shows an import.
///
/// Needs any key.
#[utoipa::path(get, path = "/v1/imports/{id}", operation_id = "show_import", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The import", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867")), responses(
    (status = 200, description = "The import", body = ImportView),
    (status = 404, description = "`not-found`: there is no such import", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(app): State<App>, _: Anyone, Named(id): Named<String>) -> Result<Json<ImportView>, Fault> {
    Ok(Json(app.control.import(id).await?.into()))
}

/// Takes a batch over.
///
/// Each item is taken wholly or not at all, and all that are taken are one change: a server that ends in the middle has taken all of them or
/// none. The same batch may be sent again. What is here already is never written over. Needs the key of the person who began the import.
#[utoipa::path(post, path = "/v1/imports/{id}/items", operation_id = "take_import_items", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The import", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867")),
    request_body = Batch, responses(
    (status = 200, description = "What became of each item; `import-differs` is the code of what is here already and is another one", body = BatchTaken),
    (status = 404, description = "`not-found`: there is no such import of this person", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: the import is over", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "`payload-too-large`: the batch is larger than 32 MiB", body = Problem, content_type = "application/problem+json"),
))]
async fn take(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(id): Named<String>,
    request: Request,
) -> Result<Json<BatchTaken>, Fault> {
    let Batch { items } = batch(request).await?;
    if items.len() > ITEMS_MAX {
        return Err(invalid(format!("at most {ITEMS_MAX} items are taken at once")));
    }
    let judged = app.control.take_imported(person, id, items).await?;
    let view = |Judged { kind, id, state }| ItemView::new(kind, id, state);
    Ok(Json(BatchTaken { items: judged.into_iter().map(view).collect() }))
}

async fn batch(request: Request) -> Result<Batch, Fault> {
    if !is_json(request.headers()) {
        return Err(invalid("the body must be `application/json`"));
    }
    let bytes = read(request.into_body(), BATCH_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Fault::new(Code::JsonMalformed, "the body is not UTF-8"))?;
    let value = json::parse(text).map_err(|e| Fault::new(e.code(), e.to_string()))?;
    serde_json::from_value(value).map_err(|e| invalid(e.to_string()))
}

/// Takes a file over.
///
/// It is streamed, hashed as it arrives, and kept once all of it is here. The very bytes may be sent again; others in their place stay. Needs
/// the key of the person who began the import.
#[utoipa::path(put, path = "/v1/imports/{id}/files", operation_id = "take_import_file", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The import", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867"),
        ("run" = Option<String>, Query, description = "The run that it belongs to"),
        ("model" = Option<String>, Query, description = "Or the logged model"),
        ("path" = String, Query, description = "Where it is below the files of its owner", example = "plots/roc.png")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 200, description = "What became of it", body = ItemView),
    (status = 404, description = "`not-found`: there is no such import of this person, or the owner was not taken over", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`import-differs`: other bytes are there, or all of its owner is here without it", body = Problem, content_type = "application/problem+json"),
))]
async fn take_file(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(id): Named<String>,
    Query(FileAsked { run, model, path }): Query<FileAsked>,
    request: Request,
) -> Result<Json<ItemView>, Fault> {
    let (kind, of, owner) = match (run, model) {
        (Some(run), None) => ("run", run.clone(), Owner::Run(run)),
        (None, Some(model)) => ("logged-model", model.clone(), Owner::LoggedModel(model)),
        _ => return Err(invalid("a file belongs to a `run` or to a `model`")),
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let upload = app.control.receive_imported(person, id, (owner.clone(), path.clone()), announced).await?;
    let upload = arrive(upload, request.into_body()).await.map_err(Refusal::from)?;
    let state = app.control.keep_imported((owner, path), upload).await?;
    Ok(Json(ItemView::new(kind, of, state)))
}

/// Ends an import.
///
/// What it has taken is recorded: how much of each kind, from where, and a digest over all of it. An import that took nothing leaves no record.
/// Needs the key of the person who began it.
#[utoipa::path(post, path = "/v1/imports/{id}/end", operation_id = "end_import", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The import", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867")),
    request_body = ImportEnd, responses(
    (status = 200, description = "The import", body = ImportView),
    (status = 404, description = "`not-found`: there is no such import of this person", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: the import is over", body = Problem, content_type = "application/problem+json"),
))]
async fn end(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(id): Named<String>,
    Json(ImportEnd { left }): Json<ImportEnd>,
) -> Result<Json<ImportView>, Fault> {
    Ok(Json(app.control.end_import(person, id, left).await?.into()))
}
