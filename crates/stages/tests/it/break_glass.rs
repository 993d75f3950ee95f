//! Break-glass against a model: whatever comes in whatever order, one key and silence never grant.

use countersign_stages::break_glass::{self, Wish, ask, confirm, end, facts, follows, review};
#[cfg(feature = "mutants")]
use countersign_stages::mutant;
use types::break_glass::{BreakGlass, CONFIRM_MS, End, Ended, Extent, Phase, Review, Rules, Turned, What};
use types::bundle::{Agent, BundleData, Class, Freeze, Person, Scope, Tool};
use types::glob::Glob;
use types::{
    ActionId, ActionProposal, Arguments, Channel, Claims, Code, Digest, EffectClass, FactName, Facts, GlassId, Millis,
    PersonId, Principal, Reversibility, Target,
};

use crate::generate::{Dice, bytes};

const START: i64 = 1_767_607_200_000;
const MINUTE: i64 = 60_000;
/// `ann` owns the agent, `dan` wrote the bundle, `eve` is in no group, and `rex` reviews alone.
const PEOPLE: [&str; 6] = ["ann", "bob", "cyd", "dan", "eve", "rex"];

fn bundle() -> BundleData {
    let person = |name: &str| {
        let groups: &[&str] = match name {
            "eve" => &[],
            "rex" => &["reviewers"],
            _ => &["keys", "reviewers"],
        };
        (name.parse().unwrap(), Person { groups: groups.iter().map(|g| (*g).to_owned()).collect(), role: None })
    };
    let class = Class {
        description: String::new(),
        writes: true,
        impact: 0,
        routine: true,
        profile: None,
        claims: Default::default(),
    };
    let tool = Tool {
        class: "a".parse().unwrap(),
        effect: EffectClass::Unsafe,
        reversibility: Reversibility::Irreversible,
        definition: None,
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
        plan: None,
    };
    let agent = Agent {
        owner: "ann".parse().unwrap(),
        teams: Default::default(),
        on_behalf_of: Default::default(),
        annotate_schemas: true,
        model_family: None,
        reviewer: false,
    };
    let mut data = BundleData {
        people: PEOPLE.iter().map(|name| person(name)).collect(),
        agents: [("bot".parse().unwrap(), agent)].into(),
        classes: [("a".parse().unwrap(), class)].into(),
        tools: [("s.one".parse().unwrap(), tool)].into(),
        break_glass: Some(Rules {
            groups: ["keys".to_owned()].into(),
            minutes: 10,
            actions: 20,
            covers: Scope::default(),
            reviewers: "reviewers".into(),
            review_hours: 24,
        }),
        ..BundleData::default()
    };
    data.head.authors = ["dan".parse().unwrap()].into();
    data
}

fn extent() -> Extent {
    Extent { agent: "bot".parse().unwrap(), what: What::Class("a".parse().unwrap()), environment: None }
}

fn turned(by: &str, at: i64) -> Turned {
    Turned { by: by.parse().unwrap(), at: Millis(at) }
}

fn asked(by: &str, at: i64, others: &[BreakGlass]) -> Result<BreakGlass, Code> {
    let id = GlassId::draw(Millis(at), [u8::try_from(others.len() % 256).unwrap(); 10]);
    let wish = Wish { id, extent: extent(), reason: "nobody answers".into(), life_ms: None, bundle: Digest([1; 32]) };
    ask(wish, turned(by, at), &bundle(), others.iter()).map_err(|error| error.code())
}

fn confirmed(glass: &BreakGlass, by: &str, at: i64) -> Result<BreakGlass, Code> {
    confirm(glass, turned(by, at), &bundle()).map_err(|error| error.code())
}

fn reviewed(glass: &BreakGlass, by: &str, at: i64) -> Result<BreakGlass, Code> {
    let closed = Review { by: by.parse().unwrap(), at: Millis(at), findings: "all as it should be".into() };
    review(glass, closed, &bundle()).map_err(|error| error.code())
}

