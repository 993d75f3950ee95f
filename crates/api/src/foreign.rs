//! Contracts that others wrote, each a table of calls. They are no part of our own OpenAPI document.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, on};

use crate::App;

/// Is one call of a contract that others wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCall {
    /// Its method.
    pub method: Method,
    /// Its whole path, with names in braces.
    pub path: String,
    /// Whether it writes, so that an auditor may not make it.
    pub writes: bool,
}

/// Is a row of such a table.
pub(crate) trait Row: Sync + 'static {
    /// Returns its method.
    fn method(&self) -> &Method;

    /// Returns its path below the contract's own.
    fn path(&self) -> &'static str;

    /// Returns whether it writes.
    fn writes(&self) -> bool;

    /// Answers a request.
    fn serve(&'static self, app: App, request: Request) -> impl Future<Output = Response> + Send;
}

/// Lists the calls of a table below a path.
pub(crate) fn list<R: Row>(api: &str, rows: impl Iterator<Item = &'static R>) -> impl Iterator<Item = ForeignCall> {
    rows.map(move |row| ForeignCall {
        method: row.method().clone(),
        path: format!("{api}{}", row.path()),
        writes: row.writes(),
    })
}

/// Serves the calls of a table below a path.
pub(crate) fn routes<R: Row>(api: &str, rows: impl Iterator<Item = &'static R>) -> Router<App> {
    rows.fold(Router::new(), |router, row| {
        let filter = match *row.method() {
            Method::GET => MethodFilter::GET,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        router.route(
            &format!("{api}{}", row.path()),
            on(filter, async move |State(app), request| row.serve(app, request).await),
        )
    })
}
