//! Generates cases for the deciders: bundles, proposals, facts and policy answers around every boundary.
//!
//! Most facts are as they should be, so that most cases get past most stages; each in turn is now and then
//! missing, of another type, or just on the other side of a boundary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use spec::{Mode, Rung};
use types::baseline::{Before, Watched};
use types::break_glass::Rules;
use types::bundle::{
    Agent, BaselineRule, Breakers, Budget, BulkRule, BundleData, CircuitRule, Claim, Class, Freeze, Head, Hold, Impact,
    Limits, PermissionLimits, Person, Profile, Rate, Review, RiskModel, Scope, Tool, Window,
};
use types::glob::Glob;
use types::permission::REQUEST_TOOL;
use types::planning::{PlanTrigger, Planning};
use types::profile::PastBudget;
use types::{
    ActionId, ActionProposal, Arguments, Channel, Claims, Digest, EffectClass, Facts, LimitId, Millis, PersonId,
    Principal, ProfileId, Reversibility,
};

use crate::facting::Facting;

pub const NOW: i64 = 1_767_607_200_000;
pub const PROFILES: [&str; 3] = ["p1", "p2", "p3"];
pub const ENVIRONMENTS: [&str; 3] = ["dev", "prod", "test"];
const KEYS: [&str; 4] = ["ann", "bob", "cyd", "dan"];
const TOOLS: [&str; 5] = ["s.one", "s.two", "t.three", "countersign.switch.clear", REQUEST_TOOL];

/// Throws dice from a stream of bytes; when it runs dry every throw is 0.
pub struct Dice<'a>(pub &'a mut dyn Iterator<Item = u8>);

/// Is an endless stream of bytes from a seed (SplitMix64).
pub fn bytes(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    })
    .flatten()
}

impl Dice<'_> {
    /// Throws a number from 0 up to but not including `n`.
    pub fn below(&mut self, n: u8) -> u8 {
        self.0.next().unwrap_or(0) % n
    }

    /// Throws true once in `n` throws.
    pub fn once_in(&mut self, n: u8) -> bool {
        self.below(n) == n - 1
    }

    /// Picks one of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.below(u8::try_from(from.len()).unwrap()))]
    }

    pub fn profile(&mut self) -> Option<ProfileId> {
        (!self.once_in(6)).then(|| ProfileId::new(self.pick(&["p1", "p1", "p1", "p2", "p2", "p2", "p3"])).unwrap())
    }
}

/// Is one generated case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The proposal.
    pub proposal: ActionProposal,
    /// The facts.
    pub facts: Facts,
    rungs: [Rung; 3],
    delegator: [Rung; 3],
}

impl Case {
    /// Returns what the policies answer to whoever asks.
    pub fn permits(&self, asker: &Principal, mode: Mode) -> Rung {
        let rungs = if *asker == self.proposal.principal { &self.rungs } else { &self.delegator };
        rungs[match mode {
            Mode::Autonomous => 0,
            Mode::Monitored => 1,
            Mode::Approved => 2,
        }]
        .clone()
    }
}

/// Generates a bundle.
pub fn bundle(dice: &mut Dice<'_>) -> BundleData {
    let known = if dice.once_in(3) { &PROFILES[..2] } else { &PROFILES[..] };
    BundleData {
        head: head(dice),
        classes: ["a", "b"].map(|id| (id.parse().unwrap(), class(dice))).into(),
        tools: TOOLS[..3].iter().map(|name| (name.parse().unwrap(), tool(dice))).collect(),
        risk: RiskModel {
            observe_from: 40,
            escalate_from: dice.pick(&[70, 70, 70, 40]),
            profile: dice.profile(),
            factors: BTreeMap::new(),
        },
        limits: limits(dice),
        breakers: breakers(dice),
        baselines: if dice.once_in(4) { some(dice, "n", baseline) } else { BTreeMap::new() },
        profiles: known.iter().map(|id| (ProfileId::new(*id).unwrap(), profile(dice))).collect(),
        agents: [("bot".parse().unwrap(), agent("ann"))].into(),
        people: people(dice),
        break_glass: break_glass(dice),
        ..BundleData::default()
    }
}

fn agent(owner: &str) -> Agent {
    serde_json::from_value(json!({ "owner": owner, "annotate_schemas": true })).unwrap()
}

fn people(dice: &mut Dice<'_>) -> BTreeMap<PersonId, Person> {
    let mut person =
        |role| Person { groups: if dice.once_in(12) { BTreeSet::new() } else { ["keys".to_owned()].into() }, role };
    KEYS.iter().map(|id| (id.parse().unwrap(), person(None))).collect()
}

