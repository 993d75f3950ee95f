//! `countersign model diagnose`: a run of training set beside its nearest successful one, for whoever reads it at night.

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::ModelDiagnoseArgs;
use crate::client::{Client, segment};
use crate::error::Exit;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Is how many characters of a value are shown; `--json` has all of it.
const VALUE_MAX: usize = 60;

/// Runs the command.
pub async fn run(client: &Client, args: &ModelDiagnoseArgs, as_json: bool) -> Done {
    let against = args.against.as_deref().map(|run| format!("?against={}", segment(run))).unwrap_or_default();
    let found = client.get(&format!("/v1/runs/{}/diagnosis{against}", segment(&args.run))).await?;
    if as_json {
        output::say_json(&found);
    } else {
        told(&found).iter().for_each(output::say);
    }
    Ok(Exit::Done)
}

/// Tells a diagnosis, line by line.
fn told(found: &Value) -> Vec<String> {
    let run = found.get("run").unwrap_or(&Value::Null);
    let why = text(run, "failed");
    let why = if why.is_empty() { paint(NOTE, "nothing says that it failed") } else { paint(BAD, why) };
    let mut lines = vec![format!("{} {}: {why}", paint(BOLD, text(run, "name")), paint(FAINT, text(run, "id")))];
    lines.push(beside(found));
    lines.extend(first(found));
    lines.push(format!("{} {}", paint(BOLD, "cause"), text(found, "says")));
    lines.extend(section("differences", list(found, "differences").map(difference)));
    lines.extend(section("curves", list(found, "curves").filter_map(curve)));
    lines.extend(section("not known", list(found, "gaps").map(gap)));
    let unread: Vec<&str> = list(found, "unread").filter_map(Value::as_str).collect();
    if !unread.is_empty() {
        lines.push(format!("{} too long to be read to the end: {}", paint(NOTE, "note"), unread.join(", ")));
    }
    lines
}

