//! `countersign oversight`: how people decide.

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use super::span;
use crate::cli::Oversight;
use crate::client::Client;
use crate::error::Exit;
use crate::output::{self, BOLD, FAINT, paint};

/// Are the columns of the table, behind the name.
const COLUMNS: [&str; 9] =
    ["votes", "approved", "median", "9 in 10", "under 3 s", "for others", "expired", "regretted", "decoys caught"];

/// Runs the command.
pub async fn run(client: &Client, args: &Oversight, as_json: bool) -> Done {
    let path = match &args.since {
        Some(text) => format!("/v1/oversight?since={}", span::before(text)?),
        None => "/v1/oversight".to_owned(),
    };
    let report = client.get(&path).await?;
    if as_json {
        output::say_json(&report);
    } else {
        tell(&report);
    }
    Ok(Exit::Done)
}

fn tell(report: &Value) {
    let from = report.get("from").map_or_else(|| "the journal's beginning".to_owned(), |_| instant(report, "from"));
    output::say(paint(FAINT, format!("from {from} to {}", instant(report, "to"))));
    let mut rows = vec![heading("")];
    rows.push(row("everybody", report.get("all")));
    for (names, name) in [("people", "person"), ("groups", "group"), ("profiles", "profile")] {
        let found: Vec<&Value> = list(report, names).collect();
        if !found.is_empty() {
            rows.push(vec![String::new()]);
            rows.push(vec![paint(BOLD, names)]);
            rows.extend(found.iter().map(|one| row(&text(one, name), one.get("figures"))));
        }
    }
    output::table(&rows);
    output::say("");
    output::say(format!("{} cases were opened", text(report, "cases")));
    if let Some(benign) = report.get("benign") {
        let per = benign.get("escalated_bp").map_or_else(String::new, |_| {
            format!(": {} per 100", ratio(benign, "escalated_bp").trim_end_matches(" %"))
        });
        let (escalated, actions) = (text(benign, "escalated"), text(benign, "actions"));
        output::say(format!("people were asked about {escalated} of {actions} actions that ended well{per}"));
    }
    if let Some(decoys) = report.get("all").and_then(|all| all.get("decoys")).filter(|d| text(d, "shown") != "0") {
        let [shown, caught, missed, silent] =
            ["shown", "caught", "missed", "unanswered"].map(|name| text(decoys, name));
        output::say(format!("of {shown} decoys {caught} were caught, {missed} missed and {silent} left unanswered"));
    }
    if text(report, "unread") != "0" {
        output::say(format!("{} could not be counted: erased, or without their policy", text(report, "unread")));
    }
}

fn heading(name: &str) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(COLUMNS.map(|column| paint(FAINT, column))).collect()
}

fn row(name: &str, figures: Option<&Value>) -> Vec<String> {
    let none = Value::Null;
    let figures = figures.unwrap_or(&none);
    let times = figures.get("decision_ms").unwrap_or(&none);
    let cells = [
        text(figures, "votes"),
        ratio(figures, "approval_bp"),
        time(times, "p50"),
        time(times, "p90"),
        ratio(figures, "quick_bp"),
        text(figures, "delegated"),
        text(figures, "expired"),
        ratio(figures, "regret_bp"),
        caught(figures.get("decoys").unwrap_or(&none)),
    ];
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// Shows how many decoys were caught, of how many that were answered; a dash where none was.
fn caught(decoys: &Value) -> String {
    let of = |name: &str| decoys.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (caught, answered) = (of("caught"), of("caught") + of("missed"));
    if answered == 0 { "-".to_owned() } else { format!("{caught} of {answered}") }
}

/// Shows basis points as per cent; a dash where there was nothing to divide by.
fn ratio(figures: &Value, name: &str) -> String {
    let shown = |bp: u64| format!("{}.{} %", bp / 100, bp % 100 / 10);
    figures.get(name).and_then(Value::as_u64).map_or_else(|| "-".to_owned(), shown)
}

fn time(times: &Value, name: &str) -> String {
    let Some(ms) = times.get(name).and_then(Value::as_i64) else { return "-".to_owned() };
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ratios_and_times_are_shown_and_nothing_is_a_dash() {
        let shown = |bp: u64| ratio(&json!({ "bp": bp }), "bp");
        assert_eq!([shown(0), shown(250), shown(3_333), shown(10_000)], ["0.0 %", "2.5 %", "33.3 %", "100.0 %"]);
        assert_eq!((ratio(&json!({}), "bp"), time(&json!({}), "p50")), ("-".to_owned(), "-".to_owned()));
        let decoys = |hits: u64, missed: u64| caught(&json!({ "caught": hits, "missed": missed }));
        assert_eq!([decoys(0, 0), decoys(0, 2), decoys(3, 1)], ["-", "0 of 2", "3 of 4"]);
        let shown = |ms: i64| time(&json!({ "ms": ms }), "ms");
        let expected = ["999 ms", "2.9 s", "1 min 0 s", "2 h 1 min"];
        assert_eq!([shown(999), shown(2_999), shown(60_000), shown(7_260_000)], expected);
    }
}
