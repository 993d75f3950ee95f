//! An agent: it calls tools, waits as long as it likes, and comes back for what people approved.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::road::dice::Dice;
use crate::road::trace::Call;

use super::client::Http;
use super::scene::{Scene, Told, Withdrawn};

/// Is how many calls an agent has on their way at once.
const CALLS_MAX: usize = 3;

/// Names the metadata of a request that says which call it is.
pub const CALL: &str = "sim.example/call";

/// Is one agent on a host of its own.
pub struct Agent {
    /// Its name, and that of its host.
    pub name: &'static str,
    /// How it reaches the gateway.
    pub http: Http,
    /// What all hosts share.
    pub scene: Arc<Scene>,
    /// It speaks the protocol that has sessions.
    pub stateful: bool,
    /// Its session, where it has one.
    pub session: Mutex<Option<String>>,
}

impl Agent {
    /// Makes an agent.
    pub fn new(scene: &Arc<Scene>, name: &'static str, stateful: bool) -> Arc<Self> {
        let (http, session) = (Http::new(scene, name, name), Mutex::new(None));
        Arc::new(Self { name, http, scene: scene.clone(), stateful, session })
    }

    /// Calls until the run closes, and waits for what is on its way.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn live(self: Arc<Self>, mut dice: Dice) -> turmoil::Result {
        let mut running = JoinSet::new();
        while !self.scene.is_closing() {
            tokio::time::sleep(Duration::from_millis(30 + dice.below(700) as u64)).await;
            while running.len() >= CALLS_MAX {
                running.join_next().await;
            }
            let call = self.any_call(&mut dice);
            let own = Dice::of(dice.draw());
            let agent = self.clone();
            running.spawn(async move {
                if agent.stateful { agent.call_in_session(call, own).await } else { agent.call_alone(call, own).await }
            });
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    /// Draws a call: often one that people were asked about, mostly just as it was.
    fn any_call(&self, dice: &mut Dice) -> Call {
        let held: Vec<Call> =
            self.scene.seen().held.iter().filter(|c| c.agent.as_str() == self.name).cloned().collect();
        if !held.is_empty() && dice.chance(50) {
            let mut call = dice.pick(&held).clone();
            if dice.chance(10) {
                call.arguments = call.arguments.replace("\"n\":", "\"n\":7").replace("\"amount\":", "\"amount\":1");
            }
            return call;
        }
        let tool = ["peek", "put", "send", "add", "move", "wipe", "nothing"][dice.weighted(&[6, 8, 8, 8, 3, 1, 1])];
        let (n, amount) = (dice.below(3), 5 + dice.below(30));
        let arguments = match tool {
            "put" | "send" if dice.chance(10) => format!("{{\"box\":\"b{}\",\"amount\":1}}", 2 + n),
            "send" => format!("{{\"box\":\"b1\",\"amount\":{amount}}}"),
            "put" => format!("{{\"box\":\"b1\",\"n\":{n}}}"),
            _ => format!("{{\"n\":{n}}}"),
        };
        Call { agent: self.name.parse().unwrap(), on_behalf_of: None, tool: tool.to_owned(), arguments }
    }

    /// Writes the request of a call; what the agent says of itself names the call.
    pub fn request(&self, number: u64, call: &Call, mut meta: Value) -> String {
        meta[CALL] = number.into();
        let mut arguments: Value = serde_json::from_str(&call.arguments).unwrap();
        arguments["_countersign"] = json!({ "purpose": format!("call {number}") });
        let params = json!({ "name": call.tool, "arguments": arguments, "_meta": meta });
        json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params }).to_string()
    }

    /// Notes that a call is no longer wanted, which the gateway must know some milliseconds from now.
    pub fn withdraw(&self, call: u64, ms: i64) {
        let at = self.scene.now() + ms;
        self.scene.seen().withdrawn.push(Withdrawn { call, at });
        self.scene.count("clients", "withdrew");
    }
}

/// Draws how long a client waits for an answer.
pub fn patience(dice: &mut Dice) -> Duration {
    let (from, to) = [(100, 2_000), (2_000, 9_000), (9_000, 18_000)][dice.weighted(&[2, 4, 4])];
    Duration::from_millis(dice.between(from, to).unsigned_abs())
}

/// Reads what an answer says.
pub fn told(message: &Value) -> Told {
    let codes = [&message["result"]["_meta"]["countersign.dev/refusal"]["code"], &message["error"]["data"]["code"]];
    match codes.into_iter().find_map(Value::as_str) {
        Some(code) => Told::Refused(code.to_owned()),
        None => Told::Answered,
    }
}
