//! The tenant's logs on the command line: one is closed, archived, read, deleted, and the next one goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use evidence::log_archive::{self, Asked, Contents, ELSEWHERE, Kept, LogArchiveReport, LogManifest};
use evidence::verify::archive;
use evidence::{
    Archive, CoseReceipt, Envelope, Leaf, LogArchiveReader, Logged, RecordKind, Standing, Statement, Trust,
};
use policy::BundleFiles;
use replay::Bundles;
use serde_json::{Value, json};
use store::Reader;
use tlog::checkpoint::Checkpoint;
use tlog::key::SignerKey;
use tlog::{CosignerKey, TrustPolicy, VerifierKey};
use types::{Digest, cbor};

use crate::damage::copy;
use crate::erase::{PIECE, windows};
use crate::program::{Client, Said, Server, begun, run};

fn done(dir: &Path, words: &[&str]) -> Said {
    let said = run(dir, words);
    assert_eq!(said.code, 0, "{words:?}: {}", said.err);
    said
}

fn refused(said: &Said, code: &str) {
    assert!(said.code != 0 && said.err.contains(code), "{} {}", said.out, said.err);
}

fn reason<'a>(words: &[&'a str]) -> Vec<&'a str> {
    ["log"].iter().chain(words).chain(&["--reason", "it is time"]).copied().collect()
}

fn work(dir: &Path) {
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.call("list_services", &json!({ "note": "canary-of-the-agent" }));
    client.finish();
}

fn logs(dir: &Path) -> Vec<Value> {
    done(dir, &["log", "list", "--json"]).json()["logs"].as_array().unwrap().clone()
}

/// Writes what the bundle declares of retention, and makes it the active one.
fn retain(dir: &Path, text: &str) {
    fs::write(dir.join("countersign/bundle/retention.toml"), text).unwrap();
    done(dir, &["policy", "activate"]);
}

fn checked(read: &dyn Fn(&str) -> Option<Vec<u8>>, key: &str, next: &Path) -> Option<LogArchiveReport> {
    let digest_of = |files: &BTreeMap<String, String>| BundleFiles(files.clone()).digest();
    let next = |name: &str| fs::read(next.join(name)).ok();
    let trust = Trust::Key(key.parse().unwrap());
    log_archive::check(read, &Asked { next: Some(&next), ..Asked::by(&trust) }, &digest_of)
}

/// Has evidence and a receipt made of an action that stands in the closed log, which the live one knows nothing of.
fn exported(dir: &Path, action: &str, key: &str) {
    for words in [&["log", "export", action][..], &["log", "receipt", action, "--format", "tlog-proof"]] {
        refused(&run(dir, words), "not-found");
        refused(&run(dir, &[words, &["--log", "9"]].concat()), "not-found");
    }
    let trust = Trust::Key(key.parse().unwrap());
    let said = done(dir, &["log", "export", action, "--log", "1", "-o", "closed.evidence"]);
    assert!(said.err.contains(key), "the key it is checked with is the closed log's: {}", said.err);
    let (report, _) = archive(&Archive::from_bytes(&fs::read(dir.join("closed.evidence")).unwrap()).unwrap(), &trust);
    assert_eq!(report.signature_standing().and(report.claim_standing()), Standing::Holds, "{report:?}");
    let statement: VerifierKey = done(dir, &["log", "key", "--statement"]).out.trim().parse().unwrap();
    for format in ["tlog-proof", "dsse", "cose"] {
        let words = ["log", "receipt", action, "--log", "1", "--format", format, "-o", "one", "--leaf", "leaf"];
        done(dir, &words);
        let (bytes, leaf) = (fs::read(dir.join("one")).unwrap(), fs::read(dir.join("leaf")).unwrap());
        let log = key.parse().unwrap();
        match format {
            "tlog-proof" => assert!(Logged::parse(&bytes, leaf, &log).is_ok()),
            "dsse" => {
                let envelope = Envelope::parse(&bytes).unwrap();
                let said = Statement::parse(envelope.verify(&statement).unwrap()).unwrap();
                assert!(said.verify(&log).is_ok());
            }
            _ => assert!(CoseReceipt::from_bytes(&bytes).unwrap().verify(&leaf, &statement).is_ok()),
        }
    }
}

