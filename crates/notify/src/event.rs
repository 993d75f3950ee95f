//! What people and machines are told of.

use std::collections::BTreeMap;

use serde::Serialize;
use types::{ActionId, CaseId, GlassId, Millis, ProfileId, SessionId, ToolName};

/// Says what kind of event a target may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A case was opened, and its first people are asked.
    CaseOpened,
    /// Nobody has decided in time, and the next people on the path are asked too.
    CaseAsked,
    /// A case is over.
    CaseEnded,
    /// A kill switch was set.
    KillSet,
    /// A kill switch was lifted.
    KillLifted,
    /// A freeze of changes has begun.
    FreezeBegun,
    /// A freeze of changes is over.
    FreezeEnded,
    /// Somebody has turned the first key of a break-glass, and asks for the second.
    GlassAsked,
    /// The glass is broken: what it covers runs without its approvals.
    GlassBroken,
    /// A break-glass is over.
    GlassEnded,
    /// A break-glass was reviewed.
    GlassReviewed,
    /// A break-glass was not reviewed in time.
    ReviewOverdue,
    /// An agent does what is not usual for it, and it ran observed.
    BehaviourUnusual,
    /// A breaker has opened: a circuit lets nothing through, or a bulk breaker has stopped an agent.
    BreakerOpened,
    /// A version runs, or an alias or a stage stands, otherwise than decisions led it.
    IncidentOpened,
    /// It is as it was decided again.
    IncidentEnded,
    /// A system was changed around the road, or has nothing of what was done.
    BypassFound,
    /// A check of what an action has led to was violated, or could not be judged.
    CheckEnded,
    /// An action whose check was violated was taken back, or could not be.
    TakenBack,
    /// A saga was turned back: everything is as it was before, or something of it stands still.
    SagaEnded,
}

impl EventKind {
    /// Lists the kinds.
    pub const ALL: [Self; 20] = [
        Self::CaseOpened,
        Self::CaseAsked,
        Self::CaseEnded,
        Self::KillSet,
        Self::KillLifted,
        Self::FreezeBegun,
        Self::FreezeEnded,
        Self::GlassAsked,
        Self::GlassBroken,
        Self::GlassEnded,
        Self::GlassReviewed,
        Self::ReviewOverdue,
        Self::BehaviourUnusual,
        Self::BreakerOpened,
        Self::IncidentOpened,
        Self::IncidentEnded,
        Self::BypassFound,
        Self::CheckEnded,
        Self::TakenBack,
        Self::SagaEnded,
    ];

    /// Returns the name that settings and the outbox use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CaseOpened => "case-opened",
            Self::CaseAsked => "case-asked",
            Self::CaseEnded => "case-ended",
            Self::KillSet => "kill-set",
            Self::KillLifted => "kill-lifted",
            Self::FreezeBegun => "freeze-begun",
            Self::FreezeEnded => "freeze-ended",
            Self::GlassAsked => "glass-asked",
            Self::GlassBroken => "glass-broken",
            Self::GlassEnded => "glass-ended",
            Self::GlassReviewed => "glass-reviewed",
            Self::ReviewOverdue => "review-overdue",
            Self::BehaviourUnusual => "behaviour-unusual",
            Self::BreakerOpened => "breaker-opened",
            Self::IncidentOpened => "incident-opened",
            Self::IncidentEnded => "incident-ended",
            Self::BypassFound => "bypass-found",
            Self::CheckEnded => "check-ended",
            Self::TakenBack => "taken-back",
            Self::SagaEnded => "saga-ended",
        }
    }

    /// Finds a kind by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Says whether there may be many of it at a time, so that they become one message; what may not goes before them and alone.
    pub fn may_join(self) -> bool {
        use EventKind::{
            BehaviourUnusual, BreakerOpened, BypassFound, CaseAsked, CaseEnded, CaseOpened, CheckEnded, IncidentEnded,
            IncidentOpened, SagaEnded, TakenBack,
        };
        matches!(
            self,
            CaseOpened
                | CaseAsked
                | CaseEnded
                | BehaviourUnusual
                | BreakerOpened
                | IncidentOpened
                | IncidentEnded
                | BypassFound
                | CheckEnded
                | TakenBack
                | SagaEnded
        )
    }

    /// Says whether every target is told of it, whatever its settings say: it is about a break-glass.
    pub fn is_for_all(self) -> bool {
        use EventKind::{GlassAsked, GlassBroken, GlassEnded, GlassReviewed, ReviewOverdue};
        matches!(self, GlassAsked | GlassBroken | GlassEnded | GlassReviewed | ReviewOverdue)
    }

    /// Returns the type that a CloudEvent of this kind has.
    pub fn cloud_type(self) -> &'static str {
        match self {
            Self::CaseOpened => "countersign.case.opened",
            Self::CaseAsked => "countersign.case.asked",
            Self::CaseEnded => "countersign.case.ended",
            Self::KillSet => "countersign.kill.set",
            Self::KillLifted => "countersign.kill.lifted",
            Self::FreezeBegun => "countersign.freeze.begun",
            Self::FreezeEnded => "countersign.freeze.ended",
            Self::GlassAsked => "countersign.glass.asked",
            Self::GlassBroken => "countersign.glass.broken",
            Self::GlassEnded => "countersign.glass.ended",
            Self::GlassReviewed => "countersign.glass.reviewed",
            Self::ReviewOverdue => "countersign.glass.overdue",
            Self::BehaviourUnusual => "countersign.behaviour.unusual",
            Self::BreakerOpened => "countersign.breaker.opened",
            Self::IncidentOpened => "countersign.incident.opened",
            Self::IncidentEnded => "countersign.incident.ended",
            Self::BypassFound => "countersign.bypass.found",
            Self::CheckEnded => "countersign.check.ended",
            Self::TakenBack => "countersign.action.taken_back",
            Self::SagaEnded => "countersign.saga.ended",
        }
    }
}

