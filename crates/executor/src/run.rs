//! Running one recorded permit.

use std::future::Future;
use std::time::Duration;

use ledger::{Clock, Recorded};
use stages::decision::Permit;
use types::mutant::{self, Mutant};
use types::point;
use types::{EffectClass, Millis, Outcome, OutcomeStatus, Provenance};

use crate::gate::{Flight, Gate};

/// Is what the target answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The answer as JSON text: the result, or the error.
    pub text: String,
    /// The target says it failed.
    pub failed: bool,
}

/// Says why there is no answer. The difference between the first and the rest decides about retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// A kill switch or an expired permit stopped it; nothing left us.
    Stopped(String),
    /// Provably nothing left us.
    NotSent(String),
    /// Something left us, and no answer came.
    Unknown(String),
    /// The answer is larger than allowed; the target has acted.
    TooLarge(String),
    /// The answer breaks the protocol; the target may have acted.
    Invalid(String),
}

impl SendError {
    /// Returns the word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "stopped",
            Self::NotSent(_) => "not sent",
            Self::Unknown(_) => "unknown",
            Self::TooLarge(_) => "too large",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// Sends an action to where it takes effect.
pub trait Target: Sync {
    /// Sends it once and waits for the answer.
    fn send(&self, attempt: u32) -> impl Future<Output = Result<Answer, SendError>> + Send;
}

/// Says how an action is carried out, as the catalogue and the obligations have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is on the list of flights while it runs.
    pub flight: Flight,
    /// What a repeat would do.
    pub effect: EffectClass,
    /// When the target forgets our idempotency key, in milliseconds after the first dispatch; no retry starts later.
    pub key_ttl_ms: Option<i64>,
    /// When the call ends, in milliseconds.
    pub deadline_ms: i64,
    /// How many times it is sent at most; 1 unless the effect class allows a retry.
    pub attempts_max: u32,
}

/// Says what came of a permit, with the target's answer where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What is recorded.
    pub outcome: Outcome,
    /// What the target answered.
    pub answer: Option<Answer>,
    /// Why there is no answer.
    pub error: Option<SendError>,
}

/// Runs a recorded permit against its target and returns the outcome as the gateway saw it.
///
/// The permit is used up whatever happens. Nothing is sent if a kill switch covers the action or the
/// permit has expired; a class that is neither `read` nor `keyed` is sent once and never again.
pub async fn run<T: Target>(permit: Recorded<Permit>, plan: Plan, gate: &Gate, target: &T, clock: &dyn Clock) -> Ran {
    let start = clock.wall();
    let permit = permit.into_inner();
    if start >= permit.expires_at() {
        return stopped(&permit, start, "the permit expired before it could be used");
    }
    let pass = match gate.enter(plan.flight.clone()) {
        Ok(pass) => pass,
        Err(stop) => return stopped(&permit, start, &format!("a kill switch was set before dispatch: {stop:?}")),
    };
    let from = clock.steady_ms();
    let deadline = Duration::from_millis(u64::try_from(plan.deadline_ms).unwrap_or(0));
    let mut sent = 0;
    let result =
        tokio::time::timeout(deadline, attempts(&plan, gate, permit.expires_at(), target, clock, from, &mut sent))
            .await;
    drop(pass);
    let result =
        result.unwrap_or_else(|_| Err(SendError::Unknown(format!("no answer within {} ms", plan.deadline_ms))));
    let took_ms = clock.steady_ms().saturating_sub(from);
    finish(&permit, result, sent, took_ms, clock.wall())
}

async fn attempts<T: Target>(
    plan: &Plan,
    gate: &Gate,
    expires: Millis,
    target: &T,
    clock: &dyn Clock,
    from: i64,
    sent: &mut u32,
) -> Result<Answer, SendError> {
    // Once an attempt may have taken effect, no later one can take that back.
    let mut doubt: Option<SendError> = None;
    loop {
        *sent += 1;
        let error = match target.send(*sent).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let again = matches!(error, SendError::NotSent(_) | SendError::Unknown(_));
        if !matches!(error, SendError::NotSent(_) | SendError::Stopped(_)) {
            doubt = Some(error.clone());
        }
        let elapsed = clock.steady_ms().saturating_sub(from);
        let key_alive = plan.key_ttl_ms.is_none_or(|ttl| elapsed < ttl) || plan.effect == EffectClass::Read;
        let retries = plan.effect.retries() || mutant::on(Mutant::UnsafeRetried);
        if !(again && retries && key_alive && *sent < plan.attempts_max) {
            return Err(doubt.unwrap_or(error));
        }
        // What the server said may hold what was secret in the arguments.
        tracing::info!(action = %plan.flight.action, attempt = *sent, error = error.kind(), "sending again");
        point::at("backoff", tokio::time::sleep(Duration::from_millis(100 << (*sent).min(5)))).await;
        // A kill that came meanwhile holds for every attempt, and so does the permit's end.
        if let Some(stop) = gate.stopped(&plan.flight) {
            return Err(doubt.unwrap_or_else(|| SendError::Stopped(format!("a kill switch was set: {stop:?}"))));
        }
        if clock.wall() >= expires {
            return Err(doubt.unwrap_or_else(|| SendError::Stopped("the permit expired between two attempts".into())));
        }
    }
}

fn outcome(permit: &Permit, status: OutcomeStatus, at: Millis) -> Outcome {
    Outcome {
        action: permit.action(),
        status,
        provenance: Provenance::Observed,
        result: None,
        error: None,
        dispatches: 0,
        took_ms: 0,
        at,
    }
}

