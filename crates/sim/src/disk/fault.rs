//! Faults of a disk that has power.

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
