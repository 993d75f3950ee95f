//! Break-glass: for a short time, what two people answer for runs without the approvals that nobody is there to give.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bundle::Scope;
use crate::{ActionId, AgentId, ClassId, Digest, GlassId, Millis, PersonId, ToolName};

/// Is how long the second person has for their key, in milliseconds.
pub const CONFIRM_MS: i64 = 5 * 60_000;

/// Is how long it may be in force at most, in minutes, whatever a bundle says.
pub const LIFE_MINUTES_MAX: u32 = 60;

/// Is how many actions may run under one at most, whatever a bundle says.
pub const ACTIONS_MAX: u32 = 100;

/// Are the states of the record of a grant that is about a break-glass; those of levels, delegations and permissions are lower.
pub mod status {
    /// The first key was turned.
    pub const ASKED: u8 = 34;
    /// The second key was turned: it is in force.
    pub const CONFIRMED: u8 = 35;
    /// It ended.
    pub const ENDED: u8 = 36;
    /// It was reviewed.
    pub const REVIEWED: u8 = 37;
    /// It is told again as it stands, because records that it rests on were erased.
    pub const TOLD: u8 = 38;

    /// Says whether a record of a grant in this state is about a break-glass.
    pub fn is_of_glass(status: u8) -> bool {
        (ASKED..=TOLD).contains(&status)
    }
}

/// Is `break_glass.toml`: who may, for how long and for what, and who looks at it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The groups whose people may turn a key.
    pub groups: BTreeSet<String>,
    /// How long it may be in force, in minutes, 1 to 60.
    pub minutes: u32,
    /// How many actions may run under one, 1 to 100. 20 by default.
    #[serde(default = "twenty")]
    pub actions: u32,
    /// What it may cover; unlike a limit's, a pattern for the environment covers nothing whose environment is unknown.
    #[serde(default)]
    pub covers: Scope,
    /// The group one of whom must review it.
    pub reviewers: String,
    /// Within how many hours after its end, 1 to 720.
    pub review_hours: u32,
}

fn twenty() -> u32 {
    20
}

/// Says which action class, or which one tool, a break-glass is for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Every tool of a class.
    #[n(0)]
    Class(#[n(0)] ClassId),
    /// One tool.
    #[n(1)]
    Tool(#[n(0)] ToolName),
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Class(class) => write!(f, "class {class}"),
            Self::Tool(tool) => write!(f, "tool {tool}"),
        }
    }
}

/// Is what one break-glass is for, by name: no pattern.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Extent {
    /// The agent.
    #[n(0)]
    pub agent: AgentId,
    /// What it may do.
    #[n(1)]
    pub what: What,
    /// The environment; without one, only what is in no known environment.
    #[n(2)]
    pub environment: Option<String>,
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.environment.as_deref().map_or("no environment", |environment| environment);
        write!(f, "agent {}, {}, in {place}", self.agent, self.what)
    }
}

/// Is one key that a person has turned.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Turned {
    /// Who.
    #[n(0)]
    pub by: PersonId,
    /// When.
    #[n(1)]
    pub at: Millis,
}

/// Says what ended a break-glass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its time was over, or nobody turned the second key in time.
    #[n(0)]
    Time,
    /// A person ended it.
    #[n(1)]
    Person,
    /// A kill switch was set that covers some of it.
    #[n(2)]
    Kill,
    /// A freeze began that covers some of it.
    #[n(3)]
    Freeze,
    /// Another policy bundle was activated.
    #[n(4)]
    Bundle,
}

impl End {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Person => "person",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Bundle => "bundle",
        }
    }
}

/// Is how and when a break-glass ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Ended {
    /// By what.
    #[n(0)]
    pub how: End,
    /// The person whose doing it was, if it was one's.
    #[n(1)]
    pub by: Option<PersonId>,
    /// When.
    #[n(2)]
    pub at: Millis,
}

/// Is one action that ran under a break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Used {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// What was called.
    #[n(1)]
    pub tool: ToolName,
    /// When it was permitted.
    #[n(2)]
    pub at: Millis,
    /// The index of the record of its decision.
    #[n(3)]
    pub index: u64,
}

