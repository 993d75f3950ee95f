//! A circuit breaker: one agent on one tool. It opens on failures, and closes only after a probe that the gateway has seen
//! succeed.

use minicbor::{Decode, Encode};
use types::bundle::CircuitRule;
use types::{ActionId, Millis, OutcomeStatus};

use crate::mutant::{self, Mutant};

/// Is what an ending says about a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The gateway saw that it was done.
    Succeeded,
    /// It failed, or nobody knows.
    Failed,
    /// Nothing: it was never sent, or it is the agent's own word that all went well.
    Nothing,
}

impl Ending {
    /// Says what an outcome tells about a tool.
    ///
    /// - `reported`: the agent carried it out by itself. Its word may count against it, and never for it.
    pub fn of(status: OutcomeStatus, reported: bool) -> Self {
        let believed = !reported || mutant::on(Mutant::ReportedEndingBelieved);
        match status {
            OutcomeStatus::Done if believed => Self::Succeeded,
            OutcomeStatus::Done | OutcomeStatus::NotDispatched => Self::Nothing,
            OutcomeStatus::Failed | OutcomeStatus::InDoubt => Self::Failed,
        }
    }
}

/// Is the state of one circuit. The default is a closed one that has seen no failure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Circuit {
    /// While it is closed: the endings since the oldest failure that still counts, oldest first, each with its instant and
    /// whether it was a failure.
    #[n(0)]
    pub endings: Vec<(Millis, bool)>,
    /// Since when it is open; absent while it is closed.
    #[n(1)]
    pub opened: Option<Opened>,
}

/// Is a circuit that has opened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Opened {
    /// When it opened, the last time.
    #[n(0)]
    pub at: Millis,
    /// For how long it lets nothing through, in milliseconds; from then on it lets probes through.
    #[n(1)]
    pub pause_ms: i64,
    /// The probes that are out.
    #[n(2)]
    pub probes: Vec<ActionId>,
    /// How many probes have succeeded since.
    #[n(3)]
    pub successes: u32,
}

/// Says how a circuit stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It lets everything through.
    Closed,
    /// It lets nothing through.
    Open {
        /// When it opened.
        at: Millis,
        /// From when on it lets probes through.
        until: Millis,
    },
    /// It lets probes through.
    HalfOpen {
        /// When it opened.
        at: Millis,
        /// How many more may be out now.
        free: u32,
    },
}

impl Stand {
    /// Returns the word of the fact: `closed`, `open` or `half_open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

impl Circuit {
    /// Says how it stands at `now`.
    pub fn stand(&self, rule: &CircuitRule, now: Millis) -> Stand {
        let Some(opened) = &self.opened else { return Stand::Closed };
        let until = opened.at.plus(opened.pause_ms);
        if now < until {
            return Stand::Open { at: opened.at, until };
        }
        let most = rule.probes.saturating_add(u32::from(mutant::on(Mutant::ProbeTooMany)));
        let out = u32::try_from(opened.probes.len()).unwrap_or(u32::MAX);
        Stand::HalfOpen { at: opened.at, free: most.saturating_sub(out) }
    }

    /// Takes note of a permit: while the circuit is being tried, it is a probe. Says whether anything changed.
    pub fn permitted(&mut self, action: ActionId, now: Millis) -> bool {
        let is_probe = |opened: &Opened| now >= opened.at.plus(opened.pause_ms);
        let Some(opened) = self.opened.as_mut().filter(|opened| is_probe(opened)) else { return false };
        opened.probes.push(action);
        true
    }

    /// Takes note of how an action ended that was permitted under this circuit. Says whether anything changed.
    ///
    /// While it is open or being tried, only the endings of its probes count: what was sent before says nothing about now.
    pub fn ended(&mut self, rule: &CircuitRule, action: &ActionId, ending: Ending, now: Millis) -> bool {
        match &mut self.opened {
            None => self.count(rule, ending, now),
            Some(opened) => {
                let Some(place) = opened.probes.iter().position(|probe| probe == action) else { return false };
                opened.probes.remove(place);
                match ending {
                    Ending::Nothing => {}
                    Ending::Failed => opened.fail(rule, now),
                    Ending::Succeeded => opened.successes = opened.successes.saturating_add(1),
                }
                if opened.successes >= rule.successes.max(1) {
                    *self = Self::default();
                }
                true
            }
        }
    }

    /// Counts an ending while it is closed; the failure that makes it too many opens it.
    fn count(&mut self, rule: &CircuitRule, ending: Ending, now: Millis) -> bool {
        let idle = self.endings.is_empty() && ending != Ending::Failed;
        if ending == Ending::Nothing || idle {
            return false;
        }
        self.endings.push((now, ending == Ending::Failed));
        let more = self.endings.len().saturating_sub(usize::try_from(rule.of_last.max(1)).unwrap_or(usize::MAX));
        self.endings.drain(..more);
        let counts = |at: Millis| match mutant::on(Mutant::CircuitWindowOffByOne) {
            true => now.since(at) <= rule.within_ms,
            false => now.since(at) < rule.within_ms,
        };
        // What comes before the oldest failure that counts can never matter again.
        let first = self.endings.iter().position(|(at, failed)| *failed && counts(*at));
        self.endings.drain(..first.unwrap_or(self.endings.len()));
        let failures = self.endings.iter().filter(|(_, failed)| *failed).count();
        if failures >= usize::try_from(rule.failures.max(1)).unwrap_or(usize::MAX) {
            let opened = Opened { at: now, pause_ms: rule.pause_ms, probes: Vec::new(), successes: 0 };
            *self = Self { endings: Vec::new(), opened: Some(opened) };
        }
        true
    }
}

impl Opened {
    /// Opens once more, for twice as long. Probes that are still out say nothing any more.
    fn fail(&mut self, rule: &CircuitRule, now: Millis) {
        let pause_ms = self.pause_ms.saturating_mul(2).min(rule.pause_ms_max).max(rule.pause_ms);
        *self = Self { at: now, pause_ms, probes: Vec::new(), successes: 0 };
    }
}
