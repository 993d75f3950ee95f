//! Schedules: one seed is one, and is the same each time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use ledger::History;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, Runner};
use store::memory::{self, Journal};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use types::SessionId;
use types::case::Case;

use crate::fold::Fold;
use crate::oracle;
use crate::scenes::{SCENES, Scene};
use crate::step;
use crate::world::{World, journal, tenant};

/// Is how much stack a thread of a schedule has, in bytes. What asks the policy needs most of it.
const STACK_BYTES: usize = 2 << 20;

/// Is at how many of its choices a schedule of priorities lets the thread that runs fall behind all others.
const FALLS: usize = 4;

/// Is within how many choices those lie; a race takes about as many.
const CHOICES: usize = 400;

/// Is how many schedules a thread of the machine takes at a time.
const AT_ONCE: u64 = 100;

/// Says how often everybody was told what.
pub type Counts = BTreeMap<String, u64>;

/// Is what a run with violations says of one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The seed of the schedule.
    pub seed: u64,
    /// What was wrong.
    pub what: String,
}

/// Is a sequence of numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.draw() % n as u64).unwrap()
    }
}

thread_local! {
    /// The seed whose schedule runs on this thread.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// Decides which thread goes on. Schedules of even seeds draw at every step; those of odd seeds keep to priorities, which
/// change a few times, and so find what needs one thread to be late by much.
struct Seeds {
    next: u64,
    end: u64,
    dice: Dice,
    /// The priority of each thread that was seen; the lowest goes on.
    priorities: BTreeMap<usize, u64>,
    falls: Vec<usize>,
    choices: usize,
}

impl Seeds {
    fn of(from: u64, to: u64) -> Self {
        Self { next: from, end: to, dice: Dice(0), priorities: BTreeMap::new(), falls: Vec::new(), choices: 0 }
    }

    fn first(&mut self, runnable: &[&Task], current: Option<TaskId>) -> TaskId {
        self.choices += usize::from(runnable.len() > 1);
        if let Some(current) = current.filter(|_| self.falls.contains(&self.choices)) {
            self.priorities.insert(current.into(), u64::MAX / 2 + self.choices as u64);
        }
        for task in runnable {
            let priority = self.dice.draw() / 4;
            self.priorities.entry(task.id().into()).or_insert(priority);
        }
        runnable.iter().map(|task| task.id()).min_by_key(|id| self.priorities[&usize::from(*id)]).unwrap()
    }
}

impl Scheduler for Seeds {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.next == self.end {
            return None;
        }
        let seed = self.next;
        SEED.set(seed);
        self.next += 1;
        self.dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        self.priorities.clear();
        self.choices = 0;
        self.falls = (0..FALLS).map(|_| 1 + self.dice.below(CHOICES)).collect();
        Some(Schedule::new(seed))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _is_yielding: bool) -> Option<TaskId> {
        if SEED.get() % 2 == 1 {
            return Some(self.first(runnable, current));
        }
        Some(runnable[self.dice.below(runnable.len())].id())
    }

    fn next_u64(&mut self) -> u64 {
        self.dice.draw()
    }
}

/// Is what is there before each schedule of a scene.
struct Base {
    journal: Journal,
    fold: Fold,
    ms: i64,
    session: SessionId,
    cases: Vec<Case>,
}

/// Runs something under the scheduler, with seeds `from..to`.
fn run(from: u64, to: u64, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let _entered = timeless().enter();
    Runner::new(Seeds::of(from, to), config).run(body);
}

/// Returns a runtime that nothing drives, so that what waits for time to pass waits for ever. It is never dropped, which
/// would wake those who wait in a schedule that has failed.
fn timeless() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap())
}

/// A folder in memory where the system has one: nothing of the journal is in it, but a lock.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Makes what is there before each schedule of a scene, once per process.
fn base(scene: Scene) -> Arc<Base> {
    static ALL: OnceLock<[OnceLock<Arc<Base>>; SCENES.len()]> = OnceLock::new();
    let bases = ALL.get_or_init(Default::default);
    bases[scene as usize].get_or_init(|| Arc::new(prepare(scene))).clone()
}

