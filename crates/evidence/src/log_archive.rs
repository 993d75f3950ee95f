//! The archive of a closed log: everything of it that a stranger verifies later, as one file or as a folder.
//!
//! The published files lie in it as they were published, so that the folder is checked like any log. Beside them are the
//! contents, still sealed or opened, the policy bundles its decisions name, the trust root and the custody statement. A
//! file is a ZIP whose entries are stored, not compressed, under the names that the folder's files have.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};
use std::sync::{Mutex, PoisonError};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::{Note, TilePath, TileReader};
use types::{Digest, cbor};
use zip::CompressionMethod;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

use crate::archive::{Custody, PolicyFiles};
use crate::commit::{self, Disclosure};
use crate::erasure::Scope;
use crate::leaf::{Leaf, RecordKind};
use crate::log_event::LogEventKind;
use crate::published::{self, CHECKPOINT, LogReport, WITNESSED};
use crate::trust::Trust;
use crate::verify::{Check, Standing, check as check_of};
use crate::{seal, trust_root};

/// Is the format this code writes and reads.
pub const FORMAT: &str = "countersign/log-archive/1";

/// Is the file of the manifest.
pub const MANIFEST: &str = "archive.json";

/// Is the file of the trust root.
pub const TRUST_ROOT: &str = "trust-root.json";

/// Is how many records' contents one file holds.
pub const CONTENTS_AT_ONCE: u64 = 64;

/// Says what an archive holds of the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// They are sealed: who holds the keys can read them, and anybody can see that they are the ones.
    #[n(0)]
    Sealed,
    /// They are open, with what proves each value.
    #[n(1)]
    Opened,
    /// None are in it.
    #[n(2)]
    Left,
}

/// Is `archive.json`: what the archive claims to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogManifest {
    /// The format, [`FORMAT`].
    pub format: String,
    /// The log's last origin.
    pub origin: String,
    /// How many records it has.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// The verifier keys that signed its final checkpoint; trust comes from elsewhere.
    pub keys: Vec<String>,
    /// What it holds of the contents.
    pub contents: Contents,
    /// The policy bundles inside, ascending.
    pub bundles: Vec<Digest>,
    /// How, when and by whom it was made, in their words.
    pub custody: Custody,
}

/// Is what an archive holds of one record's content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Kept {
    /// The sealed bytes.
    #[n(0)]
    pub sealed: Option<ByteVec>,
    /// The open values, with what proves them.
    #[n(1)]
    pub shown: Option<Disclosure>,
    /// The record by which the content was erased; [`ELSEWHERE`] if that is in a later log.
    #[n(2)]
    pub erased_by: Option<u64>,
}

/// Stands where the index of an erasure's record stands, if that record is in a later log.
pub const ELSEWHERE: u64 = u64::MAX;

/// Names the file of the contents of the records from an index on.
pub fn contents_name(first: u64) -> String {
    format!("contents/{first:012}")
}

/// Names the file of a policy bundle.
pub fn bundle_name(digest: &Digest) -> String {
    format!("bundles/{digest}.json")
}

/// Returns the digest of an archive, whether it is a file or a folder: SHA-256 over a line for each of its files, sorted by
/// name, as `sha256sum` prints it.
pub fn digest(files: &BTreeMap<String, Digest>) -> Digest {
    let lines: Vec<String> = files.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    Digest::plain(lines.concat().as_bytes())
}

/// Is the reason why an archive does not hold whole, if contents were erased by the record of a later log.
pub const ERASED_ELSEWHERE: &str = "content-erased-elsewhere";

/// Counts the contents of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ContentCounts {
    /// Sealed, and those that the leaves commit to.
    pub sealed: u64,
    /// Open, and proved by the leaves.
    pub opened: u64,
    /// Erased before, as an erasure in this log shows that names the record.
    pub erased: u64,
    /// Erased after the log was closed, as whoever made the archive says: the record of it is in a later log.
    pub erased_elsewhere: u64,
    /// Not there.
    pub missing: u64,
}

/// Is what was found of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogArchiveReport {
    /// What it claims to hold.
    pub manifest: LogManifest,
    /// How its log stands.
    pub log: LogReport,
    /// What it holds of the contents.
    pub contents: ContentCounts,
    /// What was checked of the rest.
    pub checks: Vec<Check>,
}

impl LogArchiveReport {
    /// Returns the standing of everything together.
    pub fn standing(&self) -> Standing {
        self.checks.iter().map(|check| check.standing).fold(self.log.standing(), Standing::and)
    }

