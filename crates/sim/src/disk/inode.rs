//! A file's bytes: those on the platter, those the system shows, and the writes between the two.

use crate::counts::Counts;
use crate::rng::Rng;

/// Is what a disk writes at once, in bytes: the unit in which a write tears.
pub const SECTOR: usize = 512;

/// Is a change the system has taken and not yet synced.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// Is a file without a name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inode {
    durable: Vec<u8>,
    cached: Vec<u8>,
    unsynced: Vec<Change>,
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(there) = bytes.get_mut(at..end) {
        there.copy_from_slice(new);
    }
}

impl Inode {
    /// Returns what the system shows.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.cached
    }

    /// Writes into the system's memory.
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.cached, at, bytes);
        self.unsynced.push(Change::Write { at, bytes: bytes.to_owned() });
    }

    /// Sets the length in the system's memory.
    pub(crate) fn resize(&mut self, len: usize) {
        self.cached.resize(len, 0);
        self.unsynced.push(Change::Length(len));
    }

    /// Brings everything to the platter, in order.
    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write { at, bytes } => put(&mut self.durable, at, &bytes),
                Change::Length(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// Fails to sync: chance says what reached the platter, the system shows everything and believes that it is clean.
    pub(crate) fn fail_sync(&mut self, rng: &mut Rng) {
        let mut counts = Counts::default();
        scatter(&mut self.durable, std::mem::take(&mut self.unsynced), rng, &mut counts);
    }

    /// Loses the power: chance says what reached the platter, and only that is left.
    pub(crate) fn lose(&mut self, rng: &mut Rng, counts: &mut Counts) {
        scatter(&mut self.durable, std::mem::take(&mut self.unsynced), rng, counts);
        self.cached.clone_from(&self.durable);
    }

    /// Puts bytes at a place, on the platter and in memory.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.cached, at, bytes);
        put(&mut self.durable, at, bytes);
    }

    /// Flips a bit, on the platter and in memory.
    pub(crate) fn flip(&mut self, at: usize, bit: u8) {
        for copy in [&mut self.cached, &mut self.durable] {
            copy.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
        }
    }
}

/// Is how one loss treats one file.
#[derive(Clone, Copy)]
enum Manner {
    /// Nothing of it had left the memory.
    Nothing,
    /// All of it had.
    Everything,
    /// The first writes had, and the next was under way.
    Prefix(usize),
    /// Each write fared for itself, and later ones may have been first.
    Each,
}

fn scatter(durable: &mut Vec<u8>, unsynced: Vec<Change>, rng: &mut Rng, counts: &mut Counts) {
    let manner = match rng.below(8) {
        0 => Manner::Nothing,
        1 => Manner::Everything,
        2 | 3 => Manner::Prefix(rng.place(unsynced.len() + 1)),
        _ => Manner::Each,
    };
    for (n, change) in reorder(unsynced, manner, rng, counts).into_iter().enumerate() {
        match change {
            Change::Write { at, bytes } => land(durable, at, &bytes, fate(manner, n, rng), rng, counts),
            Change::Length(len) if fate(manner, n, rng) != Fate::Dropped => durable.resize(len, 0),
            Change::Length(_) => {}
        }
    }
}

/// Lets writes overtake each other, but never a change of length, which a file system journals in order.
fn reorder(mut changes: Vec<Change>, manner: Manner, rng: &mut Rng, counts: &mut Counts) -> Vec<Change> {
    if !matches!(manner, Manner::Each) {
        return changes;
    }
    for at in (1..changes.len()).rev() {
        let other = rng.place(at + 1);
        let between = changes.get(other..=at).unwrap_or_default();
        if other != at && between.iter().all(|change| matches!(change, Change::Write { .. })) {
            changes.swap(at, other);
            counts.writes_reordered += 1;
        }
    }
    changes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
    Torn,
}

fn fate(manner: Manner, n: usize, rng: &mut Rng) -> Fate {
    match manner {
        Manner::Nothing => Fate::Dropped,
        Manner::Everything => Fate::Kept,
        Manner::Prefix(end) if n < end => Fate::Kept,
        Manner::Prefix(end) if n == end => Fate::Torn,
        Manner::Prefix(_) => Fate::Dropped,
        Manner::Each => match rng.below(3) {
            0 => Fate::Dropped,
            1 => Fate::Kept,
            _ => Fate::Torn,
        },
    }
}

fn land(durable: &mut Vec<u8>, at: usize, bytes: &[u8], fate: Fate, rng: &mut Rng, counts: &mut Counts) {
    match fate {
        Fate::Dropped => counts.writes_dropped += 1,
        Fate::Kept => {
            counts.writes_kept += 1;
            put(durable, at, bytes);
        }
        Fate::Torn => {
            counts.writes_torn += 1;
            let (mut at, mut rest) = (at, bytes);
            while !rest.is_empty() {
                let (sector, after) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
                if rng.once_in(2) {
                    put(durable, at, sector);
                }
                at += sector.len();
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Inode {
        let mut inode = Inode::default();
        inode.write(0, &[1; 2 * SECTOR]);
        inode.sync();
        inode.write(0, &[2; 2 * SECTOR]);
        inode.write(2 * SECTOR, &[3; 10]);
        inode
    }

    #[test]
    fn what_is_synced_survives_every_loss_and_what_is_not_shows_every_face() {
        let mut faces = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let (mut inode, mut counts) = (written(), Counts::default());
            inode.lose(&mut Rng::new(seed), &mut counts);
            let face: Vec<u8> = inode.bytes().iter().copied().step_by(SECTOR).collect();
            assert!(matches!(face.as_slice(), [1 | 2, 1 | 2] | [1 | 2, 1 | 2, 3]), "{face:?}");
            faces.insert(face);
        }
        assert_eq!(faces.len(), 8, "{faces:?}");
    }

    #[test]
    fn a_failed_sync_shows_what_a_later_sync_does_not_bring_to_the_platter() {
        let lost = (0..50).filter(|seed| {
            let mut inode = written();
            inode.fail_sync(&mut Rng::new(*seed));
            assert_eq!(inode.bytes().first(), Some(&2));
            inode.sync();
            inode.lose(&mut Rng::new(0), &mut Counts::default());
            inode.bytes().first() == Some(&1)
        });
        assert!(lost.count() > 10);
    }
}