fn stopped(permit: &Permit, at: Millis, why: &str) -> Ran {
    let outcome = Outcome { error: Some(why.to_owned()), ..outcome(permit, OutcomeStatus::NotDispatched, at) };
    Ran { outcome, answer: None, error: Some(SendError::Stopped(why.to_owned())) }
}

fn finish(permit: &Permit, result: Result<Answer, SendError>, sent: u32, took_ms: i64, at: Millis) -> Ran {
    let (status, error) = match &result {
        Ok(answer) if answer.failed => (OutcomeStatus::Failed, None),
        Ok(_) => (OutcomeStatus::Done, None),
        Err(SendError::Stopped(why) | SendError::NotSent(why)) => (OutcomeStatus::NotDispatched, Some(why.clone())),
        Err(SendError::Unknown(why) | SendError::TooLarge(why) | SendError::Invalid(why)) => {
            (OutcomeStatus::InDoubt, Some(why.clone()))
        }
    };
    let dispatches = if status == OutcomeStatus::NotDispatched { 0 } else { sent };
    let result_text = result.as_ref().ok().map(|answer| answer.text.clone());
    let outcome = Outcome { result: result_text, error, dispatches, took_ms, ..outcome(permit, status, at) };
    Ran { outcome, error: result.as_ref().err().cloned(), answer: result.ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Stop;
    use std::sync::atomic::{AtomicU32, Ordering};
    use types::{ActionId, AgentId};

    struct Still;

    impl Clock for Still {
        fn wall(&self) -> Millis {
            Millis(10)
        }
        fn steady_ms(&self) -> i64 {
            0
        }
    }

    /// Answers each attempt as told, and sets a kill switch at one of them.
    struct Told<'a> {
        errors: Vec<SendError>,
        kill_at: Option<(u32, &'a Gate)>,
        sent: AtomicU32,
    }

    impl Target for Told<'_> {
        async fn send(&self, attempt: u32) -> Result<Answer, SendError> {
            self.sent.fetch_add(1, Ordering::SeqCst);
            if let Some((_, gate)) = self.kill_at.filter(|(at, _)| *at == attempt) {
                gate.kill(&Stop::Agent(AgentId::new("a").unwrap()));
            }
            match self.errors.get(attempt as usize - 1) {
                Some(error) => Err(error.clone()),
                None => Ok(Answer { text: "{}".into(), failed: false }),
            }
        }
    }

    fn plan(effect: EffectClass) -> Plan {
        Plan {
            flight: Flight {
                action: ActionId::draw(Millis(1), [1; 10]),
                tenant: types::TenantId::new("t").unwrap(),
                agent: Some(AgentId::new("a").unwrap()),
                tool: "s.x".parse().unwrap(),
                class: types::ClassId::new("c").unwrap(),
                since: Millis(1),
            },
            effect,
            key_ttl_ms: None,
            deadline_ms: 60_000,
            attempts_max: 3,
        }
    }

    async fn attempt(
        effect: EffectClass,
        target: &Told<'_>,
        gate: &Gate,
        expires: i64,
    ) -> (Result<Answer, SendError>, u32) {
        let mut sent = 0;
        let result = attempts(&plan(effect), gate, Millis(expires), target, &Still, 0, &mut sent).await;
        assert_eq!(sent, target.sent.load(Ordering::SeqCst));
        (result, sent)
    }

    fn told(errors: &[SendError]) -> Told<'static> {
        Told { errors: errors.to_vec(), kill_at: None, sent: AtomicU32::new(0) }
    }

    fn unknown() -> SendError {
        SendError::Unknown("gone".into())
    }

    fn not_sent() -> SendError {
        SendError::NotSent("closed".into())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_happened_is_never_sent_twice_unless_a_repeat_is_harmless() {
        for (effect, expected) in
            [(EffectClass::Read, 2), (EffectClass::Keyed, 2), (EffectClass::Reconcilable, 1), (EffectClass::Unsafe, 1)]
        {
            let (result, sent) = attempt(effect, &told(&[unknown()]), &Gate::default(), 99).await;
            assert_eq!((sent, result.is_ok()), (expected, expected == 2), "{effect:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn doubt_stays_when_a_later_attempt_was_provably_not_sent() {
        let errors = [unknown(), not_sent(), not_sent()];
        let (result, sent) = attempt(EffectClass::Read, &told(&errors), &Gate::default(), 99).await;
        assert_eq!((result, sent), (Err(unknown()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kill_between_two_attempts_stops_the_second() {
        let gate = Gate::default();
        let target = Told { kill_at: Some((1, &gate)), ..told(&[not_sent()]) };
        let (result, sent) = attempt(EffectClass::Read, &target, &gate, 99).await;
        assert!(matches!(result, Err(SendError::Stopped(_))) && sent == 1, "{result:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_ends_between_two_attempts_stops_the_second() {
        let (result, sent) = attempt(EffectClass::Read, &told(&[not_sent()]), &Gate::default(), 10).await;
        assert!(matches!(result, Err(SendError::Stopped(_))) && sent == 1, "{result:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_breaks_a_limit_is_not_asked_for_again() {
        let errors = [SendError::TooLarge("big".into())];
        let (result, sent) = attempt(EffectClass::Read, &told(&errors), &Gate::default(), 99).await;
        assert_eq!((result.is_err(), sent), (true, 1));
    }
}