    /// Returns the reason of the first check that does not hold.
    pub fn reason(&self) -> Option<&'static str> {
        let first = self.checks.iter().find(|check| check.standing != Standing::Holds);
        self.log.reason().or_else(|| first.and_then(|check| check.reason))
    }
}

/// Returns a file by its name.
type Fetch<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Is what a reader brings along to an archive.
pub struct Asked<'a> {
    /// Whom they trust.
    pub trust: &'a Trust,
    /// The signed checkpoints of the log that they have kept.
    pub earlier: &'a [Vec<u8>],
    /// Returns a file of the published log that comes after, if that is to be checked too.
    pub next: Option<Fetch<'a>>,
}

impl<'a> Asked<'a> {
    /// Asks for a reader who trusts somebody and has nothing else.
    pub fn by(trust: &'a Trust) -> Self {
        Self { trust, earlier: &[], next: None }
    }
}

/// Checks an archive; `None` if it has no manifest of this format.
///
/// - `read`: returns a file of the archive.
/// - `digest_of`: returns the digest of a policy bundle.
pub fn check(
    read: Fetch<'_>,
    asked: &Asked<'_>,
    digest_of: &dyn Fn(&PolicyFiles) -> Digest,
) -> Option<LogArchiveReport> {
    let manifest: LogManifest = serde_json::from_slice(&read(MANIFEST)?).ok()?;
    if manifest.format != FORMAT {
        return None;
    }
    // Witnesses that have seen less than the whole log have not seen its end, which is what an archive is of.
    let last = |name: &str| read(name).filter(|note| name != WITNESSED || size_of(note) == Some(manifest.size));
    let log = published::check(&last, asked.trust, asked.earlier)?;
    let mut report = LogArchiveReport { manifest, log, contents: ContentCounts::default(), checks: Vec::new() };
    // What stands in files that are not the log's says nothing about the log.
    let Some(checkpoint) = report.log.checkpoint.clone().filter(|_| report.log.walk.is_some()) else {
        return Some(report);
    };
    let mut pass = Pass::of(read, &report.manifest);
    let walked = tlog::check_tree_with(
        checkpoint.size,
        &checkpoint.root,
        |path: &TilePath| read(&path.to_string()),
        |index, entry| pass.take(index, entry),
    );
    pass.settle();
    let whole = check_of("the archive is of the log's last checkpoint", held(walked.is_ok()), None);
    let checks = vec![
        whole.unless_holds("tile-missing"),
        names(&report.manifest, &checkpoint),
        pass.is_closed(),
        pass.contents(),
        policies(read, &pass.bundles, digest_of),
        root_of_trust(read, &report.manifest),
    ];
    (report.contents, report.checks) = (pass.found, checks);
    report.checks.extend(asked.next.map(|next| follows(read, &checkpoint, next)));
    Some(report)
}

fn size_of(note: &[u8]) -> Option<u64> {
    let note = Note::parse(note).ok()?;
    Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.size)
}

fn held(holds: bool) -> Standing {
    if holds { Standing::Holds } else { Standing::Broken }
}

fn names(manifest: &LogManifest, checkpoint: &Checkpoint) -> Check {
    let same = manifest.origin == checkpoint.origin
        && manifest.size == checkpoint.size
        && manifest.root == Digest(checkpoint.root.0);
    check_of("the manifest names the log that is inside", held(same), None).unless_holds("manifest-foreign")
}

fn root_of_trust(read: Fetch<'_>, manifest: &LogManifest) -> Check {
    let claim = "the trust root inside is of the keys that signed; it proves nothing by itself";
    let Some(bytes) = read(TRUST_ROOT) else {
        return check_of(claim, Standing::Missing, None).because("trust-root-missing");
    };
    let root = trust_root::TrustRoot::from_json(&bytes).ok();
    let same = root.is_some_and(|root| root.keys.iter().all(|key| manifest.keys.contains(&key.key)));
    check_of(claim, held(same), None).unless_holds("trust-root-foreign")
}

fn policies(read: Fetch<'_>, named: &BTreeSet<Digest>, digest_of: &dyn Fn(&PolicyFiles) -> Digest) -> Check {
    let claim = format!("all {} policy bundles that its decisions name are inside", named.len());
    for digest in named {
        let files = read(&bundle_name(digest)).and_then(|bytes| serde_json::from_slice::<PolicyFiles>(&bytes).ok());
        match files.map(|files| digest_of(&files)) {
            None => return check_of(claim, Standing::Missing, Some(digest.to_string())).because("bundle-missing"),
            Some(found) if found != *digest => {
                return check_of(claim, Standing::Broken, Some(digest.to_string())).because("bundle-foreign");
            }
            Some(_) => {}
        }
    }
    check_of(claim, Standing::Holds, None)
}