fn break_glass(dice: &mut Dice<'_>) -> Option<Rules> {
    let covers = scope(dice);
    let rules = Rules {
        groups: ["keys".to_owned()].into(),
        minutes: 30,
        actions: 20,
        covers: if dice.once_in(3) { covers } else { Scope::default() },
        reviewers: "keys".into(),
        review_hours: 24,
    };
    (!dice.once_in(6)).then_some(rules)
}

fn head(dice: &mut Dice<'_>) -> Head {
    let review = Review {
        confidence_below_bp: dice.pick(&[8_500, 8_500, 0, 10_000]),
        profile: dice.profile(),
        each_time: dice.once_in(2),
        plans: dice.once_in(3).then(trigger).into_iter().collect(),
        ..Review::default()
    };
    let hold = Hold { open_cases_max: dice.pick(&[20, 20, 1, 0]), ..Hold::default() };
    let permissions = PermissionLimits { minutes_max: dice.pick(&[30, 30, 30, 0]), uses_max: dice.pick(&[5, 5, 5, 0]) };
    let authors = dice.once_in(3).then(|| "dan".parse().unwrap()).into_iter().collect();
    Head { review, hold, permissions, authors, ..Head::default() }
}

fn profile(dice: &mut Dice<'_>) -> Profile {
    let on_call = dice.once_in(6).then(|| "rota".parse().unwrap());
    Profile {
        group: Some("g".into()),
        on_call,
        approvals: 1,
        timeout_ms: 1_000,
        otherwise: None,
        signed: dice.once_in(8),
        decisions_per_hour: dice.once_in(12).then_some(3),
        past_budget: dice.pick(&[PastBudget::Queue, PastBudget::Next, PastBudget::Deny]),
        review_by: BTreeSet::new(),
        review_ms: 0,
        review_first: false,
    }
}

fn class(dice: &mut Dice<'_>) -> Class {
    let claims =
        [Claim::Purpose, Claim::Confidence, Claim::Reasoning].into_iter().filter(|_| dice.once_in(6)).collect();
    Class { description: String::new(), writes: true, impact: 0, routine: true, profile: dice.profile(), claims }
}

fn tool(dice: &mut Dice<'_>) -> Tool {
    Tool {
        class: dice.pick(&["a", "b"]).parse().unwrap(),
        effect: EffectClass::Unsafe,
        reversibility: Reversibility::Irreversible,
        definition: (!dice.once_in(3)).then_some(Digest([1; 32])),
        resource: None,
        touches: Vec::new(),
        key_argument: None,
        key_ttl_ms: None,
        secret: Vec::new(),
        not_secret: Vec::new(),
        secret_results: Vec::new(),
        not_secret_results: Vec::new(),
        audit: false,
        undo: None,
        plan: dice.once_in(3).then(planning),
    }
}

fn trigger() -> PlanTrigger {
    serde_json::from_value(json!({ "amount": "rows", "above": 1 })).unwrap()
}

fn planning() -> Planning {
    serde_json::from_value(json!({ "tool": "plan", "arguments": {}, "amounts": { "rows": "/rows" } })).unwrap()
}

fn scope(dice: &mut Dice<'_>) -> Scope {
    let glob = |text: &str| Glob(text.to_owned());
    Scope {
        agent: glob(dice.pick(&["*", "*", "*", "bot", "b*", "person:*", "other"])),
        class: glob(dice.pick(&["*", "*", "a", "b", "c"])),
        tool: glob(dice.pick(&["*", "*", "s.*", "s.one", "t.*"])),
        env: glob(dice.pick(&["*", "*", "dev", "prod", "*d*"])),
    }
}

fn some<T>(dice: &mut Dice<'_>, name: &str, make: impl Fn(&mut Dice<'_>) -> T) -> BTreeMap<LimitId, T> {
    let count = dice.below(3);
    (0..count).map(|n| (LimitId::new(format!("{name}{n}")).unwrap(), make(dice))).collect()
}

fn limits(dice: &mut Dice<'_>) -> Limits {
    Limits {
        rates: some(dice, "r", |d| Rate { covers: scope(d), burst: 5, refill_ms: 1_000 }),
        budgets: some(dice, "b", |d| Budget { covers: scope(d), amount: None, max: 100, period_ms: 1_000 }),
        windows: some(dice, "w", window),
        freezes: some(dice, "f", |d| Freeze {
            covers: scope(d),
            from: String::new(),
            to: String::new(),
            reason: String::new(),
        }),
        impacts: some(dice, "i", |d| Impact {
            covers: scope(d),
            touches_max: Some(1),
            amount: None,
            amount_max: None,
            plan: None,
            plan_max: None,
        }),
    }
}

