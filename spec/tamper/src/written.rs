//! Cases as files, so that another verifier can be tried on them; README.md says what is where.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::case::{Case, Draft, Given, Reader};
use crate::material::{Logs, Material};

/// Is the folder with whom the reader of a case about the first log trusts.
const FIRST: &str = "first";

/// Writes what the cases of both logs have in common.
pub fn both(logs: &Logs, folder: &Path) -> std::io::Result<()> {
    common(&logs.first, &folder.join(FIRST))?;
    common(&logs.live, folder)
}

/// Writes what every case of a log has in common: whom the reader trusts, and the policy bundles that he has.
pub fn common(material: &Material, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("trust.policy"), &material.policy_text)?;
    fs::write(folder.join("log.key"), format!("{}\n", material.key.verifier()))?;
    for (n, files) in material.bundle_files.iter().enumerate() {
        for (path, text) in files {
            put(&folder.join(format!("policy-bundle-{n}")).join(path), text.as_bytes())?;
        }
    }
    Ok(())
}

/// Writes a case into a folder of its own, with `case.json` beside what the reader is given.
pub fn case(case: &Case, folder: &Path) -> std::io::Result<()> {
    let own = folder.join(case.name());
    let trust = if case.draft.reader == Reader::Policy { "trust.policy" } else { "log.key" };
    let trust = if Logs::is_first(case.kind) { format!("{FIRST}/{trust}") } else { trust.to_owned() };
    let told = json!({
        "name": case.name(),
        "class": case.class.as_str(),
        "kind": case.kind.as_str(),
        "how": case.draft.how,
        "trust": trust,
        "evidence": if matches!(case.draft.given, Given::Log { .. }) { "log" } else { "bundle.evidence" },
        "own_policy": matches!(case.draft.given, Given::Bundle { own_policy: true, .. }),
        "reasons": case.draft.first,
        "also": case.draft.also,
    });
    put(&own.join("case.json"), format!("{told:#}\n").as_bytes())?;
    given(&case.draft, &own)
}

/// Writes what a reader is given: `log/` with `kept-0`, `kept-1` …, or `bundle.evidence`.
pub fn given(draft: &Draft, folder: &Path) -> std::io::Result<()> {
    match &draft.given {
        Given::Bundle { bytes, .. } => put(&folder.join("bundle.evidence"), bytes),
        Given::Log { files, kept } => {
            files.iter().try_for_each(|(path, bytes)| put(&folder.join("log").join(path), bytes))?;
            kept.iter().enumerate().try_for_each(|(n, note)| put(&folder.join(format!("kept-{n}")), note))
        }
    }
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}
