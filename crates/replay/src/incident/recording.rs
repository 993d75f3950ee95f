//! What is recorded of one session, as far as it can be read.

use std::collections::{BTreeMap, BTreeSet};

use evidence::listing::LISTED;
use evidence::{Content, Field, Leaf, Listing, RecordKind, bodies};
use serde::Serialize;
use types::case::Ballot;
use types::jsonrpc::Frame;
use types::reviewing::Advice;
use types::{
    ActionId, AgentId, Arguments, Digest, Outcome, PersonId, Provenance, ServerName, Session, SessionId, ToolName,
};

use super::calls::{Answer, Call};
use super::form::Secrets;
use super::listings::Listings;
use super::ruling::People;

/// Is the most calls that a session may have to be replayed.
pub const CALLS_MAX: usize = 5_000;

/// Are the fields without which a call cannot be made again.
const NEEDED: [Field; 7] = [
    Field::Principal,
    Field::OnBehalfOf,
    Field::Tool,
    Field::Arguments,
    Field::Claims,
    Field::Proposal,
    Field::Decision,
];

/// Says why something that a replay needs is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "gap", content = "what", rename_all = "snake_case")]
pub enum Gap {
    /// It was never recorded, or is not in this evidence; the text says what.
    Missing(String),
    /// The exporter withheld it; the text says what.
    Withheld(String),
    /// It was erased.
    Erased,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "missing: {what}"),
            Self::Withheld(what) => write!(f, "withheld: {what}"),
            Self::Erased => f.write_str("erased"),
        }
    }
}

/// Is one record as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its index in the log.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// What is shown of its content; `None` if nothing is.
    pub content: Option<Content>,
    /// The fields that the exporter withheld.
    pub withheld: Vec<Field>,
    /// Findings or facts were withheld.
    pub grounds_withheld: bool,
    /// Its content was erased.
    pub erased: bool,
}

impl Source {
    /// Returns the content if nothing in it is withheld that is needed, or says why there is none.
    fn read(&self, needed: &[Field], grounds: bool) -> Result<&Content, Gap> {
        let absent = || if self.erased { Gap::Erased } else { Gap::Missing("the content of the record".to_owned()) };
        let content = self.content.as_ref().ok_or_else(absent)?;
        let names = needed.iter().filter(|field| self.withheld.contains(field)).map(|field| field.as_str());
        let names: Vec<&str> = names.chain((grounds && self.grounds_withheld).then_some("findings or facts")).collect();
        if names.is_empty() { Ok(content) } else { Err(Gap::Withheld(names.join(", "))) }
    }
}

/// Is a recorded call that cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The index of its record.
    pub record: u64,
    /// Why.
    #[serde(flatten)]
    pub gap: Gap,
}

/// Says why records are not a session that can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// There is no record of the session.
    #[error("nothing is recorded of session {0}")]
    Unknown(SessionId),
    /// It has more calls than can be compared.
    #[error("the session has {0} calls, at most {CALLS_MAX} can be replayed")]
    TooLong(usize),
}

/// Is what is recorded of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The session.
    pub session: SessionId,
    /// The agent; absent if the opening is not here.
    pub agent: Option<AgentId>,
    /// On whose behalf it acted.
    pub on_behalf_of: Option<PersonId>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// The calls of which too little is left.
    pub lost: Vec<Lost>,
    /// What the servers offered.
    pub listings: Listings,
    /// Where its tools have secrets.
    pub secrets: Secrets,
}

impl Recording {
    /// Reads a session from its records, in any order, and those of its votes; others are passed over.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], as described there.
    pub fn of(session: SessionId, mut sources: Vec<Source>) -> Result<Self, RecordingError> {
        sources.sort_by_key(|source| source.index);
        let own = |source: &&Source| source.leaf.session.as_ref().is_some_and(|place| place.session == session);
        if !sources.iter().any(|source| own(&source)) {
            return Err(RecordingError::Unknown(session));
        }
        let blank = Self {
            session,
            agent: None,
            on_behalf_of: None,
            calls: Vec::new(),
            lost: Vec::new(),
            listings: Listings::default(),
            secrets: Secrets::default(),
        };
        let mut recording = sources.iter().filter(own).fold(blank, Self::take);
        if recording.calls.len() > CALLS_MAX {
            return Err(RecordingError::TooLong(recording.calls.len()));
        }
        recording.ends(&sources);
        recording.put_into_form();
        Ok(recording)
    }

    /// Takes a record of the session itself.
    fn take(mut self, source: &Source) -> Self {
        match source.leaf.kind {
            RecordKind::SessionOpen => {
                let opened = source.read(&[Field::Body], false).ok();
                if let Some(opened) = opened.and_then(|content| content.get::<Session>(Field::Body).ok().flatten()) {
                    (self.agent, self.on_behalf_of) = (Some(opened.agent), opened.on_behalf_of);
                }
            }
            RecordKind::Tool if source.leaf.status == Some(LISTED) => {
                let content = source.read(&[Field::Body], false).ok();
                if let Some(listing) = content.and_then(|content| content.get::<Listing>(Field::Body).ok().flatten()) {
                    self.listings.add(source.index, listing);
                }
            }
            RecordKind::Decided => self.decided(source),
            _ => {}
        }
        self
    }

