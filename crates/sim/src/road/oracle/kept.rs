//! What is stored is what the records make of it, row by row: after a run, and after each crash in it.

use control::rebuild;

use super::super::rules;
use super::super::stage::Stage;

/// Rebuilds everything that is kept from the records and holds it against what is stored.
pub fn judge(stage: &Stage, wrong: &mut Vec<String>) {
    let (kept, first) = (&stage.control, rules::bundles()[0].files().clone());
    let found = rebuild::look(kept.history(), Some(first), kept.now(), |_| {}).unwrap().comparison;
    let again = control::replay::decisions(kept.history(), 0, u64::MAX, |_| {}).unwrap();
    for told in &again.told {
        wrong.push(format!("record {} replays as {:?}", told.index, told.replayed));
    }
    for row in &found.rows {
        wrong.push(format!("the stored {} `{}` {}", row.kind, row.key, row.answer.as_str()));
    }
    for problem in &found.problems {
        wrong.push(format!("record {} does not follow upon those before it: {}", problem.index, problem.why));
    }
    for (kind, why) in &found.doubts {
        wrong.push(format!("{kind} cannot be told: {why:?}"));
    }
}
