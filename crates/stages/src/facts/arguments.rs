//! Facts read from the arguments: words, amounts, and how much would be touched.

use serde_json::Value;
use types::bundle::Impact;
use types::json::SAFE_INTEGER_MAX;
use types::planning::{PlanTrigger, Planning};
use types::text::is_deceptive;
use types::{Arguments, FactName, FactValue, Facts};

use super::{Gathered, list};
use crate::limits::Covered;

/// Reads the amount at a JSON Pointer, rounded up to the next whole number.
///
/// Rounding up keeps every comparison with a whole bound exact: `x > n` holds if and only if `ceil(x) > n`. There is
/// no amount where nothing stands, where something else than a number stands, or where a negative one does: a
/// budget must not be refilled by spending less than nothing.
pub fn amount(arguments: &Arguments, pointer: &str) -> Option<i64> {
    let number = arguments.at(pointer)?;
    if number.as_f64()? < 0.0 {
        return None;
    }
    number.as_i64().or_else(|| rounded_up(number.as_f64()?))
}

/// Reads a whole number, however it is written: `1.0` and `1` are one number, and the canonical form has the second.
pub(super) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).and_then(rounded_up))
}

fn rounded_up(number: f64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact in a double")]
    let safe = SAFE_INTEGER_MAX as f64;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    (number.abs() <= safe).then(|| number.ceil() as i64)
}

impl<'a> Gathered<'a> {
    /// Gathers `review.words` and `review.amounts`.
    ///
    /// An amount that is absent triggers nothing, since a trigger may be declared for tools without it; one that is there
    /// and cannot be read does.
    pub(super) fn review(&mut self) {
        let (review, proposal) = (&self.bundle.head.review, self.proposal);
        let texts = texts(proposal.arguments.value());
        let words = review.words.iter().filter(|word| texts.iter().any(|text| holds_word(text, &plain(word))));
        self.by_proposal("review.words", list(words));
        let tool = proposal.tool.to_string();
        let covering = review.amounts.iter().filter(|trigger| trigger.tool.matches(&tool));
        let over = covering.filter(|trigger| {
            let there = proposal.arguments.at(&trigger.pointer).is_some();
            there && amount(&proposal.arguments, &trigger.pointer).is_none_or(|amount| amount > trigger.above)
        });
        self.by_proposal("review.amounts", list(over.map(|trigger| &trigger.pointer)));
    }

    /// Gathers `plan.seen` and `plan.<amount>` of a tool that has a plan, and `review.plans` where the bundle has such triggers.
    pub(super) fn plan(&mut self) {
        let triggers = &self.bundle.head.review.plans;
        let planning = self.planning();
        if let Some(planning) = planning {
            self.by_plan("plan.seen", self.proposal.plan.as_ref().is_some_and(|plan| plan.failed.is_none()));
            for name in planning.amounts.keys() {
                if let Some(amount) = self.planned(name) {
                    self.by_plan(format!("plan.{name}"), amount);
                }
            }
        }
        if triggers.is_empty() {
            return;
        }
        let tool = self.proposal.tool.to_string();
        let concerns = |trigger: &&PlanTrigger| {
            trigger.tool.matches(&tool)
                && planning.is_some_and(|planning| planning.amounts.contains_key(&trigger.amount))
        };
        let fired = triggers.iter().filter(concerns).filter(|trigger| trigger.fires(self.planned(&trigger.amount)));
        let fired = list(fired.map(|trigger| self.told(&trigger.amount)));
        self.by_plan("review.plans", fired);
    }

