//! What a run has done, counted, so that a run which did nothing cannot pass for one which found nothing.

use std::fmt;
use std::ops::AddAssign;

macro_rules! counts {
    ($($name:ident: $what:literal,)*) => {
        /// Counts what has happened.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $(#[doc = concat!("Counts ", $what, ".")] pub $name: u64,)*
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl Counts {
            /// Names each, in order.
            pub const NAMES: &[&str] = &[$($what,)*];

            /// Returns each with its name, in order.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$(($what, self.$name),)*]
            }
        }

        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>10}  {}", self.$name, $what)?;)*
                Ok(())
            }
        }
    };
}

counts! {
    losses: "losses of power",
    losses_recovering: "of them while a start was recovering",
    losses_folding: "of them while the log was folded in",
    losses_publishing: "of them while the files were published",
    kills: "kills, the system's memory kept",
    stops: "clean stops",
    starts: "starts that were checked",
    acks: "commands acknowledged, each a checked promise",
    authorities: "authorities given, each with its record",
    checked: "acknowledged records compared after a start",
    whole: "batches in flight found whole",
    absent: "batches in flight found absent",
    denied: "commands denied with their code",
    published: "checkpoints compared with the files they cover",
    writes_dropped: "unsynced writes dropped",
    writes_kept: "unsynced writes kept",
    writes_torn: "unsynced writes torn at sectors",
    writes_reordered: "unsynced writes that overtook another",
    names_dropped: "unsynced names dropped",
    names_kept: "unsynced names kept",
    faults_read: "faults: reads failed",
    faults_write: "faults: writes failed",
    faults_sync: "faults: syncs failed, the pages kept in memory",
    faults_full: "faults: writes refused for want of room",
    taken_over: "writers taken over by another",
    rot: "faults: bits rotten at rest, each alone",
    rot_refused: "of them refused with a code, by the start or by whoever read them",
    rot_harmless: "of them harmless: all that was acknowledged is there, every value equal",
    rot_journal_refused: "rotten in the journal's file, refused",
    rot_journal_harmless: "rotten in the journal's file, harmless",
    rot_log_refused: "rotten in the write-ahead log, refused",
    rot_log_harmless: "rotten in the write-ahead log, harmless",
    rot_mark_refused: "rotten in the high-water mark, refused",
    rot_mark_harmless: "rotten in the high-water mark, harmless",
    rot_head_refused: "rotten in the head file, refused",
    rot_head_harmless: "rotten in the head file, harmless",
    rot_published_refused: "rotten in published files, refused",
    rot_published_harmless: "rotten in published files, harmless",
    edited: "records edited in the journal's file, its checksum made good",
    edited_refused: "of them refused; the others have a newer copy in the write-ahead log",
    marks: "high-water marks compared after an answer",
}
