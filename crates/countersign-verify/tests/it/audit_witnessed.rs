//! An auditor who demands witnesses: what a quorum has cosigned is counted, drawn from and told, and a fork by whoever holds
//! the log's key is not.

use std::fs;
use std::path::{Path, PathBuf};

use control::audit::answer;
use control::export::custody;
use evidence::TrustRoot;
use evidence::trust_root::Made;
use replay::audit::Request;
use testkit::World;
use tlog::Note;
use types::Millis;

use crate::witnessed::{copy, cosign, policy};
use crate::{settled, verify, wish};

/// Are the calls that the honest log has.
const TOOLS: [&str; 3] = ["sre.report", "sre.delete", "sre.restart"];

/// Is an auditor's desk: a copy of a log, and a trust root and a policy that both demand two of three witnesses.
struct Desk {
    log: tempfile::TempDir,
    papers: tempfile::TempDir,
    world: World,
    key: String,
}

impl Desk {
    async fn new() -> Self {
        let (world, key) = settled(&TOOLS).await;
        let (log, papers) = (copy(&world), tempfile::tempdir().unwrap());
        let made = Made { program: "countersign".to_owned(), by: "ana".to_owned(), at: Millis(1) };
        let root = TrustRoot::of(&key.parse().unwrap(), made).demanding(&policy(&key)).unwrap();
        fs::write(papers.path().join("trust.json"), root.to_json()).unwrap();
        fs::write(papers.path().join("trust.policy"), policy(&key)).unwrap();
        Self { log, papers, world, key }
    }

    fn paper(&self, name: &str) -> PathBuf {
        self.papers.path().join(name)
    }

    /// Runs a step on a log in both ways to demand witnesses, which come to the same.
    fn step(&self, step: &str, log: &Path, more: &[&str]) -> (i32, String) {
        let by = |option: &str, file: &str| {
            let file = self.paper(file);
            verify(Path::new(step), &[&[text(log), option, text(&file)], more].concat())
        };
        let (root, policy) = (by("--trust", "trust.json"), by("--policy", "trust.policy"));
        assert_eq!(root, policy);
        root
    }

