//! Time-stamps: what a reader who names authorities demands of a log, of evidence and of a receipt.

use std::fs;
use std::path::{Path, PathBuf};

use control::export::{Order, Wanted, custody, when_published};
use ledger::stamping::Stamping;
use ledger::{Clock as _, Folder};
use testkit::{Authority, World};
use types::Millis;

use crate::{published, verify, wish};

struct Dated {
    world: World,
    key: String,
    folder: tempfile::TempDir,
}

impl Dated {
    /// A published log that an authority has dated.
    async fn new() -> Self {
        let (world, key) = published().await;
        stamp(&world);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tsa.pem"), Authority::root_pem()).unwrap();
        fs::write(folder.path().join("other.pem"), OTHER).unwrap();
        Self { world, key, folder }
    }

    fn log(&self) -> PathBuf {
        self.world.folder.path().join("data/log")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Checks something by the log's key and by the authorities of a file.
    fn check(&self, path: &Path, roots: &str, more: &[&str]) -> (i32, String) {
        let roots = self.at(roots);
        verify(path, &[&["--key", &self.key, "--tsa-roots", roots.to_str().unwrap()], more].concat())
    }
}

const OTHER: &[u8] = include_bytes!("../../../evidence/tests/timestamps/other.pem");

fn stamp(world: &World) {
    let place = &world.control.config().place;
    let folder = Folder::at(place.data.join("log"));
    let stamping = Stamping::new(folder, place.keys.log.clone(), None, Authority::trusted());
    let asked = stamping.begin([7; 8]).unwrap().unwrap();
    let now = world.clock.wall();
    stamping.take(&asked, &testkit::stamped(&asked.request(), now).unwrap(), now).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_must_begin_with_what_was_dated() {
    let dated = Dated::new().await;
    let (code, said) = dated.check(&dated.log(), "tsa.pem", &[]);
    assert!(code == 0 && said.contains("was there at 2026-01-05 10:00:00.000Z"), "{said}");
    assert!(!said.contains("time-stamped yet"), "{said}");
    dated.world.control.decide_once(wish("sre.list"), false).await.unwrap();
    dated.world.control.publish().unwrap();
    let (code, said) = dated.check(&dated.log(), "tsa.pem", &[]);
    assert!(code == 0 && said.contains("not proved when the last 1 records were there"), "{said}");
    let (code, said) = dated.check(&dated.log(), "other.pem", &[]);
    assert!(code == 1 && said.contains("BROKEN     the time-stamp is signed by an authority that you trust"), "{said}");

    // Another log under the same key, with the time-stamp of this one.
    let fork = testkit::world().await;
    for tool in ["sre.list", "sre.report", "sre.delete", "sre.report", "sre.list"] {
        fork.control.decide_once(wish(tool), false).await.unwrap();
    }
    fork.control.publish().unwrap();
    let other = fork.folder.path().join("data/log");
    fs::create_dir_all(other.join("timestamps")).unwrap();
    fs::copy(dated.log().join("checkpoint.timestamped"), other.join("checkpoint.timestamped")).unwrap();
    for entry in fs::read_dir(dated.log().join("timestamps")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), other.join("timestamps").join(entry.file_name())).unwrap();
    }
    let (code, said) = dated.check(&other, "tsa.pem", &[]);
    assert!(code == 1 && said.contains("BROKEN     the log begins with the"), "{said}");
    fs::remove_file(dated.log().join("checkpoint.timestamped")).unwrap();
    let (code, said) = dated.check(&dated.log(), "tsa.pem", &[]);
    assert!(code == 4 && said.contains("MISSING") && said.contains("no checkpoint is time-stamped"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_carries_its_time_stamp_and_what_is_demanded_must_be_there() {
    let dated = Dated::new().await;
    let history = dated.world.control.history();
    let from = Millis(0);
    let order = Order {
        wanted: Wanted::Period { from, to: Millis(i64::MAX) },
        with_policy: true,
        custody: custody("ana", from),
    };
    let archive = when_published(history, &dated.key.parse().unwrap(), &order).await.unwrap();
    let put = |name: &str, archive: &evidence::Archive| {
        fs::write(dated.at(name), archive.to_bytes().unwrap()).unwrap();
        dated.at(name)
    };
    let whole = put("whole.evidence", &archive);
    let (_, said) = dated.check(&whole, "tsa.pem", &[]);
    assert!(
        said.contains("holds      the time-stamp is signed") && said.contains("holds      the checkpoint was there"),
        "{said}"
    );
    let (_, said) = dated.check(&whole, "other.pem", &[]);
    assert!(
        said.contains("BROKEN     the time-stamp is signed") && said.contains("MISSING    the checkpoint was there"),
        "{said}"
    );
    let (_, said) = verify(&whole, &["--key", &dated.key]);
    assert!(said.contains("you named no authority"), "{said}");
    let none = put("none.evidence", &evidence::Archive { timestamp: None, ..archive.clone() });
    let (code, said) = dated.check(&none, "tsa.pem", &[]);
    assert!(code == 4 && said.contains("MISSING    the time-stamp is signed"), "{said}");
    // A token that holds, about another checkpoint: the signature does, the claim does not.
    let token = include_bytes!("../../../evidence/tests/timestamps/good-p256.tst").to_vec();
    let other = put("other.evidence", &evidence::Archive { timestamp: Some(token), ..archive });
    let (code, said) = dated.check(&other, "tsa.pem", &[]);
    assert!(code == 1 && said.contains("holds      the time-stamp is signed"), "{said}");
    assert!(said.contains("BROKEN     the checkpoint was there") && said.contains("other bytes"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_dated_by_the_token_beside_it() {
    let dated = Dated::new().await;
    let history = dated.world.control.history();
    let (logged, token) = history.logged_and_dated(3, &dated.key.parse().unwrap()).unwrap().unwrap();
    for (name, bytes) in [("one.tlog-proof", logged.tlog_proof()), ("leaf", logged.leaf().to_vec()), ("one.tst", token)]
    {
        fs::write(dated.at(name), bytes).unwrap();
    }
    let (proof, leaf, token) = (dated.at("one.tlog-proof"), dated.at("leaf"), dated.at("one.tst"));
    let with_leaf = ["--leaf", leaf.to_str().unwrap()];
    let both = [&with_leaf[..], &["--timestamp", token.to_str().unwrap()]].concat();
    let (code, said) = dated.check(&proof, "tsa.pem", &both);
    assert!(code == 0 && said.contains("signature  holds\nclaim      holds") && said.contains("vouches"), "{said}");
    let (code, said) = dated.check(&proof, "tsa.pem", &[&both[..], &["--json"]].concat());
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["timestamp"]["claim"]["standing"]), (0, &"holds".into()));
    let (code, said) = dated.check(&proof, "tsa.pem", &with_leaf);
    assert!(code == 4 && said.contains("signature  MISSING"), "{said}");
    let (code, said) = dated.check(&proof, "other.pem", &both);
    assert!(code == 1 && said.contains("signature  BROKEN"), "{said}");
    let (code, said) = dated.check(&proof, "leaf", &both);
    assert!(code == 2 && said.contains("code: file-unusable"), "{said}");
    // After the last time-stamp there is none to be had.
    dated.world.control.decide_once(wish("sre.list"), false).await.unwrap();
    dated.world.control.publish().unwrap();
    let last = history.size().unwrap() - 1;
    assert!(history.logged_and_dated(last, &dated.key.parse().unwrap()).unwrap().is_none());
}
