//! What a start must know of the log before it goes on: whether it is frozen, whether it is behind what was seen of it, and
//! whether the files of an epoch that ended lie where the present one's belong.

use std::sync::Arc;

use evidence::LogEnd;
use store::{Head, Reader};
use tlog::checkpoint::Checkpoint;
use types::Digest;

use crate::closed::{self, ClosedLog, move_to_free, read};
use crate::disk::Disk;
use crate::files::Folder;
use crate::machine::StateSource;
use crate::recover::{LOG, OpenError, Place, root_at};
use crate::standing::{Ended, Standing};
use crate::watermark::Seen;

const CHECKPOINT: &str = "checkpoint";

const HEAD: &str = "head";

/// Says how a journal is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As it is: one that is frozen or behind is refused.
    AsItIs,
    /// To take it up under a new origin: one that is frozen or behind is opened, and nothing of it is published.
    Anew,
    /// To put it away: it is closed, and all that is wanted of it is its end.
    PutAway,
}

/// Is what was found of a log that is to be taken up under a new origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How the log stands.
    pub standing: Standing,
    /// Where it ends, by the records that are there and what the head file has seen.
    pub end: LogEnd,
    /// The origins that end with it: its own, and that of a later epoch that only the head file knows of.
    pub origins: Vec<String>,
    /// The origins of the logs that were closed before it, the first first.
    pub before: Vec<String>,
    /// Something that was acknowledged is not there, be it a change of state that no record says, or nobody knows how much was.
    pub short: bool,
}

impl Found {
    /// Returns the origin of the log that ended.
    pub fn origin(&self) -> &str {
        self.standing.origin()
    }

    /// Returns the number of its epoch, from 1, counted through the logs that were closed before it too.
    pub(crate) fn epoch(&self) -> u64 {
        self.before.len() as u64 + self.standing.epoch()
    }

    /// Adds what was acknowledged last, which may be more than the head file has seen.
    pub(crate) fn and_acknowledged(self, seen: Seen, head: &Head) -> Self {
        let short = self.short || seen.commits > head.commits;
        let more = seen.size > self.end.seen;
        let end = if more { LogEnd { seen: seen.size, root: Some(Digest(seen.root.0)), ..self.end } } else { self.end };
        Self { end, short, ..self }
    }

    /// Returns the origin under which the records can go on: one that was never used.
    pub fn next_origin(&self) -> String {
        let ended = self.standing.ended.iter().map(|ended| &ended.origin);
        let known = self.before.iter().chain(ended).chain(&self.origins);
        let first = known.clone().next().map_or("", String::as_str);
        let number = |origin: &String| origin.strip_prefix(first)?.strip_prefix('/')?.parse::<u64>().ok();
        format!("{first}/{}", known.filter_map(number).max().unwrap_or(1) + 1)
    }
}

/// Holds the journal against its standing and its head file, and lets the keys sign that it names.
pub(crate) fn check(
    place: &Place,
    disk: &Arc<dyn Disk>,
    reader: &Reader,
    state: &dyn StateSource,
    size: u64,
    start: Start,
) -> Result<Found, OpenError> {
    let stored = Standing::of(state).map_err(OpenError::State)?;
    let standing = stored.unwrap_or_else(|| Standing::first(&place.keys.log.verifier()));
    if standing.frozen && start == Start::AsItIs {
        return Err(OpenError::Frozen(standing.origin().to_owned()));
    }
    if standing.is_closed() && start != Start::PutAway {
        return Err(OpenError::Closed(standing.origin().to_owned()));
    }
    let closed = ClosedLog::all(reader)?;
    closed::put_away(place, disk, &closed)?;
    move_away(place, disk, &standing)?;
    let found = check_head_file(place, disk, reader, size, standing)?;
    let found = Found { before: closed.into_iter().flat_map(|log| log.origins).collect(), ..found };
    if start == Start::Anew {
        return Ok(found);
    }
    if found.end.lost() > 0 {
        return Err(OpenError::Behind { found: found.end.found, seen: found.end.seen });
    }
    let keys = |e: crate::ring::RingError| OpenError::Keys(e.to_string());
    place.keys.log.settle(&found.standing).map_err(keys)?;
    if start == Start::PutAway {
        return Ok(found);
    }
    // A key that no record names was prepared for a change that never came, or was retired as the process died.
    place.keys.log.forget_others().map_err(keys)?;
    Ok(found)
}

