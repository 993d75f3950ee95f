//! Receipts: each format holds for its own record and key, and for nothing else.

use std::fs;
use std::path::PathBuf;

use evidence::{CoseReceipt, Envelope, Statement};
use tlog::SignerKey;

use crate::{published, verify};

struct Receipts {
    folder: tempfile::TempDir,
    log_key: String,
    key: String,
}

impl Receipts {
    /// Writes a receipt of each format, the leaf they are about and another one.
    async fn new() -> Self {
        let (world, log_key) = published().await;
        let folder = tempfile::tempdir().unwrap();
        let key = SignerKey::ed25519("statement.example", &[5; 32]).unwrap();
        let log = log_key.parse().unwrap();
        let history = world.control.history();
        let (logged, other) = (history.logged(3, &log).unwrap(), history.logged(4, &log).unwrap());
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        put("leaf", logged.leaf());
        put("other", other.leaf());
        put("one.tlog-proof", &logged.tlog_proof());
        put("one.cose", &CoseReceipt::sign(&logged, &key).unwrap().to_bytes());
        let statement = Statement::about(&logged).unwrap().to_json();
        put("one.dsse.json", Envelope::sign(statement.into_bytes(), &key).unwrap().to_json().as_bytes());
        // Somebody with the statement key alone, who says more than the log does.
        let lie = Statement::about(&logged).unwrap().to_json().replace(r#""kind":""#, r#""kind":"not_"#);
        put("lie.dsse.json", Envelope::sign(lie.into_bytes(), &key).unwrap().to_json().as_bytes());
        Self { folder, log_key, key: key.verifier().to_string() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program on a file with its right key, and the log's where there is a statement.
    fn verify(&self, name: &str, more: &[&str]) -> (i32, String) {
        let key = if name.ends_with("tlog-proof") { &self.log_key } else { &self.key };
        let mut words = vec!["--key", key];
        if name.contains("dsse") {
            words.extend(["--log-key", &self.log_key]);
        }
        verify(&self.at(name), &[&words, more].concat())
    }
}

const NAMES: [&str; 3] = ["one.cose", "one.tlog-proof", "one.dsse.json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_holds_for_its_record_and_no_other() {
    let receipts = Receipts::new().await;
    let (leaf, other) = (receipts.at("leaf"), receipts.at("other"));
    for name in NAMES {
        let (code, said) = receipts.verify(name, &["--leaf", leaf.to_str().unwrap()]);
        assert_eq!(code, 0, "{name}: {said}");
        assert!(said.contains("record 3 of ") && said.contains("signature  holds\nclaim      holds"), "{said}");
        let (code, said) = receipts.verify(name, &["--leaf", other.to_str().unwrap()]);
        assert!(code == 1 && said.contains("code       evidence-broken"), "{name}: {said}");
    }
    let (code, said) = receipts.verify("one.cose", &["--leaf", leaf.to_str().unwrap(), "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["signature"], &said["log"]["index"]), (0, &"holds".into(), &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_and_an_altered_byte_are_noticed() {
    let receipts = Receipts::new().await;
    let leaf = receipts.at("leaf");
    let more = ["--leaf", leaf.to_str().unwrap()];
    for name in NAMES {
        let swapped = if name.ends_with("tlog-proof") { &receipts.key } else { &receipts.log_key };
        let words = [&["--key", swapped, "--log-key", &receipts.log_key], &more[..]].concat();
        let (code, said) = verify(&receipts.at(name), &words);
        assert!(code == 1 && said.contains("signature  BROKEN"), "{name}: {said}");
        let bytes = fs::read(receipts.at(name)).unwrap();
        for at in (40..bytes.len()).step_by(bytes.len() / 8) {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            fs::write(receipts.at(name), altered).unwrap();
            let (code, said) = receipts.verify(name, &more);
            assert_eq!(code, 1, "byte {at} of {name}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_never_passes() {
    let receipts = Receipts::new().await;
    for name in ["one.cose", "one.tlog-proof"] {
        let (code, said) = receipts.verify(name, &[]);
        assert!(code == 4 && said.contains("MISSING") && said.contains("give --leaf"), "{name}: {said}");
    }
    let (code, said) = verify(&receipts.at("one.dsse.json"), &["--key", &receipts.key]);
    assert!(code == 4 && said.contains("claim      MISSING") && said.contains("give --log-key"), "{said}");
    for name in NAMES {
        let (code, said) = verify(&receipts.at(name), &[]);
        assert!(code == 2 && said.contains("give --key"), "{name}: {said}");
        let (code, said) = receipts.verify(name, &["--leaf", "nowhere"]);
        assert!(code == 2 && said.contains("file-unusable"), "{name}: {said}");
    }
    let (code, said) = receipts.verify("one.cose", &["--log-key", "no key"]);
    assert!(code == 2 && said.contains("the log's key cannot be used"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_signature_is_not_a_good_claim() {
    let receipts = Receipts::new().await;
    let (code, said) = receipts.verify("lie.dsse.json", &[]);
    assert!(code == 1 && said.contains("signature  holds\nclaim      BROKEN"), "{said}");
    let (code, said) = receipts.verify("one.dsse.json", &[]);
    assert_eq!(code, 0, "{said}");
}
