//! Bits of records that rot while nothing runs.

use ledger::recover::OpenError;
use types::Code;

use super::Run;
use crate::process::Process;

impl Run {
    /// Lets a bit of a record rot while nothing runs: a start refuses, or shows every record as it was.
    pub(super) fn rot(&mut self) -> Result<(), String> {
        // A batch of which nobody knows whether it is durable must show that first, without rot.
        if !self.oracle.is_settled() {
            return Ok(());
        }
        let record = self.rng.place(usize::try_from(self.oracle.size()).unwrap_or(0));
        let Some(leaf) = self.oracle.leaf(record).map(<[u8]>::to_owned) else { return Ok(()) };
        let journal = self.world.journal();
        let mut files = [store::wal::log_of(&journal), journal];
        if self.rng.once_in(2) {
            files.reverse();
        }
        if !files.iter().any(|file| self.world.disk.rot(file, &leaf) > 0) {
            return Ok(());
        }
        self.counts.rot += 1;
        match Process::start(&self.world) {
            Err(error) => self.counts.rot_refused += u64::from(refuses_rot(&error)?),
            Ok(process) => {
                let short = self.oracle.check_rotten(&process.reader);
                process.end();
                let short =
                    short.map_err(|what| format!("record {record} is rotten, and the journal starts: {what}"))?;
                *(if short { &mut self.counts.rot_shortened } else { &mut self.counts.rot_unread }) += 1;
            }
        }
        Ok(())
    }
}

fn refuses_rot(error: &OpenError) -> Result<bool, String> {
    let known = [Code::JournalMismatch, Code::JournalTorn, Code::JournalBehind];
    if known.contains(&error.code()) { Ok(true) } else { Err(format!("rot was refused as something else: {error}")) }
}
