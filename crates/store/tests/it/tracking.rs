//! What is tracked of training, against a real file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use countersign_store::tracking::{Metric, NewExperiment, NewRun, Page, Pair, Tracking, TrackingError};
use proptest::prelude::*;

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("tracking.db")
}

/// Opens a file with one experiment and one run, whose place is returned.
fn with_run(path: &Path) -> (Tracking, i64) {
    let tracking = Tracking::open(path).unwrap();
    let run = tracking.change::<_, TrackingError>(|change| {
        change.add_experiment(NewExperiment { id: 0, name: "e", location: "l", now: 1 })?;
        change.add_run(NewRun { id: "r", experiment: 0, name: "n", user: "", started: 1, location: "l" })
    });
    (tracking, run.unwrap())
}

fn metric(value: f64, at: i64, step: i64) -> Metric {
    Metric { key: "m".into(), value, at, step }
}

#[test]
fn changes_of_many_threads_are_all_there_when_they_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, run) = with_run(&file(&folder));
    let tracking = Arc::new(tracking);
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let tracking = tracking.clone();
            thread::spawn(move || {
                for step in 0..20 {
                    let metric = Metric { key: format!("m{n}"), ..metric(1.0, 1, step) };
                    tracking.change::<_, TrackingError>(move |change| change.log_metric(run, &metric)).unwrap();
                    let page = Page { offset: 0, limit: 99 };
                    let seen =
                        tracking.view::<_, TrackingError>(|view| view.metric_history("r", &format!("m{n}"), page));
                    assert_eq!(seen.unwrap().len() as i64, step + 1);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(tracking);
    let tracking = Tracking::open(&file(&folder)).unwrap();
    assert_eq!(tracking.view::<_, TrackingError>(|view| view.latest_metrics(run)).unwrap().len(), 16);
}

#[test]
fn of_a_change_that_refuses_nothing_stays_and_its_neighbours_do() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, run) = with_run(&file(&folder));
    let tracking = Arc::new(tracking);
    let threads: Vec<_> = (0..32)
        .map(|n| {
            let tracking = tracking.clone();
            thread::spawn(move || {
                let pair = Pair { key: format!("k{n}"), value: "v".into() };
                let done = tracking.change(move |change| {
                    change.add_param(run, &pair)?;
                    if n % 2 == 0 { Ok(()) } else { Err(TrackingError::Version(n)) }
                });
                assert_eq!(done.is_ok(), n % 2 == 0);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let params = tracking.view::<_, TrackingError>(|view| view.run_data(run)).unwrap().params;
    let mut kept: Vec<u32> = params.iter().map(|param| param.key[1..].parse().unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, (0..32).step_by(2).collect::<Vec<_>>());
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Tracking::open(&file(&folder)).unwrap());
    let connection = rusqlite::Connection::open(file(&folder)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Tracking::open(&file(&folder)), Err(TrackingError::Version(99))));
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        -3.0..3.0,
        (-2_i32..3).prop_map(f64::from)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_latest_point_is_the_first_of_the_highest(points in prop::collection::vec((number(), 0_i64..3, -1_i64..3), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let (tracking, run) = with_run(&file(&folder));
        let counted = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
        let mut latest = points[0];
        for (value, at, step) in points.clone() {
            let place = |(value, at, step): (f64, i64, i64)| (step, at, counted(value));
            if place((value, at, step)) > place(latest) {
                latest = (value, at, step);
            }
            tracking.change::<_, TrackingError>(move |change| change.log_metric(run, &metric(value, at, step))).unwrap();
        }
        let kept = tracking.view::<_, TrackingError>(|view| view.latest_metrics(run)).unwrap();
        let kept = &kept[0];
        prop_assert_eq!((kept.value.is_nan(), kept.at, kept.step), (latest.0.is_nan(), latest.1, latest.2));
        prop_assert!(kept.value.is_nan() || kept.value == counted(latest.0));
    }
}
