//! What can happen in a run, each as often as its weight says.

use std::sync::Arc;
use std::time::Duration;

use control::door::McpDoor;
use control::state::Target;
use types::case::{Ballot, Case, CaseState};
use types::{ActionId, AutonomyLevel, Digest, OutcomeStatus, PersonId, Principal};

use super::player::{Player, Running, poll_unanswered};
use super::points::RARE;
use super::rules;
use super::stage::{AGENTS, level};
use super::trace::{Armed, Call, Handed};
use super::upstream::{FATES, Fate};

const PEOPLE: [&str; 9] = ["ana", "ben", "cleo", "dan", "eve", "flo", "flo", "cleo", "ben"];

const STEPS: [(&str, u64); 20] = [
    ("call", 16),
    ("call again", 18),
    ("go on", 34),
    ("answer", 24),
    ("vote", 22),
    ("kill", 2),
    ("lift", 6),
    ("policy", 2),
    ("definition", 2),
    ("pin", 3),
    ("level", 3),
    ("level asked", 2),
    ("time", 10),
    ("tick", 3),
    ("hand out", 4),
    ("act", 5),
    ("burst", 7),
    ("crash", 2),
    ("fault", 7),
    ("loss", 6),
];

/// Are the steps, the last ones, that only an uneasy run has.
const UNEASY: usize = 2;

impl Player {
    /// Lets one thing happen.
    pub async fn play(&mut self) {
        let all = STEPS.len() - if self.uneasy { 0 } else { UNEASY };
        let weights: Vec<u64> = STEPS.iter().take(all).map(|(_, weight)| *weight).collect();
        let (name, _) = STEPS[self.dice.weighted(&weights)];
        if name != "crash" {
            self.coverage.count("operations", name);
        }
        match name {
            "call" => {
                let call = self.any_call();
                let number = self.begin(call);
                self.step(number).await;
            }
            "call again" => self.call_again().await,
            "go on" => self.go_on().await,
            "answer" => self.answer().await,
            "vote" => self.vote().await,
            "kill" => self.kill().await,
            "lift" => self.lift().await,
            "policy" => self.policy().await,
            "definition" => self.definition().await,
            "pin" => self.pin().await,
            "level" => self.level().await,
            "level asked" => self.level_asked().await,
            "time" => self.time().await,
            "tick" => drop(self.stage.control.tick().await),
            "hand out" => self.hand_out().await,
            "act" => self.act().await,
            "burst" => self.burst().await,
            "fault" => self.fault().await,
            "loss" => self.loss().await,
            _ => self.crash().await,
        }
        if self.tasks.values().any(|task| RARE.contains(&task.point)) && self.dice.chance(20) {
            self.crash().await;
        }
        if self.uneasy {
            self.look().await;
        }
    }

