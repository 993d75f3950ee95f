//! What a trace used: the sum over its spans, or what whoever sent it says.
//!
//! A span that says what it used speaks for all spans below it, so that nothing is counted twice.

use std::collections::{HashMap, HashSet};

use models::Given;
use models::search::traces::{COST, TOKENS};
use store::tracking::{Change, Pair, SpanUse};

use super::Answer;

/// Is something that is used and summed up.
pub(super) struct Total {
    /// The metadata that holds it.
    pub(super) key: &'static str,
    /// Its parts, in the order in which they are written.
    parts: &'static [&'static str],
    /// How many of the parts a sum always has.
    always: usize,
    read: fn(&Given) -> Option<Amount>,
    of: fn(&SpanUse) -> Option<&String>,
}

/// Is how many tokens were used.
pub(super) const TOKENS_USED: Total = Total {
    key: TOKENS,
    parts: &[
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation_input_tokens_above_1hr",
    ],
    always: 3,
    read: count,
    of: |span| span.used.tokens.as_ref(),
};

/// Is what it cost.
pub(super) const COST_USED: Total = Total {
    key: COST,
    parts: &["input_cost", "output_cost", "total_cost"],
    always: 3,
    read: money,
    of: |span| span.used.cost.as_ref(),
};

/// Is how much of something was used.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Count(i64),
    Money(f64),
}

impl Amount {
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Count(a), Self::Count(b)) => Self::Count(a.saturating_add(b)),
            (Self::Money(a), Self::Money(b)) => Self::Money(a + b),
            (a, _) => a,
        }
    }

    fn given(self) -> Given {
        match self {
            Self::Count(count) => Given::Integer(count.to_string()),
            Self::Money(money) => Given::Float(format!("{money:e}")),
        }
    }
}

/// Reads a whole number, also one that is a text or has a point.
fn count(given: &Given) -> Option<Amount> {
    let (Given::Integer(text) | Given::Float(text) | Given::Text(text)) = given else { return None };
    let text = text.trim();
    let whole = text.parse().ok().or_else(|| {
        let (whole, fraction) = text.split_once('.')?;
        fraction.bytes().all(|b| b == b'0').then(|| whole.parse().ok())?
    });
    whole.map(Amount::Count)
}

fn money(given: &Given) -> Option<Amount> {
    let (Given::Integer(text) | Given::Float(text) | Given::Text(text)) = given else { return None };
    text.trim().parse().ok().filter(|money: &f64| money.is_finite()).map(Amount::Money)
}

impl Total {
    /// Sums up what the spans of a trace say; nothing if none says anything.
    fn sum(&self, spans: &[SpanUse]) -> Option<Given> {
        let says: HashMap<&str, Given> = spans
            .iter()
            .filter_map(|span| Some((span.id.as_str(), (self.of)(span).and_then(|json| Given::read(json))?)))
            .collect();
        let parents: HashMap<&str, &str> =
            spans.iter().filter_map(|span| Some((span.id.as_str(), span.parent.as_deref()?))).collect();
        let spoken_for = spoken_for(&parents, &says);
        let mut sums: Vec<Option<Amount>> = vec![None; self.parts.len()];
        let mut any = false;
        // In the order of the spans, so that the same floats always have the same sum.
        let counted = spans.iter().filter(|span| !spoken_for.contains(span.id.as_str()));
        for used in counted.filter_map(|span| says.get(span.id.as_str())) {
            any = true;
            for (part, sum) in self.parts.iter().zip(&mut sums) {
                if let Some(amount) = used.member(part).and_then(self.read) {
                    *sum = Some(sum.map_or(amount, |sum| sum.plus(amount)));
                }
            }
        }
        let zero = if self.key == COST { Amount::Money(0.0) } else { Amount::Count(0) };
        let parts = self.parts.iter().zip(sums).enumerate();
        let member = |(n, (part, sum)): (usize, (&&str, Option<Amount>))| {
            let sum = sum.or((n < self.always).then_some(zero))?;
            Some(((*part).to_owned(), sum.given()))
        };
        any.then(|| Given::Map(parts.filter_map(member).collect()))
    }

