//! The `.evidence` bundle: leaves, proofs and disclosures in one file that needs no server.
//!
//! A ZIP whose entries are stored, not compressed: `manifest.json`, `checkpoint`, and per record
//! `records/INDEX.leaf`, `records/INDEX.tlog-proof` (C2SP) and, unless erased, `records/INDEX.disclosure`.

use std::io::{Cursor, Read, Write};

use serde::{Deserialize, Serialize};
use tlog::hash::Hash;
use types::cbor;
use zip::write::SimpleFileOptions;

use crate::commit::Disclosure;

/// Is the format this code writes and reads.
pub const FORMAT: &str = "countersign/evidence/1";

const ENTRY_BYTES_MAX: u64 = 16 << 20;
const RECORDS_MAX: usize = 100_000;

/// Is `manifest.json`: what the bundle claims to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format, [`FORMAT`].
    pub format: String,
    /// What it is about, for people: an action, a session, an agent.
    pub about: String,
    /// The log's verifier key as the exporter knows it; trust comes from elsewhere.
    pub log_key: String,
    /// The indices of the records inside, ascending.
    pub records: Vec<u64>,
    /// The records whose content was erased.
    pub erased: Vec<u64>,
}

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
        let manifest = serde_json::to_vec_pretty(&self.manifest).map_err(|e| part("manifest.json", e))?;
        put("manifest.json", &manifest)?;
        put("checkpoint", &self.checkpoint)?;
        for record in &self.records {
            put(&entry_name(record.index, "leaf"), &record.leaf)?;
            put(&entry_name(record.index, "tlog-proof"), &self.proof_text(record))?;
            if let Some(disclosure) = &record.disclosure {
                put(&entry_name(record.index, "disclosure"), &cbor::encode(disclosure))?;
            }
        }
        Ok(zip.finish()?.into_inner())
    }

    fn proof_text(&self, record: &ArchivedRecord) -> Vec<u8> {
        let mut text = format!("c2sp.org/tlog-proof@v1\nindex {}\n", record.index);
        for hash in &record.proof {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }

    /// Reads a bundle, refusing entries over 16 MiB and more than 100,000 records.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`], as described there. Nothing is verified yet: that is [`crate::verify::archive`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes))?;
        let manifest: Manifest =
            serde_json::from_slice(&required(&mut zip, "manifest.json")?).map_err(|e| part("manifest.json", e))?;
        if manifest.format != FORMAT {
            return Err(ArchiveError::Format(manifest.format));
        }
        if manifest.records.len() > RECORDS_MAX {
            return Err(part("manifest.json", "too many records"));
        }
        if !manifest.records.is_sorted_by(|a, b| a < b) {
            return Err(part("manifest.json", "the records are not in order, each once"));
        }
        let checkpoint = required(&mut zip, "checkpoint")?;
        let records =
            manifest.records.iter().map(|i| read_record(&mut zip, *i, &checkpoint)).collect::<Result<_, _>>()?;
        Ok(Self { manifest, checkpoint, records })
    }
}

type Reader<'a> = zip::ZipArchive<Cursor<&'a [u8]>>;

fn optional(zip: &mut Reader<'_>, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut file = match zip.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    let read = file.by_ref().take(ENTRY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| part(name, e))?;
    if read as u64 > ENTRY_BYTES_MAX {
        return Err(part(name, "larger than 16 MiB"));
    }
    Ok(Some(bytes))
}

fn required(zip: &mut Reader<'_>, name: &str) -> Result<Vec<u8>, ArchiveError> {
    optional(zip, name)?.ok_or_else(|| part(name, "missing"))
}

fn read_record(zip: &mut Reader<'_>, index: u64, checkpoint: &[u8]) -> Result<ArchivedRecord, ArchiveError> {
    let leaf = required(zip, &entry_name(index, "leaf"))?;
    let name = entry_name(index, "tlog-proof");
    let proof = read_proof(&required(zip, &name)?, index, checkpoint).map_err(|why| part(&name, why))?;
    let name = entry_name(index, "disclosure");
    let disclosure = optional(zip, &name)?.map(|bytes| cbor::decode(&bytes).map_err(|e| part(&name, e))).transpose()?;
    Ok(ArchivedRecord { index, leaf, proof, disclosure })
}

fn read_proof(bytes: &[u8], index: u64, checkpoint: &[u8]) -> Result<Vec<Hash>, &'static str> {
    let head = bytes.strip_suffix(checkpoint).ok_or("it is not about this bundle's checkpoint")?;
    let text = std::str::from_utf8(head).map_err(|_| "it is not text")?;
    let text = text.strip_suffix("\n\n").ok_or("no empty line before the checkpoint")?;
    let mut lines = text.split('\n');
    if lines.next() != Some("c2sp.org/tlog-proof@v1") {
        return Err("it is not a tlog-proof of version 1");
    }
    if lines.next() != Some(format!("index {index}").as_str()) {
        return Err("it is about another record");
    }
    lines.map(|line| Hash::from_base64(line).map_err(|_| "a hash is not base64 of 32 bytes")).collect()
}
