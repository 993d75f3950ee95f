//! People: they approve slowly, and one of them kills and lifts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::state::Target;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::road::dice::Dice;
use crate::road::rules;
use crate::road::trace::Armed;

use super::client::Http;
use super::scene::{Kill, Scene};

const PEOPLE: [&str; 8] = ["ana", "ben", "cleo", "flo", "flo", "cleo", "dan", "eve"];

/// Is how long a person waits for an answer, in milliseconds.
const PATIENCE_MS: u64 = 6_000;

/// Is everybody who is no agent, on one host.
pub struct People {
    scene: Arc<Scene>,
    /// The switches whose lifting nobody heard of any more: it may arrive at any time.
    adrift: Mutex<BTreeSet<String>>,
}

async fn pause(dice: &mut Dice, from: i64, to: i64) {
    tokio::time::sleep(Duration::from_millis(dice.between(from, to).unsigned_abs())).await;
}

impl People {
    /// Makes them.
    pub fn new(scene: &Arc<Scene>) -> Arc<Self> {
        Arc::new(Self { scene: scene.clone(), adrift: Mutex::default() })
    }

    fn as_person(&self, person: &str) -> Http {
        Http::new(&self.scene, "people", person)
    }

    /// Votes on what awaits people, until the run closes.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn approve(self: Arc<Self>, mut dice: Dice) -> turmoil::Result {
        while !self.scene.is_closing() {
            pause(&mut dice, 100, 1_500).await;
            let person = *dice.pick(&PEOPLE);
            // Who finds nothing, or hears nothing, looks again later.
            let _ = self.vote(person, &mut dice).await;
        }
        Ok(())
    }

    async fn vote(&self, person: &str, dice: &mut Dice) -> Option<()> {
        let http = self.as_person(person);
        let (_, list) = http.ask(Method::GET, "/v1/approvals?state=open", None, PATIENCE_MS).await?;
        let open = list["approvals"].as_array().filter(|open| !open.is_empty())?;
        let path = format!("/v1/approvals/{}", dice.pick(open)["id"].as_str()?);
        let (_, case) = http.ask(Method::GET, &path, None, PATIENCE_MS).await?;
        // Most decide at once, some only think of it later.
        let slow = if dice.chance(25) { 9_000 } else { 600 };
        pause(dice, 0, slow).await;
        let vote = if dice.chance(93) { "approve" } else { "deny" };
        let vote = json!({ "vote": vote, "reason": "seen", "shown": case["shown"] });
        for _ in 0..3 {
            // Who hears nothing says it again.
            if let Some((status, answer)) =
                http.ask(Method::POST, &format!("{path}/votes"), Some(&vote), PATIENCE_MS).await
            {
                let said = answer["code"].as_str().unwrap_or(status.as_str()).to_owned();
                self.scene.count("votes", said);
                return Some(());
            }
            self.scene.count("votes", "no answer");
        }
        None
    }

    /// Kills and lifts, until the run closes.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn administer(self: Arc<Self>, mut dice: Dice) -> turmoil::Result {
        while !self.scene.is_closing() {
            pause(&mut dice, 500, 6_000).await;
            // Who hears nothing goes on with something else.
            let _ = if dice.chance(25) { self.kill(&mut dice).await } else { self.lift(&mut dice).await };
        }
        Ok(())
    }

    async fn kill(&self, dice: &mut Dice) -> Option<()> {
        let (target, body) = any_target(dice);
        let asked = self.scene.book().tick();
        let path = if dice.chance(30) { "/v1/switches?wait_ms=2000" } else { "/v1/switches" };
        let body = json!({ "target": body, "reason": "stop" });
        let http = self.as_person("dan");
        for _ in 0..4 {
            let Some((status, answer)) = http.ask(Method::POST, path, Some(&body), PATIENCE_MS).await else { continue };
            if status == StatusCode::OK {
                self.armed(target, asked, &answer);
            }
            return Some(());
        }
        None
    }

    fn armed(&self, target: Target, asked: u64, answer: &Value) {
        if self.adrift.lock().unwrap().contains(&target.key()) {
            return;
        }
        let (from, size) = {
            let mut book = self.scene.book();
            (book.tick(), book.size())
        };
        let named: BTreeSet<String> = answer["in_flight"]
            .as_array()
            .map(|flights| flights.iter().filter_map(|flight| flight["action"].as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let drained = answer["drained"] == true;
        let at = self.scene.now();
        self.scene.count("kills", if drained { "drained" } else { "armed but not drained" });
        let mut seen = self.scene.seen();
        if !seen.trace.armed.iter().any(|armed| armed.to.is_none() && armed.target == target) {
            seen.trace.armed.push(Armed { target: target.clone(), from, to: None });
        }
        seen.kills.push(Kill { target, asked, size, at, drained, named });
    }

    async fn lift(&self, dice: &mut Dice) -> Option<()> {
        let http = self.as_person("dan");
        let (_, list) = http.ask(Method::GET, "/v1/switches", None, PATIENCE_MS).await?;
        let set = list["switches"].as_array().filter(|set| !set.is_empty())?;
        let key = dice.pick(set)["key"].as_str()?.to_owned();
        let moment = self.scene.book().tick();
        let begun = self.lifting(&key, moment);
        let why = json!({ "reason": "go on" });
        let answer = http.ask(Method::DELETE, &format!("/v1/switches/{key}"), Some(&why), PATIENCE_MS).await;
        match answer {
            Some((StatusCode::NO_CONTENT, _)) => self.scene.count("lifts", "lifted"),
            Some((status, _)) => {
                // Who was refused has changed nothing.
                self.scene.count("lifts", status.as_str());
                if begun {
                    self.not_lifted(&key, moment);
                }
            }
            None => {
                self.scene.count("lifts", "no answer");
                self.adrift.lock().unwrap().insert(key);
            }
        }
        Some(())
    }

    /// From this moment on the switch may be lifted; says whether it was held to be set.
    fn lifting(&self, key: &str, moment: u64) -> bool {
        let mut seen = self.scene.seen();
        let armed = seen.trace.armed.iter_mut().find(|armed| armed.to.is_none() && armed.target.key() == key);
        armed.map(|armed| armed.to = Some(moment)).is_some()
    }

    fn not_lifted(&self, key: &str, moment: u64) {
        let mut seen = self.scene.seen();
        let armed = seen.trace.armed.iter_mut().find(|armed| armed.to == Some(moment) && armed.target.key() == key);
        if let Some(armed) = armed {
            armed.to = None;
        }
    }
}

fn any_target(dice: &mut Dice) -> (Target, Value) {
    let agent = *dice.pick(&["one", "two"]);
    let tool = format!("box.{}", dice.pick(&rules::TOOLS));
    let class = *dice.pick(&["read", "note", "write"]);
    match dice.weighted(&[6, 5, 3, 2]) {
        0 => (Target::Agent(agent.parse().unwrap()), json!({ "agent": agent })),
        1 => (Target::Tool(tool.parse().unwrap()), json!({ "tool": tool })),
        2 => (Target::Class(class.parse().unwrap()), json!({ "class": class })),
        _ => (Target::Tenant("default".parse().unwrap()), json!({ "tenant": "default" })),
    }
}
