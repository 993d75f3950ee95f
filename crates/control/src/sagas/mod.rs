//! Sagas: taking a plan of several steps on, telling how it stands, and following each to its end.
//!
//! How a saga stands is in the journal, and nothing about it anywhere else: whoever ends in between goes on from there.

mod drive;
mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;

use evidence::{Field, RecordKind};
use types::saga::{Plan, Saga, SagaState, SagaStep};
use types::{AgentId, Arguments, Channel, Claims, Code, Digest, Identity, PersonId, Principal, ServerName, SessionId};

use crate::actions::{ARGUMENTS_BYTES_MAX, Wish};
use crate::control::Control;
use crate::doctor::{Finding, Sign};
use crate::door::{Caller, McpDoor as _, Refusal, UpstreamLink as _};
use crate::error::{Failure, invalid, not_found};
use crate::followed::{Followed, look_now_and_then};
use crate::machine::{Command, SagaMove};
use crate::mcp::Link;
use crate::sessions::Brief;

/// Is a plan that an agent wants to have carried out.
#[derive(Debug, Clone)]
pub struct NewSaga {
    /// The agent.
    pub agent: AgentId,
    /// On whose behalf.
    pub on_behalf_of: Option<PersonId>,
    /// The steps.
    pub plan: Plan,
    /// What the agent says of itself; it counts for each step.
    pub claims: Claims,
    /// The agent's own key against doing it twice.
    pub key: Option<String>,
}

/// Is a saga with what its records say besides.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaView {
    /// How it stands.
    pub saga: Saga,
    /// The steps as they were planned; absent once they were erased.
    pub plan: Option<Plan>,
    /// Why it was turned back, and why it ended as it did, in order.
    pub why: Vec<String>,
}

impl Control {
    /// Takes a saga on, and begins to follow it. The same key with the same plan answers with the saga that was taken on then.
    ///
    /// # Errors
    ///
    /// `request-invalid`, `tool-unknown` or `arguments-invalid` if the plan is none, or one of its steps holds what is secret; `saga-irreversible` if what cannot
    /// be taken back comes before other changes; `idempotency-conflict` if the key came before with another plan; `state-conflict` if 16 sagas of the agent are under
    /// way; what the servers, the journal and the session say.
    pub async fn begin_saga(self: &Arc<Self>, new: NewSaga) -> Failure<Saga> {
        let snapshot = self.snapshot();
        if let Some((code, why)) = stages::saga::refusal(snapshot.bundle.data(), &new.plan) {
            return Err(Refusal::plain(code, why));
        }
        let (plan, digest) = new.plan.write(ARGUMENTS_BYTES_MAX).map_err(invalid)?;
        if let Some(known) = self.begun_before(&new, &digest)? {
            return Ok(known);
        }
        let saga = self.drawn(&new, digest);
        let mut links = Links::of(self, &saga);
        let checked = self.keeps_no_secret(&new, &saga, &mut links).await;
        links.close().await;
        checked?;
        let tools = new.plan.steps.iter().map(|step| step.tool.to_string()).collect();
        let brief = Brief { runs: Identity::default(), task: new.claims.purpose.clone(), metadata: None };
        let session = self.begin_briefed_session(&new.agent, new.on_behalf_of.clone(), Some(tools), brief).await?;
        let saga = Saga { session, ..saga };
        if let Err(refusal) = self.record_saga(saga, plan, new.claims).await {
            self.end_session(session).await?;
            return Err(refusal);
        }
        self.sagas_begun.notify_one();
        self.kept_saga(&session)
    }

    /// Records that a saga is taken on, whose session is open.
    ///
    /// # Errors
    ///
    /// `state-conflict` if its key came before, its session is closed or 16 sagas of the agent are under way, or what the journal says.
    pub async fn record_saga(&self, saga: Saga, plan: Arguments, claims: Claims) -> Failure<()> {
        self.ask(Command::Saga(SagaMove::Begin { saga: Box::new(saga), plan, claims })).await.map(drop)
    }

