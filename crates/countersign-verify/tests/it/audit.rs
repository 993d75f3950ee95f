//! The steps of an audit, as an auditor types them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use control::audit::answer;
use control::export::custody;
use evidence::TrustRoot;
use evidence::trust_root::Made;
use replay::audit::Request;
use serde_json::Value;
use testkit::World;
use types::Millis;

use crate::wish;

/// Is what an auditor has on their desk.
struct Desk {
    folder: tempfile::TempDir,
    log: PathBuf,
    key: String,
    world: World,
}

impl Desk {
    /// Lays out a log without open ends, its key as text and as a trust root.
    async fn new() -> Self {
        let (world, key) = crate::settled(&["sre.report", "sre.delete", "sre.restart"]).await;
        let desk = Self { folder: tempfile::tempdir().unwrap(), log: world.folder.path().join("data/log"), key, world };
        desk.trust(|_| ());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the trust root, changed or not.
    fn trust(&self, change: impl FnOnce(&mut TrustRoot)) -> PathBuf {
        let made = Made { program: "countersign".to_owned(), by: "ana".to_owned(), at: Millis(1) };
        let mut root = TrustRoot::of(&self.key.parse().unwrap(), made);
        change(&mut root);
        fs::write(self.path("trust.json"), root.to_json()).unwrap();
        self.path("trust.json")
    }

    fn run(&self, step: &str, args: &[&str]) -> (i32, String) {
        run(&[&[step], args].concat())
    }

    /// Runs a step on the log, under the trust root.
    fn on_log(&self, step: &str, args: &[&str]) -> (i32, String) {
        let trust = self.path("trust.json");
        self.run(step, &[&[text(&self.log), "--trust", text(&trust)], args].concat())
    }

    /// Draws everything there is and has the operator answer.
    async fn answered(&self) -> (PathBuf, PathBuf) {
        let (request, evidence) = (self.path("request.json"), self.path("sample.evidence"));
        let (code, said) = self.on_log("sample", &["--seed", "dice", "-o", text(&request)]);
        assert_eq!(code, 0, "{said}");
        let drawn = Request::from_json(&fs::read(&request).unwrap()).unwrap();
        let key = self.world.control.config().place.keys.log.verifier();
        let archive = answer(self.world.control.history(), &key, &drawn, custody("ana", Millis(1))).await.unwrap();
        fs::write(&evidence, archive.to_bytes().unwrap()).unwrap();
        (request, evidence)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-verify")).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_trust_root_to_every_drawn_decision_told() {
    let desk = Desk::new().await;
    let (code, said) = run(&["trust", text(&desk.path("trust.json"))]);
    assert!(code == 0 && said.contains("fingerprint  ") && said.contains("testkit.example/log"), "{said}");
    let (code, said) = desk.on_log("population", &[]);
    assert!(code == 0 && said.contains("all decisions of the log: 3"), "{said}");
    let (request, evidence) = desk.answered().await;
    let trust = desk.path("trust.json");
    let args = [text(&evidence), "--trust", text(&trust), "--request", text(&request), "--log", text(&desk.log)];
    let (code, said) = desk.run("reconstruct", &args);
    assert!(code == 0 && said.contains("decisions          3 of 3 hold"), "{said}");
    assert!(
        said.contains("proved             request: the 3 decisions are those that the seed draws from 3"),
        "{said}"
    );
    assert!(said.contains("rests on judgement outcome: it was done, reported by the agent"), "{said}");
    let (code, said) = desk.run("reconstruct", &[&args[..], &["--json"]].concat());
    let value: Value = serde_json::from_str(&said).unwrap();
    assert!(code == 0 && value["standing"] == "holds", "{said}");
    assert_eq!(value["report"]["decisions"].as_array().unwrap().len(), 3);
    assert_eq!(value["report"]["decisions"][0]["statements"][0]["basis"], "proved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_comes_out_the_same_and_another_seed_draws_another() {
    let desk = Desk::new().await;
    let draw = |seed: &str| {
        let (code, said) = desk.on_log("sample", &["-n", "1", "--seed", seed, "--json"]);
        assert_eq!(code, 0, "{said}");
        Request::from_json(said.as_bytes()).unwrap().picks
    };
    assert_eq!(draw("dice"), draw("dice"));
    let others: Vec<_> = (0..20).map(|n| draw(&format!("dice {n}"))).collect();
    assert!(others.iter().any(|picks| *picks != draw("dice")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_neither_counted_nor_drawn_from() {
    let desk = Desk::new().await;
    let copy = tempfile::tempdir().unwrap();
    for file in crate::files(&desk.log) {
        let to = copy.path().join(file.strip_prefix(&desk.log).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&file, to).unwrap();
    }
    let desk = Desk { log: copy.path().to_owned(), ..desk };
    let size = fs::read_to_string(desk.log.join("checkpoint")).unwrap().lines().nth(1).unwrap().to_owned();
    let entries = desk.log.join(format!("tile/entries/000.p/{size}"));
    let mut bytes = fs::read(&entries).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&entries, &bytes).unwrap();
    for (step, more) in [("population", &[][..]), ("sample", &["--seed", "dice"])] {
        let (code, said) = desk.on_log(step, more);
        assert!(code == 1 && said.contains("evidence-broken") && !said.contains("population "), "{step}: {said}");
    }
    fs::remove_file(&entries).unwrap();
    let (code, said) = desk.on_log("population", &["--json"]);
    assert!(code == 4 && said.contains(r#""code":"evidence-missing""#), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_root_that_is_not_the_operator_s_says_so() {
    let desk = Desk::new().await;
    let other = "3 5".repeat(2);
    desk.trust(|root| root.keys[0].fingerprint.replace_range(0..4, "0000"));
    let (code, said) = desk.on_log("population", &[]);
    assert!(code == 2 && said.contains("is not that of its key") && said.contains("file-unusable"), "{said}");
    desk.trust(|root| root.witnesses = Some("quorum 1".to_owned()));
    let (code, said) = desk.on_log("population", &[]);
    assert!(code == 2 && said.contains("its witnesses: line 1 of the policy"), "{said}");
    desk.trust(|root| root.keys[0].until = Some(Millis(1)));
    let (code, said) = desk.on_log("population", &[]);
    assert!(code == 1 && said.contains("does not trust then"), "{said}");
    let stranger = tlog::key::SignerKey::ed25519("testkit.example/log", &[1; 32]).unwrap().verifier().to_string();
    let desk = Desk { key: stranger, ..desk };
    let trust = desk.trust(|_| ());
    let (code, said) = desk.on_log("sample", &["--seed", &other]);
    assert!(code == 1 && said.contains("BROKEN"), "{said}");
    let (code, said) = run(&[text(&desk.log), "--trust", text(&trust)]);
    assert!(code == 1 && said.contains("BROKEN"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_root_stands_in_for_the_key_of_a_plain_check() {
    let desk = Desk::new().await;
    let (_, evidence) = desk.answered().await;
    let trust = desk.path("trust.json");
    for path in [text(&desk.log), text(&evidence)] {
        let (code, said) = run(&[path, "--trust", text(&trust)]);
        assert!(code == 0 && said.contains("holds"), "{said}");
        assert_eq!(run(&[path, "--key", &desk.key]).0, 0);
        assert_eq!(run(&[path, "--key", &desk.key, "--trust", text(&trust)]).0, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_told_from_what_is_broken() {
    let desk = Desk::new().await;
    let (request, evidence) = desk.answered().await;
    assert_eq!(desk.run("population", &[text(&desk.log)]).0, 2);
    assert_eq!(desk.run("population", &[text(desk.folder.path()), "--key", &desk.key]).0, 2);
    assert_eq!(desk.on_log("sample", &["--seed", ""]).0, 2);
    assert_eq!(desk.on_log("population", &["--verdict", "maybe"]).0, 2);
    fs::write(&request, "{}").unwrap();
    let args = [text(&evidence), "--key", &desk.key, "--request", text(&request)];
    let (code, said) = desk.run("reconstruct", &args);
    assert!(code == 2 && said.contains("not an audit request"), "{said}");
    let (code, said) = desk.run("reconstruct", &[text(&evidence), "--key", &desk.key]);
    assert!(code == 0 && said.contains("3 of 3 hold"), "without a request every decision is told: {said}");
    let open = desk.world.control.decide_once(wish("sre.report"), false).await.unwrap();
    desk.world.control.publish().unwrap();
    let archive = desk.world.control.export(&"eve".parse().unwrap(), &open.decision.action).await.unwrap();
    fs::write(&evidence, archive).unwrap();
    let (code, said) = desk.run("reconstruct", &[text(&evidence), "--key", &desk.key]);
    assert!(code == 4 && said.contains("MISSING            outcome: what became of it"), "{said}");
}
