//! Planted bugs: one for each rule of durability, so that the power-loss simulation proves it would notice.
//!
//! Without the feature `mutants` no bug can be switched on and [`on`] is the constant `false`.

/// Names one planted bug of the store or the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutant {
    /// A commit is acknowledged before it is synced.
    NoSync = 1,
    /// The folders that name the files are not synced.
    NoFolderSync,
    /// The head moves though another writer has taken over.
    HeadNotCompared,
    /// A start believes the tail of the write-ahead log without making it durable.
    TailNotSettled,
    /// A start does not compare the records with the head.
    RecordsNotCompared,
    /// What was acknowledged last is noted before it is synced.
    MarkedBeforeSync,
    /// A start does not look at what was acknowledged last.
    MarkIgnored,
    /// What was acknowledged last is compared by the number of records alone, which a change of state does not raise.
    CommitsNotCompared,
    /// A page is believed whatever its checksum says.
    SumsNotCompared,
}

/// Lists every planted bug.
#[cfg(feature = "mutants")]
pub const ALL: &[Mutant] = &[
    Mutant::NoSync,
    Mutant::NoFolderSync,
    Mutant::HeadNotCompared,
    Mutant::TailNotSettled,
    Mutant::RecordsNotCompared,
    Mutant::MarkedBeforeSync,
    Mutant::MarkIgnored,
    Mutant::CommitsNotCompared,
    Mutant::SumsNotCompared,
];

#[cfg(feature = "mutants")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Switches one planted bug on for the whole process, or all off.
#[cfg(feature = "mutants")]
pub fn plant(mutant: Option<Mutant>) {
    PLANTED.store(mutant.map_or(0, |mutant| mutant as u8), std::sync::atomic::Ordering::SeqCst);
}

/// Says whether a planted bug is on.
#[cfg(feature = "mutants")]
pub fn on(mutant: Mutant) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::SeqCst) == mutant as u8
}

/// Says whether a planted bug is on; in a build without the feature none ever is.
#[cfg(not(feature = "mutants"))]
pub const fn on(_: Mutant) -> bool {
    false
}
