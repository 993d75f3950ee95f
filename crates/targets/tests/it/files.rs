//! Files that are planned, changed once, seen and taken back to the bit, over real folders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use targets::files::{Fault, FileError, FileLimits, FileServer};
use targets::mcp::Tools as _;

/// Is an instant long after every file was written.
pub const NOW: i64 = 4_000_000_000_000;

pub type Answer = Result<Value, (String, String)>;

/// Is a folder beside its store.
pub struct Folder {
    at: tempfile::TempDir,
}

/// Is what a path is: its mode, and its bytes if it is a file.
pub type Tree = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

impl Folder {
    pub fn new() -> Self {
        let folder = Self { at: tempfile::tempdir().unwrap() };
        fs::create_dir_all(folder.root().join("src/deep")).unwrap();
        folder.write("a.txt", "one\ntwo\nthree\n");
        folder.write("src/b.txt", "bé\n");
        folder.write("src/deep/c.sh", "#!/bin/sh\n");
        folder.mode("src/deep/c.sh", 0o750);
        fs::write(folder.root().join("bytes"), [0, 255, 1]).unwrap();
        folder.mode("bytes", 0o600);
        folder
    }

    pub fn root(&self) -> PathBuf {
        self.at.path().join("root")
    }

    pub fn store(&self) -> PathBuf {
        self.at.path().join("store")
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.root().join(path), text).unwrap();
    }

    pub fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.root().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn server(&self) -> Server {
        Server::open(&self.root(), &self.store())
    }

    pub fn server_with(&self, limits: FileLimits) -> Server {
        Server(FileServer::open(&self.root(), &self.store(), limits, Box::new(|| NOW)).unwrap())
    }

    pub fn faulty(&self, fault: Arc<dyn Fault>) -> Server {
        let limits = FileLimits::default();
        Server(FileServer::open_with(&self.root(), &self.store(), limits, Box::new(|| NOW), fault).unwrap())
    }

    pub fn tree(&self) -> Tree {
        fn walk(path: &Path, tree: &mut Tree) {
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                let is = fs::symlink_metadata(&path).unwrap();
                tree.insert(path.clone(), (is.mode(), is.is_file().then(|| fs::read(&path).unwrap())));
                if is.is_dir() {
                    walk(&path, tree);
                }
            }
        }
        let mut tree = Tree::new();
        walk(&self.root(), &mut tree);
        tree
    }
}

/// Is a server, asked as a client asks it.
pub struct Server(FileServer);

impl Server {
    pub fn open(root: &Path, store: &Path) -> Self {
        Self(FileServer::open(root, store, FileLimits::default(), Box::new(|| NOW)).unwrap())
    }

    pub fn call(&mut self, name: &str, arguments: Value) -> Answer {
        let called = self.0.call(name, arguments).unwrap();
        called.map(|said| said.data).map_err(|failed| (failed.code.to_string(), failed.message))
    }

    pub fn change(&mut self, key: &str, edits: &Value) -> Answer {
        self.call("change", json!({ "edits": edits, "change": key }))
    }

    pub fn undo(&mut self, key: &str) -> Answer {
        self.call("undo_change", json!({ "change": key, "undo": format!("undo-{key}") }))
    }

    pub fn standing(&mut self, key: &str) -> Value {
        self.call("get_change", json!({ "change": key })).unwrap()
    }

    pub fn refused(&mut self, key: &str, edits: Value) -> String {
        self.change(key, &edits).unwrap_err().0
    }

    pub fn entries(&mut self) -> Vec<(Option<String>, Vec<String>)> {
        let listed = self.call("list_changes", json!({})).unwrap();
        let numbers: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|e| e["number"].as_i64()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{listed}");
        let names = |entry: &Value| serde_json::from_value(entry["what"].clone()).unwrap();
        let entries = listed["entries"].as_array().unwrap().iter();
        entries.map(|e| (e["change"].as_str().map(str::to_owned), names(e))).collect()
    }
}

/// Are edits of every kind.
pub fn every_kind() -> Value {
    json!([
        { "path": "a.txt", "replace": { "from": "two", "to": "2" } },
        { "path": "src/b.txt", "write": "another\n" },
        { "path": "src/new/deeper/d.txt", "write": "new\n" },
        { "path": "bytes", "delete": true },
        { "path": "src/deep/c.sh", "move_to": "bin/c.sh" },
    ])
}

