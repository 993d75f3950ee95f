//! Having the published log time-stamped: what an authority is asked, and what its answer means.
//!
//! The exchange itself is the caller's, over a network or by files. Each token is kept for good beside the exact bytes of
//! the checkpoint that it is about, since it dates every record below it; only then does `checkpoint.timestamped` name it.

use evidence::stamped::{TIMESTAMPED, note_path, token_path};
use evidence::timestamp::{Authorities, Timestamp, TimestampError, TimestampRequest};
use evidence::{Leaf, published::WITNESSED};
use tlog::checkpoint::Checkpoint;
use tlog::tile::TileLevel;
use tlog::{Note, TilePath, TrustPolicy, decode_bundle};
use types::{Code, Digest, Millis};

use crate::files::Folder;
use crate::ring::LogRing;
use crate::witnessing::trusted;

/// Is how far an authority's clock may be from the one here, in milliseconds.
const APART_MS: i64 = 300_000;

/// Is the folder of checkpoints whose request was written into a file, each by the hash that was asked about.
const ASKED: &str = "timestamping";

/// Says why the log could not be time-stamped.
#[derive(Debug, thiserror::Error)]
pub enum StampingError {
    /// The published files cannot be used.
    #[error("the published log cannot be used: {0}")]
    Files(String),
    /// The answer is none that holds.
    #[error(transparent)]
    Refused(#[from] TimestampError),
    /// The authority could not be asked.
    #[error("the authority does not answer: {0}")]
    Unreachable(String),
    /// The file is no request that was written here.
    #[error("no such request was written here, or it was answered")]
    Unasked,
}

impl StampingError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Files(_) => Code::JournalMismatch,
            Self::Refused(error) => error.code(),
            Self::Unreachable(_) => Code::UpstreamUnavailable,
            Self::Unasked => Code::NotFound,
        }
    }
}

fn files(error: impl std::fmt::Display) -> StampingError {
    StampingError::Files(error.to_string())
}

/// Is the last time-stamp of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// How many records its checkpoint covers.
    pub size: u64,
    /// What the authority says.
    pub stamp: Timestamp,
}

/// Is a checkpoint that is to be stamped, and what an authority is asked about it.
#[derive(Debug, Clone)]
pub struct Asked {
    note: Vec<u8>,
    size: u64,
    newest: Millis,
    request: TimestampRequest,
}

impl Asked {
    /// Returns how many records the checkpoint covers.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the request as an authority reads it.
    pub fn request(&self) -> Vec<u8> {
        self.request.to_der()
    }
}

/// Knows whom a log's time-stamps come from, and where they are kept.
#[derive(Debug)]
pub struct Stamping {
    folder: Folder,
    log: LogRing,
    witnesses: Option<TrustPolicy>,
    authorities: Authorities,
}

impl Stamping {
    /// Prepares to have a log stamped: what a quorum of its witnesses has cosigned, where there are witnesses, and else
    /// what it has signed.
    pub fn new(folder: Folder, log: LogRing, witnesses: Option<TrustPolicy>, authorities: Authorities) -> Self {
        Self { folder, log, witnesses, authorities }
    }

    /// Returns how many records the last time-stamp covers, as the files say; 0 if there is none.
    ///
    /// # Errors
    ///
    /// [`StampingError::Files`].
    pub fn named(&self) -> Result<u64, StampingError> {
        let note = self.folder.read(TIMESTAMPED).map_err(files)?;
        Ok(note.and_then(|note| size_of(&note)).unwrap_or(0))
    }

    /// Returns the last time-stamp that holds by the authorities there are now.
    ///
    /// # Errors
    ///
    /// [`StampingError::Files`].
    pub fn last(&self) -> Result<Option<Stamped>, StampingError> {
        let Some(note) = self.folder.read(TIMESTAMPED).map_err(files)? else { return Ok(None) };
        let Some(size) = size_of(&note) else { return Ok(None) };
        let Some(token) = self.folder.read(&token_path(size)).map_err(files)? else { return Ok(None) };
        let stamp = Timestamp::verify(&token, &self.authorities).ok().filter(|stamp| stamp.covers(&note));
        Ok(stamp.map(|stamp| Stamped { size, stamp }))
    }

    /// Begins to ask about the latest checkpoint; `None` if it has no record that is not stamped already.
    ///
    /// - `nonce`: random bytes.
    ///
    /// # Errors
    ///
    /// [`StampingError::Files`].
    pub fn begin(&self, nonce: [u8; 8]) -> Result<Option<Asked>, StampingError> {
        let Some((note, size)) = self.latest()? else { return Ok(None) };
        // Also where that one does not hold, such as by another authority: it is tried again once there is more to date.
        if size <= self.named()? {
            return Ok(None);
        }
        let request = TimestampRequest::new(&note, nonce);
        let newest = self.newest(size)?;
        Ok(Some(Asked { note, size, newest, request }))
    }

