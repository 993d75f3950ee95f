//! The auditor's program on a real log: what holds passes, what was altered does not, what is missing never passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use control::actions::Wish;
use testkit::World;
use types::{Arguments, Channel, Claims, OutcomeStatus, Principal};

mod audit;
mod audit_witnessed;
mod custody;
mod dated;
mod log;
mod one_action;
mod receipt;
mod witnessed;

/// Is what an agent wants.
pub fn wish(tool: &str) -> Wish {
    Wish {
        principal: Principal::Agent("sre-bot".parse().unwrap()),
        on_behalf_of: None,
        session: None,
        tool: tool.parse().unwrap(),
        definition: None,
        arguments: Arguments::parse(r#"{"service":"web"}"#, 4_096).unwrap(),
        claims: Claims::default(),
        channel: Channel::Http,
    }
}

/// Is the verifier key's text and the folder of a published log with some decisions.
pub async fn published() -> (World, String) {
    let world = testkit::world().await;
    for tool in ["sre.report", "sre.delete", "sre.restart"] {
        world.control.decide_once(wish(tool), false).await.unwrap();
    }
    world.control.publish().unwrap();
    let key = world.control.config().place.keys.log.verifier().to_string();
    (world, key)
}

/// Publishes a log in which every permitted action has its outcome, and returns its verifier key's text too.
pub async fn settled(tools: &[&str]) -> (World, String) {
    let world = testkit::world().await;
    let control = &world.control;
    for tool in tools {
        let decided = control.decide_once(wish(tool), true).await.unwrap();
        if decided.permit.is_some() {
            let (agent, action) = ("sre-bot".parse().unwrap(), decided.decision.action);
            control.report(&agent, action, OutcomeStatus::Done, None, None).await.unwrap();
        }
    }
    control.publish().unwrap();
    let key = control.config().place.keys.log.verifier().to_string();
    (world, key)
}

/// Runs the program and returns its exit code and what it said.
pub fn verify(path: &Path, more: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-verify")).arg(path).args(more).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Lists the files below a folder.
pub fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