fn prepare(scene: Scene) -> Base {
    let folder = folder();
    let (path, made) = (folder.path().to_owned(), Arc::new(Mutex::new(None)));
    let out = made.clone();
    run(0, 1, move || {
        let world = World::open(&path, 0, scene.bundle(), None);
        shuttle::future::block_on(scene.prepare(&world));
        let mut journal = memory::copy(&journal(&path));
        journal.pause = Some(step);
        let mut cases = world.control.cases();
        cases.sort_by_key(|case| case.opened_in);
        *out.lock().unwrap() = Some(Base {
            journal,
            fold: fold(&path, Fold::default()).unwrap(),
            ms: world.clock.passed(),
            session: world.session(),
            cases,
        });
    });
    let base = made.lock().unwrap().take();
    base.unwrap()
}

/// Folds what the journal of a folder holds more than a fold of it.
fn fold(folder: &Path, mut fold: Fold) -> Result<Fold, String> {
    let history = History::open(&folder.join("data"), tenant()).unwrap();
    let wrong = fold.take(&history.range(fold.size, u64::MAX >> 1).unwrap());
    if wrong.is_empty() { Ok(fold) } else { Err(wrong.join("\n")) }
}

/// Runs one schedule of a scene, and counts what came of it.
fn race(scene: Scene, base: &Base, folder: &Path, counts: &Mutex<Counts>) {
    memory::put(&journal(folder), base.journal.clone());
    // What the schedule before has acknowledged is not in this one's journal.
    let _ = std::fs::remove_dir_all(folder.join("head"));
    let world = World::open(folder, base.ms, scene.bundle(), Some(base.session));
    for thread in scene.begin(&world, &base.cases) {
        thread.join().unwrap();
    }
    let (notes, broken) = (world.notes.clone(), world.control.health().broken);
    drop(world);
    assert!(broken.is_none(), "an invariant is broken: {broken:?}");
    let wrong = match fold(folder, base.fold.clone()) {
        Ok(fold) => oracle::judge(&fold, &notes.open()),
        Err(wrong) => vec![wrong],
    };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut counts = counts.lock().unwrap();
    for event in &notes.open().events {
        *counts.entry(event.told.short()).or_default() += 1;
    }
}

/// Runs the schedules of seeds `from..to` of a scene on this thread; stops at the first that is wrong.
fn run_some(scene: Scene, from: u64, to: u64, folder: &Path, counts: &Arc<Mutex<Counts>>) -> Result<(), Wrong> {
    let (base, path, counts) = (base(scene), folder.to_owned(), counts.clone());
    let body = move || race(scene, &base, &path, &counts);
    catch_unwind(AssertUnwindSafe(|| run(from, to, body))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Wrong { seed: SEED.get(), what: text.unwrap_or_else(|| "it could not go on".into()) }
    })
}

/// Runs the schedules of seeds `from..to` of a scene on some threads of the machine, and returns what everybody was told
/// how often. It stops soon after one is wrong.
///
/// # Errors
///
/// What was wrong, and with which seed: of several the lowest.
pub fn run_all(scene: Scene, from: u64, to: u64, threads: usize) -> Result<Counts, Wrong> {
    let (next, wrong, counts) = (AtomicU64::new(from), Mutex::new(Vec::new()), Arc::<Mutex<Counts>>::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let folder = folder();
                loop {
                    let begin = next.fetch_add(AT_ONCE, Ordering::SeqCst);
                    if begin >= to || !wrong.lock().unwrap().is_empty() {
                        return;
                    }
                    let ran = run_some(scene, begin, to.min(begin + AT_ONCE), folder.path(), &counts);
                    wrong.lock().unwrap().extend(ran.err());
                }
            });
        }
    });
    let first = wrong.into_inner().unwrap().into_iter().min_by_key(|wrong| wrong.seed);
    let counts = counts.lock().unwrap().clone();
    first.map_or(Ok(counts), Err)
}
