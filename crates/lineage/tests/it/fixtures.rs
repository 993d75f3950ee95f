//! The fixtures of the specification: `tests/data/spec/tests`, one folder for each facet.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_lineage::{About, Column, End, Event, Facet, Kind, Name, Said, Threads, compact, event};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/spec/tests");

const HEAD: &str = r#""eventTime": "2026-01-02T03:04:05.123456Z", "producer": "https://example.com", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json""#;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(DATA).join(file)).unwrap()
}

/// Puts facets where those of their kind belong in an event.
fn around(folder: &str, facets: &str) -> String {
    let named = r#""namespace": "ns", "name": "it""#;
    let run = r#""run": {"runId": "f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9"}"#;
    let job = format!(r#""job": {{{named}}}"#);
    match folder {
        of if of.ends_with("InputDatasetFacet") || of == "BaseSubsetDatasetFacet" => {
            format!(r#"{{{HEAD}, {run}, {job}, "inputs": [{{{named}, "inputFacets": {facets}}}]}}"#)
        }
        of if of.ends_with("OutputDatasetFacet") => {
            format!(r#"{{{HEAD}, {run}, {job}, "outputs": [{{{named}, "outputFacets": {facets}}}]}}"#)
        }
        of if of.ends_with("RunFacet") => {
            format!(
                r#"{{{HEAD}, "run": {{"runId": "f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9", "facets": {facets}}}, {job}}}"#
            )
        }
        of if of.ends_with("JobFacet") || facets.contains("LineageJobFacet") => {
            format!(r#"{{{HEAD}, "job": {{{named}, "facets": {facets}}}}}"#)
        }
        of if of.ends_with("DatasetFacet") || of == "LineageFacet" => {
            format!(r#"{{{HEAD}, "dataset": {{{named}, "facets": {facets}}}}}"#)
        }
        other => panic!("nobody knows where facets of {other} belong"),
    }
}

fn facets(event: Event) -> Vec<Facet> {
    match event.about {
        About::Dataset(dataset) => dataset.facets,
        About::Job { job, .. } => job.facets,
        About::Run(run) => {
            let here = run.inputs.into_iter().chain(run.outputs).flat_map(|dataset| dataset.here);
            run.facets.into_iter().chain(run.job.facets).chain(here).collect()
        }
    }
}

#[test]
fn every_fixture_of_the_specification_is_read_and_kept_as_it_was_written() {
    let files = files(Path::new(DATA));
    assert_eq!(files.len(), 47);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let folder = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let whole = if folder == "tests" { text.clone() } else { around(folder, &text) };
        let read = event(&whole).unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
        assert_eq!(event(&compact(&whole)).unwrap(), read, "{}", file.display());
        if folder != "tests" {
            let facets = facets(read);
            assert_eq!(facets.len(), 1, "{}", file.display());
            let Facet { name, body, .. } = &facets[0];
            assert_eq!(format!("{{\"{name}\":{}}}", body.as_ref().unwrap()), compact(&text));
        }
    }
}

fn said(folder: &str, file: &str) -> Said {
    facets(event(&around(folder, &text(&format!("{folder}/{file}")))).unwrap()).remove(0).said
}

fn threads(folder: &str, file: &str) -> Threads {
    match said(folder, file) {
        Said::Threads(threads) => threads,
        other => panic!("{other:?}"),
    }
}

fn name(namespace: &str, name: &str) -> Name {
    Name { namespace: namespace.into(), name: name.into() }
}

fn named(kind: Kind, namespace: &str, of: &str) -> End {
    End::Named(kind, name(namespace, of))
}

const WAREHOUSE: &str = "postgresql://warehouse:5432";

#[test]
fn columns_come_of_columns_and_their_datasets_of_datasets() {
    let threads = threads("ColumnLineageDatasetFacet", "2.json");
    let people = name("s3://test-bucket", "/iceberg_warehouse/some-database/people");
    assert_eq!(threads.columns.len(), 7);
    assert!(threads.edges.iter().all(|edge| *edge == (End::Named(Kind::Dataset, people.clone()), End::Own)));
    let of_first = Column {
        from: people,
        from_field: "first_name".into(),
        to: None,
        to_field: Some("firstName".into()),
        how: r#"[{"type":"DIRECT","subtype":"IDENTITY","description":"","masking":false}]"#.into(),
    };
    assert!(threads.columns.contains(&of_first));
    let of_all = threads.columns.iter().filter(|column| column.to_field.is_none());
    assert_eq!(of_all.map(|column| column.from_field.as_str()).collect::<Vec<_>>(), ["last_name", "first_name", "age"]);
}

#[test]
fn lineage_facets_tell_of_datasets_and_jobs_by_name_and_of_their_own() {
    let of_dataset = threads("LineageFacet", "dataset-to-dataset.json");
    let customers = named(Kind::Dataset, WAREHOUSE, "public.customers");
    assert_eq!(of_dataset.edges, [(customers.clone(), End::Own), (customers, End::Own)]);
    assert_eq!(of_dataset.columns[0].from_field, "id");
    assert_eq!(of_dataset.columns[0].to, None);

    let mixed = threads("LineageFacet", "mixed-sources.json");
    let enriched = named(Kind::Dataset, WAREHOUSE, "public.enriched_orders");
    let enrichment = named(Kind::Job, "airflow://production", "daily.enrichment");
    assert!(mixed.edges.contains(&(enrichment, enriched)));
    assert_eq!(mixed.columns.len(), 1);
    assert_eq!(mixed.columns[0].to, Some(name(WAREHOUSE, "public.enriched_orders")));

    let implicit = threads("LineageFacet", "implicit-job.json");
    assert_eq!(
        implicit.edges,
        [(named(Kind::Dataset, "postgresql://production:5432", "public.transactions"), End::Own)]
    );

    let generator = threads("LineageFacet", "generator.json");
    assert_eq!(generator.edges, [(End::Job, named(Kind::Dataset, WAREHOUSE, "public.extracted_data"))]);
    assert!(generator.columns.is_empty());
}

#[test]
fn what_a_graph_shows_of_its_nodes_is_read() {
    assert!(matches!(said("SchemaDatasetFacet", "1.json"), Said::Fields(fields) if !fields.is_empty()));
    assert!(matches!(said("SymlinksDatasetFacet", "1.json"), Said::Symlinks(names) if !names.is_empty()));
    assert!(matches!(said("DatasetVersionDatasetFacet", "1.json"), Said::Version(_)));
    assert!(matches!(said("DocumentationDatasetFacet", "1.json"), Said::Description(_)));
    assert!(matches!(said("DocumentationJobFacet", "1.json"), Said::Description(_)));
    assert!(matches!(said("SourceCodeLocationJobFacet", "1.json"), Said::Location(_)));
    assert!(matches!(said("LifecycleStateChangeDatasetFacet", "1.json"), Said::Lifecycle(_)));
}

#[test]
fn a_facet_that_is_deleted_says_nothing_and_has_no_body() {
    let facets_json = r#"{"schema": {"_producer": "p", "_schemaURL": "s", "_deleted": true, "fields": 5}}"#;
    let read = facets(event(&around("SchemaDatasetFacet", facets_json)).unwrap());
    assert_eq!(read, [Facet { name: "schema".into(), body: None, said: Said::Other }]);
    let of_run = r#"{"mine": {"_producer": "p", "_schemaURL": "s", "_deleted": true}}"#;
    let read = facets(event(&around("RunFacet", of_run)).unwrap());
    assert!(read[0].body.is_some(), "a facet of a run cannot be deleted");
}

#[test]
fn instants_are_read_with_their_offset() {
    let at = |text: &str| {
        let json = around("SchemaDatasetFacet", "{}").replace("2026-01-02T03:04:05.123456Z", text);
        event(&json).map(|event| event.at)
    };
    assert_eq!(at("1970-01-01T00:00:01.000002Z"), Ok(1_000_002));
    assert_eq!(at("1970-01-01T01:00:00.000000999+01:00"), Ok(0));
    assert_eq!(at("1970-01-01T00:00:00-00:30"), Ok(1_800_000_000));
    for wrong in ["", "1970-01-01", "1970-01-01T00:00:00", "yesterday", "1970-13-01T00:00:00Z"] {
        assert!(at(wrong).is_err(), "{wrong}");
    }
}
