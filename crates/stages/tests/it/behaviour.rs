//! Baselines over many hours: random lives against a model that forgets nothing, and agents that try to teach theirs.

use std::collections::BTreeSet;

use countersign_stages::behaviour::{HOUR_MS, Hours, RESOURCES_MAX, Usual, check, hour_of, peek, usual};
use serde_json::json;
use spec::vector::Vector;
use types::baseline::BaselineRule;
use types::{Arguments, Code, FactName, Facts, Millis, Restriction};

use crate::generate::{Dice, bytes};
use crate::world::changed;

const BEGIN: i64 = 490_000 * HOUR_MS;

/// Is a call: its tool, the resource it names, and the amount it asks for.
#[derive(Clone, Copy, Default)]
struct Call {
    tool: &'static str,
    resource: Option<&'static str>,
    amount: Option<i64>,
}

/// Is something that an agent did.
#[derive(Clone, Copy)]
enum Did {
    Permit(Call),
    Ended { well: bool, took_ms: Option<i64> },
}

/// Is an agent whose hours are kept by the product.
struct Watched {
    case: Vector,
    hours: Hours,
}

impl Watched {
    fn new(rule: &serde_json::Value) -> Self {
        let change = json!({ "bundle": { "baselines": { "usual": rule } } });
        let mut case = changed(&change);
        case.bundle.baselines.values_mut().next().unwrap().covers = types::bundle::Scope::default();
        Self { case, hours: Hours::new() }
    }

    fn rule(&self) -> &BaselineRule {
        self.case.bundle.baselines.values().next().unwrap()
    }

    /// Gathers the facts about a call, as the sequencer does.
    fn facts(&mut self, call: Call, at: i64) -> Facts {
        let arguments = call.amount.map_or(json!({}), |amount| json!({ "amount": amount }));
        self.case.proposal.tool = call.tool.parse().unwrap();
        self.case.proposal.arguments = Arguments::parse(&arguments.to_string(), 1 << 20).unwrap();
        let mut facts = self.case.facts.clone();
        for (name, value) in
            call.resource.into_iter().flat_map(|id| [("resource.kind", "service"), ("resource.id", id)])
        {
            facts.set(FactName::known(name), value, "proposal", Millis(at));
        }
        facts.extend(peek(&self.case.bundle, &self.case.proposal, &facts, &self.hours, Millis(at)));
        facts
    }

    fn does(&mut self, did: Did, at: i64) {
        let (facts, hour) = match did {
            Did::Permit(call) => (Some(self.facts(call, at)), hour_of(Millis(at))),
            Did::Ended { .. } => (None, hour_of(Millis(at))),
        };
        let hour = self.hours.entry(hour).or_default();
        match (did, facts) {
            (Did::Permit(_), Some(facts)) => hour.permitted(&self.case.bundle, &self.case.proposal, &facts),
            (Did::Ended { well, took_ms }, _) => hour.ended(well, took_ms),
            (Did::Permit(_), None) => unreachable!(),
        }
    }

    /// Says in what a call would be unusual; `None` while too few hours are known.
    fn unusual(&mut self, call: Call, at: i64) -> Option<Vec<String>> {
        self.facts(call, at).list("baseline.usual.unusual").map(<[String]>::to_vec).filter(|_| {
            let name = "baseline.usual";
            self.facts(call, at).int(name).unwrap() >= i64::from(self.rule().hours_min)
        })
    }

    fn usual(&self, at: i64) -> Usual {
        usual(&self.hours, self.rule(), Millis(at))
    }
}

fn throw_call(dice: &mut Dice<'_>) -> Call {
    Call {
        tool: dice.pick(&["s.one", "s.one", "s.one", "s.two", "s.three"]),
        resource: dice.pick(&[None, Some("a"), Some("a"), Some("b"), Some("c")]),
        amount: dice.pick(&[None, Some(10), Some(11), Some(40), Some(41), Some(5_000), Some(0)]),
    }
}

/// Is what an agent did, and when.
type Life = Vec<(i64, Did)>;

fn life(dice: &mut Dice<'_>) -> Life {
    let (mut now, mut life) = (BEGIN, Life::new());
    let busy = dice.pick(&[2, 4, 9]);
    for _ in 0..dice.pick(&[30, 90, 200]) {
        now += i64::from(dice.pick(&[1_u16, 60, 600, 1_200])) * 1_000 * i64::from(dice.below(busy) + 1);
        let did = match dice.below(3) {
            0 | 1 => Did::Permit(throw_call(dice)),
            _ => {
                let took_ms = (!dice.once_in(5)).then(|| i64::from(dice.pick(&[5_u16, 40, 900])));
                Did::Ended { well: took_ms.is_some() && !dice.once_in(6), took_ms }
            }
        };
        life.push((now, did));
    }
    life
}

