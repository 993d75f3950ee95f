//! A disk that forgets: what was not synced is dropped, kept, torn or reordered when the power goes.
//!
//! The disk is deterministic in the order of its operations. A process that uses it has a *life*; a kill or a loss of power
//! ends it, and every handle of that life is dead, whatever threads still hold it.

pub mod fault;
mod handle;
mod inode;
mod locks;
mod mount;
mod names;
mod registry;
mod rot;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

pub use fault::{Fails, Fault, spare};
pub(crate) use handle::{Handle, Open};
pub(crate) use locks::Level;
pub use mount::Mount;
pub(crate) use registry::disk_of;
pub(crate) use rot::Flip;

use crate::counts::Counts;
use crate::rng::Rng;
use inode::Inode;
use locks::Locks;
use names::{Ino, Names, Node};

/// Says why a disk does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DiskError {
    #[error("the power is gone, or the process is dead")]
    Off,
    #[error("there is no such name")]
    Missing,
    #[error("the name is taken")]
    Exists,
    #[error("the device failed")]
    Failed,
    #[error("there is no room")]
    Full,
}

/// Is a simulated disk, mounted at a folder of its own.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    state: Mutex<State>,
    gate: Condvar,
}

/// Is where a sync waits until it is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed { waiting: bool },
}

#[derive(Debug)]
struct State {
    rng: Rng,
    names: Names,
    inodes: BTreeMap<Ino, Inode>,
    locks: BTreeMap<Ino, Weak<Locks>>,
    folders: BTreeMap<PathBuf, Weak<()>>,
    numbers: u64,
    life: u64,
    on: bool,
    lose_after: Option<u64>,
    fault: Option<Fault>,
    gate: Gate,
    counts: Counts,
    trace: u64,
}

impl Disk {
    /// Makes an empty disk, whose chance is this seed, at `/disk-N`.
    pub fn new(seed: u64) -> Arc<Self> {
        registry::register(|root| {
            let state = State::of(seed, Names::new(&root), BTreeMap::new());
            Self { root, state: Mutex::new(state), gate: Condvar::new() }
        })
    }

    /// Makes a disk that holds what another holds, whose chance is this seed.
    pub fn like(other: &Self, seed: u64) -> Arc<Self> {
        registry::register(|root| {
            let there = other.state();
            let names = there.names.under(&other.root, &root);
            let state = State { numbers: there.numbers, ..State::of(seed, names, there.inodes.clone()) };
            Self { root, state: Mutex::new(state), gate: Condvar::new() }
        })
    }

    /// Returns the folder it is mounted at.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what has happened to it so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Returns a number that depends on every operation so far and on their order.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// Says whether the power is on and no kill was seen since [`Disk::power_on`].
    pub fn is_on(&self) -> bool {
        self.state().on
    }

    /// Loses the power after so many more operations that change something.
    pub fn lose_after(&self, operations: u64) {
        self.state().lose_after = Some(operations);
    }

    /// Loses the power now, unless it is off already.
    pub fn lose(&self) {
        let mut state = self.state();
        if state.on {
            state.lose();
        }
        self.gate.notify_all();
    }

    /// Ends the process; what the system has in memory stays.
    pub fn kill(&self) {
        let mut state = self.state();
        if state.on {
            state.counts.kills += 1;
            state.end_life();
        }
        self.gate.notify_all();
    }

    /// Lets the next process begin. Every thread of the last one MUST have ended.
    pub fn power_on(&self) {
        self.state().on = true;
    }

