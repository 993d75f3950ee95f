//! What a time-stamp adds to a report: whether an authority has signed one, and apart from that, whether it is about the
//! checkpoint in question.

use tlog::checkpoint::Checkpoint;
use tlog::{Note, TilePath, TileReader};

use crate::archive::Archive;
use crate::published::LogReport;
use crate::timestamp::{Authorities, Timestamp};
use crate::verify::{Check, Report, Standing, check as check_of};

/// Is the file of the last checkpoint that an authority has time-stamped.
pub const TIMESTAMPED: &str = "checkpoint.timestamped";

/// Is the folder of every token, each beside the exact bytes of the checkpoint that it is about.
pub const TIMESTAMPS: &str = "timestamps";

const SIGNED: &str = "the time-stamp is signed by an authority that you trust";
const CLAIM: &str = "the checkpoint was there at a time that this authority vouches for";

/// Returns the path of the token for the checkpoint of so many records.
pub fn token_path(size: u64) -> String {
    format!("{TIMESTAMPS}/{size}.tst")
}

/// Returns the path of the checkpoint that [`token_path`] is about.
pub fn note_path(size: u64) -> String {
    format!("{TIMESTAMPS}/{size}.checkpoint")
}

/// Is how a time-stamp stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// Whether an authority that is trusted has signed it.
    pub signature: Check,
    /// Whether it is about the checkpoint, and what it says then.
    pub claim: Check,
}

impl Stamped {
    fn missing(why: &str) -> Self {
        let missing = |claim| check_of(claim, Standing::Missing, Some(why.to_owned())).because("timestamp-missing");
        Self { signature: missing(SIGNED), claim: missing(CLAIM) }
    }

    /// Returns the standing of both together.
    pub fn standing(&self) -> Standing {
        self.signature.standing.and(self.claim.standing)
    }
}

/// Checks the token that a reader demands for the exact bytes of a checkpoint; what is missing never passes.
pub fn check(token: Option<&[u8]>, checkpoint: &[u8], trusted: &Authorities) -> Stamped {
    let Some(token) = token else { return Stamped::missing("there is no time-stamp") };
    let stamp = match Timestamp::verify(token, trusted) {
        Ok(stamp) => stamp,
        Err(error) => {
            let signature = check_of(SIGNED, Standing::Broken, Some(error.to_string())).because(error.reason());
            return Stamped { signature, ..Stamped::missing("no time-stamp that holds") };
        }
    };
    let signature = check_of(SIGNED, Standing::Holds, None);
    if !stamp.covers(checkpoint) {
        let other = Some("it is about other bytes than this checkpoint".to_owned());
        return Stamped { signature, claim: check_of(CLAIM, Standing::Broken, other).because("timestamp-foreign") };
    }
    let claim = format!("the checkpoint was there at {}, as {} vouches", stamp.time(), stamp.by());
    Stamped { signature, claim: check_of(claim, Standing::Holds, None) }
}

/// Adds to the report about a bundle how its time-stamp stands; a reader who names no authority is told what that leaves
/// open.
pub fn of_bundle(bundle: &Archive, trusted: Option<&Authorities>, report: &mut Report) {
    let Some(trusted) = trusted else {
        if bundle.timestamp.is_some() {
            report.unproven.push("when its checkpoint was there (you named no authority to check its time-stamp with)");
        }
        return;
    };
    let stamped = check(bundle.timestamp.as_deref(), &bundle.checkpoint, trusted);
    report.signature.push(stamped.signature);
    report.claims.push(stamped.claim);
}

/// Adds to the report about a published log how its last time-stamp stands, and whether the log is the one it is about.
///
/// - `read`: returns a file of the log by its path.
pub fn of_log(read: &dyn Fn(&str) -> Option<Vec<u8>>, trusted: &Authorities, report: &mut LogReport) {
    let size = report.walk.as_ref().map(|walk| walk.records);
    let (stamped, covered) = last(read, trusted, size);
    report.checks.extend([stamped.signature, stamped.claim]);
    report.checks.extend(covered.as_ref().map(|(check, _)| check.clone()));
    let covered = covered.map(|(_, covered)| covered);
    if let Some(more) = size.and_then(|size| size.checked_sub(covered?)).filter(|more| *more > 0) {
        report
            .unproven
            .push(format!("when the last {more} records were there, which no authority has time-stamped yet"));
    }
}

type Covered = (Check, u64);

/// Checks the last time-stamp, and that the log begins with the records it covers, whoever has signed them since: the token
/// names their root.
fn last(
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
    trusted: &Authorities,
    size: Option<u64>,
) -> (Stamped, Option<Covered>) {
    let Some(note) = read(TIMESTAMPED) else { return (Stamped::missing("no checkpoint is time-stamped"), None) };
    let parsed = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    let Some(checkpoint) = parsed else {
        return (Stamped::missing(&format!("`{TIMESTAMPED}` is no checkpoint")), None);
    };
    let stamped = check(read(&token_path(checkpoint.size)).as_deref(), &note, trusted);
    let claim = format!("the log begins with the {} records of that checkpoint", checkpoint.size);
    let say = |standing, reason| check_of(claim.clone(), standing, None).because(reason);
    let covered = match size {
        None => say(Standing::Missing, "log-unusable"),
        Some(size) if checkpoint.size > size => say(Standing::Broken, "log-shortened"),
        Some(size) => {
            let tiles = TileReader::new(size, |path: &TilePath| read(&path.to_string()));
            match tlog::tree_root(checkpoint.size, &tiles) {
                Ok(root) if root == checkpoint.root => check_of(claim, Standing::Holds, None),
                Ok(_) => say(Standing::Broken, "log-forked"),
                Err(_) => say(Standing::Missing, "tile-missing"),
            }
        }
    };
    (stamped, Some((covered, checkpoint.size)))
}