/// Looks at every event of a life anew, each time it is asked.
struct Model<'a> {
    life: &'a Life,
    rule: &'a BaselineRule,
    now: i64,
}

impl Model<'_> {
    fn events(&self, hour: i64) -> impl Iterator<Item = Did> {
        self.life.iter().filter(move |(at, _)| at.div_euclid(HOUR_MS) == hour && *at <= self.now).map(|(_, did)| *did)
    }

    fn permits(&self, hour: i64) -> Vec<Call> {
        let permit = |did| if let Did::Permit(call) = did { Some(call) } else { None };
        self.events(hour).filter_map(permit).collect()
    }

    /// Returns the failures in basis points and the pace of an hour, if enough has ended in it.
    fn endings(&self, hour: i64) -> (Option<i64>, Option<i64>) {
        let ended = |did| if let Did::Ended { well, took_ms } = did { Some((well, took_ms)) } else { None };
        let ended: Vec<(bool, Option<i64>)> = self.events(hour).filter_map(ended).collect();
        if ended.len() < self.rule.endings_min as usize {
            return (None, None);
        }
        let failed = ended.iter().filter(|(well, _)| !well).count();
        let answers: Vec<i64> = ended.iter().filter_map(|(_, took)| *took).collect();
        let pace = (!answers.is_empty()).then(|| answers.iter().sum::<i64>() / answers.len() as i64);
        (Some((failed * 10_000 / ended.len()) as i64), pace)
    }

    /// Returns the whole hours of the window.
    fn past(&self) -> BTreeSet<i64> {
        let present = self.now / HOUR_MS;
        let first = present - 24 * i64::from(self.rule.window_days);
        self.life.iter().map(|(at, _)| at / HOUR_MS).filter(|hour| (first..present).contains(hour)).collect()
    }

    fn series(&self, of: impl Fn(i64) -> Option<i64>) -> Vec<i64> {
        self.past().into_iter().filter_map(of).collect()
    }

    /// Returns what is usual of a series by its definition, in numbers with a point.
    fn bounds(&self, values: &[i64], least: f64) -> Option<(i64, i64)> {
        if values.len() < self.rule.hours_min as usize {
            return None;
        }
        let median = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
        };
        let values: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        let middle = median(&values);
        let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
        let tenth = (middle / 5.0).floor() / 2.0;
        let beyond = f64::from(self.rule.deviations) * (1.4826 * median(&distances)).max(least).max(tenth);
        Some(((middle - beyond - 1e-6).ceil() as i64, (middle + beyond + 1e-6).floor() as i64))
    }

    fn volumes(&self) -> Vec<i64> {
        self.series(|hour| Some(self.permits(hour).len() as i64).filter(|count| *count > 0))
    }

    fn amounts(&self, of: impl Fn(&[i64]) -> Option<i64>) -> Vec<i64> {
        self.series(|hour| of(&self.permits(hour).iter().filter_map(|call| call.amount).collect::<Vec<_>>()))
    }

    fn is_new(&self, seen: impl Fn(&Call) -> bool) -> bool {
        self.past().into_iter().filter(|hour| self.permits(*hour).iter().any(&seen)).count()
            < self.rule.seen_min as usize
    }

    /// Says in what a call would be unusual.
    fn unusual(&self, call: Call) -> Vec<String> {
        let present = self.now / HOUR_MS;
        let above =
            |value: Option<i64>, bounds: Option<(i64, i64)>| value.zip(bounds).is_some_and(|(v, (_, max))| v > max);
        let (errors, pace) = self.endings(present);
        let low = self.bounds(&self.amounts(|all| all.iter().min().copied()), 1.0);
        let high = self.bounds(&self.amounts(|all| all.iter().max().copied()), 1.0);
        let odd = call.amount.zip(low.zip(high)).is_some_and(|(a, ((least, _), (_, most)))| a < least || a > most);
        let volume = self.permits(present).len() as i64 + 1;
        let words = [
            ("amount", odd),
            ("errors", above(errors, self.bounds(&self.series(|hour| self.endings(hour).0), 200.0))),
            ("new-resource", call.resource.is_some() && self.is_new(|seen| seen.resource == call.resource)),
            ("new-tool", self.is_new(|seen| seen.tool == call.tool)),
            ("pace", above(pace, self.bounds(&self.series(|hour| self.endings(hour).1), 50.0))),
            ("volume", above(Some(volume), self.bounds(&self.volumes(), 1.0))),
        ];
        words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.to_owned()).collect()
    }
}

