//! Computing each decision of a closed log again, from an archive that holds its contents open.

use std::collections::BTreeMap;

use evidence::claims::Read;
use evidence::log_archive::{CONTENTS_AT_ONCE, Contents, Kept, LogManifest, bundle_name, contents_name};
use evidence::published::CHECKPOINT;
use evidence::{Leaf, RecordKind, Standing, commit};
use policy::BundleFiles;
use serde::Serialize;
use tlog::checkpoint::Checkpoint;
use tlog::{Note, TilePath};
use types::cbor;

use crate::again::Replayed;
use crate::bundles::Bundles;
use crate::report::{DecisionReport, report, standing};

/// Is how many decisions that are not equal are kept with their places; the others are counted.
const TOLD_MAX: usize = 100;

/// Returns a file of the archive by its name.
type Fetch<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Is how the decisions of a whole log came out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Decisions {
    /// How many there are.
    pub decisions: u64,
    /// How many came out as they are recorded.
    pub equal: u64,
    /// How many came out otherwise.
    pub differs: u64,
    /// How many were erased.
    pub erased: u64,
    /// How many have values that are withheld.
    pub withheld: u64,
    /// How many lack what they need, as far as it was not erased or withheld.
    pub missing: u64,
    /// The first hundred that are not equal.
    pub others: Vec<DecisionReport>,
    /// Who told the facts that neither proposal nor bundle decide, with the number of decisions.
    pub told_by: BTreeMap<String, u64>,
}

impl Decisions {
    /// Returns how all of them stand together; that there are none holds.
    pub fn standing(&self) -> Standing {
        let found = [
            (self.differs, Standing::Broken),
            (self.missing, Standing::Missing),
            (self.erased, Standing::Erased),
            (self.withheld, Standing::Withheld),
        ];
        found.into_iter().filter(|(count, _)| *count > 0).map(|(_, how)| how).fold(Standing::Holds, Standing::and)
    }

    /// Returns the stable word for why not all of them hold.
    pub fn reason(&self) -> Option<&'static str> {
        match self.standing() {
            Standing::Holds => None,
            Standing::Broken => Some("decision-differs"),
            Standing::Missing => Some("decision-incomputable"),
            Standing::Erased => Some("erased"),
            Standing::Withheld => Some("withheld"),
        }
    }

    fn take(&mut self, told: DecisionReport) {
        self.decisions += 1;
        let count = match &told.replayed {
            Replayed::Equal => &mut self.equal,
            Replayed::Differs(_) => &mut self.differs,
            Replayed::Erased => &mut self.erased,
            Replayed::Withheld(_) => &mut self.withheld,
            Replayed::Missing(_) => &mut self.missing,
        };
        *count += 1;
        for source in &told.told_by {
            *self.told_by.entry(source.clone()).or_default() += 1;
        }
        if standing(&told.replayed) != Standing::Holds && self.others.len() < TOLD_MAX {
            self.others.push(told);
        }
    }
}

/// Computes every decision of an archive again; `None` if its contents are not open, or it is not whole.
///
/// The archive MUST have been checked: [`evidence::log_archive::check`] says whether signature, tree and contents hold.
///
/// - `read`: returns a file of the archive.
/// - `more`: policy bundles that the reader has from elsewhere.
pub fn log_archive(read: Fetch<'_>, manifest: &LogManifest, mut more: Bundles) -> Option<Decisions> {
    if manifest.contents != Contents::Opened {
        return None;
    }
    for digest in &manifest.bundles {
        let files = read(&bundle_name(digest)).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        files.into_iter().for_each(|files| more.add(BundleFiles(files)));
    }
    let checkpoint = Checkpoint::parse(Note::parse(&read(CHECKPOINT)?).ok()?.text()).ok()?;
    let (mut found, mut kept) = (Decisions::default(), Vec::new());
    let visit = |index: u64, entry: &[u8]| {
        if index.is_multiple_of(CONTENTS_AT_ONCE) {
            kept = cbor::decode(&read(&contents_name(index)).unwrap_or_default()).unwrap_or_default();
        }
        let leaf = Leaf::from_bytes(entry).ok().filter(|leaf| leaf.kind == RecordKind::Decided);
        if let Some(leaf) = leaf {
            found.take(again(index, entry, leaf, &kept, &more));
        }
    };
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, |path: &TilePath| read(&path.to_string()), visit).ok()?;
    Some(found)
}

fn again(index: u64, bytes: &[u8], leaf: Leaf, kept: &[Kept], bundles: &Bundles) -> DecisionReport {
    let place = usize::try_from(index % CONTENTS_AT_ONCE).unwrap_or(usize::MAX);
    let kept = kept.get(place);
    let shown = kept.and_then(|kept| kept.shown.as_ref()).and_then(|shown| commit::check(&leaf, shown).ok());
    let erased = kept.is_some_and(|kept| kept.erased_by.is_some());
    report(&Read { index, bytes, leaf, shown, erased }, bundles)
}