/// Returns pieces of what only a closed journal holds: contents and wrapped keys. Leaves have parts that stand in others too.
fn pieces(journal: &Path) -> Vec<Vec<u8>> {
    let reader = Reader::open(journal).unwrap();
    let rows = reader.records(0, 10_000).unwrap();
    let bytes = rows.into_iter().filter_map(|row| row.sealed);
    let keys = reader.subjects().unwrap().into_iter().map(|subject| subject.wrapped);
    bytes.chain(keys).flat_map(|bytes| bytes.chunks_exact(PIECE).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

#[test]
fn a_log_is_closed_read_archived_and_deleted_and_the_next_one_goes_on() {
    let folder = begun();
    let (dir, data) = (folder.path(), folder.path().join("countersign/data"));
    work(dir);
    let old = done(dir, &["log", "key"]).out.trim().to_owned();
    let action = done(dir, &["trace", "last", "--json"]).json()["action"].as_str().unwrap().to_owned();
    let server = Server::up(dir);
    done(dir, &["log", "export", &action, "-o", "before.evidence"]);
    let said = done(dir, &reason(&["close"]));
    assert!(
        said.out.contains("closed: the log is complete with") && said.err.contains("Restart the server"),
        "{}",
        said.out
    );
    refused(&run(dir, &reason(&["close"])), "log-closed");
    assert!(run(dir, &["doctor"]).out.contains("closed, so nothing is permitted"));
    refused(&run(dir, &["agent", "level", "agent", "read", "L1", "--reason", "late"]), "log-closed");
    server.stop();
    let server = Server::up(dir);
    let new = done(dir, &["log", "key"]).out.trim().to_owned();
    assert!(new != old && new.contains("/2+"), "{new}");
    assert_eq!(fs::read_to_string(dir.join("countersign/keys/log.key")).unwrap().lines().count(), 1);
    let listed = logs(dir);
    assert_eq!(listed.iter().map(|log| log["state"].as_str().unwrap()).collect::<Vec<_>>(), ["closed", "open"]);
    assert!(listed[0]["checkpoint"].is_string() && listed[0]["witnessed"] == false, "{listed:?}");
    work(dir);
    done(dir, &["log", "check"]);
    for words in
        [&["audit", "population", "--log", "1"][..], &["replay", "--log", "1"], &["trace", &action], &["replay"]]
    {
        done(dir, words);
    }
    exported(dir, &action, &old);
    let tail = done(dir, &["log", "tail", "--log", "1", "-n", "1"]);
    assert!(tail.out.contains("epoch") && tail.out.contains("closed"), "{}", tail.out);
    refused(&run(dir, &["log", "tail", "--log", "9"]), "not-found");
    let table = done(dir, &["log", "list"]).out;
    assert!(table.contains("held by no quorum of witnesses"), "{table}");

    refused(&run(dir, &reason(&["delete", "1"])), "retention-forbids");
    retain(dir, "minimum_days = 3650\n");
    refused(&run(dir, &reason(&["delete", "1"])), "retention-forbids");
    retain(dir, "minimum_days = 0\n");
    refused(&run(dir, &reason(&["delete", "1"])), "retention-forbids");
    refused(&run(dir, &reason(&["delete", "2"])), "not-found");

    let archived = done(dir, &["log", "archive", "1", "--to", "one.archive", "--json"]).json();
    assert!(archived["recorded"] == true && archived["contents"]["sealed"].as_u64().unwrap() > 10, "{archived}");
    let bytes = fs::read(dir.join("one.archive")).unwrap();
    let again = done(dir, &["log", "archive", "1", "--to", "one.archive", "--json"]).json();
    assert_eq!((&again["digest"], &again["written"]), (&archived["digest"], &json!(false)));
    assert_eq!(fs::read(dir.join("one.archive")).unwrap(), bytes);
    let reader = LogArchiveReader::new(fs::File::open(dir.join("one.archive")).unwrap()).unwrap();
    let report = checked(&|name| reader.read(name), &old, &data.join("log")).unwrap();
    assert_eq!(report.standing(), Standing::Holds, "{report:?}");
    assert!(report.checks.last().unwrap().claim.starts_with("the next log begins"), "{report:?}");
    let by_other = checked(&|name| reader.read(name), &new, &data.join("log")).unwrap();
    assert_eq!(by_other.standing(), Standing::Broken);

    let gone = pieces(&data.join("closed/1/journal.db"));
    retain(dir, "minimum_days = 0\nhold = true\n");
    refused(&run(dir, &reason(&["delete", "1"])), "retention-forbids");
    retain(dir, "minimum_days = 0\n");
    let said = done(dir, &reason(&["delete", "1"]));
    assert!(said.out.contains("log 1 is deleted; record"), "{}", said.out);
    let searched = |when: &str| {
        let disk = windows(&data);
        let found = gone.iter().filter(|piece| disk.contains(*piece)).count();
        assert_eq!(found, 0, "of {} pieces of the deleted log are on the disk {when}", gone.len());
    };
    assert!(gone.len() > 100);
    searched("while the server runs");
    let kept: Vec<_> = fs::read_dir(data.join("closed/1")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["checkpoint"]);
    let gone_now = run(dir, &["log", "tail", "--log", "1"]);
    refused(&gone_now, "log-deleted");
    assert!(gone_now.err.contains("says so"), "{}", gone_now.err);
    refused(&run(dir, &reason(&["delete", "1"])), "log-deleted");
    refused(&run(dir, &["log", "archive", "1", "--to", "late.archive"]), "log-deleted");
    assert_eq!(logs(dir)[0]["state"], "deleted");
    done(dir, &["log", "check"]);
    server.stop();
    searched("after it has stopped");
    let bundle = Archive::from_bytes(&fs::read(dir.join("before.evidence")).unwrap()).unwrap();
    let report = archive(&bundle, &Trust::Key(old.parse::<VerifierKey>().unwrap())).0;
    assert_eq!((report.signature_standing(), report.claim_standing()), (Standing::Holds, Standing::Holds));
    let server = Server::up(dir);
    assert!(done(dir, &["log", "list"]).out.contains("says that it was deleted"));
    server.stop();
}

/// Computes the decisions of an opened archive again, and those of one that says of a permitted action that it was denied.
fn decided_again(kept: &Path, report: &LogArchiveReport) {
    let read = |name: &str| fs::read(kept.join(name)).ok();
    let honest = replay::log_archive(&read, &report.manifest, Bundles::new()).unwrap();
    assert!(honest.decisions > 0 && honest.equal == honest.decisions && honest.others.is_empty(), "{honest:?}");
    assert!(honest.standing() == Standing::Holds && honest.told_by.contains_key("switches"), "{honest:?}");
    let sealed = LogManifest { contents: Contents::Sealed, ..report.manifest.clone() };
    assert_eq!(replay::log_archive(&read, &sealed, Bundles::new()), None);

    let forged = forge(kept);
    let (root, key) = (tlog::Checkpoint::parse(forged.0.text()).unwrap().root, forged.2);
    let note = forged.0.to_string();
    let read = |name: &str| match name {
        "checkpoint" => Some(note.clone().into_bytes()),
        "archive.json" => {
            let manifest = LogManifest { root: Digest(root.0), ..report.manifest.clone() };
            Some(serde_json::to_vec(&manifest).unwrap())
        }
        name => forged.1.get(name).cloned().or_else(|| fs::read(kept.join(name)).ok()),
    };
    let digest_of = |files: &BTreeMap<String, String>| BundleFiles(files.clone()).digest();
    let checked = log_archive::check(&read, &Asked::by(&Trust::Key(key.verifier().clone())), &digest_of).unwrap();
    assert_eq!(checked.standing(), Standing::Holds, "hashes, signatures and contents show nothing: {checked:?}");
    let found = replay::log_archive(&read, &checked.manifest, Bundles::new()).unwrap();
    assert_eq!((found.differs, found.equal), (1, honest.decisions - 1), "{found:?}");
    assert_eq!((found.standing(), found.reason()), (Standing::Broken, Some("decision-differs")));
}

/// Turns the verdict in one decision's leaf, links every session anew, and signs with a key of the log's name: what whoever
/// holds the log's key can do.
fn forge(kept: &Path) -> (tlog::Note, BTreeMap<String, Vec<u8>>, tlog::SignerKey) {
    let note = tlog::Note::parse(&fs::read(kept.join("checkpoint")).unwrap()).unwrap();
    let checkpoint = tlog::Checkpoint::parse(note.text()).unwrap();
    let mut leaves = Vec::new();
    let fetch = |path: &tlog::TilePath| fs::read(kept.join(path.to_string())).ok();
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, |_, entry| {
        leaves.push(Leaf::from_bytes(entry).unwrap());
    })
    .unwrap();
    assert!(leaves.len() < 256, "one tile holds them");
    let permitted = |leaf: &&mut Leaf| leaf.kind == RecordKind::Decided && leaf.verdict.is_some_and(|rank| rank < 2);
    leaves.iter_mut().find(permitted).unwrap().verdict = Some(3);
    let (mut last, mut entries, mut hashes) = (BTreeMap::new(), Vec::new(), Vec::new());
    for leaf in &mut leaves {
        if let Some(place) = &mut leaf.session {
            place.previous = last.get(&place.session).copied();
        }
        let bytes = leaf.to_bytes();
        if let Some(place) = &leaf.session {
            last.insert(place.session, Leaf::hash_of(&bytes));
        }
        entries.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        hashes.extend(tlog::hash::leaf_hash(&bytes).0);
        entries.extend(bytes);
    }
    let size = leaves.len();
    let files =
        BTreeMap::from([(format!("tile/0/000.p/{size}"), hashes), (format!("tile/entries/000.p/{size}"), entries)]);
    let fetch = |path: &tlog::TilePath| files.get(&path.to_string()).cloned();
    let root = tlog::tree_root(checkpoint.size, &tlog::TileReader::new(checkpoint.size, fetch)).unwrap();
    let key = tlog::SignerKey::ed25519(&checkpoint.origin, &[7; 32]).unwrap();
    let note = tlog::Checkpoint::new(&checkpoint.origin, checkpoint.size, root).sign(&key).unwrap();
    (note, files, key)
}

#[test]
fn an_archive_in_a_folder_is_taken_up_again_and_never_written_over() {
    let folder = begun();
    let (dir, data) = (folder.path(), folder.path().join("countersign/data"));
    work(dir);
    let old = done(dir, &["log", "key"]).out.trim().to_owned();
    let server = Server::up(dir);
    done(dir, &reason(&["close"]));
    server.stop();
    Server::up(dir).stop();
    let words = |to| ["log", "archive", "1", "--to", to, "--contents", "opened", "--unrecorded", "--json"];
    let whole = done(dir, &words("kept/")).json();
    assert!(whole["recorded"] == false && whole["contents"]["opened"].as_u64().unwrap() > 10, "{whole}");
    let report = checked(&|name| fs::read(dir.join("kept").join(name)).ok(), &old, &data.join("log")).unwrap();
    assert_eq!(report.standing(), Standing::Holds, "{report:?}");
    decided_again(&dir.join("kept"), &report);
    // As a crash leaves it: some files are there, the manifest is not.
    copy(&dir.join("kept"), &dir.join("torn"));
    fs::remove_file(dir.join("torn/archive.json")).unwrap();
    fs::remove_dir_all(dir.join("torn/contents")).unwrap();
    done(dir, &words("torn/"));
    // Another log's file in its place is not written over.
    copy(&dir.join("kept"), &dir.join("other"));
    fs::remove_file(dir.join("other/archive.json")).unwrap();
    fs::write(dir.join("other/checkpoint"), "another").unwrap();
    refused(&run(dir, &words("other/")), "file-unusable");
    assert_eq!(fs::read(dir.join("other/checkpoint")).unwrap(), b"another");
    // A content that the leaf does not commit to, and one that is not there.
    let contents = dir.join("kept/contents/000000000000");
    let mut bytes = fs::read(&contents).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&contents, &bytes).unwrap();
    refused(&run(dir, &words("kept/")), "evidence-broken");
    fs::remove_file(&contents).unwrap();
    let report = checked(&|name| fs::read(dir.join("kept").join(name)).ok(), &old, &data.join("log")).unwrap();
    assert_eq!((report.standing(), report.reason()), (Standing::Missing, Some("content-missing")));
    // The log that comes after must name this one.
    let report = checked(&|name| fs::read(dir.join("torn").join(name)).ok(), &old, &dir.join("torn")).unwrap();
    assert_eq!((report.standing(), report.reason()), (Standing::Broken, Some("next-foreign")));
}

