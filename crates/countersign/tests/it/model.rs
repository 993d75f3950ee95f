//! Signatures of models on the command line: made by a server, verified without one, and every difference told.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use evidence::model_signature::{ModelFile, sign};
use evidence::{ModelManifest, ModelSigningKey};
use serde_json::{Value, json};
use types::Digest;

use crate::program::{Said, Server, begun, run};

const FILES: [(&str, &[u8]); 5] = [
    ("MLmodel", b"flavors: {}\n"),
    ("a.txt", b"beside the folder a\n"),
    ("a/b/weights.bin", &[7; 300]),
    ("a/empty", b""),
    ("über 模型.txt", "ü\n".as_bytes()),
];

/// Returns where the signatures lie that PyPI `model-signing` has made.
fn theirs(name: &str) -> String {
    format!("{}/../evidence/tests/model_signatures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn key() -> ModelSigningKey {
    ModelSigningKey::from_bytes(&[5; 32]).unwrap()
}

/// Writes the model, our signature of it, and the key.
fn signed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (path, bytes) in FILES {
        put(&dir.join("model").join(path), bytes);
    }
    let listed = FILES.iter().map(|(path, bytes)| ModelFile { path: (*path).into(), digest: Digest::plain(bytes) });
    let manifest = ModelManifest::of_model("m-1", listed.collect(), &["model.sig"]).unwrap();
    fs::write(dir.join("model.sig"), sign(&manifest, &key())).unwrap();
    fs::write(dir.join("key.pem"), key().public().to_pem()).unwrap();
    folder
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn verify(dir: &Path, model: &str, signature: &str, key: &str, more: &[&str]) -> Said {
    let words = ["model", "verify", model, "--signature", signature, "--public-key", key];
    run(dir, &[&words[..], more].concat())
}

fn plain(dir: &Path) -> Said {
    verify(dir, "model", "model.sig", "key.pem", &["--json"])
}

/// Demands that the model is not what was signed, and returns the paths that differ with how.
fn differs(dir: &Path) -> Vec<(String, String)> {
    let said = plain(dir);
    assert_eq!(said.code, 1, "{}", said.err);
    let error: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["error"]["code"], "model-differs");
    let report = said.json();
    assert_eq!(report["holds"], false);
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    report["differences"].as_array().unwrap().iter().map(|one| (text(one, "path"), text(one, "is"))).collect()
}

fn one(path: &str, is: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), is.to_owned())]
}

#[test]
fn a_model_that_is_what_was_signed_holds() {
    let folder = signed();
    let dir = folder.path();
    let said = plain(dir);
    assert_eq!(said.code, 0, "{}", said.err);
    let bytes: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum();
    let report = said.json();
    let fingerprint = key().public().fingerprint().to_string();
    assert_eq!(
        (&report["holds"], &report["key"], &report["model"]),
        (&json!(true), &json!(fingerprint), &json!("m-1"))
    );
    assert_eq!((&report["signed"], &report["files"], &report["bytes"]), (&json!(5), &json!(5), &json!(bytes)));
    assert_eq!((&report["passed_over"], &report["differences"]), (&json!([]), &json!([])));
    let said = verify(dir, "model", "model.sig", "key.pem", &[]);
    assert!(said.code == 0 && said.out.contains("no other is there: 5 files, 335 bytes"), "{}", said.out);
    // Beside its files the signature is passed over, under whatever name.
    for name in ["model.sig", "signed"] {
        fs::copy(dir.join("model.sig"), dir.join("model").join(name)).unwrap();
        let said = verify(dir, "model", &format!("model/{name}"), "key.pem", &["--json"]);
        assert_eq!((said.code, &said.json()["passed_over"][0]), (0, &json!(name)), "{}", said.err);
        fs::remove_file(dir.join("model").join(name)).unwrap();
    }
    fs::copy(dir.join("model.sig"), dir.join("model/signed")).unwrap();
    assert_eq!(differs(dir), one("signed", "unlisted"), "it is not the signature that is verified");
}

