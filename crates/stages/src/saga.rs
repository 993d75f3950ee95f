//! Sagas: which plans are taken on, and what follows upon how a step stands.

use types::bundle::BundleData;
use types::check::Judgement;
use types::saga::{Plan, PlannedStep, STEPS_MAX, TRIES_MAX};
use types::{Code, EffectClass, OutcomeStatus, Reversibility};

/// Says why a plan is not taken on, before anything of it is done; nothing if it is.
///
/// What cannot be taken back comes after everything else that changes something: a saga that turns back could not undo it, and must not undo what it stands upon.
pub fn refusal(bundle: &BundleData, plan: &Plan) -> Option<(Code, String)> {
    let steps = &plan.steps;
    if steps.is_empty() || steps.len() > STEPS_MAX {
        return Some((Code::RequestInvalid, format!("a saga has 1 to {STEPS_MAX} steps")));
    }
    let unsound = steps.iter().enumerate().find_map(|(number, step)| {
        unsound(bundle, step).map(|(code, why)| (code, format!("step {}: {why}", number.saturating_add(1))))
    });
    unsound.or_else(|| {
        let last = steps.iter().rposition(|step| changes(bundle, step))?;
        let stays = |step: &PlannedStep| changes(bundle, step) && !is_taken_back(bundle, step);
        let stays = steps.iter().take(last).position(stays)?;
        let (tool, number) = (&steps.get(stays)?.tool, stays.saturating_add(1));
        let why = format!(
            "step {number}: nothing takes `{tool}` back, and later steps change something too; put it after them"
        );
        Some((Code::SagaIrreversible, why))
    })
}

/// Says what is wrong with a step by itself.
fn unsound(bundle: &BundleData, step: &PlannedStep) -> Option<(Code, String)> {
    let (tool, check) = (&step.tool, step.check.as_ref());
    if tool.operation.starts_with("mcp:") || !bundle.servers.contains_key(&tool.server) {
        return Some((Code::ToolUnknown, format!("`{tool}` is no tool of a server of the catalogue")));
    }
    if !bundle.tools.contains_key(tool) {
        return Some((Code::ToolUnknown, format!("the catalogue does not have `{tool}`")));
    }
    if !step.arguments.is_object() {
        return Some((Code::ArgumentsInvalid, "`arguments` is no object".to_owned()));
    }
    let unknown = check.filter(|check| !bundle.checks.contains_key(*check))?;
    Some((Code::RequestInvalid, format!("the bundle has no check `{unknown}`")))
}

fn changes(bundle: &BundleData, step: &PlannedStep) -> bool {
    bundle.tools.get(&step.tool).is_none_or(|tool| tool.effect != EffectClass::Read)
}

/// Says whether the catalogue says how what a step does is taken back.
pub fn is_taken_back(bundle: &BundleData, step: &PlannedStep) -> bool {
    let tool = bundle.tools.get(&step.tool);
    tool.is_some_and(|tool| tool.undo.is_some() && tool.reversibility != Reversibility::Irreversible)
}

/// Says how a step stands, as far as the records tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was decided.
    Undecided,
    /// People were asked.
    Asked,
    /// It was decided against.
    Denied,
    /// It was permitted, and what came of it is not recorded.
    Underway,
    /// It ended, and checks watch it still.
    Watched(OutcomeStatus),
    /// It ended, and no check watches it any more.
    Ended(OutcomeStatus, Option<Judgement>),
}

/// Says what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The step is carried out.
    CarryOut,
    /// People are waited for, and then it is begun as another action.
    AwaitPeople,
    /// It is waited until it has ended.
    Await,
    /// It is begun once more, as another action: nothing has come of this one for sure.
    Again,
    /// It is looked whether it has taken effect.
    Settle,
    /// The next step begins, if there is one.
    GoOn,
    /// Everything is taken back, for this reason.
    TurnBack(&'static str),
}

/// Says what follows upon how a step stands.
///
/// It goes on if the step was seen to be done, and each check that watched it has held, and in no other case: a step that nobody can judge does not hold.
///
/// - `tries`: as how many actions it was begun so far.
pub fn next(standing: Standing, tries: usize) -> Move {
    match standing {
        Standing::Undecided => Move::CarryOut,
        Standing::Asked => Move::AwaitPeople,
        Standing::Denied => Move::TurnBack("it was decided against"),
        Standing::Underway | Standing::Watched(_) => Move::Await,
        Standing::Ended(OutcomeStatus::NotDispatched, _) if tries < TRIES_MAX => Move::Again,
        Standing::Ended(OutcomeStatus::NotDispatched, _) => Move::TurnBack("it could not be sent"),
        Standing::Ended(OutcomeStatus::InDoubt, _) => Move::Settle,
        Standing::Ended(OutcomeStatus::Failed, _) => Move::TurnBack("it failed"),
        Standing::Ended(OutcomeStatus::Done, judgement) => match judgement {
            None | Some(Judgement::Held) => Move::GoOn,
            Some(Judgement::Violated) => Move::TurnBack("a check of it was violated"),
            Some(Judgement::Inconclusive) => Move::TurnBack("nobody can tell whether it holds"),
        },
    }
}

/// Returns what several checks of a step come to: the worst of them.
pub fn worst(judgements: impl IntoIterator<Item = Judgement>) -> Option<Judgement> {
    let rank = |judgement: &Judgement| match judgement {
        Judgement::Held => 0,
        Judgement::Inconclusive => 1,
        Judgement::Violated => 2,
    };
    judgements.into_iter().max_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saga_goes_on_only_over_what_was_done_and_holds() {
        let statuses =
            [OutcomeStatus::Done, OutcomeStatus::Failed, OutcomeStatus::InDoubt, OutcomeStatus::NotDispatched];
        let judgements = [None, Some(Judgement::Held), Some(Judgement::Violated), Some(Judgement::Inconclusive)];
        let mut goes_on = Vec::new();
        for tries in 0..=TRIES_MAX + 1 {
            for standing in [Standing::Undecided, Standing::Asked, Standing::Denied, Standing::Underway] {
                assert_ne!(next(standing, tries), Move::GoOn, "{standing:?}");
            }
            for status in statuses {
                assert_eq!(next(Standing::Watched(status), tries), Move::Await);
                for judgement in judgements {
                    let standing = Standing::Ended(status, judgement);
                    match next(standing, tries) {
                        Move::GoOn => goes_on.push((status, judgement)),
                        Move::Again => {
                            assert_eq!(status, OutcomeStatus::NotDispatched);
                            assert!(tries < TRIES_MAX);
                        }
                        Move::Settle => assert_eq!(status, OutcomeStatus::InDoubt),
                        Move::TurnBack(_) => {}
                        other => panic!("{standing:?} leads to {other:?}"),
                    }
                }
            }
        }
        goes_on.dedup();
        goes_on.sort_by_key(|(_, judgement)| judgement.is_some());
        goes_on.dedup();
        assert_eq!(goes_on, [(OutcomeStatus::Done, None), (OutcomeStatus::Done, Some(Judgement::Held))]);
    }

    #[test]
    fn one_check_that_does_not_hold_is_enough() {
        use Judgement::{Held, Inconclusive, Violated};
        assert_eq!(worst([]), None);
        assert_eq!(worst([Held, Held]), Some(Held));
        assert_eq!(worst([Held, Inconclusive, Held]), Some(Inconclusive));
        assert_eq!(worst([Inconclusive, Violated, Held]), Some(Violated));
    }
}
