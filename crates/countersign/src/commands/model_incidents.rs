//! `countersign model incidents`: what runs or stands otherwise than decisions led it.

use serde_json::{Value, json};
use types::Code;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::IncidentsArgs;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, FAINT, GOOD, paint};

/// Tells them; fails if one is open.
pub async fn run(client: &Client, args: &IncidentsArgs, as_json: bool) -> Done {
    let found = read(client, args).await?;
    if as_json {
        output::say_json(&json!({ "incidents": found }));
    } else if found.is_empty() {
        output::say("everything runs and stands as decisions led it");
    } else {
        found.iter().for_each(|one| output::say(told(one)));
    }
    match found.iter().filter(|one| is_open(one)).count() {
        0 => Ok(Exit::Done),
        1 => Err(CliError::new(Exit::Failed, Code::IncidentOpen, "1 incident is open")),
        open => Err(CliError::new(Exit::Failed, Code::IncidentOpen, format!("{open} incidents are open"))),
    }
}

/// Reads all of them, page by page.
async fn read(client: &Client, args: &IncidentsArgs) -> Result<Vec<Value>, CliError> {
    let model = args.name.as_ref().map_or_else(String::new, |name| format!("&model={}", segment(name)));
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/models/incidents?limit=1000&ended={}{model}{before}", args.all);
        let page = client.get(&path).await?;
        all.extend(list(&page, "incidents").cloned());
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => before = format!("&before={next}"),
            None => return Ok(all),
        }
    }
}

fn is_open(one: &Value) -> bool {
    text(one, "ended").is_empty()
}

/// Tells an incident in a few lines.
fn told(one: &Value) -> String {
    let [thing, model, name, wrong, means] = ["thing", "model", "name", "wrong", "means"].map(|field| text(one, field));
    let or =
        |field: &str| Some(text(one, field)).filter(|text| !text.is_empty()).unwrap_or_else(|| "nothing".to_owned());
    let means = if means.is_empty() { means } else { format!(", {means}") };
    let since = instant(one, "since");
    let head = format!("{thing} {name} of {model}");
    let is = format!("decided: {}; found: {}{means}; since {since}", or("declared"), or("observed"));
    if !is_open(one) {
        return format!(
            "{} {head}: {wrong}, mended {}\n    {}",
            paint(GOOD, "ok"),
            instant(one, "ended"),
            paint(FAINT, is)
        );
    }
    format!("{} {head}\n    {is}\n    mend: {}", paint(BAD, wrong), text(one, "mend"))
}
