//! Promotions: what is moved in the registry of models is proposed, decided and recorded like any other action, and carried out by this
//! very server; also what waits for people, as soon as they have approved.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use executor::{Answer as Answered, Ran, SendError, Target, run};
use ledger::Recorded;
use ledger::sync::Mutex;
use stages::decision::Permit;
use types::case::{Case, CaseState};
use types::{ActionId, ActionProposal, Arguments, CaseId, Channel, Claims, Code, ToolName};

use crate::actions::{ARGUMENTS_BYTES_MAX, Wish};
use crate::control::Control;
use crate::door::{CaseRef, Refusal};
use crate::error::{Failure, not_found};
use crate::keys::Holder;
use crate::tracking::moves::{Decided, Move};
use crate::tracking::{Refused, Tracking, blocking};

/// Says why nothing was moved.
#[derive(Debug)]
pub enum NotMoved {
    /// The registry refuses it, whoever asks.
    Refused(Refused),
    /// It was decided against, or could not be decided.
    Denied(Box<Refusal>),
    /// People must decide; it is carried out once they have.
    Held(CaseRef, ActionId),
}

/// Is what an alias names once it was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promoted {
    /// The version's number.
    pub version: u64,
    /// The action; none if the alias named that version already.
    pub action: Option<ActionId>,
}

impl From<NotMoved> for Refusal {
    fn from(not: NotMoved) -> Self {
        match not {
            NotMoved::Denied(refusal) => *refusal,
            NotMoved::Held(case, action) => {
                let message = "people must approve it; it is done here once they have";
                Self { action: Some(action), case: Some(case), ..Self::plain(Code::ApprovalPending, message) }
            }
            NotMoved::Refused(refused) => refused.into(),
        }
    }
}

