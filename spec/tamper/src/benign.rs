//! What an honest log and honest evidence may look like: a verifier that refuses one of these is of no use.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};

use evidence::Archive;
use evidence::Standing;
use evidence::published::{CHECKPOINT, WITNESSED};
use tlog::prove::prove_inclusion;
use tlog::{CosignerKey, NoteSignature};

use crate::case::{Draft, Given, Reader};
use crate::material::{Logs, Material};
use crate::published::kept_notes;
use crate::random::Choices;
use crate::reader::{Asking, Seen};
use crate::render::{Files, note_bytes, tiles};

/// Is how many numbers are tried for each variant that is wanted.
const TRIES: usize = 20;

/// Is an honest variant, and how it must stand.
pub struct Variant {
    /// Its number; not every number gives a variant.
    pub number: usize,
    /// What the reader is given; no reason is expected.
    pub draft: Draft,
    /// How its claims must stand; its signatures hold in any case.
    pub standing: Standing,
}

/// Draws so many different variants.
pub fn variants(material: &Material, wanted: usize) -> impl Iterator<Item = Variant> + '_ {
    let mut seen = BTreeSet::new();
    let drawn = (0..wanted * TRIES).filter_map(move |number| variant(material, number));
    drawn.filter(move |variant| seen.insert(variant.draft.digest())).take(wanted)
}

/// Runs so many variants, a tenth of them of the first log; returns how many there were, and what was refused of them.
pub fn run(logs: &Logs, wanted: usize) -> (usize, Vec<String>) {
    let (first, live) = (of(&logs.first, wanted / 10), of(&logs.live, wanted - wanted / 10));
    (first.0 + live.0, [first.1, live.1].concat())
}

fn of(material: &Material, wanted: usize) -> (usize, Vec<String>) {
    let asking = Asking::new(material, None);
    let mut count = 0;
    let mut refused = Vec::new();
    for variant in variants(material, wanted) {
        count += 1;
        let Seen { standing, signature, reasons, .. } = asking.see(&variant.draft);
        let signed =
            signature == if matches!(variant.draft.given, Given::Bundle { .. }) { Standing::Holds } else { standing };
        if standing != variant.standing || !signed {
            refused.push(format!("benign/{}: {standing:?} {reasons:?} ({})", variant.number, variant.draft.how));
        }
    }
    (count, refused)
}

/// Draws the variant of a number.
pub fn variant(material: &Material, number: usize) -> Option<Variant> {
    let mut choices = Choices::of(&format!("benign/{number}"));
    let (draft, standing) = if choices.once_in(3) {
        bundle(material, &mut choices)?
    } else {
        (log(material, &mut choices), Standing::Holds)
    };
    Some(Variant { number, draft, standing })
}

/// Is the log as it was at some size, or as it is with witnesses behind, read by somebody who has kept what he likes.
fn log(material: &Material, choices: &mut Choices) -> Draft {
    let witnessed = choices.between(1, material.size());
    let size = if choices.once_in(2) { witnessed } else { choices.between(witnessed, material.size()) };
    let mut files = tiles(&material.records[..size], &BTreeSet::from([witnessed, size]), choices.once_in(3));
    files.insert(CHECKPOINT.to_owned(), note_bytes(&material.checkpoint(size).signed));
    let place = if size == witnessed && choices.once_in(2) { CHECKPOINT } else { WITNESSED };
    files.insert(place.to_owned(), note(material, witnessed, choices).into_bytes().into());
    superfluous(&mut files, choices);
    let kept: Vec<usize> = (0..choices.below(4)).map(|_| choices.between(1, witnessed)).collect();
    let reader = if choices.once_in(4) { Reader::Key } else { Reader::Policy };
    let how = format!("{size} records, {witnessed} of them cosigned in `{place}`, kept {kept:?}");
    let mut notes = kept_notes(material, &kept);
    // What the log has signed binds it, whether a witness has seen it or not.
    for (note, size) in notes.iter_mut().zip(&kept).filter(|_| choices.once_in(3)) {
        *note = note_bytes(&material.checkpoint(*size).signed);
    }
    let given = Given::Log { files, kept: notes };
    Draft { how, reader, given, first: Vec::new(), also: Vec::new() }
}

