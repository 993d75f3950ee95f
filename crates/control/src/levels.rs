//! Autonomy levels given by hand.

use std::collections::BTreeSet;

use types::{AgentId, AutonomyLevel, ClassId, Epochs, GrantId, Millis, PersonId, Principal};

use crate::control::Control;
use crate::error::Failure;
use crate::machine::{Change, Command};
use crate::state::Grant;

/// Is what a level is given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelWish {
    /// The agent.
    pub agent: AgentId,
    /// The action class.
    pub class: ClassId,
    /// The level.
    pub level: AutonomyLevel,
    /// The environments it holds in.
    pub environments: BTreeSet<String>,
    /// The number of the agent's epoch that it is for, 0 for when it names nothing; the newest, if none is named.
    pub epoch: Option<u64>,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub expires: Millis,
}

impl Control {
    fn draft_grant(&self, wish: LevelWish, by: Principal) -> Grant {
        let now = self.now();
        // Named when it is asked for: what people approve is not for an epoch that begins in between.
        let newest = |epochs: &Epochs| epochs.newest().map(|epoch| epoch.number);
        let epoch = wish.epoch.or_else(|| self.snapshot().identities.get(&wish.agent).and_then(newest));
        Grant {
            id: GrantId::draw(now, self.draw()),
            agent: wish.agent,
            class: wish.class,
            level: wish.level,
            environments: wish.environments,
            reason: wish.reason,
            by,
            at: now,
            expires: wish.expires,
            epoch,
            stopped: None,
        }
    }

    /// Gives a level, if policy lets this person.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings, or `level-unsupported` with the reason the level cannot be given.
    pub async fn give_level(&self, by: &PersonId, wish: LevelWish) -> Failure<Grant> {
        let grant = self.draft_grant(wish, Principal::Person(by.clone()));
        let Grant { agent, class, level, environments, expires, reason, .. } = grant.clone();
        let mut arguments = serde_json::json!({
            "agent": agent, "class": class, "level": level, "environments": environments, "expires": expires,
        });
        if let (Some(epoch), Some(arguments)) = (grant.epoch, arguments.as_object_mut()) {
            arguments.insert("epoch".to_owned(), epoch.into());
        }
        self.administer(by, "countersign.level.grant", &arguments, &reason, Change::Grant(Box::new(grant.clone())))
            .await?;
        Ok(grant)
    }

    /// Gives a level by the hand of whoever runs this process, as at the first start.
    ///
    /// # Errors
    ///
    /// `level-unsupported` with the reason the level cannot be given, or what the journal says.
    pub async fn give_first_level(&self, by: &PersonId, wish: LevelWish) -> Failure<Grant> {
        let reason = wish.reason.clone();
        let grant = self.draft_grant(wish, Principal::Person(by.clone()));
        let change = Change::Grant(Box::new(grant.clone()));
        self.ask(Command::Local { change, by: Principal::Person(by.clone()), reason }).await?;
        Ok(grant)
    }

    /// Returns the levels that were given, in order of agent and class.
    pub fn levels(&self) -> Vec<Grant> {
        self.snapshot().grants.values().cloned().collect()
    }
}
