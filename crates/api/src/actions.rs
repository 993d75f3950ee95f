//! `/v1/actions`: proposing an action, reading its path, reporting its outcome.

use axum::extract::State;
use control::actions::{ARGUMENTS_BYTES_MAX, Decided, Proposed, Wish};
use control::trace::Path;
use serde::{Deserialize, Serialize};
use types::{
    ActionId, AgentId, Arguments, Channel, Claims, Code, Decision, Millis, OutcomeStatus, Principal, SessionId,
    ToolName,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, AsAgent};
use crate::extract::{Json, Named};
use crate::path::ActionPath;
use crate::problem::{ApprovalRef, Fault, Problem, forbidden, invalid};
use crate::view::{Finding, RestrictionName, Risk};
use crate::{App, callers};

/// Is the longest idempotency key accepted, in characters.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(propose)).routes(routes!(read)).routes(routes!(report))
}

/// Is what an agent wants to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an action object")]
pub struct NewAction {
    /// The session it is part of.
    #[schema(value_type = Option<String>)]
    session: Option<SessionId>,
    /// The agent; the key says who it is, and naming another is refused.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// What is to be called, as `server.tool`.
    #[schema(value_type = String, example = "sre.restart")]
    tool: ToolName,
    /// With what: an object of at most 4 MiB in canonical form.
    #[schema(value_type = Object)]
    arguments: Arguments,
    /// What it is for, in the agent's words; can only tighten the decision.
    purpose: Option<String>,
    /// How sure the agent is, 0 to 1; can only tighten the decision.
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    /// How the agent got there; can only tighten the decision.
    reasoning: Option<String>,
    /// Guards against doing it twice: for 24 hours the same key with the same action returns the first answer.
    #[schema(max_length = 128, min_length = 1)]
    idempotency_key: Option<String>,
}

/// Is the answer to a proposal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionAnswer {
    /// The identity of the action.
    #[schema(value_type = String)]
    action: ActionId,
    /// What was decided; only with `allow` and `allow_observed` may it run.
    verdict: RestrictionName,
    /// What each stage said.
    findings: Vec<Finding>,
    /// The risk score.
    risk: Risk,
    /// The authority to run it once, where it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<PermitUntil>,
    /// The case, where people must decide first. Once it is approved, propose the identical action again.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalRef>,
    /// Where it is recorded; null where so many denials came before that this one is only counted.
    #[schema(required)]
    receipt: Option<Receipt>,
    /// The autonomy level in force, `L0` to `L3`.
    #[schema(example = "L1")]
    level: String,
    /// This action came before under the same idempotency key, and this is the answer it got then.
    repeated: bool,
}

/// Is how long an action may run.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermitUntil {
    /// From then on it is worth nothing, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
}

/// Is where something is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// The index of its record in the journal.
    pub(crate) index: u64,
}

impl ActionAnswer {
    fn now(decided: Decided) -> Self {
        let permit = decided.permit.as_ref().map(|permit| permit.get().expires_at());
        Self::of(&decided.decision, permit, decided.case.map(ApprovalRef::from), decided.receipt, false)
    }

    fn of(
        decision: &Decision,
        permit: Option<Millis>,
        approval: Option<ApprovalRef>,
        receipt: Option<u64>,
        repeated: bool,
    ) -> Self {
        Self {
            action: decision.action,
            verdict: RestrictionName::from(&decision.verdict),
            findings: decision.findings.iter().map(Finding::from).collect(),
            risk: Risk::from(&decision.risk),
            permit: permit.map(|expires_at| PermitUntil { expires_at }),
            approval,
            receipt: receipt.map(|index| Receipt { index }),
            level: decision.level.to_string(),
            repeated,
        }
    }

    /// Gives the answer an action got before; its permit only while it is alive and nothing was reported.
    fn before(app: &App, action: ActionId, path: &Path) -> Result<Self, Fault> {
        let erased =
            || Fault::new(Code::StateConflict, format!("{action} came before, and its content was erased since"));
        let decision = path.decisions.first().ok_or_else(erased)?;
        let alive = app.control.holds(&action).filter(|_| decision.verdict.permits() && path.outcome.is_none());
        let approval = match decision.case.filter(|_| !decision.verdict.permits()) {
            Some(case) => app.control.case(&case).ok().map(|view| ApprovalRef {
                id: view.case.id,
                url: view.url,
                expires_at: view.case.expires,
            }),
            None => None,
        };
        let own = path.steps.iter().find(|step| step.leaf.action == Some(action));
        Ok(Self::of(decision, alive, approval, own.map(|step| step.index), true))
    }
}

/// Reads a confidence as basis points, rounded down: what an agent claims can only tighten.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was just found to be within 0 to 10,000"
)]
pub(crate) fn basis_points(confidence: f64) -> Result<u32, Fault> {
    // Most decimal fractions lie a little beside their double; a millionth of a basis point makes up for it.
    let points = confidence * 10_000.0 + 1e-6;
    if (0.0..=1.0).contains(&confidence) {
        Ok(points as u32)
    } else {
        Err(invalid("`confidence` is not between 0 and 1"))
    }
}

/// Refuses an idempotency key that is none.
pub(crate) fn is_key(key: Option<&str>) -> Result<(), Fault> {
    if key.is_some_and(|key| key.is_empty() || key.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX) {
        return Err(invalid(format!("`idempotency_key` must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters")));
    }
    Ok(())
}