fn check_head_file(
    place: &Place,
    disk: &Arc<dyn Disk>,
    reader: &Reader,
    size: u64,
    standing: Standing,
) -> Result<Found, OpenError> {
    let failed = |error| OpenError::Folder { path: place.head.clone(), error };
    let folder = Folder::open(disk.clone(), &place.head).map_err(failed)?;
    let all = || Ok::<_, OpenError>(LogEnd { found: size, seen: size, root: Some(Digest(root_at(reader, size)?.0)) });
    let mut origins = vec![standing.origin().to_owned()];
    let Some(bytes) = folder.read(HEAD).map_err(failed)? else {
        return Ok(Found { end: all()?, standing, origins, before: Vec::new(), short: false });
    };
    let (seen, _) = (place.keys.log.open(&bytes))
        .map_err(|e| OpenError::Keys(format!("the head file is not signed by a key of this log: {e}")))?;
    if seen.size > size {
        let end = LogEnd { found: size, seen: seen.size, root: Some(Digest(seen.root.0)) };
        origins.extend((!origins.contains(&seen.origin)).then_some(seen.origin));
        return Ok(Found { standing, end, origins, before: Vec::new(), short: true });
    }
    if root_at(reader, seen.size)? != seen.root {
        return Err(OpenError::Mismatch(format!(
            "its first {} records are not those the head file has seen",
            seen.size
        )));
    }
    Ok(Found { end: all()?, standing, origins, before: Vec::new(), short: false })
}

/// Moves the files of an epoch that ended away from where those of the present one belong: the published ones to `log.N`,
/// the head file to `head.N`. What a crash has left half done is done by the next start.
///
/// # Errors
///
/// [`OpenError::Folder`] if they cannot be moved; [`OpenError::Behind`] if the head file has seen more of an epoch that
/// ended than the record of its end acknowledges.
pub fn move_away(place: &Place, disk: &Arc<dyn Disk>, standing: &Standing) -> Result<(), OpenError> {
    let Place { data, head, .. } = place;
    for (ended, number) in standing.ended.iter().zip(1_u64..) {
        let failed = |error| OpenError::Folder { path: head.clone(), error };
        let seen = read(disk.as_ref(), &head.join(HEAD)).map_err(failed)?;
        if let Some(seen) = seen.filter(|seen| seen.origin == ended.origin) {
            acknowledged(ended, &seen)?;
            move_to_free(disk.as_ref(), head, HEAD, &number.to_string()).map_err(failed)?;
        }
        let failed = |error| OpenError::Folder { path: data.clone(), error };
        let published = read(disk.as_ref(), &data.join(LOG).join(CHECKPOINT)).map_err(failed)?;
        if published.is_some_and(|published| published.origin == ended.origin) {
            move_to_free(disk.as_ref(), data, LOG, &number.to_string()).map_err(failed)?;
        }
    }
    Ok(())
}

fn acknowledged(ended: &Ended, seen: &Checkpoint) -> Result<(), OpenError> {
    if seen.size <= ended.end.seen {
        return Ok(());
    }
    Err(OpenError::Behind { found: ended.end.found, seen: seen.size })
}

/// Returns how many records the head file says there were, whoever signed it; `None` if it says nothing.
pub(crate) fn seen_by_head_file(place: &Place, disk: &Arc<dyn Disk>) -> Result<Option<u64>, OpenError> {
    let failed = |error| OpenError::Folder { path: place.head.clone(), error };
    Ok(read(disk.as_ref(), &place.head.join(HEAD)).map_err(failed)?.map(|seen| seen.size))
}
