//! `countersign model reproduce`: what a version was made with, as a recipe, and what of it a second run matches.

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::ReproduceArgs;
use crate::client::{Client, segment};
use crate::error::Exit;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Are the aspects of ingredients, in the order of a recipe.
const ASPECTS: [&str; 4] = ["code", "environment", "data", "parameter"];

/// Runs the command.
pub async fn run(client: &Client, args: &ReproduceArgs, as_json: bool) -> Done {
    let check = args.check.as_deref().map(|run| format!("?check={}", segment(run))).unwrap_or_default();
    let path = format!("/v1/models/{}/versions/{}/recipe{check}", segment(&args.name), args.number);
    let found = client.get(&path).await?;
    if as_json {
        output::say_json(&found);
    } else {
        recipe(&found).iter().for_each(output::say);
        found.get("check").map(checked).unwrap_or_default().iter().for_each(output::say);
    }
    Ok(exit(args.check.is_some(), &found))
}

/// Says how the command ends: a second run that is no reproduction is a failure, and one that could not be held against anything is undetermined.
fn exit(is_checked: bool, found: &Value) -> Exit {
    let reproduced = found.pointer("/check/reproduced").and_then(Value::as_str);
    match (is_checked, reproduced) {
        (false, _) | (true, Some("yes")) => Exit::Done,
        (true, None | Some("no-results")) => Exit::Undetermined,
        (true, Some(_)) => Exit::Failed,
    }
}

/// Tells a recipe, line by line.
fn recipe(found: &Value) -> Vec<String> {
    let title = format!("{} version {}", text(found, "name"), text(found, "version"));
    let mut lines = match found.get("run") {
        Some(run) => {
            let (name, id, at) = (text(run, "name"), paint(FAINT, text(run, "id")), instant(run, "started"));
            vec![format!("{} was made by {name} {id} of {at}", paint(BOLD, title))]
        }
        None => vec![paint(BOLD, title)],
    };
    if found.get("repository").is_some() {
        lines.push(format!("repository {} {}", text(found, "repository"), text(found, "branch")));
    }
    let seeds: Vec<&str> = list(found, "seeds").filter_map(Value::as_str).collect();
    for aspect in ASPECTS {
        for one in list(found, "ingredients").filter(|one| text(one, "aspect") == aspect) {
            let name = text(one, "name");
            let seed = if seeds.contains(&name.as_str()) { paint(FAINT, " (seed)") } else { String::new() };
            lines.push(format!("{aspect} {name} = {}{seed}", text(one, "value")));
        }
    }
    for file in list(found, "environment") {
        lines.push(format!("file {} {}", text(file, "path"), paint(FAINT, text(file, "digest"))));
    }
    lines.extend(list(found, "results").map(|one| format!("result {} = {}", text(one, "metric"), text(one, "value"))));
    for gap in list(found, "gaps") {
        lines.push(format!("{} {}; {}", paint(NOTE, "gap"), text(gap, "says"), paint(GOOD, text(gap, "remedy"))));
    }
    lines
}

/// Tells what a second run matches: what does not first.
fn checked(check: &Value) -> Vec<String> {
    let run = check.get("run").unwrap_or(&Value::Null);
    let said = match text(check, "reproduced").as_str() {
        "yes" => paint(GOOD, "reproduced, as far as is recorded"),
        "other-results" => paint(BAD, "not reproduced: the same ingredients, other results"),
        "other-ingredients" => paint(BAD, "not reproduced: other ingredients"),
        _ => paint(NOTE, "cannot be told: the first run has no results"),
    };
    let mut lines = vec![format!("{} {} {said}", paint(BOLD, text(run, "name")), paint(FAINT, text(run, "id")))];
    for (what, all) in [("", "ingredients"), ("result", "metrics"), ("file", "files")] {
        let is_told = |one: &&Value| text(one, "is") != "same";
        lines.extend(list(check, all).filter(is_told).map(|one| matched(what, one)));
        let same = list(check, all).filter(|one| text(one, "is") == "same").count();
        lines.push(paint(FAINT, format!("{same} {all} are the same")));
    }
    lines
}

fn matched(what: &str, one: &Value) -> String {
    let value = |name: &str| match one.get(name) {
        Some(_) => text(one, name),
        None => "nothing".to_owned(),
    };
    let what = if what.is_empty() { text(one, "aspect") } else { what.to_owned() };
    let (style, is) = match text(one, "is").as_str() {
        "near" => (GOOD, "near"),
        "other" => (BAD, "differs"),
        _ => (NOTE, "is known of one alone"),
    };
    let name = text(one, "name");
    format!("{} {is}: {} first, {} now", paint(style, format!("{what} {name}")), value("first"), value("second"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_recipe_is_told_in_the_order_in_which_it_is_followed() {
        let found = json!({
            "name": "fraud", "version": 3, "run": { "id": "r1", "name": "calm-heron", "started": 0 },
            "repository": "https://git.example/fraud", "branch": "main", "seeds": ["seed"],
            "ingredients": [
                { "aspect": "data", "name": "training", "value": "sales d1" },
                { "aspect": "parameter", "name": "seed", "value": "1" },
                { "aspect": "code", "name": "mlflow.source.git.commit", "value": "c1" },
            ],
            "environment": [{ "path": "uv.lock", "digest": "d", "lock": true }],
            "results": [{ "metric": "loss", "value": "0.5" }],
            "gaps": [{ "says": "not recorded: the hardware", "remedy": "set it" }],
        });
        let told = [
            "fraud version 3 was made by calm-heron r1 of 1970-01-01 00:00:00Z",
            "repository https://git.example/fraud main",
            "code mlflow.source.git.commit = c1",
            "data training = sales d1",
            "parameter seed = 1 (seed)",
            "file uv.lock d",
            "result loss = 0.5",
            "gap not recorded: the hardware; set it",
        ];
        assert_eq!(plain(&recipe(&found)), told);
    }

    #[test]
    fn of_a_second_run_what_does_not_match_is_told_and_ends_the_command() {
        let of = |reproduced: &str| {
            json!({ "check": {
                "run": { "id": "r2", "name": "n" }, "reproduced": reproduced,
                "ingredients": [{ "aspect": "code", "name": "c", "is": "same" }, { "aspect": "data", "name": "d", "first": "x", "is": "unknown" }],
                "metrics": [{ "name": "loss", "first": "1", "second": "2", "is": "other" }], "files": [],
            } })
        };
        let found = of("other-results");
        let told = plain(&checked(&found["check"]));
        let expected = [
            "n r2 not reproduced: the same ingredients, other results",
            "data d is known of one alone: x first, nothing now",
            "1 ingredients are the same",
            "result loss differs: 1 first, 2 now",
            "0 metrics are the same",
            "0 files are the same",
        ];
        assert_eq!(told, expected);
        for (reproduced, end) in [
            ("yes", Exit::Done),
            ("other-results", Exit::Failed),
            ("other-ingredients", Exit::Failed),
            ("no-results", Exit::Undetermined),
        ] {
            assert_eq!(exit(true, &of(reproduced)), end, "{reproduced}");
        }
        assert_eq!((exit(true, &json!({})), exit(false, &json!({}))), (Exit::Undetermined, Exit::Done));
    }
}
