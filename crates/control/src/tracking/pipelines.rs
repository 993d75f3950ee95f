//! What is kept of pipelines: which versions they drive, what holds of a version, and what became of each step.

use models::names::WebhookEvent;
use serde_json::json;
use store::tracking::{Attested, Change, Driven, ModelVersion, Pair, Registered, View};
use types::Digest;
use types::attestation::PIPELINE_STEPPED;
use types::pipeline::{DATA_GAPS, Evaluation, StepState, Validation};

use super::anchors::has_ended;
use super::evaluations::{seal_of, standing};
use super::gaps::Gap;
use super::model_history::MOVES_MAX;
use super::model_versions::model_version;
use super::registered_models::registered_model;
use super::webhook_events::is_prompt;
use super::{Answer, ErrorCode, Tracking};

/// Is the tag of a version that names the suites which its pipeline waits for; whoever evaluates hears of it by a webhook.
pub const EVALUATE_TAG: &str = "countersign.pipeline.evaluate";

/// Is how many versions are looked at together.
const AT_ONCE: u64 = 256;

/// Is how many steps of a version are told at most, the latest ones.
const STEPS_MAX: u64 = 1_000;

/// Is where a version stands in the pipeline that drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineShown {
    /// Where it stands.
    pub driven: Driven,
    /// What became of each step, the oldest first.
    pub steps: Vec<Attested>,
}

/// Says how a version stands before what must hold of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// It cannot be told yet.
    Waits(String),
    /// Something does not hold.
    Fails(Vec<String>),
    /// It holds, as far as it can be told here; a signature is to be looked for in this logged model.
    Holds(Option<String>),
}

/// Returns what became of each step of the pipeline that drives a version, the oldest first.
pub(super) fn stepped(view: &View<'_>, model: i64, number: i64) -> Answer<Vec<Attested>> {
    let mut steps = view.attested(PIPELINE_STEPPED, &format!("{model}/{number}"), STEPS_MAX)?;
    steps.reverse();
    Ok(steps)
}

/// Returns the version that is driven; nothing, if it is gone or the name is another model's.
fn version_of(view: &View<'_>, driven: &Driven) -> Answer<Option<ModelVersion>> {
    let found = view.model_version(&driven.name, driven.number)?;
    Ok(found.filter(|version| version.model == driven.model))
}

impl Tracking {
    /// Returns where a version stands in the pipeline that drives it; nothing, if none does.
    ///
    /// # Errors
    ///
    /// A name or a number that cannot be, or that none has.
    pub fn pipeline(&self, name: &str, number: &str) -> Answer<Option<PipelineShown>> {
        self.kept.view(|view| {
            let version = model_version(view, name, number)?;
            let Some(driven) = view.driven(version.model, version.number)? else { return Ok(None) };
            Ok(Some(PipelineShown { steps: stepped(view, version.model, version.number)?, driven }))
        })
    }

    /// Returns the versions that were registered since it was last looked for them.
    pub(crate) fn newly_registered(&self) -> Answer<Vec<Registered>> {
        self.kept.view(|view| Ok(view.newly_registered(AT_ONCE)?))
    }

    /// Begins to drive a version, unless it is a prompt's or gone, and ends what drives the versions before it.
    ///
    /// - `chosen`: the pipeline that is for its model, by name and digest; without one the version is passed over.
    pub(crate) fn begin_pipeline(&self, of: Registered, chosen: Option<(String, Digest)>) -> Answer<()> {
        let now = self.now();
        self.kept.change(move |change| {
            change.note_registered_seen(of.seq)?;
            let Some((pipeline, definition)) = chosen else { return Ok(()) };
            let found = change.model_version(&of.name, of.number)?;
            if found.is_none_or(|version| version.model != of.model)
                || is_prompt(&registered_model(change, &of.name)?.tags)
            {
                return Ok(());
            }
            for older in change.driven_before(of.model, of.number)? {
                let why = Some(format!("version {} was registered", of.number));
                let ending = older.action.clone();
                change.step_pipeline(&Driven { state: StepState::Superseded, why, since: now, ending, ..older })?;
            }
            if let Some(driven) = change.drive(&of, &pipeline, definition, now)? {
                change.step_pipeline(&driven)?;
            }
            Ok(())
        })
    }

