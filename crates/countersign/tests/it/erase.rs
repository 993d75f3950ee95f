//! Erasing on the command line: the files of the data folder are searched byte by byte, while the server runs and after.

use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

use evidence::verify::archive;
use evidence::{Archive, Standing, Trust};
use serde_json::json;
use store::Reader;

use crate::program::{Client, Server, begun, run};

pub const PIECE: usize = 16;

/// Returns all bytes that stand together in any file of a folder; a file that a running server moved meanwhile has them all read again.
pub fn windows(folder: &Path) -> HashSet<Vec<u8>> {
    loop {
        match one_pass(folder) {
            Ok(all) => return all,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
        }
    }
}

fn one_pass(folder: &Path) -> io::Result<HashSet<Vec<u8>>> {
    let mut all = HashSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(one_pass(&path)?);
        } else {
            all.extend(fs::read(path)?.windows(PIECE).map(<[u8]>::to_vec));
        }
    }
    Ok(all)
}

/// Is whether it is a content, and the number of the record or the subject.
type Place = (bool, i64);

/// Returns pieces of all sealed contents by record, and of all wrapped keys and their tags by subject.
fn sealed(data: &Path) -> Vec<(Place, Vec<Vec<u8>>)> {
    let reader = Reader::open(&data.join("journal.db")).unwrap();
    let pieces = |bytes: &[u8]| bytes.chunks_exact(PIECE).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let rows = reader.records(0, 10_000).unwrap();
    let contents = rows.iter().filter_map(|row| Some(((true, row.seq.cast_signed()), pieces(row.sealed.as_deref()?))));
    let keys = reader.subjects().unwrap();
    let keys = keys.iter().map(|key| ((false, key.id), pieces(&[key.tag.clone(), key.wrapped.clone()].concat())));
    contents.chain(keys).collect()
}

/// The agent leaves the bundle, and another takes its place.
pub fn it_leaves(dir: &Path) {
    for (file, from, to) in
        [("agents.toml", "[agents.agent]", "[agents.heir]"), ("tests/starter.toml", "\"agent\"", "\"heir\"")]
    {
        let path = dir.join("countersign/bundle").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }
    let said = run(dir, &["policy", "activate"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

fn erase(dir: &Path, subject: &str) -> crate::program::Said {
    run(dir, &["erase", subject, "--reason", "request 4711", "--json"])
}

#[test]
fn what_is_erased_is_in_no_file_while_the_server_runs_and_after() {
    let folder = begun();
    let (dir, data) = (folder.path(), folder.path().join("countersign/data"));
    let server = Server::up(dir);
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.call("list_services", &json!({ "note": "canary-of-the-agent" }));
    client.finish();
    let in_use = erase(dir, "agent:agent");
    assert!(in_use.code == 1 && in_use.err.contains("subject-in-use"), "{} {}", in_use.code, in_use.err);
    it_leaves(dir);
    let before = sealed(&data);
    let tail = run(dir, &["log", "tail", "-n", "1000", "--json"]).out;
    let mut lines = tail.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let call = lines.find(|line| line["leaf"]["kind"] == "outcome" && line["leaf"]["session"].is_object()).unwrap();
    let action = call["leaf"]["action"].as_str().unwrap();

    let done = erase(dir, "agent:agent");
    assert_eq!(done.code, 0, "{}", done.err);
    let done = done.json();
    assert!(done["gone"] == true && done["records"].as_u64().unwrap() >= 6, "{done}");
    let after: HashSet<Place> = sealed(&data).into_iter().map(|(place, _)| place).collect();
    let gone: Vec<Vec<u8>> =
        before.into_iter().filter(|(place, _)| !after.contains(place)).flat_map(|(_, pieces)| pieces).collect();
    let searched = |when: &str| {
        let disk = windows(&data);
        let found = gone.iter().filter(|piece| disk.contains(*piece)).count();
        assert_eq!(found, 0, "of {} pieces are on the disk {when}", gone.len());
        assert!(!disk.contains(&b"canary-of-the-agent"[..PIECE]));
    };
    assert!(gone.len() > 100);
    searched("while the server runs");
    let again = erase(dir, "agent:agent").json();
    assert_eq!((&again["repeated"], &again["receipt"]), (&json!(true), &done["receipt"]));
    let unknown = erase(dir, "person:nobody");
    assert!(unknown.code != 0 && unknown.err.contains("not-found"), "{}", unknown.err);
    assert_eq!(erase(dir, "nobody").code, 2);
    let told = run(dir, &["erase", "agent:agent", "--reason", "again"]);
    assert!(told.out.starts_with("erased before: ") && told.err.contains("backups"), "{}{}", told.out, told.err);

    let file = dir.join("one.evidence");
    let export = run(dir, &["log", "export", action, "-o", file.to_str().unwrap()]);
    assert_eq!(export.code, 0, "{}", export.err);
    let bundle = Archive::from_bytes(&fs::read(&file).unwrap()).unwrap();
    let key: tlog::VerifierKey = run(dir, &["log", "key"]).out.trim().parse().unwrap();
    let report = archive(&bundle, &Trust::Key(key)).0;
    assert_eq!((report.signature_standing(), report.claim_standing()), (Standing::Erased, Standing::Erased));
    server.stop();
    searched("after it has stopped");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
    assert!(!run(dir, &["log", "tail", "-n", "1000", "--json"]).out.contains("agent:agent"));
}
