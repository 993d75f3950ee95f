//! Generates facts: most are as they should be, and each is now and then missing, of another type, or beyond a boundary.

use types::bundle::{Baselines, Breakers, Limits};
use types::{ActionProposal, FactName, FactValue, Facts, Millis};

use crate::generate::{Dice, ENVIRONMENTS, NOW, PROFILES};

/// Gathers facts, now and then ones that should not be.
pub struct Facting<'a, 'b> {
    facts: Facts,
    dice: &'a mut Dice<'b>,
}

impl<'a, 'b> Facting<'a, 'b> {
    /// Begins with none.
    pub fn new(dice: &'a mut Dice<'b>) -> Self {
        Self { facts: Facts::new(), dice }
    }

    /// Returns them.
    pub fn done(self) -> Facts {
        self.facts
    }

    /// Sets a fact, but now and then leaves it out or gives it another type.
    fn put(&mut self, name: &str, value: impl Into<FactValue>) {
        let value = match self.dice.below(255) {
            0 => return,
            1 => FactValue::Text("odd".into()),
            2 => FactValue::Int(1),
            _ => value.into(),
        };
        self.facts.set(FactName::new(name), value, "generated", Millis(NOW));
    }

    /// Sets a yes or no that is seldom what it should not be.
    fn usually(&mut self, name: &str, value: bool) {
        let odd = self.dice.once_in(60);
        self.put(name, value != odd);
    }

    fn list(&mut self, name: &str, from: &[&str], seldom: u8) {
        let chosen: Vec<String> = from.iter().filter(|_| self.dice.once_in(seldom)).map(|s| (*s).to_owned()).collect();
        self.put(name, FactValue::List(chosen));
    }

    pub fn who(&mut self, proposal: &ActionProposal) {
        self.usually("agent.known", true);
        self.usually("person.known", true);
        if proposal.on_behalf_of.is_some() || self.dice.once_in(8) {
            self.usually("delegator.known", true);
            self.usually("delegator.allowed", true);
        }
        if self.dice.once_in(8) {
            let plan = if self.dice.once_in(6) { "x.y".to_owned() } else { proposal.tool.to_string() };
            self.put("session.plan", FactValue::List(vec![plan]));
        }
    }

    pub fn what(&mut self) {
        self.usually("tool.known", true);
        self.usually("tool.quarantined", false);
        let pin = self
            .dice
            .pick(&["match", "match", "match", "match", "match", "match", "match", "unseen", "unpinned", "changed"]);
        self.put("tool.pin", pin);
        self.usually("plan.seen", true);
        let class = self.dice.pick(&["a", "a", "a", "b", "b", "countersign.admin", "not a name"]);
        self.put("tool.class", class);
        let writes = !self.dice.once_in(4);
        self.put("class.writes", writes);
        let routine = !self.dice.once_in(4);
        self.put("class.routine", routine);
        if !self.dice.once_in(4) {
            let environment = self.dice.pick(&ENVIRONMENTS);
            self.put("resource.env", environment);
        }
        let mapped = self.dice.once_in(2);
        self.put("resource.mapped", mapped);
        self.usually("resource.known", true);
        let age = self.dice.pick(&[0, 0, 0, 0, 0, 0, 0, 300_000, 300_000, 300_001]);
        self.put("resource.age_ms", age);
        self.put("resource.age_ms_max", 300_000);
    }

    pub fn level(&mut self) {
        let rank = self.dice.pick(&[2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0, 3, 3, 3, 3, 4, -1]);
        self.put("level.rank", rank);
        // The proposal is at NOW, the decision at NOW + 50.
        let expires = self.dice.pick(&[9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 51, 50, 1, 0, -1]);
        self.put("level.expires_at", NOW + expires);
        self.list("level.environments", &ENVIRONMENTS, 2);
        self.usually("level.rated", true);
        if rank == 3 {
            let lacks: &[&str] = if self.dice.once_in(3) { &["a check that takes it back"] } else { &[] };
            self.put("level.unguarded", FactValue::List(lacks.iter().map(ToString::to_string).collect()));
            self.usually("level.tested", true);
        }
    }

    pub fn trouble(&mut self) {
        if self.dice.once_in(2) {
            let confidence = self.dice.pick(&[9_000, 9_000, 10_000, 8_500, 8_499, 8_501, 0]);
            self.put("claim.confidence_bp", confidence);
        }
        self.usually("claim.purpose", true);
        self.usually("claim.reasoning", true);
        self.list("review.words", &["delete"], 30);
        self.list("review.amounts", &["/amount"], 30);
        self.list("review.plans", &["rows = 9"], 20);
        let score = self.dice.pick(&[0, 0, 0, 0, 39, 40, 41, 69, 70, 71]);
        self.put("risk.score", score);
    }

