//! An agent of 2026-07-28: each request stands for itself, and to disconnect is to withdraw.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use crate::road::dice::Dice;
use crate::road::trace::Call;

use super::agent::{Agent, patience, told};
use super::events::Events;
use super::scene::Told;

const VERSION: &str = "2026-07-28";

/// Is how soon the gateway knows that a client has gone, on a network where nothing goes wrong, in milliseconds.
const NOTICED_MS: i64 = 1_000;

impl Agent {
    /// Calls once and waits for the answer, or goes away.
    pub(super) async fn call_alone(self: Arc<Self>, call: Call, mut dice: Dice) {
        let number = self.scene.begin(call.clone());
        match tokio::time::timeout(patience(&mut dice), self.ask_alone(number, &call)).await {
            Ok(told) => self.scene.tell(number, told),
            Err(_) => {
                if self.scene.calm {
                    self.withdraw(number, NOTICED_MS);
                }
                self.scene.tell(number, Told::Nothing);
            }
        }
    }

    async fn ask_alone(&self, number: u64, call: &Call) -> Told {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": "1" },
        });
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("mcp-protocol-version", VERSION),
            ("mcp-method", "tools/call"),
            ("mcp-name", call.tool.as_str()),
        ];
        let text = self.request(number, call, meta);
        let Some(answer) = self.http.send(Method::POST, "/mcp/box", &headers, &text).await else {
            return Told::Nothing;
        };
        if !answer.is_stream() {
            return answer.json().await.map_or(Told::Nothing, |message| told(&message));
        }
        let mut events = Events::of(answer.body);
        while let Some(event) = events.next().await {
            if let Some(message) = event.message.filter(|message| message["id"] == number) {
                return told(&message);
            }
        }
        Told::Nothing
    }
}
