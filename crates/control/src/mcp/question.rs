//! What an upstream server asks of the client, as it is decided on: with its text, and bounded.

use serde_json::json;
use types::{Arguments, Code};

use crate::door::Refusal;
use crate::redaction::Redaction;

/// Is the longest question that is decided on and recorded whole, in bytes.
const WHOLE_BYTES_MAX: usize = 16 << 10;

/// Is how much of a longer one is, in bytes.
const PART_BYTES: usize = 8 << 10;

/// Are the members under which a longer one is decided on; no question may have one of that name itself.
const DIGEST: &str = "mcp:digest";
const TEXT: &str = "mcp:text";

/// Returns what is decided on: the params without metadata, and without what is secret in any call under way. Of a
/// question longer than 16 KiB it is the keyed digest of the text as it came (`mcp:digest`) and its first 8 KiB, redacted
/// by names (`mcp:text`).
///
/// # Errors
///
/// `arguments-invalid` for a question that has one of these two members itself, so that a short one never passes for a
/// long one. And what strict parsing refuses: a question that two readers understand differently is not put to anybody.
pub(super) fn decided_on(params: &str, redaction: &Redaction) -> Result<Arguments, Refusal> {
    let refuse = |error: types::JsonError| Refusal::plain(error.code(), error.to_string());
    let mut value = redaction.scrub(types::json::parse(params).map_err(refuse)?);
    if let Some(object) = value.as_object_mut() {
        object.remove("_meta");
    }
    if let Some(name) = [DIGEST, TEXT].into_iter().find(|name| value.get(name).is_some()) {
        return Err(Refusal::plain(Code::ArgumentsInvalid, format!("no member of a question may be called `{name}`")));
    }
    let whole = value.to_string();
    if whole.len() <= WHOLE_BYTES_MAX {
        return Arguments::parse(&whole, WHOLE_BYTES_MAX).map_err(refuse);
    }
    let whole = redaction.by_name(&Arguments::parse(&whole, usize::MAX).map_err(refuse)?).map_err(refuse)?;
    let whole = whole.canonical();
    let mut end = PART_BYTES.min(whole.len());
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    let part = whole.get(..end).unwrap_or_default();
    let bounded = json!({ DIGEST: redaction.tag(params).to_string(), TEXT: part });
    Arguments::parse(&bounded.to_string(), usize::MAX).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction() -> Redaction {
        Redaction::new(evidence::TenantKey::from_bytes([7; 32]).redaction("log"))
    }

    fn asked(params: &str) -> Result<Arguments, Refusal> {
        decided_on(params, &redaction())
    }

    #[test]
    fn a_question_is_decided_on_with_its_text() {
        let arguments = asked(r#"{"message":"your password?","_meta":{"progressToken":1}}"#).unwrap();
        assert_eq!(arguments.canonical(), r#"{"message":"your password?"}"#);
    }

    #[test]
    fn a_long_question_is_bound_by_its_digest() {
        let params = format!(r#"{{"message":"{}"}}"#, "ä".repeat(20_000));
        let arguments = asked(&params).unwrap();
        assert_eq!(arguments.at("/mcp:digest"), Some(&json!(redaction().tag(&params).to_string())));
        assert!(arguments.at("/mcp:text").unwrap().as_str().unwrap().starts_with("{\"message\":\"ää"));
        assert!(arguments.canonical().len() < WHOLE_BYTES_MAX + 256);
        let other = params.replace("ä\"", "b\"");
        assert_ne!(asked(&other).unwrap().canonical(), arguments.canonical());
    }

    #[test]
    fn a_question_that_readers_disagree_about_is_refused() {
        assert!(asked(r#"{"message":"a","message":"b"}"#).is_err());
        assert!(asked("[]").is_err());
    }

    #[test]
    fn a_short_question_does_not_pass_for_a_long_one() {
        let long = asked(&format!(r#"{{"message":"{}"}}"#, "a".repeat(20_000))).unwrap();
        let forged = [long.canonical(), r#"{"mcp:digest":"x"}"#, r#"{"mcp:text":"x"}"#];
        for params in forged {
            assert_eq!(asked(params).unwrap_err().code, Code::ArgumentsInvalid, "{params}");
        }
    }
}
