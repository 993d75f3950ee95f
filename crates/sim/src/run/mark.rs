//! The high-water mark, compared after each answer.

use ledger::watermark::Seen;

use super::{Run, Then};
use crate::process::Process;

impl Run {
    /// Compares the high-water mark with the journal while nothing is on its way: it is neither ahead nor behind, whatever was
    /// denied for want of room.
    pub(super) fn check_mark(&mut self, process: &Process, then: Then) -> Result<(), String> {
        let file = self.world.place.head.join("watermark.1");
        let (Ok(bytes), Ok(head)) = (self.world.mount().read(&file), process.reader.head()) else { return Ok(()) };
        if then == Then::Ends || !self.world.disk.is_on() {
            return Ok(());
        }
        self.counts.marks += 1;
        match Seen::latest(&bytes) {
            Some(seen) if (seen.commits, seen.size) == (head.commits, head.size) => Ok(()),
            seen => Err(format!("the high-water mark is {seen:?}, and the journal ends at {head:?}")),
        }
    }
}
