//! What the handles of one file share while a process lives: SQLite's locks, and the memory of its write-ahead index.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Is how far a handle has locked a file, in SQLite's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

/// Is what a handle holds of the slots of the shared memory, a bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Slots {
    shared: u32,
    exclusive: u32,
}

#[derive(Debug, Default)]
struct Held {
    levels: BTreeMap<u64, Level>,
    slots: BTreeMap<u64, Slots>,
    regions: Vec<Box<[AtomicU64]>>,
}

/// Is shared by all handles of one file in one life of the process.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<Held>);

impl Locks {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Raises a handle's lock; false if another is in the way.
    pub(crate) fn raise(&self, handle: u64, to: Level) -> bool {
        let mut held = self.held();
        let own = held.levels.get(&handle).copied().unwrap_or(Level::None);
        let others = held.levels.iter().filter(|(id, _)| **id != handle).map(|(_, level)| *level).max();
        let others = others.unwrap_or(Level::None);
        let got = match to {
            _ if to <= own => return true,
            Level::None | Level::Shared => (others < Level::Pending).then_some(Level::Shared),
            Level::Reserved => (others < Level::Reserved).then_some(Level::Reserved),
            // Readers that come later wait from now on, whether or not those that are there have left.
            Level::Pending | Level::Exclusive if others == Level::None => Some(Level::Exclusive),
            Level::Pending | Level::Exclusive => (others < Level::Reserved).then_some(Level::Pending),
        };
        if let Some(level) = got {
            held.levels.insert(handle, level);
        }
        got.is_some_and(|level| level >= to)
    }

    /// Lowers a handle's lock.
    pub(crate) fn lower(&self, handle: u64, to: Level) {
        let mut held = self.held();
        if to == Level::None {
            held.levels.remove(&handle);
        } else {
            held.levels.insert(handle, to);
        }
    }

    /// Returns true if somebody means to write.
    pub(crate) fn is_reserved(&self) -> bool {
        self.held().levels.values().any(|level| *level >= Level::Reserved)
    }

    /// Takes slots of the shared memory; false if another is in the way.
    pub(crate) fn take_slots(&self, handle: u64, mask: u32, exclusive: bool) -> bool {
        let mut held = self.held();
        let in_way = held.slots.iter().filter(|(id, _)| **id != handle).any(|(_, slots)| {
            let conflicting = if exclusive { slots.shared | slots.exclusive } else { slots.exclusive };
            conflicting & mask != 0
        });
        if !in_way {
            let own = held.slots.entry(handle).or_default();
            *(if exclusive { &mut own.exclusive } else { &mut own.shared }) |= mask;
        }
        !in_way
    }

    /// Gives slots back.
    pub(crate) fn give_slots(&self, handle: u64, mask: u32) {
        if let Some(own) = self.held().slots.get_mut(&handle) {
            own.shared &= !mask;
            own.exclusive &= !mask;
        }
    }

    /// Returns where a region of the shared memory is, making it if that is wanted; null if there is none.
    pub(crate) fn region(&self, n: usize, bytes: usize, make: bool) -> *const AtomicU64 {
        let mut held = self.held();
        while make && held.regions.len() <= n {
            held.regions.push((0..bytes / 8).map(|_| AtomicU64::new(0)).collect());
        }
        held.regions.get(n).map_or(std::ptr::null(), |region| region.as_ptr())
    }

    /// Forgets a handle.
    pub(crate) fn leave(&self, handle: u64) {
        let mut held = self.held();
        held.levels.remove(&handle);
        held.slots.remove(&handle);
    }
}
