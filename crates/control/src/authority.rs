//! Who may do and decide what, as the active bundle and the levels that were given say.

use std::collections::{BTreeMap, BTreeSet};

use types::bundle::{BundleData, Class};
use types::identity::FIRST;
use types::{
    AgentId, AutonomyLevel, ClassId, Digest, Epochs, IdentityEpoch, Millis, PersonId, ProfileId, ScheduleId, ToolName,
};

use crate::control::Control;
use crate::overrides::thresholds;
pub use crate::overrides::{MayOverride, Override, Threshold};
use crate::state::Conduct;

/// Is what an agent may do of one action class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The action class.
    pub class: ClassId,
    /// The level in force, in the newest epoch of the agent; L0 if none was given or the one that was has ended.
    pub level: AutonomyLevel,
    /// The environments it holds in; empty for all.
    pub environments: BTreeSet<String>,
    /// When it ends; none without a level.
    pub expires: Option<Millis>,
    /// How the agent's actions of this class have ended so far.
    pub conduct: Conduct,
}

/// Is one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// The agent.
    pub agent: AgentId,
    /// The person who answers for it.
    pub owner: PersonId,
    /// The teams it belongs to.
    pub teams: BTreeSet<String>,
    /// The people it may act for.
    pub on_behalf_of: BTreeSet<PersonId>,
    /// What it named last that it runs; absent as long as it has named nothing.
    pub epoch: Option<IdentityEpoch>,
    /// How it stands in each action class, in order of class.
    pub classes: Vec<Standing>,
}

/// Is one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The person.
    pub person: PersonId,
    /// The groups they belong to.
    pub groups: BTreeSet<String>,
    /// They read everything and change nothing.
    pub auditor: bool,
}

/// Is one profile of escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// The profile.
    pub profile: ProfileId,
    /// The group that is asked; absent where anybody on call is.
    pub group: Option<String>,
    /// The schedule whose person on call is asked, and nobody else of the group.
    pub on_call: Option<ScheduleId>,
    /// The people who are asked: those of the group, or of them whoever is on call now.
    pub people: BTreeSet<PersonId>,
    /// How many of them must approve.
    pub approvals: u32,
    /// Votes count only if they are signed with a passkey.
    pub signed: bool,
    /// How long they have, in milliseconds.
    pub timeout_ms: i64,
    /// The profile that is asked too once that time is over; without one, silence is refusal.
    pub otherwise: Option<ProfileId>,
}

/// Is one action class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassView {
    /// The class.
    pub class: ClassId,
    /// What it is, as the bundle has it.
    pub is: Class,
    /// The tools in it.
    pub tools: Vec<ToolName>,
    /// The people who answer for it: the owners of the workflows whose boundary has it.
    pub owners: BTreeSet<PersonId>,
    /// Which evidence controls which decision, as those workflows say, in their words.
    pub evidence: BTreeMap<String, String>,
}

/// Is who may do and decide what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The digest of the active bundle.
    pub bundle: Digest,
    /// The name it gives itself.
    pub name: String,
    /// The people who wrote it, who approve nothing that it escalates.
    pub authors: BTreeSet<PersonId>,
    /// An owner may decide alone.
    pub solo: bool,
    /// The agents, in order of name.
    pub agents: Vec<AgentView>,
    /// The people, in order of name.
    pub people: Vec<PersonView>,
    /// The profiles of escalation, in order of name.
    pub profiles: Vec<ProfileView>,
    /// The action classes, in order of name.
    pub classes: Vec<ClassView>,
    /// The thresholds from which on people are asked, or an action is denied.
    pub thresholds: Vec<Threshold>,
    /// What people may override, by whom.
    pub overrides: Vec<Override>,
}

fn people(data: &BundleData) -> Vec<PersonView> {
    let view = |(id, person): (&PersonId, &types::bundle::Person)| PersonView {
        person: id.clone(),
        groups: person.groups.clone(),
        auditor: data.is_auditor(id),
    };
    data.people.iter().map(view).collect()
}

fn profiles(data: &BundleData, now: Millis) -> Vec<ProfileView> {
    let view = |(id, profile): (&ProfileId, &types::bundle::Profile)| ProfileView {
        profile: id.clone(),
        group: profile.group.clone(),
        on_call: profile.on_call.clone(),
        people: crate::approvals::voters(data, profile, now),
        approvals: profile.approvals,
        signed: profile.signed,
        timeout_ms: profile.timeout_ms,
        otherwise: profile.otherwise.clone(),
    };
    data.profiles.iter().map(view).collect()
}

fn classes(data: &BundleData) -> Vec<ClassView> {
    let tools = |id: &ClassId| -> Vec<ToolName> {
        data.tools.iter().filter(|(_, tool)| tool.class == *id).map(|(name, _)| name.clone()).collect()
    };
    let view = |(id, class): (&ClassId, &Class)| {
        let within: Vec<_> = data.workflows.values().filter(|workflow| workflow.boundary.contains(id)).collect();
        ClassView {
            class: id.clone(),
            is: class.clone(),
            tools: tools(id),
            owners: within.iter().map(|workflow| workflow.owner.clone()).collect(),
            evidence: within.iter().flat_map(|workflow| workflow.evidence.clone()).collect(),
        }
    };
    data.classes.iter().map(view).collect()
}

impl Control {
    /// Says who may do and decide what.
    pub fn authority(&self) -> Authority {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let agents = data.agents.iter().map(|(id, agent)| AgentView {
            agent: id.clone(),
            owner: agent.owner.clone(),
            teams: agent.teams.clone(),
            on_behalf_of: agent.on_behalf_of.clone(),
            epoch: snapshot.identities.get(id).and_then(Epochs::newest).cloned(),
            classes: data.classes.keys().map(|class| self.standing(id, class)).collect(),
        });
        Authority {
            bundle: snapshot.bundle.digest(),
            name: data.head.name.clone(),
            authors: data.head.authors.clone(),
            solo: data.head.solo,
            agents: agents.collect(),
            people: people(data),
            profiles: profiles(data, self.now()),
            classes: classes(data),
            thresholds: thresholds(data),
            overrides: self.overrides(data),
        }
    }

    fn standing(&self, agent: &AgentId, class: &ClassId) -> Standing {
        let snapshot = self.snapshot();
        let now = self.now();
        let grant = snapshot.grants.get(&(agent.clone(), class.clone())).filter(|grant| grant.expires > now);
        let newest = snapshot.identities.get(agent).and_then(Epochs::newest).map_or(FIRST, |epoch| epoch.number);
        Standing {
            class: class.clone(),
            level: grant.map_or(AutonomyLevel::L0, |grant| grant.level_in(newest)),
            environments: grant.map(|grant| grant.environments.clone()).unwrap_or_default(),
            expires: grant.map(|grant| grant.expires),
            conduct: self.views.conduct(agent, class),
        }
    }
}