fn wish(app: &App, caller: &AsAgent, new: NewAction) -> Result<(Wish, Option<String>), Fault> {
    caller.is(new.agent.as_ref())?;
    let session = new.session.map(|id| app.control.session_of(&caller.agent, id)).transpose()?;
    if new.arguments.canonical().len() > ARGUMENTS_BYTES_MAX {
        return Err(Fault::new(
            Code::PayloadTooLarge,
            format!("arguments may have at most {ARGUMENTS_BYTES_MAX} bytes"),
        ));
    }
    is_key(new.idempotency_key.as_deref())?;
    let wish = Wish {
        principal: Principal::Agent(caller.agent.clone()),
        on_behalf_of: caller.acts_for(session.as_ref().and_then(|session| session.on_behalf_of.clone()))?,
        session: new.session,
        definition: app.control.definition(&new.tool),
        tool: new.tool,
        arguments: new.arguments,
        claims: Claims {
            purpose: new.purpose,
            confidence_bp: new.confidence.map(basis_points).transpose()?,
            reasoning: new.reasoning,
            prompt_digest: None,
        },
        channel: Channel::Http,
    };
    Ok((wish, new.idempotency_key))
}

/// Proposes an action.
///
/// Decides it and records the decision before answering. The verdict travels in a 200, `deny` too. An action that is
/// allowed is carried out by the agent itself, before its permit expires, and reported. One that people must decide
/// names its case; after they have approved, the identical proposal is allowed once. A repetition under the same
/// idempotency key returns the first answer once that is final; what waits for people is not.
#[utoipa::path(post, path = "/v1/actions", operation_id = "propose_action", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    request_body = NewAction, responses(
    (status = 200, description = "The decision", body = ActionAnswer),
    (status = 404, description = "`not-found`: this agent has no such open session", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`idempotency-conflict`: the key came before with another action", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`overloaded`: 100,000 keys of this agent are kept already", body = Problem, content_type = "application/problem+json"),
))]
async fn propose(
    State(app): State<App>,
    caller: AsAgent,
    Json(new): Json<NewAction>,
) -> Result<Json<ActionAnswer>, Fault> {
    let (wish, key) = wish(&app, &caller, new)?;
    match app.control.propose_alone(wish, key).await? {
        Proposed::Now(decided) => Ok(Json(ActionAnswer::now(*decided))),
        Proposed::Before(action) => {
            let path = app.control.trace(&action)?;
            Ok(Json(ActionAnswer::before(&app, action, &path)?))
        }
    }
}

/// Returns the whole path of an action.
///
/// From proposal to outcome, with every finding, fact and vote. An agent sees its own actions only.
#[utoipa::path(get, path = "/v1/actions/{id}", operation_id = "read_action", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The action")), responses(
    (status = 200, description = "The path", body = ActionPath),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    Anyone(holder): Anyone,
    Named(id): Named<ActionId>,
) -> Result<Json<ActionPath>, Fault> {
    let path = app.control.trace(&id)?;
    let own = path.proposal.as_ref().is_some_and(|proposal| proposal.principal == holder.principal);
    // No agent hears of a decoy, not even the one that seems to ask.
    if holder.principal.agent().is_some() && (!own || path.is_of_decoy()) {
        return Err(forbidden("the action is not this agent's"));
    }
    let is_tested = app.control.is_tested(&holder.principal);
    Ok(Json(ActionPath::new(id, &if is_tested { path.as_voters_see() } else { path })))
}

/// Is what an agent reports of an action it carried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an outcome object")]
pub struct NewOutcome {
    /// How it ended.
    status: ReportedStatus,
    /// What the target answered.
    #[schema(value_type = Option<Value>)]
    result: Option<serde_json::Value>,
    /// What went wrong.
    error: Option<String>,
}

/// Says how an action ended, as its agent tells it.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", expecting = "`done` or `failed`")]
pub enum ReportedStatus {
    /// It was done.
    Done,
    /// It failed.
    Failed,
}

/// Is where an outcome is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reported {
    /// Where it is recorded.
    receipt: Receipt,
}

/// Reports an outcome.
///
/// Recorded as reported, which never counts as evidence of good conduct. Each permitted action takes one outcome.
#[utoipa::path(post, path = "/v1/actions/{id}/outcome", operation_id = "report_outcome", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    params(("id" = String, Path, description = "The action")),
    request_body = NewOutcome, responses(
    (status = 200, description = "The outcome is recorded", body = Reported),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: the action awaits no outcome", body = Problem, content_type = "application/problem+json"),
))]
async fn report(
    State(app): State<App>,
    caller: AsAgent,
    Named(id): Named<ActionId>,
    Json(new): Json<NewOutcome>,
) -> Result<Json<Reported>, Fault> {
    let status = match new.status {
        ReportedStatus::Done => OutcomeStatus::Done,
        ReportedStatus::Failed => OutcomeStatus::Failed,
    };
    let result = new.result.as_ref().map(types::json::canonical);
    let index = app.control.report(&caller.agent, id, status, result, new.error).await?;
    Ok(Json(Reported { receipt: Receipt { index } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_rounded_down_and_kept_in_its_range() {
        for (claimed, points) in
            [(0.0, 0), (1.0, 10_000), (0.85, 8_500), (0.57, 5_700), (0.849_99, 8_499), (0.29, 2_900)]
        {
            assert_eq!(basis_points(claimed).unwrap(), points, "{claimed}");
        }
        for wrong in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert!(basis_points(wrong).is_err(), "{wrong}");
        }
    }
}