/// Returns a folder in which log 1 is closed and archived, open, as `kept`, with the key that signed it and a checkpoint
/// that it had signed before.
fn archived() -> (tempfile::TempDir, String, Vec<u8>) {
    let folder = begun();
    let dir = folder.path();
    work(dir);
    let old = done(dir, &["log", "key"]).out.trim().to_owned();
    let server = Server::up(dir);
    let earlier = fs::read(dir.join("countersign/data/log/checkpoint")).unwrap();
    done(dir, &reason(&["close"]));
    server.stop();
    Server::up(dir).stop();
    done(dir, &["log", "archive", "1", "--to", "kept/", "--contents", "opened", "--unrecorded"]);
    (folder, old, earlier)
}

fn found(dir: &Path, asked: &Asked<'_>) -> (Standing, Option<&'static str>) {
    let digest_of = |files: &BTreeMap<String, String>| BundleFiles(files.clone()).digest();
    let report = log_archive::check(&|name| fs::read(dir.join(name)).ok(), asked, &digest_of).unwrap();
    (report.standing(), report.reason())
}

/// Signs what a note says by a key of somebody else.
fn by_somebody(note: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(note.to_vec()).unwrap();
    let (text, _) = text.split_once("\n\n").unwrap();
    let checkpoint = Checkpoint::parse(&format!("{text}\n")).unwrap();
    let key = SignerKey::ed25519(&checkpoint.origin, &[7; 32]).unwrap();
    checkpoint.sign(&key).unwrap().to_string().into_bytes()
}

