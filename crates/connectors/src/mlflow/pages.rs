//! Lists, page by page. Each page must bring something new, so that every list ends.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use models::Given;
use models::imports::mlflow;
use reqwest::Method;
use serde_json::Value;

use super::{OTHERS, Server, SourceError};

/// Is how many pages a list has at most.
const PAGES_MAX: usize = 1_000_000;

/// Is a list that is read page by page.
pub struct Pages<'a> {
    server: &'a Server,
    /// The call, and the member of its answer that holds the list.
    of: (&'static str, &'static str),
    /// What is posted; asked for with a query if it is nothing.
    body: Option<Value>,
    filter: &'static str,
    experiment: Option<String>,
    token: Option<String>,
    seen: HashSet<u64>,
    pages: usize,
    is_over: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        server: &'a Server,
        of: (&'static str, &'static str),
        body: Option<Value>,
        filter: &'static str,
    ) -> Self {
        Self { server, of, body, filter, experiment: None, token: None, seen: HashSet::new(), pages: 0, is_over: false }
    }

    /// Asks for those of an experiment.
    pub(super) fn of_experiment(self, experiment: i64) -> Self {
        Self { experiment: Some(experiment.to_string()), ..self }
    }

    /// Reads the next page; nothing behind the last one.
    ///
    /// # Errors
    ///
    /// What the source says; a page that brings nothing new, and is not the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Given>>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let (call, name) = self.of;
        let answer = self.ask().await?;
        let page = mlflow::list(&answer, name)?.to_vec();
        let next = mlflow::next_page(&answer)?;
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut is_new = false;
        for one in &page {
            is_new |= self.seen.insert(hasher.hash_one(one.json()));
        }
        self.pages = self.pages.saturating_add(1);
        if next.is_some() && (!is_new || self.pages > PAGES_MAX) {
            return Err(SourceError::Broken(format!("the pages of `{call}` never end")));
        }
        self.is_over = next.is_none();
        self.token = next;
        Ok(Some(page))
    }

    async fn ask(&self) -> Result<Given, SourceError> {
        let (call, _) = self.of;
        if let Some(mut body) = self.body.clone() {
            if let (Some(object), Some(token)) = (body.as_object_mut(), &self.token) {
                object.insert("page_token".to_owned(), token.clone().into());
            }
            return self.server.ask(Method::POST, call, &[], Some(body)).await;
        }
        let most = OTHERS.to_string();
        let mut query = vec![("max_results", most.as_str())];
        if !self.filter.is_empty() {
            query.push(("filter", self.filter));
        }
        query.extend(self.experiment.as_deref().map(|experiment| ("experiment_ids", experiment)));
        query.extend(self.token.as_deref().map(|token| ("page_token", token)));
        self.server.ask(Method::GET, call, &query, None).await
    }
}
