//! An MLflow server as a source of imports: asked page by page, each answer bounded, its files as streams.

mod listing;
mod pages;

use std::time::Duration;

use models::Given;
use models::imports::mlflow::{self, FoundModel, FoundRegistered, FoundRun, FoundVersion, Senseless};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};
use types::Code;
use types::imports::{Experiment, Point};

pub use listing::{File, Root};
pub use pages::Pages;

/// Is how long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Is how long it may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(120);

/// Is the largest answer that is read whole, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Are how many things are asked for at once.
const RUNS: u32 = 200;
const POINTS: u32 = 10_000;
const OTHERS: u32 = 100;

/// Chooses what is a prompt, and what is none.
const PROMPTS: [&str; 2] = ["", "tag.`mlflow.prompt.is_prompt` = 'true'"];

/// Says why a source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It does not answer.
    #[error("the source does not answer: {0}")]
    Unavailable(String),
    /// It refuses the credentials, or wants some.
    #[error("the source refuses the credentials: {0}")]
    Denied(String),
    /// It is none that is read here.
    #[error("the source is none that is read here: {0}")]
    Unknown(String),
    /// It ends in the middle, or never, or says what makes no sense.
    #[error("the source cannot be read to its end: {0}")]
    Broken(String),
    /// It does not have what was asked for.
    #[error("the source does not have it: {0}")]
    Absent(String),
}

impl SourceError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::UpstreamUnavailable,
            Self::Denied(_) => Code::ImportSourceDenied,
            Self::Unknown(_) => Code::ImportSourceUnknown,
            Self::Broken(_) | Self::Absent(_) => Code::ImportSourceBroken,
        }
    }
}

impl From<Senseless> for SourceError {
    fn from(senseless: Senseless) -> Self {
        Self::Broken(types::text::escape(&senseless.0, false))
    }
}

/// Is what a source is asked with.
#[derive(Clone)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A bearer token.
    Token(String),
    /// A user's name and their password.
    Password(String, String),
}

/// Is an MLflow server.
pub struct Server {
    http: Client,
    base: String,
    authorization: Option<HeaderValue>,
}

fn gone(error: reqwest::Error) -> SourceError {
    let is_cut = error.is_body() || error.is_decode();
    let why = error.without_url();
    let mut text = why.to_string();
    let mut deeper: Option<&dyn std::error::Error> = std::error::Error::source(&why);
    while let Some(error) = deeper {
        text = format!("{text}: {error}");
        deeper = error.source();
    }
    let text = types::text::escape(&text, false);
    if is_cut { SourceError::Broken(text) } else { SourceError::Unavailable(text) }
}

