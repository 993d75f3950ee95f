//! Problems with reviewers, and with what they rest on.

use crate::problems::{Case, case, check, replace};

/// Changes one thing about a reviewer, or the profile that names it, each once.
fn reviewed(mistake: &str, (file, from, to): (&str, &str, &str)) -> Case {
    case(mistake, |files| {
        let agents = files.get("agents.toml").unwrap().to_owned();
        let agents = agents.replace("\nowner = ", "\nmodel_family = \"alpha\"\nowner = ");
        files.insert("agents.toml", format!("{agents}\n[agents.checker]\nowner = \"ana\"\n{REVIEWER}"));
        let profiles = files.get("escalation.toml").unwrap().to_owned();
        let group = "[profiles.seen]\ngroup = \"sre-db\"\napprovals = 1\ntimeout_ms = 600000\n";
        files.insert("escalation.toml", format!("{profiles}\n{group}{REVIEWED}"));
        replace(files, file, from, to);
    })
}

const REVIEWER: &str = "reviewer = true\nmodel_family = \"beta.2\"\n";
const REVIEWED: &str = "review_by = [\"agent:checker\"]\nreview_ms = 60000\nreview_first = true\n";

#[test]
fn reviewers() {
    const WHO: &str = "agents.toml";
    const ASKS: &str = "escalation.toml";
    let by = |mistake: &str, to: &str| reviewed(mistake, (ASKS, "review_by = [\"agent:checker\"]\n", to));
    let ms = |mistake: &str, to: &str| reviewed(mistake, (ASKS, "review_ms = 60000\n", to));
    check(
        "reviewers",
        vec![
            reviewed("nothing is wrong", (WHO, "beta.2", "beta.2")),
            reviewed("a reviewer of no family", (WHO, "model_family = \"beta.2\"\n", "")),
            reviewed("a family in capitals", (WHO, "beta.2", "Beta")),
            reviewed("a family without a name", (WHO, "beta.2", "")),
            reviewed("an agent that is no reviewer", (WHO, "reviewer = true\n", "")),
            by("no such agent", "review_by = [\"agent:nobody\"]\n"),
            by("a person", "review_by = [\"person:ana\"]\n"),
            by("a bare name", "review_by = [\"checker\"]\n"),
            by("nobody, who comes first", ""),
            ms("no time", ""),
            ms("too short a time", "review_ms = 999\n"),
            ms("more than a day", "review_ms = 86400001\n"),
            reviewed(
                "together too long",
                (ASKS, "timeout_ms = 600000\nreview_by", "timeout_ms = 2592000000\nreview_by"),
            ),
            case("an agent of no family, whose cases are reviewed", |files| {
                let agents = files.get(WHO).unwrap().to_owned();
                files.insert(WHO, format!("{agents}\n[agents.checker]\nowner = \"ana\"\n{REVIEWER}"));
                let profiles = files.get(ASKS).unwrap().to_owned();
                let group = "[profiles.seen]\ngroup = \"sre-db\"\napprovals = 1\ntimeout_ms = 600000\n";
                files.insert(ASKS, format!("{profiles}\n{group}{REVIEWED}"));
            }),
        ],
    );
}