fn section(title: &str, rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = rows.map(|row| format!("  {row}")).collect();
    if !lines.is_empty() {
        lines.insert(0, paint(BOLD, title));
    }
    lines
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Says beside which run it is set, and why that one.
fn beside(found: &Value) -> String {
    let Some(beside) = found.get("beside") else {
        return format!("{} no run of experiment {} is a success", paint(NOTE, "beside"), text(found, "experiment"));
    };
    let run = beside.get("run").unwrap_or(&Value::Null);
    let (differing, unknown, facts) = (number(beside, "differing"), number(beside, "unknown"), number(beside, "facts"));
    let choice = if beside.get("named") == Some(&Value::Bool(true)) {
        "as you asked".to_owned()
    } else {
        format!("the nearest of {} that succeeded", number(found, "successes"))
    };
    let not = if unknown == 0 { String::new() } else { format!(", {unknown} are known of one alone") };
    format!(
        "{} {} {} of {}, {choice}: {differing} of {facts} facts differ{not}",
        paint(BOLD, "beside"),
        text(run, "name"),
        paint(FAINT, text(run, "id")),
        instant(run, "started"),
    )
}

/// Says what showed first that something is wrong.
fn first(found: &Value) -> Option<String> {
    let first = text(found, "first");
    let curve = list(found, "curves").find(|curve| !first.is_empty() && text(curve, "metric") == first)?;
    Some(format!("{} {}", paint(BOLD, "first"), shows(curve)?))
}

fn short(value: &str) -> String {
    let mut chars = value.chars();
    let head: String = chars.by_ref().take(VALUE_MAX).collect();
    if chars.next().is_some() { format!("{head}…") } else { head }
}

fn difference(one: &Value) -> String {
    let value = |name: &str| match one.get(name) {
        Some(_) => short(&text(one, name)),
        None => "nothing".to_owned(),
    };
    let what = format!("{} {}", text(one, "aspect"), text(one, "name"));
    let style = match text(one, "weight").as_str() {
        "controlled" | "alone" | "outside" => BAD,
        _ => FAINT,
    };
    format!("{}: {} here, {} there; {}", paint(style, what), value("run"), value("beside"), text(one, "why"))
}

/// Tells what a metric shows; nothing, if it shows nothing.
fn curve(curve: &Value) -> Option<String> {
    shows(curve).map(|shown| if curve.get("no_number").is_some() { paint(BAD, shown) } else { shown })
}

fn shows(curve: &Value) -> Option<String> {
    let mut said = Vec::new();
    if let Some(leaves) = curve.get("leaves") {
        let since =
            if leaves.get("from_start") == Some(&Value::Bool(true)) { ", the first that compares," } else { "" };
        let [step, value, low, high] = ["step", "value", "low", "high"].map(|name| text(leaves, name));
        said.push(format!("leaves the others at step {step}{since} with {value}; {low} to {high} would be usual"));
    }
    if let Some(none) = curve.get("no_number") {
        let before = text(none, "before");
        let before = if before.is_empty() {
            "never a number before".to_owned()
        } else {
            format!("{before} at step {} before", text(none, "before_step"))
        };
        said.push(format!("is {} from step {} on, {before}", text(none, "value"), text(none, "step")));
    }
    match number(curve, "spikes_count") {
        0 => {}
        count => {
            let steps: Vec<String> = list(curve, "spikes").map(|spike| text(spike, "step")).collect();
            said.push(format!("left them for a moment {count} times, at step {}", steps.join(", ")));
        }
    }
    if curve.get("ends").is_some() {
        said.push(format!("ends at step {}, the others go on to {}", text(curve, "ends"), text(curve, "others_end")));
    }
    if curve.get("first_missing").is_some() {
        let (count, first) = (number(curve, "missing"), text(curve, "first_missing"));
        said.push(format!("lacks {count} steps that the others have, first {first}"));
    }
    match text(curve, "lack").as_str() {
        "run" => said.push("was not logged, all others have it".to_owned()),
        "others" => said.push("is logged by this run alone".to_owned()),
        _ => {}
    }
    (!said.is_empty()).then(|| format!("{} {}", text(curve, "metric"), said.join("; ")))
}

fn gap(gap: &Value) -> String {
    format!("{}; {}", text(gap, "says"), paint(GOOD, text(gap, "remedy")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_diagnosis_is_told_from_the_first_sign_to_what_is_not_known() {
        let found = json!({
            "run": { "id": "r1", "name": "brisk-otter", "failed": "its status is FAILED" },
            "beside": { "run": { "id": "r2", "name": "calm-heron", "started": 0 }, "differing": 2, "unknown": 1, "facts": 9, "named": false },
            "successes": 4, "experiment": 3, "says": "most likely parameter `lr`", "first": "loss",
            "differences": [
                { "aspect": "parameter", "name": "lr", "run": "50", "beside": "0.1", "weight": "outside", "why": "far" },
                { "aspect": "data", "name": "training", "run": "x".repeat(70), "weight": "shared", "why": "no cause" },
            ],
            "curves": [
                { "metric": "loss", "leaves": { "step": 2, "value": "9.0", "low": "1.0", "high": "2.0", "from_start": false },
                  "no_number": { "step": 7, "value": "NaN", "before": "1e+30", "before_step": 6 }, "spikes": [], "spikes_count": 0,
                  "ends": 7, "others_end": 29 },
                { "metric": "dull", "spikes": [], "spikes_count": 0 },
            ],
            "gaps": [{ "says": "not recorded of either run: data", "remedy": "log it" }], "unread": ["big"],
        });
        let lines = plain(&told(&found));
        let told = [
            "brisk-otter r1: its status is FAILED",
            "beside calm-heron r2 of 1970-01-01 00:00:00Z, the nearest of 4 that succeeded: 2 of 9 facts differ, 1 are known of one alone",
            "first loss leaves the others at step 2 with 9.0; 1.0 to 2.0 would be usual; is NaN from step 7 on, 1e+30 at step 6 before; ends at step 7, the others go on to 29",
            "cause most likely parameter `lr`",
            "differences",
            "  parameter lr: 50 here, 0.1 there; far",
        ];
        assert_eq!(lines.get(..6).unwrap(), told);
        assert_eq!(
            lines.get(6).unwrap(),
            &format!("  data training: {}… here, nothing there; no cause", "x".repeat(60))
        );
        assert_eq!(lines.iter().filter(|line| line.contains("dull")).count(), 0, "what shows nothing is not told");
        assert!(lines.contains(&"  not recorded of either run: data; log it".to_owned()));
        assert!(lines.last().unwrap().ends_with("big"));
    }

    #[test]
    fn a_run_without_any_success_is_told_too() {
        let found = json!({ "run": { "id": "r1", "name": "n" }, "experiment": 0, "says": "none", "curves": [] });
        let lines = plain(&told(&found));
        assert_eq!(
            lines,
            ["n r1: nothing says that it failed", "beside no run of experiment 0 is a success", "cause none"]
        );
    }
}
