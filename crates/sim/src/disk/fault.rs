//! Faults of a disk that has power.

use std::cell::Cell;

thread_local! {
    static SPARED: Cell<bool> = const { Cell::new(false) };
}

/// Does something on this thread that no planned fault strikes: what an oracle reads is no operation of the product.
pub fn spare<T>(act: impl FnOnce() -> T) -> T {
    let before = SPARED.replace(true);
    let done = act();
    SPARED.set(before);
    done
}

pub(super) fn is_spared() -> bool {
    SPARED.get()
}

/// Names what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// A read.
    Read,
    /// A write, of which a part may have been taken.
    Write,
    /// A sync: the system says so once, keeps showing what was written, and has forgotten that it is not on the platter.
    Sync,
    /// A write that needs room.
    Full,
    /// Any write, for want of room, as where a file system writes nothing in its place.
    FullAnywhere,
}

/// Is one fault, to come.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// What fails.
    pub fails: Fails,
    /// After how many that succeed.
    pub after: u64,
    /// How many fail in a row; the disk is well afterwards.
    pub times: u64,
    /// The process is killed at the first of them, before it can do anything about it.
    pub kills: bool,
}

impl Fault {
    /// Says whether this one fails, and counts it.
    pub(crate) fn strikes(&mut self, op: Fails) -> bool {
        if op != self.fails || self.times == 0 {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
