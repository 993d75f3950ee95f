//! The records of a session as an evidence bundle shows them.

use std::collections::BTreeSet;

use evidence::claims::Read;
use evidence::{About, Archive};
use types::SessionId;

use super::recording::Source;

/// Returns what a verified bundle shows of its records.
pub fn sources_of(records: Vec<Read<'_>>) -> Vec<Source> {
    let source = |record: Read<'_>| {
        let (content, withheld, grounds) = match record.shown {
            Some(shown) => (Some(shown.content), shown.withheld, shown.withheld_grounds > 0),
            None => (None, Vec::new(), false),
        };
        let (index, leaf, erased) = (record.index, record.leaf, record.erased);
        Source { index, leaf, content, withheld, grounds_withheld: grounds, erased }
    };
    records.into_iter().map(source).collect()
}

/// Returns the sessions that a bundle holds records of: the one it is about, if it says so.
pub fn sessions_in(archive: &Archive, sources: &[Source]) -> BTreeSet<SessionId> {
    if let About::Session(session) = archive.manifest.about {
        return BTreeSet::from([session]);
    }
    sources.iter().filter_map(|source| Some(source.leaf.session.as_ref()?.session)).collect()
}
