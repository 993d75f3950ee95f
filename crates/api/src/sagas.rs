//! `/v1/sagas`: several steps that belong together, carried out one after the other, and taken back in reverse if one does not hold.

use axum::extract::State;
use control::sagas::{NewSaga, SagaView};
use serde::{Deserialize, Serialize};
use types::saga::{Plan, PlannedStep, Saga};
use types::text::escape;
use types::{ActionId, AgentId, CheckId, Claims, Millis, PersonId, SessionId, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::{basis_points, is_key};
use crate::auth::{Anyone, AsAgent, AsPerson};
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem, forbidden};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(read))
}

/// Is a plan that an agent wants to have carried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a saga object")]
pub struct SagaWish {
    /// The steps, in their order.
    #[schema(min_items = 1, max_items = 50)]
    steps: Vec<SagaStepWish>,
    /// What it is for, in the agent's words; it counts for each step, and can only tighten the decision.
    purpose: Option<String>,
    /// How sure the agent is, 0 to 1; it counts for each step, and can only tighten the decision.
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    /// How the agent got there; it counts for each step, and can only tighten the decision.
    reasoning: Option<String>,
    /// Guards against doing it twice: the same key with the same steps answers with the saga that was taken on then, as long as that is kept.
    #[schema(max_length = 128, min_length = 1)]
    idempotency_key: Option<String>,
}

/// Is one step of a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a step object")]
pub struct SagaStepWish {
    /// What is to be called, as `server.tool`.
    #[schema(value_type = String, example = "orders.change")]
    tool: ToolName,
    /// With what. Nothing secret: what is kept is recorded.
    #[schema(value_type = Object)]
    arguments: serde_json::Map<String, serde_json::Value>,
    /// The check of the bundle that looks at what it has led to, besides those that cover it.
    #[schema(value_type = Option<String>)]
    check: Option<CheckId>,
}

/// Is a saga. Every text in it is safe to look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct SagaShown {
    /// The session that it runs in, by which it is known.
    #[schema(value_type = String)]
    saga: SessionId,
    /// Whose it is.
    #[schema(value_type = String)]
    agent: AgentId,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// How it stands: `asked`, `running`, `turning_back`, `held`, `taken_back`, `half` or `refused`.
    #[schema(example = "held")]
    state: &'static str,
    /// When it was taken on, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    begun: Millis,
    /// Since when it stands so, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    since: Millis,
    /// The steps, in their order.
    steps: Vec<SagaStepShown>,
    /// Why it was turned back, and why it ended as it did; only where one saga is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<String>,
}

/// Is one step of a saga.
#[derive(Debug, Serialize, ToSchema)]
pub struct SagaStepShown {
    /// What is called.
    #[schema(value_type = String)]
    tool: ToolName,
    /// With what; only where one saga is asked for, and not once it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    arguments: Option<serde_json::Value>,
    /// The check that looks at what it has led to, besides those that cover it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    check: Option<CheckId>,
    /// The actions that it was begun as, in order: none if it has not begun.
    #[schema(value_type = Vec<String>)]
    actions: Vec<ActionId>,
}

impl From<Saga> for SagaShown {
    fn from(saga: Saga) -> Self {
        let steps = saga.steps.into_iter().map(|step| SagaStepShown {
            tool: step.tool,
            arguments: None,
            check: step.check,
            actions: step.actions,
        });
        Self {
            saga: saga.session,
            agent: saga.agent,
            on_behalf_of: saga.on_behalf_of,
            state: saga.state.as_str(),
            begun: saga.begun,
            since: saga.since,
            steps: steps.collect(),
            why: Vec::new(),
        }
    }
}

impl From<SagaView> for SagaShown {
    fn from(view: SagaView) -> Self {
        let mut shown = Self::from(view.saga);
        for (step, planned) in shown.steps.iter_mut().zip(view.plan.into_iter().flat_map(|plan| plan.steps)) {
            step.arguments = Some(planned.arguments);
        }
        shown.why = view.why.iter().map(|why| escape(why, false)).collect();
        shown
    }
}

