//! Checking a `.evidence` bundle.

use std::path::Path;

use evidence::verify::{Check, Report, archive};
use evidence::{Archive, Standing};
use tlog::key::VerifierKey;
use types::Code;

use crate::Ended;
use crate::told::{code, say, say_json, word};

/// Checks a bundle against a trusted key.
pub(crate) fn check(path: &Path, key: Option<&VerifierKey>, json: bool) -> Ended {
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
    let report = archive(&bundle, key);
    let (signature, claim) = (report.signature_standing(), report.claim_standing());
    let standing = signature.and(claim);
    if json {
        let code = code(standing);
        say_json(&serde_json::json!({ "signature": signature, "claim": claim, "code": code, "report": report }));
    } else {
        tell(&report, signature, claim);
        if let Some(code) = code(standing) {
            say(&format!("code       {code}"));
        }
    }
    Ended::Checked(standing)
}

fn tell(report: &Report, signature: Standing, claim: Standing) {
    say(&format!("about      {}", report.about));
    if let (Some(origin), Some(size)) = (&report.origin, report.size) {
        say(&format!("log        {origin}, {size} records"));
    }
    say(&format!("signature  {}", word(signature)));
    say(&format!("claim      {}", word(claim)));
    say("");
    report.signature.iter().for_each(line);
    for record in &report.records {
        record.checks.iter().for_each(line);
        let fields: Vec<String> = record
            .fields
            .iter()
            .filter(|(_, how)| **how != "empty")
            .map(|(name, how)| format!("{name} {how}"))
            .collect();
        say(&format!("           record {} {}: {}", record.index, record.kind.unwrap_or("?"), fields.join(", ")));
    }
    report.claims.iter().for_each(line);
}

fn line(check: &Check) {
    let detail = check.detail.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
    say(&format!("{:<10} {}{detail}", word(check.standing), check.claim));
}
