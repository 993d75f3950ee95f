//! What is stored is what the records make of it, row by row, and so is what decisions read of it: after a run, and after
//! each crash in it.

use control::rebuild;
use replay::Bundles;

use super::super::rules;
use super::super::stage::Stage;
use crate::disk::spare;

thread_local! {
    static BUNDLES: Bundles = {
        let mut bundles = Bundles::new();
        rules::bundles().iter().for_each(|bundle| bundles.add(bundle.files().clone()));
        bundles
    };
}

/// Rebuilds everything that is kept from the records and holds it against what is stored, and computes every decision
/// again with the facts it read of that.
pub fn judge(stage: &Stage, wrong: &mut Vec<String>) {
    let (history, now) = (stage.control.history(), stage.control.now());
    let bundles = BUNDLES.with(Bundles::clone);
    let found = spare(|| rebuild::look(history, bundles.clone(), now, |_| {})).unwrap().comparison;
    for row in &found.rows {
        wrong.push(format!("the stored {} `{}` {}", row.kind, row.key, row.answer.as_str()));
    }
    for problem in &found.problems {
        wrong.push(format!("record {} does not follow upon those before it: {}", problem.index, problem.why));
    }
    for (kind, why) in &found.doubts {
        wrong.push(format!("{kind} cannot be told: {why:?}"));
    }
    let again = spare(|| control::replay::decisions(history, bundles, 0, u64::MAX, |_| {})).unwrap();
    for told in &again.told {
        wrong.push(format!("record {} replays as {:?}", told.index, told.replayed));
    }
}