fn breakers(dice: &mut Dice<'_>) -> Breakers {
    let circuit = |d: &mut Dice<'_>| CircuitRule {
        covers: scope(d),
        failures: 2,
        of_last: 3,
        within_ms: 1_000,
        pause_ms: 100,
        pause_ms_max: 400,
        probes: 1,
        successes: 1,
    };
    let bulk = |d: &mut Dice<'_>| BulkRule {
        covers: scope(d),
        counts: [Reversibility::Compensable, Reversibility::Irreversible].into(),
        permits_max: 3,
        within_ms: 1_000,
        profile: d.profile(),
        hold_ms: None,
    };
    Breakers { circuits: some(dice, "c", circuit), bulks: some(dice, "k", bulk) }
}

fn baseline(dice: &mut Dice<'_>) -> BaselineRule {
    BaselineRule {
        covers: scope(dice),
        watch: Watched::ALL.into(),
        amounts: Vec::new(),
        window_days: 7,
        hours_min: 24,
        seen_min: 3,
        deviations: 3,
        endings_min: 10,
        profile: dice.profile(),
        before: dice.pick(&[Before::Allow, Before::Allow, Before::Observe, Before::Escalate]),
    }
}

fn window(dice: &mut Dice<'_>) -> Window {
    let text = String::new;
    Window {
        covers: scope(dice),
        zone: text(),
        days: BTreeSet::new(),
        from: text(),
        to: text(),
        outside: dice.profile(),
    }
}

/// Generates a case for a bundle.
pub fn case(dice: &mut Dice<'_>, bundle: &BundleData) -> Case {
    let proposal = proposal(dice);
    let mut facts = Facting::new(dice);
    facts.who(&proposal);
    facts.what();
    facts.level();
    facts.trouble();
    facts.limits(&bundle.limits);
    facts.breakers(&bundle.breakers);
    facts.baselines(&bundle.baselines);
    facts.sequencer();
    facts.permission();
    let facts = facts.done();
    Case { proposal, facts, rungs: rungs(dice), delegator: rungs(dice) }
}

fn proposal(dice: &mut Dice<'_>) -> ActionProposal {
    let agent = Principal::Agent("bot".parse().unwrap());
    let person = Principal::Person("ann".parse().unwrap());
    let tool = dice.pick(&TOOLS);
    ActionProposal {
        id: ActionId::draw(Millis(NOW), [3; 10]),
        tenant: "t".parse().unwrap(),
        principal: if dice.once_in(5) { person } else { agent },
        on_behalf_of: dice.once_in(5).then(|| "bob".parse().unwrap()),
        session: None,
        tool: tool.parse().unwrap(),
        definition: None,
        arguments: if tool == REQUEST_TOOL { terms(dice) } else { Arguments::empty() },
        claims: Claims::default(),
        channel: dice.pick(&[Channel::Mcp, Channel::Mcp, Channel::Http, Channel::Person]),
        at: Millis(NOW),
        plan: None,
    }
}

/// Generates the terms of a request for a permission, seldom ones that cannot be given.
fn terms(dice: &mut Dice<'_>) -> Arguments {
    let bounds = match dice.below(8) {
        0 => json!([{ "argument": "x", "is": { "one_of": [] } }]),
        1 => json!([{ "argument": "x", "is": "any" }, { "argument": "x", "is": "any" }]),
        2 => json!([{ "argument": "x", "is": { "between": { "from": 1, "to": 2 } } }]),
        _ => json!([]),
    };
    let profiles: BTreeSet<&str> = (0..dice.pick(&[1, 1, 1, 2, 0])).map(|_| dice.pick(&PROFILES)).collect();
    let terms = json!({
        "tool": dice.pick(&["s.one", "s.one", "s.one", "t.three", "countersign.level.grant"]), "bounds": bounds,
        "environments": [], "minutes": dice.pick(&[30, 30, 30, 1, 31, 0]), "uses": dice.pick(&[5, 5, 5, 1, 6, 0]),
        "profiles": profiles, "purpose": dice.pick(&["a rollout", "a rollout", "a rollout", ""]),
    });
    Arguments::parse(&terms.to_string(), 1 << 20).unwrap()
}

fn rungs(dice: &mut Dice<'_>) -> [Rung; 3] {
    let mut rung = |named: bool| match dice.below(16) {
        0 => Rung::Error,
        1..8 => Rung::No,
        _ if !named => Rung::Yes(BTreeSet::new()),
        _ => {
            let count = dice.pick(&[0, 1, 1, 1, 2]);
            Rung::Yes((0..count).map(|_| ProfileId::new(dice.pick(&PROFILES)).unwrap()).collect())
        }
    };
    [rung(false), rung(false), rung(true)]
}
