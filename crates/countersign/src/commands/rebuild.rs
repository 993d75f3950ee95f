//! `countersign rebuild`: everything that is kept, made anew from the records, compared, and written where it differs.

use std::collections::BTreeMap;

use control::rebuild::{self, Found, Repair};
use ledger::{Clock as _, History};
use replay::Bundles;
use replay::fold::{Answer, Comparison, Counts};
use serde_json::{Value, json};

use super::Done;
use crate::cli::{Cli, Rebuild};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::machine::SystemClock;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};
use crate::serve;

/// Is the most rows that are told one by one.
const TOLD_MAX: usize = 1_000;

/// Runs the command.
pub async fn run(cli: &Cli, args: &Rebuild) -> Done {
    let folders = cli.folders();
    if args.write { write(&folders, cli, args).await } else { compare(&folders, cli.json) }
}

fn compare(folders: &Folders, as_json: bool) -> Done {
    let (history, _) = folders.history()?;
    let found = look(folders, &history, as_json)?;
    if as_json {
        output::say_json(&as_value(&found.comparison));
    } else {
        tell(&found.comparison);
    }
    Ok(exit(&found.comparison))
}

fn look(folders: &Folders, history: &History, quiet: bool) -> Result<Found, CliError> {
    let bar = output::progress(history.size()?, quiet);
    // The folder's bundle stands in for one that is not stored any more, if it has that digest.
    let mut bundles = Bundles::new();
    folders.bundle_files().into_iter().for_each(|files| bundles.add(files));
    let found = rebuild::look(history, bundles, SystemClock.wall(), |next| bar.set_position(next))?;
    bar.finish_and_clear();
    Ok(found)
}

async fn write(folders: &Folders, cli: &Cli, args: &Rebuild) -> Done {
    let keys = folders.keys_there()?;
    let bundle = load_bundle(folders.bundle_files()?)?;
    let lock = folders.lock()?;
    let history = History::open(&folders.data, keys.tenant.clone())?;
    let found = look(folders, &history, cli.json)?;
    if !cli.json {
        tell(&found.comparison);
    }
    let config = serve::at_rest(folders, &lock, bundle, &args.tenant)?;
    let reason = args.reason.as_deref().unwrap_or_default();
    let token = super::log_keys::token(folders, cli)?;
    let repair = rebuild::write(config, lock, &found, &token, reason).await?;
    let after = look(folders, &history, true)?;
    if cli.json {
        let told =
            json!({ "changed": repair.changed, "receipt": repair.receipt, "after": as_value(&after.comparison) });
        let mut value = as_value(&found.comparison);
        if let Value::Object(parts) = &mut value {
            parts.insert("repair".into(), told);
        }
        output::say_json(&value);
    } else {
        tell_repair(&repair, &after.comparison);
    }
    Ok(exit(&after.comparison))
}

fn exit(comparison: &Comparison) -> Exit {
    if comparison.differs() {
        Exit::Failed
    } else if comparison.is_equal() {
        Exit::Done
    } else {
        Exit::Undetermined
    }
}

fn as_value(comparison: &Comparison) -> Value {
    let shown = Comparison { rows: comparison.rows.iter().take(TOLD_MAX).cloned().collect(), ..comparison.clone() };
    serde_json::to_value(&shown).unwrap_or_default()
}

fn tell(comparison: &Comparison) {
    let Counts { equal, differ, missing, extra, erased } = sum(&comparison.kinds);
    let all = equal + differ + missing + extra + erased;
    let mark = if comparison.is_equal() {
        paint(GOOD, "ok")
    } else if comparison.differs() {
        paint(BAD, "!!")
    } else {
        paint(NOTE, "??")
    };
    let records = comparison.records;
    output::say(format!("{mark} {all} rows rebuilt from {records} records: {equal} equal, {} not", all - equal));
    let head = ["kind", "equal", "differ", "missing", "extra", "erased"].map(|word| paint(FAINT, word));
    let row = |(kind, counts): (&String, &Counts)| {
        let counts = [counts.equal, counts.differ, counts.missing, counts.extra, counts.erased];
        std::iter::once(plain(kind)).chain(counts.map(|count| count.to_string())).collect()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head.to_vec()).chain(comparison.kinds.iter().map(row)).collect();
    output::table(&rows);
    for row in comparison.rows.iter().take(TOLD_MAX) {
        let style = if row.answer == Answer::Erased { NOTE } else { BAD };
        output::say(format!("{}  {} {}", paint(style, row.answer.as_str()), plain(&row.kind), plain(&row.key)));
    }
    for problem in &comparison.problems {
        output::say(format!("{}  record {}: {}", paint(BAD, "does not follow"), problem.index, plain(&problem.why)));
    }
    for (kind, reasons) in &comparison.doubts {
        for (reason, count) in reasons {
            output::say(format!("{}  {kind}: {reason} ({count} records)", paint(NOTE, "not told wholly")));
        }
    }
}

fn sum(kinds: &BTreeMap<String, Counts>) -> Counts {
    kinds.values().fold(Counts::default(), |sum, counts| Counts {
        equal: sum.equal + counts.equal,
        differ: sum.differ + counts.differ,
        missing: sum.missing + counts.missing,
        extra: sum.extra + counts.extra,
        erased: sum.erased + counts.erased,
    })
}

fn tell_repair(repair: &Repair, after: &Comparison) {
    match repair.receipt {
        Some(index) => output::say(format!("{} rows written; record {index} says so", repair.changed)),
        None => output::say("nothing to write"),
    }
    if !after.is_equal() {
        output::tell("What is left as it was can no longer be told, or is nobody's; `countersign rebuild` lists it.");
    }
}

/// What is stored may have been written by anybody.
fn plain(text: &str) -> String {
    types::text::escape(text, false)
}
