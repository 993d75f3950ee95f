//! The callers: agents that call tools through the gateway, each one call after another.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::books::{Ack, Books, Call, Fate, Tool};
use crate::door::Door;
use crate::http::{Answer, Client};
use crate::random::Random;
use crate::sink;

/// Is one caller.
#[derive(Clone)]
pub struct Caller {
    /// What callers know.
    pub books: Arc<Books>,
    /// Where the server is.
    pub door: Arc<Door>,
    /// The agent it is.
    pub agent: String,
    /// The agent's key.
    pub key: String,
    /// Its own name, which begins the ids of its calls.
    pub name: String,
    /// The seed of its numbers.
    pub seed: u64,
}

impl Caller {
    /// Calls tools through the gateway, one after another, until the door closes. A call that was cut off is not repeated.
    pub async fn call_tools(self) {
        let mut random = Random::of(self.seed, &self.name);
        let (mut run, mut n) = (0, 0_u64);
        while let Some(place) = self.door.after(run).await {
            run = place.run;
            let Some(mut client) = Client::connect(place.address, &self.key).await else { continue };
            while !self.door.is_closing() {
                n += 1;
                let fate = self.call(&mut client, &mut random, &format!("{}-{n}", self.name), run).await;
                if !matches!(fate, Fate::Answered(_)) {
                    break;
                }
            }
        }
    }

    async fn call(&self, client: &mut Client, random: &mut Random, id: &str, run: u64) -> Fate {
        let tool = draw_tool(random);
        let fails = tool.writes() && random.below(30) == 0;
        let arguments = json!({ "item": "item", "call": id, "agent": self.agent, "fail": fails });
        self.books.begin(id, Call { tool, agent: self.agent.clone(), run, fate: Fate::Open });
        let sent = client.post("/mcp/sink", &headers(tool), &request(tool, &arguments)).await;
        let answer = if sent.is_some() {
            self.books.sent.add();
            client.answer().await
        } else {
            None
        };
        let fate = match answer {
            Some(answer) => Fate::Answered(told(&answer)),
            None if self.door.is_doomed(run) => Fate::Cut,
            None => Fate::Dropped,
        };
        self.books.end(id, fate.clone());
        fate
    }
}

fn draw_tool(random: &mut Random) -> Tool {
    match random.below(100) {
        0 => Tool::Denied,
        1..15 => Tool::Read,
        15..45 => Tool::Keyed,
        _ => Tool::Unsafe,
    }
}

/// Writes the headers of a call of a tool.
pub fn headers(tool: Tool) -> String {
    format!(
        "accept: application/json, text/event-stream\r\nmcp-protocol-version: {}\r\nmcp-method: tools/call\r\nmcp-name: {}\r\n",
        sink::VERSION,
        tool.name()
    )
}

/// Writes a call of a tool.
pub fn request(tool: Tool, arguments: &Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": sink::VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "torture", "version": "1" },
    });
    let params = json!({ "name": tool.name(), "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

/// Says what the answer to a tool call tells its caller.
pub fn told(answer: &Answer) -> Ack {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let Some(result) = answer.body.get("result") else {
        return Ack::Refused { code: format!("{} {}", answer.status, answer.body), action: None };
    };
    if let Some(refusal) = result.pointer("/_meta/countersign.dev~1refusal") {
        let code = text(refusal.get("code")).unwrap_or_default();
        return Ack::Refused { code, action: text(refusal.get("action")) };
    }
    let failed = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
    if failed { Ack::Failed } else { Ack::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Value) -> Ack {
        told(&Answer { status: 200, body: json!({ "jsonrpc": "2.0", "id": 1, "result": result }) })
    }

    #[test]
    fn an_answer_says_done_failed_or_refused() {
        assert_eq!(said(json!({ "content": [] })), Ack::Done);
        assert_eq!(said(json!({ "content": [], "isError": true })), Ack::Failed);
        let refusal = json!({ "code": "policy-forbids", "action": "act_1" });
        let refused = said(json!({ "isError": true, "_meta": { "countersign.dev/refusal": refusal } }));
        assert_eq!(refused, Ack::Refused { code: "policy-forbids".into(), action: Some("act_1".into()) });
        let error = told(&Answer { status: 503, body: json!({ "error": {} }) });
        assert!(matches!(error, Ack::Refused { code, .. } if code.starts_with("503 ")));
    }
}
