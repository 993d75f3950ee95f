//! Bounds: what one argument of an action may be, in a small closed set.

use std::collections::BTreeSet;
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::json;
use crate::text::escape;

/// Is one exact JSON value, as its canonical text (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Exact(#[n(0)] String);

impl Exact {
    /// Takes a value exactly.
    pub fn of(value: &Value) -> Self {
        Self(json::canonical(value))
    }

    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the value; a text that is none, which no constructor makes, is `null`.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Value::deserialize(d).map(|value| Self::of(&value))
    }
}

/// Is what one argument may be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bound {
    /// Whatever it is, and also nothing.
    #[n(0)]
    Any,
    /// Exactly one of these values.
    #[n(1)]
    OneOf(#[n(0)] BTreeSet<Exact>),
    /// A whole number in a range, its ends included.
    #[n(2)]
    Between {
        /// The least.
        #[n(0)]
        from: i64,
        /// The most.
        #[n(1)]
        to: i64,
    },
    /// A path of `/`-separated names that is this one or lies below it, without `.`, `..`, empty names or backslashes.
    #[n(3)]
    Within(#[n(0)] String),
}

impl Bound {
    /// Bounds an argument to one value.
    pub fn exactly(value: &Value) -> Self {
        Self::OneOf(BTreeSet::from([Exact::of(value)]))
    }

    /// Says whether an argument is within it.
    ///
    /// - `value`: `None` if the action has no such argument; then only [`Bound::Any`] holds.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::OneOf(values), Some(value)) => values.contains(&Exact::of(value)),
            (Self::Between { from, to }, Some(value)) => value.as_i64().is_some_and(|n| (*from..=*to).contains(&n)),
            (Self::Within(root), Some(value)) => value.as_str().is_some_and(|path| is_within(root, path)),
        }
    }

    /// Says whether some value can be within it at all, and whether it can be read by people.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(values) => !values.is_empty(),
            Self::Between { from, to } => from <= to,
            Self::Within(root) => is_plain(root),
        }
    }

    /// Says whether everything that it holds the other one holds too. A `false` may err where the two are of different kinds.
    pub fn is_no_wider_than(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, _) => false,
            (Self::OneOf(values), wide) => values.iter().all(|value| wide.holds(Some(&value.value()))),
            (Self::Between { from, to }, Self::Between { from: least, to: most }) => least <= from && to <= most,
            (Self::Within(root), Self::Within(wide)) => is_within(wide, root),
            (Self::Between { .. } | Self::Within(_), _) => false,
        }
    }

    /// Says in plain words what an argument may be, safe to look at: `service = "checkout"`.
    pub fn told_of(&self, argument: &str) -> String {
        let name = escape(argument, false);
        match self {
            Self::Any => format!("{name} = anything"),
            Self::OneOf(values) => {
                let values: Vec<String> = values.iter().map(|value| escape(value.as_str(), false)).collect();
                format!("{name} = {}", values.join(" or "))
            }
            Self::Between { from, to } => format!("{name} = {from} to {to}"),
            Self::Within(root) => format!("{name} = {} or below", escape(root, false)),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.told_of("it").trim_start_matches("it = "))
    }
}

/// Says whether a path has nothing in it that could lead out of it: no `.` or `..`, no empty name, no backslash, no control
/// character.
fn is_plain(path: &str) -> bool {
    let names = path.strip_prefix('/').unwrap_or(path);
    let is_name = |name: &str| !matches!(name, "" | "." | "..");
    names.split('/').all(is_name) && !path.contains(|c: char| c == '\\' || c.is_control())
}

