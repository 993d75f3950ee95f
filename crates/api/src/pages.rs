//! The console's pages: built from `console/`, checked in, and served from here, so that nothing else has to be installed.

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, body::Body};
use types::Digest;

use crate::App;

/// Lets the pages run and load what this server itself serves, and nothing else; no text becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Is one file of the console, and the same compressed.
struct Page {
    kind: &'static str,
    plain: &'static [u8],
    packed: &'static [u8],
}

macro_rules! page {
    ($kind:literal, $file:literal) => {
        Page {
            kind: $kind,
            plain: include_bytes!(concat!("../../../console/dist/", $file)),
            packed: include_bytes!(concat!("../../../console/dist/", $file, ".gz")),
        }
    };
}

static INDEX: Page = page!("text/html; charset=utf-8", "index.html");
static SCRIPT: Page = page!("text/javascript; charset=utf-8", "console.js");
static STYLE: Page = page!("text/css; charset=utf-8", "console.css");
static ICON: Page = page!("image/svg+xml", "icon.svg");

/// Lists the addresses that the one page answers to; what stands there it finds out by itself.
const ADDRESSES: [&str; 22] = [
    "/",
    "/inbox",
    "/inbox/{case}",
    "/actions",
    "/actions/{action}",
    "/live",
    "/switches",
    "/log",
    "/agents",
    "/policies",
    "/permissions",
    "/escalation",
    "/models",
    "/models/{model}",
    "/models/{model}/compare",
    "/models/{model}/versions/{version}",
    "/runs",
    "/runs/{run}",
    "/lineage",
    "/overview",
    "/account",
    "/passkey",
];

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.next() != Some("q=0")
    })
}

impl Page {
    fn answer(&'static self, headers: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", Digest::of("countersign/page/1", self.plain));
        let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let fixed = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (OPENER_POLICY, "same-origin"),
            (VARY, "accept-encoding"),
        ];
        let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
        if known {
            return (StatusCode::NOT_MODIFIED, fixed, [(ETAG, tag)]).into_response();
        }
        if takes_gzip(headers) {
            return (fixed, [(ETAG, tag), (CONTENT_ENCODING, "gzip".to_owned())], Body::from(self.packed))
                .into_response();
        }
        (fixed, [(ETAG, tag)], Body::from(self.plain)).into_response()
    }

    fn route(&'static self) -> MethodRouter<App> {
        get(move |headers: HeaderMap| async move { self.answer(&headers) })
    }
}

/// Builds the routes of the pages, which are no part of the contract.
pub(crate) fn routes() -> Router<App> {
    let files = Router::new().route("/console.js", SCRIPT.route()).route("/console.css", STYLE.route());
    let files = files.route("/icon.svg", ICON.route());
    ADDRESSES.iter().fold(files, |router, address| router.route(address, INDEX.route()))
}
