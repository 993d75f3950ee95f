//! What is printed: findings on standard output, complaints on standard error.

use std::io::Write as _;

use evidence::Standing;
use evidence::verify::Check;
use types::Code;
use types::text::escape;

/// Prints one line of the report, in which what a stranger wrote can neither hide nor paint over anything; a reader that
/// has gone away wants no more.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", escape(line, false));
}

/// Prints how one statement stands.
pub(crate) fn line(check: &Check) {
    let detail = check.detail.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
    say(&format!("{:<10} {}{detail}", word(check.standing), check.claim));
}

/// Prints the report as JSON.
pub(crate) fn say_json(report: &serde_json::Value) {
    let _ = writeln!(std::io::stdout().lock(), "{report}");
}

/// Says why the input cannot be used.
pub(crate) fn complain(code: Code, why: &str, json: bool) {
    let mut out = std::io::stderr().lock();
    let _ = if json {
        writeln!(out, "{}", serde_json::json!({ "error": { "code": code, "message": why } }))
    } else {
        writeln!(out, "error: {}\n code: {code}", escape(why, true))
    };
}

/// Returns the code of a standing, if it is one that should not be.
pub(crate) fn code(standing: Standing) -> Option<Code> {
    match standing {
        Standing::Broken => Some(Code::EvidenceBroken),
        Standing::Missing => Some(Code::EvidenceMissing),
        Standing::Holds | Standing::Withheld | Standing::Erased => None,
    }
}

/// Returns the word for a standing.
pub(crate) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "holds",
        Standing::Broken => "BROKEN",
        Standing::Withheld => "withheld",
        Standing::Erased => "erased",
        Standing::Missing => "MISSING",
    }
}
