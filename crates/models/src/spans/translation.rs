//! What other conventions call by other names.
//!
//! Three conventions are known: OpenInference, the one of OpenTelemetry for generative models, and OpenLLMetry. What they say is added under
//! the names that MLflow's clients look for; nothing is taken away.

use super::{INPUTS, KIND, OUTPUTS, TOKENS, Texts, holds, integer, named};
use crate::Given;

const MODEL: &str = "mlflow.llm.model";
const PROVIDER: &str = "mlflow.llm.provider";
const TOOLS: &str = "mlflow.chat.tools";

/// Is a convention: under which names it has what.
struct Convention {
    kind: &'static str,
    kinds: &'static [(&'static str, &'static str)],
    /// Input, output and total.
    tokens: [Option<&'static str>; 3],
    /// Read from a cache and written to one; under the first name that is there.
    cached: [&'static [&'static str]; 2],
    /// A `#` stands for digits; such a name may go on.
    inputs: &'static [&'static str],
    outputs: &'static [&'static str],
    models: &'static [&'static str],
    provider: &'static str,
    tools: &'static [&'static str],
}

const CONVENTIONS: [Convention; 3] = [
    Convention {
        kind: "openinference.span.kind",
        kinds: &[
            ("TOOL", "TOOL"),
            ("CHAIN", "CHAIN"),
            ("LLM", "LLM"),
            ("RETRIEVER", "RETRIEVER"),
            ("EMBEDDING", "EMBEDDING"),
            ("AGENT", "AGENT"),
            ("RERANKER", "RERANKER"),
            ("UNKNOWN", "UNKNOWN"),
            ("GUARDRAIL", "GUARDRAIL"),
            ("EVALUATOR", "EVALUATOR"),
        ],
        tokens: [Some("llm.token_count.prompt"), Some("llm.token_count.completion"), Some("llm.token_count.total")],
        cached: [&["llm.token_count.prompt_details.cache_read"], &["llm.token_count.prompt_details.cache_write"]],
        inputs: &["input.value"],
        outputs: &["output.value"],
        models: &["llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name"],
        provider: "llm.provider",
        tools: &[],
    },
    Convention {
        kind: "gen_ai.operation.name",
        kinds: &[
            ("chat", "CHAT_MODEL"),
            ("create_agent", "AGENT"),
            ("embeddings", "EMBEDDING"),
            ("execute_tool", "TOOL"),
            ("generate_content", "LLM"),
            ("invoke_agent", "AGENT"),
            ("text_completion", "LLM"),
            ("response", "LLM"),
        ],
        tokens: [Some("gen_ai.usage.input_tokens"), Some("gen_ai.usage.output_tokens"), None],
        cached: [
            &["gen_ai.usage.cache_read.input_tokens"],
            &["gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"],
        ],
        inputs: &["gen_ai.input.messages", "gen_ai.tool.call.arguments"],
        outputs: &["gen_ai.output.messages", "gen_ai.tool.call.result"],
        models: &["gen_ai.response.model", "gen_ai.request.model"],
        provider: "gen_ai.provider.name",
        tools: &["gen_ai.tool.definitions"],
    },
    Convention {
        kind: "traceloop.span.kind",
        kinds: &[
            ("workflow", "WORKFLOW"),
            ("task", "TASK"),
            ("agent", "AGENT"),
            ("tool", "TOOL"),
            ("unknown", "UNKNOWN"),
        ],
        tokens: [
            Some("gen_ai.usage.prompt_tokens"),
            Some("gen_ai.usage.completion_tokens"),
            Some("llm.usage.total_tokens"),
        ],
        cached: [&[], &[]],
        inputs: &["traceloop.entity.input", "gen_ai.prompt.#.content", "gen_ai.completion.#.tool_calls.#.arguments"],
        outputs: &["traceloop.entity.output", "gen_ai.completion.#.content"],
        models: &[],
        provider: "gen_ai.system",
        tools: &[],
    },
];

/// Adds what other conventions say, where the names of MLflow have nothing.
pub(super) fn complete(texts: &mut Texts) {
    complete_kind(texts);
    let first = |texts: &Texts, keys: fn(&Convention) -> &'static [&'static str]| {
        CONVENTIONS.iter().find_map(|convention| found(texts, keys(convention)).map(str::to_owned))
    };
    let inputs = first(texts, |convention| convention.inputs);
    texts.complete(INPUTS, inputs);
    let outputs = first(texts, |convention| convention.outputs);
    texts.complete(OUTPUTS, outputs);
    let tokens = CONVENTIONS.iter().find_map(|convention| tokens(texts, convention));
    texts.complete(TOKENS, tokens.map(|tokens| tokens.dumped()));
    let tools = first(texts, |convention| convention.tools);
    texts.complete(TOOLS, tools);
    let model = first(texts, |convention| convention.models).map(|model| decoded(&model)).or_else(|| spoken_to(texts));
    texts.complete(MODEL, model);
    let provider = CONVENTIONS.iter().find_map(|convention| found(texts, &[convention.provider])).map(decoded);
    texts.complete(PROVIDER, provider);
}

