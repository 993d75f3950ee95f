//! Where the time of a decision goes: processor time by thread, as Linux counts it.

use std::collections::BTreeMap;
use std::fs;

/// Is the processor time of all threads so far, in nanoseconds, by name of the thread.
pub struct Cpu(BTreeMap<String, u64>);

impl Cpu {
    /// Reads the counters; empty where the system has none.
    pub fn now() -> Self {
        let mut all = BTreeMap::new();
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for task in tasks {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let spent = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let spent: u64 = spent.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default();
            *all.entry(name.trim().to_owned()).or_default() += spent;
        }
        Self(all)
    }

    /// Says what each thread has spent since, in microseconds for each of `count`.
    pub fn since(&self, count: usize) -> String {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        let spent = Self::now().0.into_iter().map(|(name, ns)| {
            let before = self.0.get(&name).copied().unwrap_or_default();
            (name, ns.saturating_sub(before) / count / 100)
        });
        let parts: Vec<String> = spent
            .filter(|(_, tenths)| *tenths > 0)
            .map(|(name, t)| format!("{name} {}.{} µs", t / 10, t % 10))
            .collect();
        parts.join(", ")
    }
}
