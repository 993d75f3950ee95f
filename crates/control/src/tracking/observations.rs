//! What hosts say that they run, and what probes found: kept by its means, compared to what is to run, and recorded when it is news.

use store::tracking::{Change, Observation};
use types::attestation::{Attestation, Observed, Signed};
use types::{Code, Digest};

use super::deployments::{DeploymentShown, OBSERVATIONS_MAX, deployments, target_name, wrong};
use super::incidents::{hold_deployment, lapsed_deployments, verdict_differs};
use super::witnesses::{Means, Witness};
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is what the host of a target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObservation {
    /// The model, by the name that the host has for it.
    pub model: String,
    /// Where.
    pub target: String,
    /// The version's number; nothing runs there if it is absent.
    pub version: Option<u64>,
    /// The digest over the files that it has loaded.
    pub digest: Option<Digest>,
}

/// Is what is to be kept, with what stands under it.
pub(super) struct Taken {
    pub(super) seen: Observation,
    pub(super) signed: Option<Signed>,
}

impl NewObservation {
    /// Checks the names in it.
    pub(super) fn checked(self) -> Answer<Self> {
        models::names::model_name(&self.model)?;
        models::names::model_name_fits(&self.model)?;
        target_name(&self.target)?;
        Ok(self)
    }

    /// Says what is to be kept of it.
    pub(super) fn seen(self, means: Means, by: String, now: i64) -> Observation {
        let Self { model, target, version, digest } = self;
        let (others, images) = (Vec::new(), Vec::new());
        let (means, state) = (means.name().to_owned(), String::new());
        Observation { model, target, means, version, digest, others, images, by, state, first: now, last: now }
    }
}

/// Keeps what is known by one means, and compares the target again.
pub(super) fn take(change: &Change<'_>, taken: Taken, now: i64, started: i64) -> Answer<DeploymentShown> {
    let Taken { seen, signed } = taken;
    let before = change.observation(&seen.model, &seen.target, &seen.means)?;
    if before.is_none() && change.observation_count()? >= OBSERVATIONS_MAX {
        return Err(wrong(format!("{OBSERVATIONS_MAX} pairs of model and target are told of already.")));
    }
    let (first, state) = match before {
        Some(before) if is_same(&before, &seen) => (before.first, before.state),
        _ => (now, String::new()),
    };
    let seen = Observation { state, first, ..seen };
    change.observe(&seen)?;
    reconcile(change, (&seen.model, &seen.target), signed.as_ref(), now, started)
}

fn is_same(one: &Observation, other: &Observation) -> bool {
    let of =
        |seen: &Observation| (seen.version, seen.digest, seen.by.clone(), seen.others.clone(), seen.images.clone());
    of(one) == of(other)
}

impl Tracking {
    /// Keeps what the host of a target says that it runs, and returns how that compares to what is to run there. It is recorded if it is
    /// not what the host said before.
    ///
    /// # Errors
    ///
    /// A name that cannot be; more targets than are told of; `heartbeat-unsigned` where the host of the target has a key.
    pub fn observe(&self, who: &Holder, new: NewObservation) -> Answer<DeploymentShown> {
        let new = new.checked()?;
        let (by, now, started) = (who.principal.subject(), self.now(), self.started);
        self.kept.change(move |change| {
            if change.has_host_key(&new.target)? {
                let message = format!("The host of {} has a key, so only what it signs counts.", new.target);
                return Err(Refused::new(ErrorCode::PermissionDenied, message).because(Code::HeartbeatUnsigned));
            }
            let seen = new.seen(Means::Reported, by, now);
            take(change, Taken { seen, signed: None }, now, started)
        })
    }

    /// Compares everything that is told of again, and keeps each comparison that came out otherwise than it was recorded.
    pub(crate) fn reconcile(&self) -> Answer<()> {
        let (now, started) = (self.now(), self.started);
        let others = self.kept.view(|view| {
            let mut others = Vec::new();
            let all = deployments(view, None, now)?;
            for one in &all {
                if one.witnesses.iter().any(is_news) || verdict_differs(view, one, now, started)? {
                    others.push((one.model.clone(), one.target.clone()));
                }
            }
            let lapsed = lapsed_deployments(view, &all)?;
            Ok::<_, Refused>((others, lapsed))
        })?;
        let (others, lapsed) = others;
        for (model, target) in others {
            self.kept.change(move |change| reconcile(change, (&model, &target), None, now, started).map(drop))?;
        }
        for (model, target) in lapsed {
            self.kept.change(move |change| super::incidents::end_deployment(change, &model, &target, now))?;
        }
        Ok(())
    }
}

/// Says whether what a means says now is not what was recorded of it last.
fn is_news(witness: &Witness) -> bool {
    let state = witness.state.map(super::DeploymentState::name);
    witness.seen.as_ref().zip(state).is_some_and(|(seen, state)| seen.state != state)
}

/// Attests what each means says of a target, if that was not attested last, and whether anything is wrong with it.
pub(super) fn reconcile(
    change: &Change<'_>,
    (model, target): (&str, &str),
    signed: Option<&Signed>,
    now: i64,
    started: i64,
) -> Answer<DeploymentShown> {
    let all = deployments(change, Some(model), now)?;
    let gone = || Refused::new(ErrorCode::InternalError, "what was kept is not there");
    let mut shown = all.into_iter().find(|one| one.target == target).ok_or_else(gone)?;
    let declared = shown.declared.and_then(|declared| u64::try_from(declared).ok());
    for witness in shown.witnesses.iter_mut().filter(|witness| is_news(witness)) {
        attest(change, witness, declared, signed, now)?;
    }
    if let Some(seen) = &mut shown.seen {
        let own = shown.witnesses.iter().filter_map(|one| one.seen.as_ref()).find(|one| one.means == seen.means);
        seen.state = own.map_or_else(String::new, |own| own.state.clone());
    }
    hold_deployment(change, &shown, now, started)?;
    Ok(shown)
}

/// Attests what one means says.
fn attest(
    change: &Change<'_>,
    witness: &mut Witness,
    declared: Option<u64>,
    signed: Option<&Signed>,
    now: i64,
) -> Answer<()> {
    let (Some(seen), Some(state)) = (witness.seen.as_mut(), witness.state) else { return Ok(()) };
    state.name().clone_into(&mut seen.state);
    change.observe(seen)?;
    let is_there = |all: &Vec<_>| !all.is_empty();
    let failed = witness.probe.as_ref().filter(|probe| probe.failed.is_some());
    let what = Attestation::Observed(Observed {
        model: seen.model.clone(),
        target: seen.target.clone(),
        version: seen.version,
        digest: seen.digest,
        declared,
        state: seen.state.clone(),
        at: now,
        means: Some(seen.means.clone()),
        others: Some(seen.others.clone()).filter(|others| !others.is_empty()),
        images: Some(seen.images.clone()).filter(is_there),
        reason: failed.map(|probe| probe.says.clone()),
        signed: signed.filter(|_| witness.means == Means::Signed).cloned(),
    });
    // What this server looked up itself nobody has said.
    let by = matches!(witness.means, Means::Reported | Means::Signed).then_some(seen.by.as_str());
    change.attest(&what, &format!("{}/{}", seen.model, seen.target), by)?;
    Ok(())
}