/// Is one message's worth of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same for every attempt at the same message.
    pub id: String,
    /// When it happened.
    pub at: Millis,
    /// Where a person looks at it.
    pub link: String,
    /// What happened.
    pub body: Body,
}

/// Says what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Something about a case: [`EventKind::CaseOpened`], [`EventKind::CaseAsked`] or [`EventKind::CaseEnded`].
    Case(EventKind, CaseTold),
    /// Several cases, or what else may be many, at once, because there is more than the target's rate lets through.
    Cases(CasesTold),
    /// A kill switch was set or lifted.
    Kill(EventKind, KillTold),
    /// A freeze begins or is over.
    Freeze(EventKind, FreezeTold),
    /// A break-glass was asked for, broken, is over, was reviewed or not in time.
    Glass(EventKind, GlassTold),
    /// An agent does what is not usual for it.
    Unusual(UnusualTold),
    /// A breaker has opened.
    Breaker(BreakerTold),
    /// Something runs or stands otherwise than decisions led it, or does no more.
    Incident(EventKind, IncidentTold),
    /// A system and the journal differ.
    Bypass(BypassTold),
    /// A check of an action ended otherwise than well.
    Check(CheckTold),
    /// An action whose check was violated was taken back, or could not be.
    TakenBack(TakenBackTold),
    /// A saga was turned back.
    Saga(SagaTold),
    /// An operator tries a target out.
    Test,
}

/// Is what is told of a case: no arguments, no results, nothing an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseTold {
    /// The case.
    pub case: CaseId,
    /// Who proposes: `agent:NAME` or `person:NAME`.
    pub requester: String,
    /// What is to be called.
    pub tool: ToolName,
    /// Where it would take effect, if an inventory says so.
    pub environment: Option<String>,
    /// Who is asked now.
    pub asked: Vec<AskedTold>,
    /// When silence is refusal.
    pub expires: Millis,
    /// How it stands: `open`, `approved`, `denied`, `expired`, `void`, `consumed` or `withdrawn`.
    pub state: &'static str,
}

/// Is one profile whose people are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedTold {
    /// The profile.
    pub profile: ProfileId,
    /// The group of people.
    pub group: String,
    /// How many of them must approve.
    pub approvals: u32,
    /// When others are asked too, or silence is refusal.
    #[serde(skip)]
    pub until: Millis,
}

/// Is what is told of several cases, or of what else may be many, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasesTold {
    /// How many there are, by kind of event.
    pub counts: BTreeMap<EventKind, u64>,
}

impl CasesTold {
    /// Returns how many cases wait for people.
    pub fn waiting(&self) -> u64 {
        self.count(EventKind::CaseOpened).saturating_add(self.count(EventKind::CaseAsked))
    }