    /// Returns the latest checkpoint that may be stamped, and its size.
    fn latest(&self) -> Result<Option<(Vec<u8>, u64)>, StampingError> {
        let name = if self.witnesses.is_some() { WITNESSED } else { "checkpoint" };
        let Some(note) = self.folder.read(name).map_err(files)? else { return Ok(None) };
        let size = match &self.witnesses {
            Some(policy) => trusted(policy, &self.log).open(&note).map_err(files)?.checkpoint.size,
            None => self.log.open(&note).map_err(files)?.0.size,
        };
        Ok(Some((note, size)))
    }

    /// Returns when the last of so many records was written.
    fn newest(&self, size: u64) -> Result<Millis, StampingError> {
        let lacking = || files("the last record is not in them");
        let index = size.checked_sub(1).ok_or_else(lacking)?;
        let path = TilePath::in_tree(TileLevel::Entries, index / 256, size).ok_or_else(lacking)?;
        for path in [path, path.full()] {
            let Some(bundle) = self.folder.read(&path.to_string()).map_err(files)? else { continue };
            let entries = decode_bundle(&bundle, path.width()).map_err(files)?;
            let entry = usize::try_from(index % 256).ok().and_then(|place| entries.get(place)).ok_or_else(lacking)?;
            return Ok(Leaf::from_bytes(entry).map_err(files)?.at);
        }
        Err(lacking())
    }

    /// Takes an authority's answer: its token is checked in every part and kept, and from then on it is the log's last.
    ///
    /// - `now`: by the clock here; the token's time may be 5 minutes later, and 5 minutes earlier than the newest record.
    ///
    /// # Errors
    ///
    /// [`StampingError::Refused`] if the answer is not one that holds for this checkpoint; nothing is kept then.
    /// [`StampingError::Files`].
    pub fn take(&self, asked: &Asked, response: &[u8], now: Millis) -> Result<Stamped, StampingError> {
        let bounds = (asked.newest.plus(-APART_MS), now.plus(APART_MS));
        let (stamp, token) = Timestamp::of_response(response, &asked.request, &self.authorities, bounds)?;
        self.keep(asked, token)?;
        Ok(Stamped { size: asked.size, stamp })
    }

    /// Keeps a token beside its checkpoint. A pair that is whole is never replaced, so a crash cannot leave one token with
    /// another checkpoint; the last file is what says that it is there.
    fn keep(&self, asked: &Asked, token: &[u8]) -> Result<(), StampingError> {
        let (own, note) = (token_path(asked.size), note_path(asked.size));
        let mut kept = asked.note.clone();
        if let (Some(old), Some(_)) = (self.folder.read(&note).map_err(files)?, self.folder.read(&own).map_err(files)?)
        {
            kept = old;
        } else {
            self.folder.replace(&note, &asked.note).map_err(files)?;
            self.folder.replace(&own, token).map_err(files)?;
        }
        if self.named()? < asked.size {
            self.folder.replace(TIMESTAMPED, &kept).map_err(files)?;
        }
        self.folder.remove(&asked_path(asked.request.imprint())).map_err(files)
    }

    /// Keeps what a request is about until its answer comes back in a file.
    ///
    /// # Errors
    ///
    /// [`StampingError::Files`].
    pub fn put_off(&self, asked: &Asked) -> Result<(), StampingError> {
        self.folder.replace(&asked_path(asked.request.imprint()), &asked.note).map_err(files)
    }

    /// Takes up what a request is about that [`Stamping::put_off`] has kept.
    ///
    /// # Errors
    ///
    /// [`StampingError::Unasked`] if it has kept nothing for it, [`StampingError::Refused`] if it is no request of ours;
    /// [`StampingError::Files`].
    pub fn resume(&self, request: &[u8]) -> Result<Asked, StampingError> {
        let request = TimestampRequest::from_der(request)?;
        let note = self.folder.read(&asked_path(request.imprint())).map_err(files)?;
        let note = note.filter(|note| Digest::plain(note) == request.imprint()).ok_or(StampingError::Unasked)?;
        let size = size_of(&note).ok_or(StampingError::Unasked)?;
        Ok(Asked { newest: self.newest(size)?, note, size, request })
    }
}

fn size_of(note: &[u8]) -> Option<u64> {
    let note = Note::parse(note).ok()?;
    Some(Checkpoint::parse(note.text()).ok()?.size)
}

fn asked_path(imprint: Digest) -> String {
    format!("{ASKED}/{imprint}")
}
