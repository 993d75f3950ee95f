//! `countersign doctor`: what is enforced, for whom, and what is not.

use serde_json::Value;

use super::Done;
use super::answer::items;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, as_json: bool) -> Done {
    let answer = client.get("/v1/doctor").await?;
    let findings = items(&answer);
    let sign = |finding: &Value| finding.get("sign").and_then(Value::as_str).unwrap_or_default().to_owned();
    if as_json {
        output::say_json(&answer);
    } else {
        let row = |finding: &Value| {
            let text = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let mark = match sign(finding).as_str() {
                "good" => output::paint(output::GOOD, "ok  "),
                "note" => output::paint(output::NOTE, "note"),
                _ => output::paint(output::BAD, "bad "),
            };
            vec![mark, text("about"), text("says")]
        };
        output::table(&findings.iter().map(row).collect::<Vec<_>>());
    }
    let bad = findings.iter().any(|finding| sign(finding) == "bad");
    Ok(if bad { Exit::Failed } else { Exit::Done })
}