    /// Plans a fault, in place of the one that was planned.
    pub fn plan(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Gives up every loss and fault that was planned.
    pub fn calm(&self) {
        let mut state = self.state();
        (state.lose_after, state.fault) = (None, None);
    }

    /// Stops the next sync where it is, until [`Disk::open_gate`].
    pub fn close_gate(&self) {
        self.state().gate = Gate::Closed { waiting: false };
    }

    /// Says whether a sync waits at the gate.
    pub fn is_at_gate(&self) -> bool {
        self.state().gate == Gate::Closed { waiting: true }
    }

    /// Lets syncs through.
    pub fn open_gate(&self) {
        self.state().gate = Gate::Open;
        self.gate.notify_all();
    }

    fn wait_at_gate(&self, life: u64) {
        let mut state = self.state();
        while matches!(state.gate, Gate::Closed { .. }) && state.is_alive(life).is_ok() {
            state.gate = Gate::Closed { waiting: true };
            state = self.gate.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn of(seed: u64, names: Names, inodes: BTreeMap<Ino, Inode>) -> Self {
        Self {
            rng: Rng::new(seed),
            names,
            inodes,
            locks: BTreeMap::new(),
            folders: BTreeMap::new(),
            numbers: 0,
            life: 0,
            on: true,
            lose_after: None,
            fault: None,
            gate: Gate::Open,
            counts: Counts::default(),
            trace: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn is_alive(&self, life: u64) -> Result<(), DiskError> {
        if self.on && self.life == life { Ok(()) } else { Err(DiskError::Off) }
    }

    fn end_life(&mut self) {
        self.on = false;
        self.life += 1;
        self.lose_after = None;
        self.fault = None;
        self.gate = Gate::Open;
        self.locks.clear();
        self.folders.clear();
    }

    fn lose(&mut self) {
        let (mut rng, mut counts) = (self.rng.split(), self.counts);
        counts.losses += 1;
        for inode in self.inodes.values_mut() {
            inode.lose(&mut rng, &mut counts);
        }
        self.names.lose(&mut rng, &mut counts);
        self.counts = counts;
        self.end_life();
    }

    /// Counts an operation that changes something, and loses the power if its time has come.
    fn tick(&mut self, operation: &str, about: [u64; 3]) -> Result<(), DiskError> {
        for word in operation.bytes().map(u64::from).chain(about) {
            self.trace = (self.trace.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        match &mut self.lose_after {
            Some(0) => {
                self.lose();
                Err(DiskError::Off)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn strikes(&mut self, op: Fails) -> bool {
        let strikes = !fault::is_spared() && self.fault.as_mut().is_some_and(|fault| fault.strikes(op));
        if strikes {
            if self.fault.is_some_and(|fault| fault.kills) {
                self.counts.kills += 1;
                self.end_life();
            }
            let counts = &mut self.counts;
            let count = match op {
                Fails::Read => &mut counts.faults_read,
                Fails::Write => &mut counts.faults_write,
                Fails::Sync => &mut counts.faults_sync,
                Fails::Full | Fails::FullAnywhere => &mut counts.faults_full,
            };
            *count += 1;
        }
        strikes
    }

    fn file(&self, path: &Path) -> Result<Ino, DiskError> {
        match self.names.get(path) {
            Some(Node::File(ino)) => Ok(ino),
            Some(Node::Folder) => Err(DiskError::Exists),
            None => Err(DiskError::Missing),
        }
    }

    /// Makes an empty file in place of what has the name.
    fn create(&mut self, path: &Path) -> Result<Ino, DiskError> {
        if !self.names.has_parent(path) {
            return Err(DiskError::Missing);
        }
        if self.strikes(Fails::Full) {
            return Err(DiskError::Full);
        }
        let ino = self.number();
        self.inodes.insert(ino, Inode::default());
        self.names.bind(path, Node::File(ino));
        self.tick("create", [ino, 0, 0])?;
        Ok(ino)
    }

    fn read(&mut self, ino: Ino) -> Result<&[u8], DiskError> {
        if self.strikes(Fails::Read) {
            return Err(DiskError::Failed);
        }
        self.inodes.get(&ino).map(Inode::bytes).ok_or(DiskError::Missing)
    }

    fn write(&mut self, ino: Ino, at: usize, bytes: &[u8]) -> Result<(), DiskError> {
        let inode = self.inodes.get(&ino).ok_or(DiskError::Missing)?;
        let error = match () {
            () if at + bytes.len() > inode.bytes().len() && self.strikes(Fails::Full) => Some(DiskError::Full),
            () if self.strikes(Fails::FullAnywhere) => Some(DiskError::Full),
            () if self.strikes(Fails::Write) => Some(DiskError::Failed),
            () => None,
        };
        let taken = if error.is_some() { self.rng.place(bytes.len()) } else { bytes.len() };
        let bytes = bytes.get(..taken).unwrap_or_default();
        if let (Some(inode), false) = (self.inodes.get_mut(&ino), bytes.is_empty()) {
            inode.write(at, bytes);
        }
        let ends = bytes.iter().take(8).chain(bytes.iter().rev().take(8));
        let ends = ends.fold(0u64, |sum, byte| sum.rotate_left(7) ^ u64::from(*byte));
        self.tick("write", [ino, at as u64, ends ^ bytes.len() as u64])?;
        error.map_or(Ok(()), Err)
    }

    fn resize(&mut self, ino: Ino, len: usize) -> Result<(), DiskError> {
        self.inodes.get_mut(&ino).ok_or(DiskError::Missing)?.resize(len);
        self.tick("resize", [ino, len as u64, 0])
    }

    fn sync(&mut self, ino: Ino) -> Result<(), DiskError> {
        self.tick("sync", [ino, 0, 0])?;
        let failed = self.strikes(Fails::Sync);
        let mut rng = self.rng.split();
        let inode = self.inodes.get_mut(&ino).ok_or(DiskError::Missing)?;
        if failed {
            inode.fail_sync(&mut rng);
            return Err(DiskError::Failed);
        }
        inode.sync();
        Ok(())
    }

    fn sync_folder(&mut self, folder: &Path) -> Result<(), DiskError> {
        if self.names.get(folder) != Some(Node::Folder) {
            return Err(DiskError::Missing);
        }
        self.tick("sync folder", [0; 3])?;
        if self.strikes(Fails::Sync) {
            return Err(DiskError::Failed);
        }
        self.names.sync(folder);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<(), DiskError> {
        if self.names.get(path).is_none() {
            return Err(DiskError::Missing);
        }
        self.names.unbind(path);
        self.tick("remove", [0; 3])
    }
}
