//! `countersign model why` and `compare`: what a version came of, who answers for it, and what another one does otherwise.

use control::tracking::COMPARED;
use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, list, text};
use super::model_deploy::row;
use crate::cli::{CompareArgs, Question, WhyArgs};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Is the alias that is meant where none is named.
const ALIAS: &str = "@champion";

/// Are the questions in the order in which they are answered, each in words.
const QUESTIONS: [(Question, &str); 8] = [
    (Question::Running, "Which exact version runs where?"),
    (Question::Origin, "Where did it come from?"),
    (Question::Data, "What data was it trained on?"),
    (Question::Changes, "Were there undocumented changes before it?"),
    (Question::Approved, "Who approved it, and which tests did it pass?"),
    (Question::Differs, "How does it differ from the release before it?"),
    (Question::Rollback, "How do I go back?"),
    (Question::Gaps, "What is missing, or does not agree?"),
];

/// Is what answers are made from.
struct Found {
    dossier: Value,
    running: Value,
    comparison: Option<Value>,
}

/// Runs `why`.
pub async fn run(client: &Client, args: &WhyArgs, as_json: bool) -> Done {
    let (name, at) = version(&args.of);
    let path = format!("/v1/models/{}/versions/{}", segment(name), segment(&at));
    let dossier = client.get(&path).await?;
    let running = client.get(&format!("/v1/deployments?model={}", segment(name))).await?;
    let before = dossier.get("before").map(|before| text(before, "version"));
    let comparison = match before {
        Some(before) => Some(client.get(&compared(name, &before, &text(&dossier, "version"))).await?),
        None => None,
    };
    let found = Found { dossier, running, comparison };
    if as_json {
        let Found { dossier, running, comparison } = &found;
        output::say_json(&json!({ "dossier": dossier, "running": running, "comparison": comparison }));
    } else {
        tell(&found, args.ask);
    }
    if let Some(file) = &args.evidence {
        let bytes = client.read(&format!("{path}/evidence")).await?;
        std::fs::write(file, &bytes)
            .map_err(|error| CliError::machine(format!("`{}` cannot be written: {error}", file.display())))?;
        output::tell(format!("{} ({} bytes): check it with countersign-verify", file.display(), bytes.len()));
    }
    Ok(Exit::Done)
}

/// Reads which version is meant: `NAME/NUMBER`, `NAME@ALIAS`, or a name.
fn version(of: &str) -> (&str, String) {
    if let Some((name, alias)) = of.rsplit_once('@') {
        return (name, format!("@{alias}"));
    }
    match of.rsplit_once('/') {
        Some((name, number)) => (name, number.to_owned()),
        None => (of, ALIAS.to_owned()),
    }
}

fn compared(name: &str, from: &str, to: &str) -> String {
    format!("/v1/models/{}/compare?from={}&to={}", segment(name), segment(from), segment(to))
}

fn tell(found: &Found, ask: Option<Question>) {
    let dossier = &found.dossier;
    let aliases: Vec<String> = strings(dossier, "aliases").map(|alias| format!("@{alias}")).collect();
    output::say(paint(
        BOLD,
        format!("{} version {} {}", text(dossier, "model"), text(dossier, "version"), aliases.join(" ")),
    ));
    for (question, words) in QUESTIONS.iter().filter(|(question, _)| ask.is_none_or(|asked| asked == *question)) {
        output::say(format!("\n{}", paint(BOLD, words)));
        answer(found, *question).into_iter().for_each(|line| output::say(format!("  {line}")));
    }
}

fn answer(found: &Found, question: Question) -> Vec<String> {
    let dossier = &found.dossier;
    match question {
        Question::Running => running(found),
        Question::Origin => origin(dossier),
        Question::Data => data(dossier),
        Question::Changes => changes(dossier),
        Question::Approved => approved(dossier),
        Question::Differs => match &found.comparison {
            Some(comparison) => differs(comparison),
            None => vec!["there is no release before it".to_owned()],
        },
        Question::Rollback => rollback(dossier),
        Question::Gaps => gaps(dossier),
    }
}

