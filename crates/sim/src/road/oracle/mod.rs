//! What must hold, judged from the journal, the server's own book and what everybody saw; never by asking the application.

mod approvals;
mod budgets;
pub(crate) mod effects;
pub(crate) mod invariants;
pub mod kept;
pub(crate) mod records;

use types::{Digest, Verdict};

use super::journal::decided;
use super::player::Player;
use super::seeds::Played;

/// Judges a run that has ended.
pub fn judge(seed: u64, player: &mut Player) -> Played {
    let mut wrong = std::mem::take(&mut player.trace.wrong);
    let mut book = player.stage.upstream.book();
    let mut mirror = book.mirror.take().unwrap();
    drop(book);
    mirror.pull();
    invariants::judge(&player.stage.control, &mut wrong);
    kept::judge(&player.stage, &mut wrong);
    let fold = records::Fold::over(&mirror.entries, &mut wrong);
    effects::judge(&player.stage.upstream.book(), &player.trace, &fold, &mut wrong);
    let mut coverage = std::mem::take(&mut player.coverage);
    let mut all = Vec::new();
    for entry in &mirror.entries {
        all.extend_from_slice(&entry.bytes);
        coverage.count("records", entry.leaf.kind.as_str());
        if let Some((_, decision)) = decided(entry) {
            coverage.count("verdicts", word(&decision.verdict));
        }
    }
    for effect in book_effects(player) {
        coverage.count("effects", effect);
    }
    let disk = player.stage.disk.counts();
    for (name, count) in [
        ("losses of power", disk.losses),
        ("kills", disk.kills),
        ("reads failed", disk.faults_read),
        ("writes failed", disk.faults_write),
        ("syncs failed", disk.faults_sync),
        ("no room", disk.faults_full),
        ("writes dropped", disk.writes_dropped),
        ("writes torn", disk.writes_torn),
        ("writes reordered", disk.writes_reordered),
    ] {
        coverage.count_many("disk", name, count);
    }
    Played { seed, wrong, coverage, journal: Digest::plain(&all).to_string() }
}

fn word(verdict: &Verdict) -> &'static str {
    verdict.as_str()
}

fn book_effects(player: &Player) -> Vec<String> {
    let book = player.stage.upstream.book();
    book.effects.iter().map(|effect| book.arrivals[*effect].tool.clone()).collect()
}