#[test]
fn every_kind_of_edit_is_taken_back_exactly() {
    let kinds = every_kind();
    let each = kinds.as_array().unwrap().iter().map(|edit| json!([edit]));
    for edits in each.chain([kinds.clone()]) {
        let folder = Folder::new();
        let (mut server, before) = (folder.server(), folder.tree());
        let plan = server.call("plan", json!({ "edits": edits })).unwrap();
        assert_eq!((folder.tree(), server.standing("k")), (before.clone(), json!({ "applied": false })));
        let changed = server.change("k", &edits).unwrap();
        assert_eq!(changed, plan);
        let after = folder.tree();
        assert_ne!(after, before);
        let standing = server.standing("k");
        assert_eq!(
            (&standing["stands"], &standing["of"], &standing["digest"]),
            (&json!(true), &changed["files"], &changed["digest"])
        );
        assert_eq!(server.change("k", &edits).unwrap(), changed, "a repeat is answered as the first");
        assert_eq!(server.refused("k", json!([{ "path": "z", "write": "" }])), "idempotency-conflict");
        assert_eq!(folder.tree(), after);

        let undone = server.undo("k").unwrap();
        assert_eq!((folder.tree(), &undone["files"]), (before.clone(), &changed["files"]), "{edits}");
        assert_eq!(server.standing("k"), json!({ "applied": false }));
        assert_eq!(server.undo("k").unwrap(), undone, "a repeat is answered as the first");
        let again = server.call("undo_change", json!({ "change": "k", "undo": "another" })).unwrap_err();
        assert_eq!(again.0, "reversal-conflict");
        assert_eq!(
            server.call("undo_change", json!({ "change": "undo-k", "undo": "redo" })).unwrap()["files"],
            changed["files"]
        );
        assert_eq!((folder.tree(), &server.standing("k")["stands"]), (after, &json!(true)));
        server.call("undo_change", json!({ "change": "k", "undo": "back" })).unwrap();
        assert_eq!(folder.tree(), before);
        assert_eq!(server.undo("unknown").unwrap_err().0, "not-found");
    }
}

#[test]
fn modes_are_kept_and_differences_are_shown() {
    let folder = Folder::new();
    let mut server = folder.server();
    let changed = server.change("k", &every_kind()).unwrap();
    let mode = |path: &str| fs::metadata(folder.root().join(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("bin/c.sh"), mode("src/new/deeper/d.txt"), mode("src/new")), (0o750, 0o644, 0o755));
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
    let differences = &changed["differences"];
    assert_eq!(
        (&changed["files"], &differences[0]["diff"], &differences[3]["diff"]),
        (&json!(6), &json!(diff), &Value::Null)
    );
    assert_eq!(
        (&changed["bytes_before"], &changed["bytes_after"], &changed["cut"]),
        (&json!(31), &json!(34), &json!(false))
    );
    assert_eq!(differences[2]["diff"], "--- /dev/null\n+++ b/src/new/deeper/d.txt\n@@ -0,0 +1 @@\n+new\n");
}