    /// Hides what is secret in the recorded arguments where they are compared and told, as it is hidden in those of an
    /// agent: what an older record shows is then compared as little as what a newer one has marks for.
    ///
    /// - `hide`: puts marks where arguments of a tool have secrets.
    pub fn hide(&mut self, hide: impl Fn(&ToolName, &Arguments) -> Arguments) {
        self.calls.iter_mut().for_each(|call| call.hide(&hide));
        self.put_into_form();
    }

    fn put_into_form(&mut self) {
        for call in &self.calls {
            self.secrets.learn(&call.key().tool, &call.arguments);
        }
        for call in &mut self.calls {
            call.put_into_form(&self.secrets);
        }
    }

    fn decided(&mut self, source: &Source) {
        let is_planned = source.content.as_ref().is_some_and(bodies::is_planned);
        let needed: Vec<Field> = NEEDED.into_iter().chain(is_planned.then_some(Field::Result)).collect();
        let read = source.read(&needed, true).and_then(|content| {
            let read = bodies::proposal(content).zip(bodies::decision(content));
            read.ok_or_else(|| Gap::Missing("a decision that can be read".to_owned()))
        });
        let (proposal, decision) = match read {
            Ok(read) => read,
            Err(gap) => return self.lost.push(Lost { record: source.index, gap }),
        };
        match self.calls.iter_mut().rev().find(|call| call.goes_on_with(&proposal, &decision)) {
            Some(call) => call.take(proposal, decision),
            None => self.calls.push(Call::new(source.index, proposal, decision)),
        }
    }

    /// Takes what became of the calls, wherever it was recorded.
    fn ends(&mut self, sources: &[Source]) {
        let mut by_action: BTreeMap<ActionId, usize> = BTreeMap::new();
        for (place, call) in self.calls.iter().enumerate() {
            by_action.extend(call.decided.iter().map(|(proposal, _)| (proposal.id, place)));
        }
        for source in sources {
            let place = source.leaf.action.and_then(|action| by_action.get(&action));
            let Some(call) = place.and_then(|place| self.calls.get_mut(*place)) else { continue };
            match (source.leaf.kind, source.leaf.status) {
                (RecordKind::Outcome, _) => call.answer = answer(source),
                (RecordKind::Vote, Some(ballot)) if ballot == Ballot::Deny as u8 => call.people = Some(People::Refused),
                (RecordKind::Review, Some(said)) if said == Advice::Back as u8 => call.people = Some(People::Returned),
                (RecordKind::CaseEnded, Some(status)) if call.people == Some(People::Nobody) => {
                    call.people = People::of_end(status).or(call.people);
                }
                _ => {}
            }
        }
    }

    /// Returns the servers that were called, in order of name.
    pub fn servers(&self) -> BTreeSet<ServerName> {
        self.calls.iter().map(|call| call.key().tool.server.clone()).collect()
    }

    /// Returns the digests of the bundles that decided, in order.
    pub fn bundles(&self) -> BTreeSet<Digest> {
        self.calls.iter().flat_map(|call| call.decided.iter().map(|(_, decision)| decision.bundle)).collect()
    }

    /// Returns the servers whose tools were called and whose definitions are not recorded, or not wholly.
    pub fn unlisted(&self) -> BTreeSet<ServerName> {
        let tools = self.calls.iter().filter(|call| !call.key().tool.operation.starts_with("mcp:"));
        let bare =
            tools.filter(|call| !self.listings.at(&call.key().tool.server, call.record).is_some_and(Listing::is_whole));
        bare.map(|call| call.key().tool.server.clone()).collect()
    }
}

/// Reads what came back from the record of an outcome.
fn answer(source: &Source) -> Answer {
    let content = match source.read(&[Field::Body, Field::Result, Field::Error], false) {
        Ok(content) => content,
        Err(gap) => return Answer::Unavailable(gap),
    };
    let Some(outcome) = content.get::<Outcome>(Field::Body).ok().flatten() else {
        return Answer::Unavailable(Gap::Missing("an outcome that can be read".to_owned()));
    };
    let text = |field| content.get::<String>(field).ok().flatten();
    match text(Field::Result) {
        None => Answer::Error { status: outcome.status, text: text(Field::Error).unwrap_or_default() },
        Some(_) if outcome.provenance == Provenance::Reported => {
            Answer::Unavailable(Gap::Missing("the server's answer: the agent carried it out by itself".to_owned()))
        }
        Some(text) => match Frame::parse(text.as_str(), usize::MAX) {
            Ok(_) => Answer::Frame(text),
            Err(_) => Answer::Unavailable(Gap::Missing("the whole answer: only its beginning was recorded".to_owned())),
        },
    }
}
