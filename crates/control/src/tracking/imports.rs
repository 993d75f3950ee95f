//! What is taken over from elsewhere: experiments, runs, logged models and registered models with their versions, as they were there.
//!
//! A thing that is here is never written over. What came with an import is marked with the digest of what its source said of it, so that the
//! same import again changes nothing, and one that was broken off goes on.

mod files;
mod logged_models;
mod registry;
mod runs;

use std::collections::BTreeMap;

use serde_json::json;
use store::tracking::{Change, Import, Mark, Stage, View};
use types::attestation::{Attestation, Imported, Taken};
use types::digest::Lines;
use types::imports::{Item, Pair};
use types::{Code, Digest};

pub use files::Owner;

use super::model_history::Mover;
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is how many imports are listed.
pub const IMPORTS_MAX: u64 = 1_000;

/// Is how many bytes the address of a source has at most.
const SOURCE_BYTES_MAX: usize = 2_048;

/// Says what became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportState {
    /// It was taken over, or more of it was.
    Taken,
    /// It was here already, just so.
    Present,
    /// It is not taken, and why.
    Refused(Refused),
}

/// Is an item with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What kind of thing it is, or is a part of.
    pub kind: &'static str,
    /// The id of that thing.
    pub id: String,
    /// What became of it.
    pub state: ImportState,
}

/// Is an import with what it has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportShown {
    /// The import.
    pub import: Import,
    /// How many things are wholly here, by kind.
    pub taken: BTreeMap<String, u64>,
    /// How many are here in part.
    pub half: u64,
    /// The digest over those that are wholly here.
    pub digest: Digest,
    /// The index of the record that says so.
    pub record: Option<u64>,
}

/// Takes things over within one change.
struct Taker<'a> {
    change: &'a Change<'a>,
    import: &'a str,
    mover: &'a Mover,
    /// The digests of runs of which all is here, as they were before the change.
    whole: &'a BTreeMap<String, Digest>,
}

fn differs(what: impl std::fmt::Display) -> Refused {
    let message = format!("{what} is here already, and is another one: it stays as it is.");
    Refused::new(ErrorCode::ResourceAlreadyExists, message).reasoned(Code::ImportDiffers)
}

fn stage(text: &str) -> Answer<Stage> {
    let known = [Stage::Active, Stage::Deleted].into_iter().find(|stage| stage.name() == text);
    known.ok_or_else(|| Refused::invalid(format!("'{text}' is neither 'active' nor 'deleted'.")))
}

fn pairs(pairs: &[Pair]) -> Vec<super::kept::Pair> {
    pairs.iter().map(|(key, value)| super::kept::Pair { key: key.clone(), value: value.clone() }).collect()
}

/// Demands that a key is there once.
fn once(pairs: &[Pair]) -> Answer<()> {
    let mut keys = std::collections::BTreeSet::new();
    match pairs.iter().find(|(key, _)| !keys.insert(key)) {
        Some((key, _)) => Err(Refused::invalid(format!("The key '{key}' is there twice."))),
        None => Ok(()),
    }
}

/// Refuses what would have to be cut to fit.
fn uncut(key: &str, value: &str, fitting: &str) -> Answer<()> {
    if value == fitting {
        return Ok(());
    }
    let (most, length) = (fitting.chars().count(), value.chars().count());
    Err(Refused::invalid(format!("The value of '{key}' has {length} characters, and {most} are taken at most.")))
}

/// Demands that what stays elsewhere is not said to be here.
fn elsewhere(location: &str) -> Answer<()> {
    models::names::artifact_location(location)?;
    if models::artifact::place(location).is_some() {
        return Err(Refused::invalid(format!(
            "'{location}' is here, and only what stays elsewhere has an address of its own."
        )));
    }
    Ok(())
}