/// Is what came of looking at it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Review {
    /// Who looked.
    #[n(0)]
    pub by: PersonId,
    /// When.
    #[n(1)]
    pub at: Millis,
    /// What they found.
    #[n(2)]
    pub findings: String,
}

/// Says where a break-glass stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It awaits the second key, and grants nothing.
    Asked,
    /// It is in force.
    InForce,
    /// It is over, and awaits its review.
    Ended,
    /// It was reviewed.
    Reviewed,
    /// It was over before the second key was turned, so that it never granted anything.
    Lapsed,
}

impl Phase {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::InForce => "in_force",
            Self::Ended => "ended",
            Self::Reviewed => "reviewed",
            Self::Lapsed => "lapsed",
        }
    }

    /// Says whether nothing is left to be done about it.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Reviewed | Self::Lapsed)
    }
}

/// Is one break-glass and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct BreakGlass {
    /// Its identity.
    #[n(0)]
    pub id: GlassId,
    /// What it is for.
    #[n(1)]
    pub extent: Extent,
    /// Why, in the words of who asked.
    #[n(2)]
    pub reason: String,
    /// The first key.
    #[n(3)]
    pub first: Turned,
    /// How long it is in force once the second key is turned, in milliseconds.
    #[n(4)]
    pub life_ms: i64,
    /// How many actions may run under it.
    #[n(5)]
    pub actions_max: u32,
    /// How long the review may take after its end, in milliseconds.
    #[n(6)]
    pub review_ms: i64,
    /// The bundle under which it was asked.
    #[n(7)]
    pub bundle: Digest,
    /// The second key.
    #[n(8)]
    pub second: Option<Turned>,
    /// How it ended, once that is recorded.
    #[n(9)]
    pub ended: Option<Ended>,
    /// The actions that ran under it, in order.
    #[n(10)]
    pub actions: Vec<Used>,
    /// Its review.
    #[n(11)]
    pub review: Option<Review>,
    /// Who owned the agent when it was asked for.
    #[n(12)]
    pub owner: PersonId,
}

impl BreakGlass {
    /// Returns from when on the second key is too late.
    pub fn confirm_until(&self) -> Millis {
        self.first.at.plus(CONFIRM_MS)
    }

    /// Returns from when on it grants nothing more, if the second key was turned.
    pub fn expires(&self) -> Option<Millis> {
        self.second.as_ref().map(|second| second.at.plus(self.life_ms))
    }

    /// Returns when it was over: recorded so, or by its time alone.
    pub fn over_at(&self) -> Millis {
        let by_time = self.expires().unwrap_or_else(|| self.confirm_until());
        self.ended.as_ref().map_or(by_time, |ended| ended.at.min(by_time))
    }

    /// Returns until when it must be reviewed.
    pub fn review_until(&self) -> Millis {
        self.over_at().plus(self.review_ms)
    }

    /// Says where it stands at an instant. Time alone ends it, whether or not anybody has recorded that.
    pub fn phase(&self, now: Millis) -> Phase {
        match (&self.second, self.ended.is_some() || now >= self.over_at()) {
            _ if self.review.is_some() => Phase::Reviewed,
            (None, false) => Phase::Asked,
            (None, true) => Phase::Lapsed,
            (Some(_), false) => Phase::InForce,
            (Some(_), true) => Phase::Ended,
        }
    }

    /// Says whether its review should have been closed by now.
    pub fn is_overdue(&self, now: Millis) -> bool {
        self.phase(now) == Phase::Ended && now >= self.review_until()
    }

    /// Returns everybody whom it names: who has had a hand in it, and who owned the agent.
    pub fn people(&self) -> BTreeSet<&PersonId> {
        let second = self.second.as_ref().map(|second| &second.by);
        let ended = self.ended.as_ref().and_then(|ended| ended.by.as_ref());
        let review = self.review.as_ref().map(|review| &review.by);
        [Some(&self.first.by), second, ended, review, Some(&self.owner)].into_iter().flatten().collect()
    }
}
