//! Two sequences of calls put beside each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use types::ToolName;

/// Is what makes a call the same call: its tool, and its arguments in canonical text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The tool.
    pub tool: ToolName,
    /// The arguments in the form in which they are recorded, canonical.
    pub arguments: String,
}

/// Is one place where two sequences are compared; `old` and `new` are places in them, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The same call, in the same order.
    Same {
        /// Its place in the record.
        old: usize,
        /// Its place in the run.
        new: usize,
    },
    /// The same tool in the same place, with other arguments.
    Changed {
        /// Its place in the record.
        old: usize,
        /// Its place in the run.
        new: usize,
    },
    /// The same call, in another order.
    Moved {
        /// Its place in the record.
        old: usize,
        /// Its place in the run.
        new: usize,
    },
    /// A recorded call that was not made.
    Missing {
        /// Its place in the record.
        old: usize,
    },
    /// A call that is not in the record.
    Extra {
        /// Its place in the run.
        new: usize,
        /// How many recorded calls stand before it.
        after: usize,
    },
}

/// Puts a run beside the record.
///
/// As many calls as possible are the same in the same order (a longest common subsequence). Of what is left, identical
/// calls are the same in another order; then, between two that are the same, calls of one tool are that call with other
/// arguments, in order. The steps come in the order of the record, extra calls where they were made.
pub fn align(old: &[Key], new: &[Key]) -> Vec<Step> {
    let anchors = common(old, new);
    let moved = moved(old, new, &anchors);
    let elsewhere: BTreeSet<usize> = moved.values().copied().collect();
    let mut steps = Vec::new();
    let mut from = (0, 0);
    for end in anchors.iter().copied().chain([(old.len(), new.len())]) {
        let lost: Vec<usize> = (from.0..end.0).collect();
        let mut found: VecDeque<usize> = (from.1..end.1).filter(|place| !elsewhere.contains(place)).collect();
        for place in lost {
            let step = match moved.get(&place) {
                Some(to) => Step::Moved { old: place, new: *to },
                None => of_one_tool(old, new, place, &mut found, &mut steps),
            };
            steps.push(step);
        }
        steps.extend(found.into_iter().map(|place| Step::Extra { new: place, after: end.0 }));
        if let (true, true) = (end.0 < old.len(), end.1 < new.len()) {
            steps.push(Step::Same { old: end.0, new: end.1 });
        }
        from = (end.0 + 1, end.1 + 1);
    }
    steps
}

/// Finds the call of the same tool that stands for a recorded one; those before it are extra.
fn of_one_tool(old: &[Key], new: &[Key], place: usize, found: &mut VecDeque<usize>, steps: &mut Vec<Step>) -> Step {
    let tool = old.get(place).map(|key| &key.tool);
    let Some(at) = found.iter().position(|candidate| new.get(*candidate).map(|key| &key.tool) == tool) else {
        return Step::Missing { old: place };
    };
    let before: Vec<usize> = found.drain(..at).collect();
    steps.extend(before.into_iter().map(|extra| Step::Extra { new: extra, after: place }));
    found.pop_front().map_or(Step::Missing { old: place }, |to| Step::Changed { old: place, new: to })
}

/// Pairs what is identical and stands in another order, by its place in the record.
fn moved(old: &[Key], new: &[Key], anchors: &[(usize, usize)]) -> BTreeMap<usize, usize> {
    let (kept, met): (BTreeSet<usize>, BTreeSet<usize>) = anchors.iter().copied().unzip();
    let mut left: BTreeMap<&Key, VecDeque<usize>> = BTreeMap::new();
    for (place, key) in new.iter().enumerate().filter(|(place, _)| !met.contains(place)) {
        left.entry(key).or_default().push_back(place);
    }
    let free = old.iter().enumerate().filter(|(place, _)| !kept.contains(place));
    free.filter_map(|(place, key)| Some((place, left.get_mut(key)?.pop_front()?))).collect()
}

