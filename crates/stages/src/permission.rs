//! Permissions: what a request for one needs, what one covers, and when it stands for people.

use std::collections::BTreeSet;

use types::bundle::BundleData;
use types::permission::{Permission, REQUEST_TOOL, Terms};
use types::{
    ActionProposal, Code, Digest, FactName, FactValue, Facts, Finding, Millis, PermissionId, ProfileId, Restriction,
    Stage,
};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Is the longest text that says what a permission is for, in bytes.
const PURPOSE_BYTES_MAX: usize = 2_000;

/// Says whether a proposal asks for a permission.
pub fn is_request(proposal: &ActionProposal) -> bool {
    proposal.tool.to_string() == REQUEST_TOOL
}

/// Judges a request for a permission; of anything else it says nothing.
///
/// It reads nothing but the proposal and the bundle. Every profile that the terms name is asked: a permission stands for
/// no others. What cannot be given denies with `permission-unsupported`.
pub fn check(bundle: &BundleData, proposal: &ActionProposal) -> Vec<Finding> {
    if !is_request(proposal) {
        return Vec::new();
    }
    let nothing = Facts::new();
    let mut said = Said::by(Stage::Review, &nothing);
    let refused = match Terms::read(&proposal.arguments) {
        Ok(terms) => match unsupported(bundle, proposal, &terms) {
            None => {
                let detail = format!("asks for {}, {}", terms.told(), terms.told_limits());
                for profile in &terms.profiles {
                    said.escalate(Some(profile), Code::PermissionAsked, detail.clone(), "terms");
                }
                return said.so_far();
            }
            Some(why) => why,
        },
        Err(why) => types::text::escape(&why, false),
    };
    said.deny(Code::PermissionUnsupported, refused, "terms");
    said.so_far()
}

/// Says why a permission with these terms cannot be given.
fn unsupported(bundle: &BundleData, proposal: &ActionProposal, terms: &Terms) -> Option<String> {
    let limits = bundle.head.permissions;
    let purpose = terms.purpose.trim();
    if proposal.principal.agent().is_none() {
        return Some("a permission is asked for in the name of an agent".into());
    }
    if !limits.gives() {
        return Some("the bundle gives no permissions: it has no `[permissions]` in bundle.toml".into());
    }
    if !(1..=limits.minutes_max).contains(&terms.minutes) {
        return Some(format!("it lasts 1 to {} minutes, as the bundle has it", limits.minutes_max));
    }
    if !(1..=limits.uses_max).contains(&terms.uses) {
        return Some(format!("it covers 1 to {} actions, as the bundle has it", limits.uses_max));
    }
    // Administration is in no catalogue, so that nobody is given it in advance.
    if !bundle.tools.contains_key(&terms.tool) {
        return Some(format!("the catalogue has no tool `{}`", terms.tool));
    }
    if terms.profiles.is_empty() {
        return Some("it names nobody who approves it".into());
    }
    if purpose.is_empty() || purpose.len() > PURPOSE_BYTES_MAX {
        return Some(format!("it needs a purpose, in {PURPOSE_BYTES_MAX} bytes at most"));
    }
    let unsound = terms.bounds.iter().find(|(_, bound)| !bound.is_sound());
    unsound.map(|(name, bound)| format!("nothing could be {}", bound.told_of(name)))
}

/// Says whether a permission covers one exact action at an instant.
///
/// Agent, delegator, tool, definition and bundle are the very same; the environment is one of those it names; every argument
/// has a bound and is within it, and so is everything that has a bound.
///
/// - `facts`: holds `resource.env` if the inventory tells one.
/// - `bundle`: the digest of the bundle that decides.
pub fn covers(permission: &Permission, proposal: &ActionProposal, facts: &Facts, bundle: &Digest, now: Millis) -> bool {
    let terms = &permission.terms;
    permission.holds_at(now)
        && permission.bundle == *bundle
        && proposal.principal.agent() == Some(&permission.agent)
        && proposal.on_behalf_of == permission.on_behalf_of
        && proposal.tool == terms.tool
        && proposal.definition == terms.definition
        && is_in_environment(terms, facts)
        && is_bounded(terms, proposal)
}

