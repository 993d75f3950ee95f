//! `/v1/authority`: who may do and decide what, as the active bundle and the levels that were given say.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use control::authority::{AgentView, Authority, ClassView, Override, PersonView, ProfileView, Standing, Threshold};
use serde::Serialize;
use types::{AgentId, ClassId, Digest, Millis, PersonId, ProfileId, ScheduleId, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::Json;
use crate::identities::Epoch;
use crate::levels::LevelName;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Is what an agent may do of one action class.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentClass {
    /// The action class.
    #[schema(value_type = String)]
    class: ClassId,
    /// The level in force, in the newest epoch of the agent; L0 if none was given or the one that was has ended.
    level: LevelName,
    /// The environments it holds in.
    environments: BTreeSet<String>,
    /// When the level ends, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Millis>,
    /// How many actions of this class have ended, as the gateway saw it.
    runs: i64,
    /// How many of them failed or are in doubt.
    errors: i64,
}

impl From<Standing> for AgentClass {
    fn from(standing: Standing) -> Self {
        Self {
            class: standing.class,
            level: standing.level.into(),
            environments: standing.environments,
            expires_at: standing.expires,
            runs: standing.conduct.runs,
            errors: standing.conduct.errors,
        }
    }
}

/// Is one agent of the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentAuthority {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The person who answers for it.
    #[schema(value_type = String)]
    owner: PersonId,
    /// The teams it belongs to.
    teams: BTreeSet<String>,
    /// The people it may act for.
    #[schema(value_type = Vec<String>)]
    on_behalf_of: BTreeSet<PersonId>,
    /// What it named last that it runs; absent as long as it has named nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    /// How it stands in each action class, in order of class.
    classes: Vec<AgentClass>,
}

impl From<AgentView> for AgentAuthority {
    fn from(view: AgentView) -> Self {
        let AgentView { agent, owner, teams, on_behalf_of, epoch, classes } = view;
        let (epoch, classes) = (epoch.map(Epoch::from), classes.into_iter().map(AgentClass::from).collect());
        Self { agent, owner, teams, on_behalf_of, epoch, classes }
    }
}

/// Is one person of the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAuthority {
    /// The person.
    #[schema(value_type = String)]
    person: PersonId,
    /// The groups they belong to.
    groups: BTreeSet<String>,
    /// They read everything and change nothing.
    auditor: bool,
}

impl From<PersonView> for PersonAuthority {
    fn from(view: PersonView) -> Self {
        Self { person: view.person, groups: view.groups, auditor: view.auditor }
    }
}

/// Is one profile of escalation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileAuthority {
    /// The profile.
    #[schema(value_type = String)]
    profile: ProfileId,
    /// The group that is asked; absent where anybody on call is.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The schedule whose person on call is asked, and nobody else of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_call: Option<ScheduleId>,
    /// The people who are asked, but for those who have a part in a case: those of the group, or of them whoever is on call now.
    #[schema(value_type = Vec<String>)]
    people: BTreeSet<PersonId>,
    /// How many of them must approve.
    approvals: u32,
    /// Whether votes count only if they are signed with a passkey.
    signed: bool,
    /// How long they have, in milliseconds.
    timeout_ms: i64,
    /// The profile that is asked too once that time is over; without one, silence is refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    otherwise: Option<ProfileId>,
}

impl From<ProfileView> for ProfileAuthority {
    fn from(view: ProfileView) -> Self {
        let ProfileView { profile, group, on_call, people, approvals, signed, timeout_ms, otherwise } = view;
        Self { profile, group, on_call, people, approvals, signed, timeout_ms, otherwise }
    }
}

/// Is one action class of the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassAuthority {
    /// The class.
    #[schema(value_type = String)]
    class: ClassId,
    /// What belongs in it.
    description: String,
    /// Its operations change something.
    writes: bool,
    /// An agent at L2 runs it alone.
    routine: bool,
    /// Points of operational impact for the risk score.
    impact: i64,
    /// The profile that approves when the level demands it; without one, the level denies instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    profile: Option<ProfileId>,
    /// The tools in it, as `server.tool`.
    #[schema(value_type = Vec<String>)]
    tools: Vec<ToolName>,
    /// The people who answer for it: the owners of the workflows whose boundary has it. None where no workflow does.
    #[schema(value_type = Vec<String>)]
    owners: BTreeSet<PersonId>,
    /// Which evidence controls which decision, in the words of those workflows.
    evidence: BTreeMap<String, String>,
}

