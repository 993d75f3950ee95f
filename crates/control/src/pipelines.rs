//! Pipelines: what a bundle says is to happen once a version is registered, done step by step.
//!
//! What is promoted is proposed in the name of whoever registered the version, and goes the road of any promotion. The action is noted before
//! it is proposed, and what became of it is read from the journal, so a process that ends in between proposes nothing twice.

mod fate;

use std::sync::Arc;
use std::time::Duration;

use types::pipeline::{Evaluation, Pipeline, Promotion, Step, StepState, Validation, choose};
use types::{ActionId, Code, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::keys::Holder;
use crate::model_signers::SignedState;
use crate::promotions::NotMoved;
use crate::tracking::kept::{Driven, Registered};
use crate::tracking::pipelines::{Held, gone, is_passing};
use crate::tracking::{Move, PipelineShown, blocking};

/// Is how often pipelines are looked at though nothing has happened.
const EVERY: Duration = Duration::from_secs(60);

/// Is how long what happens is gathered before pipelines are looked at.
const GATHER: Duration = Duration::from_millis(50);

/// Is an hour, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// Is how long a run may go on after its version was registered, in milliseconds: a day.
const RUN_MS_MAX: i64 = 24 * HOUR_MS;

/// Is what comes next: where the version stands then, and the suites that are waited for.
type Next = Option<(Driven, Option<Vec<String>>)>;

impl Control {
    /// Returns where a version stands in the pipeline that drives it; nothing, if none does.
    ///
    /// # Errors
    ///
    /// `not-found` for a version that is not there, `request-invalid` for what can be none; `file-unusable` if it cannot be read.
    pub async fn pipeline(&self, name: String, number: String) -> Failure<Option<PipelineShown>> {
        Ok(blocking(self.tracking()?, move |tracking| tracking.pipeline(&name, &number)).await?)
    }

    /// Drives what is registered, whenever something happens and once a minute, for as long as the process runs.
    pub(crate) fn spawn_pipelines(self: &Arc<Self>) {
        let Ok(tracking) = self.tracking().cloned() else { return };
        let (mut registry, mut board) = (tracking.registry_news(), self.board.changes());
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    _ = registry.changed() => {}
                    _ = board.changed() => {}
                    () = tracking.attested.notified() => {}
                    _ = every.tick() => {}
                }
                tokio::time::sleep(GATHER).await;
                let Some(this) = this.upgrade() else { return };
                registry.mark_unchanged();
                board.mark_unchanged();
                if let Err(refusal) = this.drive_pipelines().await {
                    tracing::warn!(code = %refusal.code, message = %refusal.message, "pipelines do not go on");
                }
            }
        });
    }

    /// Begins the pipelines of what was registered, and takes each a step further, as far as it goes.
    ///
    /// # Errors
    ///
    /// What the disk or the journal says; each pipeline goes on from where it stands the next time.
    pub async fn drive_pipelines(self: &Arc<Self>) -> Failure<()> {
        let tracking = self.tracking()?.clone();
        let _alone = tracking.driving.lock().await;
        self.begin_pipelines().await?;
        let mut after = 0;
        loop {
            let page = blocking(&tracking, move |tracking| tracking.driven_on(after)).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for driven in page {
                let (model, version) = (driven.name.clone(), driven.number);
                if let Err(refusal) = self.advance(driven).await {
                    tracing::warn!(model, version, code = %refusal.code, message = %refusal.message, "a pipeline does not go on");
                }
            }
        }
        self.record_attestations().await
    }

    async fn begin_pipelines(&self) -> Failure<()> {
        let tracking = self.tracking()?.clone();
        loop {
            let new = blocking(&tracking, |tracking| tracking.newly_registered()).await?;
            if new.is_empty() {
                return Ok(());
            }
            for of in new {
                let snapshot = self.snapshot();
                let chosen = choose(&snapshot.bundle.data().pipelines, &of.name);
                let chosen = chosen.map(|(name, pipeline)| (name.clone(), pipeline.digest()));
                if chosen.is_some() {
                    self.settle_before(&of).await?;
                }
                blocking(&tracking, move |tracking| tracking.begin_pipeline(of, chosen)).await?;
            }
        }
    }

    /// Notes what became of the versions before a new one that were decided already, so that they do not look superseded.
    async fn settle_before(&self, of: &Registered) -> Failure<()> {
        let (model, number) = (of.model, of.number);
        for mut older in blocking(self.tracking()?, move |tracking| tracking.driven_before(model, number)).await? {
            while older.goes_on() {
                let Some(next) = self.settled(&older).await? else { break };
                let kept = next.clone();
                blocking(self.tracking()?, move |tracking| tracking.step_pipeline(kept, None)).await?;
                older = next;
            }
        }
        Ok(())
    }

    async fn advance(self: &Arc<Self>, driven: Driven) -> Failure<()> {
        let mut driven = self.withdraw_ending(driven).await?;
        while driven.goes_on() {
            let Some((next, suites)) = self.next_step(driven.clone()).await? else { return Ok(()) };
            let kept = next.clone();
            blocking(self.tracking()?, move |tracking| tracking.step_pipeline(kept, suites)).await?;
            driven = self.withdraw_ending(next).await?;
        }
        Ok(())
    }

    /// Withdraws a case that a pipeline has no use for any more.
    async fn withdraw_ending(&self, driven: Driven) -> Failure<Driven> {
        let Some(action) = driven.ending.clone() else { return Ok(driven) };
        {
            // While it is held, nothing that was approved is carried out.
            let _alone = self.moving.lock().await;
            let own: Vec<_> = self.board.all().into_iter().filter(|case| case.action.to_string() == action).collect();
            for case in own {
                self.ask(crate::machine::Command::Withdraw(case.id)).await?;
            }
        }
        let of = (driven.model, driven.number);
        blocking(self.tracking()?, move |tracking| tracking.note_withdrawn(of, action)).await?;
        Ok(Driven { ending: None, ..driven })
    }

    /// Says what comes next of a pipeline; nothing, if it waits as it did before.
    async fn next_step(self: &Arc<Self>, driven: Driven) -> Failure<Next> {
        let snapshot = self.snapshot();
        let pipeline = snapshot.bundle.data().pipelines.get(&driven.pipeline);
        let pipeline = pipeline.filter(|pipeline| pipeline.is_for(&driven.name).is_some()).cloned();
        // What was proposed may have been decided, and done, before the bundle changed.
        if let Some(done) = self.settled(&driven).await? {
            return Ok(Some((done, None)));
        }
        let Some(pipeline) = pipeline else {
            let why = format!("the active bundle has no pipeline `{}` for it any more", driven.pipeline);
            return Ok(Some((self.failed(&driven, driven.step, why), None)));
        };
        if pipeline.digest() != driven.definition {
            let next = self.again(&driven, "the pipeline says something else by now".to_owned());
            return Ok(Some((Driven { definition: pipeline.digest(), ..next }, None)));
        }
        self.step_by(driven, &pipeline).await
    }

    async fn step_by(self: &Arc<Self>, driven: Driven, pipeline: &Pipeline) -> Failure<Next> {
        match (driven.step, driven.state) {
            (Step::Register, _) | (Step::Validate, StepState::Waiting | StepState::Again) => {
                let next = self.validate(&driven, &pipeline.validate).await?;
                Ok(next.map(|next| (next, None)))
            }
            (Step::Validate, _) | (Step::Evaluate, StepState::Waiting) => match &pipeline.evaluate {
                Some(demanded) => self.evaluate(&driven, demanded).await,
                None => self.promote(driven, &pipeline.promote).await,
            },
            (Step::Evaluate | Step::Approve | Step::Promote, _) => self.promote(driven, &pipeline.promote).await,
        }
    }

    /// Says where a version stands from now on; nothing, if it stands there already.
    fn stands(&self, driven: &Driven, step: Step, state: StepState, why: Option<String>) -> Option<Driven> {
        if (driven.step, driven.state, &driven.why) == (step, state, &why) {
            return None;
        }
        Some(Driven { step, state, why, since: self.now().0, ..driven.clone() })
    }

    fn failed(&self, driven: &Driven, step: Step, why: String) -> Driven {
        let ending = driven.action.clone();
        Driven { step, state: StepState::Failed, why: Some(why), since: self.now().0, ending, ..driven.clone() }
    }

    fn again(&self, driven: &Driven, why: String) -> Driven {
        let (since, ending) = (self.now().0, driven.action.clone());
        let (step, state) = (Step::Validate, StepState::Again);
        Driven { step, state, why: Some(why), since, ending, action: None, ..driven.clone() }
    }

    async fn validate(&self, driven: &Driven, demanded: &Validation) -> Failure<Option<Driven>> {
        self.anchor_runs(true).await?;
        let (of, what) = (driven.clone(), demanded.clone());
        let held = blocking(self.tracking()?, move |tracking| tracking.held_against(&of, &what)).await?;
        let mut wrong = Vec::new();
        match held {
            Held::Waits(why) if self.now().0.saturating_sub(driven.registered) < RUN_MS_MAX => {
                return Ok(self.stands(driven, Step::Validate, StepState::Waiting, Some(why)));
            }
            Held::Waits(why) => wrong.push(format!("{why}, a day after it was registered")),
            Held::Fails(all) => wrong = all,
            Held::Holds(logged) if demanded.signed => wrong.extend(self.unsigned(logged).await?),
            Held::Holds(_) => {}
        }
        if wrong.is_empty() {
            return Ok(self.stands(driven, Step::Validate, StepState::Done, None));
        }
        Ok(Some(self.failed(driven, Step::Validate, wrong.join("; "))))
    }

    /// Says what is wrong with the signature that a version came with.
    async fn unsigned(&self, logged: Option<String>) -> Failure<Option<String>> {
        let Some(logged) = logged else {
            return Ok(Some("it is no sealed model, so no signature came with it".to_owned()));
        };
        let came = self.came_signed(logged).await?;
        let why = came.why.map(|why| format!(": {why}")).unwrap_or_default();
        Ok(match came.state {
            SignedState::Valid => None,
            SignedState::None => Some("it came without a signature".to_owned()),
            SignedState::KeyUnknown => Some("it came signed by a key that nobody here believes".to_owned()),
            SignedState::Invalid => Some(format!("the signature that it came with does not hold{why}")),
            SignedState::Unsupported => Some(format!("the signature that it came with is not read here{why}")),
        })
    }

    async fn evaluate(&self, driven: &Driven, demanded: &Evaluation) -> Failure<Next> {
        let (of, what) = (driven.clone(), demanded.clone());
        let evaluated = blocking(self.tracking()?, move |tracking| tracking.evaluated(&of, &what)).await?;
        let Some([passed, failed]) = evaluated else {
            return Ok(Some((self.failed(driven, Step::Evaluate, gone()), None)));
        };
        if !failed.is_empty() {
            let why = format!("it failed {}", failed.join(", "));
            return Ok(Some((self.failed(driven, Step::Evaluate, why), None)));
        }
        let missing: Vec<String> = demanded.suites.iter().filter(|suite| !passed.contains(suite)).cloned().collect();
        if missing.is_empty() {
            let why = format!("it passed {}", passed.join(", "));
            return Ok(self.stands(driven, Step::Evaluate, StepState::Done, Some(why)).map(|next| (next, None)));
        }
        let deadline = driven.registered.saturating_add(i64::from(demanded.within_hours).saturating_mul(HOUR_MS));
        let (names, hours) = (missing.join(", "), demanded.within_hours);
        if self.now().0 > deadline {
            let why = format!("nobody told within {hours} hours that it passed {names}");
            return Ok(Some((self.failed(driven, Step::Evaluate, why), None)));
        }
        let why = format!("it is to pass {names} within {hours} hours of its registration");
        Ok(self.stands(driven, Step::Evaluate, StepState::Waiting, Some(why)).map(|next| (next, Some(missing))))
    }

    /// Proposes the promotion, unless that was done, and says what became of it.
    async fn promote(self: &Arc<Self>, driven: Driven, wanted: &Promotion) -> Failure<Next> {
        let mut driven = driven;
        if driven.action.is_none() {
            driven.action = Some(ActionId::draw(self.now(), self.draw()).to_string());
            let intended = driven.clone();
            if !blocking(self.tracking()?, move |tracking| tracking.intend(intended)).await? {
                return Ok(None);
            }
        }
        let proposed = match self.fate(&driven).await? {
            Some(fate) => return Ok(self.after_fate(&driven, fate).map(|next| (next, None))),
            None => self.propose_promotion(&driven, wanted).await,
        };
        // Whatever was answered, the journal knows it better.
        if let Some(fate) = self.fate(&driven).await? {
            return Ok(self.after_fate(&driven, fate).map(|next| (next, None)));
        }
        let next = match proposed {
            Ok(_) => {
                let why = Some("it is there already".to_owned());
                self.stands(&driven, Step::Promote, StepState::Done, why).map(|next| Driven { action: None, ..next })
            }
            Err(NotMoved::Refused(refused)) if !is_passing(refused.code) => {
                Some(self.failed(&driven, Step::Promote, refused.message))
            }
            Err(NotMoved::Denied(refusal)) if refusal.action.is_some() || is_final(refusal.code) => {
                Some(self.failed(&driven, Step::Promote, format!("{}: {}", refusal.code, refusal.message)))
            }
            Err(other) => return Err(other.into()),
        };
        Ok(next.map(|next| (next, None)))
    }

    async fn propose_promotion(
        self: &Arc<Self>,
        driven: &Driven,
        wanted: &Promotion,
    ) -> Result<Option<ActionId>, NotMoved> {
        let wrong = || Refusal::plain(Code::Internal, "who registered it cannot be read");
        let principal = Principal::from_subject(&driven.by).ok_or_else(wrong)?;
        let on_behalf_of = driven.on_behalf_of.as_deref().map(str::parse).transpose().map_err(|_| wrong())?;
        let action = driven.action.as_deref().and_then(|action| action.parse().ok()).ok_or_else(wrong)?;
        let wanted_move = wanted_move(driven, wanted).ok_or_else(wrong)?;
        let purpose = Some(format!("{} (pipeline {})", wanted.reason, driven.pipeline));
        self.move_model_as(Holder { principal, on_behalf_of }, wanted_move, purpose, action).await
    }
}

fn wanted_move(driven: &Driven, wanted: &Promotion) -> Option<Move> {
    let (model, version) = (driven.name.clone(), driven.number.to_string());
    let Promotion { alias, stage, archive, target, .. } = wanted.clone();
    Some(match (alias, stage, target) {
        (Some(alias), None, None) => Move::SetAlias { model, alias, version },
        (None, Some(stage), None) => Move::TransitionStage { model, version, stage, archive },
        (None, None, Some(target)) => Move::Deploy { model, target, version },
        _ => return None,
    })
}

/// Says whether what could not be decided will not be decided the next time either.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::ToolUnknown | Code::Forbidden | Code::ArgumentsInvalid | Code::PayloadTooLarge | Code::NotFound
    )
}
