//! `countersign replay`: every decision computed again from what was recorded of it.

use control::replay::{Found, decisions};
use replay::{Bundles, Replayed};

use super::Done;
use crate::cli::Replay;
use crate::error::Exit;
use crate::folder::Folders;
use crate::output::{self, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub fn run(folders: &Folders, args: &Replay, as_json: bool) -> Done {
    let history = folders.history_of(args.log.as_deref())?;
    let end = args.to.unwrap_or(u64::MAX).min(history.size()?);
    let bar = output::progress(end.saturating_sub(args.from), as_json);
    let found =
        decisions(&history, Bundles::new(), args.from, end, |next| bar.set_position(next.saturating_sub(args.from)))?;
    bar.finish_and_clear();
    if as_json {
        output::say_json(&serde_json::to_value(&found).unwrap_or_default());
    } else {
        tell(&found);
    }
    Ok(exit(&found))
}

fn exit(found: &Found) -> Exit {
    if found.count("differs") > 0 {
        Exit::Failed
    } else if found.count("equal") == found.decisions {
        Exit::Done
    } else {
        Exit::Undetermined
    }
}

fn tell(found: &Found) {
    let counted: Vec<String> = found.answers.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let all_equal = found.count("equal") == found.decisions;
    let mark = if all_equal { paint(GOOD, "ok") } else { paint(NOTE, "!!") };
    let counted = if counted.is_empty() { "none recorded".to_owned() } else { counted.join(", ") };
    output::say(format!("{mark} {} decisions computed again: {counted}", found.decisions));
    let taken: Vec<String> = found.taken.iter().map(|(who, count)| format!("{} ({count})", plain(who))).collect();
    if !taken.is_empty() {
        output::say(paint(FAINT, format!("   taken as recorded: what {} said", taken.join(", "))));
    }
    for told in &found.told {
        let action = told.action.map(|action| action.to_string()).unwrap_or_default();
        output::say(format!("   {:>6}  {}  {}", told.index, told.replayed.as_str(), paint(FAINT, action)));
        match &told.replayed {
            Replayed::Differs(all) => all.iter().for_each(|why| output::say(format!("           {}", plain(why)))),
            Replayed::Missing(why) | Replayed::Withheld(why) => output::say(format!("           {}", plain(why))),
            Replayed::Equal | Replayed::Erased => {}
        }
    }
}

/// What was recorded may hold what an agent wrote.
fn plain(text: &str) -> String {
    types::text::escape(text, false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn only_what_is_all_equal_is_done() {
        let found = |answers: &[(&'static str, u64)]| Found {
            decisions: answers.iter().map(|(_, count)| count).sum(),
            answers: BTreeMap::from_iter(answers.iter().copied()),
            told: Vec::new(),
            taken: BTreeMap::new(),
        };
        for (answers, expected) in [
            (&[][..], Exit::Done),
            (&[("equal", 3)], Exit::Done),
            (&[("equal", 3), ("erased", 1)], Exit::Undetermined),
            (&[("missing", 1)], Exit::Undetermined),
            (&[("equal", 3), ("erased", 1), ("differs", 1)], Exit::Failed),
        ] {
            assert_eq!(exit(&found(answers)), expected, "{answers:?}");
        }
    }
}