fn running(found: &Found) -> Vec<String> {
    let all: Vec<String> =
        list(&found.running, "deployments").map(|one| row(one).join("  ").trim().to_owned()).collect();
    let nowhere = || "it is to run nowhere, and no host says that it runs it".to_owned();
    let mut lines = if all.is_empty() { vec![nowhere()] } else { all };
    lines.extend(list(&found.dossier, "agents").map(|one| {
        let still = if one.get("newest") == Some(&Value::Bool(true)) { "runs it" } else { "ran it" };
        let (agent, epoch, since) = (text(one, "agent"), text(one, "epoch"), instant(one, "since"));
        format!("agent {agent} {still} by its own word, in its epoch {epoch} since {since}")
    }));
    lines
}

fn origin(dossier: &Value) -> Vec<String> {
    let mut lines = vec![format!(
        "made {} by {} of {}",
        instant(dossier, "made_at"),
        or(dossier, "made_by"),
        text(dossier, "source")
    )];
    match dossier.get("seal") {
        Some(seal) => lines.push(format!(
            "files: {} of them sealed as {} by {} {}",
            text(seal, "files"),
            text(seal, "digest"),
            text(seal, "by"),
            record(seal)
        )),
        None => lines.push(missing("its files are not sealed")),
    }
    let Some(run) = dossier.get("run") else {
        lines.push(missing("it names no run that is kept here"));
        return lines;
    };
    lines.push(format!(
        "run {} ({}) by {}, {}, {} to {}",
        text(run, "id"),
        text(run, "name"),
        or(run, "user"),
        text(run, "status"),
        instant(run, "started"),
        instant(run, "ended")
    ));
    match run.get("anchor") {
        Some(anchor) => {
            lines.push(format!("what it logged, {} points of metrics: {}", text(anchor, "points"), record(anchor)))
        }
        None => lines.push(missing("no record holds what it logged")),
    }
    let tag = |key: &str| list(run, "tags").find(|tag| text(tag, "name") == key).map(|tag| text(tag, "value"));
    match tag("mlflow.source.git.commit") {
        Some(revision) => {
            let dirty = tag("mlflow.source.git.dirty").is_some_and(|dirty| dirty.eq_ignore_ascii_case("true"));
            let dirty = if dirty { paint(NOTE, " with changes that were not committed") } else { String::new() };
            lines.push(format!("code {} {revision}{dirty}", tag("mlflow.source.git.repoURL").unwrap_or_default()));
        }
        None => lines.push(missing("the run does not say which code it ran")),
    }
    let params = list(run, "params").map(|one| format!("{}={}", text(one, "name"), text(one, "value")));
    lines.push(format!("parameters: {}", joined(params)));
    lines.push(format!("environment: {}", joined(list(dossier, "environment").map(|one| text(one, "name")))));
    let infrastructure =
        list(dossier, "infrastructure").map(|one| format!("{} {}", text(one, "name"), text(one, "value")));
    lines.push(format!("infrastructure: {}", joined(infrastructure)));
    lines
}

/// Tells of a check of the data, and of the bytes and datasets that it is about.
fn checked(check: &Value) -> String {
    let is_passed = check.get("passed").and_then(Value::as_bool) == Some(true);
    let word = if is_passed { paint(GOOD, "passed") } else { paint(BAD, "failed") };
    let failed =
        list(check, "findings").filter(|finding| finding.get("passed").and_then(Value::as_bool) == Some(false));
    let failed = joined(
        failed.map(|finding| format!("{} {}", text(finding, "check"), text(finding, "column")).trim().to_owned()),
    );
    let failed = if is_passed { String::new() } else { format!(" ({failed})") };
    let of = joined(list(check, "of").map(|one| match text(one, "by").as_str() {
        "digest" => format!("{}, the same bytes", text(one, "name")),
        _ => format!("{}, by its name alone", text(one, "name")),
    }));
    format!(
        "data {} {word}{failed}: {} rows, SHA-256 {}, about {of}; says {} at {} {}",
        text(check, "dataset"),
        text(check, "rows"),
        text(check, "digest"),
        or(check, "by"),
        instant(check, "at"),
        record(check)
    )
}

