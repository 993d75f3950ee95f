//! The dossier of a version, held against the journal: what is kept beside it is only believed where a record says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evidence::{About, Field, RecordKind};
use ledger::history::Entry;
use types::attestation::Attestation;
use types::case::Vote;
use types::outcome::OutcomeStatus;
use types::seal::{SEALED, Sealed};
use types::{ActionId, Millis, PersonId, PolicyId, Verdict};

use crate::control::Control;
use crate::error::Failure;
use crate::export::Wanted;
use crate::trace::{Path, Step};
use crate::tracking::kept::{Attested, ModelMove, MoveKind, Seal};
use crate::tracking::{Dossier, Gap, Tracking, VersionUse, blocking};

/// Is a dossier with the decisions that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct DossierProved {
    /// The dossier; what the journal does not bear out is among its gaps.
    pub dossier: Dossier,
    /// The decisions that moved the version, by action.
    pub decided: BTreeMap<String, MoveDecided>,
    /// The agents that name it as what they run.
    pub users: Vec<VersionUse>,
}

/// Is the decision by which something was moved.
#[derive(Debug, Clone, PartialEq)]
pub struct MoveDecided {
    /// When it was decided last.
    pub at: Millis,
    /// The verdict.
    pub verdict: Verdict,
    /// The policies that permitted it.
    pub policies: Vec<PolicyId>,
    /// Why, as whoever asked for it said.
    pub purpose: Option<String>,
    /// The votes of people, in order.
    pub votes: Vec<Vote>,
    /// How it ended, as a record says.
    pub outcome: Option<OutcomeStatus>,
    /// The records of it.
    pub records: Vec<Step>,
    /// What was proposed.
    proposed: Option<(String, serde_json::Value)>,
}

impl MoveDecided {
    fn of(path: Path) -> Option<Self> {
        let decision = path.decisions.last()?;
        Some(Self {
            at: decision.at,
            verdict: decision.verdict.clone(),
            policies: decision.policies.clone(),
            purpose: path.proposal.as_ref().and_then(|proposal| proposal.claims.purpose.clone()),
            outcome: path.outcome.as_ref().map(|outcome| outcome.status),
            proposed: path.proposal.map(|one| (one.tool.operation.to_string(), one.arguments.value().clone())),
            votes: path.votes,
            records: path.steps,
        })
    }

    /// Says whether this is the decision that moved an alias, a stage or a deployment to where it is. One that ended in doubt may be.
    fn is_of(&self, moved: &ModelMove) -> bool {
        matches!(self.outcome, Some(OutcomeStatus::Done | OutcomeStatus::InDoubt)) && self.proposes(moved)
    }

    fn proposes(&self, moved: &ModelMove) -> bool {
        let Some((tool, arguments)) = &self.proposed else { return false };
        let text = |name: &str| arguments.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let version = arguments.get("version").map(ToString::to_string);
        let (known, named) = match moved.kind {
            MoveKind::AliasMoved => ("set_alias", text("alias")),
            MoveKind::DeploymentMoved => ("deploy", text("target")),
            MoveKind::StageMoved => return tool == "transition_stage" && stages(arguments, moved),
            _ => return true,
        };
        tool == known && named == moved.alias && version == moved.after && text("model").as_ref() == Some(&moved.name)
    }
}

/// Says whether what was decided puts a version into the stage it was moved to: it is the one, or one that went into the archive for it.
fn stages(arguments: &serde_json::Value, moved: &ModelMove) -> bool {
    let text = |name: &str| arguments.get(name).and_then(serde_json::Value::as_str);
    let number = |value: &serde_json::Value| value.as_i64() == moved.number;
    let is_it = arguments.get("version").is_some_and(number) && text("stage") == moved.after.as_deref();
    let archived = arguments.get("archived").and_then(serde_json::Value::as_array);
    let is_archived = archived.is_some_and(|all| all.iter().any(number)) && moved.after.as_deref() == Some("Archived");
    text("model") == Some(&moved.name) && (is_it || is_archived)
}

