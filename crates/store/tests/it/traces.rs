//! Traces, against a real file.

use countersign_store::tracking::{
    Assessment, NewExperiment, Pair, Span, TraceInfo, Traces, Tracking, TrackingError, Used,
};

fn open(folder: &tempfile::TempDir) -> Tracking {
    Tracking::open(&folder.path().join("tracking.db")).unwrap()
}

fn info(id: &str, at: i64) -> TraceInfo {
    TraceInfo { id: id.to_owned(), at, state: "OK".to_owned(), ..TraceInfo::default() }
}

fn span(id: &str, parent: Option<&str>, started: i64, content: &str) -> Span {
    Span {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
        name: "n".to_owned(),
        kind: None,
        status: "OK".to_owned(),
        started,
        content: content.to_owned(),
        used: Used::default(),
    }
}

fn judged(id: &str) -> Assessment {
    Assessment {
        id: id.to_owned(),
        kind: "feedback".to_owned(),
        name: "good".to_owned(),
        value: "true".to_owned(),
        number: None,
        error: None,
        created: 1,
        updated: 1,
        source_kind: "HUMAN".to_owned(),
        source: None,
        span: None,
        rationale: None,
        overrides: None,
        valid: true,
        metadata: None,
    }
}

/// Makes traces of experiment 0 that began at these instants, each with one of everything.
fn filled(folder: &tempfile::TempDir, at: &[i64]) -> Tracking {
    let tracking = open(folder);
    let at = at.to_vec();
    let made = tracking.change::<_, TrackingError>(move |change| {
        change.add_experiment(NewExperiment { id: 0, name: "e", location: "l", now: 1 })?;
        for at in at {
            let seq = change.add_trace(&info(&format!("t{at}"), at))?;
            let pair = Pair { key: "k".into(), value: "v".into() };
            change.tag_trace(seq, &pair)?;
            change.set_trace_metadata(seq, &pair)?;
            change.put_span(seq, &span("s", None, 1, "{}"))?;
            change.add_assessment(seq, &judged(&format!("a{at}")))?;
            change.link_trace_to_run(seq, "r")?;
            change.link_trace_to_prompt(seq, "p/1")?;
        }
        Ok(())
    });
    made.unwrap();
    tracking
}

fn rows(folder: &tempfile::TempDir, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(folder.path().join("tracking.db")).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

const TABLES: [&str; 7] = ["trace", "trace_tag", "trace_metadata", "span", "assessment", "trace_run", "trace_prompt"];

#[test]
fn with_a_trace_goes_all_that_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder, &[1, 2, 3]);
    let named = Traces::Named(vec!["t1".into(), "nobody".into()]);
    assert_eq!(tracking.change::<_, TrackingError>(move |change| change.remove_traces(0, &named)).unwrap(), 1);
    assert_eq!(TABLES.map(|table| rows(&folder, table)), [2; 7]);
    let other = Traces::Until { at: 9, count: None };
    assert_eq!(tracking.change::<_, TrackingError>(move |change| change.remove_traces(7, &other)).unwrap(), 0);
    let rest = Traces::Until { at: 9, count: None };
    assert_eq!(tracking.change::<_, TrackingError>(move |change| change.remove_traces(0, &rest)).unwrap(), 2);
    assert_eq!(TABLES.map(|table| rows(&folder, table)), [0; 7]);
}

#[test]
fn the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder, &[3, 1, 2]);
    let one = Traces::Until { at: 2, count: Some(1) };
    assert_eq!(tracking.change::<_, TrackingError>(move |change| change.remove_traces(0, &one)).unwrap(), 1);
    let left = |id: &str| tracking.view::<_, TrackingError>(|view| view.trace(id)).unwrap().is_some();
    assert_eq!(["t1", "t2", "t3"].map(left), [false, true, true]);
}

#[test]
fn a_span_takes_the_place_of_the_one_of_its_id_and_roots_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder, &[1]);
    let spans = tracking.change::<_, TrackingError>(|change| {
        let seq = change.trace("t1")?.unwrap().seq;
        for one in [span("b", Some("s"), 5, "late"), span("a", Some("s"), 2, "early"), span("s", None, 9, "root")] {
            change.put_span(seq, &one)?;
        }
        change.spans(seq)
    });
    assert_eq!(spans.unwrap(), ["root", "early", "late"]);
}
