//! What everybody was told, and when.

use control::door::CaseEnd;
use types::case::CaseState;
use types::{ActionId, CaseId, Code, Digest, PersonId};

/// Says how a call came back to its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The server's answer was passed on.
    Answered,
    /// People must decide first.
    Held(CaseId),
    /// It was refused.
    Refused(Code),
}

/// Is one thing that somebody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A call came back.
    Call(u64, Said),
    /// A person voted: how the case stands, and whether their vote is on it.
    Vote(PersonId, CaseId, Result<(CaseState, bool), Code>),
    /// A person was given a ballot to sign, known by its challenge, or not.
    Drawn(PersonId, CaseId, Result<Digest, Code>),
    /// A person cast a ballot: as for a vote.
    Cast(PersonId, CaseId, Digest, Result<(CaseState, bool), Code>),
    /// A person's passkey is revoked, or is not.
    Revoked(PersonId, Result<(), Code>),
    /// A person has put their vote into another's hand, or has not.
    Gave(PersonId, PersonId, Result<(), Code>),
    /// Such a delegation is taken back, or is not.
    TookBack(PersonId, PersonId, Result<(), Code>),
    /// Somebody waited for a case.
    Waited(CaseId, CaseEnd),
    /// A kill is armed; what it covers and is still in flight, by name.
    Armed(Vec<ActionId>),
    /// Nothing that the kill covers is in flight.
    Drained,
    /// An agent got a permit that it carries out by itself, or did not.
    Handed(u64, Result<ActionId, Code>),
    /// What such an agent reported is recorded, or is not.
    Reported(ActionId, Result<(), Code>),
    /// Whether such a permit is alive, asked at a moment.
    Alive(ActionId, u64, bool),
    /// The stricter policy is active, or is not.
    Activated(Result<(), Code>),
}

impl Told {
    /// Returns whose vote on which case it says to be counted, if it says so of one.
    pub fn counted(&self) -> Option<(&PersonId, &CaseId)> {
        match self {
            Self::Vote(who, case, Ok(_)) | Self::Cast(who, case, _, Ok(_)) => Some((who, case)),
            _ => None,
        }
    }

    /// Returns it in a few words, without anything that differs from schedule to schedule.
    pub fn short(&self) -> String {
        let code = |code: &Code| code.as_str();
        match self {
            Self::Call(call, Said::Answered) => format!("call {call} answered"),
            Self::Call(call, Said::Held(_)) => format!("call {call} held"),
            Self::Call(call, Said::Refused(refused)) => format!("call {call} {}", code(refused)),
            Self::Vote(who, _, Ok((state, _))) => format!("vote of {who} {}", state.as_str()),
            Self::Vote(who, _, Err(refused)) => format!("vote of {who} {}", code(refused)),
            Self::Drawn(who, _, Ok(_)) => format!("drawn for {who}"),
            Self::Drawn(who, _, Err(refused)) => format!("drawn for {who} {}", code(refused)),
            Self::Cast(who, _, _, Ok((state, _))) => format!("cast by {who} {}", state.as_str()),
            Self::Cast(who, _, _, Err(refused)) => format!("cast by {who} {}", code(refused)),
            Self::Revoked(who, Ok(())) => format!("passkey of {who} revoked"),
            Self::Revoked(who, Err(refused)) => format!("passkey of {who} {}", code(refused)),
            Self::Gave(from, to, Ok(())) => format!("{from} gave {to}"),
            Self::Gave(from, to, Err(refused)) => format!("{from} gave {to} {}", code(refused)),
            Self::TookBack(from, to, Ok(())) => format!("{from} took back from {to}"),
            Self::TookBack(from, to, Err(refused)) => format!("{from} took back from {to} {}", code(refused)),
            Self::Waited(_, CaseEnd::Refused(refusal)) => format!("waited {}", code(&refusal.code)),
            Self::Waited(_, end) => format!("waited {end:?}"),
            Self::Armed(in_flight) => format!("armed, {} in flight", in_flight.len()),
            Self::Drained => "drained".into(),
            Self::Handed(_, Ok(_)) => "handed out".into(),
            Self::Handed(_, Err(refused)) => format!("not handed out, {}", code(refused)),
            Self::Reported(_, Ok(())) => "reported".into(),
            Self::Reported(_, Err(refused)) => format!("not reported, {}", code(refused)),
            Self::Alive(_, _, alive) => format!("alive {alive}"),
            Self::Activated(Ok(())) => "activated".into(),
            Self::Activated(Err(refused)) => format!("not activated, {}", code(refused)),
        }
    }
}

/// Is what was told, when, and how many records were durable then.
#[derive(Debug, Clone)]
pub struct Event {
    /// The moment.
    pub moment: u64,
    /// How many records were durable.
    pub size: u64,
    /// What was told.
    pub told: Told,
}

/// Is a request that has reached the server.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When it arrived.
    pub moment: u64,
    /// How many records were durable then.
    pub size: u64,
    /// The call that it belongs to.
    pub call: u64,
    /// The tool.
    pub tool: String,
    /// The arguments.
    pub arguments: serde_json::Value,
    /// When it was answered.
    pub answered: Option<u64>,
}