impl Taker<'_> {
    fn take(&self, item: &Item) -> Answer<ImportState> {
        match item {
            Item::Experiment(one) => self.experiment(one, item.digest()),
            Item::Run(one) => self.run(one, item.digest()),
            Item::Points(points) => self.points(points),
            Item::RunEnd(end) => self.run_end(end),
            Item::LoggedModel(one) => self.logged_model(one, item.digest()),
            Item::ModelPoints(points) => self.model_points(points),
            Item::ModelEnd(end) => self.model_end(end),
            Item::RegisteredModel(one) => self.registered_model(one, item.digest()),
            Item::ModelVersion(one) => self.model_version(one, item.digest()),
        }
    }

    /// Holds what the source says of a thing against what it said when it was taken: nothing, if it never was; otherwise whether all of
    /// it is here.
    fn known(&self, kind: &str, id: &str, said: Digest) -> Answer<Option<bool>> {
        match self.change.imported(kind, id)? {
            None => Ok(None),
            Some(mark) if mark.said != said => {
                let message =
                    format!("The {kind} {id} was taken over before, and its source says otherwise of it now.");
                Err(Refused::new(ErrorCode::ResourceAlreadyExists, message).reasoned(Code::ImportDiffers))
            }
            Some(mark) => Ok(Some(mark.kept.is_some())),
        }
    }

    fn mark(&self, kind: &str, id: &str, said: Digest, kept: Option<Digest>) -> Answer<()> {
        let (kind, id, import) = (kind.to_owned(), id.to_owned(), self.import.to_owned());
        Ok(self.change.mark_imported(&Mark { kind, id, import, said, kept, at: self.mover.at })?)
    }

    /// Returns the mark of a thing that was taken over.
    fn marked(&self, kind: &str, id: &str) -> Answer<Mark> {
        let missing = || Refused::absent(format!("The {kind} {id} was not taken over."));
        self.change.imported(kind, id)?.ok_or_else(missing)
    }

    /// Demands that the experiment that something belongs to was taken over.
    fn in_experiment(&self, id: i64) -> Answer<()> {
        self.marked("experiment", &id.to_string()).map(drop)
    }
}

/// Tells a refusal of one item from a failure of the machine, which ends the batch.
fn judged(item: &Item, taken: Answer<ImportState>) -> Answer<Judged> {
    let state = match taken {
        Err(refused) if is_machine(&refused) => return Err(refused),
        Err(refused) => ImportState::Refused(refused),
        Ok(state) => state,
    };
    Ok(Judged { kind: item.kind(), id: item.id(), state })
}

fn is_machine(refused: &Refused) -> bool {
    matches!(refused.code, ErrorCode::InternalError | ErrorCode::TemporarilyUnavailable)
}

/// Returns an import of a person that is not over.
fn open(view: &View<'_>, id: &str, by: &str) -> Answer<Import> {
    let import = view.import(id)?.filter(|import| import.by == by);
    let import = import.ok_or_else(|| Refused::absent(format!("There is no import {id} of yours.")))?;
    if import.ended.is_some() {
        let message = format!("The import {id} is over.");
        return Err(Refused::new(ErrorCode::BadRequest, message).reasoned(Code::StateConflict));
    }
    Ok(import)
}

/// Puts an import together with what it has taken.
fn shown(view: &View<'_>, import: Import) -> Answer<ImportShown> {
    let (mut taken, mut lines): (BTreeMap<String, u64>, Lines) = (BTreeMap::new(), Lines::default());
    view.each_imported(&import.id, |mark, kept| {
        lines.add(&json!([mark.kind, mark.id, kept.to_string()]).to_string());
        let count = taken.entry(mark.kind).or_default();
        *count = count.saturating_add(1);
    })?;
    let half = u64::try_from(view.half_imported(&import.id)?).unwrap_or(0);
    let record = import.attestation.map_or(Ok(None), |place| view.attestation(place))?;
    let record = record.and_then(|attested| attested.record);
    Ok(ImportShown { import, taken, half, digest: lines.finish(), record })
}

