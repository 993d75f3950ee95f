//! Counting what several runs made of one call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use types::Arguments;

use super::decimal::Decimal;
use super::differ::{differing, numbers};
use super::form::shown;
use super::report::{Numbers, RulingCount, Variant};
use super::ruling::Ruling;

/// Is how many variants of one call are told.
const VARIANTS_MAX: usize = 20;

/// Counts how often each thing was met.
#[derive(Debug)]
pub(super) struct Counted<T>(BTreeMap<T, u32>);

impl<T: Ord> Default for Counted<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Counted<T> {
    pub(super) fn count(&mut self, thing: T) {
        *self.0.entry(thing).or_default() += 1;
    }

    /// Returns the things, the most frequent first.
    pub(super) fn most_first(self) -> Vec<(T, u32)> {
        let mut all: Vec<(T, u32)> = self.0.into_iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all
    }
}

pub(super) fn rulings(counted: Counted<Ruling>) -> Vec<RulingCount> {
    counted.most_first().into_iter().map(|(ruling, runs)| RulingCount { ruling, runs }).collect()
}

/// Tells the other arguments that were met in the place of recorded ones.
pub(super) fn variants(recorded: &Value, met: &[&Arguments]) -> Vec<Variant> {
    let mut counted = Counted::default();
    let mut by_text: BTreeMap<&str, &Value> = BTreeMap::new();
    for arguments in met.iter().filter(|arguments| arguments.value() != recorded) {
        by_text.insert(arguments.canonical(), arguments.value());
        counted.count(arguments.canonical());
    }
    let most = counted.most_first().into_iter().take(VARIANTS_MAX);
    let variant = |(text, runs): (&str, u32)| {
        let value = by_text.get(text)?;
        Some(Variant { arguments: shown(value, Some(recorded)), differs: differing(recorded, value), runs })
    };
    most.filter_map(variant).collect()
}

/// Tells how the numbers spread that are not always the recorded ones.
pub(super) fn spread(recorded: &Value, met: &[&Arguments]) -> Vec<Numbers> {
    let then: BTreeMap<String, String> = numbers(recorded).into_iter().collect();
    let mut now: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
    for arguments in met {
        for (pointer, text) in numbers(&shown(arguments.value(), Some(recorded))) {
            now.entry(pointer).or_default().extend(Decimal::parse(&text));
        }
    }
    let told = now.into_iter().filter_map(|(pointer, mut all)| {
        all.sort();
        let recorded = then.get(&pointer).and_then(|text| Decimal::parse(text));
        let (min, max) = (all.first()?, all.last()?);
        let moved = recorded.as_ref() != Some(min) || recorded.as_ref() != Some(max);
        let distinct: BTreeSet<&Decimal> = all.iter().collect();
        moved.then(|| Numbers {
            recorded: recorded.as_ref().map(ToString::to_string),
            min: min.to_string(),
            median: all.get((all.len() - 1) / 2).map(ToString::to_string).unwrap_or_default(),
            max: max.to_string(),
            distinct: u32::try_from(distinct.len()).unwrap_or(u32::MAX),
            pointer,
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: &Value) -> Arguments {
        Arguments::parse(&value.to_string(), 1 << 16).unwrap()
    }

    #[test]
    fn other_arguments_are_counted_and_their_numbers_spread() {
        let recorded = json!({ "n": 3, "text": "a", "share": 0.5 });
        let met: Vec<Arguments> =
            [json!({ "n": 3, "text": "a", "share": 0.5 }), json!({ "n": 12, "text": "a", "share": 0.25 })]
                .iter()
                .chain([&json!({ "n": 12, "text": "a", "share": 0.25 }), &json!({ "n": 2, "text": "b", "share": 0.5 })])
                .map(arguments)
                .collect();
        let met: Vec<&Arguments> = met.iter().collect();
        let told = variants(&recorded, &met);
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].runs, told[0].differs.as_slice()), (2, &["/n".to_owned(), "/share".to_owned()][..]));
        assert_eq!(told[1].differs, ["/n", "/text"]);
        let numbers = spread(&recorded, &met);
        let told = |at: usize| {
            let n = &numbers[at];
            [n.pointer.as_str(), n.recorded.as_deref().unwrap(), &n.min, &n.median, &n.max].map(str::to_owned)
        };
        assert_eq!(told(0), ["/n", "3", "2", "3", "12"]);
        assert_eq!(told(1), ["/share", "0.5", "0.25", "0.25", "0.5"]);
        assert_eq!((numbers[0].distinct, numbers[1].distinct), (3, 2));
        let same = arguments(&recorded);
        assert!(variants(&recorded, &[&same]).is_empty() && spread(&recorded, &[&same]).is_empty());
    }

    #[test]
    fn a_number_in_the_place_of_a_secret_is_not_told() {
        let recorded = json!({ "pin": types::secret::mark(&types::Digest::plain(b"4711")), "n": 1 });
        let made = arguments(&json!({ "pin": 4711, "n": 1 }));
        assert!(spread(&recorded, &[&made]).is_empty());
        let told = variants(&recorded, &[&made]);
        assert!(!format!("{told:?}").contains("4711"), "{told:?}");
        assert_eq!(told[0].differs, ["/pin"]);
    }
}