    pub fn limits(&mut self, limits: &Limits) {
        for id in limits.rates.keys() {
            let left = self.dice.pick(&[5, 5, 5, 5, 5, 2, 1, 1, 0, -1]);
            self.put(&format!("rate.{id}"), left);
        }
        for id in limits.budgets.keys() {
            let left = self.dice.pick(&[100, 100, 50, 0]);
            self.put(&format!("budget.{id}"), left);
            let more = self.dice.pick(&[-1, -1, -1, -50, 0, 0, 0, 1]);
            let asked = if self.dice.once_in(30) { i64::MAX } else { left + more };
            self.put(&format!("budget.{id}.asked"), asked);
        }
        for id in limits.windows.keys() {
            let open = !self.dice.once_in(5);
            self.put(&format!("window.{id}"), open);
        }
        for id in limits.freezes.keys() {
            let on = self.dice.once_in(10);
            self.put(&format!("freeze.{id}"), on);
        }
        for id in limits.impacts.keys() {
            let exceeded = self.dice.once_in(10);
            self.put(&format!("impact.{id}"), exceeded);
        }
    }

    pub fn breakers(&mut self, breakers: &Breakers) {
        let effect = self.dice.pick(&["unsafe", "unsafe", "keyed", "read"]);
        self.put("tool.effect", effect);
        let reversibility = self.dice.pick(&["irreversible", "compensable", "reversible", "staged"]);
        self.put("tool.reversibility", reversibility);
        for id in breakers.circuits.keys() {
            let stand =
                self.dice.pick(&["closed", "closed", "closed", "closed", "closed", "half_open", "half_open", "open"]);
            self.put(&format!("circuit.{id}"), stand);
            let free = self.dice.pick(&[2, 1, 1, 0]);
            self.put(&format!("circuit.{id}.free"), free);
        }
        for id in breakers.bulks.keys() {
            let stand = self.dice.pick(&["free", "free", "free", "free", "full", "full", "full", "stopped"]);
            self.put(&format!("bulk.{id}"), stand);
        }
    }

    pub fn permission(&mut self) {
        if self.dice.once_in(2) {
            return;
        }
        self.put("permission.id", "perm_019b8f4be2807000a1b2c3d4e5f60718");
        self.list("permission.met", &PROFILES, 2);
        let left = self.dice.pick(&[5, 1, 1, 1, 0, -1]);
        self.put("permission.left", left);
        // The decision is at NOW + 50.
        let end = self.dice.pick(&[9_999, 51, 51, 51, 50, 50, 49]);
        self.put("permission.expires_at", NOW + end);
    }

    pub fn baselines(&mut self, baselines: &Baselines) {
        for id in baselines.keys() {
            let hours = self.dice.pick(&[30, 30, 24, 23, 0]);
            self.put(&format!("baseline.{id}"), hours);
            self.list(&format!("baseline.{id}.unusual"), &["volume", "errors"], 8);
        }
    }

    pub fn sequencer(&mut self) {
        for name in [
            "switch.tenant",
            "switch.agent",
            "switch.tool",
            "switch.class",
            "clock.jumped",
            "denials.flooding",
            "approval.refused",
        ] {
            self.usually(name, false);
        }
        self.list("approval.met", &PROFILES, 2);
        let round = self.dice.pick(&[0, 0, 1, 1, 1, 2, 3]);
        self.put("approval.round", round);
        let open = self.dice.pick(&[0, 0, 0, 0, 1, 19, 20, 21]);
        self.put("cases.open", open);
        self.list("approval.unattended", &PROFILES, 8);
        self.list("approval.spent", &PROFILES, 12);
        self.put("now", NOW + 50);
        if self.dice.once_in(2) {
            self.glass();
        }
    }

    fn glass(&mut self) {
        self.put("glass.id", "glass_019b8f4be2807000a1b2c3d4e5f60718");
        let keys = "bob cyd,cyd bob,ann cyd,bob dan,ann dan,ann bob,cyd cyd,bob eve,cyd,ann bob cyd";
        let keys: Vec<&str> = keys.split(',').collect();
        let people = self.dice.pick(&keys).split(' ').map(str::to_owned).collect();
        self.put("glass.people", FactValue::List(people));
        let expires = self.dice.pick(&[9_999, 9_999, 9_999, 51, 50, 49]);
        self.put("glass.expires_at", NOW + expires);
        let left = self.dice.pick(&[20, 20, 1, 0]);
        self.put("glass.left", left);
    }
}