    fn drawn(&self, new: &NewSaga, digest: Digest) -> Saga {
        let step = |step: &types::saga::PlannedStep| SagaStep {
            tool: step.tool.clone(),
            check: step.check.clone(),
            actions: Vec::new(),
        };
        let now = self.now();
        Saga {
            session: SessionId::draw(now, Self::draw(self)),
            agent: new.agent.clone(),
            on_behalf_of: new.on_behalf_of.clone(),
            key: new.key.clone(),
            digest,
            steps: new.plan.steps.iter().map(step).collect(),
            begun: now,
            state: SagaState::Asked,
            since: now,
        }
    }

    /// Returns the saga that an agent began under the same key.
    fn begun_before(&self, new: &NewSaga, digest: &Digest) -> Failure<Option<Saga>> {
        let Some(key) = &new.key else { return Ok(None) };
        let mut own = self.sagas()?.into_iter().filter(|saga| saga.agent == new.agent);
        match own.find(|saga| saga.key.as_ref() == Some(key)) {
            Some(known) if known.digest == *digest => Ok(Some(known)),
            Some(known) => {
                let why = format!("this idempotency key came before with another plan, as {}", known.session);
                Err(Refusal::plain(Code::IdempotencyConflict, why))
            }
            None => Ok(None),
        }
    }

    /// Demands that every server can be reached and lists the tools that were reviewed, and that no step holds a secret: what is kept is recorded, and a secret is
    /// not.
    async fn keeps_no_secret(self: &Arc<Self>, new: &NewSaga, saga: &Saga, links: &mut Links) -> Failure<()> {
        let snapshot = self.snapshot();
        for (number, step) in new.plan.steps.iter().enumerate() {
            let link = links.to(&step.tool.server).await?;
            let reviewed = self.is_reviewed(&snapshot, &link, &step.tool).await;
            reviewed.map_err(|why| Refusal::plain(Code::ToolChanged, why))?;
            let mut proposal = self.proposal(self.wish_of(saga, &new.plan, number, &new.claims)?);
            let hidden =
                self.original(&proposal)?.map(|all| all.redact(&snapshot.bundle, &mut proposal)).transpose()?;
            if !hidden.unwrap_or_default().is_empty() {
                let number = number.saturating_add(1);
                let why = format!("step {number} holds something secret, which is not kept; call its tool by itself");
                return Err(Refusal::plain(Code::ArgumentsInvalid, why));
            }
        }
        Ok(())
    }

    /// Returns what a step of a saga wants.
    fn wish_of(&self, saga: &Saga, plan: &Plan, number: usize, claims: &Claims) -> Failure<Wish> {
        let step = plan.steps.get(number).ok_or_else(|| drive::lost(saga, number))?;
        let arguments = Arguments::parse(&step.arguments.to_string(), ARGUMENTS_BYTES_MAX);
        Ok(Wish {
            principal: Principal::Agent(saga.agent.clone()),
            on_behalf_of: saga.on_behalf_of.clone(),
            session: Some(saga.session),
            definition: self.definition(&step.tool),
            tool: step.tool.clone(),
            arguments: arguments.map_err(|error| Refusal::plain(error.code(), error.to_string()))?,
            claims: claims.clone(),
            channel: Channel::Mcp,
        })
    }

