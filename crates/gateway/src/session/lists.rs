//! Lists: one server's pass page by page, several are merged whole; every list of tools is compared first.

use std::sync::Arc;
use std::time::Duration;

use control::door::{Era, McpDoor, Refusal, UpstreamLink};
use futures_util::future::join_all;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use super::shown::comparable;
use super::{Ask, Session};
use crate::claims;
use crate::fault::Fault;
use crate::raw::{RawObject, elements, quote};

/// Limits how many pages a server may spread one list over.
const PAGES_MAX: usize = 1_000;

/// Limits how many items a list may have.
const ITEMS_MAX: usize = 20_000;

/// Limits how long a whole list may be, in bytes: eight of a connector's longest frames, as when it lists by itself.
const BYTES_MAX: usize = 64 << 20;

/// Is how long a server may take for an answer that the gateway itself has asked for: as long as for its first one.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// Is the reach of one list method: the member it fills and the capability it needs.
pub(super) fn shape(method: &str) -> Option<(&'static str, &'static str)> {
    match method {
        "tools/list" => Some(("tools", "tools")),
        "prompts/list" => Some(("prompts", "prompts")),
        "resources/list" => Some(("resources", "resources")),
        "resources/templates/list" => Some(("resourceTemplates", "resources")),
        "tasks/list" => Some(("tasks", "tasks")),
        _ => None,
    }
}

impl<D: McpDoor> Session<D> {
    /// Serves a list.
    pub(super) async fn list(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        match self.single().cloned() {
            Some(server) => self.list_one(ask, &server).await,
            None => self.list_all(ask).await,
        }
    }

    async fn list_one(self: &Arc<Self>, ask: &Ask, server: &ServerName) -> Result<Frame, Fault> {
        let answer = self.pass(ask, server, ask.request.clone()).await?;
        let Some(result) = answer.member("result").and_then(RawObject::parse) else { return Ok(answer) };
        if ask.method != "tools/list" {
            return Ok(answer);
        }
        let link = self.link(server).await?;
        let tools = items(&result, "tools")?;
        let comparable = self.compare_page(ask, server, &link, &result, tools.clone()).await?;
        let shown = self.shown_tools(&link, comparable);
        if shown == tools {
            return Ok(answer);
        }
        Ok(answer.with_member("result", &with_items(result, "tools", &shown).text()))
    }

    /// Writes tools as the client sees them: with the argument for its claims if its agent wants that, and open to tasks if
    /// its version has them and the gateway runs them.
    fn shown_tools(&self, link: &D::Link, tools: Vec<String>) -> Vec<String> {
        let tools = if self.door.annotates(&self.caller) { annotated(tools) } else { tools };
        if !self.offers_tasks() || !self.knows_tasks() || self.runs_tasks(link) {
            return tools;
        }
        tools.iter().map(|tool| open_to_tasks(tool)).collect()
    }

    /// Compares the whole list that a page is part of, before the client sees the page; returns those of the
    /// page's tools that can be.
    async fn compare_page(
        self: &Arc<Self>,
        ask: &Ask,
        server: &ServerName,
        link: &Arc<D::Link>,
        result: &RawObject,
        page: Vec<String>,
    ) -> Result<Vec<String>, Fault> {
        let mut whole = match (ask.params.get("cursor"), result.get("nextCursor")) {
            (None, None) => page.clone(),
            (None, Some(next)) => {
                let rest = self.fetch(server, link, "tools/list", Some(next.to_owned())).await?;
                page.iter().cloned().chain(rest).collect()
            }
            (Some(_), _) => self.fetch(server, link, "tools/list", None).await?,
        };
        let shown = comparable(server, page.clone(), &whole);
        let unseen: Vec<String> = page.into_iter().filter(|tool| !whole.contains(tool)).collect();
        whole.extend(unseen);
        self.door.observe_tools(server, link.hello(), whole).await;
        Ok(shown)
    }