/// Puts files into the log's folder that no reader asks for.
fn superfluous(files: &mut Files, choices: &mut Choices) {
    for name in ["README", "tile/9/000", "witnessing/7", "tile/entries/999"] {
        if choices.once_in(3) {
            files.insert(name.to_owned(), choices.bytes::<16>().as_slice().into());
        }
    }
}

/// Returns a cosigned checkpoint whose lines stand in some order, with some more that the policy does not know.
fn note(material: &Material, size: usize, choices: &mut Choices) -> String {
    let cosigned = material.checkpoint(size);
    let mut lines: Vec<NoteSignature> = cosigned.signed.signatures().to_vec();
    lines.extend(cosigned.lines.iter().cloned());
    if choices.once_in(3) {
        lines.push(cosigned.again.clone());
    }
    let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    for _ in 0..choices.below(3) {
        lines.push(stranger(choices));
    }
    for at in (1..lines.len()).rev() {
        lines.swap(at, choices.below(at + 1));
    }
    let below: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{}\n{below}", cosigned.signed.text())
}

/// Returns a line by a key that no policy names; what it signed is anybody's guess.
fn stranger(choices: &mut Choices) -> String {
    use base64::Engine as _;
    let key = CosignerKey::ed25519(&format!("stranger{}.example/w", choices.below(9)), &choices.bytes()).unwrap();
    let bytes = [&key.verifier().id().0[..], &choices.bytes::<72>()].concat();
    format!("— {} {}", key.verifier().name(), base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn bundle(material: &Material, choices: &mut Choices) -> Option<(Draft, Standing)> {
    let withheld = choices.once_in(4);
    let mut archive = if withheld {
        choices.one(&material.withheld)?.clone()
    } else {
        let samples: Vec<_> = material.samples.values().flatten().collect();
        choices.one(&samples)?.archive.clone()
    };
    let mut how = "a bundle".to_owned();
    if choices.once_in(2) {
        let last = archive.records.last()?.index as usize;
        let size = choices.between(last + 1, material.size());
        anchor(material, &mut archive, size);
        how.push_str(&format!(" in a tree of {size} records"));
    }
    let size = tlog_size(&archive);
    archive.checkpoint = note(material, size, choices).into_bytes();
    let own_policy = archive.bundles.is_empty() || choices.once_in(2);
    if own_policy && choices.once_in(2) {
        archive.bundles.clear();
        archive.manifest.bundles.clear();
    }
    how.push_str(if own_policy { ", the reader has the policy" } else { ", with its policy" });
    let bytes = archive.to_bytes().ok()?;
    let bytes = if choices.once_in(2) { zipped_again(&bytes, choices) } else { bytes };
    let reader = if choices.once_in(4) { Reader::Key } else { Reader::Policy };
    let draft = Draft { how, reader, given: Given::Bundle { bytes, own_policy }, first: Vec::new(), also: Vec::new() };
    Some((draft, if withheld { Standing::Withheld } else { Standing::Holds }))
}

fn tlog_size(archive: &Archive) -> usize {
    let note = crate::making::note(&archive.checkpoint);
    tlog::Checkpoint::parse(note.text()).unwrap().size as usize
}

/// Proves the records of a bundle in the tree as it was at another size.
fn anchor(material: &Material, archive: &mut Archive, size: usize) {
    let hashes: Vec<_> = material.records[..size].iter().map(|record| record.hash).collect();
    for record in &mut archive.records {
        record.proof = prove_inclusion(record.index, size as u64, hashes.as_slice()).unwrap();
    }
    archive.checkpoint = material.checkpoint(size).note();
}

/// Writes a ZIP again with its members in another order, of another time, and some that nobody asks for.
fn zipped_again(bytes: &[u8], choices: &mut Choices) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut order: Vec<usize> = (0..old.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, choices.below(at + 1));
    }
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let day = choices.between(1, 28) as u8;
    let time = zip::DateTime::from_date_and_time(2026, 3, day, 4, 5, 6).unwrap();
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let options = options.last_modified_time(time);
    for at in order {
        let mut member = old.by_index(at).unwrap();
        new.start_file(member.name().unwrap().into_owned(), options).unwrap();
        std::io::copy(&mut member, &mut new).unwrap();
    }
    if choices.once_in(3) {
        new.start_file("README", options).unwrap();
        new.write_all(b"as it was sent to us").unwrap();
    }
    new.finish().unwrap().into_inner()
}