    fn planning(&self) -> Option<&'a Planning> {
        let bundle = self.bundle;
        bundle.tools.get(&self.proposal.tool)?.plan.as_ref()
    }

    /// Reads an amount of the plan.
    fn planned(&self, name: &str) -> Option<i64> {
        self.planning()?.amount(self.proposal.plan.as_ref()?, name)
    }

    fn told(&self, name: &str) -> String {
        self.planned(name).map_or_else(|| format!("{name} = ?"), |amount| format!("{name} = {amount}"))
    }

    fn by_plan(&mut self, name: impl Into<String>, value: impl Into<FactValue>) {
        self.facts.set(FactName::new(name), value, "plan", self.proposal.at);
    }

    /// Gathers `touches.count` and `impact.<limit>`.
    pub(super) fn impacts(&mut self) {
        let touches = self.touches();
        self.by_proposal("touches.count", touches);
        let mut exceeded = Facts::new();
        if let Some(covered) = Covered::by(self.proposal, &self.facts) {
            for (id, impact) in self.bundle.limits.impacts.iter().filter(|(_, impact)| covered.matches(&impact.covers))
            {
                exceeded.set(
                    FactName::new(format!("impact.{id}")),
                    self.exceeds(impact, touches),
                    "proposal",
                    self.proposal.at,
                );
            }
        }
        self.facts.extend(exceeded);
    }

    /// Counts what the declared lists hold; an absent list may mean everything, so it counts as more than any bound.
    fn touches(&self) -> i64 {
        let lists = self.bundle.tools.get(&self.proposal.tool).map(|tool| tool.touches.as_slice()).unwrap_or_default();
        if lists.is_empty() {
            return 1;
        }
        let length = |pointer: &String| self.proposal.arguments.at(pointer)?.as_array().map(Vec::len);
        lists.iter().map(length).try_fold(0_i64, |sum, n| sum.checked_add(i64::try_from(n?).ok()?)).unwrap_or(i64::MAX)
    }

    fn exceeds(&self, impact: &Impact, touches: i64) -> bool {
        let too_many = impact.touches_max.is_some_and(|max| touches > max);
        let bounded = impact.amount.as_ref().zip(impact.amount_max);
        let too_much =
            bounded.is_some_and(|(pointer, max)| amount(&self.proposal.arguments, pointer).is_none_or(|a| a > max));
        let planned = impact.plan.as_ref().zip(impact.plan_max);
        let too_far = planned.is_some_and(|(name, max)| self.planned(name).is_none_or(|amount| amount > max));
        too_many || too_much || too_far
    }
}

/// Collects every text in the arguments, keys included, ready for comparison.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![plain(text)],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| std::iter::once(plain(key)).chain(texts(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Puts a text into lower case, without the characters that hide inside a word and are not seen. Blanks stay blanks.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_whitespace() || !is_deceptive(*c)).flat_map(char::to_lowercase).collect()
}

/// Says whether a text holds a word with no letter or digit on either side; an empty word is nowhere.
fn holds_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, rest) = text.split_at(at);
            let after = rest.get(word.len()..).unwrap_or_default();
            !inside(before.chars().next_back()) && !inside(after.chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        Arguments::parse(text, 1 << 20).unwrap()
    }

    #[test]
    fn amounts_are_whole_rounded_up_and_never_negative() {
        for (text, expected) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("7.01", Some(8)),
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("-1", None),
            ("-0.5", None),
            ("-1.5", None),
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("\"7\"", None),
            ("true", None),
            ("null", None),
            ("[7]", None),
        ] {
            assert_eq!(amount(&arguments(&format!(r#"{{"a":{text}}}"#)), "/a"), expected, "{text}");
        }
        assert_eq!(amount(&arguments("{}"), "/a"), None);
    }

    #[test]
    fn an_amount_is_the_same_before_and_after_canonical_form() {
        let once = arguments(r#"{"a":1.0}"#);
        let twice = arguments(once.canonical());
        assert_eq!(amount(&once, "/a"), amount(&twice, "/a"));
    }

    #[test]
    fn words_are_whole_in_any_case_and_not_hidden() {
        for (text, expected) in [
            ("delete", true),
            ("please DELETE it", true),
            ("delete-all", true),
            ("force_delete", true),
            ("undelete", false),
            ("deleted", false),
            ("delete2", false),
            ("deletes, then delete", true),
            ("de\u{200b}lete", true),
            ("a\ndelete\tb", true),
            ("dELETE\u{202e}", true),
            ("", false),
        ] {
            assert_eq!(holds_word(&plain(text), "delete"), expected, "{text:?}");
        }
        assert!(holds_word(&plain("DROP TABLE x"), "drop table"));
        assert!(!holds_word("anything", ""));
        assert!(holds_word(&plain("lösche ÄNDERN jetzt"), "ändern"));
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for text in [r#"{"a":{"b":["x","delete"]}}"#, r#"{"delete":1}"#, r#"{"a":[{"x":{"delete":null}}]}"#] {
            assert!(texts(arguments(text).value()).iter().any(|t| holds_word(t, "delete")), "{text}");
        }
    }
}