/// Is a step of a saga, as an action says whose it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StepOf {
    /// The session that the saga runs in.
    #[schema(value_type = String)]
    saga: SessionId,
    /// The number of the step, from 1.
    step: usize,
    /// How many there are.
    of: usize,
}

impl StepOf {
    pub(crate) fn of(saga: &Saga, action: &ActionId) -> Self {
        let step = saga.step_of(action).map_or(0, |step| step.saturating_add(1));
        Self { saga: saga.session, step, of: saga.steps.len() }
    }
}

/// Are sagas.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sagas {
    /// Those that are under way, and the last 100 of each agent that are over, in order of their beginning.
    sagas: Vec<SagaShown>,
}

/// Lists the sagas.
///
/// Those that are under way, and the last 100 of each agent that are over. Needs a person's key.
#[utoipa::path(get, path = "/v1/sagas", operation_id = "list_sagas", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The sagas", body = Sagas)))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Sagas>, Fault> {
    Ok(Json(Sagas { sagas: app.control.sagas()?.into_iter().map(SagaShown::from).collect() }))
}

/// Takes a saga on.
///
/// Several calls that belong together. People are asked for all that need them before the first begins. Then each step is decided as any call is, carried out by
/// the gateway, and looked at by its checks; if it does not hold, fails, or is decided against, everything is taken back, the latest first. What cannot be taken
/// back comes last. It is answered at once; how it goes on is read from the saga.
#[utoipa::path(post, path = "/v1/sagas", operation_id = "begin_saga", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    request_body = SagaWish, responses(
    (status = 200, description = "The saga as it stands", body = SagaShown),
    (status = 409, description = "`idempotency-conflict`: the key came before with other steps; `state-conflict`: 16 sagas of this agent are under way, or it is taken on at this very moment", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`arguments-invalid`, `tool-unknown`, `saga-irreversible`: no such plan is taken on; `tool-changed`: a tool is not the reviewed one", body = Problem, content_type = "application/problem+json"),
    (status = 502, description = "A server of a step cannot be reached", body = Problem, content_type = "application/problem+json"),
))]
async fn begin(State(app): State<App>, caller: AsAgent, Json(wish): Json<SagaWish>) -> Result<Json<SagaShown>, Fault> {
    is_key(wish.idempotency_key.as_deref())?;
    let step = |step: SagaStepWish| PlannedStep {
        tool: step.tool,
        arguments: serde_json::Value::Object(step.arguments),
        check: step.check,
    };
    let new = NewSaga {
        agent: caller.agent.clone(),
        on_behalf_of: caller.acts_for(None)?,
        plan: Plan { steps: wish.steps.into_iter().map(step).collect() },
        claims: Claims {
            purpose: wish.purpose,
            confidence_bp: wish.confidence.map(basis_points).transpose()?,
            reasoning: wish.reasoning,
            prompt_digest: None,
        },
        key: wish.idempotency_key,
    };
    Ok(Json(app.control.begin_saga(new).await?.into()))
}

/// Returns how a saga stands, with its steps and why it was turned back.
///
/// An agent sees its own sagas only.
#[utoipa::path(get, path = "/v1/sagas/{id}", operation_id = "read_saga", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The session that it runs in")), responses(
    (status = 200, description = "The saga", body = SagaShown),
    (status = 404, description = "`not-found`: it is not kept", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    Anyone(holder): Anyone,
    Named(id): Named<SessionId>,
) -> Result<Json<SagaShown>, Fault> {
    let view = app.control.saga(&id)?;
    if holder.principal.agent().is_some_and(|agent| *agent != view.saga.agent) {
        return Err(forbidden("the saga is not this agent's"));
    }
    Ok(Json(view.into()))
}
