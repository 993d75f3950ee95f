//! The OpenAPI document: generated from the handlers, finished with what holds for all of them.

use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Response, ResponseBuilder,
};

use crate::{Problem, callers};

const DESCRIPTION: &str = "Proposes actions of agents that execute by themselves, shows what was decided, and administers \
what they may do.\n\nInstants are milliseconds since the Unix epoch, UTC. A verdict travels in a 200. Everything that is \
refused is answered with `application/problem+json`, whose `code` is stable; 401 means no valid key, 403 a key that does \
not reach this, or administration that was decided against.\n\nEach operation names in `x-countersign-callers` which \
credential it takes: `none`, an `agent`'s, a `person`'s or an `auditor`'s. Policy may still decide against what is asked.";

const BEARER: &str = "bearer";
const LOGIN: &str = "login";

fn cookie() -> ApiKeyValue {
    ApiKeyValue::with_description(
        "countersign_login_7717",
        "What `POST /v1/login` sets for a page of this server; the number is the server's port. With it, what changes \
         something also carries the `proof` of that answer as `X-Countersign-Proof`.",
    )
}

/// Returns the document before any route is in it.
pub(crate) fn head() -> OpenApi {
    let info =
        InfoBuilder::new().title("Countersign").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION));
    OpenApiBuilder::new().info(info.build()).components(Some(Components::new())).build()
}

/// Returns the whole document, without a running server.
pub fn document() -> OpenApi {
    finish(crate::routes().split_for_parts().1)
}

/// Adds what holds for every route: the key, and the problems that any of them can answer with.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_with(Components::new);
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("A key of an agent or of a person, as `POST /v1/keys` makes them.".into());
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    components.add_security_scheme(LOGIN, SecurityScheme::ApiKey(ApiKey::Cookie(cookie())));
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let mut needed = Vec::new();
    Problem::schemas(&mut needed);
    components.schemas.extend(needed);
    let needs = |scheme: &str| SecurityRequirement::new(scheme, Vec::<String>::new());
    document.security = Some(vec![needs(BEARER), needs(LOGIN)]);
    // OpenAPI knows no parameter that spans several parts of a path, and no name for one.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
        operations.into_iter().flatten().for_each(complete);
    }
    document
}

fn complete(operation: &mut Operation) {
    let is_open = callers::is_open(operation);
    let has_body = operation.request_body.is_some();
    let has_parameters = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    let responses = &mut operation.responses.responses;
    let mut add = |status: &str, description: &str| {
        responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
    };
    if has_body {
        add("413", "`payload-too-large`");
        add("415", "`request-invalid`: the body must be `application/json`");
    }
    if has_body || has_parameters {
        add("400", "`request-invalid`, or `json-malformed`, or what else the body breaks");
    }
    if !is_open {
        add("401", "`unauthenticated` or `key-expired`");
    }
    add("403", "`forbidden`, `origin-refused`, or the code of the finding that decided against it");
    add("default", "Any other problem");
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
