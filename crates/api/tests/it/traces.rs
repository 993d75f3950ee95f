//! Traces: what is kept of spans, and what bounds them. What MLflow's own server answers is compared in `acceptance/mlflow.sh`.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::call::{Answer, Api};

const V2: &str = "/api/2.0/mlflow/traces";
const V3: &str = "/api/3.0/mlflow/traces";

/// Returns the id of a trace.
fn id(n: u32) -> String {
    format!("tr-{n:032x}")
}

fn span(trace: u32, id: u32, parent: Option<u32>) -> Value {
    let mut span = json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{id:016x}"),
        "name": format!("span {id}"),
        "startTimeUnixNano": "1744706958699000000",
        "endTimeUnixNano": "1744706959699000000",
        "status": { "code": 1 },
        "attributes": [{ "key": "step", "value": { "intValue": id.to_string() } }],
    });
    if let Some(parent) = parent {
        span["parentSpanId"] = json!(format!("{parent:016x}"));
    }
    span
}

fn spans(spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] })
}

/// Makes a request as an exporter does.
fn exported(api: &Api, kind: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Body> {
    let mut request = Request::post("/v1/traces")
        .header(header::HOST, "127.0.0.1:7717")
        .header(header::AUTHORIZATION, format!("Bearer {}", api.world.token("sre-bot")))
        .header(header::CONTENT_TYPE, kind)
        .header("x-mlflow-experiment-id", "0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

async fn export(api: &Api, body: &Value) -> Answer {
    api.send(exported(api, "application/json", &[], body.to_string().into_bytes())).await
}

async fn whole(api: &Api, n: u32) -> Answer {
    api.get("dan", &format!("{V3}/get?trace_id={}", id(n))).await
}

fn refused(answer: Answer, status: u16, code: &str) -> String {
    let body = answer.is(status);
    assert_eq!(body["error_code"], code, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut out = vec![number << 3 | 2];
    while length > 127 {
        out.push(length as u8 & 127 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

#[tokio::test]
async fn what_exporters_send_is_there_after_a_restart() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 2, Some(1)), span(1, 1, None)])).await.is(200);
    let before = whole(&api, 1).await.is(200);
    let names: Vec<&str> =
        before["trace"]["spans"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["span 1", "span 2"], "the root comes first");
    assert_eq!(before["trace"]["trace_info"]["state"], "OK");
    assert_eq!(before["trace"]["spans"][1]["attributes"][0], json!({ "key": "step", "value": { "int_value": 2 } }));
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    assert_eq!(whole(&api, 1).await.is(200), before);
}

#[tokio::test]
async fn protobuf_and_json_say_the_same() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None)])).await.is(200);
    let instant = |number: u8, at: u64| [&[number << 3 | 1], at.to_le_bytes().as_slice()].concat();
    let value = field(2, &[3 << 3, 1]);
    let packed = [
        field(1, &1_u128.to_be_bytes()),
        field(2, &1_u64.to_be_bytes()),
        field(5, b"span 1"),
        instant(7, 1_744_706_958_699_000_000),
        instant(8, 1_744_706_959_699_000_000),
        field(9, &[field(1, b"step"), value].concat()),
        field(15, &[3 << 3, 1]),
    ];
    let json = whole(&api, 1).await.is(200);
    let request = field(1, &field(2, &field(2, &packed.concat())));
    // The same span again takes the place of the first.
    api.send(exported(&api, "application/x-protobuf", &[], request)).await.is(200);
    assert_eq!(whole(&api, 1).await.is(200), json);
}

#[tokio::test]
async fn spans_are_kept_all_or_none() {
    let api = Api::new().await;
    let mut wrong = span(2, 2, None);
    wrong["spanId"] = json!("01");
    let answer = export(&api, &spans(&[span(1, 1, None), wrong])).await;
    assert_eq!(answer.is(422)["detail"], "Cannot convert OpenTelemetry span to MLflow span");
    whole(&api, 1).await.is(404);
    let mut long = span(2, 2, None);
    long["attributes"] = json!([{ "key": "session.id", "value": { "stringValue": "s".repeat(251) } }]);
    let said = refused(export(&api, &spans(&[span(1, 1, None), long])).await, 400, "INVALID_PARAMETER_VALUE");
    assert_eq!(said, "'Session ID' exceeds the maximum length of 250 characters");
    whole(&api, 1).await.is(404);
}

