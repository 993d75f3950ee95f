//! What the journal is told of training and of models besides seals: the digests of runs, evaluations, what runs where, and what runs or
//! stands around the road.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use types::Code;
use types::attestation::Evaluated;
use types::data_check::DataChecked;

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::keys::Holder;
use crate::machine::Command;
use crate::seals::principal;
use crate::tracking::kept::{Attested, IncidentKept, IncidentWish};
use crate::tracking::{Answer, DeploymentShown, NewDataCheck, NewEvaluation, NewObservation, Tracking, blocking};

/// Is how often the digests of runs that go on are taken, and what runs is compared to what is to run.
const EVERY: Duration = Duration::from_secs(60);

/// Is how many runs are looked at before what was found is recorded.
const RUNS_AT_ONCE: u64 = 64;

impl Control {
    /// Keeps an evaluation of a version, and records it. It passed if each of its checks did.
    ///
    /// - `of`: the model's name and the version's number.
    ///
    /// # Errors
    ///
    /// What [`Tracking::evaluate`] refuses it with; what the journal says, and then it is recorded later.
    pub async fn evaluate_model(
        &self,
        who: Holder,
        of: (String, String),
        new: NewEvaluation,
    ) -> Failure<(Evaluated, Option<u64>)> {
        self.principal_may_change(&who.principal)?;
        let (id, evaluated) = self.attest(move |tracking| tracking.evaluate(&who, of, new)).await?;
        let record = blocking(self.tracking()?, move |tracking| tracking.record_of(id)).await?;
        Ok((evaluated, record))
    }

    /// Keeps a check of data, and records it; returns it with the index of its record.
    ///
    /// # Errors
    ///
    /// What [`Tracking::check_data`] refuses it with; what the journal says, and then it is recorded later.
    pub async fn check_data(&self, who: Holder, new: NewDataCheck) -> Failure<(DataChecked, Option<u64>)> {
        self.principal_may_change(&who.principal)?;
        let (id, checked) = self.attest(move |tracking| tracking.check_data(&who, new)).await?;
        let record = blocking(self.tracking()?, move |tracking| tracking.record_of(id)).await?;
        Ok((checked, record))
    }

    /// Keeps what the host of a target says that it runs, and records it if it is news; returns how it compares to what is to run there.
    ///
    /// # Errors
    ///
    /// What [`Tracking::observe`] refuses it with; what the journal says, and then it is recorded later.
    pub async fn observe_deployment(&self, who: Holder, new: NewObservation) -> Failure<DeploymentShown> {
        self.principal_may_change(&who.principal)?;
        self.attest(move |tracking| tracking.observe(&who, new)).await
    }

    /// Returns what is to run where and what does, by model and target.
    ///
    /// - `model`: of this one alone, by name.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it cannot be read.
    pub async fn deployments(&self, model: Option<String>) -> Failure<Vec<DeploymentShown>> {
        Ok(blocking(self.tracking()?, move |tracking| tracking.deployments(model.as_deref())).await?)
    }

    /// Returns what runs or stands around the road, the latest first.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it cannot be read.
    pub async fn model_incidents(&self, wish: IncidentWish) -> Failure<Vec<IncidentKept>> {
        Ok(blocking(self.tracking()?, move |tracking| tracking.incidents(wish)).await?)
    }

    pub(crate) async fn attest<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tracking) -> Answer<T> + Send + 'static,
    ) -> Failure<T> {
        let kept = blocking(self.tracking()?, work).await?;
        self.record_attestations().await?;
        self.tracking()?.attested.notify_one();
        Ok(kept)
    }

    /// Records what was attested and no record says anything of yet: the newest, and what a run that ended too early has left.
    ///
    /// It holds before it is recorded. A process that ends between the record and the note that it was made records it once more at the
    /// next start.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn record_attestations(&self) -> Failure<()> {
        let tracking = self.tracking()?.clone();
        let _alone = tracking.recording.lock().await;
        loop {
            let waiting = blocking(&tracking, Tracking::unrecorded_attestations).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            // They share a sync of the journal, and then one that notes all of them.
            let recorded = join_all(waiting.into_iter().map(|attested| self.record_attestation(attested))).await;
            let (recorded, failed): (Vec<_>, Vec<_>) = recorded.into_iter().partition(Result::is_ok);
            let recorded = recorded.into_iter().flatten().collect();
            blocking(&tracking, move |tracking| tracking.note_attestations_recorded(recorded)).await?;
            failed.into_iter().collect::<Failure<Vec<_>>>()?;
        }
    }

    /// Records what was attested, and returns its place with the record's.
    async fn record_attestation(&self, attested: Attested) -> Failure<(i64, u64)> {
        let by = attested.by.map(|by| principal(&by)).transpose()?;
        let (_, _, record) = self.ask_permit(Command::Attested(Box::new(attested.what), by)).await?;
        let record = record.ok_or_else(|| Refusal::plain(Code::Internal, "it is not recorded"))?;
        Ok((attested.id, record))
    }

    /// Takes the digests of the runs that were written since that was done last, and records them.
    ///
    /// - `ended`: those alone that have ended.
    ///
    /// # Errors
    ///
    /// What the disk or the journal says.
    pub async fn anchor_runs(&self, ended: bool) -> Failure<()> {
        let tracking = self.tracking()?.clone();
        let mut last = Vec::new();
        loop {
            let runs = blocking(&tracking, move |tracking| tracking.touched_runs(ended, RUNS_AT_ONCE)).await?;
            // Runs that are written while they are looked at come again the next time.
            if runs.is_empty() || runs == last {
                // Also what others are about to record: whoever asked waits for it.
                return self.record_attestations().await;
            }
            let these = runs.clone();
            blocking(&tracking, move |tracking| tracking.anchor_runs(&these)).await?;
            self.record_attestations().await?;
            last = runs;
        }
    }

    /// Takes the digests of runs as they end, and now and then of those that go on; compares what runs to what is to run.
    pub(crate) fn spawn_attestations(self: &Arc<Self>) {
        let Ok(tracking) = self.tracking().cloned() else { return };
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                let ended = tokio::select! {
                    () = tracking.ended.notified() => true,
                    _ = every.tick() => false,
                };
                let Some(this) = this.upgrade() else { return };
                if let Err(refusal) = this.attest_what_is(ended).await {
                    tracing::warn!(code = %refusal.code, message = %refusal.message, "what was tracked is not recorded yet");
                }
            }
        });
    }

    async fn attest_what_is(self: &Arc<Self>, ended: bool) -> Failure<()> {
        self.anchor_runs(ended).await?;
        if ended {
            self.tracking()?.attested.notify_one();
            return Ok(());
        }
        self.reconcile_models().await
    }

    /// Compares what runs to what is to run, and what stands somewhere to what was decided; records what came out otherwise than before.
    ///
    /// # Errors
    ///
    /// What the disk or the journal says.
    pub async fn reconcile_models(self: &Arc<Self>) -> Failure<()> {
        let compared = blocking(self.tracking()?, Tracking::reconcile).await;
        let looked = self.look_at_placements().await;
        self.record_attestations().await?;
        compared?;
        looked
    }
}
