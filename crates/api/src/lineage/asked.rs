//! What a request asks for.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use control::lineage::{LineageName, Page, instant};

use crate::problem::{Fault, invalid};

/// Is how many things a list has, if nobody says.
const LIMIT_DEFAULT: u32 = 100;

/// Is how many things can be asked for.
const LIMIT_MAX: u32 = 1_000;

/// Is how far away a graph reaches, if nobody says.
const DEPTH_DEFAULT: usize = 20;

/// Is how far away it can be asked for.
const DEPTH_MAX: usize = 1_000;

/// Is a request that was read.
pub(super) struct Asked {
    names: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    /// Is its body.
    pub(super) body: String,
}

impl Asked {
    pub(super) fn new(names: BTreeMap<String, String>, uri: &Uri, body: String) -> Result<Self, Fault> {
        let query: Query<BTreeMap<String, String>> =
            Query::try_from_uri(uri).map_err(|rejection| invalid(rejection.body_text()))?;
        Ok(Self { names, query: query.0, body })
    }

    /// Returns a name of the path.
    pub(super) fn named(&self, name: &str) -> String {
        self.names.get(name).cloned().unwrap_or_default()
    }

    /// Returns the name of a dataset or a job.
    pub(super) fn name(&self) -> LineageName {
        LineageName { namespace: self.named("namespace"), name: self.named("name") }
    }

    /// Returns the id of the node that is asked for.
    pub(super) fn node(&self) -> Result<&str, Fault> {
        self.query.get("nodeId").map(String::as_str).ok_or_else(|| invalid("`nodeId` is required"))
    }

    /// Returns how far away the graph is to reach.
    pub(super) fn depth(&self) -> Result<usize, Fault> {
        let Some(text) = self.query.get("depth") else { return Ok(DEPTH_DEFAULT) };
        let depth = text.parse().ok().filter(|depth| *depth <= DEPTH_MAX);
        depth.ok_or_else(|| invalid(format!("`depth` is a number from 0 to {DEPTH_MAX}")))
    }

    /// Returns a switch, which is off if nobody says.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.query.get(name).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(invalid(format!("`{name}` is `true` or `false`"))),
        }
    }

    /// Returns which part of a list is asked for.
    pub(super) fn page(&self) -> Result<Page, Fault> {
        let number = |name: &str, default: u32, most: u32| {
            let Some(text) = self.query.get(name) else { return Ok(default) };
            let number = text.parse().ok().filter(|number| *number <= most);
            number.ok_or_else(|| invalid(format!("`{name}` is a number from 0 to {most}")))
        };
        Ok(Page { limit: number("limit", LIMIT_DEFAULT, LIMIT_MAX)?, offset: number("offset", 0, u32::MAX)? })
    }

    /// Returns an instant in microseconds since the epoch.
    pub(super) fn instant(&self, name: &str, default: i64) -> Result<i64, Fault> {
        let Some(text) = self.query.get(name) else { return Ok(default) };
        let at = instant(text);
        at.ok_or_else(|| invalid(format!("`{name}` is a date and time with its offset (RFC 3339)")))
    }

    /// Says whether the latest come first.
    pub(super) fn latest_first(&self) -> Result<bool, Fault> {
        match self.query.get("sortDirection").map(|text| text.to_ascii_lowercase()).as_deref() {
            None | Some("desc") => Ok(true),
            Some("asc") => Ok(false),
            Some(_) => Err(invalid("`sortDirection` is `asc` or `desc`")),
        }
    }
}
