//! Drawing the cases of a corpus: by class, by kind of record, by number.

use std::collections::BTreeSet;

use evidence::RecordKind;

use crate::case::{Case, Draft};
use crate::class::Class;
use crate::material::Material;
use crate::published::{ROADS, Rewritten, Road};
use crate::random::Choices;
use crate::{bundles, byte_flips, edits, forged};

/// Is how many numbers are tried for each case that is wanted.
const TRIES: usize = 60;

/// Draws the case of a number; `None` if nothing comes of that number. Depends on nothing but the log and the name.
pub fn case(material: &Material, class: Class, kind: RecordKind, number: usize) -> Option<Case> {
    let mut choices = Choices::of(&format!("{}/{}/{number}", class.as_str(), kind.as_str()));
    // A verdict can be told otherwise to a reader who computes it again, and that is where he must be right.
    let told = class == Class::VerdictEdited && kind == RecordKind::Decided;
    let draft = if choices.once_in(if told { 2 } else { 4 }) {
        bundles::draw(material, class, kind, &mut choices)
    } else {
        of_log(material, class, kind, &mut choices)
    }?;
    Some(Case { class, kind, number, draft })
}

/// Draws so many different cases of a class and a kind.
pub fn cases<'a>(
    material: &'a Material,
    class: Class,
    kind: RecordKind,
    wanted: usize,
) -> impl Iterator<Item = Case> + 'a {
    let mut seen = BTreeSet::new();
    let drawn = (0..wanted * TRIES).filter_map(move |number| case(material, class, kind, number));
    drawn.filter(move |case| seen.insert(case.draft.digest())).take(wanted)
}

fn of_log(material: &Material, class: Class, kind: RecordKind, choices: &mut Choices) -> Option<Draft> {
    let index = *choices.one(&material.of_kind(kind))?;
    match class {
        Class::ByteFlips => return byte_flips::draw(material, index, choices),
        Class::ForgedCosignature => return forged::draw(material, index, choices),
        _ => {}
    }
    let (records, how) = edits::edit(material, class, index, choices)?;
    let roads: &[Road] = match class {
        Class::OldBackup => &[Road::Unwitnessed, Road::Pasted, Road::Rollback, Road::NoWitnesses],
        _ => &ROADS,
    };
    Rewritten::of(material, records)?.publish(roads, &how, choices)
}
