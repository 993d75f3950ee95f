//! How an attacker publishes a log that he has rewritten, and what a reader must find wrong with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::published::{CHECKPOINT, WITNESSED};

use crate::case::{Draft, Given, Reader};
use crate::material::{Material, Record};
use crate::oracle::objection;
use crate::random::Choices;
use crate::render::{Files, note_bytes, signed, tiles};

/// Says how a rewritten log is put before a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    /// Signed by the log, seen by no witness.
    Unwitnessed,
    /// Signed by the log, with cosignatures of another checkpoint below.
    Pasted,
    /// The checkpoint that witnesses have cosigned is left, only the tree is another.
    Left,
    /// A checkpoint from before the change is shown, cosigned as it was.
    Rollback,
    /// Signed by the log, for a reader who asks for no witness.
    NoWitnesses,
}

/// Is every road, in order.
pub(crate) const ROADS: [Road; 5] = [Road::Unwitnessed, Road::Pasted, Road::Left, Road::Rollback, Road::NoWitnesses];

/// Is a log that an attacker has rewritten.
pub(crate) struct Rewritten<'a> {
    pub(crate) material: &'a Material,
    pub(crate) records: Vec<Record>,
    /// How many records it still has in common with the true log, from the first on.
    common: usize,
    /// What is wrong with the records themselves.
    wrong: Option<&'static str>,
}

impl<'a> Rewritten<'a> {
    /// Compares rewritten records with the true ones; `None` if nothing that was there has changed, and what was added
    /// may be there.
    pub(crate) fn of(material: &'a Material, records: Vec<Record>) -> Option<Self> {
        let common = records.iter().zip(&material.records).take_while(|(new, old)| new.hash == old.hash).count();
        let wrong = objection(&records);
        if common == material.size() && wrong.is_none() {
            return None;
        }
        Some(Self { material, records, common, wrong })
    }