/// Sets the kind of a span, unless its sender did.
fn complete_kind(texts: &mut Texts) {
    let is_open = texts.shown(KIND).is_none_or(|kind| matches!(kind.as_str(), "" | "null" | "UNKNOWN"));
    let kind = CONVENTIONS.iter().find_map(|convention| {
        let said = texts.shown(convention.kind)?;
        convention.kinds.iter().find(|(known, _)| *known == said).map(|(_, kind)| *kind)
    });
    if let Some(kind) = kind.filter(|_| is_open) {
        texts.set(KIND, Given::Text(kind.to_owned()).dumped());
    }
}

/// Returns the first of several attributes that holds something.
fn found<'a>(texts: &'a Texts, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| {
        let mut all = texts.0.iter().filter(|(known, value)| is_named(known, key) && holds(value));
        all.next().map(|(_, value)| value.as_str())
    })
}

/// Says whether an attribute has a name, in which a `#` stands for digits.
fn is_named(known: &str, name: &str) -> bool {
    if !name.contains('#') {
        return known == name;
    }
    let mut rest = known;
    for (n, part) in name.split('#').enumerate() {
        if n > 0 {
            let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if behind.len() == rest.len() {
                return false;
            }
            rest = behind;
        }
        let Some(behind) = rest.strip_prefix(part) else { return false };
        rest = behind;
    }
    true
}

fn tokens(texts: &Texts, convention: &Convention) -> Option<Given> {
    let read = |key: &str| texts.get(key).and_then(integer);
    let [input, output, total] = convention.tokens.map(|key| key.and_then(read));
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    let sum = || match (&input, &output) {
        (Some(Given::Integer(a)), Some(Given::Integer(b))) => sum(a, b),
        _ => None,
    };
    let total = total.or_else(sum);
    let [cache_read, cache_written] = convention.cached.map(|keys| keys.iter().find_map(|key| read(key)));
    let all = named([
        ("input_tokens", input.unwrap_or(Given::Null)),
        ("output_tokens", output.unwrap_or(Given::Null)),
        ("total_tokens", total.unwrap_or(Given::Null)),
        ("cache_read_input_tokens", cache_read.unwrap_or(Given::Null)),
        ("cache_creation_input_tokens", cache_written.unwrap_or(Given::Null)),
    ]);
    let Given::Map(members) = all else { return None };
    Some(Given::Map(members.into_iter().filter(|(_, value)| *value != Given::Null).collect()))
}

/// Adds two numbers, unless that is more than anybody counts.
fn sum(a: &str, b: &str) -> Option<Given> {
    let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
    Some(Given::Integer(a.checked_add(b)?.to_string()))
}

/// Writes what is JSON once as JSON once, and what is none as a text.
fn decoded(text: &str) -> String {
    Given::read(text).unwrap_or_else(|| Given::Text(text.to_owned())).dumped()
}

/// Returns the model that what was asked or answered names.
fn spoken_to(texts: &Texts) -> Option<String> {
    let named = |key: &str| match texts.object(key)?.member("model")? {
        Given::Text(model) if !model.is_empty() => Some(Given::Text(model.clone()).dumped()),
        _ => None,
    };
    named(INPUTS).or_else(|| named(OUTPUTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(attributes: &[(&str, &str)]) -> Texts {
        let mut texts = Texts::default();
        attributes.iter().for_each(|(key, value)| texts.set(key, (*value).to_owned()));
        complete(&mut texts);
        texts
    }

    #[test]
    fn what_other_conventions_say_is_added_and_never_put_over_what_is_there() {
        let texts = completed(&[
            ("gen_ai.operation.name", "\"chat\""),
            ("gen_ai.usage.input_tokens", "7"),
            ("gen_ai.usage.output_tokens", "\"5\""),
            ("gen_ai.request.model", "\"m\""),
            ("gen_ai.input.messages", "[1]"),
            ("gen_ai.output.messages", "[]"),
            (KIND, "\"UNKNOWN\""),
        ]);
        assert_eq!(texts.get(KIND), Some("\"CHAT_MODEL\""));
        assert_eq!(texts.get(TOKENS), Some("{\"input_tokens\": 7, \"output_tokens\": 5, \"total_tokens\": 12}"));
        assert_eq!((texts.get(MODEL), texts.get(INPUTS), texts.get(OUTPUTS)), (Some("\"m\""), Some("[1]"), None));
        let texts = completed(&[
            (KIND, "\"TOOL\""),
            ("openinference.span.kind", "\"LLM\""),
            (INPUTS, "1"),
            ("input.value", "2"),
        ]);
        assert_eq!((texts.get(KIND), texts.get(INPUTS)), (Some("\"TOOL\""), Some("1")));
    }

    #[test]
    fn a_sign_stands_for_digits() {
        for (known, is) in [
            ("gen_ai.prompt.0.content", true),
            ("gen_ai.prompt.12.contents", true),
            ("gen_ai.prompt..content", false),
            ("gen_ai.prompt.a.content", false),
            ("gen_ai.prompt.1.role", false),
        ] {
            assert_eq!(is_named(known, "gen_ai.prompt.#.content"), is, "{known}");
        }
    }
}
