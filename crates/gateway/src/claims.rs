//! What an agent says of itself: read from a call, taken out of it, and asked for in tool schemas.

use serde_json::Value;
use types::Claims;

use crate::raw::RawObject;

/// Names the argument the gateway adds to tools and takes out of calls.
pub(crate) const ARGUMENT: &str = "_countersign";

const PREFIX: &str = "countersign.dev/";

const SCHEMA: &str = r#"{"type":"object","description":"Say what this call is for, how sure you are and how you got there. It can only tighten the decision.","properties":{"purpose":{"type":"string"},"confidence":{"type":"number","minimum":0,"maximum":1},"reasoning":{"type":"string"}}}"#;

/// Takes the claims out of the arguments and `_meta` of a call, and says whether either changed.
pub(crate) fn take(arguments: &mut RawObject, meta: &mut RawObject) -> (Claims, bool) {
    let from_meta = read(|name| meta.get(&format!("{PREFIX}{name}")).map(str::to_owned));
    let said = arguments.remove(ARGUMENT);
    let object = said.as_deref().and_then(RawObject::parse).unwrap_or_default();
    let from_argument = read(|name| object.get(name).map(str::to_owned));
    let stripped = meta.retain(|key| !key.starts_with(PREFIX));
    (join(from_argument, from_meta), stripped || said.is_some())
}

fn read(member: impl Fn(&str) -> Option<String>) -> Claims {
    let text = |name: &str| member(name).and_then(|json| serde_json::from_str::<String>(&json).ok());
    Claims {
        purpose: text("purpose"),
        confidence_bp: member("confidence").map(|json| basis_points(&json)),
        reasoning: text("reasoning"),
        prompt_digest: text("promptDigest"),
    }
}

/// Joins what was said twice; of two confidences the lower counts.
fn join(first: Claims, second: Claims) -> Claims {
    let confidence_bp = [first.confidence_bp, second.confidence_bp].into_iter().flatten().min();
    Claims {
        purpose: first.purpose.or(second.purpose),
        confidence_bp,
        reasoning: first.reasoning.or(second.reasoning),
        prompt_digest: first.prompt_digest.or(second.prompt_digest),
    }
}

/// Turns a confidence of 0 to 1 into basis points; anything else is none at all, so that it only tightens.
fn basis_points(json: &str) -> u32 {
    let number = serde_json::from_str::<Value>(json).ok().and_then(|value| value.as_f64());
    match number {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        Some(number) if (0.0..=1.0).contains(&number) => (number * 10_000.0 + 1e-6).floor() as u32,
        _ => 0,
    }
}

/// Adds the optional argument to the input schema of one tool; everything else keeps its bytes.
pub(crate) fn annotate(tool: &str) -> String {
    let Some(mut object) = RawObject::parse(tool) else { return tool.to_owned() };
    let Some(mut schema) = object.object("inputSchema") else { return tool.to_owned() };
    let mut properties = match schema.get("properties") {
        Some(text) => match RawObject::parse(text) {
            Some(properties) => properties,
            None => return tool.to_owned(),
        },
        None => RawObject::default(),
    };
    properties.set(ARGUMENT, SCHEMA);
    schema.set("properties", &properties.text());
    object.set("inputSchema", &schema.text());
    object.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_out_of_range_counts_as_none() {
        for (json, bp) in [("0.87", 8700), ("0", 0), ("1", 10_000), ("1.01", 0), ("-0.1", 0), ("\"1\"", 0), ("null", 0)]
        {
            assert_eq!(basis_points(json), bp, "{json}");
        }
    }

    #[test]
    fn claims_leave_the_call() {
        let mut arguments = RawObject::parse(r#"{"a":1.0,"_countersign":{"purpose":"p","confidence":0.9}}"#).unwrap();
        let mut meta =
            RawObject::parse(r#"{"countersign.dev/confidence":0.4,"countersign.dev/promptDigest":"d","x":1}"#).unwrap();
        let (claims, changed) = take(&mut arguments, &mut meta);
        assert!(changed);
        assert_eq!((arguments.text(), meta.text()), (r#"{"a":1.0}"#.to_owned(), r#"{"x":1}"#.to_owned()));
        assert_eq!(claims.purpose.as_deref(), Some("p"));
        assert_eq!((claims.confidence_bp, claims.prompt_digest.as_deref()), (Some(4000), Some("d")));
    }

    #[test]
    fn a_schema_gains_one_property_and_keeps_the_rest() {
        let tool = r#"{"name":"t","inputSchema":{"type":"object","properties":{"a":{"minimum": 1.0}},"x":1}}"#;
        let annotated = annotate(tool);
        assert!(annotated.starts_with(
            r#"{"name":"t","inputSchema":{"type":"object","properties":{"a":{"minimum": 1.0},"_countersign":"#
        ));
        assert!(annotated.ends_with(r#","x":1}}"#));
        assert_eq!(annotate(r#"{"name":"t"}"#), r#"{"name":"t"}"#);
    }
}
