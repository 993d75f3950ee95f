//! What is refused, with which code and at which place; and that nothing makes the reader panic.

use countersign_lineage::{DEPTH_MAX, Kind, Name, NodeId, RunId, Wanted, batch, compact, event};
use proptest::prelude::*;

const GOOD: &str = r#"{"eventTime": "2026-01-02T03:04:05Z", "producer": "p", "schemaURL": "s", "eventType": "COMPLETE",
  "run": {"runId": "f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9"}, "job": {"namespace": "ns", "name": "job"},
  "inputs": [{"namespace": "ns", "name": "in", "facets": {"schema": {"_producer": "p", "_schemaURL": "s", "fields": [{"name": "a"}]}}}]}"#;

fn refused(json: &str) -> (String, String) {
    let refusal = event(json).unwrap_err();
    (refusal.code().as_str().to_owned(), refusal.to_string())
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    event(GOOD).unwrap();
    for (of, with, said) in [
        ("\"2026-01-02T03:04:05Z\"", "5", "eventTime: a text is expected"),
        ("\"producer\": \"p\", ", "", "producer: it is required and missing"),
        ("\"schemaURL\": \"s\", \"eventType\"", "\"eventType\"", "schemaURL: it is required and missing"),
        ("COMPLETE", "DONE", "eventType: `START`"),
        ("f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9", "f69a6e9b", "run.runId: a UUID is expected"),
        ("\"name\": \"job\"", "\"name\": \"\"", "job.name: a name"),
        ("\"name\": \"job\"", "\"name\": \"a\\u0000b\"", "job.name: a name"),
        ("\"name\": \"in\"", "\"name\": 7", "inputs[0].name: a text is expected"),
        ("\"_producer\": \"p\", ", "", "inputs[0].facets.schema._producer: it is required and missing"),
        ("{\"name\": \"a\"}", "{}", "inputs[0].facets.schema.fields[0].name: it is required and missing"),
        ("[{\"name\": \"a\"}]", "{}", "inputs[0].facets.schema.fields: a list is expected"),
        ("\"run\": {", "\"ran\": {", ""),
        ("\"job\": {", "\"jab\": {", "job: it is required and missing"),
    ] {
        let json = GOOD.replacen(of, with, 1);
        assert_ne!(json, GOOD, "{of}");
        if said.is_empty() {
            event(&json).unwrap();
            continue;
        }
        let (code, message) = refused(&json);
        assert!(message.starts_with(said), "{message}");
        assert_eq!(code, "lineage-event-invalid", "{message}");
    }
    assert_eq!(
        refused("{\"eventTime\": \"2026-01-02T03:04:05Z\", \"producer\": \"p\", \"schemaURL\": \"s\"}").0,
        "lineage-event-invalid"
    );
    assert_eq!(refused("[]").1, "the event: an object is expected");
}

#[test]
fn json_that_means_two_things_or_nothing_is_refused() {
    assert_eq!(refused("{").0, "json-malformed");
    assert_eq!(refused("{\"a\": NaN}").0, "json-malformed");
    let twice = GOOD.replacen("\"producer\": \"p\"", "\"producer\": \"p\", \"producer\": \"q\"", 1);
    assert_eq!(refused(&twice).0, "json-duplicate-key");
    let deep = GOOD.replacen("{\"name\": \"a\"}", &format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)), 1);
    assert_eq!(refused(&deep).0, "json-too-deep");
    assert!(batch(&"[".repeat(1_000_000)).is_err());
    assert!(batch("{}").is_err());
    assert_eq!(batch("[ {\"a\": 1}, 5]").unwrap(), ["{\"a\": 1}", "5"]);
}

#[test]
fn both_a_job_and_a_dataset_without_a_run_is_neither() {
    let json = r#"{"eventTime": "2026-01-02T03:04:05Z", "producer": "p", "schemaURL": "s",
      "job": {"namespace": "n", "name": "j"}, "dataset": {"namespace": "n", "name": "d"}}"#;
    assert_eq!(refused(json).0, "lineage-event-invalid");
}

#[test]
fn the_id_of_a_run_is_the_same_in_both_forms() {
    let id: RunId = "F69A6E9B-9bac-3c9a-9cf6-eacb70ecc9a9".parse().unwrap();
    assert_eq!(id.simple(), "f69a6e9b9bac3c9a9cf6eacb70ecc9a9");
    assert_eq!(id.simple().parse(), Ok(id));
    assert_eq!(id.to_string().parse(), Ok(id));
    for wrong in
        ["", "f69a6e9b", "{f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9}", "urn:uuid:f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9"]
    {
        assert!(wrong.parse::<RunId>().is_err(), "{wrong}");
    }
}

#[test]
fn an_id_of_a_node_is_read_as_it_was_written_whatever_colons_it_has() {
    let names = [("ns", "a"), ("postgresql://host:5432", "db.t"), ("s3://b", "/x:y"), ("a:b", "c")];
    for (namespace, name) in names {
        let of = Name { namespace: namespace.into(), name: name.into() };
        let id = NodeId::Whole(Kind::Job, namespace, name).to_string();
        assert!(matches!(Wanted::read(&id), Some(Wanted::Whole(Kind::Job, names)) if names.contains(&of)), "{id}");
        let id = NodeId::Column(namespace, name, "c:1").to_string();
        let Some(Wanted::Column(columns)) = Wanted::read(&id) else { panic!("{id}") };
        assert!(columns.contains(&(of, "c:1".to_owned())), "{id}");
    }
    let Some(Wanted::Whole(_, names)) = Wanted::read("dataset:postgresql://host:5432:db.t") else { panic!() };
    assert_eq!(names[0], Name { namespace: "postgresql://host:5432".into(), name: "db.t".into() });
    for wrong in ["", "dataset", "dataset:", "dataset:a", "dataset:a:", "model:a:b", "datasetField:a:b", ":::"] {
        assert_eq!(Wanted::read(wrong), None, "{wrong}");
    }
}

#[test]
fn white_space_within_texts_stays() {
    assert_eq!(compact(" { \"a b\" : [ 1 , \"\\\" \\\\\" ] } \n"), "{\"a b\":[1,\"\\\" \\\\\"]}");
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(at in 0..GOOD.len(), with in ".{0,3}", cut in 0_usize..40) {
        let mut json = GOOD.to_owned();
        let end = (at + cut).min(json.len());
        if json.is_char_boundary(at) && json.is_char_boundary(end) {
            json.replace_range(at..end, &with);
        }
        if let Ok(read) = event(&json) {
            prop_assert_eq!(event(&compact(&json)).unwrap(), read);
        }
    }
}
