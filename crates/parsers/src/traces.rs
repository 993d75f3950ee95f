//! Spans and searches of traces.

use models::otlp::{self, Span};
use models::search::{Noun, write};
use models::{Given, order, spans};

/// Spans, as protobuf and as JSON: no more are read than are taken, and what is kept of each can be read again, every attribute included.
pub fn otlp(bytes: &[u8]) {
    check(otlp::read_protobuf(bytes).unwrap_or_default());
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(otlp::read_json(text).unwrap_or_default());
    }
}

fn check(read: Vec<Span>) {
    assert!(read.len() <= otlp::SPANS_MAX);
    for span in read {
        assert!(span.attributes.len() <= otlp::ATTRIBUTES_MAX);
        let kept = spans::kept(&span);
        let content = Given::read(&kept.content).expect("what is kept is JSON");
        assert_eq!(content.member("name"), Some(&Given::Text(span.name.clone())));
        let Some(Given::Map(attributes)) = content.member("attributes") else { panic!("a span has attributes") };
        for (key, value) in attributes {
            let Given::Text(json) = value else { panic!("{key} is a text") };
            assert!(Given::read(json).is_some(), "{key}: {json}");
        }
        assert!(kept.request.is_none_or(|shown| shown.chars().count() <= spans::PREVIEW_MAX));
        assert!(spans::resource_tags(&span.resource).iter().all(|(key, _)| !key.starts_with("mlflow.")));
    }
}

/// Filters and orders of traces: what is read and written reads the same.
pub fn trace_filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = order::traces(&[text]);
    let Ok(clauses) = Noun::Traces.filter(text) else { return };
    if let Some(written) = write(Noun::Traces, &clauses) {
        assert_eq!(Noun::Traces.filter(&written), Ok(clauses), "{written}");
    }
}
