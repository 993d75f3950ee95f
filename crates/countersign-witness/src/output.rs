//! What is printed: results on standard output, all else on standard error.

use std::io::Write as _;

use types::text::escape;

use crate::failure::Failure;

/// Prints a result.
///
/// # Errors
///
/// What the system says; a result that nobody got is not done.
pub fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a remark, in which what a stranger wrote can neither hide nor paint over anything.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", escape(text, false));
}

/// Says why a command did not do what it was asked.
pub fn complain(failure: &Failure) {
    let Failure { code, message, .. } = failure;
    let _ = writeln!(std::io::stderr().lock(), "error: {}\n code: {code}", escape(message, true));
}