#[test]
fn an_archive_is_of_a_checkpoint_that_the_reader_trusts() {
    let (folder, key, earlier) = archived();
    let kept = folder.path().join("kept");
    let policy = |rest: &str| Trust::Policy(TrustPolicy::parse(format!("log {key}\n{rest}").as_bytes()).unwrap());
    let witness = CosignerKey::ed25519("w.example", &[9; 32]).unwrap().verifier().to_string();
    let nobody = policy("quorum none\n");
    assert_eq!(found(&kept, &Asked::by(&nobody)), (Standing::Holds, None));
    // A checkpoint that the log signed before is as good as witnessed here; the last one is signed by somebody else.
    fs::write(kept.join("checkpoint.witnessed"), &earlier).unwrap();
    assert_eq!(found(&kept, &Asked::by(&nobody)), (Standing::Holds, None));
    let last = fs::read(kept.join("checkpoint")).unwrap();
    fs::write(kept.join("checkpoint"), by_somebody(&last)).unwrap();
    assert_eq!(found(&kept, &Asked::by(&nobody)).0, Standing::Broken);
    fs::write(kept.join("checkpoint"), &last).unwrap();
    // What no quorum has seen does not hold for a reader who demands one.
    let demanded = policy(&format!("witness w {witness}\nquorum w\n"));
    assert_eq!(found(&kept, &Asked::by(&demanded)).0, Standing::Missing);
    // Nor does it if a checkpoint that the reader kept is not of this log.
    let trust = Trust::Key(key.parse().unwrap());
    let goes_on = |note: Vec<u8>| found(&kept, &Asked { earlier: &[note], ..Asked::by(&trust) });
    assert_eq!(goes_on(earlier.clone()), (Standing::Holds, None));
    assert_eq!(goes_on(by_somebody(&earlier)), (Standing::Broken, Some("checkpoint-foreign")));
}

