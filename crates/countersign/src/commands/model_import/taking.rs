//! Sends what a source has, in batches, and hears what became of it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use types::Code;
use types::imports::Item;

use super::report::{Outcome, Report};
use super::source::Content;
use crate::client::{Client, segment};
use crate::commands::answer::{list, text};
use crate::error::{CliError, Exit};

/// Is how many items are sent together at most, and about how many bytes.
const ITEMS_MAX: usize = 500;
const BYTES_MAX: usize = 1 << 20;

/// Says whose file something is.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// A run's.
    Run(&'a str),
    /// A logged model's.
    Model(&'a str),
}

impl<'a> Of<'a> {
    /// Returns the kind of what it is of, its id, and what the server calls it.
    fn named(self) -> (&'static str, &'a str, &'static str) {
        match self {
            Self::Run(id) => ("run", id, "run"),
            Self::Model(id) => ("logged-model", id, "model"),
        }
    }
}

/// Takes things over.
pub struct Taking<'a> {
    client: &'a Client,
    /// The import; nothing, if all is only counted.
    import: Option<String>,
    waiting: Vec<Item>,
    bytes: usize,
    /// What became so far of things whose end has not come.
    open: BTreeMap<(&'static str, String), Outcome>,
    /// What is counted.
    pub report: Report,
}

/// Says whether an item is the last one of its thing.
fn is_last(item: &Item) -> bool {
    matches!(
        item,
        Item::Experiment(_) | Item::RunEnd(_) | Item::ModelEnd(_) | Item::RegisteredModel(_) | Item::ModelVersion(_)
    )
}

fn is_first(item: &Item) -> bool {
    matches!(item, Item::Run(_) | Item::LoggedModel(_))
}

/// Puts what became of a part to what became of those before it.
fn joined(before: Option<Outcome>, now: Outcome) -> Outcome {
    match (before, now) {
        (Some(refused @ Outcome::Refused(_)), _) => refused,
        (_, refused @ Outcome::Refused(_)) => refused,
        (Some(Outcome::Taken), _) | (_, Outcome::Taken) => Outcome::Taken,
        _ => Outcome::Present,
    }
}

impl<'a> Taking<'a> {
    /// Begins to take things over by an import; without one they are only counted.
    pub fn new(client: &'a Client, import: Option<String>) -> Self {
        Self { client, import, waiting: Vec::new(), bytes: 0, open: BTreeMap::new(), report: Report::default() }
    }

    /// Says whether all is only counted.
    pub fn is_dry(&self) -> bool {
        self.import.is_none()
    }

    /// Takes an item over, sooner or later.
    ///
    /// # Errors
    ///
    /// What the server says, unless that is about an item.
    pub async fn put(&mut self, item: Item) -> Result<(), CliError> {
        let size = serde_json::to_vec(&item).map_or(0, |bytes| bytes.len());
        if self.waiting.len() >= ITEMS_MAX || self.bytes.saturating_add(size) > BYTES_MAX {
            self.send().await?;
        }
        self.waiting.push(item);
        self.bytes = self.bytes.saturating_add(size);
        Ok(())
    }

    /// Takes an item over, and says whether more of it is wanted.
    ///
    /// # Errors
    ///
    /// As [`Taking::put`].
    pub async fn put_now(&mut self, item: Item) -> Result<bool, CliError> {
        let key = (item.kind(), item.id());
        self.put(item).await?;
        self.send().await?;
        Ok(self.is_dry() || self.open.contains_key(&key))
    }

    async fn send(&mut self) -> Result<(), CliError> {
        let items = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let outcomes = match &self.import {
            None => vec![Outcome::Taken; items.len()],
            Some(_) if items.is_empty() => return Ok(()),
            Some(import) => {
                let path = format!("/v1/imports/{}/items", segment(import));
                let answer = self.client.post(&path, &json!({ "items": items })).await?;
                list(&answer, "items").map(outcome).collect()
            }
        };
        if outcomes.len() != items.len() {
            let message = "the server does not say of each item what became of it";
            return Err(CliError::new(Exit::Failed, Code::UpstreamInvalid, message));
        }
        for (item, outcome) in items.iter().zip(outcomes) {
            self.heard(item, outcome);
        }
        Ok(())
    }

    fn heard(&mut self, item: &Item, outcome: Outcome) {
        let (kind, id) = (item.kind(), item.id());
        let key = (kind, id);
        let is_refused_at_once = is_first(item) && matches!(outcome, Outcome::Refused(_));
        let so_far = joined(self.open.remove(&key), outcome);
        if is_last(item) || is_refused_at_once {
            self.report.count(kind, &key.1, so_far);
        } else {
            self.open.insert(key, so_far);
        }
    }

    /// Says that a part of a thing cannot be taken, so that the thing is not either.
    pub fn refuse(&mut self, kind: &'static str, id: &str, why: String) {
        let key = (kind, id.to_owned());
        let so_far = joined(self.open.remove(&key), Outcome::Refused(why));
        self.open.insert(key, so_far);
    }

    /// Says that a file cannot be taken, so that what it belongs to is not wholly either.
    pub fn refuse_file(&mut self, of: Of<'_>, path: &str, why: String) {
        let (kind, id, _) = of.named();
        self.report.count("file", path, Outcome::Refused(why.clone()));
        self.refuse(kind, id, format!("its file `{path}`: {why}"));
    }

    /// Takes a file over.
    ///
    /// # Errors
    ///
    /// A source that ends in the middle; what the server says, unless that is about this file.
    pub async fn file(&mut self, of: Of<'_>, (path, size): (&str, u64), content: Content) -> Result<(), CliError> {
        let Content { body, cut } = content;
        let Some(import) = &self.import else { return Ok(()) };
        let (kind, id, name) = of.named();
        let to = format!("/v1/imports/{}/files?{name}={}&path={}", segment(import), segment(id), segment(path));
        match self.client.upload(&to, body, size).await {
            Ok(taken) => {
                let outcome = outcome(&taken);
                self.report.count("file", path, outcome.clone());
                if let Outcome::Taken = outcome {
                    let key = (kind, id.to_owned());
                    let so_far = joined(self.open.remove(&key), outcome);
                    self.open.insert(key, so_far);
                }
                Ok(())
            }
            Err(_) if cut.load(Ordering::SeqCst) => {
                let message = format!(
                    "the source cannot be read to its end: the file `{path}` of the {kind} {id} ends in the middle"
                );
                Err(CliError::new(Exit::Failed, Code::ImportSourceBroken, message))
            }
            Err(error) if is_about_the_file(error.code) => {
                self.refuse_file(of, path, error.message);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sends what waits, and ends the import; returns what is counted, and how the import ended.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub async fn end(mut self) -> Result<(Report, Value), CliError> {
        self.send().await?;
        for ((kind, id), outcome) in std::mem::take(&mut self.open) {
            self.report.count(kind, &id, outcome);
        }
        let Some(import) = &self.import else { return Ok((self.report, Value::Null)) };
        let path = format!("/v1/imports/{}/end", segment(import));
        let ended = self.client.post(&path, &json!({ "left": self.report.not_here() })).await?;
        Ok((self.report, ended))
    }
}

fn is_about_the_file(code: Code) -> bool {
    matches!(
        code,
        Code::ImportDiffers | Code::ModelSealed | Code::RequestInvalid | Code::NotFound | Code::PayloadTooLarge
    )
}

fn outcome(view: &Value) -> Outcome {
    match text(view, "state").as_str() {
        "taken" => Outcome::Taken,
        "present" => Outcome::Present,
        _ => Outcome::Refused(format!("{} ({})", text(view, "reason"), text(view, "code"))),
    }
}