fn data(dossier: &Value) -> Vec<String> {
    let run = dossier.get("run").cloned().unwrap_or_default();
    let mut lines: Vec<String> = list(&run, "data")
        .map(|one| {
            format!(
                "{} digest {} from {} {}",
                text(one, "name"),
                text(one, "digest"),
                text(one, "kind"),
                text(one, "source")
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push(missing("its run logged no data that it was trained on"));
    }
    lines.extend(list(dossier, "data_checks").map(checked));
    let node = |one: &Value| format!("{}:{}", text(one, "namespace"), text(one, "name"));
    if let Some(lineage) = dossier.get("lineage") {
        lines.extend(list(lineage, "datasets").map(|one| format!("came of dataset {}", node(one))));
        lines.extend(list(lineage, "jobs").map(|one| format!("came of job {}", node(one))));
    }
    lines
}

fn changes(dossier: &Value) -> Vec<String> {
    let lineage = dossier.get("lineage").cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for (kind, nodes) in [("job", "jobs"), ("dataset", "datasets")] {
        for node in list(&lineage, nodes) {
            lines.extend(list(node, "changes").map(|change| {
                let why = match change.get("documented").and_then(Value::as_bool) {
                    Some(true) => paint(GOOD, "documented"),
                    Some(false) => paint(BAD, "without a word of why"),
                    None => "columns".to_owned(),
                };
                let at = change
                    .get("at")
                    .and_then(Value::as_i64)
                    .map_or_else(String::new, |us| output::time(types::Millis(us / 1_000)));
                format!(
                    "{kind} {}:{} {} changed {at}, {why}",
                    text(node, "namespace"),
                    text(node, "name"),
                    text(change, "what")
                )
            }));
        }
    }
    let nobody = list(&lineage, "jobs").next().is_none();
    if lines.is_empty() {
        lines.push(if nobody {
            missing("nobody told of a job before it, so nothing is known")
        } else {
            "none is known".to_owned()
        });
    }
    lines
}

fn approved(dossier: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for standing in list(dossier, "standing") {
        let what = format!("{} {}", text(standing, "kind"), text(standing, "name"));
        let action = text(standing, "action");
        match list(dossier, "decisions").find(|one| text(one, "action") == action && !action.is_empty()) {
            Some(decision) => lines.extend(decided(&what, standing, decision)),
            None => lines.push(paint(BAD, format!("{what}: no decision is known by which it got there"))),
        }
    }
    if lines.is_empty() {
        lines.push("no alias names it, and it is to run nowhere: nobody approved anything".to_owned());
    }
    for found in list(dossier, "evaluations") {
        let is_passed = found.get("passed").and_then(Value::as_bool) == Some(true);
        let word = if is_passed { paint(GOOD, "passed") } else { paint(BAD, "failed") };
        let is_of_these = found.get("of_these_files").and_then(Value::as_bool) == Some(true);
        let other = if is_of_these { String::new() } else { paint(NOTE, " of other files than it has") };
        let by = or(found, "by");
        lines.push(format!(
            "{word} {}{other}, says {by} at {} {}",
            text(found, "suite"),
            instant(found, "at"),
            record(found)
        ));
        lines.extend(list(found, "checks").map(check));
    }
    if list(dossier, "evaluations").next().is_none() {
        lines.push(missing("nobody evaluated it"));
    }
    lines.extend(list(dossier, "pipeline").map(|step| format!("pipeline{}", super::model_pipeline::step(step))));
    lines
}

fn decided(what: &str, standing: &Value, decision: &Value) -> Vec<String> {
    let policies = joined(strings(decision, "policies"));
    let records = joined(list(decision, "records").map(ToString::to_string));
    let purpose = text(decision, "purpose");
    let purpose = if purpose.is_empty() { String::new() } else { format!(": {purpose}") };
    let mut lines = vec![format!(
        "{what}: moved by {} at {}{purpose}; policy {policies} {}",
        text(standing, "by"),
        instant(standing, "since"),
        paint(FAINT, format!("{} records {records}", text(decision, "action")))
    )];
    let votes = list(decision, "votes").map(|vote| {
        let is_for = vote.get("approved").and_then(Value::as_bool) == Some(true);
        let word = if is_for { paint(GOOD, "approved") } else { paint(BAD, "refused") };
        let signed =
            if vote.get("signed").and_then(Value::as_bool) == Some(true) { ", signed with a passkey" } else { "" };
        format!(
            "  {word} by person:{} at {}: {}{signed}",
            text(vote, "person"),
            instant(vote, "at"),
            text(vote, "reason")
        )
    });
    lines.extend(votes);
    if list(decision, "votes").next().is_none() {
        lines.push(format!("  {}", paint(NOTE, "no person was asked: policy alone allowed it")));
    }
    lines
}

fn check(check: &Value) -> String {
    let is_passed = check.get("passed").and_then(Value::as_bool) == Some(true);
    let word = if is_passed { "passed" } else { "failed" };
    let ends: Vec<String> = strings(check, "interval").collect();
    let interval = if ends.is_empty() { String::new() } else { format!(" [{}]", ends.join(", ")) };
    format!("  {} {}{interval} {} {word}", text(check, "name"), text(check, "value"), text(check, "demanded"))
}

fn differs(comparison: &Value) -> Vec<String> {
    let mut lines = vec![format!("version {} against version {}", text(comparison, "to"), text(comparison, "from"))];
    lines.extend(list(comparison, "differences").map(difference));
    let same = list(comparison, "same").map(|one| format!("{} {}", text(one, "count"), text(one, "part")));
    lines.push(paint(FAINT, format!("the same: {}", joined(same))));
    lines
}

fn difference(one: &Value) -> String {
    let end = |name: &str| match text(one, name) {
        text if text.is_empty() => "nothing".to_owned(),
        text => text,
    };
    format!("{} {}: {} → {}", text(one, "part"), text(one, "name"), end("from"), end("to"))
}

fn rollback(dossier: &Value) -> Vec<String> {
    let Some(before) = dossier.get("before") else {
        return vec!["there is no release before it to go back to".to_owned()];
    };
    let (model, number) = (text(dossier, "model"), text(before, "version"));
    let mut lines = Vec::new();
    for standing in list(dossier, "standing") {
        let name = text(standing, "name");
        lines.push(match text(standing, "kind").as_str() {
            "alias" => format!("countersign model rollback {model} --alias {name} --to {number} --reason …"),
            _ => format!("countersign model deploy {model} {number} --to {name} --reason …"),
        });
    }
    if lines.is_empty() {
        lines.push("no alias names it, and it is to run nowhere: there is nothing to take back".to_owned());
    }
    lines
}

fn gaps(dossier: &Value) -> Vec<String> {
    let lines: Vec<String> =
        list(dossier, "gaps").map(|gap| format!("{}  {}", paint(NOTE, text(gap, "name")), text(gap, "text"))).collect();
    if lines.is_empty() { vec!["nothing".to_owned()] } else { lines }
}

fn strings<'a>(value: &'a Value, name: &'a str) -> impl Iterator<Item = String> + 'a {
    list(value, name).filter_map(Value::as_str).map(|one| text(&json!({ "one": one }), "one"))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { missing("none") } else { parts.join(", ") }
}

fn or(value: &Value, name: &str) -> String {
    match text(value, name) {
        text if text.is_empty() => "nobody knows whom".to_owned(),
        text => text,
    }
}

fn record(value: &Value) -> String {
    match text(value, "record") {
        text if text.is_empty() => missing("not recorded yet"),
        text => paint(FAINT, format!("record {text}")),
    }
}

fn missing(words: &str) -> String {
    paint(NOTE, words)
}

/// Runs `compare`.
pub async fn compare(client: &Client, args: &CompareArgs, as_json: bool) -> Done {
    if let Some(unknown) = args.part.as_ref().filter(|part| !COMPARED.contains(&part.as_str())) {
        return Err(CliError::usage(format!("`{unknown}` is no part; parts are {}", COMPARED.join(", "))));
    }
    let mut comparison = client.get(&compared(&args.name, &args.from, &args.to)).await?;
    if let Some(part) = &args.part {
        for name in ["differences", "same"] {
            if let Some(all) = comparison.get_mut(name).and_then(Value::as_array_mut) {
                all.retain(|one| text(one, "part") == *part);
            }
        }
    }
    if as_json {
        output::say_json(&comparison);
    } else {
        differs(&comparison).into_iter().for_each(output::say);
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_one_word() {
        assert_eq!(version("fraud"), ("fraud", "@champion".to_owned()));
        assert_eq!(version("fraud@next"), ("fraud", "@next".to_owned()));
        assert_eq!(version("fraud/3"), ("fraud", "3".to_owned()));
    }
}
