//! `countersign permission`: asked for, listed, shown, revoked.

use serde_json::{Map, Value, json};

use super::Done;
use super::answer::{instant, items, list as members, text};
use crate::cli::{PermissionCommand, PermissionRequestArgs};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::output::{self, BOLD, GOOD, paint};

/// Runs the command.
pub async fn run(client: &Client, command: &PermissionCommand, as_json: bool) -> Done {
    match command {
        PermissionCommand::Request(args) => {
            let given = client.post("/v1/permission-requests", &body(args)?).await?;
            tell(&given, as_json);
        }
        PermissionCommand::List => {
            let given = client.get("/v1/permissions").await?;
            if as_json {
                output::say_json(&given);
                return Ok(Exit::Done);
            }
            let found = items(&given);
            if found.is_empty() {
                output::tell("No permission holds.");
            }
            output::table(&found.iter().map(row).collect::<Vec<_>>());
        }
        PermissionCommand::Show { permission } => {
            tell(&client.get(&format!("/v1/permissions/{permission}")).await?, as_json);
        }
        PermissionCommand::Revoke { permission, reason } => {
            let (path, body) = (format!("/v1/permissions/{permission}"), json!({ "reason": reason }));
            client.send(reqwest::Method::DELETE, &path, Some(&body)).await?;
            if as_json {
                output::say_json(&json!({ "id": permission, "revoked": true }));
            } else {
                output::say(format!("{} {permission} is revoked", paint(GOOD, "ok")));
            }
        }
    }
    Ok(Exit::Done)
}

fn row(given: &Value) -> Vec<String> {
    let left = format!("{} of {} left", text(given, "uses_left"), text(given, "uses"));
    let until = format!("until {}", instant(given, "expires_at"));
    vec![text(given, "id"), text(given, "agent"), text(given, "covers"), left, until]
}

fn tell(given: &Value, as_json: bool) {
    if as_json {
        return output::say_json(given);
    }
    output::say(paint(BOLD, text(given, "id")));
    let behalf = text(given, "on_behalf_of");
    let behalf = if behalf.is_empty() { behalf } else { format!(", on behalf of {behalf}") };
    output::say(format!("{} may do this without being asked again{behalf}:", text(given, "agent")));
    output::say(format!("  {}", text(given, "covers")));
    output::say(format!(
        "  {} of {} times, until {}",
        text(given, "uses_left"),
        text(given, "uses"),
        instant(given, "expires_at")
    ));
    let profiles: Vec<String> = members(given, "profiles").filter_map(Value::as_str).map(str::to_owned).collect();
    output::say(format!("approved by {}, for: {}", profiles.join(" and "), text(given, "purpose")));
    let by = text(given, "requested_by");
    if !by.is_empty() {
        output::say(format!("asked for by {by}"));
    }
}

fn body(args: &PermissionRequestArgs) -> Result<Value, CliError> {
    let arguments: Value =
        serde_json::from_str(&args.arguments).map_err(|e| CliError::usage(format!("`--arguments` is no JSON: {e}")))?;
    let mut bounds = Map::new();
    for name in &args.any {
        bounds.insert(name.clone(), json!("any"));
    }
    for pair in &args.within {
        let (name, path) = split(pair)?;
        bounds.insert(name, json!({ "within": path }));
    }
    for pair in &args.between {
        let (name, range) = split(pair)?;
        let ends =
            range.split_once("..").and_then(|(from, to)| Some((from.parse::<i64>().ok()?, to.parse::<i64>().ok()?)));
        let (from, to) = ends.ok_or_else(|| CliError::usage(format!("`{range}` is no range such as `1..5`")))?;
        bounds.insert(name, json!({ "between": { "from": from, "to": to } }));
    }
    for pair in &args.one_of {
        let (name, value) = split(pair)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        let known = bounds.get(&name).and_then(|bound| bound.get("one_of")).and_then(Value::as_array);
        let mut values = known.cloned().unwrap_or_default();
        values.push(value);
        bounds.insert(name, json!({ "one_of": values }));
    }
    let environments = (!args.environments.is_empty()).then_some(&args.environments);
    Ok(json!({
        "agent": args.agent, "on_behalf_of": args.on_behalf_of, "tool": args.tool, "arguments": arguments, "bounds": bounds,
        "environments": environments, "minutes": args.minutes, "uses": args.uses, "purpose": args.purpose,
    }))
}

fn split(pair: &str) -> Result<(String, &str), CliError> {
    let parts = pair.split_once('=').map(|(name, value)| (name.to_owned(), value));
    parts.ok_or_else(|| CliError::usage(format!("`{pair}` is not written `NAME=VALUE`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> PermissionRequestArgs {
        PermissionRequestArgs {
            agent: None,
            on_behalf_of: None,
            tool: "s.x".parse().unwrap(),
            arguments: r#"{"service":"web"}"#.into(),
            one_of: vec!["service=web".into(), "service=api".into(), "n=5".into()],
            between: vec!["count=-1..3".into()],
            within: vec!["path=/srv/a=b".into()],
            any: vec!["note".into()],
            environments: Vec::new(),
            minutes: 30,
            uses: 5,
            purpose: "a rollout".into(),
        }
    }

    #[test]
    fn bounds_are_read_as_they_are_written() {
        let body = body(&asked()).unwrap();
        let expected = json!({
            "service": { "one_of": ["web", "api"] }, "n": { "one_of": [5] }, "count": { "between": { "from": -1, "to": 3 } },
            "path": { "within": "/srv/a=b" }, "note": "any",
        });
        assert_eq!((&body["bounds"], &body["environments"]), (&expected, &Value::Null));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for wrong in [
            PermissionRequestArgs { arguments: "{".into(), ..asked() },
            PermissionRequestArgs { between: vec!["count=1-3".into()], ..asked() },
            PermissionRequestArgs { between: vec!["1..3".into()], ..asked() },
            PermissionRequestArgs { within: vec!["path".into()], ..asked() },
        ] {
            assert_eq!(body(&wrong).unwrap_err().exit, Exit::Usage);
        }
    }
}