fn proposal() -> ActionProposal {
    ActionProposal {
        id: ActionId::draw(Millis(START), [3; 10]),
        tenant: "t".parse().unwrap(),
        principal: Principal::Agent("bot".parse().unwrap()),
        on_behalf_of: None,
        session: None,
        tool: "s.one".parse().unwrap(),
        definition: None,
        arguments: Arguments::empty(),
        claims: Claims::default(),
        channel: Channel::Mcp,
        at: Millis(START),
        plan: None,
    }
}

fn grants(kept: &[BreakGlass], now: i64) -> bool {
    let mut known = Facts::new();
    known.set(FactName::known("tool.class"), "a", "catalogue", Millis(now));
    let active = Some(Digest([1; 32]));
    facts(kept.iter(), &proposal(), &known, active, Millis(now)).get("glass.id").is_some()
}

/// Is what the model remembers: who turned which key when, and whether it is over.
#[derive(Debug, Default, Clone)]
struct Model {
    first: Option<(usize, i64)>,
    second: Option<(usize, i64)>,
    over: bool,
    awaits_review: bool,
}

impl Model {
    /// Lets time do what it does.
    fn pass(&mut self, now: i64) {
        let ends = match (self.first, self.second) {
            (_, Some((_, at))) => at + 10 * MINUTE,
            (Some((_, at)), None) => at + CONFIRM_MS,
            (None, None) => i64::MAX,
        };
        if now >= ends {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.first.is_some() && !self.over {
            self.over = true;
            self.awaits_review = self.second.is_some();
        }
    }

    fn may_ask(&self, who: usize) -> bool {
        who < 4 && (self.first.is_none() || (self.over && !self.awaits_review))
    }

    fn may_confirm(&self, who: usize) -> bool {
        let Some((first, _)) = self.first else { return false };
        let both_have_a_part = [0, 3].contains(&who) && [0, 3].contains(&first);
        who < 4 && who != first && !both_have_a_part && self.second.is_none() && !self.over
    }

    fn may_review(&self, who: usize) -> bool {
        let turned = [self.first, self.second].into_iter().flatten().any(|(key, _)| key == who);
        self.awaits_review && ![0, 4].contains(&who) && !turned
    }

    fn grants(&self) -> bool {
        self.second.is_some() && !self.over
    }
}

/// Plays one sequence of events; `false` if anything came out otherwise than in the model.
fn agrees(seed: u64) -> bool {
    let (mut stream, mut model, mut kept) = (bytes(seed), Model::default(), Vec::<BreakGlass>::new());
    let mut dice = Dice(&mut stream);
    let mut now = START;
    for _ in 0..40 {
        now += dice.pick(&[0, 1, MINUTE, 2 * MINUTE, CONFIRM_MS - 1, CONFIRM_MS, 10 * MINUTE - 1, 10 * MINUTE]);
        model.pass(now);
        let who = usize::from(dice.below(6));
        let step = dice.below(8);
        let taken = match (step, kept.last()) {
            (0..2, _) => asked(PEOPLE[who], now, &kept).ok(),
            (2..5, Some(last)) => confirmed(last, PEOPLE[who], now).ok(),
            (5, Some(last)) => {
                let how = dice.pick(&[End::Person, End::Kill, End::Freeze, End::Bundle]);
                end(last, Ended { how, by: None, at: Millis(now) }).ok()
            }
            (6, Some(last)) => reviewed(last, PEOPLE[who], now).ok(),
            // Somebody notes that its time is over, or nobody does: it is over all the same.
            (_, Some(last)) => end(last, Ended { how: End::Time, by: None, at: Millis(now) }).ok(),
            (_, None) => None,
        };
        let may = match step {
            0..2 => model.may_ask(who),
            2..5 => model.may_confirm(who),
            5 => model.first.is_some() && !model.over,
            6 => model.may_review(who),
            _ => taken.is_some(),
        };
        if taken.is_some() != may {
            return false;
        }
        if let Some(glass) = taken {
            let before = kept.iter().find(|other| other.id == glass.id);
            if follows(before, &glass, &bundle(), kept.iter()).is_err() {
                return false;
            }
            match step {
                0..2 => model = Model { first: Some((who, now)), ..Model::default() },
                2..5 => model.second = Some((who, now)),
                5 => model.end(),
                6 => model.awaits_review = false,
                _ => {}
            }
            kept.retain(|other| other.id != glass.id);
            kept.push(glass);
        }
        if grants(&kept, now) != model.grants() {
            return false;
        }
    }
    true
}

#[test]
fn whatever_comes_in_whatever_order_it_grants_what_the_model_grants() {
    let differing: Vec<u64> = (0..4_000).filter(|seed| !agrees(*seed)).collect();
    assert_eq!(differing, [0; 0], "seeds in which it is otherwise");
}

#[cfg(feature = "mutants")]
#[test]
fn each_planted_bug_of_its_steps_is_noticed() {
    for planted in [mutant::STEPS, &[mutant::Mutant::GlassOutlivesItsTime]].concat() {
        mutant::plant(Some(planted));
        let found = (0..4_000).find(|seed| !agrees(*seed));
        mutant::plant(None);
        assert!(found.is_some(), "{planted:?} survived");
    }
}

#[test]
fn what_stands_against_a_key_is_said() {
    let glass = asked("ann", START, &[]).unwrap();
    for (by, at, code) in [
        ("ann", START, Code::KeyExcluded),
        ("dan", START, Code::KeyExcluded),
        ("eve", START, Code::KeyExcluded),
        ("rex", START, Code::KeyExcluded),
        ("bob", START + CONFIRM_MS, Code::BreakGlassOver),
    ] {
        assert_eq!(confirmed(&glass, by, at).unwrap_err(), code, "{by}");
    }
    let open = confirmed(&glass, "bob", START + CONFIRM_MS - 1).unwrap();
    assert_eq!(open.phase(Millis(START + CONFIRM_MS)), Phase::InForce);
    assert_eq!(confirmed(&open, "cyd", START + CONFIRM_MS).unwrap_err(), Code::BreakGlassOver);
    assert_eq!(asked("cyd", START + CONFIRM_MS, std::slice::from_ref(&open)).unwrap_err(), Code::BreakGlassOver);
    let over = START + CONFIRM_MS - 1 + 10 * MINUTE;
    assert_eq!(asked("cyd", over, std::slice::from_ref(&open)).unwrap_err(), Code::ReviewOpen);
    assert_eq!(reviewed(&open, "rex", over - 1).unwrap_err(), Code::BreakGlassOver, "it is in force");
    for (by, code) in [("ann", Code::KeyExcluded), ("bob", Code::KeyExcluded), ("eve", Code::KeyExcluded)] {
        assert_eq!(reviewed(&open, by, over).unwrap_err(), code, "{by}");
    }
    let closed = reviewed(&open, "rex", over).unwrap();
    assert_eq!(closed.phase(Millis(over)), Phase::Reviewed);
    assert!(asked("cyd", over, &[closed]).is_ok());
    assert!(open.is_overdue(Millis(over + 24 * 3_600_000)) && !open.is_overdue(Millis(over)));
}

#[test]
fn it_is_for_what_it_names_and_within_what_the_bundle_allows() {
    let mut data = bundle();
    let broken = |data: &BundleData, extent: Extent, life_ms: Option<i64>| {
        let id = GlassId::draw(Millis(START), [1; 10]);
        let wish = Wish { id, extent, reason: "why".into(), life_ms, bundle: Digest([1; 32]) };
        ask(wish, turned("bob", START), data, std::iter::empty()).map_err(|error| error.code())
    };
    let of = |what: What, environment: Option<&str>| Extent {
        what,
        environment: environment.map(str::to_owned),
        ..extent()
    };
    let tool = What::Tool("s.one".parse().unwrap());
    assert!(broken(&data, of(tool.clone(), Some("prod")), Some(10 * MINUTE)).is_ok());
    assert_eq!(broken(&data, extent(), Some(10 * MINUTE + 1)), Err(Code::BreakGlassUnsupported));
    assert_eq!(broken(&data, extent(), Some(0)), Err(Code::BreakGlassUnsupported));
    for unknown in [What::Tool("s.two".parse().unwrap()), What::Class("b".parse().unwrap())] {
        assert_eq!(broken(&data, of(unknown, None), None), Err(Code::BreakGlassUnsupported));
    }
    let admin = What::Class("countersign.admin".parse().unwrap());
    let class = data.classes.values().next().unwrap().clone();
    data.classes.insert("countersign.admin".parse().unwrap(), class);
    assert_eq!(broken(&data, of(admin, None), None), Err(Code::BreakGlassUnsupported), "administration");
    for (agent, class, tools, env) in
        [("x*", "*", "*", "*"), ("*", "b", "*", "*"), ("*", "*", "t.*", "*"), ("*", "*", "*", "prod")]
    {
        let glob = |text: &str| Glob(text.to_owned());
        let covers = Scope { agent: glob(agent), class: glob(class), tool: glob(tools), env: glob(env) };
        data.break_glass.as_mut().unwrap().covers = covers;
        assert_eq!(broken(&data, of(tool.clone(), None), None), Err(Code::BreakGlassUnsupported), "{agent} {class}");
    }
    data.break_glass = None;
    assert_eq!(broken(&data, extent(), None), Err(Code::BreakGlassUnsupported));
}

#[test]
fn no_second_key_is_turned_where_nobody_would_be_left_to_review() {
    let mut data = bundle();
    let glass = asked("bob", START, &[]).unwrap();
    for person in ["rex", "dan"] {
        data.people.get_mut(&person.parse::<PersonId>().unwrap()).unwrap().groups.clear();
    }
    let key = turned("cyd", START);
    // `ann` answers for the agent, so that she reviews nothing of it.
    assert_eq!(confirm(&glass, key, &data).unwrap_err().code(), Code::BreakGlassUnsupported);
}

#[test]
fn a_freeze_or_a_kill_of_any_of_it_stands_against_it() {
    let mut data = bundle();
    let covers = Scope { tool: Glob("s.*".into()), ..Scope::default() };
    let (from, to) = ("2026-01-05T09:00:00Z".to_owned(), "2026-01-05T11:00:00Z".to_owned());
    let freeze = Freeze { covers, from, to, reason: "peak".into() };
    data.limits.freezes = [("peak".parse().unwrap(), freeze.clone())].into();
    assert!(break_glass::frozen(&extent(), &data, Millis(START)).is_some());
    assert!(break_glass::frozen(&extent(), &data, Millis(START + 3 * 3_600_000)).is_none());
    let elsewhere = Scope { tool: Glob("t.*".into()), ..Scope::default() };
    data.limits.freezes = [("peak".parse().unwrap(), Freeze { covers: elsewhere, ..freeze })].into();
    assert!(break_glass::frozen(&extent(), &data, Millis(START)).is_none());
    let one = Extent { what: What::Tool("s.one".parse().unwrap()), ..extent() };
    for (target, stops) in [
        ("tenant:t", [true, true]),
        ("tenant:u", [false, false]),
        ("agent:bot", [true, true]),
        ("agent:other", [false, false]),
        ("tool:s.one", [true, true]),
        ("tool:s.two", [false, false]),
        ("class:a", [true, true]),
        ("class:b", [false, false]),
    ] {
        let target: Target = target.parse().unwrap();
        let stopped =
            [extent(), one.clone()].map(|of| break_glass::is_killed(&of, &target, &"t".parse().unwrap(), &data));
        assert_eq!(stopped, stops, "{target:?}");
    }
}