#[test]
fn a_content_is_erased_if_an_erasure_names_it_and_not_because_the_archive_says_so() {
    let (folder, key, _) = archived();
    let (kept, trust) = (folder.path().join("kept"), Trust::Key(key.parse().unwrap()));
    let file = kept.join("contents/000000000000");
    let whole: Vec<Kept> = cbor::decode(&fs::read(&file).unwrap()).unwrap();
    let gone = |by: u64| {
        let mut contents = whole.clone();
        contents[3] = Kept { erased_by: Some(by), ..Kept::default() };
        fs::write(&file, cbor::encode(&contents)).unwrap();
        found(&kept, &Asked::by(&trust))
    };
    for by in [0, 7, 1_000_000] {
        assert_eq!(gone(by), (Standing::Missing, Some("content-missing")), "erased by {by}");
    }
    assert_eq!(gone(ELSEWHERE), (Standing::Erased, Some("content-erased-elsewhere")));
    // No later log says that anything of this one was erased, so the operator cannot record such an archive either.
    let said = run(folder.path(), &["log", "archive", "1", "--to", "kept/", "--unrecorded"]);
    refused(&said, "evidence-broken");
}

#[test]
fn the_next_log_is_signed_by_a_key_that_it_names() {
    let (folder, key, _) = archived();
    let (dir, trust) = (folder.path(), Trust::Key(key.parse().unwrap()));
    let log = dir.join("countersign/data/log");
    let after = |next: &dyn Fn(&str) -> Option<Vec<u8>>| {
        found(&dir.join("kept"), &Asked { next: Some(next), ..Asked::by(&trust) })
    };
    assert_eq!(after(&|name| fs::read(log.join(name)).ok()), (Standing::Holds, None));
    let forged = |name: &str| {
        let bytes = fs::read(log.join(name)).ok()?;
        Some(if name == "checkpoint" { by_somebody(&bytes) } else { bytes })
    };
    assert_eq!(after(&forged), (Standing::Broken, Some("next-foreign")));
}