fn is_within(root: &str, path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    is_plain(root) && is_plain(path) && path.strip_prefix(root).is_some_and(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn bound(value: Value) -> Bound {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn each_bound_holds_what_it_says_and_nothing_else() {
        let one = bound(json!({ "one_of": ["checkout", 5, {"b": 1, "a": 2}] }));
        let range = bound(json!({ "between": { "from": 1, "to": 5 } }));
        let path = bound(json!({ "within": "/srv/app" }));
        for (bound, value, expected) in [
            (&one, json!("checkout"), true),
            (&one, json!(5), true),
            (&one, json!({"a": 2, "b": 1}), true),
            (&one, json!("5"), false),
            (&one, json!("checkout "), false),
            (&one, json!(["checkout"]), false),
            (&range, json!(1), true),
            (&range, json!(5), true),
            (&range, json!(0), false),
            (&range, json!(6), false),
            (&range, json!(1.5), false),
            (&range, json!("3"), false),
            (&range, json!(null), false),
            (&path, json!("/srv/app"), true),
            (&path, json!("/srv/app/log/x"), true),
            (&path, json!("/srv/apple"), false),
            (&path, json!("/srv/app/../etc"), false),
            (&path, json!("/srv/app/./x"), false),
            (&path, json!("/srv/app//x"), false),
            (&path, json!("/srv/app/"), false),
            (&path, json!("/srv/app/a\\..\\b"), false),
            (&path, json!("/srv/app/a\u{0}"), false),
            (&path, json!("/srv"), false),
            (&path, json!(["/srv/app"]), false),
            (&Bound::Any, json!(null), true),
        ] {
            assert_eq!(bound.holds(Some(&value)), expected, "{bound} {value}");
        }
    }

    #[test]
    fn an_absent_argument_is_within_no_bound_but_any() {
        assert!(Bound::Any.holds(None));
        for bound in [Bound::exactly(&Value::Null), Bound::Between { from: 0, to: 0 }, Bound::Within("/".into())] {
            assert!(!bound.holds(None), "{bound}");
        }
    }

    #[test]
    fn a_bound_nothing_fits_is_not_sound() {
        for bound in [
            json!({ "one_of": [] }),
            json!({ "between": { "from": 2, "to": 1 } }),
            json!({ "within": "/srv/../etc" }),
            json!({ "within": "" }),
            json!({ "within": "/srv/" }),
        ] {
            assert!(!self::bound(bound.clone()).is_sound(), "{bound}");
        }
        assert!(bound(json!({ "within": "/srv" })).is_sound() && bound(json!("any")).is_sound());
    }

    #[test]
    fn unknown_bounds_are_refused() {
        for text in [json!({ "matches": ".*" }), json!("all"), json!({ "between": { "from": 1 } }), json!(null)] {
            assert!(serde_json::from_value::<Bound>(text.clone()).is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_told_in_plain_words_and_shows_no_tricks() {
        assert_eq!(Bound::exactly(&json!("checkout")).told_of("service"), r#"service = "checkout""#);
        assert_eq!(bound(json!({ "between": { "from": 1, "to": 5 } })).told_of("count"), "count = 1 to 5");
        assert_eq!(Bound::Any.told_of("note"), "note = anything");
        assert!(!Bound::exactly(&json!("a\u{202e}b")).told_of("x\u{1b}[2K").contains(['\u{202e}', '\u{1b}']));
    }

    fn any_bound() -> impl Strategy<Value = Bound> {
        let value = || prop_oneof![(-3i64..4).prop_map(|n| json!(n)), "(/[ab]){1,3}".prop_map(|s| json!(s))];
        prop_oneof![
            Just(Bound::Any),
            prop::collection::btree_set(value().prop_map(|v| Exact::of(&v)), 0..3).prop_map(Bound::OneOf),
            (-3i64..4, -3i64..4).prop_map(|(from, to)| Bound::Between { from, to }),
            "(/[ab.]{1,2}){1,2}".prop_map(Bound::Within),
        ]
    }

    proptest! {
        #[test]
        fn a_narrower_bound_holds_nothing_more(narrow in any_bound(), wide in any_bound(), n in -4i64..5, path in "(/[ab.]{1,2}){0,3}") {
            if narrow.is_no_wider_than(&wide) {
                for value in [json!(n), json!(path), json!(null)] {
                    prop_assert!(!narrow.holds(Some(&value)) || wide.holds(Some(&value)), "{} {} {}", narrow, wide, value);
                }
            }
            prop_assert!(narrow.is_no_wider_than(&Bound::Any));
            let again: Bound = crate::cbor::decode(&crate::cbor::encode(&narrow)).unwrap();
            prop_assert_eq!(&again, &narrow);
            prop_assert_eq!(bound(serde_json::to_value(&narrow).unwrap()), narrow);
        }
    }
}