#[test]
fn what_others_did_since_is_never_overwritten() {
    type Theirs = fn(&Path);
    let theirs: [(&str, Theirs); 8] = [
        ("write", |root| fs::write(root.join("a.txt"), "theirs").unwrap()),
        ("delete", |root| fs::remove_file(root.join("src/b.txt")).unwrap()),
        ("create", |root| fs::write(root.join("bytes"), "theirs").unwrap()),
        ("mode", |root| fs::set_permissions(root.join("bin/c.sh"), fs::Permissions::from_mode(0o700)).unwrap()),
        ("gone", |root| fs::remove_file(root.join("src/new/deeper/d.txt")).unwrap()),
        ("back", |root| fs::write(root.join("src/deep/c.sh"), "#!/bin/sh\n").unwrap()),
        ("link", |root| symlink("a.txt", root.join("bytes")).unwrap()),
        ("folder", |root| fs::create_dir(root.join("bytes")).unwrap()),
    ];
    for (name, theirs) in theirs {
        let folder = Folder::new();
        let mut server = folder.server();
        server.change("k", &every_kind()).unwrap();
        theirs(&folder.root());
        let between = folder.tree();
        assert_eq!(server.undo("k").unwrap_err().0, "reversal-conflict", "{name}");
        assert_eq!(folder.tree(), between, "{name}: nothing was done");
        let standing = server.standing("k");
        assert_eq!(
            (&standing["applied"], &standing["stands"], &standing["differing"]),
            (&json!(true), &json!(false), &json!(1)),
            "{name}"
        );
    }
    // What lies beside the files of a change stays, and so does the folder it is in.
    let folder = Folder::new();
    let mut server = folder.server();
    server.change("k", &every_kind()).unwrap();
    folder.write("src/new/theirs", "x");
    server.undo("k").unwrap();
    assert!(folder.root().join("src/new/theirs").exists() && !folder.root().join("src/new/deeper").exists());
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let folder = Folder::new();
    let outside = folder.at.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "theirs").unwrap();
    symlink(&outside, folder.root().join("door")).unwrap();
    symlink(outside.join("secret"), folder.root().join("window")).unwrap();
    fs::hard_link(outside.join("secret"), folder.root().join("twin")).unwrap();
    fs::create_dir(folder.root().join(".git")).unwrap();
    folder.write(".git/config", "x");
    let absolute = outside.join("secret").to_str().unwrap().to_owned();
    let (mut server, before) = (folder.server(), folder.tree());
    let paths = [
        "../outside/secret",
        "src/../../outside/secret",
        &absolute,
        "door/secret",
        "window",
        "",
        ".",
        "a.txt/",
        "./a.txt",
        "src//b.txt",
        "a\0b",
        ".git/config",
        ".GIT/config",
        ".countersign-1-0",
        "src/.git/x",
        "src",
        "a.txt/x",
    ];
    for path in paths {
        assert_eq!(server.refused("k", json!([{ "path": path, "write": "ours" }])), "path-refused", "{path}");
        if !path.starts_with("a.txt/") {
            let moved = json!([{ "path": "a.txt", "move_to": path }]);
            assert_eq!(server.refused("k", moved), "path-refused", "{path}");
        }
        let read = server.call("read_file", json!({ "path": path })).unwrap_err();
        assert_eq!(read.0, "path-refused", "{path}");
    }
    assert_eq!(server.refused("k", json!([{ "path": "twin", "write": "ours" }])), "path-refused");
    assert_eq!(server.call("list_files", json!({ "path": "door" })).unwrap_err().0, "path-refused");
    let listed = server.call("list_files", json!({})).unwrap();
    assert!(!listed.to_string().contains(".git") && listed.to_string().contains("a.txt"), "{listed}");
    assert_eq!(folder.tree(), before);

    // A link that is swapped in for the folder, or for the file, of a change.
    server.change("k", &json!([{ "path": "src/b.txt", "write": "ours" }])).unwrap();
    fs::rename(folder.root().join("src"), folder.root().join("aside")).unwrap();
    fs::write(outside.join("b.txt"), "ours").unwrap();
    symlink(&outside, folder.root().join("src")).unwrap();
    assert_eq!(server.undo("k").unwrap_err().0, "reversal-conflict");
    assert_eq!(server.refused("l", json!([{ "path": "src/b.txt", "write": "more" }])), "path-refused");
    fs::remove_file(folder.root().join("src")).unwrap();
    fs::rename(folder.root().join("aside"), folder.root().join("src")).unwrap();
    fs::remove_file(folder.root().join("src/b.txt")).unwrap();
    symlink(outside.join("b.txt"), folder.root().join("src/b.txt")).unwrap();
    assert_eq!(server.undo("k").unwrap_err().0, "reversal-conflict");
    assert_eq!(fs::read_to_string(outside.join("b.txt")).unwrap(), "ours");
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "theirs");
}

