//! Problems of what watches: breakers and baselines agents, decoys people.

use crate::problems::{case, check, replace};

/// A circuit and a bulk breaker of the sample, each a mistake away from being refused.
const BREAKERS: &str = "[circuits.calls]\ncovers = { tool = \"sre.*\" }\nfailures = 3\nof_last = 5\nwithin_ms = 60000\n\
     pause_ms = 1000\npause_ms_max = 8000\n\n[bulks.undoing]\npermits_max = 10\nprofile = \"sre-db\"\n";

#[test]
fn breakers() {
    const FILE: &str = "breakers.toml";
    let changed = |mistake: &str, from: &str, to: &str| {
        case(mistake, |files| {
            files.insert(FILE, BREAKERS);
            replace(files, FILE, from, to);
        })
    };
    check(
        "breakers",
        vec![
            changed("nothing is wrong", "failures = 3", "failures = 5"),
            changed("more failures than it looks at", "failures = 3", "failures = 6"),
            changed("no failure opens it", "failures = 3", "failures = 0"),
            changed("it looks at too many", "of_last = 5", "of_last = 101"),
            changed("it looks at none", "of_last = 5", "of_last = 0"),
            changed("an ending counts for no time", "within_ms = 60000", "within_ms = 0"),
            changed("it never pauses", "pause_ms = 1000", "pause_ms = 0"),
            changed("it pauses at most for less than at least", "pause_ms_max = 8000", "pause_ms_max = 999"),
            changed("no probe", "pause_ms = 1000\n", "pause_ms = 1000\nprobes = 0\n"),
            changed("too many probes", "pause_ms = 1000\n", "pause_ms = 1000\nprobes = 17\n"),
            changed("no success closes it", "pause_ms = 1000\n", "pause_ms = 1000\nsuccesses = 0\n"),
            changed("it covers a tool that there is not", "\"sre.*\"", "\"sre.nothing\""),
            changed("it covers a person", "tool = \"sre.*\"", "agent = \"person:ana\""),
            changed("a name of two words", "circuits.calls", "circuits.\"ca.lls\""),
            changed("an unknown key", "pause_ms = 1000\n", "pause_ms = 1000\npauses = 2\n"),
            changed("a section that there is not", "[bulks.undoing]", "[bulk.undoing]"),
            changed("it allows nothing", "permits_max = 10", "permits_max = 0"),
            changed("it allows too much", "permits_max = 10", "permits_max = 1001"),
            changed("it asks a profile that there is not", "\"sre-db\"", "\"nobody\""),
            changed("it counts nothing", "permits_max = 10\n", "permits_max = 10\ncounts = []\n"),
            changed("it counts what there is not", "permits_max = 10\n", "permits_max = 10\ncounts = [\"bad\"]\n"),
            changed("it counts for no time", "permits_max = 10\n", "permits_max = 10\nwithin_ms = 0\n"),
            changed("it holds for no time", "permits_max = 10\n", "permits_max = 10\nhold_ms = 0\n"),
        ],
    );
}

