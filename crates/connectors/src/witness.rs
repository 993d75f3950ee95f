//! Asking a witness to cosign over HTTP (C2SP `tlog-witness`).

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};

/// Is how long a witness may take, from the connection to the last byte of its answer.
const WAIT: Duration = Duration::from_secs(5);

/// Is the largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Speaks to witnesses.
#[derive(Debug, Clone)]
pub struct Witnesses(Client);

impl Witnesses {
    /// Prepares to speak to witnesses; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A text if there is no way to speak TLS.
    pub fn new() -> Result<Self, String> {
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(WAIT).no_proxy();
        builder.build().map(Self).map_err(|e| e.to_string())
    }

    /// Sends a request to the witness at an address, and returns the status and the body of its answer.
    ///
    /// - `prefix`: the witness's submission prefix, to which `/add-checkpoint` is added.
    ///
    /// # Errors
    ///
    /// A text that says why there is no answer: no such address, no connection, 5 seconds passed, or more than 64 KiB.
    pub async fn add_checkpoint(&self, prefix: &str, request: String) -> Result<(u16, Vec<u8>), String> {
        let url: Url =
            format!("{}/add-checkpoint", prefix.trim_end_matches('/')).parse().map_err(|e| format!("{e}"))?;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        let sent = self.0.post(url).header(CONTENT_TYPE, text).body(request).send().await;
        let mut response = sent.map_err(|e| e.without_url().to_string())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err("its answer is larger than 64 KiB".to_owned());
            }
        }
        Ok((response.status().as_u16(), body))
    }
}