impl Tracking {
    /// Begins an import from a source, or goes on with the one of the same person and source that was broken off.
    ///
    /// # Errors
    ///
    /// A source that is empty, too long, or holds credentials or control characters.
    pub(crate) fn begin_import(&self, who: &Holder, source: String) -> Answer<ImportShown> {
        let has_password =
            source.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or_default().contains('@'));
        if source.trim().is_empty()
            || source.len() > SOURCE_BYTES_MAX
            || source.chars().any(char::is_control)
            || has_password
        {
            return Err(Refused::invalid(format!(
                "A source has 1 to {SOURCE_BYTES_MAX} bytes, no control characters and no credentials."
            )));
        }
        let (by, id, began) = (who.principal.subject(), self.new_id(), self.now());
        self.kept.change(move |change| {
            if let Some(import) = change.open_import(&source, &by)? {
                return shown(change, import);
            }
            let import = Import { id, source, by, began, ended: None, attestation: None };
            change.add_import(&import)?;
            shown(change, import)
        })
    }

    /// Takes a batch over: each item wholly or not at all, and all that are taken in one change.
    ///
    /// # Errors
    ///
    /// An import that is not there, is another's, or is over; what the disk says, and then nothing of the batch is kept.
    pub(crate) fn take(&self, who: &Holder, import: &str, items: Vec<Item>) -> Answer<Vec<Judged>> {
        let whole = self.digests_of(&items)?;
        let (by, import, mover) = (who.principal.subject(), import.to_owned(), self.mover(who, None));
        let judged = self.kept.change(move |change| {
            open(change, &import, &by)?;
            let one = |item: &Item| {
                let take =
                    |change: &Change<'_>| Taker { change, import: &import, mover: &mover, whole: &whole }.take(item);
                judged(item, change.attempt(take))
            };
            items.iter().map(one).collect::<Answer<Vec<Judged>>>()
        })?;
        self.ended.notify_one();
        Ok(judged)
    }

    /// Ends an import: what it has taken is attested, unless that is nothing.
    ///
    /// - `left`: how many things of the source were not taken, as whoever imports says.
    ///
    /// # Errors
    ///
    /// An import that is not there, is another's, or is over.
    pub(crate) fn end_import(&self, who: &Holder, import: &str, left: u64) -> Answer<String> {
        let (by, id, at) = (who.principal.subject(), import.to_owned(), self.now());
        self.kept.change(move |change| {
            let ImportShown { import, taken, digest, .. } = shown(change, open(change, &id, &by)?)?;
            let taken: Vec<Taken> = taken.into_iter().map(|(kind, count)| Taken { kind, count }).collect();
            let place = if taken.is_empty() {
                None
            } else {
                let (source, began) = (import.source, import.began);
                let what = Imported { import: import.id.clone(), source, taken, digest, left, began, at };
                Some(change.attest(&Attestation::Imported(what), &import.id, Some(&by))?)
            };
            change.end_import(&import.id, at, place)?;
            Ok(import.id)
        })
    }

    /// Returns an import.
    ///
    /// # Errors
    ///
    /// One that is not there.
    pub(crate) fn import(&self, id: &str) -> Answer<ImportShown> {
        self.kept.view(|view| {
            let import = view.import(id)?.ok_or_else(|| Refused::absent(format!("There is no import {id}.")))?;
            shown(view, import)
        })
    }

    /// Returns imports, the latest first, [`IMPORTS_MAX`] at most.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(crate) fn imports(&self) -> Answer<Vec<ImportShown>> {
        self.kept.view(|view| view.imports(IMPORTS_MAX)?.into_iter().map(|import| shown(view, import)).collect())
    }

    /// Takes the digests of the runs that a batch says are wholly here; whoever writes waits for none of it.
    fn digests_of(&self, items: &[Item]) -> Answer<BTreeMap<String, Digest>> {
        let ends = items.iter().filter_map(|item| if let Item::RunEnd(end) = item { Some(&end.run) } else { None });
        self.kept.view(|view| {
            let mut digests = BTreeMap::new();
            for id in ends {
                if let Some(run) = view.run(id)? {
                    let mut lines = Lines::default();
                    for part in super::anchors::anchor(view, &run, 0)?.parts {
                        lines.add(&json!([part.name, part.digest.to_string()]).to_string());
                    }
                    digests.insert(id.clone(), lines.finish());
                }
            }
            Ok(digests)
        })
    }
}
