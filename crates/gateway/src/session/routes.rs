//! Which of several servers a request is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use control::door::{Era, McpDoor, Refusal, UpstreamLink};
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use super::{Ask, Session};
use crate::fault::Fault;
use crate::lock;
use crate::raw::{RawObject, quote};

/// Remembers which server listed a resource.
#[derive(Debug, Default)]
pub(super) struct Routes {
    resources: Mutex<BTreeMap<ServerName, BTreeSet<String>>>,
}

impl Routes {
    /// Remembers the resources a server lists now.
    pub(super) fn note_resources(&self, server: &ServerName, items: &[String]) {
        let uris = items.iter().filter_map(|item| RawObject::parse(item)?.string("uri")).collect();
        lock(&self.resources).insert(server.clone(), uris);
    }

    fn listing(&self, uri: &str) -> Vec<ServerName> {
        let resources = lock(&self.resources);
        resources.iter().filter(|(_, uris)| uris.contains(uri)).map(|(server, _)| server.clone()).collect()
    }
}

impl<D: McpDoor> Session<D> {
    /// Finds the server of a relayed request, and the request as that server knows it.
    pub(super) async fn route(self: &Arc<Self>, ask: &Ask) -> Result<(ServerName, Frame), Fault> {
        if ask.method.starts_with("tasks/") {
            return Ok((self.server_of_task(&ask.params).await?, ask.request.clone()));
        }
        if let Some(server) = self.single() {
            return Ok((server.clone(), ask.request.clone()));
        }
        match ask.method.as_str() {
            "prompts/get" => {
                self.route_prompt(ask.params.clone(), |params| ask.request.with_member("params", &params.text()))
            }
            "completion/complete" => self.route_completion(ask).await,
            "resources/unsubscribe" => Ok((self.server_of_uri(ask).await?, ask.request.clone())),
            _ => Err(Fault::method(&ask.method)),
        }
    }

    fn route_prompt(
        &self,
        mut named: RawObject,
        write: impl Fn(&RawObject) -> Frame,
    ) -> Result<(ServerName, Frame), Fault> {
        let shown = named.string("name").ok_or_else(|| Fault::params("the prompt's `name` must be a string"))?;
        let (server, name) = self.server_of_name(&shown).ok_or_else(|| Fault::params("unknown prompt"))?;
        named.set("name", &quote(&name));
        Ok((server, write(&named)))
    }

    async fn route_completion(self: &Arc<Self>, ask: &Ask) -> Result<(ServerName, Frame), Fault> {
        let reference = ask.params.object("ref").ok_or_else(|| Fault::params("`params.ref` must be an object"))?;
        if let Some(uri) = reference.string("uri") {
            return Ok((self.server_by_uri(&uri).await?, ask.request.clone()));
        }
        self.route_prompt(reference, |named| {
            let mut params = ask.params.clone();
            params.set("ref", &named.text());
            ask.request.with_member("params", &params.text())
        })
    }

    /// Splits a name the client knows into server and name there; with one server it is that server's own.
    pub(super) fn server_of_name(&self, shown: &str) -> Option<(ServerName, String)> {
        if let Some(server) = self.single() {
            return Some((server.clone(), shown.to_owned()));
        }
        let mut fits = self.slots.keys().filter_map(|server| {
            let name = shown.strip_prefix(server.as_str())?.strip_prefix("__")?;
            Some((server.clone(), name.to_owned()))
        });
        let first = fits.next()?;
        // Names that fit two servers are nobody's.
        fits.next().is_none().then_some(first)
    }

    /// Finds the server of the resource that a request names.
    pub(super) async fn server_of_uri(self: &Arc<Self>, ask: &Ask) -> Result<ServerName, Fault> {
        let uri = ask.params.string("uri").ok_or_else(|| Fault::params("`params.uri` must be a string"))?;
        self.server_by_uri(&uri).await
    }

    /// Finds the server of a resource: the one that lists it, else the one whose template it fits, else the only one
    /// that has resources at all.
    pub(super) async fn server_by_uri(self: &Arc<Self>, uri: &str) -> Result<ServerName, Fault> {
        if let Some(server) = self.single() {
            return Ok(server.clone());
        }
        let known = self.routes.listing(uri);
        if !known.is_empty() {
            return one_of(known);
        }
        let having = self.list_resources_again().await?;
        let listing = self.routes.listing(uri);
        if !listing.is_empty() {
            return one_of(listing);
        }
        let fitting = self.templates_fitting(uri).await?;
        if !fitting.is_empty() {
            return one_of(fitting);
        }
        one_of(having)
    }

    async fn list_resources_again(self: &Arc<Self>) -> Result<Vec<ServerName>, Fault> {
        let mut having = Vec::new();
        for (server, link) in self.all_links().await? {
            if Self::offers(&link, "resources") {
                if let Ok(found) = self.fetch(&server, &link, "resources/list", None).await {
                    self.routes.note_resources(&server, &found);
                }
                having.push(server);
            }
        }
        Ok(having)
    }

    async fn templates_fitting(self: &Arc<Self>, uri: &str) -> Result<Vec<ServerName>, Fault> {
        let mut fitting = Vec::new();
        for (server, link) in self.all_links().await? {
            if !Self::offers(&link, "resources") {
                continue;
            }
            let templates = self.fetch(&server, &link, "resources/templates/list", None).await.unwrap_or_default();
            if templates.iter().any(|template| fits(template, uri)) {
                fitting.push(server);
            }
        }
        Ok(fitting)
    }

    /// Sets the log level on every server that has logging.
    pub(super) async fn set_level_everywhere(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        for (server, link) in self.all_links().await? {
            if link.era() == Era::Stateful && (self.is_single() || Self::offers(&link, "logging")) {
                let single = self.is_single();
                let request = if single { ask.request.clone() } else { ask.request.with_id(&self.own_id()) };
                let answer = self.relay_on(&server, &link, request, Vec::new(), &ask.out).await?;
                if single || answer.member("error").is_some() {
                    return Ok(answer);
                }
            }
        }
        Ok(Frame::result(&ask.id, "{}"))
    }
}

fn one_of(servers: Vec<ServerName>) -> Result<ServerName, Fault> {
    let several = servers.len() > 1;
    match servers.into_iter().next() {
        Some(server) if !several => Ok(server),
        Some(_) => Err(Refusal::plain(
            Code::RequestInvalid,
            "several servers have this resource; connect to one of them alone",
        )
        .into()),
        None => Err(Fault::params("resource not found")),
    }
}

/// Says whether a URI begins as a template does, up to its first variable, or is the template itself.
fn fits(template: &str, uri: &str) -> bool {
    let Some(text) = RawObject::parse(template).and_then(|t| t.string("uriTemplate")) else { return false };
    let fixed = text.split('{').next().unwrap_or_default();
    text == uri || (!fixed.is_empty() && uri.starts_with(fixed))
}