impl From<ClassView> for ClassAuthority {
    fn from(view: ClassView) -> Self {
        let ClassView { class, is, tools, owners, evidence } = view;
        let (description, writes, routine) = (is.description, is.writes, is.routine);
        Self { class, description, writes, routine, impact: is.impact, profile: is.profile, tools, owners, evidence }
    }
}

/// Is a threshold of the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThresholdAuthority {
    /// Where it stands, such as `risk.escalate_from`.
    threshold: String,
    /// What it is, in words.
    is: String,
    /// The profile that is asked; without one, the action is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    profile: Option<ProfileId>,
}

impl From<Threshold> for ThresholdAuthority {
    fn from(of: Threshold) -> Self {
        let Threshold { threshold, is, profile } = of;
        Self { threshold, is, profile }
    }
}

/// Is what people may override: an administration action.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverrideAuthority {
    /// The action, such as `countersign.level.grant`.
    tool: String,
    /// The people whom policy does not deny it, judged without arguments.
    people: Vec<PersonOverride>,
    /// What it leaves behind, besides the decision on it with who, what and why.
    evidence: String,
}

/// Is one person who may override something.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonOverride {
    /// The person.
    #[schema(value_type = String)]
    person: PersonId,
    /// The profiles that must approve it first.
    #[schema(value_type = Vec<String>)]
    profiles: BTreeSet<ProfileId>,
}

impl From<Override> for OverrideAuthority {
    fn from(of: Override) -> Self {
        let people = of.people.into_iter();
        let people = people.map(|one| PersonOverride { person: one.person, profiles: one.profiles }).collect();
        Self { tool: of.tool.to_owned(), people, evidence: of.evidence.to_owned() }
    }
}

/// Is who may do and decide what.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorityMap {
    /// The digest of the active bundle.
    #[schema(value_type = String)]
    bundle: Digest,
    /// The name it gives itself.
    name: String,
    /// The people who wrote it, who approve nothing that it escalates.
    #[schema(value_type = Vec<String>)]
    authors: BTreeSet<PersonId>,
    /// An owner may decide alone.
    solo: bool,
    /// The agents, in order of name.
    agents: Vec<AgentAuthority>,
    /// The people, in order of name.
    people: Vec<PersonAuthority>,
    /// The profiles of escalation, in order of name.
    profiles: Vec<ProfileAuthority>,
    /// The action classes, in order of name.
    classes: Vec<ClassAuthority>,
    /// The thresholds from which on people are asked, all of which the authors answer for.
    thresholds: Vec<ThresholdAuthority>,
    /// What people may override, by whom.
    overrides: Vec<OverrideAuthority>,
}

impl From<Authority> for AuthorityMap {
    fn from(authority: Authority) -> Self {
        let Authority { bundle, name, authors, solo, agents, people, profiles, classes, thresholds, overrides } =
            authority;
        Self {
            bundle,
            name,
            authors,
            solo,
            agents: agents.into_iter().map(AgentAuthority::from).collect(),
            people: people.into_iter().map(PersonAuthority::from).collect(),
            profiles: profiles.into_iter().map(ProfileAuthority::from).collect(),
            classes: classes.into_iter().map(ClassAuthority::from).collect(),
            thresholds: thresholds.into_iter().map(ThresholdAuthority::from).collect(),
            overrides: overrides.into_iter().map(OverrideAuthority::from).collect(),
        }
    }
}

/// Says who may do and decide what.
///
/// The agents with their levels and records, the people, who is asked by which profile and for how long, the action classes with who
/// answers for them, the thresholds, and what people may override and what that leaves behind, as the active bundle and the levels that
/// were given say. Needs a person's key.
#[utoipa::path(get, path = "/v1/authority", operation_id = "read_authority", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The map", body = AuthorityMap),
))]
async fn read(State(app): State<App>, _: AsPerson) -> Json<AuthorityMap> {
    Json(app.control.authority().into())
}
