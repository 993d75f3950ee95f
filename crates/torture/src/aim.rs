//! Where the kills are aimed: instants drawn at random, and moments that are waited for.

use std::path::Path;

use crate::books::Books;
use crate::clock;
use crate::random::Random;
use crate::sink::Sink;
use crate::watcher::{Change, Watcher};

/// Is how long a moment is waited for, in milliseconds; then the kill comes anyway.
const WAIT_MS: u64 = 3_000;

/// Is how long the folding of the write-ahead log is waited for, in milliseconds: it comes once in 16 MiB.
const FOLD_WAIT_MS: u64 = 5_000;

/// Is the latest instant drawn under load, in milliseconds.
const INSTANT_MS: u64 = 160;

/// Is the longest that the load goes on before a moment is waited for, in milliseconds.
const BEFORE_MS: u64 = 100;

/// Is where a kill under load is aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// At an instant, so many milliseconds after the load has been reached.
    Instant(u64),
    /// After so many requests were written out.
    Sent(u64),
    /// After so many calls have arrived at the target.
    Arrived(u64),
    /// After so many effects were synced.
    Acted(u64),
    /// After so many answers have left the target.
    Answered(u64),
    /// After so many answers have reached their callers.
    Told(u64),
    /// After so many changes of a file.
    File(Change, u64),
}

impl Aim {
    /// Draws one. About a third are instants.
    pub fn draw(random: &mut Random) -> Self {
        let many = 1 + random.below(60);
        match random.below(100) {
            0..34 => Self::Instant(random.below(INSTANT_MS)),
            34..42 => Self::Sent(many),
            42..50 => Self::Arrived(many),
            50..58 => Self::Acted(many),
            58..66 => Self::Answered(many),
            66..74 => Self::Told(many),
            74..90 => Self::File(Change::Written, 1 + random.below(40)),
            90 if random.below(4) == 0 => Self::File(Change::Folded, 1),
            90..95 => Self::File(Change::Published, 1 + random.below(3)),
            95..98 => Self::File(Change::Signed, 1),
            _ => Self::File(Change::HeadSaved, 1),
        }
    }

    /// Names the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant(_) => "an instant",
            Self::Sent(_) => "a request was written out",
            Self::Arrived(_) => "a call arrived at the target",
            Self::Acted(_) => "an effect was synced",
            Self::Answered(_) => "the target answered",
            Self::Told(_) => "a caller was answered",
            Self::File(change, _) => file(change),
        }
    }

    /// Lets the load go on for a while drawn at random, and waits for the moment; false if it did not come in time.
    ///
    /// # Errors
    ///
    /// What the system says of watching files.
    pub async fn wait(self, folder: &Path, books: &Books, sink: &Sink, random: &mut Random) -> Result<bool, String> {
        if !matches!(self, Self::Instant(_)) {
            clock::sleep(random.below(BEFORE_MS)).await;
        }
        let wait_ms = if matches!(self, Self::File(Change::Folded, _)) { FOLD_WAIT_MS } else { WAIT_MS };
        tokio::select! {
            biased;
            waited = self.moment(folder, books, sink) => waited.map(|()| true),
            () = clock::sleep(wait_ms) => Ok(false),
        }
    }

    async fn moment(self, folder: &Path, books: &Books, sink: &Sink) -> Result<(), String> {
        match self {
            Self::Instant(ms) => clock::sleep(ms).await,
            Self::Sent(many) => books.sent.wait_for(many).await,
            Self::Arrived(many) => sink.arrived.wait_for(many).await,
            Self::Acted(many) => sink.acted.wait_for(many).await,
            Self::Answered(many) => sink.answered.wait_for(many).await,
            Self::Told(many) => books.answered.wait_for(many).await,
            Self::File(change, many) => Watcher::new(folder, change)?.wait(many).await?,
        }
        Ok(())
    }
}

/// Is where a kill in the middle of a start is aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAim {
    /// At an instant, so many milliseconds after the process began.
    Instant(u64),
    /// At a change of a file.
    File(Change),
    /// As soon as it says that it listens.
    Ready,
}

impl StartAim {
    /// Draws one.
    ///
    /// - `start_ms`: how long a start takes, in milliseconds.
    pub fn draw(random: &mut Random, start_ms: u64) -> Self {
        match random.below(10) {
            0..5 => Self::Instant(random.below(start_ms + 1)),
            5 => Self::File(Change::Opened),
            6..8 => Self::File(Change::Written),
            8 => Self::File(Change::Announced),
            _ => Self::Ready,
        }
    }

    /// Names the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant(_) => "start: an instant",
            Self::File(Change::Opened) => "start: the journal is opened",
            Self::File(Change::Written) => "start: recovery is written",
            Self::File(Change::Announced) => "start: the address is left",
            Self::File(change) => file(change),
            Self::Ready => "start: just ready",
        }
    }
}

fn file(change: Change) -> &'static str {
    match change {
        Change::Opened => "the journal was opened",
        Change::Written => "a batch was written, not synced",
        Change::Folded => "the write-ahead log was folded in",
        Change::Published => "a tile was written",
        Change::Signed => "the checkpoint was replaced",
        Change::HeadSaved => "the head file was replaced",
        Change::Announced => "the address was left",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_drawn() {
        let mut random = Random::new(1);
        let names: BTreeSet<&str> = (0..2_000).map(|_| Aim::draw(&mut random).name()).collect();
        assert_eq!(names.len(), 11, "{names:?}");
        let names: BTreeSet<&str> = (0..200).map(|_| StartAim::draw(&mut random, 30).name()).collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }
}