/// Says where a decision led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Led {
    /// To where the thing is.
    Here,
    /// There, as far as it is recorded; how it ended is not.
    Unended,
    /// Not there.
    Nowhere,
    /// Nobody can say.
    Unknown,
}

/// Says whether a decision led to where a move went, by all that is recorded of it.
pub(crate) fn led(path: Path, moved: &ModelMove) -> Led {
    // What was erased, or cannot be read, is held against nobody.
    let is_whole = path.unread.is_empty() && path.steps.iter().all(|step| !step.erased);
    match MoveDecided::of(path) {
        Some(found) if found.is_of(moved) => Led::Here,
        Some(found) if found.outcome.is_none() && found.proposes(moved) => Led::Unended,
        _ if !is_whole => Led::Unknown,
        _ => Led::Nowhere,
    }
}

impl Control {
    /// Returns everything that is kept of a version, held against the journal.
    ///
    /// - `at`: its number, or an alias with an `@` in front.
    ///
    /// # Errors
    ///
    /// `not-found` for a version that is not there, `request-invalid` for what can be none; `file-unusable` if it cannot be read.
    pub async fn model_dossier(self: &Arc<Self>, name: String, at: String) -> Failure<DossierProved> {
        // What has just ended is not told as a gap.
        if let Err(refusal) = self.anchor_runs(true).await {
            tracing::warn!(code = %refusal.code, message = %refusal.message, "runs that have ended are not recorded yet");
        }
        let this = self.clone();
        let proved = move |tracking: &Tracking| {
            let dossier = tracking.dossier(&name, &at)?;
            let version = &dossier.version.version;
            let users = tracking.users(&version.name, version.number);
            Ok::<_, crate::tracking::Refused>(this.proved(dossier, users))
        };
        blocking(self.tracking()?, proved).await?
    }

    /// Exports what the journal holds of a version as the bytes of an evidence bundle: its seal, the digests of its run, its evaluations, what
    /// hosts and probes said of it, incidents that name it, and the decisions that moved it.
    ///
    /// # Errors
    ///
    /// As [`Control::model_dossier`]; `not-found` if the journal holds nothing of it, `state-conflict` if its records are not published in time.
    pub async fn export_model(self: &Arc<Self>, by: &PersonId, name: String, at: String) -> Failure<Vec<u8>> {
        let DossierProved { dossier, decided, .. } = self.model_dossier(name, at).await?;
        let (actions, mut records) = (actions(&decided), BTreeSet::new());
        let anchor = dossier.run.as_ref().and_then(|run| run.anchor.as_ref());
        let others = dossier.observed.iter().chain(dossier.data_checks()).chain(&dossier.stepped);
        for attested in dossier.evaluations.iter().chain(anchor).chain(others).chain(&dossier.incidents) {
            records.extend(self.live(attested.record, |entry| is_attested(entry, attested))?);
        }
        if let Some(seal) = &dossier.seal {
            records.extend(self.live(seal.record, |entry| is_sealed(entry, seal))?);
        }
        let version = dossier.version.version;
        let about = About::Version {
            version: u64::try_from(version.number).unwrap_or(0),
            logged_model: dossier.seal.map(|seal| seal.model),
            run: dossier.run.map(|run| run.shown.run.id),
            model: version.name,
            actions,
        };
        self.export_wanted(by, Wanted::Version(about, records)).await
    }

    /// Returns an index if the live journal has what is looked for there.
    fn live(&self, index: Option<u64>, is_it: impl Fn(&Entry) -> bool) -> Failure<Option<u64>> {
        let Some(index) = index else { return Ok(None) };
        Ok(self.history.record(index)?.as_ref().is_some_and(is_it).then_some(index))
    }

