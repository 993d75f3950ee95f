//! The `.evidence` bundle: leaves, proofs and disclosures in one file that needs no server.
//!
//! A ZIP whose entries are stored, not compressed: `manifest.json`, `checkpoint`, and per record
//! `records/INDEX.leaf`, `records/INDEX.tlog-proof` (C2SP) and, unless erased, `records/INDEX.disclosure`; per policy
//! bundle that is included, `bundles/DIGEST.json` with the text of each of its files. `timestamp.tst` is an authority's
//! time-stamp of `checkpoint`, where there is one, and `custody.dsse` what the statement key has signed of `manifest.json`.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use serde::{Deserialize, Serialize};
use tlog::hash::Hash;
use tlog::{LogProof, write_log_proof};
use types::{Digest, cbor};
use zip::write::SimpleFileOptions;

use crate::about::About;
use crate::commit::Disclosure;
pub use crate::custody::Custody;

/// Is the format this code writes and reads.
pub const FORMAT: &str = "countersign/evidence/1";

/// Is the entry of the time-stamp.
const TIMESTAMP: &str = "timestamp.tst";

/// Is the entry of the statement key's signature.
const ATTESTATION: &str = "custody.dsse";

const ENTRY_BYTES_MAX: u64 = 16 << 20;
const RECORDS_MAX: usize = 100_000;
const BUNDLES_MAX: usize = 1_000;

/// Is `manifest.json`: what the bundle claims to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format, [`FORMAT`].
    pub format: String,
    /// What it is about.
    pub about: About,
    /// How, when and from what it was made, as the exporter says.
    pub custody: Custody,
    /// The log's verifier key as the exporter knows it; trust comes from elsewhere.
    pub log_key: String,
    /// The indices of the records inside, ascending.
    pub records: Vec<u64>,
    /// The records whose content was erased.
    pub erased: Vec<u64>,
    /// The policy bundles inside, ascending.
    pub bundles: Vec<Digest>,
}

/// Holds the files of a policy bundle: text by path.
pub type PolicyFiles = BTreeMap<String, String>;

/// Is one record in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedRecord {
    /// Its index in the log.
    pub index: u64,
    /// The leaf's exact bytes.
    pub leaf: Vec<u8>,
    /// The inclusion proof into the bundle's checkpoint.
    pub proof: Vec<Hash>,
    /// What is shown of its content; absent if it was erased.
    pub disclosure: Option<Disclosure>,
}

/// Is a whole bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// What it claims to hold.
    pub manifest: Manifest,
    /// The signed checkpoint every proof leads to.
    pub checkpoint: Vec<u8>,
    /// The records, in order of index.
    pub records: Vec<ArchivedRecord>,
    /// The policy bundles that decisions were made under, as far as they are included.
    pub bundles: BTreeMap<Digest, PolicyFiles>,
    /// An authority's time-stamp of the checkpoint, where one was made (RFC 3161).
    pub timestamp: Option<Vec<u8>>,
    /// What the statement key has signed of the manifest, where it has: an in-toto statement in a DSSE envelope.
    pub attestation: Option<Vec<u8>>,
}

impl Manifest {
    /// Writes the manifest as the bundle holds it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers alone, which JSON always has room for.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// Says why a file is not a bundle.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file is not a ZIP this code reads.
    #[error("not an evidence bundle: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// A part cannot be read.
    #[error("`{name}` cannot be read: {why}")]
    Part {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The manifest names another format.
    #[error("the bundle's format is `{0}`, this program knows `{FORMAT}`")]
    Format(String),
}

impl ArchiveError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> types::Code {
        types::Code::EvidenceBroken
    }
}

fn part(name: &str, why: impl ToString) -> ArchiveError {
    ArchiveError::Part { name: name.to_owned(), why: why.to_string() }
}

fn entry_name(index: u64, kind: &str) -> String {
    format!("records/{index:012}.{kind}")
}

fn bundle_name(digest: &Digest) -> String {
    format!("bundles/{digest}.json")
}

