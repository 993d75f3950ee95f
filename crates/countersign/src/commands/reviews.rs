//! `countersign reviews`: what reviewer agents said of cases, and where these stand.

use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, list, text};
use crate::client::Client;
use crate::error::Exit;
use crate::output::{self, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, as_json: bool) -> Done {
    let (said, counted) = (client.get("/v1/reviews").await?, client.get("/v1/oversight").await?);
    let all = json!({ "reviewed": said.get("reviewed"), "reviewers": counted.get("reviewers") });
    if as_json {
        output::say_json(&all);
        return Ok(Exit::Done);
    }
    let found: Vec<&Value> = list(&all, "reviewed").collect();
    if found.is_empty() {
        output::tell("No case on the board has a review.");
    }
    let rows = found.iter().flat_map(|case| list(case, "reviews").map(|review| row(case, review)));
    output::table(&rows.collect::<Vec<_>>());
    for reviewer in list(&all, "reviewers") {
        output::say(figures(reviewer));
    }
    Ok(Exit::Done)
}

/// Tells what a reviewer said since the journal began, and what people decided of it.
fn figures(of: &Value) -> String {
    let count = |name: &str| text(of, name);
    let on = format!(
        "sent {} on, of which people approved {} ({} failed) and refused {}",
        count("on"),
        count("on_approved"),
        count("on_failed"),
        count("on_refused")
    );
    let back = format!(
        "sent {} back, of which people later approved {} ({} failed) and refused {}",
        count("back"),
        count("back_approved"),
        count("back_failed"),
        count("back_refused")
    );
    format!("agent:{} {on}; {back}", count("reviewer"))
}

fn row(case: &Value, review: &Value) -> Vec<String> {
    let said = format!("{} by agent:{}", text(review, "advice"), text(review, "reviewer"));
    vec![text(case, "id"), text(case, "state"), text(case, "tool"), said, instant(review, "at"), text(review, "reason")]
}

/// Tells what reviewers said of a case: boxed, since it is an agent's word.
pub fn tell(case: &Value) {
    let mut reviews = list(case, "reviews").peekable();
    if case["returned_before"] == true {
        output::say(paint(NOTE, "a reviewer sent this exact action back before; it was proposed again"));
    }
    if reviews.peek().is_none() {
        return;
    }
    output::say(paint(NOTE, "\n┌ what reviewer agents say (untrusted, and no approval)"));
    for review in reviews {
        let word = if review["advice"] == "back" { "sent it back" } else { "sent it on to people" };
        let who = format!("agent:{} ({})", text(review, "reviewer"), text(review, "family"));
        output::say(paint(NOTE, format!("│ {who} {word}: {}", text(review, "reason"))));
    }
    output::say(paint(NOTE, "└"));
}