    /// Returns the versions of a model before one whose pipelines go on.
    pub(crate) fn driven_before(&self, model: i64, number: i64) -> Answer<Vec<Driven>> {
        self.kept.view(|view| Ok(view.driven_before(model, number)?))
    }

    /// Returns the versions whose pipelines go on, behind a place.
    pub(crate) fn driven_on(&self, after: i64) -> Answer<Vec<Driven>> {
        self.kept.view(|view| Ok(view.driven_on(after, AT_ONCE)?))
    }

    /// Keeps what became of a step. Where evaluations are waited for, the version says so in a tag.
    pub(crate) fn step_pipeline(&self, driven: Driven, suites: Option<Vec<String>>) -> Answer<()> {
        let teller = self.teller();
        self.change_registry(move |change| {
            // A newer version may have been registered since it was looked at: what has ended stays so.
            let is_on = change.driven(driven.model, driven.number)?.is_some_and(|kept| kept.goes_on());
            if !is_on {
                return Ok(());
            }
            change.step_pipeline(&driven)?;
            let Some(suites) = suites.filter(|suites| !suites.is_empty()) else { return Ok(()) };
            let Some(version) = version_of(change, &driven)? else { return Ok(()) };
            let tag = Pair { key: EVALUATE_TAG.to_owned(), value: suites.join(",") };
            if version.tags.contains(&tag) {
                return Ok(());
            }
            change.tag_model_version(version.seq, &tag)?;
            let data = json!({
                "name": driven.name, "version": driven.number.to_string(), "key": tag.key, "value": tag.value,
            });
            teller.tell(change, WebhookEvent::ModelVersionTagSet, &data)
        })
    }

    /// Keeps the action that is about to be proposed; says whether the pipeline still goes on.
    pub(crate) fn intend(&self, driven: Driven) -> Answer<bool> {
        self.kept.change(move |change| {
            let goes_on = change.driven(driven.model, driven.number)?.is_some_and(|kept| kept.goes_on());
            if goes_on {
                change.keep_driven(&driven)?;
            }
            Ok(goes_on)
        })
    }

    /// Notes that the case of an action was withdrawn.
    pub(crate) fn note_withdrawn(&self, of: (i64, i64), action: String) -> Answer<()> {
        let (model, number) = of;
        self.kept.change(move |change: &Change<'_>| {
            if let Some(kept) = change.driven(model, number)?.filter(|kept| kept.ending.as_ref() == Some(&action)) {
                change.keep_driven(&Driven { ending: None, ..kept })?;
            }
            Ok(())
        })
    }

    /// Holds a version against what must hold of it.
    pub(crate) fn held_against(&self, driven: &Driven, demanded: &Validation) -> Answer<Held> {
        self.kept.view(|view| {
            let Some(version) = version_of(view, driven)? else { return Ok(Held::Fails(vec![gone()])) };
            let run = if version.run.is_empty() { None } else { view.run(&version.run)? };
            if let Some(run) = run.filter(|run| !has_ended(&run.status)) {
                return Ok(Held::Waits(format!("its run {} goes on", run.id)));
            }
            let names = Self::gap_names(view, &version)?;
            let mut wrong: Vec<String> = names.into_iter().filter(|gap| is_refused(gap, demanded)).map(told).collect();
            let model = registered_model(view, &version.name)?;
            let has = |key: &String| {
                version.tags.iter().chain(&model.tags).any(|tag| tag.key == *key && !tag.value.trim().is_empty())
            };
            let missing = demanded.tags.iter().filter(|key| !has(key));
            wrong.extend(missing.map(|key| format!("neither it nor its model has the tag `{key}`")));
            let logged = seal_of(view, &version)?.map(|seal| seal.model);
            Ok(if wrong.is_empty() { Held::Holds(logged) } else { Held::Fails(wrong) })
        })
    }

    /// Returns the suites that a version passed and those that it failed at last, of those that are demanded; nothing, if it is gone.
    pub(crate) fn evaluated(&self, driven: &Driven, demanded: &Evaluation) -> Answer<Option<[Vec<String>; 2]>> {
        self.kept.view(|view| {
            let Some(version) = version_of(view, driven)? else { return Ok(None) };
            let seal = seal_of(view, &version)?.map(|seal| seal.digest);
            let both = standing(view, &version, seal)?;
            Ok(Some(both.map(|suites| suites.into_iter().filter(|suite| demanded.suites.contains(suite)).collect())))
        })
    }

    /// Returns the actions by which something of the version's model was moved since it was registered, the latest first.
    pub(crate) fn moved_since(&self, driven: &Driven) -> Answer<Vec<String>> {
        self.kept.view(|view| {
            let (mut found, mut after) = (Vec::new(), 0);
            loop {
                let page = view.model_history(&driven.name, after, MOVES_MAX)?;
                let Some(last) = page.last() else { break };
                after = last.seq;
                let own = page.into_iter().filter(|one| one.model == driven.model && one.at >= driven.registered);
                found.extend(own.filter_map(|one| one.action));
            }
            found.reverse();
            Ok(found)
        })
    }
}