    fn proved(&self, mut dossier: Dossier, users: Vec<VersionUse>) -> Failure<DossierProved> {
        let mut decided = BTreeMap::new();
        for action in dossier.moves.iter().filter_map(|moved| moved.action.clone()) {
            let read = action.parse::<ActionId>().ok().and_then(|action| self.trace(&action).ok());
            if let Some(found) = read.and_then(MoveDecided::of) {
                decided.insert(action, found);
            }
        }
        for by in dossier.standing.iter().filter_map(|standing| standing.by.as_ref()) {
            let is_decided = |action: &String| decided.get(action).is_some_and(|found: &MoveDecided| found.is_of(by));
            if by.action.as_ref().is_some_and(|action| !is_decided(action)) {
                dossier.gaps.insert(Gap::DecisionMissing);
            }
        }
        if !self.is_borne_out(&dossier)? {
            dossier.gaps.insert(Gap::RecordMissing);
        }
        Ok(DossierProved { dossier, decided, users })
    }

    /// Says whether records say what is kept of the seal, of the evaluations, of the run's last anchor, of the checks of its data and of its
    /// pipeline's steps.
    fn is_borne_out(&self, dossier: &Dossier) -> Failure<bool> {
        let anchor = dossier.run.as_ref().and_then(|run| run.anchor.as_ref());
        let others = dossier.data_checks().chain(&dossier.stepped);
        for attested in dossier.evaluations.iter().chain(anchor).chain(others) {
            if !self.holds_record(attested.record, |entry| is_attested(entry, attested))? {
                return Ok(false);
            }
        }
        dossier.seal.as_ref().map_or(Ok(true), |seal| self.holds_record(seal.record, |entry| is_sealed(entry, seal)))
    }

    /// Looks for a record in the journal, and in those of closed logs: an index alone does not say which.
    ///
    /// # Errors
    ///
    /// What the journal says; a closed log that cannot be read does not hold it.
    pub(crate) fn holds_record(&self, index: Option<u64>, is_it: impl Fn(&Entry) -> bool) -> Failure<bool> {
        let Some(index) = index else { return Ok(false) };
        if self.history.record(index)?.as_ref().is_some_and(&is_it) {
            return Ok(true);
        }
        let before = self.before()?;
        let mut closed = before.iter().rev().filter_map(|(_, history)| history.as_ref().ok());
        Ok(closed.any(|history| history.record(index).ok().flatten().as_ref().is_some_and(&is_it)))
    }
}

/// Returns the actions whose records are all in the live journal.
fn actions(decided: &BTreeMap<String, MoveDecided>) -> BTreeSet<ActionId> {
    let is_live = |decided: &MoveDecided| decided.records.iter().all(|step| step.log.is_none());
    let live = decided.iter().filter(|(_, decided)| is_live(decided));
    live.filter_map(|(action, _)| action.parse().ok()).collect()
}

/// Says whether a record says that a model was sealed with these files.
pub(crate) fn is_sealed(entry: &Entry, seal: &Seal) -> bool {
    let is_of_seal = entry.leaf.kind == RecordKind::Model && entry.leaf.status == Some(SEALED);
    let said: Option<Sealed> = entry.content.as_ref().and_then(|content| content.get(Field::Body).ok().flatten());
    is_of_seal && said.is_some_and(|said| said.model == seal.model && said.digest == seal.digest)
}

pub(crate) fn is_attested(entry: &Entry, attested: &Attested) -> bool {
    let is_of_it = entry.leaf.kind == RecordKind::Model && entry.leaf.status == Some(attested.what.status());
    let Some(content) = entry.content.as_ref().filter(|_| is_of_it) else { return false };
    match &attested.what {
        Attestation::Anchored(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::Evaluated(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::Observed(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::Imported(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::DataChecked(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::PipelineStepped(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::Incident(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
        Attestation::HostKey(body) => content.get(Field::Body).ok().flatten().as_ref() == Some(body),
    }
}
