//! What all processes of a server spend and hold, as Linux counts it.

use std::collections::BTreeSet;
use std::fs;

/// Is a tick in which the kernel tells processor time, in milliseconds.
const TICK_MS: u64 = 10;

/// Is a process with all that it has started.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    leader: u32,
}

/// Is what the processes hold, in kilobytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Each page by its share, where several processes have it.
    pub shared: u32,
    /// Each page in each process.
    pub resident: u32,
    /// How many processes there are.
    pub processes: u32,
}

/// Is one line of a process's counters.
struct Stat {
    id: u32,
    parent: u32,
    group: u32,
    /// Is its own time and that of its children that have ended, in ticks.
    ticks: u64,
}

impl Stat {
    fn read(id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // A name may hold blanks and parentheses; what follows the last one does not.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
        Some(Self { id, parent: number(1)?.try_into().ok()?, group: number(2)?.try_into().ok()?, ticks })
    }
}

impl Family {
    /// Is the family of a process that leads a group of its own.
    pub fn of(leader: u32) -> Self {
        Self { leader }
    }

    /// Returns those that live: of the group, and below any of them.
    fn members(self) -> Vec<Stat> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut all: Vec<Stat> = ids.filter_map(Stat::read).collect();
        let mut inside: BTreeSet<u32> =
            all.iter().filter(|stat| stat.group == self.leader).map(|stat| stat.id).collect();
        loop {
            let more: Vec<u32> = all
                .iter()
                .filter(|stat| inside.contains(&stat.parent) && !inside.contains(&stat.id))
                .map(|stat| stat.id)
                .collect();
            if more.is_empty() {
                break;
            }
            inside.extend(more);
        }
        all.retain(|stat| inside.contains(&stat.id));
        all
    }

    /// Returns the processor time of all of them so far, in milliseconds.
    pub fn cpu_ms(self) -> u64 {
        self.members().iter().map(|stat| stat.ticks * TICK_MS).sum()
    }

    /// Says whether any of them lives.
    pub fn lives(self) -> bool {
        !self.members().is_empty()
    }

    /// Returns what they hold.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn memory(self) -> Result<Memory, String> {
        let mut memory = Memory::default();
        for Stat { id, .. } in self.members() {
            // One that has just ended holds nothing.
            let Ok(text) = fs::read_to_string(format!("/proc/{id}/smaps_rollup")) else { continue };
            memory.shared += kilobytes(&text, "Pss:").ok_or("the kernel tells no shares of memory")?;
            memory.resident += kilobytes(&text, "Rss:").ok_or("the kernel tells no resident memory")?;
            memory.processes += 1;
        }
        Ok(memory)
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