/// Says whether the log that comes after begins by naming this one's final checkpoint.
fn follows(read: Fetch<'_>, checkpoint: &Checkpoint, next: Fetch<'_>) -> Check {
    let claim = "the next log begins with a record that commits to this one's final checkpoint";
    let Some((first, signers)) = first_of(next) else {
        return check_of(claim, Standing::Missing, Some("its first record cannot be read".to_owned()))
            .because("next-missing");
    };
    let notes: Vec<Digest> =
        [WITNESSED, CHECKPOINT].iter().filter_map(|name| read(name)).map(|note| Digest::plain(&note)).collect();
    let named = first.log.filter(|log| log.event == LogEventKind::Began).is_some_and(|log| {
        let ended = log.ended.is_some_and(|end| {
            end.lost() == 0 && end.found == checkpoint.size && end.root == Some(Digest(checkpoint.root.0))
        });
        ended
            && log.checkpoint.is_some_and(|digest| notes.contains(&digest))
            && log.new.iter().any(|key| signers.contains(key))
    });
    let by = format!("signed by {}, which is its own word", signers.join(" and "));
    check_of(claim, held(named), named.then_some(by)).unless_holds("next-foreign")
}

/// Returns the first record of a published log whose tree was hashed whole, and which of the keys that this record names
/// have signed its latest checkpoint, or the last one that a key signed before another took its place.
fn first_of(next: Fetch<'_>) -> Option<(Leaf, Vec<String>)> {
    let bytes = next(CHECKPOINT)?;
    let note = Note::parse(&bytes).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    let mut first = None;
    let fetch = |path: &TilePath| next(&path.to_string());
    let visit = |index: u64, entry: &[u8]| {
        if index == 0 {
            first = Leaf::from_bytes(entry).ok();
        }
    };
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit).ok()?;
    let first = first?;
    let named = first.log.iter().flat_map(|log| &log.new);
    let signers = named.filter(|key| has_signed(next, key, &bytes, &checkpoint)).cloned().collect();
    Some((first, signers))
}

/// Says whether a key has signed the latest checkpoint of a log, or an earlier one that the log goes on from.
fn has_signed(next: Fetch<'_>, key: &str, latest: &[u8], checkpoint: &Checkpoint) -> bool {
    let Ok(key) = key.parse::<VerifierKey>() else { return false };
    if Checkpoint::open(latest, &key).is_ok() {
        return true;
    }
    let retired = next(&format!("{CHECKPOINT}.{}", key.id()));
    let Some((last, _)) = retired.and_then(|note| Checkpoint::open(&note, &key).ok()) else { return false };
    let tiles = TileReader::new(checkpoint.size, |path: &TilePath| next(&path.to_string()));
    tlog::tree_root(last.size, &tiles).is_ok_and(|root| root == last.root)
}

/// Is one pass over all records, each held against what is kept of its content.
struct Pass<'a> {
    read: Fetch<'a>,
    manifest: &'a LogManifest,
    kept: Vec<Kept>,
    found: ContentCounts,
    wrong: Option<u64>,
    /// The records that are said to be erased, with the erasure that is to say so.
    gone: BTreeMap<u64, u64>,
    /// The records that each erasure names, if it shows them.
    scopes: BTreeMap<u64, Scope>,
    bundles: BTreeSet<Digest>,
    closed: bool,
}

