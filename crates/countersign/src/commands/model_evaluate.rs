//! `countersign model evaluate`: how a version did, as somebody measured it.

use serde_json::{Value, json};

use super::Done;
use super::answer::text;
use crate::cli::EvaluateArgs;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, FAINT, GOOD, paint};

/// Are the signs of what is demanded, the longer ones first.
const SIGNS: [&str; 5] = [">=", "<=", "==", ">", "<"];

/// Runs the command.
pub async fn run(client: &Client, args: &EvaluateArgs, as_json: bool) -> Done {
    let checks = args.checks.iter().map(|text| check(text)).collect::<Result<Vec<_>, _>>()?;
    let body = json!({ "suite": args.suite, "checks": checks, "run": args.run, "dataset": args.dataset });
    let path = format!("/v1/models/{}/versions/{}/evaluations", segment(&args.name), args.number);
    let kept = client.post(&path, &body).await?;
    if as_json {
        output::say_json(&kept);
        return Ok(Exit::Done);
    }
    let is_passed = kept.get("passed").and_then(Value::as_bool) == Some(true);
    let word = if is_passed { paint(GOOD, "passed") } else { paint(BAD, "failed") };
    let record = paint(FAINT, format!("record {}", text(&kept, "record")));
    output::say(format!("{} version {} {word} {} {record}", args.name, args.number, args.suite));
    Ok(Exit::Done)
}

/// Reads a check: `NAME=VALUE`, an interval in brackets, a sign and a bound. Whether it passed is for the server to say; one that demands
/// nothing has.
fn check(text: &str) -> Result<Value, CliError> {
    let wrong = || {
        let message =
            format!("`{text}` is no check: NAME=VALUE, then [LOW,HIGH] and a sign with a number where there are any");
        CliError::usage(message)
    };
    let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
    let at = SIGNS.iter().filter_map(|sign| rest.find(sign)).min();
    let (measured, demanded) = match at {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at..)),
        None => (rest, None),
    };
    let (value, interval) = match measured.split_once('[') {
        Some((value, ends)) => {
            let ends = ends.trim().strip_suffix(']').ok_or_else(wrong)?;
            (value, Some(ends.split_once(',').ok_or_else(wrong)?))
        }
        None => (measured, None),
    };
    let value = value.trim();
    value.parse::<f64>().map_err(|_| wrong())?;
    let interval = interval.map(|(low, high)| [low.trim().to_owned(), high.trim().to_owned()]);
    Ok(json!({
        "name": name.trim(), "passed": demanded.is_none().then_some(true), "value": value, "interval": interval, "demanded": demanded.map(str::trim),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_read_from_one_word() {
        let read = |text: &str| check(text).unwrap();
        assert_eq!(
            read("auc=0.93[0.91, 0.95]>=0.9"),
            json!({ "name": "auc", "passed": null, "value": "0.93", "interval": ["0.91", "0.95"], "demanded": ">=0.9" })
        );
        assert_eq!(
            read("latency = 12 < 10"),
            json!({ "name": "latency", "passed": null, "value": "12", "interval": null, "demanded": "< 10" })
        );
        assert_eq!(
            read("rows=100"),
            json!({ "name": "rows", "passed": true, "value": "100", "interval": null, "demanded": null })
        );
        assert_eq!(read("x=1==1").get("demanded"), Some(&json!("==1")));
        for wrong in ["auc", "auc=", "auc=high", "auc=1[2]", "auc=1[2,3>=1"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