/// Finds a longest common subsequence as pairs of places, in order.
fn common(old: &[Key], new: &[Key]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (rest_old, rest_new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = rest_old.iter().rev().zip(rest_new.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle_old = rest_old.get(..rest_old.len() - tail).unwrap_or_default();
    let middle_new = rest_new.get(..rest_new.len() - tail).unwrap_or_default();
    let first = (0..head).map(|place| (place, place));
    let middle = table(middle_old, middle_new).into_iter().map(|(a, b)| (a + head, b + head));
    let (from_old, from_new) = (old.len() - tail, new.len() - tail);
    let last = (0..tail).map(|place| (from_old + place, from_new + place));
    first.chain(middle).chain(last).collect()
}

/// Finds one by the table of lengths, from the end.
fn table(old: &[Key], new: &[Key]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or_default();
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let longest = if a == b {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(slot) = lengths.get_mut(i * width + j) {
                *slot = longest;
            }
        }
    }
    let (mut pairs, mut i, mut j) = (Vec::new(), 0, 0);
    while let (Some(a), Some(b)) = (old.get(i), new.get(j)) {
        if a == b {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&lengths, i, j + 1) >= at(&lengths, i + 1, j) {
            // Of several that are as long, the one that meets recorded calls early.
            j += 1;
        } else {
            i += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Changed, Extra, Missing, Moved, Same};

    /// Reads a call from its tool's letter and the letter of its arguments.
    fn keys(text: &str) -> Vec<Key> {
        let key =
            |word: &str| Key { tool: format!("s.{}", &word[..1]).parse().unwrap(), arguments: word[1..].to_owned() };
        text.split_whitespace().map(key).collect()
    }

    #[test]
    fn calls_are_put_beside_each_other() {
        let same = |old, new| Same { old, new };
        let cases: [(&str, &str, Vec<Step>); 10] = [
            ("", "", vec![]),
            ("a1 b1", "a1 b1", vec![same(0, 0), same(1, 1)]),
            ("a1 b1", "a1", vec![same(0, 0), Missing { old: 1 }]),
            ("a1", "c1 a1", vec![Extra { new: 0, after: 0 }, same(0, 1)]),
            ("a1 b1 c1", "a1 b2 c1", vec![same(0, 0), Changed { old: 1, new: 1 }, same(2, 2)]),
            ("a1 b1", "b1 a1", vec![same(0, 1), Moved { old: 1, new: 0 }]),
            ("a1 a1 a1", "a1 a1", vec![same(0, 0), same(1, 1), Missing { old: 2 }]),
            (
                "a1 b1 c1",
                "a1 d1 b2 c1 e1",
                vec![
                    same(0, 0),
                    Extra { new: 1, after: 1 },
                    Changed { old: 1, new: 2 },
                    same(2, 3),
                    Extra { new: 4, after: 3 },
                ],
            ),
            ("a1 b1", "a2 c1", vec![Changed { old: 0, new: 0 }, Missing { old: 1 }, Extra { new: 1, after: 2 }]),
            ("", "a1", vec![Extra { new: 0, after: 0 }]),
        ];
        for (old, new, expected) in cases {
            assert_eq!(align(&keys(old), &keys(new)), expected, "{old} / {new}");
        }
    }

    #[test]
    fn nothing_is_lost_and_nothing_counted_twice() {
        let letters = ["a1", "a2", "b1", "b2", "c1"];
        let mut seed = 7_u64;
        let mut draw = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % n
        };
        for _ in 0..2_000 {
            let mut sequence = || (0..draw(9)).map(|_| letters[draw(5)]).collect::<Vec<_>>().join(" ");
            let (old, new) = (keys(&sequence()), keys(&sequence()));
            let steps = align(&old, &new);
            let mut olds: Vec<usize> = Vec::new();
            let mut news: Vec<usize> = Vec::new();
            for step in &steps {
                match *step {
                    Same { old: o, new: n } | Moved { old: o, new: n } => {
                        assert_eq!(old[o], new[n]);
                        olds.push(o);
                        news.push(n);
                    }
                    Changed { old: o, new: n } => {
                        assert!(old[o].tool == new[n].tool && old[o] != new[n], "{old:?} {new:?} {steps:?}");
                        olds.push(o);
                        news.push(n);
                    }
                    Missing { old: o } => olds.push(o),
                    Extra { new: n, .. } => news.push(n),
                }
            }
            news.sort_unstable();
            assert_eq!(olds, (0..old.len()).collect::<Vec<_>>(), "the record's order");
            assert_eq!(news, (0..new.len()).collect::<Vec<_>>());
        }
    }
}
