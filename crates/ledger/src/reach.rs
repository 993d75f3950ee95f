//! Erasing in closed logs: a subject's key and the contents under it go there as they do in the live one.
//!
//! A closed log takes no record, so the one that says so is in the live log. What a closed journal still has of state is of
//! no use to anybody, and may name the subject: it goes too, but for the policy bundles and the log's own standing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use evidence::TenantKey;
use store::reader::About;
use store::{Batch, Erased, Erasure, Reader, StoreError, Writer};

use crate::closed::{folder, is_there};
use crate::disk::System;
use crate::recover::JOURNAL;
use crate::standing;

pub use evidence::log_archive::ELSEWHERE;

/// Is what a closed journal keeps of its state: what its decisions are computed again from.
const KEPT: [&str; 2] = ["bundle", standing::KIND];

/// Names the journal of a closed log, which must be there: opening one that is not would make an empty one, in which
/// everything seems erased.
fn journal(data: &Path, log: u64) -> Result<PathBuf, StoreError> {
    let journal = folder(data, log).join(JOURNAL);
    match is_there(&System, &journal) {
        Ok(true) => Ok(journal),
        Ok(false) => Err(StoreError::Damaged("it is missing".to_owned())),
        Err(error) => Err(StoreError::Disk(error.to_string())),
    }
}

/// Finds the number of the subject with a tag.
fn number(reader: &Reader, tag: &[u8; 32]) -> Result<Option<i64>, StoreError> {
    let rows = reader.subjects()?;
    Ok(rows.into_iter().find(|row| row.tag.as_slice() == tag).map(|row| row.id))
}

/// Is what a closed log has of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traced {
    /// How many of its records are about the subject.
    pub records: u64,
    /// The actions that they are of, as 16 bytes each.
    pub actions: BTreeSet<[u8; 16]>,
}

fn traced(about: &[About]) -> Traced {
    Traced { records: about.len() as u64, actions: about.iter().filter_map(|row| row.action).collect() }
}

/// Returns what a closed log has of a subject that was not erased there.
///
/// # Errors
///
/// What the store says.
pub fn traces(data: &Path, log: u64, tenant: &TenantKey, subject: &str) -> Result<Traced, StoreError> {
    let reader = Reader::open(&journal(data, log)?)?;
    match number(&reader, &tenant.tag(subject))? {
        Some(number) => Ok(traced(&reader.about(number)?)),
        None => Ok(Traced::default()),
    }
}

/// Erases a subject from a closed log, by its tag; that it is not there, or was erased before, is no error. Returns whether
/// the last erased byte is gone, which a reader may hold up.
///
/// # Errors
///
/// What the store says, [`StoreError::Damaged`] if the journal is missing; the same call does what is left.
pub fn erase(data: &Path, log: u64, tag: &[u8; 32]) -> Result<bool, StoreError> {
    let journal = journal(data, log)?;
    let mut writer = Writer::open(&journal)?;
    let reader = Reader::open(&journal)?;
    if let Some(subject) = number(&reader, tag)? {
        let records = reader.about(subject)?.into_iter().map(|row| Erased { seq: row.seq, by: ELSEWHERE }).collect();
        let frontier = writer.head().frontier.clone();
        writer.forget_state(&KEPT)?;
        writer.commit(&Batch { erasures: vec![Erasure { subject, records }], frontier, ..Batch::default() })?;
    }
    if writer.scrub_due() { writer.scrub(true) } else { Ok(true) }
}