    fn any_agent(&mut self) -> &'static str {
        AGENTS[self.dice.weighted(&[12, 8, 1, 1])]
    }

    pub(super) fn any_call(&mut self) -> Call {
        let agent = self.any_agent();
        let tool =
            ["peek", "put", "send", "add", "move", "wipe", "nothing"][self.dice.weighted(&[5, 8, 8, 9, 5, 1, 1])];
        let n = self.dice.below(3);
        let amount = self.dice.between(5, 60);
        let arguments = match tool {
            // One that the schema refuses, and one that only the budget cannot read.
            "send" if self.dice.chance(4) => r#"{"box":"b1","amount":"much"}"#.to_owned(),
            "send" if self.dice.chance(6) => r#"{"box":"b1"}"#.to_owned(),
            "put" | "send" if self.dice.chance(8) => format!("{{\"box\":\"b{}\",\"amount\":1}}", 2 + n),
            "send" => format!("{{\"box\":\"b1\",\"amount\":{amount}}}"),
            "put" => format!("{{\"box\":\"b1\",\"n\":{n}}}"),
            _ => format!("{{\"n\":{n}}}"),
        };
        let on_behalf_of = (agent == "one" && self.dice.chance(15)).then(|| "cleo".parse().unwrap());
        Call { agent: agent.parse().unwrap(), on_behalf_of, tool: tool.to_owned(), arguments }
    }

    /// Proposes again what people were asked about, mostly just as it was.
    async fn call_again(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let place = self.dice.below(self.held.len());
        let mut call = self.held[place].clone();
        if self.dice.chance(15) {
            call.arguments = call.arguments.replace("\"n\":", "\"n\":7").replace("\"amount\":", "\"amount\":1");
        } else if self.dice.chance(30) {
            self.held.remove(place);
        }
        let number = self.begin(call);
        self.step(number).await;
    }

    async fn go_on(&mut self) {
        let ready = self.ready();
        if !ready.is_empty() {
            let number = *self.dice.pick(&ready);
            self.step(number).await;
        }
    }

    pub(super) fn settle_one(&mut self) {
        let unsettled = self.stage.upstream.book().unsettled();
        if unsettled > 0 {
            let place = self.dice.below(unsettled);
            let fate = if self.dice.chance(50) { Fate::Done } else { *self.dice.pick(&FATES) };
            self.coverage.count("fates", format!("{fate:?}"));
            self.stage.upstream.book().settle(place, fate);
        }
    }

    async fn answer(&mut self) {
        if self.uneasy && self.dice.chance(15) {
            return self.no_room_for_an_outcome().await;
        }
        if self.dice.chance(20) {
            self.stage.upstream.book().catch_up();
        }
        self.settle_one();
    }

    fn open_cases(&self) -> Vec<Case> {
        self.stage.control.cases().into_iter().filter(|case| case.state == CaseState::Open).collect()
    }

    pub(super) fn voting(&mut self) -> Option<Running<()>> {
        let cases = self.open_cases();
        if cases.is_empty() {
            return None;
        }
        let case = self.dice.pick(&cases).clone();
        let person: PersonId = self.dice.pick(&PEOPLE).parse().unwrap();
        let ballot = if self.dice.chance(92) { Ballot::Approve } else { Ballot::Deny };
        let shown = if self.dice.chance(95) { case.shown } else { Digest::plain(b"something else") };
        let control = self.stage.control.clone();
        Some(Box::pin(async move {
            drop(control.vote(&person, case.id, ballot, "seen", shown, false).await);
        }))
    }

    /// One or more people vote; now and then the process ends before they hear of it.
    async fn vote(&mut self) {
        for _ in 0..1 + self.dice.below(4) {
            let Some(mut voting) = self.voting() else { return };
            if poll_unanswered(&self.stage.clock, &mut voting, &Arc::default()).is_ready() {
                continue;
            }
            if self.dice.chance(1) {
                self.crash().await;
                // Nobody heard of it: it falls with the process.
                drop(voting);
                return;
            }
            voting.await;
        }
    }

    pub(super) fn any_target(&mut self) -> Target {
        let agent = *self.dice.pick(&["one", "two"]);
        let tool = *self.dice.pick(&rules::TOOLS);
        let class = *self.dice.pick(&["read", "note", "write"]);
        match self.dice.weighted(&[6, 5, 3, 1]) {
            0 => Target::Agent(agent.parse().unwrap()),
            1 => Target::Tool(format!("box.{tool}").parse().unwrap()),
            2 => Target::Class(class.parse().unwrap()),
            _ => Target::Tenant("default".parse().unwrap()),
        }
    }

    async fn kill(&mut self) {
        let target = self.any_target();
        let dan = Principal::Person("dan".parse().unwrap());
        if let Ok(killed) = self.stage.control.kill(dan, target.clone(), "stop").await {
            self.armed(target, killed.drained);
        }
    }

    pub(super) fn armed(&mut self, target: Target, drained: bool) {
        let from = self.moment();
        if !self.trace.armed.iter().any(|armed| armed.to.is_none() && armed.target == target) {
            self.trace.armed.push(Armed { target: target.clone(), from, to: None });
        }
        let waiting = self.stage.upstream.book().waiting();
        let flying = waiting.iter().filter(|number| super::trace::covers(&target, &self.trace.calls[number])).count();
        if drained && flying > 0 {
            self.wrong(format!("`{}` was called drained with {flying} calls in flight", target.key()));
        }
        self.no_permit_is_alive();
    }

    fn no_permit_is_alive(&mut self) {
        let stopped = |handed: &&Handed| self.trace.stops(&handed.call).is_some();
        let alive =
            self.trace.handed.iter().filter(stopped).find(|handed| self.stage.control.holds(&handed.action).is_some());
        if let Some(action) = alive.map(|handed| handed.action) {
            self.wrong(format!("the permit of {action} is alive after a kill that covers it"));
        }
    }

    async fn lift(&mut self) {
        let switches = self.stage.control.switches();
        if switches.is_empty() {
            return;
        }
        let target = self.dice.pick(&switches).target.clone();
        let moment = self.moment();
        let dan: PersonId = "dan".parse().unwrap();
        let lifted = self.stage.control.lift(&dan, target.clone(), "go on").await;
        if lifted.as_ref().is_err_and(|refusal| super::trouble::leaves_open(refusal.code)) {
            self.trace.lifting.push((target.clone(), moment));
        }
        let armed = self.trace.armed.iter_mut().filter(|armed| armed.to.is_none() && armed.target == target);
        // Who tried and failed has changed nothing, unless the journal stopped over it.
        armed.filter(|_| lifted.is_ok()).for_each(|armed| armed.to = Some(moment));
    }

    async fn policy(&mut self) {
        let bundle = self.dice.pick(rules::bundles()).clone();
        let dan: PersonId = "dan".parse().unwrap();
        if let Err(refusal) = self.stage.control.activate_first(&dan, bundle, "another policy").await {
            self.denied(refusal.code);
        }
    }

    /// The server changes a tool, and somebody sees it now or with the next line.
    async fn definition(&mut self) {
        let tool = *self.dice.pick(&rules::TOOLS);
        let version = 1 + u32::try_from(self.dice.below(3)).unwrap_or(0);
        self.stage.upstream.book().versions.insert(tool.to_owned(), version);
        if self.dice.chance(60) {
            let versions = self.stage.upstream.book().versions.clone();
            let list = rules::TOOLS.iter().map(|tool| rules::listed(tool, versions.get(*tool).copied().unwrap_or(1)));
            self.stage.control.observe_tools(&"box".parse().unwrap(), rules::HELLO, list.collect()).await;
        }
        if self.dice.chance(60) {
            let agent = self.any_agent().parse().unwrap();
            self.stage.link(&agent).await;
        }
    }

    async fn pin(&mut self) {
        let quarantined: Vec<_> = self.stage.control.tools().into_iter().filter(|tool| tool.quarantined).collect();
        if quarantined.is_empty() {
            return;
        }
        let view = self.dice.pick(&quarantined).clone();
        if let Some(listed) = view.listed {
            let dan: PersonId = "dan".parse().unwrap();
            drop(self.stage.control.pin(&dan, &view.tool, listed, "reviewed").await);
        }
    }

    pub(super) fn any_level(&mut self) -> control::levels::LevelWish {
        let (agent, class) = (*self.dice.pick(&["one", "two"]), *self.dice.pick(&["read", "note", "write"]));
        let high = if class == "note" { AutonomyLevel::L2 } else { AutonomyLevel::L1 };
        let rank = *self.dice.pick(&[AutonomyLevel::L0, AutonomyLevel::L1, high, high]);
        let life = *self.dice.pick(&[20_000, 3_600_000, 40 * 86_400_000]);
        level(agent, class, rank, self.stage.control.now().plus(life))
    }

    async fn level(&mut self) {
        let wish = self.any_level();
        drop(self.stage.control.give_first_level(&"dan".parse().unwrap(), wish).await);
    }

    /// A person asks for a level, which another person must approve.
    async fn level_asked(&mut self) {
        if self.wishes.is_empty() || self.dice.chance(40) {
            let person = self.dice.pick(&["ana", "ben", "cleo", "flo"]).parse().unwrap();
            let wish = self.any_level();
            self.wishes.push((person, wish));
        }
        let (person, wish) = self.dice.pick(&self.wishes).clone();
        drop(self.stage.control.give_level(&person, wish).await);
    }

    async fn time(&mut self) {
        let ms = match self.dice.weighted(&[14, 5, 2, 1, 1]) {
            0 => self.dice.between(1, 3_000),
            1 => self.dice.between(3_000, 70_000),
            2 => self.dice.between(70_000, rules::CASE_MS + 60_000),
            3 => self.dice.between(rules::CASE_MS, 2 * rules::HOUR_MS),
            _ => {
                // Somebody sets the clock.
                let by = self.dice.between(-2 * rules::HOUR_MS, rules::HOUR_MS);
                self.coverage.count("operations", "clock set");
                self.stage.clock.time.jump(by);
                1
            }
        };
        // What wakes and asks comes in the order in which it wakes.
        self.hold().await;
        self.pass(ms).await;
        self.stage.clock.open();
        self.quiet().await;
    }

    pub(super) async fn pass(&mut self, ms: i64) {
        self.stage.clock.time.advance(ms);
        tokio::time::advance(Duration::from_millis(ms.unsigned_abs())).await;
        tokio::task::yield_now().await;
    }

    pub(super) fn wish(call: &Call, number: usize) -> control::actions::Wish {
        control::actions::Wish {
            principal: Principal::Agent(call.agent.clone()),
            on_behalf_of: call.on_behalf_of.clone(),
            session: None,
            tool: format!("box.{}", call.tool).parse().unwrap(),
            definition: Some(rules::definition(&call.tool, 1)),
            arguments: types::Arguments::parse(&call.arguments, 1 << 16).unwrap(),
            claims: types::Claims { purpose: Some(format!("handed {number}")), ..Default::default() },
            channel: types::Channel::Http,
        }
    }

    /// An agent that carries its actions out by itself asks for a permit.
    async fn hand_out(&mut self) {
        let call = self.any_call();
        let wish = Self::wish(&call, self.trace.handed.len());
        if let Ok(decided) = self.stage.control.decide_once(wish, true).await
            && decided.permit.is_some()
        {
            self.trace.handed.push(Handed { action: decided.decision.action, call });
            self.no_permit_is_alive();
        }
    }

    /// An agent uses a permit, if it still holds, and says what came of it.
    async fn act(&mut self) {
        if self.trace.handed.is_empty() {
            return;
        }
        let handed = self.dice.pick(&self.trace.handed).clone();
        self.no_permit_is_alive();
        let holds = self.stage.control.holds(&handed.action).is_some();
        let status = if holds && self.dice.chance(70) { OutcomeStatus::Done } else { OutcomeStatus::NotDispatched };
        self.report(&handed.call, handed.action, status).await;
    }

    async fn report(&self, call: &Call, action: ActionId, status: OutcomeStatus) {
        drop(self.stage.control.report(&call.agent, action, status, None, None).await);
    }
}
