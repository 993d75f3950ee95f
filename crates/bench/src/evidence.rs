//! What a stranger and a restart cost: the whole log checked, decisions computed again, one action's bundle, recovery.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::evidence::{Archive, Content, Field, Leaf, RecordKind, Trust};
use control::Control;
use control::export::{Order, custody, when_published};
use control::rebuild;
use control::replay::decisions;
use ledger::recover::{Open, Place, open};
use ledger::{Draft, Machine, StateSource, Turn};
use replay::{Bundles, Replayed};
use types::{ActionId, Millis};

use crate::measure::{self, Summary, line};
use crate::{published, workload};

/// Is how many decisions are computed again.
const DECISIONS: u64 = 20_000;

/// Is how many records the journal has that is recovered.
const RECOVERED: u64 = 1_000_000;

/// Is how many of them are recorded in one turn.
const IN_A_TURN: u64 = 1_000;

/// Words an error.
pub(crate) fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Words a count and what it took.
pub(crate) fn rate(count: u64, took: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a count of records is far below 2^52")]
    let per_second = count as f64 / took.as_secs_f64().max(1e-9);
    format!("{count} in {:.2} s  {per_second:>9.0}/s", took.as_secs_f64())
}

/// Measures everything on the journal of an application that has decided enough; `go` is a program that checks a log by Go.
///
/// # Errors
///
/// What the application or its journal says, and a decision that does not come out equal.
pub async fn all(control: &Arc<Control>, folder: &Path, go: Option<&str>) -> Result<(), String> {
    while control.size() < DECISIONS {
        let tasks: Vec<_> = (0..64).map(|n| tokio::spawn(some(control.clone(), n))).collect();
        for task in tasks {
            task.await.map_err(text)??;
        }
    }
    control.publish().map_err(text)?;
    again(control)?;
    bundle(control).await?;
    recovery(folder, go).await
}

async fn some(control: Arc<Control>, caller: u32) -> Result<(), String> {
    for _ in 0..50 {
        let wish = workload::wish(caller % workload::AGENTS, "bench.read_item")?;
        control.decide_once(wish, false).await.map_err(|refusal| refusal.message)?;
    }
    Ok(())
}

/// Computes decisions again: from contents at hand, and through `countersign replay`, which reads and opens them first.
fn again(control: &Arc<Control>) -> Result<(), String> {
    let entries = control.history().range(0, DECISIONS).map_err(text)?;
    let mut bundles = Bundles::new();
    bundles.add(control.config().bundle.files().clone());
    let decided: Vec<(Leaf, Content)> = entries
        .into_iter()
        .filter(|entry| entry.leaf.kind == RecordKind::Decided)
        .filter_map(|entry| Some((entry.leaf, entry.content?)))
        .collect();
    let begun = measure::now();
    let equal = decided
        .iter()
        .filter(|(leaf, content)| replay::record(leaf, Some(content), &bundles) == Replayed::Equal)
        .count();
    let took = measure::since(begun);
    if equal != decided.len() {
        return Err(format!("{equal} of {} decisions came out equal", decided.len()));
    }
    line("decisions computed again, one core", &rate(equal as u64, took));
    let begun = measure::now();
    let found =
        decisions(control.history(), Bundles::new(), 0, DECISIONS, |_| ()).map_err(|refusal| refusal.message)?;
    line("  read, opened, and their facts counted", &rate(found.decisions, measure::since(begun)));
    rebuilt(control, bundles)
}

/// Rebuilds everything that is kept from the records, and holds it against what is stored.
fn rebuilt(control: &Arc<Control>, bundles: Bundles) -> Result<(), String> {
    let begun = measure::now();
    let found = rebuild::look(control.history(), bundles, control.now(), |_| ()).map_err(|refusal| refusal.message)?;
    if !found.comparison.is_equal() {
        return Err(format!("{:?} did not come out equal", found.comparison.rows));
    }
    line("records rebuilt from and compared, one core", &rate(found.comparison.records, measure::since(begun)));
    Ok(())
}

/// Measures the bundle of one action: its size, and how long it takes to verify.
async fn bundle(control: &Arc<Control>) -> Result<(), String> {
    let mut entries = control.history().range(control.size().saturating_sub(100), control.size()).map_err(text)?;
    let action: ActionId = entries.pop().and_then(|entry| entry.leaf.action).ok_or("nothing was decided")?;
    let key = control.config().place.keys.log.verifier();
    for (name, with_policy) in [("without its policy", false), ("with it", true)] {
        let order = Order { with_policy, ..Order::of(action, custody("bench", Millis(0))) };
        let archive = when_published(control.history(), &key, &order).await.map_err(|refusal| refusal.message)?;
        let bytes = archive.to_bytes().map_err(text)?;
        let trust = Trust::Key(key.clone());
        let summary = Summary::of(20, || {
            if let Ok(archive) = Archive::from_bytes(&bytes) {
                std::hint::black_box(replay::archive(&archive, &trust, Bundles::new()));
            }
        });
        line(&format!("one action's evidence, {name}: {} bytes", bytes.len()), &summary.to_string());
    }
    Ok(())
}

/// Fills a journal and nothing else.
struct Filler;

impl Machine for Filler {
    type Command = u64;
    type Reply = ();
    type Authority = ();
    type Seed = ();

    fn load((): &(), _: &dyn StateSource) -> Result<Self, String> {
        Ok(Self)
    }

    fn apply(&mut self, count: u64, turn: &mut Turn<'_>) -> ((), Option<()>) {
        for n in 0..count {
            let content = Content::about(vec!["agent:a".into()]).with(Field::Body, &n);
            turn.record(Draft::new(RecordKind::Heartbeat, content));
        }
        ((), None)
    }
}

/// Measures how long a journal of a million records takes to open, and to be checked as a stranger checks it.
async fn recovery(folder: &Path, go: Option<&str>) -> Result<(), String> {
    let place = workload::place(&folder.join("large"))?;
    fill(&place).await?;
    let begun = measure::now();
    let again: Open<Filler> = open(&place, ()).map_err(text)?;
    again.ledger.ask(1).await.map_err(text)?;
    line("a journal recovers, to its first answer", &rate(RECOVERED, measure::since(begun)));
    drop(again);
    published::check(&place, go)
}

async fn fill(place: &Place) -> Result<(), String> {
    let mut opened: Open<Filler> = open(place, ()).map_err(text)?;
    for _ in 0..RECOVERED / IN_A_TURN {
        opened.ledger.ask(IN_A_TURN).await.map_err(text)?;
    }
    opened.publisher.publish().map_err(text)?;
    drop(opened.ledger);
    opened.thread.join().map_err(|_| "the sequencer panicked".to_owned())
}
