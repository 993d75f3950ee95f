//! The autonomy level of an agent for an action class: how far it may go by itself.

use types::bundle::BundleData;
use types::{ActionProposal, AutonomyLevel, ClassId, Code, Facts, Finding, Principal, ProfileId, Stage};

use crate::mutant::{self, Mutant};
use crate::permission;
use crate::said::Said;

/// Judges the level as the snapshot has it, at the instant of the proposal.
///
/// Reads `level.rank`, `level.expires_at` and `class.writes`; for a write at L2 and L3 also `class.routine`,
/// `level.environments`, `level.rated` and, if it is known, `resource.env`; `level.given` and `level.stopped` only say why it is no more than L1 or L0. At L3 it reads `level.unguarded` and `level.tested`. An expired level is L0.
/// A person has no level: whoever acts in their own name is judged by the other stages. Neither does a request for a permission
/// need one.
pub fn check(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Autonomy, facts);
    if proposal.principal.agent().is_none() {
        return said.or_allow(Code::LevelAllows, "a person acts in their own name", "principal");
    }
    if permission::is_request(proposal) {
        // What it asks for is judged by its level when it is proposed.
        return said.or_allow(Code::LevelAllows, "asking for a permission executes nothing", "tool");
    }
    let Some(rank) = said.int("level.rank") else { return said.so_far() };
    if rank <= 0 {
        let why = match facts.text("level.stopped") {
            Some(action) => {
                format!("a check of `{action}` was violated, so it stands at L0 until somebody gives it a level again")
            }
            None => "at L0 the agent recommends and nothing executes".to_owned(),
        };
        said.deny(Code::LevelAdvisory, why, "level.rank");
        return said.so_far();
    }
    if rank > AutonomyLevel::L3.rank() {
        said.deny(Code::LevelUnsupported, format!("there is no level {rank}"), "level.rank");
        return said.so_far();
    }
    expiry(&mut said, proposal.at.0);
    if said.bool("class.writes") == Some(true) {
        let why = match (rank, facts.int("level.given")) {
            (1, Some(_)) => {
                Some("the level was given to another model or prompt, so here every write needs approval".to_owned())
            }
            (1, None) => Some("at L1 every write needs approval".to_owned()),
            _ => held_back(&mut said, facts, rank),
        };
        if let Some(why) = why {
            said.escalate(profile(bundle, facts), Code::LevelEscalates, why, "level.rank");
        }
    }
    said.or_allow(Code::LevelAllows, format!("L{rank} lets it run"), "level.rank")
}

/// Judges the expiry once more, at the sequencer's own instant `now`; says nothing if the level still holds.
///
/// A proposal may wait for people longer than the level lasts.
pub fn again(_: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Autonomy, facts);
    let acts_at_level =
        matches!(proposal.principal, Principal::Agent(_)) && facts.int("level.rank").is_some_and(|rank| rank > 0);
    let acts_at_level = acts_at_level && !permission::is_request(proposal);
    let looks = acts_at_level && !mutant::on(Mutant::ExpiryNotCheckedAgain);
    if let Some(now) = looks.then(|| said.int("now")).flatten() {
        expiry(&mut said, now);
    }
    said.so_far()
}

fn expiry(said: &mut Said<'_>, at: i64) {
    let Some(expires_at) = said.int("level.expires_at") else { return };
    if at >= expires_at && !mutant::on(Mutant::ExpiredLevelHonoured) {
        said.deny(Code::LevelAdvisory, "the level has expired, which makes it L0", "level.expires_at");
    }
}

// Says why a write does not run alone at L2 or L3, or nothing if it does or a missing fact has denied already.
fn held_back(said: &mut Said<'_>, facts: &Facts, rank: i64) -> Option<String> {
    let (routine, rated) = (said.bool("class.routine"), said.bool("level.rated"));
    let in_scope = said.list("level.environments").map(|scope| is_in_scope(scope, facts.text("resource.env")));
    let scoped = rank == AutonomyLevel::L3.rank();
    let open = if scoped { Some(still_open(said)) } else { None };
    if !in_scope? {
        Some(format!("at L{rank} writes run alone only inside the level's environments"))
    } else if !rated? {
        Some(format!("at L{rank} writes run alone only under a rate limit"))
    } else if routine? {
        None
    } else if !scoped {
        Some("at L2 only routine classes run alone".to_owned())
    } else {
        let open = open??;
        let missing =
            || format!("at L3 what is not routine runs alone only if it is guarded; it lacks: {}", open.join(", "));
        (!open.is_empty()).then(missing)
    }
}

// Lists what is lacking at L3, if the facts say so.
fn still_open(said: &mut Said<'_>) -> Option<Vec<String>> {
    let (open, tested) = (said.list("level.unguarded").map(<[String]>::to_vec), said.bool("level.tested"));
    let untested = (!tested?).then(|| "a rollback that was tested".to_owned());
    Some(open?.into_iter().chain(untested).collect())
}

fn is_in_scope(scope: &[String], environment: Option<&str>) -> bool {
    environment.is_some_and(|environment| scope.iter().any(|name| name == environment))
}

fn profile<'a>(bundle: &'a BundleData, facts: &Facts) -> Option<&'a ProfileId> {
    let class = ClassId::new(facts.text("tool.class")?).ok()?;
    bundle.classes.get(&class)?.profile.as_ref()
}
