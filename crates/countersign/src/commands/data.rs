//! `countersign data check`: whether a file is as expected, before anything is trained on it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ledger::Clock as _;
use models::data::{Checked, Checker, EXPECTATIONS_BYTES_MAX, Expectations, Format};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use types::data_check::DataFinding;
use types::text::escape;
use types::{Code, Digest};

use super::Done;
use super::answer::text;
use crate::cli::{DataCheckArgs, DataCommand, DataFormat};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::machine::SystemClock;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Is how many bytes are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Is how many digits of the SHA-256 MLflow keeps as the digest of a dataset.
const MLFLOW_DIGITS: usize = 36;

/// Is a file that was judged.
struct Judged {
    checked: Checked,
    digest: Digest,
    bytes: u64,
    expectations: Digest,
    as_of: i64,
}

/// Runs the command.
pub async fn run(command: &DataCommand, client: impl FnOnce() -> Result<Client, CliError>, as_json: bool) -> Done {
    let DataCommand::Check(args) = command;
    let judged = judge(args)?;
    let dataset = args.dataset.clone().unwrap_or_else(|| stem(&args.file));
    let body = body(&judged, &dataset, args.run.as_deref());
    let kept = match args.run.is_some() || args.dataset.is_some() {
        true => Some(client()?.post("/v1/data-checks", &body).await?),
        false => None,
    };
    tell(&judged, &body, kept.as_ref(), as_json);
    if judged.checked.passed {
        return Ok(Exit::Done);
    }
    let failed = judged.checked.findings.iter().filter(|finding| !finding.passed).count();
    let name = escape(&args.file.display().to_string(), false);
    let message = format!("{failed} of {} expectations do not hold of `{name}`", judged.checked.findings.len());
    Err(CliError::new(Exit::Failed, Code::DataCheckFailed, message))
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn judge(args: &DataCheckArgs) -> Result<Judged, CliError> {
    let (expected, expectations) = expectations(&args.against)?;
    let format = format(args)?;
    let as_of = match &args.at {
        None => SystemClock.wall().0,
        Some(text) => text
            .parse::<jiff::Timestamp>()
            .map(jiff::Timestamp::as_millisecond)
            .map_err(|_| CliError::usage(format!("--at: `{text}` is no instant, such as `2026-11-02T08:00:00Z`")))?,
    };
    let mut file = File::open(&args.file).map_err(|error| unusable(&args.file, &error))?;
    let (mut checker, mut hasher) = (Checker::new(&expected, format, as_of), Sha256::new());
    let (mut chunk, mut bytes) = (vec![0; CHUNK_BYTES], 0_u64);
    let unreadable = |error: models::data::DataError| {
        let message = format!("`{}`: {error}", args.file.display());
        CliError::new(Exit::Undetermined, Code::DataUnreadable, escape(&message, false))
    };
    loop {
        let read = file.read(&mut chunk).map_err(|error| unusable(&args.file, &error))?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        checker.push(part).map_err(unreadable)?;
    }
    let checked = checker.finish().map_err(unreadable)?;
    Ok(Judged { checked, digest: Digest(hasher.finalize().into()), bytes, expectations, as_of })
}

fn unusable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::machine(format!("`{}` cannot be read: {error}", path.display()))
}

/// Reads what is expected, with the SHA-256 of the file.
fn expectations(path: &Path) -> Result<(Expectations, Digest), CliError> {
    let wrong = |what: String| {
        let message = format!("`{}`: {what}", path.display());
        CliError::new(Exit::Usage, Code::ExpectationsInvalid, message)
    };
    let most = u64::try_from(EXPECTATIONS_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unusable(path, &error))?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| unusable(path, &error))?;
    if bytes.len() > EXPECTATIONS_BYTES_MAX {
        return Err(wrong(format!("it has more than {EXPECTATIONS_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let expected = Expectations::read(text).map_err(|error| wrong(error.to_string()))?;
    Ok((expected, Digest::plain(&bytes)))
}

fn format(args: &DataCheckArgs) -> Result<Format, CliError> {
    let ending = args.file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match (args.format, ending.as_deref()) {
        (Some(DataFormat::Csv), _) | (None, Some("csv" | "tsv")) => Ok(Format::Csv),
        (Some(DataFormat::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => Ok(Format::JsonLines),
        (None, _) => {
            let message = format!("`{}` ends neither in .csv nor in .jsonl", args.file.display());
            Err(CliError::usage(message).hint("say how it is written: --format csv, or --format jsonl"))
        }
    }
}

fn body(judged: &Judged, dataset: &str, run: Option<&str>) -> Value {
    json!({
        "dataset": dataset, "run": run, "digest": judged.digest, "bytes": judged.bytes, "rows": judged.checked.rows,
        "expectations": judged.expectations, "as_of": judged.as_of, "findings": judged.checked.findings,
    })
}

fn tell(judged: &Judged, body: &Value, kept: Option<&Value>, as_json: bool) {
    if as_json {
        let passed = judged.checked.passed;
        return output::say_json(&json!({ "passed": passed, "check": body, "kept": kept }));
    }
    judged.checked.findings.iter().map(told).for_each(output::say);
    let digest = judged.digest.to_string();
    output::say(format!("{} rows, SHA-256 {digest}", judged.checked.rows));
    match kept {
        Some(kept) => output::say(paint(FAINT, format!("record {}", text(kept, "record")))),
        None => output::say(paint(NOTE, "not recorded: --run or --dataset names what it is evidence of")),
    }
    let digits: String = digest.chars().take(MLFLOW_DIGITS).collect();
    output::say(paint(FAINT, format!("logged as the dataset's digest, {digits} ties a run to these bytes")));
}

/// Tells one thing that was looked at.
fn told(finding: &DataFinding) -> String {
    let DataFinding { check, column, passed, count, line, found, demanded } = finding;
    let word = if *passed { paint(GOOD, "ok") } else { paint(BAD, "failed") };
    let column = column.as_deref().map(|column| format!(" of {}", escape(column, false))).unwrap_or_default();
    let found = found.as_deref().map(|found| format!(", found {found}")).unwrap_or_default();
    let first = line.map(|line| format!(", first in line {line}")).unwrap_or_default();
    let count = if *count > 0 { format!(", {count} otherwise{first}") } else { String::new() };
    format!("{word} {check}{column}: {}{found}{count}", escape(demanded, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_with_its_column_count_and_line() {
        let finding = DataFinding {
            check: "nulls".into(),
            column: Some("age\u{202e}".into()),
            passed: false,
            count: 3,
            line: Some(7),
            found: Some("0.5".into()),
            demanded: "<= 0.1".into(),
        };
        let line = anstream::adapter::strip_str(&told(&finding)).to_string();
        assert_eq!(line, "failed nulls of age\\u{202e}: <= 0.1, found 0.5, 3 otherwise, first in line 7");
        let fine = DataFinding {
            check: "lines".into(),
            column: None,
            passed: true,
            count: 0,
            line: None,
            found: None,
            ..finding
        };
        assert_eq!(anstream::adapter::strip_str(&told(&fine)).to_string(), "ok lines: <= 0.1");
    }
}