    /// Returns the sagas that are under way, and the last 100 of each agent that are over, in order of their beginning.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn sagas(&self) -> Failure<Vec<Saga>> {
        let rows = self.history().state(crate::state::kind::SAGA)?;
        let mut all: Vec<Saga> = rows.iter().map(|(_, bytes)| read(bytes)).collect::<Failure<_>>()?;
        all.sort_by_key(|saga| (saga.begun, saga.session));
        Ok(all)
    }

    /// Returns how a saga stands.
    fn kept_saga(&self, session: &SessionId) -> Failure<Saga> {
        let row = self.history().state_value(crate::state::kind::SAGA, &session.to_string())?;
        row.map_or_else(|| Err(not_found(format!("saga {session}"))), |bytes| read(&bytes))
    }

    /// Returns a saga with what its records say besides.
    ///
    /// # Errors
    ///
    /// `not-found` if it is not kept, or what the journal says.
    pub fn saga(&self, session: &SessionId) -> Failure<SagaView> {
        let saga = self.kept_saga(session)?;
        let mut view = SagaView { saga, plan: None, why: Vec::new() };
        for entry in self.history().of_session(session)? {
            let Some(content) = entry.content.filter(|_| entry.leaf.kind == RecordKind::Saga) else { continue };
            let plan: Option<Arguments> = content.get(Field::Arguments).ok().flatten();
            view.plan = plan.and_then(|plan| Plan::read(&plan).ok()).or(view.plan);
            view.why.extend(content.get::<String>(Field::Error).ok().flatten());
        }
        Ok(view)
    }

    /// Returns what an agent said of itself as it began a saga.
    fn claims_of(&self, session: &SessionId) -> Failure<Claims> {
        let entries = self.history().of_session(session)?;
        let mut contents = entries.into_iter().filter(|entry| entry.leaf.kind == RecordKind::Saga);
        let claims = contents.find_map(|entry| entry.content?.get::<Claims>(Field::Claims).ok().flatten());
        Ok(claims.unwrap_or_default())
    }

    /// Follows every saga to its end, for as long as the process runs.
    pub(crate) fn spawn_sagas(self: &Arc<Self>) {
        let (this, begun, followed) = (Arc::downgrade(self), self.sagas_begun.clone(), Followed::default());
        tokio::spawn(look_now_and_then(begun, move || {
            let Some(control) = this.upgrade() else { return false };
            match control.sagas() {
                Ok(all) => all.into_iter().filter(|saga| !saga.state.is_end()).for_each(|saga| {
                    let (this, session) = (this.clone(), saga.session);
                    followed.follow(session.to_string(), || async move { drive::to_the_end(&this, session).await });
                }),
                Err(refusal) => tracing::warn!(code = %refusal.code, "the sagas cannot be read"),
            }
            true
        }));
    }

    /// Says which sagas are being taken back, and which stand half done.
    pub(crate) fn sagas_found(&self) -> Vec<Finding> {
        let all = self.sagas().unwrap_or_default().into_iter();
        let found = all.filter_map(|saga| {
            let (sign, says) = match saga.state {
                SagaState::TurningBack => (Sign::Note, "a step did not hold, and it is being taken back"),
                SagaState::Half => {
                    (Sign::Bad, "it stands half done: `countersign saga show` says what could not be taken back")
                }
                _ => return None,
            };
            Some(Finding { sign, about: format!("saga {}", saga.session), says: says.to_owned(), code: None })
        });
        found.collect()
    }
}

fn read(bytes: &[u8]) -> Failure<Saga> {
    types::cbor::decode(bytes).map_err(|error| Refusal::plain(Code::Internal, error.to_string()))
}

/// Are the connections of a saga: one to each of its servers.
struct Links {
    control: Arc<Control>,
    caller: Caller,
    open: BTreeMap<ServerName, Arc<Link>>,
}

impl Links {
    fn of(control: &Arc<Control>, saga: &Saga) -> Self {
        let caller = Caller { agent: saga.agent.clone(), on_behalf_of: saga.on_behalf_of.clone(), anonymous: false };
        Self { control: control.clone(), caller, open: BTreeMap::new() }
    }

    async fn to(&mut self, server: &ServerName) -> Failure<Arc<Link>> {
        if let Some(link) = self.open.get(server) {
            return Ok(link.clone());
        }
        let link = self.control.connect(&self.caller, server, None, "{}").await?;
        self.open.insert(server.clone(), link.clone());
        Ok(link)
    }

    async fn close(&mut self) {
        for link in std::mem::take(&mut self.open).into_values() {
            link.close().await;
        }
    }
}