#[tokio::test]
async fn what_is_sent_is_bounded() {
    let api = Api::new().await;
    let many = |count: u32, of: &dyn Fn(u32) -> Value| spans(&(1..=count).map(of).collect::<Vec<_>>());
    let attributes = |count: u32| {
        let mut span = span(1, 1, None);
        span["attributes"] = (0..count).map(|n| json!({ "key": format!("k{n}"), "value": {} })).collect();
        spans(&[span])
    };
    let deep = |levels: u32| {
        let nested = (0..levels).fold(json!({}), |value, _| json!({ "arrayValue": { "values": [value] } }));
        let mut span = span(1, 1, None);
        span["attributes"] = json!([{ "key": "deep", "value": nested }]);
        spans(&[span])
    };
    for (body, status, said) in [
        (many(10_001, &|n| span(1, n, None)), 413, "at most 10000 spans are taken at once"),
        (many(1_001, &|n| span(n, 1, None)), 400, "Spans of at most 1000 traces are taken at once."),
        (attributes(1_025), 413, "a span has at most 1024 attributes, and what sent it 128"),
        (deep(32), 413, "a value of an attribute may nest at most 32 levels deep"),
    ] {
        assert_eq!(refused(export(&api, &body).await, status, "INVALID_PARAMETER_VALUE"), said);
        whole(&api, 1).await.is(404);
    }
    export(&api, &attributes(1_024)).await.is(200);
    export(&api, &deep(31)).await.is(200);
    export(&api, &many(10_000, &|n| span(2, n, None))).await.is(200);
    let said = refused(export(&api, &spans(&[span(2, 10_001, None)])).await, 400, "INVALID_PARAMETER_VALUE");
    assert_eq!(said, "A trace has at most 10000 spans.");
    assert_eq!(whole(&api, 2).await.is(200)["trace"]["spans"].as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_large_one_is_refused() {
    use std::io::Write as _;
    let api = Api::new().await;
    let packed = |size: usize| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&vec![b' '; size]).unwrap();
        packer.finish().unwrap()
    };
    let send =
        async |size| api.send(exported(&api, "application/json", &[("content-encoding", "gzip")], packed(size))).await;
    refused(send((32 << 20) + 1).await, 413, "INVALID_PARAMETER_VALUE");
    assert_eq!(send(1 << 10).await.is(400)["detail"], "Invalid OpenTelemetry format");
    let large = exported(&api, "application/json", &[], vec![b' '; (16 << 20) + 1]);
    refused(api.send(large).await, 400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_looks_like_a_query_is_a_value() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None)])).await.is(200);
    let evil = "x'; DROP TABLE trace; --";
    let tag = json!({ "key": "evil", "value": evil });
    api.call("dan", "PATCH", &format!("{V2}/{}/tags", id(1)), Some(tag)).await.is(200);
    let locations = json!([{ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } }]);
    for (filter, found) in [
        (format!("tags.evil = \"{evil}\""), 1),
        ("tags.`x' OR 1=1 --` = 'a'".to_owned(), 0),
        ("span.attributes.`x' OR 1=1 --` LIKE '%'".to_owned(), 0),
        ("feedback.`x' OR 1=1 --` IS NOT NULL".to_owned(), 0),
        ("span.attributes.step LIKE '%1%'".to_owned(), 1),
    ] {
        let wish = json!({ "locations": locations, "filter": filter });
        let answer = api.post("dan", &format!("{V3}/search"), wish).await.is(200);
        assert_eq!(answer["traces"].as_array().map_or(0, Vec::len), found, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_finds_one_span_for_all_that_it_says_of_spans() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None), span(1, 2, Some(1))])).await.is(200);
    let locations = json!([{ "mlflow_experiment": { "experiment_id": "0" } }]);
    for (filter, found) in [
        ("span.name = 'span 2' AND span.attributes.step LIKE '%2%'", 1),
        ("span.name = 'span 1' AND span.attributes.step LIKE '%2%'", 0),
    ] {
        let wish = json!({ "locations": locations, "filter": filter });
        let answer = api.post("dan", &format!("{V3}/search"), wish).await.is(200);
        assert_eq!(answer["traces"].as_array().map_or(0, Vec::len), found, "{filter}");
    }
}

#[tokio::test]
async fn the_servers_own_tags_are_nobody_elses() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None)])).await.is(200);
    for key in ["mlflow.trace.spansLocation", "mlflow.trace.archiveLocation"] {
        let path = format!("{V2}/{}/tags", id(1));
        let said = refused(
            api.call("dan", "PATCH", &path, Some(json!({ "key": key, "value": "elsewhere" }))).await,
            400,
            "INVALID_PARAMETER_VALUE",
        );
        assert_eq!(said, format!("Tag '{key}' is immutable and cannot be set on a trace."));
    }
    // What sends spans cannot set them either.
    let resource = json!({ "attributes": [
        { "key": "mlflow.trace.spansLocation", "value": { "stringValue": "elsewhere" } },
        { "key": "service.name", "value": { "stringValue": "svc" } },
    ] });
    let mut body = spans(&[span(1, 2, Some(1))]);
    body["resourceSpans"][0]["resource"] = resource;
    export(&api, &body).await.is(200);
    let tags = &whole(&api, 1).await.is(200)["trace"]["trace_info"]["tags"];
    assert_eq!((&tags["mlflow.trace.spansLocation"], &tags["service.name"]), (&json!("TRACKING_STORE"), &json!("svc")));
}