    /// Merges what every server lists.
    pub(super) async fn list_all(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let (key, capability) = shape(&ask.method).ok_or_else(|| Fault::method(&ask.method))?;
        if ask.params.get("cursor").is_some() {
            return Err(Fault::params("unknown cursor"));
        }
        let links = self.all_links().await?;
        let asked = links.iter().filter(|(_, link)| Self::offers(link, capability));
        // All at once: a server that is slow delays the list by its own time alone.
        let lists = join_all(
            asked.map(|(server, link)| async move { (server, self.list_of(server, link, &ask.method, key).await) }),
        );
        let mut all = Vec::new();
        for (server, list) in lists.await {
            match list {
                Ok(found) => all.extend(found),
                Err(fault) => tracing::warn!(%server, reason = %fault.message, "left a server out of a list"),
            }
        }
        if key == "tasks" {
            all.splice(0..0, self.own_tasks().iter().map(serde_json::Value::to_string));
        }
        let mut result = with_items(RawObject::default(), key, &all);
        if self.era == Era::Stateless {
            result.set("resultType", "\"complete\"");
            result.set("ttlMs", "0");
            result.set("cacheScope", "\"private\"");
        }
        Ok(Frame::result(&ask.id, &result.text()))
    }

    /// Lists what one of several servers has, under the names the client knows it by.
    async fn list_of(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        method: &str,
        key: &str,
    ) -> Result<Vec<String>, Fault> {
        let found = self.fetch(server, link, method, None).await?;
        match key {
            "tools" => {
                self.door.observe_tools(server, link.hello(), found.clone()).await;
                let whole = found.clone();
                let tools = self.shown_tools(link, comparable(server, found, &whole));
                Ok(tools.iter().map(|tool| renamed(server, tool)).collect())
            }
            "prompts" => Ok(found.iter().map(|prompt| renamed(server, prompt)).collect()),
            "tasks" => Ok(self.owned(server, found)),
            "resources" => {
                self.routes.note_resources(server, &found);
                Ok(found)
            }
            _ => Ok(found),
        }
    }

    /// Lists all that a server has from a cursor on, over as many pages as it takes.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        method: &str,
        from: Option<String>,
    ) -> Result<Vec<String>, Fault> {
        let (key, _) = shape(method).ok_or_else(|| Fault::method(method))?;
        let (mut all, mut cursor, mut bytes) = (Vec::new(), from, 0usize);
        for _ in 0..PAGES_MAX {
            let answer = self.own_request(server, link, method, cursor.as_deref()).await?;
            bytes = bytes.saturating_add(answer.text().len());
            if bytes > BYTES_MAX {
                return Err(Refusal::plain(Code::ResultTooLarge, "the server's list is too long").into());
            }
            let result = answer.member("result").and_then(RawObject::parse);
            let result = result.ok_or_else(|| Fault::upstream("the server answered a list with an error"))?;
            all.extend(items(&result, key)?);
            cursor = result.get("nextCursor").map(str::to_owned);
            if cursor.is_none() {
                return Ok(all);
            }
            if all.len() > ITEMS_MAX {
                break;
            }
        }
        Err(Fault::upstream("the server's list does not end"))
    }

    async fn own_request(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        method: &str,
        cursor: Option<&str>,
    ) -> Result<Frame, Fault> {
        let mut params = RawObject::default();
        if let Some(cursor) = cursor {
            params.set("cursor", cursor);
        }
        if let Some(meta) = &self.own_meta {
            params.set("_meta", meta);
        }
        let request = Frame::request(&self.own_id(), method, Some(&params.text()));
        let out: mpsc::Sender<Frame> = self.outbox.clone();
        let answer = self.relay_on(server, link, request, Vec::new(), &out);
        tokio::time::timeout(ANSWER, answer).await.map_err(|_| late())?
    }
}

/// Says that a server did not answer what the gateway asked it.
pub(super) fn late() -> Fault {
    Refusal::plain(Code::UpstreamTimeout, "the server did not answer in time").into()
}

fn items(result: &RawObject, key: &str) -> Result<Vec<String>, Fault> {
    result.get(key).and_then(elements).ok_or_else(|| Fault::upstream("the server's list is no list"))
}

fn with_items(mut result: RawObject, key: &str, items: &[String]) -> RawObject {
    result.set(key, &format!("[{}]", items.join(",")));
    result
}

fn annotated(tools: Vec<String>) -> Vec<String> {
    tools.iter().map(|tool| claims::annotate(tool)).collect()
}

fn open_to_tasks(tool: &str) -> String {
    let Some(mut object) = RawObject::parse(tool) else { return tool.to_owned() };
    let mut execution = object.object("execution").unwrap_or_default();
    execution.set("taskSupport", "\"optional\"");
    object.set("execution", &execution.text());
    object.text()
}

fn renamed(server: &ServerName, item: &str) -> String {
    let Some(mut object) = RawObject::parse(item) else { return item.to_owned() };
    if let Some(name) = object.string("name") {
        object.set("name", &quote(&format!("{server}__{name}")));
    }
    object.text()
}