fn is_in_environment(terms: &Terms, facts: &Facts) -> bool {
    match facts.get("resource.env").map(|fact| &fact.value) {
        None => terms.environments.is_empty(),
        Some(FactValue::Text(environment)) => terms.environments.contains(environment),
        Some(_) => false,
    }
}

fn is_bounded(terms: &Terms, proposal: &ActionProposal) -> bool {
    let Some(arguments) = proposal.arguments.value().as_object() else { return false };
    arguments.keys().all(|name| terms.bounds.contains_key(name))
        && terms.bounds.iter().all(|(name, bound)| bound.holds(arguments.get(name)))
}

/// Gathers `permission.id`, `permission.met`, `permission.left` and `permission.expires_at` of the permission that covers an
/// action; nothing without one.
pub fn facts(covering: Option<&Permission>, now: Millis) -> Facts {
    let mut facts = Facts::new();
    let Some(permission) = covering else { return facts };
    let mut set = |name: &'static str, value: FactValue| facts.set(FactName::known(name), value, "permissions", now);
    set("permission.id", FactValue::Text(permission.id.to_string()));
    set("permission.met", FactValue::List(permission.terms.profiles.iter().map(ProfileId::to_string).collect()));
    set("permission.left", FactValue::Int(permission.left.into()));
    set("permission.expires_at", FactValue::Int(permission.expires.0));
    facts
}

/// Returns the finding by which a permission stands for everybody who would have to be asked; `None` if it does not.
///
/// It stands for all of them or for none: it has a use left and has not ended, each profile that is asked has approved it,
/// and none of them is asked for another permission, by a bulk breaker, by a baseline, or by a mandatory review that a person
/// looks at each time. Never does it lift a denial: where there is one, nobody asks.
///
/// - `findings`: everything that the stages have said.
/// - `required`: the profiles that they ask for.
pub(crate) fn stands_for(
    bundle: &BundleData,
    facts: &Facts,
    findings: &[Finding],
    required: &BTreeSet<ProfileId>,
) -> Option<Finding> {
    let id: PermissionId = facts.text("permission.id")?.parse().ok()?;
    let met = facts.list("permission.met")?;
    let (left, end, now) = (facts.int("permission.left")?, facts.int("permission.expires_at")?, facts.int("now")?);
    let is_good = (left >= 1 || mutant::on(Mutant::PermissionUsesOffByOne))
        && (now < end || mutant::on(Mutant::PermissionAfterExpiry));
    let met_all = required.iter().all(|profile| met.iter().any(|name| name == profile.as_str()));
    let looked_at = findings.iter().any(|finding| needs_a_look(bundle, finding));
    let stands = is_good && (met_all || mutant::on(Mutant::PermissionForOthers)) && !looked_at;
    stands.then(|| {
        let detail = format!("the permission `{id}` covers it: {left} of its uses are left before this one");
        Finding::new(Stage::Review, Restriction::AllowObserved, Code::PermissionCovers, detail, "permission.id")
    })
}

/// Says whether a finding asks people to look at this one action, whatever they have permitted in advance.
///
/// Who approved a permission did not foresee that the agent would do too much at once, what is not usual for it, or how much a plan
/// tells: what a bulk breaker has stopped they see, and what a baseline or a plan finds.
fn needs_a_look(bundle: &BundleData, finding: &Finding) -> bool {
    if !matches!(finding.restriction, Restriction::Escalate(_)) {
        return false;
    }
    let each_time = bundle.head.review.each_time && !mutant::on(Mutant::PermissionForReview);
    let is_review = finding.stage == Stage::Review && (each_time || finding.code == Code::PermissionAsked);
    let is_planned = finding.code == Code::PlanNeedsLook && !mutant::on(Mutant::PermissionForPlan);
    let is_stopped = finding.stage == Stage::Breakers && !mutant::on(Mutant::PermissionForBreaker);
    let is_unusual = finding.stage == Stage::Behaviour && !mutant::on(Mutant::PermissionForUnusual);
    is_review || is_planned || is_stopped || is_unusual
}

/// Returns the permission that a decision runs on, by its findings and facts; `None` if it runs on none.
pub fn used(findings: &[Finding], facts: &Facts) -> Option<PermissionId> {
    let stands = findings.iter().any(|finding| finding.code == Code::PermissionCovers);
    facts.text("permission.id").filter(|_| stands)?.parse().ok()
}