#[tokio::test]
async fn an_assessment_that_takes_anothers_place_gives_it_back() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None)])).await.is(200);
    let path = format!("{V3}/{}/assessments", id(1));
    let say = async |more: Value| {
        let mut wish = json!({ "assessment_name": "good", "source": { "source_type": "HUMAN" } });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.post("dan", &path, json!({ "assessment": wish })).await.is(200)["assessment"]["assessment_id"].clone()
    };
    let first = say(json!({ "feedback": { "value": true } })).await;
    let second = say(json!({ "feedback": { "value": false }, "overrides": first })).await;
    let valid = async || {
        api.get("dan", &format!("{path}/{}", first.as_str().unwrap())).await.is(200)["assessment"]["valid"].clone()
    };
    assert_eq!(valid().await, false);
    // What counts no longer is not found.
    let found = async |value: &str| {
        let locations = json!([{ "mlflow_experiment": { "experiment_id": "0" } }]);
        let wish = json!({ "locations": locations, "filter": format!("feedback.good = '{value}'") });
        api.post("dan", &format!("{V3}/search"), wish).await.is(200)["traces"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((found("true").await, found("false").await), (0, 1));
    api.call("dan", "DELETE", &format!("{path}/{}", second.as_str().unwrap()), None).await.is(200);
    assert_eq!(valid().await, true);
}

#[tokio::test]
async fn a_trace_that_is_deleted_leaves_nothing() {
    let api = Api::new().await;
    export(&api, &spans(&[span(1, 1, None), span(2, 1, None)])).await.is(200);
    let wish = json!({ "experiment_id": "0", "request_ids": [id(1), "nobody"] });
    assert_eq!(api.post("dan", &format!("{V2}/delete-traces"), wish).await.is(200)["traces_deleted"], 1);
    whole(&api, 1).await.is(404);
    whole(&api, 2).await.is(200);
    let locations = json!([{ "mlflow_experiment": { "experiment_id": "0" } }]);
    let wish = json!({ "locations": locations, "filter": "span.name = 'span 1'" });
    let found = api.post("dan", &format!("{V3}/search"), wish).await.is(200);
    assert_eq!(found["traces"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_said_of_a_trace_is_bounded() {
    let api = Api::new().await;
    let judged =
        |n: usize| json!({ "assessment_id": format!("a-{n}"), "assessment_name": "x", "feedback": { "value": 1 } });
    let start = async |more: Value| {
        let mut info = json!({
            "trace_id": id(1),
            "trace_location": { "mlflow_experiment": { "experiment_id": "0" } },
            "request_time": "2025-04-15T08:49:18Z",
        });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.post("dan", V3, json!({ "trace": { "trace_info": info } })).await
    };
    let assessments = |count: usize| json!({ "assessments": (0..count).map(judged).collect::<Vec<_>>() });
    let texts = |count: usize| (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    for (more, said) in [
        (assessments(1_001), "A trace is made with at most 1000 assessments, not 1001."),
        (json!({ "tags": texts(1_001) }), "A trace is made with at most 1000 tags, not 1001."),
        (json!({ "trace_metadata": texts(1_001) }), "A trace is made with at most 1000 metadata, not 1001."),
        (json!({ "request_preview": "p".repeat(10_001) }), "A preview has at most 10000 characters."),
        (
            json!({ "client_request_id": "c".repeat(251) }),
            "'client_request_id' exceeds the maximum length of 250 characters",
        ),
    ] {
        assert_eq!(refused(start(more).await, 400, "INVALID_PARAMETER_VALUE"), said);
        api.get("dan", &format!("{V3}/{}", id(1))).await.is(404);
    }
    start(assessments(1_000)).await.is(200);
    // The same ones again take their own places.
    start(assessments(1_000)).await.is(200);
    let path = format!("{V3}/{}/assessments", id(1));
    let one = json!({ "assessment": judged(1_000) });
    let said = refused(api.post("dan", &path, one.clone()).await, 400, "INVALID_PARAMETER_VALUE");
    assert_eq!(said, "A trace has at most 1000 assessments, with 8388608 characters together.");
    api.call("dan", "DELETE", &format!("{path}/a-0"), None).await.is(200);
    let mut long = one.clone();
    long["assessment"]["rationale"] = json!("r".repeat(1 << 20));
    let said = refused(api.post("dan", &path, long).await, 400, "INVALID_PARAMETER_VALUE");
    assert!(said.starts_with("An assessment has at most 1048576 bytes, not "), "{said}");
    api.post("dan", &path, one).await.is(200);
}

#[tokio::test]
async fn the_spans_of_a_trace_have_so_many_bytes_and_no_more() {
    let api = Api::new().await;
    let send = async |n: u64, size: usize| {
        let pair = [field(1, b"k"), field(2, &field(1, &vec![b'a'; size]))].concat();
        let span = [field(1, &1_u128.to_be_bytes()), field(2, &n.to_be_bytes()), field(9, &pair)].concat();
        let request = field(1, &field(2, &field(2, &span)));
        api.send(exported(&api, "application/x-protobuf", &[], request)).await
    };
    for n in [1, 2] {
        send(n, 15 << 20).await.is(200);
    }
    let said = refused(send(3, 3 << 20).await, 400, "INVALID_PARAMETER_VALUE");
    assert_eq!(said, "The spans of a trace have at most 33554432 bytes.");
    // One that takes the place of another counts once.
    send(2, 1 << 20).await.is(200);
    send(3, 3 << 20).await.is(200);
}

#[tokio::test]
async fn what_is_said_of_a_conversation_counts_for_all_of_its_traces() {
    let api = Api::new().await;
    for (n, session) in [(1, "a"), (2, "a"), (3, "b")] {
        let info = json!({
            "trace_id": id(n),
            "trace_location": { "mlflow_experiment": { "experiment_id": "0" } },
            "request_time": "2025-04-15T08:49:18Z",
            "trace_metadata": { "mlflow.trace.session": session },
        });
        api.post("dan", V3, json!({ "trace": { "trace_info": info } })).await.is(200);
    }
    let said = |name: &str| json!({ "assessment_name": name, "feedback": { "value": "yes" } });
    let mut of_all = said("all");
    of_all["metadata"] = json!({ "mlflow.trace.session": "a" });
    for one in [of_all, said("one")] {
        api.post("dan", &format!("{V3}/{}/assessments", id(1)), json!({ "assessment": one })).await.is(200);
    }
    for (filter, expected) in [
        ("feedback.all = 'yes'", vec![1, 2]),
        ("feedback.all IS NULL", vec![3]),
        ("feedback.one = 'yes'", vec![1]),
        ("feedback.one IS NULL", vec![2, 3]),
    ] {
        let locations = json!([{ "mlflow_experiment": { "experiment_id": "0" } }]);
        let wish = json!({ "locations": locations, "filter": filter });
        let found = api.post("dan", &format!("{V3}/search"), wish).await.is(200);
        let ids: Vec<&str> =
            found["traces"].as_array().unwrap().iter().map(|t| t["trace_id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected.into_iter().map(id).collect::<Vec<_>>(), "{filter}");
    }
}

#[tokio::test]
async fn what_whoever_made_a_trace_has_counted_stays() {
    let api = Api::new().await;
    let tokens = |n: u32| json!([{ "key": "mlflow.chat.tokenUsage", "value": { "stringValue": format!("{{\"input_tokens\": {n}}}") } }]);
    let with = |id: u32, parent: Option<u32>, n: u32| {
        let mut span = span(1, id, parent);
        span["attributes"] = tokens(n);
        span
    };
    let used = async || {
        let info = api.get("dan", &format!("{V3}/{}", id(1))).await.is(200);
        info["trace"]["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"].as_str().unwrap().to_owned()
    };
    export(&api, &spans(&[with(2, Some(1), 3), with(3, Some(1), 4)])).await.is(200);
    assert_eq!(used().await, r#"{"input_tokens": 7, "output_tokens": 0, "total_tokens": 0}"#);
    // The same span again is counted once, and a parent speaks for its children.
    export(&api, &spans(&[with(3, Some(1), 4)])).await.is(200);
    assert_eq!(used().await, r#"{"input_tokens": 7, "output_tokens": 0, "total_tokens": 0}"#);
    export(&api, &spans(&[with(1, None, 6)])).await.is(200);
    assert_eq!(used().await, r#"{"input_tokens": 6, "output_tokens": 0, "total_tokens": 0}"#);
    let info = json!({
        "trace_id": id(1),
        "trace_location": { "mlflow_experiment": { "experiment_id": "0" } },
        "request_time": "2025-04-15T08:49:18Z",
        "trace_metadata": { "mlflow.trace.tokenUsage": "{\"input_tokens\": 100}" },
    });
    api.post("dan", V3, json!({ "trace": { "trace_info": info } })).await.is(200);
    export(&api, &spans(&[with(4, Some(1), 9)])).await.is(200);
    assert_eq!(used().await, r#"{"input_tokens": 100, "output_tokens": 0, "total_tokens": 0}"#);
}
