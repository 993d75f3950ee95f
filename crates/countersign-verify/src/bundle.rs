//! Checking a `.evidence` bundle.

use std::path::{Path, PathBuf};

use evidence::{Archive, Authorities, Standing, Trust, stamped};
use replay::audit::words;
use replay::{DecisionReport, Replayed, Report, archive};
use types::Code;

use crate::Ended;
use crate::policies;
use crate::told::{code, line, say, say_json, word};

/// Checks a bundle for a reader who trusts somebody; `folders` hold policy bundles that the reader has from elsewhere.
///
/// - `dated_by`: the authorities one of which must have dated it, if the reader demands that.
pub(crate) fn check(
    path: &Path,
    trust: &Trust,
    dated_by: Option<&Authorities>,
    folders: &[PathBuf],
    json: bool,
) -> Ended {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {error}", path.display()));
        }
    };
    let bundle = match Archive::from_bytes(&bytes) {
        Ok(bundle) => bundle,
        Err(error) => return Ended::Unusable(error.code(), error.to_string()),
    };
    let own = match policies::all(folders) {
        Ok(own) => own,
        Err(why) => return Ended::Unusable(Code::FileUnusable, why),
    };
    let mut report = archive(&bundle, trust, own);
    stamped::of_bundle(&bundle, dated_by, &mut report.evidence);
    let (signature, claim) = (report.signature_standing(), report.claim_standing());
    let standing = signature.and(claim);
    if json {
        let code = code(standing);
        let reason = report.reason();
        let told = serde_json::json!({ "signature": signature, "claim": claim, "code": code, "reason": reason, "report": report });
        say_json(&told);
    } else {
        tell(&report, signature, claim);
        if let Some(code) = code(standing) {
            say(&format!("code       {code}"));
        }
    }
    Ended::Checked(standing)
}

fn tell(report: &Report, signature: Standing, claim: Standing) {
    let evidence = &report.evidence;
    say(&format!("about      {}", evidence.about));
    if let (Some(origin), Some(size)) = (&evidence.origin, evidence.size) {
        say(&format!("log        {origin}, {size} records"));
    }
    let custody = &evidence.custody;
    say(&format!("made       {} by {} with {} (their word)", words::time(custody.at), custody.by, custody.program));
    for key in &custody.keys {
        say(&format!("{:<10} {} ({})", key.role.as_str(), key.fingerprint, key.name()));
    }
    if custody.keys.is_empty() {
        say("keys       none are named");
    }
    say(&format!("signature  {}", word(signature)));
    say(&format!("claim      {}", word(claim)));
    say("");
    evidence.signature.iter().for_each(line);
    for record in &evidence.records {
        record.checks.iter().for_each(line);
        let fields: Vec<String> = record
            .fields
            .iter()
            .filter(|(_, how)| **how != "empty")
            .map(|(name, how)| format!("{name} {how}"))
            .collect();
        say(&format!("           record {} {}: {}", record.index, record.kind.unwrap_or("?"), fields.join(", ")));
    }
    evidence.claims.iter().for_each(line);
    report.decisions.iter().for_each(decision);
    evidence.unproven.iter().for_each(|what| say(&format!("{:<10} {what}", "not proved")));
}

/// Says how a decision came out when it was computed again, and on whose word its facts rest.
pub(crate) fn decision(decision: &DecisionReport) {
    let claim = format!("record {}: the decision, computed again from its facts", decision.index);
    let word = match &decision.replayed {
        Replayed::Differs(_) => "DIFFERS",
        Replayed::Missing(_) => "MISSING",
        other => other.as_str(),
    };
    match &decision.replayed {
        Replayed::Equal => {
            say(&format!("{word:<10} {claim}"));
            say(&format!("           its facts rest on proposal and bundle, and on {}", decision.told_by.join(", ")));
        }
        Replayed::Erased => say(&format!("{word:<10} {claim}")),
        Replayed::Withheld(what) => say(&format!("{word:<10} {claim} (the exporter withheld {what})")),
        Replayed::Missing(why) => say(&format!("{word:<10} {claim} ({why})")),
        Replayed::Differs(differences) => {
            say(&format!("{word:<10} {claim}"));
            differences.iter().for_each(|difference| say(&format!("           {difference}")));
        }
    }
}