    /// Says what a reader must find who holds some kept checkpoints against the rewritten log, itself being sound.
    fn against(&self, kept: &[usize]) -> Option<&'static str> {
        kept.iter().find_map(|size| match size {
            size if *size > self.records.len() => Some("log-shortened"),
            size if *size > self.common => Some("log-forked"),
            _ => None,
        })
    }

    /// Puts it before a reader on one of the roads; `None` if that one leads nowhere.
    pub(crate) fn publish(&self, roads: &[Road], how: &str, choices: &mut Choices) -> Option<Draft> {
        let road = *choices.one(roads)?;
        let draft = match road {
            Road::Unwitnessed => self.unwitnessed(choices),
            Road::Pasted => self.pasted(choices),
            Road::Left => Some(self.left(choices)),
            Road::Rollback => self.rollback(choices),
            Road::NoWitnesses => self.no_witnesses(choices),
        }?;
        Some(Draft { how: format!("{how}; {}", draft.how), ..draft })
    }

    fn draft(&self, how: String, reader: Reader, files: Files, kept: &[usize], first: Vec<&'static str>) -> Draft {
        let kept = kept.iter().map(|size| self.material.checkpoint(*size).note().into()).collect();
        Draft { how, reader, given: Given::Log { files, kept }, first, also: Vec::new() }
    }

    fn files(&self, sizes: &[usize], choices: &mut Choices) -> Files {
        tiles(&self.records, &BTreeSet::from_iter(sizes.iter().copied()), choices.once_in(3))
    }

    fn unwitnessed(&self, choices: &mut Choices) -> Option<Draft> {
        let mut files = self.files(&[self.records.len()], choices);
        let note = note_bytes(&signed(self.material, &self.records));
        let twice = choices.once_in(2);
        if twice {
            files.insert(WITNESSED.to_owned(), note.clone());
        }
        files.insert(CHECKPOINT.to_owned(), note);
        let kept = kept(self.material, choices, 0);
        let how = format!("signed by the log alone{}, kept {kept:?}", if twice { ", as if witnessed" } else { "" });
        let mut draft = self.draft(how, Reader::Policy, files, &kept, vec!["policy-quorum-missing"]);
        draft.also = self.wrong.or_else(|| self.against(&kept)).into_iter().collect();
        Some(draft)
    }

    fn pasted(&self, choices: &mut Choices) -> Option<Draft> {
        let from = choices.between(1, self.material.size());
        // Where nothing but the end is cut off, the cosignatures of that very size are true ones, and nothing is pasted.
        if from == self.records.len() && from == self.common {
            return None;
        }
        let all = &self.material.checkpoint(from).lines;
        let count = choices.between(1, all.len());
        let note = signed(self.material, &self.records).with(all[..count].iter().cloned()).unwrap();
        let mut files = self.files(&[self.records.len()], choices);
        let place = if choices.once_in(2) { CHECKPOINT } else { WITNESSED };
        files.insert(CHECKPOINT.to_owned(), note_bytes(&signed(self.material, &self.records)));
        files.insert(place.to_owned(), note_bytes(&note));
        let kept = kept(self.material, choices, 0);
        let how =
            format!("signed by the log, {count} cosignatures of {from} records below in `{place}`, kept {kept:?}");
        Some(self.draft(how, Reader::Policy, files, &kept, vec!["note-signature-invalid"]))
    }

    fn left(&self, choices: &mut Choices) -> Draft {
        let (now, then) = (self.records.len(), self.material.size());
        let kept = kept(self.material, choices, 0);
        let entries_only = now == then && choices.once_in(2);
        let mut files = self.files(&[now, then.min(now)], choices);
        if entries_only {
            let whole = tiles(&self.material.records, &BTreeSet::from([then]), false);
            files.retain(|path, _| path.starts_with("tile/entries/"));
            files.extend(whole.into_iter().filter(|(path, _)| !path.starts_with("tile/entries/")));
        }
        files.insert(WITNESSED.to_owned(), self.material.checkpoint(then).note().into());
        files.insert(CHECKPOINT.to_owned(), note_bytes(&signed(self.material, &self.records)));
        let first = match (entries_only, now < then) {
            (true, _) => "tile-mismatch",
            (false, true) => "tile-missing",
            (false, false) => "tree-root-mismatch",
        };
        let how = format!("the cosigned checkpoint left{}", if entries_only { ", and the tiles" } else { "" });
        self.draft(how, Reader::Policy, files, &kept, vec![first])
    }

    fn rollback(&self, choices: &mut Choices) -> Option<Draft> {
        if self.common == 0 {
            return None;
        }
        let shown = choices.between(1, self.common.min(self.material.size() - 1));
        let kept = kept(self.material, choices, shown + 1);
        let mut files = self.files(&[shown, self.records.len()], choices);
        files.insert(WITNESSED.to_owned(), self.material.checkpoint(shown).note().into());
        files.insert(CHECKPOINT.to_owned(), note_bytes(&signed(self.material, &self.records)));
        let how = format!("the cosigned checkpoint of {shown} records shown, kept {kept:?}");
        Some(self.draft(how, Reader::Policy, files, &kept, vec!["log-shortened"]))
    }

    fn no_witnesses(&self, choices: &mut Choices) -> Option<Draft> {
        let at_least = if self.wrong.is_some() && choices.once_in(2) { 0 } else { self.common + 1 };
        // Where records are only added, no kept checkpoint tells.
        let at_least = at_least.min(self.material.size());
        let kept = kept(self.material, choices, at_least);
        let first = self.wrong.or_else(|| self.against(&kept))?;
        let mut files = self.files(&[self.records.len()], choices);
        files.insert(CHECKPOINT.to_owned(), note_bytes(&signed(self.material, &self.records)));
        let how = format!("for a reader without witnesses, kept {kept:?}");
        Some(self.draft(how, Reader::Key, files, &kept, vec![first]))
    }
}

/// Chooses up to three sizes of which the reader has kept a checkpoint; 0 demands none, any other number one that is at
/// least so large.
pub(crate) fn kept(material: &Material, choices: &mut Choices, at_least: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..choices.below(3)).map(|_| choices.between(1, material.size())).collect();
    if at_least > 0 {
        let place = choices.below(kept.len() + 1);
        kept.insert(place, choices.between(at_least, material.size()));
    }
    kept
}

/// Returns kept checkpoints as a reader has them.
pub(crate) fn kept_notes(material: &Material, kept: &[usize]) -> Vec<Arc<[u8]>> {
    kept.iter().map(|size| material.checkpoint(*size).note().into()).collect()
}
