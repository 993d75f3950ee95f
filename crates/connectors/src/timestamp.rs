//! Asking an authority for a time-stamp over HTTP (RFC 3161 §3.4).

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};

/// Is how long an authority may take, from the connection to the last byte of its answer.
const WAIT: Duration = Duration::from_secs(10);

/// Is the largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Speaks to one authority.
#[derive(Debug, Clone)]
pub struct Authority {
    client: Client,
    url: Url,
}

impl Authority {
    /// Prepares to speak to the authority at an address; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A text if that is no address, or there is no way to speak TLS.
    pub fn at(url: &str) -> Result<Self, String> {
        let url: Url = url.parse().map_err(|e| format!("`{url}` is no address: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{url}` begins neither with http nor with https"));
        }
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(WAIT).no_proxy();
        Ok(Self { client: builder.build().map_err(|e| e.to_string())?, url })
    }

    /// Sends a request, and returns the body of the answer.
    ///
    /// # Errors
    ///
    /// A text that says why there is no answer: no connection, 10 seconds passed, another status than 200, or more than
    /// 64 KiB.
    pub async fn ask(&self, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let query = HeaderValue::from_static("application/timestamp-query");
        let sent = self.client.post(self.url.clone()).header(CONTENT_TYPE, query).body(request).send().await;
        let mut response = sent.map_err(|e| e.without_url().to_string())?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err("its answer is larger than 64 KiB".to_owned());
            }
        }
        Ok(body)
    }
}