impl<'a> Pass<'a> {
    fn of(read: Fetch<'a>, manifest: &'a LogManifest) -> Self {
        let (kept, bundles, gone, scopes) = (Vec::new(), BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let found = ContentCounts::default();
        Self { read, manifest, kept, found, wrong: None, gone, scopes, bundles, closed: false }
    }

    fn take(&mut self, index: u64, entry: &[u8]) {
        if index.is_multiple_of(CONTENTS_AT_ONCE) {
            let bytes = (self.read)(&contents_name(index)).unwrap_or_default();
            self.kept = cbor::decode(&bytes).unwrap_or_default();
        }
        let Ok(leaf) = Leaf::from_bytes(entry) else { return };
        self.closed = leaf.log.as_ref().is_some_and(|log| log.event == LogEventKind::Closed);
        if leaf.kind == RecordKind::Decided {
            self.bundles.extend(leaf.bundle);
        }
        if self.manifest.contents != Contents::Left {
            let place = usize::try_from(index % CONTENTS_AT_ONCE).unwrap_or(usize::MAX);
            let kept = self.kept.get(place).cloned().unwrap_or_default();
            self.hold(index, &leaf, &kept);
        }
    }

    fn hold(&mut self, index: u64, leaf: &Leaf, kept: &Kept) {
        let is_own = match (&kept.sealed, &kept.shown) {
            (Some(sealed), None) => {
                self.found.sealed += 1;
                seal::digest(sealed) == leaf.content
            }
            (None, Some(shown)) => {
                self.found.opened += 1;
                let checked = commit::check(leaf, shown);
                let scope = checked.as_ref().ok().and_then(|shown| Scope::shown_by(leaf, shown));
                self.scopes.extend(scope.map(|scope| (index, scope)));
                checked.is_ok()
            }
            (None, None) => {
                match kept.erased_by {
                    Some(ELSEWHERE) => self.found.erased_elsewhere += 1,
                    Some(by) => drop(self.gone.insert(index, by)),
                    None => self.found.missing += 1,
                }
                true
            }
            (Some(_), Some(_)) => false,
        };
        if !is_own {
            self.wrong.get_or_insert(index);
        }
    }

    fn is_closed(&self) -> Check {
        let claim = "the log is complete: its last record closes it";
        check_of(claim, held(self.closed), None).unless_holds("log-open")
    }

    /// Counts as erased what an erasure of this log names, and as missing what is only said to be erased.
    fn settle(&mut self) {
        for (index, by) in std::mem::take(&mut self.gone) {
            match self.scopes.get(&by) {
                Some(scope) if scope.covers(index) => self.found.erased += 1,
                Some(_) | None => self.found.missing += 1,
            }
        }
    }

    fn contents(&self) -> Check {
        let ContentCounts { sealed, opened, erased, erased_elsewhere, missing } = self.found;
        if self.manifest.contents == Contents::Left {
            return check_of("the archive claims no contents", Standing::Holds, None);
        }
        let claim =
            format!("every content is the one its record commits to: {sealed} sealed, {opened} open, {erased} erased");
        match self.wrong {
            Some(index) => {
                check_of(claim, Standing::Broken, Some(format!("record {index}"))).because("content-foreign")
            }
            None if missing > 0 => {
                let detail = format!("{missing} are missing, and no erasure that is shown names them");
                check_of(claim, Standing::Missing, Some(detail)).because("content-missing")
            }
            None if erased_elsewhere > 0 => {
                let detail = format!("{erased_elsewhere} more were erased after the close, as a later log is to say");
                check_of(claim, Standing::Erased, Some(detail)).because(ERASED_ELSEWHERE)
            }
            None => check_of(claim, Standing::Holds, None),
        }
    }
}

/// Writes an archive as one file.
pub struct LogArchiveWriter<W: Write + Seek>(zip::ZipWriter<W>);

impl<W: Write + Seek> LogArchiveWriter<W> {
    /// Begins an archive.
    pub fn new(out: W) -> Self {
        Self(zip::ZipWriter::new(out))
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// What the writer says, or that the name came before.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ZipError> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.0.start_file(name, options)?;
        Ok(self.0.write_all(bytes)?)
    }

    /// Ends the archive.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn finish(self) -> Result<W, ZipError> {
        self.0.finish()
    }
}

/// Reads an archive that is one file.
pub struct LogArchiveReader<R>(Mutex<zip::ZipArchive<R>>);

impl<R: Read + Seek> LogArchiveReader<R> {
    /// Opens an archive.
    ///
    /// # Errors
    ///
    /// That it is no ZIP.
    pub fn new(input: R) -> Result<Self, ZipError> {
        Ok(Self(Mutex::new(zip::ZipArchive::new(input)?)))
    }

    /// Returns a file by its name; `None` if there is none that can be read.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        // A reader holds no invariant across calls, so a panic elsewhere does not spoil it.
        let mut zip = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = zip.by_name(name).ok()?;
        // What is stored is no larger than the file; what is compressed may be.
        if entry.compression() != CompressionMethod::Stored {
            return None;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Returns the names of its files.
    pub fn names(&self) -> Vec<String> {
        let zip = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (0..zip.len()).filter_map(|n| Some(zip.name_for_index(n)?.ok()?.into_owned())).collect()
    }
}
