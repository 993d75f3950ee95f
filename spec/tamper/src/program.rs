//! The program that auditors run, on cases written to disk: its exit code and its reason.

use std::path::Path;
use std::process::Command;

use evidence::Standing;

use crate::case::{Case, Given, Reader};
use crate::material::Material;
use crate::reader::Asking;
use crate::written;

/// Runs the program on a case; says what is otherwise than in this process, if something is.
pub fn disagreement(program: &Path, material: &Material, case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    written::common(material, folder.path()).unwrap();
    written::case(case, folder.path()).unwrap();
    let own = folder.path().join(case.name());
    let mut command = Command::new(program);
    command.arg("--json");
    match case.draft.reader {
        Reader::Policy => command.arg("--policy").arg(folder.path().join("trust.policy")),
        Reader::Key => command.arg("--key").arg(material.key.verifier().to_string()),
    };
    match &case.draft.given {
        Given::Log { kept, .. } => {
            for n in 0..kept.len() {
                command.arg("--earlier").arg(own.join(format!("kept-{n}")));
            }
            command.arg(own.join("log"));
        }
        Given::Bundle { own_policy, .. } => {
            for n in (0..material.bundle_files.len()).filter(|_| *own_policy) {
                command.arg("--policy-bundle").arg(folder.path().join(format!("policy-bundle-{n}")));
            }
            command.arg(own.join("bundle.evidence"));
        }
    }
    let output = command.output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let seen = Asking::new(material, None).see(&case.draft);
    let code = if seen.standing == Standing::Broken { 1 } else { 4 };
    let reason = said.get("reason").and_then(|reason| reason.as_str());
    let agrees = output.status.code() == Some(code) && reason == seen.reason;
    (!agrees).then(|| {
        format!("{}: exit {:?} with {reason:?}, not {code} with {:?}", case.name(), output.status.code(), seen.reason)
    })
}
