//! The authority matrix: level × action class × environment, every other stage content.
//!
//! A difference is a change of authority, to be read in a review. To accept one, copy what the failing test
//! prints into `tests/golden/authority_matrix.txt`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use types::Verdict;

use crate::world::decide;

/// Is L3 without one of its guards.
const OPEN: &str = "L3 open";
const LEVELS: [(&str, i64, i64); 6] = [
    ("L0", 0, i64::MAX),
    ("L1", 1, i64::MAX),
    ("L2", 2, i64::MAX),
    ("L3", 3, i64::MAX),
    (OPEN, 3, i64::MAX),
    ("L2 expired", 2, 1_767_607_200_000),
];
const CLASSES: [(&str, bool, bool); 3] =
    [("read", false, false), ("routine write", true, true), ("other write", true, false)];
const ENVIRONMENTS: [(&str, Option<&str>); 3] =
    [("in scope", Some("dev")), ("out of scope", Some("prod")), ("unknown", None)];

fn verdict(
    (level, guarded): ((i64, i64), bool),
    class: (bool, bool),
    environment: Option<&str>,
    profile: Option<&str>,
) -> Verdict {
    let change = json!({
        "facts": {
            "level.rank": level.0, "level.expires_at": level.1, "level.environments": ["dev"], "level.tested": true,
            "level.unguarded": if guarded { json!([]) } else { json!(["a change window"]) },
            "class.writes": class.0, "class.routine": class.1, "resource.env": environment, "window.night": true,
        },
        "bundle": { "classes": { "restart": { "profile": profile.map_or(Value::Null, Value::from) } } },
    });
    decide(&change).decision.verdict
}

fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Escalate(profiles) => {
            format!("escalate {}", profiles.iter().map(|p| p.as_str()).collect::<Vec<_>>().join("+"))
        }
        Verdict::Allow | Verdict::AllowObserved | Verdict::Deny => verdict.as_str().to_owned(),
    }
}

fn matrix() -> String {
    let mut out = String::new();
    for (title, profile) in [("a class with the profile `sre`", Some("sre")), ("a class without a profile", None)] {
        let _ = writeln!(out, "# {title}\n");
        let _ =
            writeln!(out, "{:<12}{:<16}{:<16}{:<16}unknown environment", "level", "class", "in scope", "out of scope");
        for (level, rank, expires) in LEVELS {
            for (class, writes, routine) in CLASSES {
                let _ = write!(out, "{level:<12}{class:<16}");
                let row = ENVIRONMENTS.map(|(_, environment)| {
                    shown(&verdict(((rank, expires), level != OPEN), (writes, routine), environment, profile))
                });
                let _ = writeln!(out, "{:<16}{:<16}{}", row[0], row[1], row[2]);
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_authority_matrix_is_as_it_was_reviewed() {
    let golden = include_str!("../golden/authority_matrix.txt");
    let matrix = matrix();
    assert!(matrix == golden, "the authority matrix has changed; it is now\n\n{matrix}");
}