/// Says that a version is not there any more.
pub(crate) fn gone() -> String {
    "the version is not there any more, or its model has another name".to_owned()
}

fn is_refused(gap: &str, demanded: &Validation) -> bool {
    demanded.gaps_refused.contains(gap)
        || demanded.gaps_allowed.as_ref().is_some_and(|allowed| !allowed.contains(gap))
        || (demanded.data_checked && DATA_GAPS.contains(&gap))
}

fn told(name: &str) -> String {
    let text = Gap::ALL.into_iter().find(|gap| gap.name() == name).map_or("", Gap::text);
    format!("{name}: {text}")
}

/// Says whether what was refused may be tried again: nothing was decided, and the fault is the machine's.
pub(crate) fn is_passing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::InternalError)
}

#[cfg(test)]
mod tests {
    use types::pipeline::GAPS;

    use super::*;

    #[test]
    fn a_bundle_knows_the_gaps_that_can_be_told_when_a_version_is_registered() {
        let later = [
            Gap::FilesDiffer,
            Gap::RunChanged,
            Gap::RunDiffers,
            Gap::RecordMissing,
            Gap::NotDecided,
            Gap::DecisionMissing,
            Gap::AliasAroundTheRoad,
            Gap::RunsAroundTheRoad,
            // What was imported is driven by none.
            Gap::Imported,
        ];
        let mut told: Vec<&str> = Gap::ALL.into_iter().filter(|gap| !later.contains(gap)).map(Gap::name).collect();
        told.sort_unstable();
        let mut known = GAPS.to_vec();
        known.sort_unstable();
        assert_eq!(told, known);
    }

    #[test]
    fn gaps_are_refused_by_name_or_by_what_is_allowed() {
        let of = |refused: &[&str], allowed: Option<&[&str]>, data_checked| Validation {
            gaps_refused: refused.iter().map(|gap| (*gap).to_owned()).collect(),
            gaps_allowed: allowed.map(|all| all.iter().map(|gap| (*gap).to_owned()).collect()),
            data_checked,
            ..Validation::default()
        };
        assert!(is_refused("no-run", &of(&["no-run"], None, false)));
        assert!(!is_refused("no-lineage", &of(&["no-run"], None, false)));
        assert!(is_refused("no-lineage", &of(&[], Some(&["no-run"]), false)));
        assert!(!is_refused("no-run", &of(&[], Some(&["no-run"]), false)));
        assert!(is_refused("data-not-checked", &of(&[], None, true)) && is_refused("no-run", &of(&[], None, true)));
        assert!(!is_refused("data-not-checked", &of(&[], None, false)));
        assert_eq!(told("no-run"), "no-run: it names no run that it was made in");
    }

    #[test]
    fn what_the_registry_refuses_is_not_tried_again() {
        assert!(is_passing(ErrorCode::InternalError) && !is_passing(ErrorCode::PermissionDenied));
    }
}