fn header(credentials: &Credentials) -> Result<Option<HeaderValue>, SourceError> {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let text = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Token(token) => format!("Bearer {token}"),
        Credentials::Password(user, password) => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        }
    };
    let mut value =
        HeaderValue::try_from(text).map_err(|_| SourceError::Denied("they cannot be written into a header".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

impl Server {
    /// Finds out whether an MLflow server is at an address, and returns it with its version.
    ///
    /// - `address`: `http` or `https`, without credentials.
    ///
    /// # Errors
    ///
    /// An address that cannot be asked; a server that does not answer, refuses the credentials, or is no MLflow server.
    pub async fn find(address: &str, credentials: &Credentials) -> Result<(Self, String), SourceError> {
        let url: Url = address.parse().map_err(|_| SourceError::Unknown("it is no address".into()))?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain || url.query().is_some() || url.fragment().is_some() {
            let why = "an address is `http` or `https`, without credentials and without a query";
            return Err(SourceError::Unknown(why.into()));
        }
        // A redirection would take the credentials to somebody else.
        let http = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).read_timeout(SILENCE);
        let http = http.build().map_err(gone)?;
        let base = address.trim_end_matches('/').to_owned();
        let server = Self { http, base, authorization: header(credentials)? };
        let version = server.version().await?;
        // A server that tells its version to everybody may still tell nothing else.
        server.ask(Method::POST, "experiments/search", &[], Some(json!({ "max_results": 1 }))).await?;
        Ok((server, version))
    }

    async fn version(&self) -> Result<String, SourceError> {
        let response = self.send(self.http.get(format!("{}/version", self.base))).await?;
        let text = String::from_utf8(whole(response, 256).await?).unwrap_or_default();
        let is_version = text.starts_with(|c: char| c.is_ascii_digit())
            && text.contains('.')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
        if is_version {
            Ok(text)
        } else {
            Err(SourceError::Unknown("it does not tell a version as MLflow does".into()))
        }
    }

    /// Sends a request, and demands that it is answered.
    async fn send(&self, request: RequestBuilder) -> Result<Response, SourceError> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        let response = request.send().await.map_err(gone)?;
        let status = response.status();
        match status {
            _ if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(SourceError::Denied(format!("status {status}"))),
            StatusCode::NOT_FOUND => Err(SourceError::Absent(format!("status {status}"))),
            _ if status.is_redirection() => Err(SourceError::Unknown(format!(
                "it leads elsewhere, status {status}: name the address that it leads to"
            ))),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(SourceError::Unavailable(format!("status {status}")))
            }
            _ => Err(SourceError::Broken(format!("status {status}: {}", said(response).await))),
        }
    }

    async fn ask(
        &self,
        method: Method,
        call: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Given, SourceError> {
        let mut request = self.http.request(method, self.address(&format!("api/2.0/mlflow/{call}"), query)?);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let bytes = whole(self.send(request).await?, ANSWER_BYTES_MAX).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SourceError::Broken("an answer is not UTF-8".into()))?;
        Given::read(text).ok_or_else(|| SourceError::Broken(format!("the answer of `{call}` is no JSON")))
    }

    fn address(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, SourceError> {
        let address = format!("{}/{path}", self.base);
        let mut url: Url = address.parse().map_err(|_| SourceError::Unknown("it is no address".into()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Begins a list, which is read page by page.
    fn pages(&self, call: &'static str, body: Value, name: &'static str) -> Pages<'_> {
        Pages::new(self, (call, name), Some(body), "")
    }

    /// Reads all experiments, deleted ones too.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn experiments(&self) -> Result<Vec<mlflow::Found<Experiment>>, SourceError> {
        let mut pages =
            self.pages("experiments/search", json!({ "view_type": "ALL", "max_results": OTHERS }), "experiments");
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            all.extend(page.iter().map(mlflow::experiment).collect::<Result<Vec<_>, _>>()?);
        }
        all.sort_by_key(|found| found.item.id);
        Ok(all)
    }

    /// Begins the list of an experiment's runs, deleted ones too, the oldest first.
    pub fn runs(&self, experiment: i64) -> Pages<'_> {
        let body = json!({ "experiment_ids": [experiment.to_string()], "run_view_type": "ALL", "max_results": RUNS,
            "order_by": ["attributes.start_time ASC"] });
        self.pages("runs/search", body, "runs")
    }

    /// Reads a run with everything but its points and files; a search leaves some of it out.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn run(&self, id: &str) -> Result<FoundRun, SourceError> {
        let answer = self.ask(Method::GET, "runs/get", &[("run_id", id)], None).await?;
        let run = answer.member("run").ok_or_else(|| SourceError::Broken("an answer holds no run".into()))?;
        let found = mlflow::run(run)?;
        if found.run.item.id != id {
            return Err(SourceError::Broken("it answers with another run than was asked for".into()));
        }
        Ok(found)
    }

    /// Reads a page of the points of a run's metric, and where the next one begins.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn points(
        &self,
        run: &str,
        key: &str,
        token: Option<&str>,
    ) -> Result<(Vec<Point>, Option<String>), SourceError> {
        let most = POINTS.to_string();
        let mut query = vec![("run_id", run), ("metric_key", key), ("max_results", most.as_str())];
        query.extend(token.map(|token| ("page_token", token)));
        let answer = self.ask(Method::GET, "metrics/get-history", &query, None).await?;
        let points = mlflow::list(&answer, "metrics")?.iter().map(mlflow::point).collect::<Result<Vec<_>, _>>()?;
        let next = mlflow::next_page(&answer)?;
        if next.is_some() && (points.is_empty() || next.as_deref() == token) {
            return Err(SourceError::Broken(format!("the points of run {run} never end")));
        }
        if points.iter().any(|point| point.key != key) {
            return Err(SourceError::Broken("it answers with another metric than was asked for".into()));
        }
        Ok((points, next))
    }

    /// Begins the list of an experiment's logged models that are not deleted.
    pub fn logged_models(&self, experiment: i64) -> Pages<'_> {
        let body = json!({ "experiment_ids": [experiment.to_string()], "max_results": OTHERS });
        self.pages("logged-models/search", body, "models")
    }

    /// Reads a logged model that no list has; nothing if it is not deleted.
    ///
    /// # Errors
    ///
    /// What the source says; [`SourceError::Absent`] for one that it does not show, as older releases show none that is deleted.
    pub async fn deleted_model(&self, id: &str) -> Result<Option<FoundModel>, SourceError> {
        let call = format!("logged-models/{}", segment(id));
        let is_absent = |asked: &Result<Given, SourceError>| matches!(asked, Err(SourceError::Absent(_)));
        let active = self.ask(Method::GET, &call, &[], None).await;
        if !is_absent(&active) {
            return active.map(|_| None);
        }
        let answer = self.ask(Method::GET, &call, &[("allow_deleted", "true")], None).await?;
        let model = answer.member("model").ok_or_else(|| SourceError::Broken("an answer holds no model".into()))?;
        let found = mlflow::logged_model(model, true)?;
        if found.model.item.id != id {
            return Err(SourceError::Broken("it answers with another model than was asked for".into()));
        }
        Ok(Some(found))
    }

    /// Counts the traces of an experiment; none of a server from before there were any.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn count_traces(&self, experiment: i64) -> Result<u64, SourceError> {
        let mut pages = Pages::new(self, ("traces", "traces"), None, "").of_experiment(experiment);
        let mut count = 0_u64;
        loop {
            match pages.next().await {
                Ok(Some(page)) => count = count.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX)),
                Ok(None) | Err(SourceError::Absent(_)) => return Ok(count),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads all registered models and prompts.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn registered_models(&self) -> Result<Vec<FoundRegistered>, SourceError> {
        let read = |given: &Given| mlflow::registered_model(given);
        self.of_registry("registered-models/search", "registered_models", read).await
    }

    /// Reads the versions of all registered models and prompts.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn model_versions(&self) -> Result<Vec<FoundVersion>, SourceError> {
        let read = |given: &Given| mlflow::model_version(given);
        self.of_registry("model-versions/search", "model_versions", read).await
    }

    async fn of_registry<T>(
        &self,
        call: &'static str,
        name: &'static str,
        read: impl Fn(&Given) -> Result<T, Senseless>,
    ) -> Result<Vec<T>, SourceError> {
        let mut all = Vec::new();
        for filter in PROMPTS {
            let mut pages = Pages::new(self, (call, name), None, filter);
            while let Some(page) = pages.next().await? {
                all.extend(page.iter().map(&read).collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(all)
    }
}

/// Reads an answer to its end, unless it is too large.
async fn whole(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(gone)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > bytes_max {
            return Err(SourceError::Broken(format!("an answer is larger than {bytes_max} bytes")));
        }
    }
    Ok(bytes)
}

/// Returns what an answer says of why it refuses.
async fn said(response: Response) -> String {
    let text = whole(response, 4_096).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let message = Given::read(&text).and_then(|given| match given.member("message") {
        Some(Given::Text(text)) => Some(text.clone()),
        _ => None,
    });
    types::text::escape(&message.unwrap_or(text), false)
}

/// Writes a text as one segment of a path.
fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
