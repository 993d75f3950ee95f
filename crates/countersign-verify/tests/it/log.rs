//! A published log: every byte of every file counts.

use std::fs;

use crate::{files, published, verify};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_holds_passes_and_says_what_is_open() {
    let (world, key) = published().await;
    let log = world.folder.path().join("data/log");
    let (code, said) = verify(&log, &["--key", &key]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("was permitted in record") && said.contains("decided 3"), "{said}");
    assert_eq!(verify(&log, &[]).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_changed_byte_passes() {
    let (world, key) = published().await;
    // The publisher goes on at a distance, so the tampering is done on a copy that nobody else touches.
    let copy = tempfile::tempdir().unwrap();
    let source = world.folder.path().join("data/log");
    for file in files(&source) {
        let to = copy.path().join(file.strip_prefix(&source).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&file, to).unwrap();
    }
    assert_eq!(verify(copy.path(), &["--key", &key]).0, 0);
    let size = fs::read_to_string(copy.path().join("checkpoint")).unwrap().lines().nth(1).unwrap().to_owned();
    let in_use = |path: &std::path::PathBuf| {
        path.ends_with("checkpoint") || path.to_string_lossy().ends_with(&format!("/{size}"))
    };
    let mut tried = 0;
    for file in files(copy.path()).into_iter().filter(in_use) {
        let bytes = fs::read(&file).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len().div_ceil(12)) {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            fs::write(&file, &altered).unwrap();
            let (code, said) = verify(copy.path(), &["--key", &key]);
            assert!(code == 1 && said.contains("evidence-broken"), "byte {at} of {}: {said}", file.display());
            tried += 1;
        }
        fs::write(&file, &bytes).unwrap();
    }
    assert!(tried >= 30, "only {tried} bytes were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tile_and_another_key_do_not_pass() {
    let (world, key) = published().await;
    let log = world.folder.path().join("data/log");
    let other = tlog::SignerKey::ed25519(key.split('+').next().unwrap(), &[3; 32]).unwrap();
    let (code, said) = verify(&log, &["--key", &other.verifier().to_string()]);
    assert!(
        code == 1
            && said.contains("code       evidence-broken")
            && said.contains("BROKEN     the checkpoint is signed by the log's key ("),
        "{said}"
    );

    let (away, back) = (log.join("tile/aside"), log.join("tile/entries"));
    fs::rename(&back, &away).unwrap();
    let (code, said) = verify(&log, &["--key", &key]);
    assert!(code == 4 && said.contains("code       evidence-missing"), "{said}");
    assert!(
        said.contains("MISSING    every tile") && said.contains("(tile/entries/") && said.contains("is missing)"),
        "{said}"
    );
    let (code, said) = verify(&log, &["--key", &key, "--json"]);
    assert!(code == 4 && said.contains(r#""code":"evidence-missing""#), "{said}");
    fs::rename(&away, &back).unwrap();
    assert_eq!(verify(&log, &["--key", &key]).0, 0, "what was only away is whole again");

    let (code, said) = verify(&log.join("tile"), &["--key", &key]);
    assert!(code == 2 && said.contains("holds no checkpoint") && said.contains("code: evidence-missing"), "{said}");
    let (code, said) = verify(&log, &["--key", "no key"]);
    assert!(code == 2 && said.contains("the key cannot be used") && said.contains("code: usage-invalid"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_would_be_passed_over_is_refused() {
    let (world, key) = published().await;
    let log = world.folder.path().join("data/log");
    let file = log.join("checkpoint").display().to_string();
    for option in ["--next", "--policy-bundle", "--leaf"] {
        let (code, said) = verify(&log, &["--key", &key, option, &file]);
        assert!(code == 2 && said.contains(option) && said.contains("usage-invalid"), "{option}: {code} {said}");
    }
    assert_eq!(verify(&log, &["--key", &key, "--earlier", &file]).0, 0);
}
