//! Holding a value against what is expected of it.

use serde_json::Value;
use types::check::{Expect, Look};
use types::reversal::{Known, filled};

use super::Seen;

/// Is what is expected, and what is known of the action.
pub type Wanted<'a> = (Option<&'a Expect>, Known<'a>);

/// Says whether a value is as expected; what is no number where one is bounded, or is not there, tells nothing.
pub fn meets(expect: &Expect, whole: &Value, known: Known<'_>) -> Seen {
    let Some(value) = whole.pointer(&expect.at) else {
        return Seen::nothing(&format!("there is nothing at `{}`", expect.at));
    };
    let shown = shown(value);
    if let Some(equals) = &expect.equals {
        return match filled(equals, known) {
            // What an agent leaves out must not decide how it is judged.
            Err(error) => Seen::of(Look::Bad, &format!("what it is compared with: {error}")),
            Ok(wanted) if is_same(&wanted, value) => Seen::of(Look::Good, &format!("it is {shown}")),
            Ok(wanted) => Seen::of(Look::Bad, &format!("it is {shown}, and not {}", self::shown(&wanted))),
        };
    }
    let Some(number) = value.as_f64().filter(|number| number.is_finite()) else {
        return Seen::nothing(&format!("it is {shown}, which is no number"));
    };
    let (most, least) = (expect.most.as_ref(), expect.least.as_ref());
    let over = most.filter(|most| most.as_f64().is_none_or(|most| number > most));
    let under = least.filter(|least| least.as_f64().is_none_or(|least| number < least));
    match (over, under) {
        (Some(most), _) => Seen::of(Look::Bad, &format!("it is {shown}, which is more than {most}")),
        (_, Some(least)) => Seen::of(Look::Bad, &format!("it is {shown}, which is less than {least}")),
        (None, None) => Seen::of(Look::Good, &format!("it is {shown}")),
    }
}

/// Shows a value as far as it cannot be secret: of texts and whatever holds some, no more than what they are.
fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Numbers are the same if they are worth the same, however they are written.
fn is_same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) if wanted.is_f64() || found.is_f64() => {
            wanted.as_f64() == found.as_f64()
        }
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;
    use types::{ActionId, Millis};

    use super::*;

    #[test]
    fn a_value_is_held_against_what_is_expected() {
        let action = ActionId::draw(Millis(1), [1; 10]);
        let arguments = json!({ "replicas": 3 });
        let known = Known { action: &action, arguments: &arguments, before: None };
        let look = |expect: Value, whole: &Value| {
            let expect: Expect = serde_json::from_value(expect).unwrap();
            meets(&expect, whole, known).look
        };
        let seen = json!({ "replicas": 3, "rate": 0.25, "name": "web", "none": null });
        for (expect, said) in [
            (json!({ "at": "/replicas", "equals": "$arguments/replicas" }), Look::Good),
            (json!({ "at": "/replicas", "equals": 4 }), Look::Bad),
            (json!({ "at": "/replicas", "equals": 3.0 }), Look::Good),
            (json!({ "at": "/replicas", "equals": "3" }), Look::Bad),
            (json!({ "at": "/name", "equals": "web" }), Look::Good),
            (json!({ "at": "/none", "equals": null }), Look::Nothing),
            (json!({ "at": "/away", "equals": 1 }), Look::Nothing),
            (json!({ "at": "/replicas", "equals": "$arguments/away" }), Look::Bad),
            (json!({ "at": "/rate", "most": 0.25 }), Look::Good),
            (json!({ "at": "/rate", "most": 0.2 }), Look::Bad),
            (json!({ "at": "/rate", "least": 0.3 }), Look::Bad),
            (json!({ "at": "/rate", "least": 0.1, "most": 1 }), Look::Good),
            (json!({ "at": "/name", "most": 1 }), Look::Nothing),
            (json!({ "at": "/none", "most": 1 }), Look::Nothing),
        ] {
            assert_eq!(look(expect.clone(), &seen), said, "{expect}");
        }
    }
}