impl From<Refused> for NotMoved {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Refusal> for NotMoved {
    fn from(refusal: Refusal) -> Self {
        Self::Denied(Box::new(refusal))
    }
}

/// Is the registry as something that an action is sent to.
struct Registry {
    tracking: Arc<Tracking>,
    who: Holder,
    wanted: Move,
    decided: Decided,
    /// Why it was not done.
    refused: Mutex<Option<Refused>>,
}

impl Target for Registry {
    async fn send(&self, _: u32) -> Result<Answered, SendError> {
        let (tracking, who, wanted) = (self.tracking.clone(), self.who.clone(), self.wanted.clone());
        let decided = self.decided.clone();
        let made = tokio::task::spawn_blocking(move || tracking.make_move(&who, wanted, Some(decided))).await;
        match made {
            Err(_) => Err(SendError::Unknown("the move was interrupted".into())),
            Ok(Ok(())) => Ok(Answered { text: r#"{"moved":true}"#.into(), failed: false }),
            Ok(Err(refused)) => {
                let text = serde_json::json!({ "moved": false, "refused": refused.message }).to_string();
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
                Ok(Answered { text, failed: true })
            }
        }
    }
}

impl Control {
    /// Moves something in the registry of models, if that is decided; returns the action, or nothing if there was nothing to move.
    ///
    /// What is decided on is looked up here and written into the action: who made the version, whether its files are sealed and with
    /// what digest, what the alias named before. If any of it is another by the time the move is made, nothing is moved.
    ///
    /// - `purpose`: why, as whoever asks says.
    ///
    /// # Errors
    ///
    /// [`NotMoved`]. What waits for people is carried out by this server once they have approved, also after a restart.
    pub async fn move_model(
        self: &Arc<Self>,
        who: Holder,
        wanted: Move,
        purpose: Option<String>,
    ) -> Result<Option<ActionId>, NotMoved> {
        let action = ActionId::draw(self.now(), self.draw());
        self.move_model_as(who, wanted, purpose, action).await
    }

    /// Does as [`Control::move_model`], as an action whose name was noted before.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) async fn move_model_as(
        self: &Arc<Self>,
        who: Holder,
        wanted: Move,
        purpose: Option<String>,
        action: ActionId,
    ) -> Result<Option<ActionId>, NotMoved> {
        let this = self.clone();
        // Of its own, so that a caller who leaves leaves nothing half done.
        let moving = tokio::spawn(async move { this.move_alone(who, wanted, purpose, action).await });
        moving.await.map_err(|error| Refusal::plain(Code::Internal, error.to_string()))?
    }

    /// Lets an alias name the version again that it named before the one it names now, if that is decided.
    ///
    /// - `to`: the version instead.
    ///
    /// # Errors
    ///
    /// As [`Control::move_model`]; also if the alias never named another version that is still there.
    pub async fn roll_back_model(
        self: &Arc<Self>,
        who: Holder,
        (model, alias): (String, String),
        to: Option<u64>,
        purpose: String,
    ) -> Result<Promoted, NotMoved> {
        let version = match to {
            Some(version) => version,
            None => {
                let (name, of) = (model.clone(), alias.clone());
                blocking(self.tracking()?, move |tracking| tracking.version_before(&name, &of)).await?
            }
        };
        let wanted = Move::SetAlias { model, alias, version: version.to_string() };
        let action = self.move_model(who, wanted, Some(purpose)).await?;
        Ok(Promoted { version, action })
    }

    async fn move_alone(
        self: &Arc<Self>,
        who: Holder,
        wanted: Move,
        purpose: Option<String>,
        action: ActionId,
    ) -> Result<Option<ActionId>, NotMoved> {
        self.principal_may_change(&who.principal)?;
        let tracking = self.tracking()?.clone();
        // What is decided on names the runs that no record holds, and those that have just ended are not meant.
        self.anchor_runs(true).await?;
        let _alone = self.moving.lock().await;
        let (asker, asked) = (who.clone(), wanted.clone());
        let tried = blocking(&tracking, move |tracking| tracking.try_move(&asker, asked)).await?;
        let Some(arguments) = tried else {
            blocking(&tracking, move |tracking| tracking.make_move(&who, wanted, None)).await?;
            return Ok(None);
        };
        let arguments = Arguments::parse(&arguments.to_string(), ARGUMENTS_BYTES_MAX)
            .map_err(|error| Refusal::plain(error.code(), error.to_string()))?;
        self.decide_move(who, wanted, (arguments, purpose), action).await.map(Some)
    }

    /// Decides a move and makes it; the caller holds `moving`.
    async fn decide_move(
        self: &Arc<Self>,
        who: Holder,
        wanted: Move,
        (arguments, purpose): (Arguments, Option<String>),
        action: ActionId,
    ) -> Result<ActionId, NotMoved> {
        let wish = Wish {
            principal: who.principal.clone(),
            on_behalf_of: who.on_behalf_of.clone(),
            session: None,
            tool: self.registry_tool(&wanted)?,
            definition: None,
            arguments: arguments.clone(),
            claims: Claims { purpose, ..Claims::default() },
            channel: Channel::Http,
        };
        let mut decided = self.decide_over(wish, Some(action), None).await?;
        if let Some(case) = decided.case.take() {
            return Err(NotMoved::Held(case, action));
        }
        let Some(permit) = decided.permit.take() else { return Err(decided.refusal().into()) };
        let registry = Registry {
            tracking: self.tracking()?.clone(),
            who,
            wanted,
            decided: Decided { action, arguments: arguments.value().clone() },
            refused: Mutex::default(),
        };
        self.carry_move(permit, registry).await.map(|()| action)
    }

    /// Returns the tool that the catalogue has for a move.
    fn registry_tool(&self, wanted: &Move) -> Failure<ToolName> {
        let snapshot = self.snapshot();
        let missing = || {
            let message = "no catalogue of the active bundle has the table `[registry]`, so nothing is moved in the registry of models";
            Refusal::plain(Code::ToolUnknown, message)
        };
        let server = snapshot.bundle.data().registry.clone().ok_or_else(missing)?;
        ToolName::new(server, wanted.tool()).map_err(|error| Refusal::plain(Code::Internal, error.to_string()))
    }

    async fn carry_move(self: &Arc<Self>, permit: Recorded<Permit>, registry: Registry) -> Result<(), NotMoved> {
        let (snapshot, action) = (self.snapshot(), permit.get().action());
        let plan = self.plan_for(&snapshot, permit.get()).filter(|_| permit.get().bundle() == snapshot.bundle.digest());
        let Some((plan, _)) = plan else {
            let why = "the policy changed before it was carried out";
            return Err(self.record_unsent(action, Code::StateConflict, why).await.into());
        };
        let Ran { outcome, error, .. } = run(permit, plan, &self.gate, &registry, self.clock()).await;
        let refused = registry.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.record_ran(outcome).await?;
        match (refused, error) {
            (Some(refused), _) => Err(refused.into()),
            (None, None) => Ok(()),
            (None, Some(SendError::Stopped(why))) => Err(of(action, Refusal::plain(Code::Killed, why)).into()),
            (None, Some(_)) => {
                let why = "nobody knows whether it was moved: look at the model's history";
                Err(of(action, Refusal::plain(Code::InDoubt, why)).into())
            }
        }
    }

    /// Carries out moves as soon as people have approved them, for as long as the process runs; those too that were approved before it
    /// started.
    pub(crate) fn spawn_promotions(self: &Arc<Self>) {
        let (this, board) = (Arc::downgrade(self), self.board.clone());
        tokio::spawn(async move {
            // Each is tried once: what is denied now, for a kill that holds, say, is asked for again by whoever wants it.
            let mut tried = BTreeSet::new();
            loop {
                let is_due = |case: &Case| {
                    let known = this.upgrade().and_then(|this| this.snapshot().bundle.data().registry.clone());
                    case.state == CaseState::Approved
                        && known.as_ref() == Some(&case.tool.server)
                        && !tried.contains(&case.id)
                };
                let case = board.first(is_due).await;
                tried.retain(|id| board.get(id).is_some());
                tried.insert(case.id);
                let Some(this) = this.upgrade() else { return };
                if let Err(not) = this.carry_out_approved(case.id).await {
                    tracing::warn!(case = %case.id, ?not, "what was approved is not moved");
                }
            }
        });
    }

    async fn carry_out_approved(self: &Arc<Self>, id: CaseId) -> Result<(), NotMoved> {
        let _alone = self.moving.lock().await;
        let view = self.case(&id)?;
        let is_gone = || not_found("content of what was approved any more");
        let proposal: ActionProposal = view.proposal.ok_or_else(is_gone)?;
        // Whoever asked again meanwhile may have used it up.
        if view.case.state != CaseState::Approved {
            return Ok(());
        }
        let ActionProposal { principal, on_behalf_of, tool, arguments, claims, .. } = proposal;
        let no_move = || Refusal::plain(Code::Internal, "what was approved is no move");
        let wanted = Move::read(&tool.operation, arguments.value()).ok_or_else(no_move)?;
        let action = ActionId::draw(self.now(), self.draw());
        self.decide_move(Holder { principal, on_behalf_of }, wanted, (arguments, claims.purpose), action)
            .await
            .map(drop)
    }
}

fn of(action: ActionId, refusal: Refusal) -> Refusal {
    Refusal { action: Some(action), ..refusal }
}