    /// Returns how many events there are of a kind.
    pub fn count(&self, kind: EventKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

/// Is what is told of an agent's first action in an hour that ran though it was not usual: in what, and no amount or argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusualTold {
    /// The action.
    pub action: ActionId,
    /// The agent: `agent:NAME`.
    pub agent: String,
    /// The action class.
    pub class: String,
    /// What was called.
    pub tool: ToolName,
    /// Where it took effect, if an inventory says so.
    pub environment: Option<String>,
    /// In what it was not usual, in order: the words of `watch` in `behaviour.toml`.
    pub unusual: Vec<String>,
}

/// Is what is told of a breaker that has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerTold {
    /// What the bundle calls it.
    pub breaker: String,
    /// The agent: `agent:NAME`.
    pub agent: String,
    /// The tool of a circuit; a bulk breaker is over all of them.
    pub tool: Option<ToolName>,
    /// From when on a circuit lets probes through, or when a bulk breaker frees the agent; `None` if a person does.
    pub until: Option<Millis>,
}

/// Is what is told of what runs or stands otherwise than decisions led it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentTold {
    /// What it is about: `deployment`, `alias`, `stage` or `declaration`.
    pub thing: String,
    /// The registered model.
    pub model: String,
    /// The target, the alias, or the version's number.
    pub name: String,
    /// What is wrong, by its name in the contract.
    pub wrong: String,
    /// What was decided.
    pub declared: Option<String>,
    /// What was found instead.
    pub observed: Option<String>,
    /// By what means that is known.
    pub means: Option<String>,
    /// Since when something is wrong with it.
    pub since: Millis,
    /// By which command it is mended.
    pub mend: String,
}

/// Is what is told of a system that was changed around the road, or has nothing of what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassTold {
    /// The server through which it is reached.
    pub server: String,
    /// How many differences one look found; at least 1.
    pub found: u64,
    /// How the first of them differs, by its name in the contract.
    pub gap: String,
    /// Who, as far as the system knows.
    pub by: Option<String>,
    /// What was changed.
    pub what: Vec<String>,
}

/// Is what is told of a check that was violated or could not be judged: nothing of what it saw, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTold {
    /// The action that it watched.
    pub action: ActionId,
    /// The check, as the bundle calls it.
    pub check: String,
    /// Whose action it is: `agent:NAME`.
    pub agent: String,
    /// What was called.
    pub tool: ToolName,
    /// `violated` or `inconclusive`.
    pub judgement: &'static str,
    /// The action is to be taken back.
    pub undo: bool,
    /// The agent stands at L0 in the action's class.
    pub stop: bool,
}

/// Is what is told of an action that was to be taken back by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBackTold {
    /// The action.
    pub action: ActionId,
    /// The check that was violated.
    pub check: String,
    /// Whose action it is: `agent:NAME`.
    pub agent: String,
    /// What was called.
    pub tool: ToolName,
    /// Why it was not taken back.
    pub error: Option<String>,
}

/// Is what is told of a saga that was turned back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SagaTold {
    /// The session that it ran in.
    pub saga: SessionId,
    /// Whose it is: `agent:NAME`.
    pub agent: String,
    /// How many steps it has.
    pub steps: usize,
    /// Something of it stands still.
    pub is_half: bool,
    /// What stands, and why.
    pub why: Option<String>,
}

/// Is what is told of a kill switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillTold {
    /// What it covers.
    pub target: String,
    /// Who did it.
    pub by: String,
    /// Why, in that person's words.
    pub reason: String,
}

/// Is what is told of a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeTold {
    /// Its name in the bundle.
    pub name: String,
    /// Why, as the bundle says.
    pub reason: String,
    /// When it ends.
    pub to: Millis,
}

/// Is what is told of a break-glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlassTold {
    /// Its id.
    pub id: GlassId,
    /// What it is for: the agent, the class or tool, the environment.
    pub extent: String,
    /// Who has turned its keys, in order.
    pub people: Vec<String>,
    /// Why, in the words of who asked.
    pub reason: String,
    /// How many actions ran under it.
    pub actions: u64,
    /// Until when what is asked for now may come: the second key, the end, the review.
    pub until: Millis,
}