impl Archive {
    /// Writes the bundle as the bytes of a `.evidence` file; the same bundle gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Zip`] if the bundle exceeds what a ZIP can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArchiveError> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut put = |name: &str, bytes: &[u8]| -> Result<(), ArchiveError> {
            zip.start_file(name, stored)?;
            zip.write_all(bytes).map_err(|e| part(name, e))
        };
        put("manifest.json", &self.manifest.to_bytes())?;
        put("checkpoint", &self.checkpoint)?;
        if let Some(token) = &self.timestamp {
            put(TIMESTAMP, token)?;
        }
        if let Some(envelope) = &self.attestation {
            put(ATTESTATION, envelope)?;
        }
        for (digest, files) in &self.bundles {
            let name = bundle_name(digest);
            put(&name, &serde_json::to_vec_pretty(files).map_err(|e| part(&name, e))?)?;
        }
        for record in &self.records {
            put(&entry_name(record.index, "leaf"), &record.leaf)?;
            let proof = write_log_proof(record.index, &record.proof, &self.checkpoint, None);
            put(&entry_name(record.index, "tlog-proof"), &proof)?;
            if let Some(disclosure) = &record.disclosure {
                put(&entry_name(record.index, "disclosure"), &cbor::encode(disclosure))?;
            }
        }
        Ok(zip.finish()?.into_inner())
    }

    /// Reads a bundle, refusing entries over 16 MiB, entries that lie over one another, and more than 100,000 records.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`], as described there. Nothing is verified yet: that is [`crate::verify::archive`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let mut parts = Parts { zip: zip::ZipArchive::new(Cursor::new(bytes))?, left: bytes.len() as u64 };
        let text = parts.required("manifest.json")?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| part("manifest.json", e))?;
        if manifest.format != FORMAT {
            return Err(ArchiveError::Format(manifest.format));
        }
        let in_order = manifest.records.is_sorted_by(|a, b| a < b) && manifest.bundles.is_sorted_by(|a, b| a < b);
        if manifest.records.len() > RECORDS_MAX || manifest.bundles.len() > BUNDLES_MAX || !in_order {
            let why = "there are too many records or policy bundles, or they are not in order, each once";
            return Err(part("manifest.json", why));
        }
        let checkpoint = parts.required("checkpoint")?;
        let bundles =
            manifest.bundles.iter().map(|d| Ok((*d, parts.bundle(d)?))).collect::<Result<_, ArchiveError>>()?;
        let records = manifest.records.iter().map(|i| parts.record(*i, &checkpoint)).collect::<Result<_, _>>()?;
        let timestamp = parts.optional(TIMESTAMP)?;
        let attestation = parts.optional(ATTESTATION)?;
        // What is signed is the text, and what is checked is what was read of it.
        if attestation.is_some() && text != manifest.to_bytes() {
            return Err(part("manifest.json", "it is signed, and not written the one way it can be"));
        }
        Ok(Self { manifest, checkpoint, records, bundles, timestamp, attestation })
    }
}

/// Is a bundle being read, and how many bytes its entries may still have: stored, and each read once, they cannot have
/// more than the file, unless a few bytes are to pass for many entries.
struct Parts<'a> {
    zip: zip::ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl Parts<'_> {
    fn optional(&mut self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut file = match self.zip.by_name(name) {
            Ok(file) => file,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        let bytes_max = ENTRY_BYTES_MAX.min(self.left);
        let read = file.by_ref().take(bytes_max + 1).read_to_end(&mut bytes).map_err(|e| part(name, e))? as u64;
        if read > ENTRY_BYTES_MAX {
            return Err(part(name, "larger than 16 MiB"));
        }
        self.left = self.left.checked_sub(read).ok_or_else(|| part(name, "it lies over other parts"))?;
        Ok(Some(bytes))
    }

    fn required(&mut self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        self.optional(name)?.ok_or_else(|| part(name, "missing"))
    }

    fn bundle(&mut self, digest: &Digest) -> Result<PolicyFiles, ArchiveError> {
        let name = bundle_name(digest);
        let bytes = self.required(&name)?;
        serde_json::from_slice(&bytes).map_err(|e| part(&name, e))
    }

    fn record(&mut self, index: u64, checkpoint: &[u8]) -> Result<ArchivedRecord, ArchiveError> {
        let leaf = self.required(&entry_name(index, "leaf"))?;
        let name = entry_name(index, "tlog-proof");
        let proof = read_proof(&self.required(&name)?, index, checkpoint).map_err(|why| part(&name, why))?;
        let name = entry_name(index, "disclosure");
        let bytes = self.optional(&name)?;
        let disclosure = bytes.map(|bytes| cbor::decode(&bytes).map_err(|e| part(&name, e))).transpose()?;
        Ok(ArchivedRecord { index, leaf, proof, disclosure })
    }
}

