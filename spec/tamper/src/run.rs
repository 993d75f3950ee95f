//! Running a corpus: every class with every kind of record, on two threads, and the table of what came of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use evidence::RecordKind;
use serde::Serialize;

use crate::attack::cases;
use crate::case::Case;
use crate::class::{CLASSES, Class};
use crate::flaw::Flaw;
use crate::material::{KINDS, Logs};
use crate::reader::{Asking, Verdict};

/// Is how many threads work at once.
const THREADS: usize = 2;

/// Is how many failures of a row are told.
const TOLD_MAX: usize = 5;

/// Is what came of one class with one kind of record.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// The class.
    pub class: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// How many different cases there were.
    pub cases: usize,
    /// How many were refused for the right reason.
    pub detected: usize,
    /// How many were accepted.
    pub accepted: usize,
    /// How many were refused for each reason.
    pub reasons: BTreeMap<&'static str, usize>,
    /// What went wrong, as far as it is told.
    pub failures: Vec<String>,
}

/// Runs so many cases of each class and kind against the verifier, or against one with a flaw.
///
/// - `each`: is shown every case, such as to write it.
pub fn corpus(logs: &Logs, wanted: usize, flaw: Option<Flaw>, each: &(dyn Fn(&Case) + Sync)) -> Vec<Row> {
    let pairs: Vec<(Class, RecordKind)> =
        CLASSES.into_iter().flat_map(|class| KINDS.map(|kind| (class, kind))).collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some((class, kind)) = pairs.get(next.fetch_add(1, Ordering::SeqCst)) {
            let row = row(logs, flaw, *class, *kind, wanted, each);
            rows.lock().unwrap().insert((*class, *kind), row);
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    rows.into_inner().unwrap().into_values().collect()
}

fn row(logs: &Logs, flaw: Option<Flaw>, class: Class, kind: RecordKind, wanted: usize, each: &dyn Fn(&Case)) -> Row {
    let mut row = Row { class: class.as_str(), kind: kind.as_str(), ..Row::default() };
    let material = logs.of(kind);
    let asking = Asking::new(material, flaw);
    for case in cases(material, class, kind, wanted) {
        each(&case);
        row.cases += 1;
        let failure = match asking.judge(&case.draft) {
            Verdict::Detected(reason) => {
                row.detected += 1;
                *row.reasons.entry(reason).or_default() += 1;
                continue;
            }
            Verdict::WrongReason(seen) => {
                format!("refused for {:?} instead of {:?}, {:?}", seen.reasons, case.draft.first, case.draft.also)
            }
            Verdict::Accepted => {
                row.accepted += 1;
                "accepted".to_owned()
            }
        };
        if row.failures.len() < TOLD_MAX {
            row.failures.push(format!("{}: {failure} ({})", case.name(), case.draft.how));
        }
    }
    row
}

/// Prints the table of a run.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<20} {:<14} {:>6} {:>9}  by reason\n", "class", "kind", "cases", "detected");
    for row in rows {
        let reasons: Vec<String> = row.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        text.push_str(&format!(
            "{:<20} {:<14} {:>6} {:>9}  {}\n",
            row.class,
            row.kind,
            row.cases,
            row.detected,
            reasons.join(", ")
        ));
        row.failures.iter().for_each(|failure| text.push_str(&format!("  {failure}\n")));
    }
    text
}
