//! `countersign policy authority`: who may do and decide what, and what of it should be looked at.

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::output::{self, BOLD, FAINT, GOOD, NOTE, paint};

/// Tells who may do and decide what.
pub async fn map(client: &Client, as_json: bool) -> Done {
    let map = client.get("/v1/authority").await?;
    if as_json {
        output::say_json(&map);
        return Ok(Exit::Done);
    }
    output::say(format!("{} {}", paint(BOLD, text(&map, "name")), paint(FAINT, text(&map, "bundle"))));
    let authors = names(&map, "authors");
    let alone = if map.get("solo").and_then(Value::as_bool) == Some(true) { "; an owner may decide alone" } else { "" };
    output::say(format!("written by {authors}, who decide nothing that it escalates{alone}"));
    section("action classes", list(&map, "classes").map(class).collect());
    section("thresholds", list(&map, "thresholds").map(threshold).collect());
    section("overrides", list(&map, "overrides").map(overriding).collect());
    section("profiles", list(&map, "profiles").map(profile).collect());
    section("agents", list(&map, "agents").flat_map(agent).collect());
    section("people", list(&map, "people").map(person).collect());
    Ok(Exit::Done)
}

fn section(title: &str, rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        output::say("");
        output::say(paint(BOLD, title));
        output::table(&rows);
    }
}

fn names(of: &Value, name: &str) -> String {
    let all: Vec<&str> = list(of, name).filter_map(Value::as_str).collect();
    if all.is_empty() { "nobody".to_owned() } else { types::text::escape(&all.join(", "), false) }
}

fn class(class: &Value) -> Vec<String> {
    let writes = if class.get("writes").and_then(Value::as_bool) == Some(true) { "writes" } else { "reads" };
    let profile = text(class, "profile");
    let asks = if profile.is_empty() { "nobody: the level denies".to_owned() } else { format!("asks {profile}") };
    let owners = format!("answered for by {}", names(class, "owners"));
    vec![format!("  {}", text(class, "class")), writes.to_owned(), asks, owners, text(class, "description")]
}

fn threshold(threshold: &Value) -> Vec<String> {
    let profile = text(threshold, "profile");
    let asks = if profile.is_empty() { "denied".to_owned() } else { format!("asks {profile}") };
    vec![format!("  {}", text(threshold, "threshold")), asks, text(threshold, "is")]
}

fn overriding(one: &Value) -> Vec<String> {
    let person = |may: &Value| {
        let after: Vec<&str> = list(may, "profiles").filter_map(Value::as_str).collect();
        let after = if after.is_empty() { String::new() } else { format!(" (after {})", after.join(", ")) };
        format!("{}{after}", text(may, "person"))
    };
    let people: Vec<String> = list(one, "people").map(person).collect();
    let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
    vec![format!("  {}", text(one, "tool")), people, text(one, "evidence")]
}

fn profile(profile: &Value) -> Vec<String> {
    let signed = if profile.get("signed").and_then(Value::as_bool) == Some(true) { ", signed" } else { "" };
    let then = text(profile, "otherwise");
    let then = if then.is_empty() { "then refused".to_owned() } else { format!("then {then}") };
    let needed = format!("{} of {}{signed}", text(profile, "approvals"), names(profile, "people"));
    vec![format!("  {}", text(profile, "profile")), needed, then]
}

fn agent(agent: &Value) -> Vec<Vec<String>> {
    let owner = format!("owned by {}", text(agent, "owner"));
    let name = text(agent, "agent");
    let row = |class: &Value| {
        let until =
            class.get("expires_at").map_or_else(String::new, |_| format!("until {}", instant(class, "expires_at")));
        vec![format!("  {name}"), owner.clone(), text(class, "class"), text(class, "level"), until]
    };
    list(agent, "classes").map(row).collect()
}

fn person(person: &Value) -> Vec<String> {
    let auditor = if person.get("auditor").and_then(Value::as_bool) == Some(true) { "auditor" } else { "" };
    vec![format!("  {}", text(person, "person")), names(person, "groups"), auditor.to_owned()]
}

/// Lists what should be looked at.
pub async fn review(client: &Client, days: u32, as_json: bool) -> Result<Exit, CliError> {
    let review = client.get(&format!("/v1/authority/review?days={days}")).await?;
    if as_json {
        output::say_json(&review);
        return Ok(Exit::Done);
    }
    output::say(paint(FAINT, format!("from {} to {}", instant(&review, "from"), instant(&review, "to"))));
    let rows: Vec<Vec<String>> = list(&review, "concerns").map(concern).collect();
    if rows.is_empty() {
        output::say(format!("{} nothing stands out", paint(GOOD, "ok")));
    }
    output::table(&rows);
    if review.get("bundle_before").is_none() {
        output::tell(
            "The journal is younger than the period, so policies, profiles, people and groups are not judged.",
        );
    }
    Ok(Exit::Done)
}

fn concern(concern: &Value) -> Vec<String> {
    let used =
        concern.get("used_at").map_or_else(|| "never".to_owned(), |_| format!("last {}", instant(concern, "used_at")));
    let used = if text(concern, "kind") == "group_grown" { String::new() } else { used };
    vec![paint(NOTE, text(concern, "kind")), text(concern, "says"), paint(FAINT, used)]
}
