//! A published log, as somebody checks it who has nothing but its files: signature, witnesses, every tile, every record,
//! every session, and that it goes on from what was seen of it before.

use serde::Serialize;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::{CheckError, Note, TilePath, TileReader};

use crate::log_event::{LogEvent, LogEventKind};
use crate::trust::Trust;
use crate::verify::{Check, Standing, check as check_of};
use crate::walk::{Walk, WalkError, Walked};

/// Is the file of the latest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// Is the file of the last checkpoint that a quorum of witnesses has cosigned.
pub const WITNESSED: &str = "checkpoint.witnessed";

/// Returns a file of the log by its path.
type Read<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Is what was found of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LogReport {
    /// Its origin, once a checkpoint could be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The root of the checkpoint, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What was checked, in order.
    pub checks: Vec<Check>,
    /// What its records are, if all of them hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walked>,
    /// What is not proved, whatever holds.
    pub unproven: Vec<String>,
    /// The checkpoint that all of this is about, once it could be opened.
    #[serde(skip)]
    pub checkpoint: Option<Checkpoint>,
}

impl LogReport {
    /// Returns the standing of all checks together.
    pub fn standing(&self) -> Standing {
        self.checks.iter().map(|check| check.standing).reduce(Standing::and).unwrap_or(Standing::Missing)
    }

    /// Returns the reason of the first check that does not hold.
    pub fn reason(&self) -> Option<&'static str> {
        self.checks.iter().find(|check| check.standing != Standing::Holds).and_then(|check| check.reason)
    }
}

/// Checks a published log; `None` if it has no checkpoint.
///
/// - `read`: returns a file of the log by its path, such as `tile/0/000`.
/// - `trust`: whom the reader trusts. A log cannot vouch for itself, so with [`Trust::Nobody`] nothing holds. From a key
///   that was retired, the log is followed to the one that came after it; a policy names its keys itself.
/// - `earlier`: signed checkpoints that the reader has kept.
pub fn check(read: &dyn Fn(&str) -> Option<Vec<u8>>, trust: &Trust, earlier: &[Vec<u8>]) -> Option<LogReport> {
    follow(read, trust, earlier, &mut Vec::new())
}

fn follow(read: Read<'_>, trust: &Trust, earlier: &[Vec<u8>], seen: &mut Vec<VerifierKey>) -> Option<LogReport> {
    let witnessed = matches!(trust, Trust::Policy(_)).then(|| read(WITNESSED)).flatten();
    let note = witnessed.or_else(|| read(CHECKPOINT))?;
    let (checks, checkpoint) = trust.open(&note, "");
    if checkpoint.is_none()
        && let Some(key) = trust.key().filter(|key| !seen.contains(key))
        && let Some(handed) = successor(read, key)
    {
        seen.push(key.clone());
        return followed(read, trust, earlier, &handed, seen);
    }
    let unproven = trust.unproven().map(str::to_owned).into_iter().collect();
    let mut report = LogReport { checks, unproven, ..LogReport::default() };
    let Some(checkpoint) = checkpoint else { return Some(report) };
    report.origin = Some(checkpoint.origin.clone());
    report.root = Some(checkpoint.root.to_string());
    report.unproven.extend(unwitnessed(read, &checkpoint));
    let (tree, walked) = tree(read, &checkpoint);
    let whole = tree.standing == Standing::Holds;
    report.checks.push(tree);
    report.unproven.extend(walked.iter().flat_map(|walk| &walk.log).filter_map(lost));
    report.walk = walked;
    let kept = earlier.iter().filter(|_| whole);
    report.checks.extend(kept.map(|note| goes_on(read, &checkpoint, note, trust)));
    report.checkpoint = Some(checkpoint);
    Some(report)
}

/// Is the last checkpoint that a retired key signed, and the key that the records under it name as the next.
struct Handed {
    note: Vec<u8>,
    next: VerifierKey,
}

/// Finds the key that came after one that signs no longer, as a checkpoint says that it has signed itself.
fn successor(read: Read<'_>, key: &VerifierKey) -> Option<Handed> {
    let note = read(&format!("{CHECKPOINT}.{}", key.id()))?;
    let (last, _) = Checkpoint::open(&note, key).ok()?;
    let (tree, walked) = tree(read, &last);
    let walked = walked.filter(|_| tree.standing == Standing::Holds)?;
    let own = key.to_string();
    let rotated = |event: &&LogEvent| event.event == LogEventKind::Rotated && event.old == [own.as_str()];
    let event = walked.log.values().rev().find(rotated)?;
    let next = event.new.iter().filter_map(|text| text.parse::<VerifierKey>().ok());
    let next = next.into_iter().find(|next| next != key && next.name() == key.name())?;
    Some(Handed { note, next })
}

