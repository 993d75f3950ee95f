//! Spans as they come: what is read, and where reading ends.

use countersign_models::Given;
use countersign_models::otlp::{self, OtlpError, Status};
use countersign_models::spans;

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut out = vec![number << 3 | 2];
    while length > 127 {
        out.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

fn request(spans: &[u8]) -> Vec<u8> {
    field(1, &field(2, spans))
}

fn ids() -> Vec<u8> {
    [field(1, &[1; 16]), field(2, &[2; 8])].concat()
}

/// Makes a span with one attribute, whose value is this message.
fn with_value(value: &[u8]) -> Vec<u8> {
    let pair = [field(1, b"k"), field(2, value)].concat();
    request(&field(2, &[ids(), field(9, &pair)].concat()))
}

#[test]
fn values_are_read_in_every_form() {
    let float = |value: f64| [&[4 << 3 | 1], value.to_le_bytes().as_slice()].concat();
    let minus_one = [&[3 << 3], [0xff; 9].as_slice(), &[1]].concat();
    let text = |text: &str| Given::Text(text.to_owned());
    for (value, expected) in [
        (vec![], Given::Null),
        (field(1, "é".as_bytes()), text("é")),
        (vec![2 << 3, 1], Given::Bool(true)),
        (minus_one, Given::Integer("-1".to_owned())),
        (float(1.0), Given::Float("1.0".to_owned())),
        (float(1e-9), Given::Float("1e-09".to_owned())),
        (float(f64::NAN), Given::Float("NaN".to_owned())),
        (field(7, b"\x00'"), text("b\"\\x00'\"")),
        (field(5, &field(1, &field(1, b"a"))), Given::List(vec![text("a")])),
        (field(6, &field(1, &field(1, b"m"))), Given::Map(vec![("m".to_owned(), Given::Null)])),
    ] {
        let read = otlp::read_protobuf(&with_value(&value)).unwrap();
        assert_eq!(read[0].attributes, [("k".to_owned(), expected)]);
    }
}

#[test]
fn what_is_no_request_is_refused() {
    for (bytes, expected) in [
        (vec![], OtlpError::Empty),
        (vec![0x0a], OtlpError::Malformed),
        (request(&field(2, &field(1, &[1; 16]))), OtlpError::Span),
        (request(&field(2, &[field(1, &[1; 15]), field(2, &[2; 8])].concat())), OtlpError::Span),
        (request(&field(2, &[ids(), field(5, &[0xff])].concat())), OtlpError::Malformed),
        (request(&field(2, &[ids(), vec![7 << 3 | 1], vec![0xff; 8]].concat())), OtlpError::Span),
    ] {
        assert_eq!(otlp::read_protobuf(&bytes), Err(expected), "{bytes:?}");
    }
    assert_eq!(otlp::read_protobuf(&field(1, &[])), Ok(Vec::new()));
    for (json, expected) in [("{}", OtlpError::Empty), ("[]", OtlpError::Malformed), ("", OtlpError::Malformed)] {
        assert_eq!(otlp::read_json(json), Err(expected), "{json}");
    }
}

#[test]
fn reading_ends_at_its_bounds() {
    let nested = |levels: usize| (0..levels).fold(Vec::new(), |value, _| field(5, &field(1, &value)));
    assert!(otlp::read_protobuf(&with_value(&nested(otlp::DEPTH_MAX - 1))).is_ok());
    assert_eq!(otlp::read_protobuf(&with_value(&nested(otlp::DEPTH_MAX))), Err(OtlpError::TooDeep));
    // An empty span and an empty value take two bytes each, and much more where they are read.
    let spans = |count| request(&field(2, &ids()).repeat(count));
    assert_eq!(otlp::read_protobuf(&spans(otlp::SPANS_MAX)).map(|spans| spans.len()), Ok(otlp::SPANS_MAX));
    assert_eq!(otlp::read_protobuf(&spans(otlp::SPANS_MAX + 1)), Err(OtlpError::TooManySpans));
    // The scope and the list count too.
    let values = |count| with_value(&field(5, &field(1, &[]).repeat(count)));
    assert!(otlp::read_protobuf(&values(otlp::VALUES_MAX - 2)).is_ok());
    assert_eq!(otlp::read_protobuf(&values(otlp::VALUES_MAX - 1)), Err(OtlpError::TooManyValues));
}

#[test]
fn a_span_is_kept_as_mlflow_writes_it() {
    let json = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "000000000000000000000000000000ab", "spanId": "0000000000000001", "name": "é", "startTimeUnixNano": 5,
        "status": {"code": "STATUS_CODE_ERROR", "message": "m"},
        "attributes": [
            {"key": "n", "value": {"intValue": "5"}}, {"key": "t", "value": {"stringValue": "a\"b"}},
            {"key": "j", "value": {"stringValue": "{\"a\":1}"}}, {"key": "d", "value": {"stringValue": "5"}}, {"key": "n", "value": {"boolValue": true}}
        ],
        "links": [{"traceId": "000000000000000000000000000000cd", "spanId": "0000000000000002"}]
    }]}]}]}"#;
    let read = otlp::read_json(json).unwrap();
    assert_eq!((read[0].status, read[0].ended), (Status::Error, None));
    let expected = r#"{"trace_id": "AAAAAAAAAAAAAAAAAAAAqw==", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, "name": "é", "start_time_unix_nano": 5, "end_time_unix_nano": 0, "events": [], "status": {"code": "STATUS_CODE_ERROR", "message": "m"}, "attributes": {"n": "true", "t": "\"a\\\"b\"", "j": "{\"a\":1}", "d": "\"5\"", "mlflow.traceRequestId": "\"tr-000000000000000000000000000000ab\""}, "links": [{"trace_id": "tr-000000000000000000000000000000cd", "span_id": "0000000000000002", "attributes": null}]}"#;
    assert_eq!(spans::kept(&read[0]).content, expected);
}