#[test]
fn each_difference_is_told_by_its_path() {
    let folder = signed();
    let dir = folder.path();
    let model = dir.join("model");
    for (path, bytes) in FILES {
        let file = model.join(path);
        put(&file, &[bytes, b"!"].concat());
        assert_eq!(differs(dir), one(path, "changed"));
        fs::remove_file(&file).unwrap();
        assert_eq!(differs(dir), one(path, "missing"));
        symlink(dir.join("key.pem"), &file).unwrap();
        assert_eq!(differs(dir), one(path, "other"));
        fs::remove_file(&file).unwrap();
        put(&file, bytes);
    }
    for path in ["b", "a/b/c/d", ".hidden", "a/.gitignore", "A.txt"] {
        put(&model.join(path), b"");
        assert_eq!(differs(dir), one(path, "unlisted"));
        fs::remove_file(model.join(path)).unwrap();
    }
    // A folder without files is nothing that could be signed.
    assert_eq!(plain(dir).code, 0);
    symlink(dir, model.join("around")).unwrap();
    assert_eq!(differs(dir), one("around", "other"));
    fs::remove_file(model.join("around")).unwrap();
    let odd: PathBuf = model.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"a\xff"));
    fs::write(&odd, "").unwrap();
    assert_eq!(differs(dir), one(r#""a\xFF""#, "other"));
    fs::remove_file(&odd).unwrap();
    put(&model.join("MLmodel"), b"other");
    put(&model.join("z\u{202e}"), b"");
    let said = verify(dir, "model", "model.sig", "key.pem", &[]);
    assert!(said.code == 1 && said.err.contains("2 of its paths differ") && said.err.contains("code: model-differs "));
    assert!(said.out.contains("changed MLmodel has other bytes") && said.out.contains(r"unlisted z\u{202e} was not"));
}

#[test]
fn what_the_command_line_passes_over_holds_nothing_that_was_signed() {
    let folder = signed();
    let dir = folder.path();
    put(&dir.join("model/cache/x"), b"1");
    put(&dir.join("model/written-later"), b"1");
    assert_eq!(differs(dir).len(), 2);
    let with = |ignored: &[&str]| {
        let more: Vec<&str> = ignored.iter().flat_map(|path| ["--ignore", *path]).collect();
        verify(dir, "model", "model.sig", "key.pem", &more)
    };
    assert_eq!(with(&["cache", "written-later"]).code, 0);
    assert_eq!(with(&["cache/", "written-later"]).code, 0);
    assert_eq!(with(&["cach", "written-later"]).code, 1);
    for path in ["a", "a/b", "a/b/weights.bin", "MLmodel", ".", "..", "a/../cache", "/cache", ""] {
        let said = with(&[path]);
        assert!(said.code == 2 && said.err.contains("code: usage-invalid "), "{path}: {} {}", said.code, said.err);
    }
}

#[test]
fn a_signature_that_is_not_by_the_key_or_cannot_be_read_says_nothing_of_the_files() {
    let folder = signed();
    let dir = folder.path();
    put(&dir.join("no.sig"), b"{}");
    put(&dir.join("no.pem"), b"-----BEGIN PUBLIC KEY-----\n");
    let p256 = theirs("p256.pem");
    for (signature, public_key, code, says) in [
        (theirs("p256.sig"), "key.pem", 1, "code: model-signature-foreign "),
        ("model.sig".into(), p256.as_str(), 1, "code: model-signature-foreign "),
        ("no.sig".into(), "key.pem", 1, "code: model-signature-malformed "),
        ("key.pem".into(), "key.pem", 1, "code: model-signature-malformed "),
        (theirs("shards.sig"), p256.as_str(), 4, "code: model-signature-unsupported "),
        (theirs("certificate.sig"), p256.as_str(), 4, "code: model-signature-unsupported "),
        ("model.sig".into(), "no.pem", 2, "code: usage-invalid "),
        ("model.sig".into(), "nothing.pem", 1, "code: file-unusable "),
        ("nothing.sig".into(), "key.pem", 1, "code: file-unusable "),
    ] {
        let said = verify(dir, "model", &signature, public_key, &[]);
        assert_eq!(said.code, code, "{signature} {public_key}: {}", said.err);
        assert!(said.err.contains(says) && said.out.is_empty(), "{signature} {public_key}: {}", said.err);
    }
    let said = verify(dir, "nowhere", "model.sig", "key.pem", &[]);
    assert!(said.code == 1 && said.err.contains("code: file-unusable "), "{}", said.err);
}

#[test]
fn what_others_signed_is_verified_with_their_links_and_of_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let files: [(&str, Vec<u8>); 5] = [
        ("MLmodel", b"flavors: {}\n".to_vec()),
        ("a.txt", b"beside the folder a\n".to_vec()),
        ("a/b/weights.bin", (0..=255).collect()),
        ("a/empty", Vec::new()),
        ("über 模型.txt", "ü\n".as_bytes().to_vec()),
    ];
    for (path, bytes) in files {
        put(&dir.join("model").join(path), &bytes);
    }
    put(&dir.join("model/.git/config"), b"passed over by whoever signed");
    let by = |name: &str, model: &str| {
        let key = if name == "p384" { "p384.pem" } else { "p256.pem" };
        verify(dir, model, &theirs(&format!("{name}.sig")), &theirs(key), &["--json"])
    };
    for name in ["p256", "p384", "links"] {
        let said = by(name, "model");
        assert_eq!((said.code, &said.json()["passed_over"]), (0, &json!([".git"])), "{name}: {}", said.err);
    }
    // A link to a file counts where whoever signed says so; one to a folder never does.
    fs::rename(dir.join("model/a.txt"), dir.join("blob")).unwrap();
    symlink("../blob", dir.join("model/a.txt")).unwrap();
    assert_eq!((by("links", "model").code, by("p256", "model").code), (0, 1));
    fs::rename(dir.join("model/a"), dir.join("folder")).unwrap();
    symlink("../folder", dir.join("model/a")).unwrap();
    assert_eq!(by("links", "model").code, 1);
    assert_eq!(by("one-file", "model/MLmodel").code, 0);
    assert_eq!(by("one-file", "blob").code, 1);
    assert_eq!(by("one-file", "model").code, 1);
    fs::create_dir(dir.join("empty")).unwrap();
    assert_eq!((by("nothing", "empty").code, by("nothing", "model").code), (0, 1));
}