    /// Draws everything from a log and has its operator answer.
    async fn answered(&self, world: &World, log: &Path, trust: &[&str]) -> (PathBuf, PathBuf) {
        let (request, evidence) = (self.paper("request.json"), self.paper("sample.evidence"));
        let drawn =
            verify(Path::new("sample"), &[&[text(log), "--seed", "dice", "-o", text(&request)], trust].concat());
        assert_eq!(drawn.0, 0, "{}", drawn.1);
        let drawn = Request::from_json(&fs::read(&request).unwrap()).unwrap();
        let key = world.control.config().place.keys.log.verifier();
        let archive = answer(world.control.history(), &key, &drawn, custody("ana", Millis(1))).await.unwrap();
        fs::write(&evidence, archive.to_bytes().unwrap()).unwrap();
        (request, evidence)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Has witnesses cosign what a log's own folder publishes, so that its evidence carries it too.
pub fn witnessed(world: &World, key: &str, witnesses: &[u8]) -> PathBuf {
    let log = world.folder.path().join("data/log");
    cosign(&log, key, witnesses);
    fs::rename(log.join("checkpoint"), log.join("checkpoint.witnessed")).unwrap();
    fs::copy(log.join("checkpoint.witnessed"), log.join("checkpoint")).unwrap();
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quorum_has_cosigned_is_counted_drawn_and_told() {
    let desk = Desk::new().await;
    let log = witnessed(&desk.world, &desk.key, &[1, 3]);
    let cosigned =
        "a quorum of the policy's witnesses has cosigned the checkpoint (w1 at 1700000000, w3 at 1700000000)";
    let (code, said) = desk.step("population", &log, &[]);
    assert!(code == 0 && said.contains(&format!("holds              {cosigned}")), "{said}");
    assert!(said.contains("all decisions of the log: 3") && !said.contains("not proved"), "{said}");
    let (code, said) = desk.step("population", &log, &["--json"]);
    assert!(code == 0 && said.contains(r#""detail":"w1 at 1700000000, w3 at 1700000000""#), "{said}");
    let (code, said) = desk.step("sample", &log, &["--seed", "dice"]);
    assert!(code == 0 && said.contains(cosigned) && said.contains("sample             3 decisions"), "{said}");

    let trust = desk.paper("trust.json");
    let (request, evidence) = desk.answered(&desk.world, &log, &["--trust", text(&trust)]).await;
    let (code, said) = desk.step("reconstruct", &evidence, &["--request", text(&request), "--log", text(&log)]);
    assert!(code == 0 && said.contains(&format!("proved             signature: {cosigned}")), "{said}");
    assert!(said.contains("3 of 3 hold") && !said.contains("others are shown the same log"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_witnessed_is_counted_and_the_rest_is_named() {
    let desk = Desk::new().await;
    let log = witnessed(&desk.world, &desk.key, &[2, 3]);
    desk.world.control.decide_once(wish("sre.list"), false).await.unwrap();
    desk.world.control.publish().unwrap();
    let (code, said) = desk.step("population", &log, &[]);
    assert!(code == 0 && said.contains("all decisions of the log: 3"), "{said}");
    assert!(
        said.contains("not proved         the last 1 records, which no quorum of witnesses has seen yet"),
        "{said}"
    );
    let (code, said) = verify(Path::new("population"), &[text(&log), "--key", &desk.key]);
    assert!(code == 0 && said.contains("all decisions of the log: 4"), "{said}");
    assert!(said.contains("not proved         that others are shown the same log"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_by_who_holds_the_log_s_key_is_neither_counted_nor_drawn_from_nor_told() {
    let desk = Desk::new().await;
    let log = witnessed(&desk.world, &desk.key, &[1, 2]);
    // Another log under the same key, which one witness helps to forge.
    let (fork, key) = settled(&["sre.delete", "sre.report"]).await;
    assert_eq!(key, desk.key);
    let forked = fork.folder.path().join("data/log");
    let key_alone = ["--key", key.as_str()];
    assert_eq!(verify(Path::new("population"), &[&[text(&forked)], &key_alone[..]].concat()).0, 0);
    for colluding in [&[][..], &[1]] {
        cosign(&forked, &key, colluding);
        for (step, more) in [("population", &[][..]), ("sample", &["--seed", "dice"])] {
            let (code, said) = desk.step(step, &forked, more);
            assert!(code == 4 && said.contains("do not make its quorum"), "{step}: {said}");
            assert!(said.contains("evidence-missing") && !said.contains("population "), "{step}: {said}");
        }
    }
    let (request, evidence) = desk.answered(&fork, &forked, &key_alone).await;
    let args = ["--request", text(&request)];
    assert_eq!(verify(Path::new("reconstruct"), &[&[text(&evidence)], &key_alone[..], &args].concat()).0, 0);
    let (code, said) = desk.step("reconstruct", &evidence, &args);
    assert!(code == 4 && said.contains("MISSING            signature: a quorum"), "{said}");
    assert!(said.contains("MISSING            log: the evidence comes from the log"), "{said}");
    let (code, said) = desk.step("reconstruct", &evidence, &[&args[..], &["--log", text(&log)]].concat());
    assert!(code == 4 && said.contains("do not make its quorum"), "{said}");

    // The cosignatures of the honest log do not fit the fork's checkpoint.
    let own = Note::parse(&fs::read(forked.join("checkpoint")).unwrap()).unwrap();
    let honest = Note::parse(&fs::read(log.join("checkpoint.witnessed")).unwrap()).unwrap();
    let grafted = own.only(&[key.parse().unwrap()]).unwrap().with(honest.signatures()[1..].to_vec()).unwrap();
    fs::write(forked.join("checkpoint"), grafted.to_string()).unwrap();
    let (code, said) = desk.step("population", &forked, &[]);
    assert!(code == 1 && said.contains("evidence-broken"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_root_with_witnesses_is_shown_and_demands_them_of_a_plain_check_too() {
    let desk = Desk::new().await;
    let trust = desk.paper("trust.json");
    let (code, said) = verify(Path::new("trust"), &[text(&trust)]);
    assert!(code == 0 && said.contains("witness      w2 witness2.example/w+"), "{said}");
    assert_eq!(said.matches("fingerprint  ").count(), 4, "{said}");
    assert!(said.contains("demanded     group both 2 w1 w2 w3"), "{said}");
    let (code, said) = verify(desk.log.path(), &["--trust", text(&trust)]);
    assert!(code == 4 && said.contains("MISSING    a quorum of the policy's witnesses"), "{said}");
    cosign(desk.log.path(), &desk.key, &[1, 2]);
    let (code, said) = verify(desk.log.path(), &["--trust", text(&trust)]);
    assert!(code == 0 && said.contains("holds      a quorum of the policy's witnesses"), "{said}");
}