/// Reads a C2SP proof that stands in front of the bundle's own checkpoint.
fn read_proof(bytes: &[u8], index: u64, checkpoint: &[u8]) -> Result<Vec<Hash>, String> {
    let proof = LogProof::parse(bytes).map_err(|e| e.to_string())?;
    if !bytes.ends_with(checkpoint) || proof.checkpoint.to_string().as_bytes() != checkpoint {
        return Err("it is not about this bundle's checkpoint".to_owned());
    }
    if proof.index != index || proof.extra.is_some() {
        return Err("it is about another record, or says more".to_owned());
    }
    Ok(proof.hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(bytes: &[u8]) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }

    /// Writes a header of an entry, as it stands before its bytes, or with the offset as it stands in the directory.
    fn header(out: &mut Vec<u8>, name: &str, bytes: &[u8], offset: Option<usize>) {
        let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        out.extend(if offset.is_some() { b"PK\x01\x02\x0a\0".as_slice() } else { b"PK\x03\x04" });
        out.extend(b"\x0a\0\0\0\0\0\0\0\x21\0");
        out.extend([crc(bytes).to_le_bytes(), number(bytes.len()), number(bytes.len())].concat());
        out.extend(&number(name.len())[..2]);
        out.extend(b"\0\0");
        if let Some(offset) = offset {
            out.extend([0; 10]);
            out.extend(number(offset));
        }
        out.extend(name.as_bytes());
    }

    /// Builds a ZIP in which each entry names the stored part its bytes are.
    fn zip_of(parts: &[&[u8]], entries: &[(String, usize)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut offsets = Vec::new();
        for part in parts {
            offsets.push(out.len());
            header(&mut out, "part", part, None);
            out.extend(*part);
        }
        let directory = out.len();
        for (name, part) in entries {
            header(&mut out, name, parts[*part], Some(offsets[*part]));
        }
        let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let count = &number(entries.len())[..2];
        let end = [b"PK\x05\x06\0\0\0\0", count, count, &number(out.len() - directory), &number(directory), b"\0\0"];
        out.extend(end.concat());
        out
    }

    fn manifest(records: u64) -> Vec<u8> {
        let records: Vec<u64> = (0..records).collect();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            about: About::Records { from: 0, to: 1 },
            custody: Custody::default(),
            log_key: "k".to_owned(),
            records,
            erased: Vec::new(),
            bundles: Vec::new(),
        };
        serde_json::to_vec(&manifest).unwrap()
    }

    #[test]
    fn a_hand_made_zip_reads() {
        let entries = [("manifest.json".to_owned(), 0), ("checkpoint".to_owned(), 1)];
        let archive = Archive::from_bytes(&zip_of(&[&manifest(0), b"note"], &entries)).unwrap();
        assert_eq!((archive.checkpoint.as_slice(), archive.records.len()), (b"note".as_slice(), 0));
    }

    #[test]
    fn a_signed_manifest_is_written_the_one_way_it_can_be() {
        let compact = manifest(0);
        let read: Manifest = serde_json::from_slice(&compact).unwrap();
        let of = |text: &[u8]| {
            let entries = [("manifest.json".to_owned(), 0), ("checkpoint".to_owned(), 1), (ATTESTATION.to_owned(), 1)];
            Archive::from_bytes(&zip_of(&[text, b"note"], &entries))
        };
        let error = of(&compact).unwrap_err().to_string();
        assert!(error.ends_with("it is signed, and not written the one way it can be"), "{error}");
        assert_eq!(of(&read.to_bytes()).unwrap().attestation.as_deref(), Some(b"note".as_slice()));
    }

    #[test]
    fn a_few_bytes_do_not_pass_for_many_entries() {
        let key = tlog::SignerKey::ed25519("log.example", &[1; 32]).unwrap();
        let note = tlog::Checkpoint::new("log.example", 100, Hash([0; 32])).sign(&key).unwrap().to_string();
        let proof = |index: u64| format!("c2sp.org/tlog-proof@v1\nindex {index}\n\n{note}");
        let leaf = [0; 4_096];
        let mut parts = vec![manifest(100), note.clone().into_bytes(), leaf.to_vec()];
        let mut entries = vec![("manifest.json".to_owned(), 0), ("checkpoint".to_owned(), 1)];
        for index in 0..100 {
            entries.push((entry_name(index, "leaf"), 2));
            entries.push((entry_name(index, "tlog-proof"), parts.len()));
            parts.push(proof(index).into_bytes());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let error = Archive::from_bytes(&zip_of(&parts, &entries)).unwrap_err();
        assert!(error.to_string().ends_with("it lies over other parts"), "{error}");
    }
}
