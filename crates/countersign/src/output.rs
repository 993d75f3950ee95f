//! What a command prints: data on standard output, everything else on standard error.

use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use types::{Millis, Verdict};

use crate::error::CliError;

/// Marks what is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Marks what deserves a look.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Marks what is bad.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Marks what is less important.
pub const FAINT: Style = Style::new().dimmed();
/// Marks a heading.
pub const BOLD: Style = Style::new().bold();

/// Paints a text, where standard output shows colours.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Starts a bar that shows on a terminal how far something is; nothing is shown if `quiet`.
pub fn progress(size: u64, quiet: bool) -> indicatif::ProgressBar {
    if quiet { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(size) }
}

/// Prints a line of data.
pub fn say(text: impl std::fmt::Display) {
    let mut out = anstream::stdout().lock();
    // A reader that has gone away wants no more.
    let _ = writeln!(out, "{text}");
}

/// Prints a line beside the data.
pub fn tell(text: impl std::fmt::Display) {
    let mut out = anstream::stderr().lock();
    let _ = writeln!(out, "{text}");
}

/// Prints a JSON value as one line of data.
pub fn say_json(value: &Value) {
    say(value);
}

/// Prints why a command failed, and returns its exit code.
pub fn fail(error: &CliError, json: bool) -> ExitCode {
    if json {
        let hint = error.hint.as_deref();
        tell(serde_json::json!({ "error": { "code": error.code, "message": error.message, "hint": hint } }));
    } else {
        tell(format!("{} {}", paint(BAD, "error:"), error.message));
        if let Some(hint) = &error.hint {
            tell(format!("{} {hint}", paint(NOTE, " hint:")));
        }
        tell(paint(FAINT, format!(" code: {} (`countersign explain {}`)", error.code, error.code)));
    }
    error.exit.into()
}

/// Shows a text that is JSON so that nothing in it can move, hide or colour what is seen, and it is still the same JSON;
/// any other text as [`types::text::escape`] does.
pub fn json_text(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return types::text::escape(text, false);
    }
    types::text::escape_json(text, false)
}

/// Shows an instant in UTC, to the second.
pub fn time(at: Millis) -> String {
    replay::audit::words::time(at)
}

/// Shows a verdict with its colour.
pub fn verdict(verdict: &Verdict) -> String {
    let style = match verdict {
        Verdict::Allow => GOOD,
        Verdict::AllowObserved => GOOD,
        Verdict::Escalate(_) => NOTE,
        Verdict::Deny => BAD,
    };
    paint(style, verdict)
}

/// Prints rows with aligned columns; colours do not count for the width.
pub fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| shown(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let pad = |(cell, width): (&String, &usize)| format!("{cell}{}", " ".repeat(width.saturating_sub(shown(cell))));
        let line: Vec<String> = row.iter().zip(&widths).map(pad).collect();
        say(line.join("  ").trim_end());
    }
}

fn shown(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).to_string().chars().count()
}
