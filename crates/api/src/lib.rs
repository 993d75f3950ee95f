//! The HTTP contract: sessions, actions, approvals and administration under `/v1`, the published log under `/log`; and the
//! console's pages beside it.
//!
//! A handler finds out who calls, reads what they sent, asks the application layer once and writes down what it
//! answers. It decides nothing: a verdict travels in the answer, and a refusal becomes a problem (RFC 9457)
//! with a stable code. The OpenAPI document is generated from these same handlers.

mod actions;
mod approvals;
mod auth;
mod authority;
mod ballots;
mod base64url;
mod baselines;
mod break_glass;
mod breakers;
mod bundles;
mod callers;
mod checks;
mod data_checks;
mod decoys;
mod delegations;
mod deployments;
mod diagnosis;
mod display;
mod document;
mod dossier;
mod drills;
mod erasures;
mod evaluations;
mod events;
mod extract;
mod features;
mod foreign;
mod guard;
mod health;
mod host_keys;
mod identities;
mod imports;
mod incidents;
mod keys;
mod levels;
mod lineage;
mod log;
mod log_keys;
mod login;
mod logs;
mod model_history;
mod notifications;
mod oidc;
mod on_call;
mod oversight;
mod pages;
mod passkey_logins;
mod passkeys;
mod path;
mod permissions;
mod pipelines;
mod problem;
mod promotions;
mod recipes;
mod reconciliations;
mod records;
mod reversals;
mod review;
mod reviews;
mod rollbacks;
mod sagas;
mod seals;
mod sessions;
mod switches;
mod tools;
mod touched;
mod tracking;
pub mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use control::Control;
use types::Code;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use document::document;
pub use foreign::ForeignCall;
pub use lineage::lineage_calls;
pub use problem::{Problem, refuse};
pub use tracking::tracking_calls;

use problem::Fault;

/// Says with what the contract is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// The `Host` values it answers to besides loopback names, with or without a port.
    pub allowed_hosts: Vec<String>,
    /// The `Origin` values of web pages that may call it, such as `https://console.example`.
    pub allowed_origins: Vec<String>,
    /// The largest request body accepted, in bytes.
    pub body_bytes_max: usize,
    /// Whether the published log is read without a key.
    pub public_log: bool,
}

impl Default for ApiConfig {
    fn default() -> Self {
        // Room for the largest arguments and what stands around them.
        let body_bytes_max = control::actions::ARGUMENTS_BYTES_MAX + (1 << 20);
        Self { allowed_hosts: Vec::new(), allowed_origins: Vec::new(), body_bytes_max, public_log: false }
    }
}

/// Is what every handler reaches.
#[derive(Clone)]
struct App {
    control: Arc<Control>,
    config: Arc<ApiConfig>,
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::head())
        .merge(login::routes())
        .merge(passkey_logins::routes())
        .merge(oidc::routes())
        .merge(sessions::routes())
        .merge(actions::routes())
        .merge(approvals::routes())
        .merge(on_call::routes())
        .merge(oversight::routes())
        .merge(delegations::routes())
        .merge(permissions::routes())
        .merge(reviews::routes())
        .merge(ballots::routes())
        .merge(passkeys::routes())
        .merge(break_glass::routes())
        .merge(switches::routes())
        .merge(drills::routes())
        .merge(breakers::routes())
        .merge(baselines::routes())
        .merge(keys::routes())
        .merge(levels::routes())
        .merge(erasures::routes())
        .merge(authority::routes())
        .merge(reversals::routes())
        .merge(reconciliations::routes())
        .merge(checks::routes())
        .merge(rollbacks::routes())
        .merge(sagas::routes())
        .merge(review::routes())
        .merge(bundles::routes())
        .merge(tools::routes())
        .merge(seals::routes())
        .merge(records::routes())
        .merge(events::routes())
        .merge(log::routes())
        .merge(log_keys::routes())
        .merge(logs::routes())
        .merge(diagnosis::routes())
        .merge(features::routes())
        .merge(imports::routes())
        .merge(recipes::routes())
        .merge(model_history::routes())
        .merge(promotions::routes())
        .merge(deployments::routes())
        .merge(incidents::routes())
        .merge(host_keys::routes())
        .merge(identities::routes())
        .merge(dossier::routes())
        .merge(evaluations::routes())
        .merge(data_checks::routes())
        .merge(pipelines::routes())
        .merge(notifications::routes())
        .merge(health::routes())
}

/// Builds the routes of the contract and the document that describes them.
///
/// The router answers every path it does not know with a problem, so a router it is merged with MUST have no
/// fallback of its own.
pub fn router(control: Arc<Control>, config: ApiConfig) -> (Router, OpenApi) {
    let app = App { control, config: Arc::new(config) };
    let (router, document) = routes().split_for_parts();
    let document = document::finish(document);
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let router = router
        .merge(pages::routes())
        .merge(tracking::routes())
        .merge(lineage::routes())
        .route("/v1/openapi.json", get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) }))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.config.clone(), guard::admit))
        .layer(from_fn(to_its_end))
        .with_state(app);
    (router, document)
}

/// Runs a request to its end though its client may go away: what is recorded and what this process believes must
/// not part company halfway.
async fn to_its_end(request: Request, next: Next) -> Response {
    let running = tokio::spawn(next.run(request)).await;
    running.unwrap_or_else(|_| Fault::new(Code::Internal, "the request was interrupted").into_response())
}

async fn unknown_path() -> Fault {
    Fault::new(Code::NotFound, "there is nothing at this path")
}

async fn wrong_method() -> Fault {
    Fault::new(Code::RequestInvalid, "this path does not know the method").status(StatusCode::METHOD_NOT_ALLOWED)
}