    /// Keeps what whoever sent a trace says that it used. Parts that are not named stay as they are, and what is no number is forgotten.
    pub(super) fn keep(&self, change: &Change<'_>, trace: i64, said: &str) -> Answer<()> {
        let said = Given::read(said).unwrap_or(Given::Null);
        let kept = change.trace_metadata_of(trace, self.key)?.and_then(|kept| Given::read(&kept));
        let part = |part: &&str| {
            let amount = match said.member(part) {
                Some(given) => (self.read)(given),
                None => kept.as_ref().and_then(|kept| kept.member(part)).and_then(self.read),
            };
            Some(((*part).to_owned(), amount?.given()))
        };
        let parts: Vec<(String, Given)> = self.parts.iter().filter_map(part).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let value = Given::Map(parts).dumped();
        Ok(change.set_trace_metadata(trace, &Pair { key: self.key.to_owned(), value })?)
    }

    /// Keeps what the spans of a trace say that they used, unless whoever sent the trace has said it already.
    ///
    /// - `is_final`: whether that has been said once and for all.
    pub(super) fn keep_sum(&self, change: &Change<'_>, trace: i64, is_final: bool) -> Answer<()> {
        if is_final && change.trace_metadata_of(trace, self.key)?.is_some() {
            return Ok(());
        }
        match self.sum(&change.span_uses(trace)?) {
            Some(sum) => self.keep(change, trace, &sum.dumped()),
            None => Ok(()),
        }
    }
}

/// Returns the spans below one that says something. Parents that go in a circle are nobody's roots, and say nothing.
fn spoken_for<'a>(parents: &HashMap<&'a str, &'a str>, says: &HashMap<&'a str, Given>) -> HashSet<&'a str> {
    let mut known: HashMap<&str, bool> = HashMap::new();
    let mut spoken_for = HashSet::new();
    for id in says.keys() {
        let (mut path, mut at) = (Vec::new(), *id);
        let mut seen = HashSet::new();
        let found = loop {
            if let Some(found) = known.get(at) {
                break *found;
            }
            if !seen.insert(at) {
                break true;
            }
            path.push(at);
            match parents.get(at) {
                Some(parent) if says.contains_key(parent) => break true,
                Some(parent) => at = parent,
                None => break false,
            }
        };
        known.extend(path.iter().map(|id| (*id, found)));
        if found {
            spoken_for.insert(*id);
        }
    }
    spoken_for
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use store::tracking::Used;

    use super::*;

    fn span(id: &str, parent: Option<&str>, tokens: Option<&str>) -> SpanUse {
        let used = Used { tokens: tokens.map(str::to_owned), cost: None };
        SpanUse { id: id.to_owned(), parent: parent.map(str::to_owned), used }
    }

    fn sum(spans: &[SpanUse]) -> Option<String> {
        TOKENS_USED.sum(spans).map(|sum| sum.dumped())
    }

    #[test]
    fn a_span_speaks_for_all_below_it() {
        let says = |n: u32| format!("{{\"input_tokens\": {n}, \"total_tokens\": \"{n}.0\"}}");
        let (five, one) = (says(5), says(1));
        let spans = [
            span("root", None, None),
            span("a", Some("root"), Some(&five)),
            span("b", Some("a"), None),
            span("c", Some("b"), Some(&one)),
            span("d", Some("gone"), Some(&one)),
        ];
        let expected = "{\"input_tokens\": 6, \"output_tokens\": 0, \"total_tokens\": 6}";
        assert_eq!(sum(&spans).as_deref(), Some(expected));
        assert_eq!(sum(&spans[..1]), None);
        // Two that are each other's parents have no root, as nobody's sum has.
        assert_eq!(sum(&[span("x", Some("y"), Some(&one)), span("y", Some("x"), Some(&one))]), None);
    }
}