#[test]
fn a_store_lies_outside_and_belongs_to_one_folder() {
    let folder = Folder::new();
    let open = |root: &Path, store: &Path| FileServer::open(root, store, FileLimits::default(), Box::new(|| NOW)).err();
    let before = folder.tree();
    for (root, store) in [
        (folder.root(), folder.root().join("store")),
        (folder.root(), folder.root()),
        (folder.root().join("src"), folder.root()),
    ] {
        assert!(matches!(open(&root, &store), Some(FileError::Arguments(_))));
    }
    assert_eq!(folder.tree(), before);
    assert!(open(&folder.root(), &folder.store()).is_none());
    assert!(matches!(open(&folder.root().join("src"), &folder.store()), Some(FileError::Unavailable(_))));
    assert_eq!(fs::metadata(folder.store()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn edits_that_do_not_fit_are_refused_and_nothing_is_done() {
    let folder = Folder::new();
    let (mut server, before) = (folder.server(), folder.tree());
    let a = |edit: Value| json!([{ "path": "src/b.txt", "write": "x" }, edit]);
    for (edits, code) in [
        (json!([]), "arguments-invalid"),
        (a(json!({ "path": "a.txt" })), "arguments-invalid"),
        (a(json!({ "path": "a.txt", "write": "x", "delete": true })), "arguments-invalid"),
        (a(json!({ "path": "a.txt", "delete": false })), "arguments-invalid"),
        (a(json!({ "path": "src/b.txt", "delete": true })), "arguments-invalid"),
        (a(json!({ "path": "a.txt", "move_to": "src/b.txt" })), "arguments-invalid"),
        (a(json!({ "path": "a.txt", "move_to": "bytes" })), "state-conflict"),
        (a(json!({ "path": "a.txt", "move_to": "src/b.txt/c" })), "path-refused"),
        (json!([{ "path": "n", "write": "" }, { "path": "n/m", "write": "" }]), "path-refused"),
        (a(json!({ "path": "none", "delete": true })), "not-found"),
        (a(json!({ "path": "none", "replace": { "from": "a", "to": "b" } })), "not-found"),
        (a(json!({ "path": "a.txt", "replace": { "from": "", "to": "b" } })), "arguments-invalid"),
        (a(json!({ "path": "a.txt", "replace": { "from": "t", "to": "b" } })), "state-conflict"),
        (a(json!({ "path": "a.txt", "replace": { "from": "four", "to": "b" } })), "state-conflict"),
        (a(json!({ "path": "bytes", "replace": { "from": "a", "to": "b" } })), "state-conflict"),
        (a(json!({ "path": "a.txt", "write": "x", "if_sha256": "00" })), "state-conflict"),
        (a(json!({ "path": "none", "write": "x", "if_sha256": "00" })), "state-conflict"),
    ] {
        assert_eq!(server.refused("k", edits.clone()), code, "{edits}");
        assert_eq!(server.call("plan", json!({ "edits": edits })).unwrap_err().0, code, "{edits}");
    }
    assert_eq!((folder.tree(), server.standing("k")), (before, json!({ "applied": false })));
    folder.write("a.txt", "aaa");
    let overlapping = json!([{ "path": "a.txt", "replace": { "from": "aa", "to": "b" } }]);
    assert_eq!(server.refused("k", overlapping), "state-conflict");
    let sha256 = server.call("read_file", json!({ "path": "a.txt" })).unwrap()["sha256"].clone();
    server.change("k", &json!([{ "path": "a.txt", "write": "x", "if_sha256": sha256 }])).unwrap();
}

#[test]
fn limits_hold_and_texts_are_told() {
    let folder = Folder::new();
    folder.write("full", &"x\n".repeat(16));
    folder.write("large", &"x".repeat(33));
    let limits =
        FileLimits { files_max: 2, bytes_max: 32, shown_bytes_max: 100, listed_max: 3, ..FileLimits::default() };
    let (mut server, before) = (folder.server_with(limits), folder.tree());
    let write = |path: &str, bytes: usize| json!({ "path": path, "write": "y\n".repeat(bytes / 2) });
    for edits in [
        json!([write("1", 2), write("2", 2), write("3", 2)]),
        json!([write("1", 2), { "path": "a.txt", "move_to": "b" }]),
        json!([write("a.txt", 34)]),
        json!([{ "path": "large", "delete": true }]),
        json!([{ "path": "large", "move_to": "larger" }]),
    ] {
        assert_eq!(server.refused("k", edits.clone()), "files-exceeded", "{edits}");
    }
    assert_eq!(folder.tree(), before);
    let changed = server.change("k", &json!([write("full", 32), write("2", 32)])).unwrap();
    let shown: usize = (0..2).filter_map(|at| changed["differences"][at]["diff"].as_str()).map(str::len).sum();
    assert!(changed["cut"] == true && shown > 0 && shown <= 100, "{changed}");
    let mut read = |path: &str| server.call("read_file", json!({ "path": path })).unwrap();
    assert_eq!((&read("src/b.txt")["text"], &read("src/b.txt")["size"]), (&json!("bé\n"), &json!(4)));
    assert_eq!(read("bytes")["untold"], "it is not UTF-8 text");
    assert_eq!((&read("large")["untold"], &read("large")["size"]), (&json!("it is larger than is told"), &json!(33)));
    assert_eq!(server.call("read_file", json!({ "path": "none" })).unwrap_err().0, "not-found");
    let listed = server.call("list_files", json!({})).unwrap();
    assert_eq!((listed["files"].as_array().unwrap().len(), &listed["truncated"]), (3, &json!(true)));
    let one = json!({ "files": [{ "name": "b.txt", "kind": "file", "size": 4 }, { "name": "deep", "kind": "folder" }], "truncated": false });
    assert_eq!(server.call("list_files", json!({ "path": "src" })).unwrap(), one);
}

#[test]
fn what_came_around_us_is_found_and_named() {
    for far in [true, false] {
        let folder = Folder::new();
        // With the clock far ahead what stands still is not read again; with one that is behind everything is.
        let clock: targets::files::Clock = Box::new(move || if far { NOW } else { 0 });
        let open = FileServer::open(&folder.root(), &folder.store(), FileLimits::default(), clock);
        let mut server = Server(open.unwrap());
        assert_eq!(server.entries(), []);
        server.change("k", &every_kind()).unwrap();
        let k = |key: &str| (Some(key.to_owned()), every_files());
        assert_eq!(server.entries(), [k("k")]);
        std::thread::sleep(std::time::Duration::from_millis(30));
        folder.write("a.txt", "theirs");
        fs::rename(folder.root().join("src/b.txt"), folder.root().join("moved")).unwrap();
        folder.mode("bin/c.sh", 0o711);
        symlink("/etc/passwd", folder.root().join("link")).unwrap();
        let theirs = (None, ["a.txt", "bin/c.sh", "link", "moved", "src/b.txt"].map(str::to_owned).to_vec());
        assert_eq!(server.entries(), [k("k"), theirs.clone()]);
        assert_eq!(server.entries(), [k("k"), theirs.clone()], "once");
        // What is found on the way to a change is named before the change is.
        std::thread::sleep(std::time::Duration::from_millis(30));
        folder.write("moved", "again");
        server.change("l", &json!([{ "path": "moved", "write": "ours" }])).unwrap();
        let moved = vec!["moved".to_owned()];
        let all = [k("k"), theirs, (None, moved.clone()), (Some("l".to_owned()), moved)];
        assert_eq!(folder.server().entries(), all);
        let last = server.call("list_changes", json!({ "after": 2, "limit": 1 })).unwrap();
        assert_eq!(
            (&last["entries"][0]["number"], &last["entries"][0]["at"].as_str().unwrap().len()),
            (&json!(3), &20)
        );
    }
}

fn every_files() -> Vec<String> {
    ["a.txt", "src/b.txt", "src/new/deeper/d.txt", "bytes", "src/deep/c.sh", "bin/c.sh"].map(str::to_owned).to_vec()
}

#[test]
fn one_works_at_a_time_and_others_wait_so_long() {
    let folder = Folder::new();
    let mut server = folder.server_with(FileLimits { lock_ms: 50, ..FileLimits::default() });
    let lock = fs::File::open(folder.store().join("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(server.refused("k", every_kind()), "upstream-unavailable");
    lock.unlock().unwrap();
    // Many at once, each with a server of its own: every line is there in the end.
    folder.write("count", "");
    std::thread::scope(|scope| {
        for who in 0..4 {
            let mut server = folder.server_with(FileLimits { lock_ms: 60_000, ..FileLimits::default() });
            scope.spawn(move || {
                for n in 0..5 {
                    let key = format!("{who}-{n}");
                    loop {
                        let read = server.call("read_file", json!({ "path": "count" })).unwrap();
                        let text = format!("{}{key}\n", read["text"].as_str().unwrap());
                        let edit = json!([{ "path": "count", "write": text, "if_sha256": read["sha256"] }]);
                        match server.change(&key, &edit) {
                            Ok(_) => break,
                            Err((code, _)) => assert_eq!(code, "state-conflict"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(folder.root().join("count")).unwrap().lines().count(), 20);
}
