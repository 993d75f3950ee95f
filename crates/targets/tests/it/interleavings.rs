//! Changes and their undoing among the writes of others: nobody's update is lost, and nothing is taken back over it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use serde_json::json;

use crate::kit::{Db, Other, Place};

/// Is what somebody else does, and when, around a change and its undoing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreign {
    /// Nothing.
    Nothing,
    /// An update before the change.
    Before,
    /// An update of another column of a changed row, between both.
    Between,
    /// An update of a row that was not changed, between both.
    Beside,
    /// An update between both, and another that takes it back.
    ThereAndBack,
    /// A deletion between both.
    Deletes,
    /// An update that is open as the undo begins, and is committed then.
    OpenCommits,
    /// An update that is open as the undo begins, and is rolled back then.
    OpenRollsBack,
    /// An update that is open as the change begins, and is committed then.
    OpenAtChange,
    /// An insertion that takes the place of a deleted row, open as the undo begins, and committed then.
    OpenInsert,
}

const ALL: [Foreign; 10] = [
    Foreign::Nothing,
    Foreign::Before,
    Foreign::Between,
    Foreign::Beside,
    Foreign::ThereAndBack,
    Foreign::Deletes,
    Foreign::OpenCommits,
    Foreign::OpenRollsBack,
    Foreign::OpenAtChange,
    Foreign::OpenInsert,
];

/// Runs one statement in a transaction that is open until `end` comes, while `meanwhile` runs.
fn open_during<T>(other: &mut Other, sql: &str, end: &str, pause_us: u64, meanwhile: impl FnOnce() -> T) -> T {
    other.run(&format!("BEGIN; {sql}"));
    std::thread::scope(|scope| {
        let (begun, began) = channel();
        scope.spawn(move || {
            began.recv().unwrap();
            std::thread::sleep(std::time::Duration::from_micros(pause_us));
            other.run(end);
        });
        begun.send(()).unwrap();
        meanwhile()
    })
}

/// Plays rounds over rows of one's own, and returns how many undos were done and refused.
fn rounds(db: &Db, lane: u64, count: u64) -> (u64, u64) {
    let (mut agent, mut other) = (db.agent(), db.other());
    let (row, beside, gone) = (lane * 10 + 1, lane * 10 + 2, lane * 10 + 3);
    let reset = format!(
        "DELETE FROM a WHERE id IN ({row}, {beside}, {gone}); INSERT INTO a VALUES ({row}, 0, 0), ({beside}, 0, 0), ({gone}, 0, 0)"
    );
    let mut random = lane.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let (mut done, mut refused) = (0, 0);
    for round in 0..count {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let foreign = ALL[usize::try_from(random % 10).unwrap()];
        let pause = random / 10 % 800;
        other.run(&reset);
        let key = format!("{lane}-{round}");
        let theirs = format!("UPDATE a SET theirs = theirs + 1 WHERE id = {row}");
        if foreign == Foreign::Before {
            other.run(&theirs);
        }
        let sql = format!("UPDATE a SET ours = ours + 7 WHERE id = {row}");
        let deletes = format!("DELETE FROM a WHERE id = {gone}");
        let change = |agent: &mut crate::kit::Agent| {
            let sql = if foreign == Foreign::OpenInsert { &deletes } else { &sql };
            agent.change(&key, sql, json!([])).unwrap()
        };
        match foreign {
            Foreign::OpenAtChange => open_during(&mut other, &theirs, "COMMIT", pause, || change(&mut agent)),
            _ => change(&mut agent),
        };
        match foreign {
            Foreign::Between => other.run(&theirs),
            Foreign::Beside => other.run(&format!("UPDATE a SET theirs = 3 WHERE id = {beside}")),
            Foreign::ThereAndBack => other.run(&format!("{theirs}; UPDATE a SET theirs = theirs - 1 WHERE id = {row}")),
            Foreign::Deletes => other.run(&format!("DELETE FROM a WHERE id = {row}")),
            _ => {}
        }
        let undone = match foreign {
            Foreign::OpenCommits => open_during(&mut other, &theirs, "COMMIT", pause, || agent.undo(&key)),
            Foreign::OpenRollsBack => open_during(&mut other, &theirs, "ROLLBACK", pause, || agent.undo(&key)),
            Foreign::OpenInsert => {
                let insert = format!("INSERT INTO a VALUES ({gone}, 1, 1)");
                open_during(&mut other, &insert, "COMMIT", pause, || agent.undo(&key))
            }
            _ => agent.undo(&key),
        };
        let (ours, of_theirs) = match foreign {
            Foreign::Nothing | Foreign::ThereAndBack | Foreign::OpenRollsBack | Foreign::Beside => (Some(0), 0),
            Foreign::Before | Foreign::OpenAtChange => (Some(0), 1),
            Foreign::Between | Foreign::OpenCommits => (Some(7), 1),
            Foreign::Deletes => (None, 0),
            Foreign::OpenInsert => (Some(0), 0),
        };
        let conflict =
            matches!(foreign, Foreign::Between | Foreign::Deletes | Foreign::OpenCommits | Foreign::OpenInsert);
        match &undone {
            Ok(_) => done += 1,
            Err((code, _)) => {
                assert_eq!(code, "reversal-conflict", "{foreign:?} {undone:?}");
                refused += 1;
            }
        }
        assert_eq!(undone.is_err(), conflict, "lane {lane}, round {round}, {foreign:?}: {undone:?}");
        let mut count = |of: &str| other.number(&format!("SELECT count(*) FROM a WHERE {of}"));
        let expected = ours.map_or(0, |_| 1);
        let there = format!("id = {row} AND ours = {} AND theirs = {of_theirs}", ours.unwrap_or(0));
        assert_eq!(count(&there), expected, "lane {lane}, round {round}, {foreign:?}");
        let beside = format!("id = {beside} AND theirs = {}", if foreign == Foreign::Beside { 3 } else { 0 });
        assert_eq!(count(&beside), 1, "lane {lane}, round {round}, {foreign:?}");
        let last = format!("id = {gone} AND ours = {0} AND theirs = {0}", u8::from(foreign == Foreign::OpenInsert));
        assert_eq!(count(&last), 1, "lane {lane}, round {round}, {foreign:?}");
    }
    (done, refused)
}

/// Plays all rounds in lanes beside each other.
fn played(db: &Db, lanes: u64, each: u64) -> (u64, u64) {
    let (done, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let (done, refused) = (&done, &refused);
            scope.spawn(move || {
                let (ok, not) = rounds(db, lane, each);
                done.fetch_add(ok, Ordering::Relaxed);
                refused.fetch_add(not, Ordering::Relaxed);
            });
        }
    });
    (done.into_inner(), refused.into_inner())
}

const TABLE: &str = "CREATE TABLE a (id integer PRIMARY KEY, ours integer, theirs integer)";

#[test]
fn ten_thousand_interleavings_lose_nothing() {
    let db = Place::postgres().begin(TABLE, &["a"]);
    let (done, refused) = played(&db, 4, 2_500);
    println!("{done} taken back, {refused} refused");
    assert!(done > 5_000 && refused > 3_000, "{done} taken back, {refused} refused");
}

#[test]
fn interleavings_of_a_file_lose_nothing() {
    let db = Place::sqlite().begin(TABLE, &["a"]);
    let (done, refused) = played(&db, 1, 400);
    assert!(done > 200 && refused > 100, "{done} taken back, {refused} refused");
}
