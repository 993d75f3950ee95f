//! Notices as they are kept: ids, instants and counts.

/// Says how far the records are routed: the number of a log, and the index of the first record that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the log, from 1.
    pub log: u64,
    /// The index of the next record in it.
    pub record: u64,
}

/// Says how a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeState {
    /// It is to be delivered.
    Waiting = 0,
    /// It was delivered.
    Sent = 1,
    /// Its time ended before it was delivered.
    Dead = 2,
    /// What it was about was over, or erased, before it was sent.
    Dropped = 3,
}

impl NoticeState {
    /// Lists the states.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Dead, Self::Dropped];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn of(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| *state as i64 == number).unwrap_or(Self::Dead)
    }
}

/// Is a notice to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// For which target.
    pub target: String,
    /// Its id, which is the same however often it is added.
    pub id: String,
    /// What kind of event it tells.
    pub kind: String,
    /// What it is about.
    pub about: String,
    /// It goes before others, and is never joined to one.
    pub urgent: bool,
    /// When the event was, in milliseconds since the epoch.
    pub at: i64,
    /// When it is to be delivered.
    pub due: i64,
    /// When it is of no use any more.
    pub until: i64,
}

/// Is a notice as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number in the outbox.
    pub seq: i64,
    /// What it was added as.
    pub new: NewNotice,
    /// How many further events it stands for.
    pub more: u64,
    /// How it stands.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub tried: Option<i64>,
    /// The code of the last failure.
    pub code: Option<String>,
    /// The status of the last answer.
    pub status: Option<u16>,
}

/// Is what came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// How the notice stands now.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is due again.
    pub due: i64,
    /// When it was tried.
    pub tried: i64,
    /// The code of a failure.
    pub code: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
}
