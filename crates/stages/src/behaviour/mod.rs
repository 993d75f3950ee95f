//! Behaviour: what an agent does in an action class, held against what is usual for it.
//!
//! What is usual is learned from the whole hours before the present one, so an hour never excuses itself. All that is
//! learned are counts; the arithmetic is in whole numbers, so a decision comes out the same anywhere.

mod hour;
mod usual;

use std::borrow::Cow;
use std::sync::Arc;

use types::baseline::{BaselineRule, Before, Watched};
use types::bundle::BundleData;
use types::{ActionProposal, Arguments, Code, FactName, FactValue, Facts, Finding, LimitId, Millis, Principal, Stage};

pub use hour::{HOUR_MS, Hour, Hours, RESOURCES_MAX, Range, TOOLS_MAX, hour_of};
pub use usual::{Usual, usual};

use crate::facts::amount;
use crate::limits::Covered;
use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Is what is known of an agent in an action class.
pub trait Known {
    /// Tells what is usual by a baseline, as [`usual`] does.
    fn usual(&self, id: &LimitId, rule: &BaselineRule, now: Millis) -> Arc<Usual>;

    /// Returns what it did in the present hour so far.
    fn hour(&self, now: Millis) -> Cow<'_, Hour>;
}

impl Known for Hours {
    fn usual(&self, _: &LimitId, rule: &BaselineRule, now: Millis) -> Arc<Usual> {
        Arc::new(usual(self, rule, now))
    }

    fn hour(&self, now: Millis) -> Cow<'_, Hour> {
        self.get(&hour_of(now)).map(Cow::Borrowed).unwrap_or_default()
    }
}

/// Is the source of the facts about it.
pub const SOURCE: &str = "behaviour";

/// Returns the baselines that cover an action; none covers what a person does.
pub fn covering<'a>(
    bundle: &'a BundleData,
    proposal: &ActionProposal,
    facts: &Facts,
) -> Vec<(&'a LimitId, &'a BaselineRule)> {
    let is_agent = matches!(proposal.principal, Principal::Agent(_));
    let Some(covered) = Covered::by(proposal, facts).filter(|_| is_agent) else { return Vec::new() };
    bundle.baselines.iter().filter(|(_, rule)| covered.matches(&rule.covers)).collect()
}

/// Judges the baselines that cover the action; it can only restrict, and one whose facts are missing denies.
///
/// Reads of each baseline that covers the action `baseline.<name>`, the number of hours it knows, and `baseline.<name>.unusual`
/// once these are enough. Says nothing if none covers it.
pub fn check(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Behaviour, facts);
    let covering = covering(bundle, proposal, facts);
    if covering.is_empty() {
        return said.so_far();
    }
    covering.iter().for_each(|(id, rule)| baseline_says(&mut said, id, rule));
    said.or_allow(Code::BehaviourUsual, "it is as usual", SOURCE)
}

fn baseline_says(said: &mut Said<'_>, id: &LimitId, rule: &BaselineRule) {
    let name = format!("baseline.{id}");
    let Some(hours) = said.int(&name) else { return };
    if hours < i64::from(rule.hours_min) {
        let detail =
            format!("`{id}` knows {hours} hours of this agent; from {} on it says what is usual", rule.hours_min);
        match rule.before {
            Before::Allow => said.allow(Code::BehaviourUnknown, detail, name),
            Before::Observe => said.observe(Code::BehaviourUnknown, detail, name),
            Before::Escalate => said.escalate(rule.profile.as_ref(), Code::BehaviourUnknown, detail, name),
        }
        return;
    }
    let name = format!("{name}.unusual");
    let Some(unusual) = said.list(&name).filter(|unusual| !unusual.is_empty()) else { return };
    if mutant::on(Mutant::UnusualIgnored) {
        return;
    }
    let detail = format!("by `{id}` this is not usual for the agent: {}", unusual.join(", "));
    match &rule.profile {
        Some(profile) => said.escalate(Some(profile), Code::BehaviourUnusual, detail, name),
        None => said.observe(Code::BehaviourUnusual, detail, name),
    }
}

/// Gathers the facts of the baselines that cover an action: `baseline.<name>`, `.asked.<place>` of each amount that can be read,
/// and once enough hours are known `.unusual`, `.volume` and `.volume_max`.
///
/// - `known`: what the agent did in the action's class.
pub fn peek(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts, known: &impl Known, now: Millis) -> Facts {
    let mut peeked = Facts::new();
    for (id, rule) in covering(bundle, proposal, facts) {
        let mut set = |part: &str, value: FactValue, source: &'static str| {
            peeked.set(FactName::new(format!("baseline.{id}{part}")), value, source, now);
        };
        for (place, asked) in asked(rule, &proposal.arguments).enumerate() {
            if let Asked::Amount(amount) = asked {
                set(&format!(".asked.{place}"), amount.into(), "proposal");
            }
        }
        let usual = known.usual(id, rule, now);
        set("", usual.hours.into(), SOURCE);
        if usual.hours >= i64::from(rule.hours_min) {
            let hour = known.hour(now);
            set(".volume", (i64::from(hour.permits) + 1).into(), SOURCE);
            usual.volume_max.into_iter().for_each(|max| set(".volume_max", max.into(), SOURCE));
            set(".unusual", FactValue::List(unusual((rule, &usual), &hour, proposal, facts)), SOURCE);
        }
    }
    peeked
}

/// Says in what an hour with one call more is not as usual, in order of the words.
fn unusual(
    (rule, usual): (&BaselineRule, &Usual),
    hour: &Hour,
    proposal: &ActionProposal,
    facts: &Facts,
) -> Vec<String> {
    let above = |value: Option<i64>, max: Option<i64>| value.zip(max).is_some_and(|(value, max)| value > max);
    let judged = hour.is_judged(rule);
    let is = |watched: &Watched| match watched {
        Watched::Amount => is_odd((rule, usual), &proposal.arguments),
        Watched::Errors => judged && above(hour.errors_bp(), usual.errors_bp_max),
        Watched::NewResource => hour::resource(facts).is_some_and(|mark| !usual.resources.contains(&mark)),
        Watched::NewTool => !usual.tools.contains(&proposal.tool),
        Watched::Pace => judged && above(hour.pace_ms(), usual.pace_ms_max),
        Watched::Volume => above(Some(i64::from(hour.permits) + 1), usual.volume_max),
    };
    rule.watch.iter().filter(|watched| is(watched)).map(|watched| watched.as_str().to_owned()).collect()
}

/// Says whether an amount is not within what is usual, or is there and cannot be read.
fn is_odd((rule, usual): (&BaselineRule, &Usual), arguments: &Arguments) -> bool {
    rule.amounts.iter().zip(asked(rule, arguments)).any(|(pointer, asked)| match asked {
        Asked::Nothing => false,
        Asked::Unreadable => true,
        Asked::Amount(amount) => usual.amounts.get(pointer).is_some_and(|usual| !usual.holds(amount)),
    })
}

/// Is what the arguments have at the place of an amount.
enum Asked {
    Nothing,
    Unreadable,
    Amount(i64),
}

fn asked(rule: &BaselineRule, arguments: &Arguments) -> impl Iterator<Item = Asked> {
    rule.amounts.iter().map(|pointer| match (arguments.at(pointer), amount(arguments, pointer)) {
        (None, _) => Asked::Nothing,
        (Some(_), None) => Asked::Unreadable,
        (Some(_), Some(amount)) => Asked::Amount(amount),
    })
}
