//! Mutated bundles: loading refuses or accepts, and never panics.

use countersign_policy::{Bundle, BundleFiles};
use proptest::prelude::*;

use crate::common::sre;

/// Is one way to spoil a text.
#[derive(Debug, Clone)]
enum Spoil {
    Cut(usize, usize),
    Insert(usize, String),
    Swap(usize, usize),
    Drop,
    Rename(String),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let piece = prop_oneof![
        "[\\[\\]{}()=\",.;:@#\\-*/0-9 \n]{1,4}",
        Just("[[".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("__cedar::".to_owned()),
        Just("?principal".to_owned()),
        Just("-9223372036854775808".to_owned()),
        "[a-zA-Z_]{1,6}",
    ];
    prop_oneof![
        (any::<usize>(), 1usize..80).prop_map(|(at, n)| Spoil::Cut(at, n)),
        (any::<usize>(), piece).prop_map(|(at, text)| Spoil::Insert(at, text)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Spoil::Swap(a, b)),
        Just(Spoil::Drop),
        "[a-z]{1,5}/?[a-z._]{1,9}".prop_map(Spoil::Rename),
    ]
}

fn apply(files: &mut BundleFiles, which: usize, spoil: &Spoil) {
    let paths: Vec<String> = files.iter().map(|(path, _)| path.to_owned()).collect();
    let Some(path) = paths.get(which % paths.len().max(1)) else { return };
    let text: Vec<char> = files.get(path).unwrap().chars().collect();
    let at = |n: usize| n % (text.len() + 1);
    let spoiled: String = match spoil {
        Spoil::Cut(start, n) => text.iter().take(at(*start)).chain(text.iter().skip(at(*start) + n)).collect(),
        Spoil::Insert(place, piece) => text
            .iter()
            .take(at(*place))
            .copied()
            .chain(piece.chars())
            .chain(text.iter().skip(at(*place)).copied())
            .collect(),
        Spoil::Swap(a, b) => {
            let lines: String = text.iter().collect();
            let mut lines: Vec<&str> = lines.lines().collect();
            let n = lines.len().max(1);
            if lines.len() > 1 {
                lines.swap(a % n, b % n);
            }
            lines.join("\n")
        }
        Spoil::Drop => {
            files.0.remove(path);
            return;
        }
        Spoil::Rename(name) => {
            let text = files.0.remove(path).unwrap();
            files.insert(name.clone(), text);
            return;
        }
    };
    files.insert(path.clone(), spoiled);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loading_never_panics(spoils in prop::collection::vec((any::<usize>(), spoil()), 1..4)) {
        let mut files = sre();
        for (which, spoil) in &spoils {
            apply(&mut files, *which, spoil);
        }
        match Bundle::load(files) {
            Ok(bundle) => prop_assert!(!bundle.digest().to_string().is_empty()),
            Err(error) => prop_assert!(!error.problems().is_empty()),
        }
    }
}
