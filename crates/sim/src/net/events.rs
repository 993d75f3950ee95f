//! A stream of server-sent events, as a client reads it.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

/// Reads the events of one stream.
pub struct Events {
    body: Incoming,
    text: String,
}

/// Is one event.
pub struct Event {
    /// Its id, by which a broken stream is taken up again.
    pub id: Option<String>,
    /// What it says; absent if it only gives an id.
    pub message: Option<Value>,
}

impl Events {
    /// Reads the events of a body.
    pub fn of(body: Incoming) -> Self {
        Self { body, text: String::new() }
    }

    /// Waits for the next event; `None` once the stream has ended or broken.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = read(event);
                self.text = rest.to_owned();
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            let bytes = frame.into_data().ok()?;
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

fn read(text: &str) -> Event {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Event {
        id: field("id:").map(str::to_owned),
        message: field("data:").and_then(|data| serde_json::from_str(data).ok()),
    }
}
