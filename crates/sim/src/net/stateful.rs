//! An agent of 2025-11-25: a session, answers as streams that are taken up again, and cancellations that are said.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::road::dice::Dice;
use crate::road::trace::Call;

use super::agent::{Agent, patience, told};
use super::client::Answer;
use super::events::Events;
use super::scene::Told;

const PATH: &str = "/mcp/box";
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");
const VERSION: (&str, &str) = ("mcp-protocol-version", "2025-11-25");

/// Is how often a broken stream is taken up again.
const RESUMES_MAX: u32 = 4;

impl Agent {
    async fn post(&self, session: Option<&str>, text: &str) -> Option<Answer> {
        let mut headers = vec![ACCEPT, JSON];
        if let Some(session) = session {
            headers.extend([VERSION, ("mcp-session-id", session)]);
        }
        self.http.send(Method::POST, PATH, &headers, text).await
    }

    /// Returns the session, opened first if there is none; `None` if that fails.
    async fn in_session(&self) -> Option<String> {
        let mut held = self.session.lock().await;
        if held.is_none() {
            *held = tokio::time::timeout(Duration::from_secs(6), self.initialize()).await.ok().flatten();
        }
        held.clone()
    }

    async fn initialize(&self) -> Option<String> {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": self.name, "version": "1" } });
        let hello = json!({ "jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params });
        let answer = self.post(None, &hello.to_string()).await?;
        let session = answer.headers.get("mcp-session-id")?.to_str().ok()?.to_owned();
        self.scene.count("clients", "opened a session");
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        // A session whose greeting was cut short serves all the same.
        drop(self.post(Some(&session), &ready.to_string()).await);
        Some(session)
    }

    async fn forget(&self, session: &str) {
        let mut held = self.session.lock().await;
        if held.as_deref() == Some(session) {
            *held = None;
            self.scene.count("clients", "lost the session");
        }
    }

    /// Calls in the session and waits for the answer, or says that it is no longer wanted.
    pub(super) async fn call_in_session(self: Arc<Self>, call: Call, mut dice: Dice) {
        let Some(session) = self.in_session().await else { return };
        let number = self.scene.begin(call.clone());
        let text = self.request(number, &call, json!({ "progressToken": number }));
        let (patience, mut own) = (patience(&mut dice), dice.clone());
        let conversing = self.converse(&session, number, &text, &mut own);
        match tokio::time::timeout(patience, conversing).await {
            Ok(told) => self.scene.tell(number, told),
            Err(_) => self.lose_patience(&session, number, dice.chance(70)).await,
        }
    }

    async fn converse(&self, session: &str, number: u64, text: &str, dice: &mut Dice) -> Told {
        let Some(answer) = self.post(Some(session), text).await else { return Told::Nothing };
        if answer.status == StatusCode::NOT_FOUND {
            self.forget(session).await;
            return Told::Refused("mcp-session-unknown".into());
        }
        if !answer.is_stream() {
            return answer.json().await.map_or(Told::Nothing, |message| told(&message));
        }
        let (mut events, mut last) = (Events::of(answer.body), None);
        for _ in 0..=RESUMES_MAX {
            while let Some(event) = events.next().await {
                last = event.id.or(last);
                if let Some(message) = event.message.filter(|message| is_answer(message, number)) {
                    return told(&message);
                }
            }
            let Some(id) = &last else { return Told::Nothing };
            tokio::time::sleep(Duration::from_millis(100 + dice.below(900) as u64)).await;
            match self.resume(session, id).await {
                Some(taken_up) => events = taken_up,
                None if self.session.lock().await.as_deref() != Some(session) => return Told::Nothing,
                None => {}
            }
        }
        Told::Nothing
    }

    async fn resume(&self, session: &str, id: &str) -> Option<Events> {
        let headers = [ACCEPT, VERSION, ("mcp-session-id", session), ("last-event-id", id)];
        let answer = self.http.send(Method::GET, PATH, &headers, "").await?;
        if answer.status == StatusCode::NOT_FOUND {
            self.forget(session).await;
        }
        if answer.status != StatusCode::OK {
            return None;
        }
        self.scene.count("clients", "took a stream up again");
        Some(Events::of(answer.body))
    }

    async fn lose_patience(&self, session: &str, number: u64, say: bool) {
        if say {
            let params = json!({ "requestId": number, "reason": "no patience" });
            let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }).to_string();
            let posted = tokio::time::timeout(Duration::from_secs(5), self.post(Some(session), &cancel)).await;
            if posted.ok().flatten().is_some_and(|answer| answer.status == StatusCode::ACCEPTED) {
                self.withdraw(number, 0);
            }
        }
        self.scene.tell(number, Told::Nothing);
    }
}

fn is_answer(message: &Value, number: u64) -> bool {
    message["id"] == number && message.get("method").is_none()
}