/// Checks the log by a later key, and that it goes on from what the earlier one has signed.
fn followed(
    read: Read<'_>,
    trust: &Trust,
    earlier: &[Vec<u8>],
    handed: &Handed,
    seen: &mut Vec<VerifierKey>,
) -> Option<LogReport> {
    let (own, others): (Vec<_>, Vec<_>) = earlier.iter().cloned().partition(|note| trust.open(note, "").1.is_some());
    let mut report = follow(read, &Trust::Key(handed.next.clone()), &others, seen)?;
    let claim = "the log itself names the key that came after yours, under a checkpoint that yours has signed";
    report.checks.insert(0, check_of(claim, Standing::Holds, Some(handed.next.to_string())));
    let latest = read(CHECKPOINT).and_then(|note| Note::parse(&note).ok());
    if let Some(checkpoint) = latest.and_then(|note| Checkpoint::parse(note.text()).ok()) {
        let kept = own.iter().chain([&handed.note]);
        report.checks.extend(kept.map(|note| goes_on(read, &checkpoint, note, trust)));
    }
    Some(report)
}

/// Says which records were lost before a record that takes another log up.
fn lost((index, event): (&u64, &LogEvent)) -> Option<String> {
    let ended = event.ended.as_ref().filter(|ended| ended.lost() > 0)?;
    let (first, last) = (ended.found, ended.seen.saturating_sub(1));
    Some(format!("what records {first} to {last} of the log before said: they are LOST, as record {index} admits"))
}

/// Says how many records are there besides, under a signature that the policy does not take for enough; `None` if there
/// are none.
///
/// - `checkpoint`: the one that a quorum has cosigned.
pub fn unwitnessed(read: &dyn Fn(&str) -> Option<Vec<u8>>, checkpoint: &Checkpoint) -> Option<String> {
    let latest = String::from_utf8(read(CHECKPOINT)?).ok()?;
    let size: u64 = latest.lines().nth(1)?.parse().ok()?;
    let more = size.checked_sub(checkpoint.size).filter(|more| *more > 0)?;
    Some(format!("the last {more} records, which no quorum of witnesses has seen yet"))
}

/// Hashes every tile and every record, and walks the records.
fn tree(read: &dyn Fn(&str) -> Option<Vec<u8>>, checkpoint: &Checkpoint) -> (Check, Option<Walked>) {
    let claim = format!("every tile, every record and every session of {} records", checkpoint.size);
    let mut walk = Walk::new();
    let mut wrong: Option<WalkError> = None;
    let fetch = |path: &TilePath| read(&path.to_string());
    let visit = |_: u64, entry: &[u8]| {
        if wrong.is_none() {
            wrong = walk.take(entry).err();
        }
    };
    let checked = tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit);
    // What a record says is worth looking at only once it is known to be in the tree.
    let failed = match (checked, wrong) {
        (Err(error @ CheckError::Missing(_)), _) => (Standing::Missing, error.to_string(), error.code()),
        (Err(error), _) => (Standing::Broken, error.to_string(), error.code()),
        (Ok(_), Some(error)) => (Standing::Broken, error.to_string(), error.code()),
        (Ok(_), None) => return (check_of(claim, Standing::Holds, None), Some(walk.finish())),
    };
    let (standing, detail, reason) = failed;
    (check_of(claim, standing, Some(detail)).because(reason), None)
}

/// Says whether the log goes on from a checkpoint that the reader has kept.
fn goes_on(read: &dyn Fn(&str) -> Option<Vec<u8>>, checkpoint: &Checkpoint, note: &[u8], trust: &Trust) -> Check {
    let (checks, earlier) = trust.open(note, "");
    let Some(earlier) = earlier else {
        let claim = "the checkpoint that you kept is of this log";
        let detail = checks.into_iter().find_map(|check| check.detail);
        return check_of(claim, Standing::Broken, detail).because("checkpoint-foreign");
    };
    let say = |standing, detail: Option<String>| {
        check_of(format!("it goes on from the checkpoint of {} records that you kept", earlier.size), standing, detail)
    };
    if earlier.size > checkpoint.size {
        return say(Standing::Broken, Some("the log is shorter than it was".to_owned())).because("log-shortened");
    }
    match tlog::tree_root(earlier.size, &TileReader::new(checkpoint.size, |path: &TilePath| read(&path.to_string()))) {
        Ok(root) if root == earlier.root => say(Standing::Holds, None),
        Ok(_) => say(Standing::Broken, Some("its records were others then".to_owned())).because("log-forked"),
        Err(error) => say(Standing::Missing, Some(error.to_string())).because("tile-missing"),
    }
}
