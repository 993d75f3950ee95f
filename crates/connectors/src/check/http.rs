//! Asking an address: no redirect is followed, and an answer is read within bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use types::check::{Http, Look};

use super::value::{Wanted, meets};
use super::{Seen, Variables};

/// Is the largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Says why there is no answer.
pub(super) enum Missed {
    /// It was not asked: what is needed for that is not there.
    Unasked(String),
    /// It was asked, and gave none.
    Unanswered(String),
}

/// Looks at an address: whoever does not answer, or not in time, or with another status, is bad.
pub(super) async fn look(http: &Http, wanted: Wanted<'_>, variables: Variables<'_>, deadline: Duration) -> Seen {
    // Whoever is slow has not answered in time.
    let deadline = http.slow_ms.map_or(deadline, |slow| deadline.min(Duration::from_millis(slow.unsigned_abs())));
    let (status, body) = match get(&http.url, &[], &http.headers, variables, deadline).await {
        Ok(answer) => answer,
        Err(Missed::Unasked(why)) => return Seen::nothing(&why),
        Err(Missed::Unanswered(why)) => return Seen::of(Look::Bad, &why),
    };
    if status != http.status {
        return Seen::of(Look::Bad, &format!("it answers with status {status}"));
    }
    let (Some(expect), known) = wanted else {
        return Seen::of(Look::Good, &format!("it answers with status {status}"));
    };
    match serde_json::from_str(&body) {
        Ok(value) => meets(expect, &value, known),
        Err(_) => Seen::nothing("its answer is no JSON"),
    }
}

/// Gets an answer, and returns its status and its body.
pub(super) async fn get(
    url: &str,
    query: &[(&str, &str)],
    headers: &BTreeMap<String, String>,
    variables: Variables<'_>,
    deadline: Duration,
) -> Result<(u16, String), Missed> {
    let unasked = |why: String| Missed::Unasked(why);
    let mut url = Url::parse(url).map_err(|error| unasked(format!("its address cannot be read: {error}")))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .timeout(deadline)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    let client = client.build().map_err(|error| unasked(error.to_string()))?;
    let mut request = client.get(url);
    for (name, variable) in headers {
        let value = variables(variable).ok_or_else(|| unasked(format!("the variable `{variable}` is not set")))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| unasked(format!("`{variable}` is no header")))?;
        value.set_sensitive(true);
        let name = HeaderName::try_from(name).map_err(|_| unasked(format!("`{name}` is no header")))?;
        request = request.header(name, value);
    }
    let unanswered = |error: reqwest::Error| {
        if error.is_timeout() {
            return Missed::Unanswered(format!("it does not answer within {} ms", deadline.as_millis()));
        }
        Missed::Unanswered(format!("it does not answer: {}", root(&error.without_url())))
    };
    let mut answer = request.send().await.map_err(unanswered)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(unasked("its answer is larger than 1 MiB".to_owned()));
        }
    }
    let body = String::from_utf8(body).map_err(|_| unasked("its answer is no text".to_owned()))?;
    Ok((answer.status().as_u16(), body))
}

/// Returns the last reason of an error: those before it say no more.
fn root(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = cause.to_string();
        next = cause.source();
    }
    text
}