/// Has the product and the model learn from a random life; returns what each of them finds in a call at its end.
pub fn learned(seed: u64) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let mut stream = bytes(seed);
    let dice = &mut Dice(&mut stream);
    let mut watched = Watched::new(&json!({
        "window_days": dice.pick(&[1, 2, 7]), "hours_min": dice.pick(&[1, 3, 10]), "deviations": dice.pick(&[1, 3]),
        "endings_min": dice.pick(&[1, 2, 5]), "seen_min": dice.pick(&[1, 2, 3]), "amounts": ["/amount"],
    }));
    let life = life(dice);
    let now = life[life.len() / 2 + usize::from(dice.below(10))].0;
    let life: Life = life.into_iter().filter(|(at, _)| *at <= now).collect();
    for (at, did) in &life {
        watched.does(*did, *at);
    }
    let call = throw_call(dice);
    let found = watched.unusual(call, now);
    let model = Model { life: &life, rule: watched.rule(), now };
    let known = model.volumes().len() >= watched.rule().hours_min as usize;
    (found, known.then(|| model.unusual(call)))
}

#[test]
fn what_is_unusual_is_what_a_model_finds_that_forgets_nothing() {
    let mut words = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..4_000 {
        let (found, expected) = learned(seed);
        assert_eq!(found, expected, "seed={seed}");
        let told = match found {
            None => vec!["unknown".to_owned()],
            Some(none) if none.is_empty() => vec!["usual".to_owned()],
            Some(words) => words,
        };
        told.into_iter().for_each(|word| *words.entry(word).or_default() += 1);
    }
    println!("{words:?}");
    assert!(words.len() == 8 && words.values().all(|count| *count >= 40), "{words:?}");
}

const CALL: Call = Call { tool: "s.one", resource: Some("a"), amount: Some(10) };

/// Has an agent make so many calls in the hour that begins then.
fn hour(watched: &mut Watched, number: i64, calls: u32, call: Call) {
    for n in 0..calls {
        watched.does(Did::Permit(call), BEGIN + number * HOUR_MS + i64::from(n));
    }
}

fn at(number: i64) -> i64 {
    BEGIN + number * HOUR_MS + HOUR_MS - 1
}

/// Whoever floods does not widen what is usual, as long as most hours are tame; and each call beyond it is found.
#[test]
fn a_flood_excuses_nothing_and_teaches_nothing() {
    let mut watched = Watched::new(&json!({ "hours_min": 5, "profile": null, "amounts": ["/amount"] }));
    for number in 0..4 {
        hour(&mut watched, number, 10, CALL);
    }
    assert_eq!(watched.unusual(CALL, at(4)), None, "four hours are not yet enough");
    hour(&mut watched, 4, 10, CALL);
    let (tame, huge) = (watched.usual(at(5)), Call { amount: Some(1_000_000), ..CALL });
    assert_eq!((tame.volume_max, tame.amounts["/amount"].most), (Some(13), 13));
    for number in 5..9 {
        for n in 0..2_000 {
            let found = watched.unusual(huge, at(number)).unwrap();
            let volume = if n >= 13 { &["amount", "volume"][..] } else { &["amount"][..] };
            assert_eq!(found, volume, "hour {number}, call {n}");
            watched.does(Did::Permit(huge), at(number));
        }
        let usual = watched.usual(at(number + 1));
        assert_eq!((usual.volume_max, usual.amounts["/amount"].most), (Some(13), 13), "after hour {number}");
    }
    assert_eq!(watched.unusual(CALL, at(9)).unwrap(), [""; 0], "and honest work goes on");
    let tiny = Call { amount: Some(1), ..CALL };
    assert_eq!(watched.unusual(tiny, at(9)).unwrap(), ["amount"], "too little is as odd as too much");
}

/// An agent that always takes as much as is usual, or swings as far as it may, becomes unusual nowhere; how far it gets in a week has a
/// bound, which only rates and budgets make a hard one.
#[test]
fn a_slow_drift_is_not_found_and_takes_its_time() {
    const WEEK: i64 = 24 * 7;
    for swings in [false, true] {
        let mut watched = Watched::new(&json!({ "hours_min": 24, "profile": null }));
        let take = |watched: &mut Watched, number: i64, calls: i64| {
            let hour = watched.hours.entry(hour_of(Millis(at(number)))).or_default();
            hour.permits = u32::try_from(calls).unwrap();
        };
        (0..WEEK).for_each(|number| take(&mut watched, number, 10));
        let mut before = watched.usual(at(WEEK)).volume_max.unwrap();
        for week in 1..4 {
            for number in week * WEEK..(week + 1) * WEEK {
                let max = watched.usual(at(number)).volume_max.unwrap();
                take(&mut watched, number, if swings && number % 2 == 0 { 1 } else { max });
            }
            let after = watched.usual(at((week + 1) * WEEK)).volume_max.unwrap();
            assert!((before + 1..=6 * before).contains(&after), "swings={swings} week={week}: {before} to {after}");
            before = after;
        }
    }
}