#[test]
fn the_key_for_models_is_made_by_the_first_start_and_can_be_brought() {
    let folder = begun();
    let dir = folder.path();
    let file = dir.join("countersign/keys/model.key");
    let key = || run(dir, &["model", "key"]);
    fs::remove_file(&file).unwrap_or_default();
    assert!(key().code == 1 && key().err.contains("code: keys-unusable ") && key().err.contains("countersign up"));
    let server = Server::up(dir);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let first = key().out;
    assert!(first.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), "{first}");
    let said = run(dir, &["model", "signature", "m-nobody"]);
    assert!(said.code == 1 && said.err.contains("code: not-found "), "{}", said.err);
    server.stop();
    Server::up(dir).stop();
    assert_eq!(key().out, first, "a start keeps it");
    let brought = ModelSigningKey::from_bytes(&[9; 32]).unwrap();
    fs::write(&file, brought.to_pem().unwrap().as_bytes()).unwrap();
    Server::up(dir).stop();
    let said = run(dir, &["model", "key", "--json"]).json();
    assert_eq!(said["pem"], brought.public().to_pem());
    assert_eq!(said["fingerprint"], brought.public().fingerprint().to_string());
    let refuses_to_start = |says: &str| {
        let said = run(dir, &["up", "--listen", "127.0.0.1:0"]);
        assert!(said.code == 1 && said.err.contains("code: keys-unusable ") && said.err.contains(says), "{}", said.err);
    };
    fs::write(&file, "no key").unwrap();
    refuses_to_start("model.key");
    fs::remove_file(&file).unwrap();
    let signers = dir.join("countersign/keys/models");
    put(&signers.join("ana.pem"), brought.public().to_pem().as_bytes());
    Server::up(dir).stop();
    for (name, text, says) in [
        ("ben.pem", brought.public().to_pem(), "has the same one"),
        ("ben.pem", "no key", "ben.pem"),
        ("ben", key_of(7).as_str(), "is not called `NAME.pem`"),
        (".pem", key_of(7).as_str(), "is not called `NAME.pem`"),
    ] {
        put(&signers.join(name), text.as_bytes());
        refuses_to_start(says);
        fs::remove_file(signers.join(name)).unwrap();
    }
}

fn key_of(seed: u8) -> String {
    ModelSigningKey::from_bytes(&[seed; 32]).unwrap().public().to_pem().to_owned()
}
