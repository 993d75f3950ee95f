//! `countersign erase`: the end of everything that is recorded about a person or an agent.

use serde_json::{Value, json};

use super::Done;
use super::answer::{list, text};
use crate::cli::Erase;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, args: &Erase, as_json: bool) -> Done {
    let body = json!({ "subject": args.subject, "reason": args.reason });
    let done = client.post("/v1/erasures", &body).await?;
    if as_json {
        output::say_json(&done);
    } else {
        tell(&done);
    }
    Ok(if is(&done, "gone") { Exit::Done } else { Exit::Undetermined })
}

fn is(done: &Value, name: &str) -> bool {
    done.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn tell(done: &Value) {
    let before = if is(done, "repeated") { "erased before: " } else { "" };
    output::say(format!(
        "{before}{} records lost their content; record {} says so",
        text(done, "records"),
        text(done, "receipt")
    ));
    for (name, what) in [("cases", "cases"), ("sessions", "sessions"), ("keys", "keys"), ("levels", "levels")] {
        let count = done.get(name).and_then(Value::as_u64).filter(|count| *count > 0);
        count.into_iter().for_each(|count| output::say(format!("   {count} {what} ended with it")));
    }
    for bundle in list(done, "bundles").filter_map(Value::as_str) {
        output::tell(format!("bundle {bundle} has the name in its texts still"));
    }
    if !is(done, "gone") {
        output::tell("The last bytes go as soon as nobody reads the journal; ask again to see whether they have.");
    }
    output::tell("Copies and backups of the data and key folders are not reached: let them expire.");
}