#[test]
fn behaviour() {
    const FILE: &str = "behaviour.toml";
    let baseline = "[baselines.usual]\ncovers = { agent = \"*\" }\nwindow_days = 7\nhours_min = 24\ndeviations = 3\n\
                    endings_min = 10\nprofile = \"sre-db\"\nbefore = \"escalate\"\n";
    let changed = |mistake: &str, from: &str, to: &str| {
        case(mistake, |files| {
            files.insert(FILE, baseline);
            replace(files, FILE, from, to);
        })
    };
    check(
        "behaviour",
        vec![
            changed("nothing is wrong", "window_days = 7", "window_days = 14"),
            changed("it looks back too far", "window_days = 7", "window_days = 15"),
            changed("it does not look back", "window_days = 7", "window_days = 0"),
            changed("it needs no hours", "hours_min = 24", "hours_min = 0"),
            changed(
                "it needs more hours than there are",
                "window_days = 7\nhours_min = 24",
                "window_days = 1\nhours_min = 25",
            ),
            changed("nothing is ever seen enough", "hours_min = 24", "hours_min = 24\nseen_min = 169"),
            changed("what was never seen is usual", "hours_min = 24", "hours_min = 24\nseen_min = 0"),
            changed("it covers some tools of a class", "agent = \"*\"", "tool = \"sre.*\""),
            changed("it covers some places of a class", "agent = \"*\"", "env = \"prod\""),
            changed("it looks at nothing", "hours_min = 24", "hours_min = 24\nwatch = []"),
            changed("it looks at what there is not", "hours_min = 24", "hours_min = 24\nwatch = [\"mood\"]"),
            changed("an amount stands nowhere", "hours_min = 24", "hours_min = 24\namounts = [\"amount\"]"),
            changed(
                "too many amounts",
                "hours_min = 24",
                "hours_min = 24\namounts = [\"/a\", \"/b\", \"/c\", \"/d\", \"/e\", \"/f\", \"/g\", \"/h\", \"/i\"]",
            ),
            changed("everything is unusual", "deviations = 3", "deviations = 0"),
            changed("nothing is unusual", "deviations = 3", "deviations = 101"),
            changed("no ending is enough", "endings_min = 10", "endings_min = 0"),
            changed("it asks a profile that there is not", "\"sre-db\"", "\"nobody\""),
            changed("nobody looks", "profile = \"sre-db\"\n", ""),
            changed("it does what there is not", "\"escalate\"", "\"deny\""),
            changed("it covers a person", "\"*\"", "\"person:ana\""),
            changed("a name of two words", "baselines.usual", "baselines.\"us.ual\""),
            changed("an unknown key", "window_days = 7", "window_hours = 7"),
        ],
    );
}

#[test]
fn decoys() {
    const FILE: &str = "decoys.toml";
    let decoys = "per_100 = 5\n\n[decoys.everything]\nagent = \"sre-bot\"\non_behalf_of = \"cleo\"\n\
                  tool = \"sre.restart\"\narguments = { service = \"*\", replicas = 3 }\npurpose = \"tidy up\"\n\
                  why = \"nobody restarts everything\"\n";
    let changed = |mistake: &str, from: &str, to: &str| {
        case(mistake, |files| {
            files.insert(FILE, decoys);
            replace(files, FILE, from, to);
        })
    };
    let whole = |mistake: &str, text: String| case(mistake, |files| files.insert(FILE, text));
    let one = decoys.split_once("\n\n").unwrap().1;
    let many: String = (0..65).map(|n| one.replace("decoys.everything", &format!("decoys.d{n}"))).collect();
    check(
        "decoys",
        vec![
            changed("nothing is wrong", "per_100 = 5", "per_100 = 50"),
            changed("none is shown", "per_100 = 5", "per_100 = 0"),
            whole("no rate, and so none is shown", one.to_owned()),
            whole("nothing at all", String::new()),
            changed("more than every second", "per_100 = 5", "per_100 = 51"),
            changed("a rate of a text", "per_100 = 5", "per_100 = \"5\""),
            whole("a rate of nothing", "per_100 = 5\n".to_owned()),
            whole("too many", format!("per_100 = 5\n{many}")),
            changed("an agent that there is not", "\"sre-bot\"", "\"nobody\""),
            changed("a person it may not act for", "\"cleo\"", "\"ana\""),
            changed("a tool that there is not", "sre.restart", "sre.nothing"),
            changed("the product's own tool", "sre.restart", "countersign.subject.erase"),
            changed("arguments that are no object", "{ service = \"*\", replicas = 3 }", "[\"*\"]"),
            changed("a date, which JSON has not", "replicas = 3", "day = 2026-01-05"),
            changed("no arguments", "arguments = { service = \"*\", replicas = 3 }\n", ""),
            changed("nobody is told why", "\"nobody restarts everything\"", "\" \""),
            changed("no reason at all", "why = \"nobody restarts everything\"\n", ""),
            changed("a name of two words", "decoys.everything", "decoys.\"every thing\""),
            changed("an unknown key", "purpose =", "reason ="),
            changed("an unknown section", "[decoys.everything]", "[decoy.everything]"),
        ],
    );
}
