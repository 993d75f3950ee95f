//! Runs seeds: one after the other on each thread, and several threads beside each other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::coverage::Coverage;
use super::oracle;
use super::player::Player;
use crate::apart;

/// Is how many things happen in a run before it ends.
const STEPS: usize = 45;

/// Is what a seed came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// What it went through.
    pub coverage: Coverage,
    /// The digest of its whole journal, so that two runs of a seed can be held against each other.
    pub journal: String,
}

impl Played {
    /// Returns it as it is told to another process.
    pub fn told(self) -> apart::Played {
        apart::Played { seed: self.seed, wrong: self.wrong, digest: self.journal, counts: self.coverage.by_kind() }
    }
}

/// Plays one seed.
pub fn play(seed: u64) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // Time stands still unless the run moves it: as long as this waits, the runtime does not skip to the next timer.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || ended.recv().is_ok());
    let played = runtime.block_on(async {
        let mut player = Player::open(seed).await;
        for _ in 0..STEPS {
            player.play().await;
        }
        player.end().await;
        oracle::judge(seed, &mut player)
    });
    drop(end);
    runtime.shutdown_background();
    played
}

/// Plays one seed; that it cannot go on is wrong too.
pub fn play_or_tell(seed: u64) -> Played {
    std::panic::catch_unwind(|| play(seed)).unwrap_or_else(|why| {
        let text = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
        let wrong = vec![format!("the run could not go on: {}", text.unwrap_or("what stopped it stands above"))];
        Played { seed, wrong, coverage: Coverage::default(), journal: String::new() }
    })
}

/// Plays seeds `from..to` on some threads; stops early once one is wrong, if asked to.
///
/// Returns what was wrong, in order of seed, and what all of them went through.
pub fn play_all(from: u64, to: u64, threads: usize, stop_early: bool) -> (Vec<Played>, Coverage, u64) {
    let (next, wrong) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    let (coverage, count) = (Mutex::new(Coverage::default()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= to || (stop_early && !wrong.lock().unwrap().is_empty()) {
                        return;
                    }
                    let played = play_or_tell(seed);
                    count.fetch_add(1, Ordering::SeqCst);
                    coverage.lock().unwrap().add(played.coverage.clone());
                    if !played.wrong.is_empty() {
                        wrong.lock().unwrap().push(played);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort_by_key(|played| played.seed);
    (wrong, coverage.into_inner().unwrap(), count.into_inner())
}