/// A tool or a resource is usual once it was seen in enough whole hours, however often it was used in one.
#[test]
fn what_is_new_stays_new_until_enough_hours_have_seen_it() {
    let mut watched = Watched::new(&json!({ "hours_min": 5, "profile": null }));
    (0..6).for_each(|number| hour(&mut watched, number, 3, CALL));
    let other = Call { tool: "s.two", resource: Some("b"), ..CALL };
    for number in 6..9 {
        for _ in 0..3 {
            assert_eq!(watched.unusual(other, at(number)).unwrap(), ["new-resource", "new-tool"], "hour {number}");
            watched.does(Did::Permit(other), at(number));
        }
    }
    assert_eq!(watched.unusual(other, at(9)).unwrap(), [""; 0]);
    let usual = watched.usual(at(9));
    assert_eq!((usual.tools.len(), usual.resources.len()), (2, 2));
    // Once the window has gone by, nothing is known any more.
    assert_eq!(watched.unusual(other, at(6 + 24 * 7)), None);
    let mut elsewhere = Watched::new(&json!({ "hours_min": 5, "profile": null, "watch": ["volume"] }));
    (0..6).for_each(|number| hour(&mut elsewhere, number, 3, CALL));
    assert_eq!(elsewhere.unusual(other, at(6)).unwrap(), [""; 0], "it does not look at tools");
}

/// Whoever touches more resources than are kept gains nothing by it: those beyond were not seen.
#[test]
fn what_is_not_kept_stays_new() {
    let mut watched = Watched::new(&json!({ "hours_min": 3, "profile": null, "watch": ["new-resource"] }));
    let names: Vec<&'static str> = (0..RESOURCES_MAX + 1).map(|n| &*format!("r{n}").leak()).collect();
    for number in 0..4 {
        for name in &names {
            watched.does(Did::Permit(Call { resource: Some(name), ..CALL }), at(number));
        }
    }
    let last = Call { resource: names.last().copied(), ..CALL };
    assert_eq!(watched.unusual(Call { resource: Some("r0"), ..CALL }, at(4)).unwrap(), [""; 0]);
    assert_eq!(watched.unusual(last, at(4)).unwrap(), ["new-resource"]);
    let kept = watched.hours.values().map(|hour| hour.resources.len()).max();
    assert_eq!(kept, Some(RESOURCES_MAX));
}

/// An amount that stands there and cannot be read is odd; one that is absent is not.
#[test]
fn an_amount_that_cannot_be_read_is_odd() {
    let mut watched = Watched::new(&json!({ "hours_min": 3, "profile": null, "amounts": ["/amount"] }));
    (0..4).for_each(|number| hour(&mut watched, number, 2, CALL));
    assert_eq!(watched.unusual(Call { amount: None, ..CALL }, at(4)).unwrap(), [""; 0]);
    for amount in [json!("10"), json!(-10), json!(null), json!([10])] {
        watched.facts(CALL, at(4));
        let case = &mut watched.case;
        case.proposal.arguments = Arguments::parse(&json!({ "amount": amount }).to_string(), 1 << 20).unwrap();
        let mut facts = case.facts.clone();
        facts.extend(peek(&case.bundle, &case.proposal, &facts, &watched.hours, Millis(at(4))));
        assert_eq!(facts.list("baseline.usual.unusual").unwrap(), ["amount"], "{amount}");
        assert!(facts.get("baseline.usual.asked.0").is_none(), "{amount}");
    }
}

/// While too little is known the decision says so, whatever becomes of the call.
#[test]
fn too_few_hours_are_told() {
    for (before, restriction) in [("allow", Restriction::Allow), ("observe", Restriction::AllowObserved)] {
        let mut watched = Watched::new(&json!({ "hours_min": 3, "before": before, "profile": null }));
        hour(&mut watched, 0, 3, CALL);
        let facts = watched.facts(CALL, at(1));
        let found = check(&watched.case.bundle, &watched.case.proposal, &facts);
        assert_eq!((found.len(), found[0].code, &found[0].restriction), (1, Code::BehaviourUnknown, &restriction));
        assert!(found[0].detail.contains("knows 1 hours"), "{}", found[0].detail);
    }
}
