//! The record of the level that a decision was made at: who gave it, and whether the decision says the same.

use types::{AutonomyLevel, Facts, Grant, Principal};

use crate::claims::Read;
use crate::content::Field;
use crate::leaf::RecordKind;
use crate::verify::Standing;

/// Says whether a grant is the one that a decision's facts name.
pub fn names(facts: &Facts, grant: &Grant) -> bool {
    facts.text("level.grant") == Some(grant.id.to_string().as_str())
}

/// Says whether a decision's facts tell a grant as it was recorded: for whom, for what, how far, until when, by whom. Where the agent acted in
/// another epoch than it was given to, they tell both how far it went and how far it was given.
pub fn agrees(principal: &Principal, facts: &Facts, grant: &Grant) -> bool {
    let environments: Vec<String> = grant.environments.iter().cloned().collect();
    principal.agent() == Some(&grant.agent)
        && facts.text("tool.class") == Some(grant.class.as_str())
        && goes_as_far(facts, grant)
        && facts.int("level.expires_at") == Some(grant.expires.0)
        && facts.list("level.environments") == Some(environments.as_slice())
        && facts.text("level.by") == Some(grant.by.to_string().as_str())
}

fn goes_as_far(facts: &Facts, grant: &Grant) -> bool {
    let rank = facts.int("level.rank");
    if facts.text("level.stopped").is_some() {
        // A check took it away since: it goes nowhere, however far it was given.
        return rank == Some(AutonomyLevel::L0.rank());
    }
    match facts.int("level.given") {
        Some(given) => given == grant.level.rank() && rank == Some(AutonomyLevel::L1.rank()) && given > 1,
        None => rank == Some(grant.level.rank()),
    }
}

/// Says whether a grant's record belongs to a bundle that is about something else: one of its decisions names it.
pub(crate) fn belongs(other: &Read<'_>, own: &[&Read<'_>]) -> Standing {
    let decisions = own.iter().filter(|record| record.leaf.kind == RecordKind::Decided && other.index < record.index);
    let standings = decisions.map(|decision| granted(decision, other));
    // Broken is worst of all, yet one decision that names the grant is enough.
    let mut known: Vec<Standing> = standings.filter(|standing| *standing != Standing::Broken).collect();
    known.sort();
    known.into_iter().next().unwrap_or(Standing::Broken)
}

fn granted(decision: &Read<'_>, other: &Read<'_>) -> Standing {
    let grant: Grant = match other.value(Field::Body) {
        Ok(grant) => grant,
        Err(standing) => return standing,
    };
    let Some(shown) = &decision.shown else { return decision.without_values() };
    match shown.content.facts() {
        Ok(facts) if names(&facts, &grant) => Standing::Holds,
        Ok(facts) if facts.get("level.grant").is_none() && shown.withheld_grounds > 0 => Standing::Withheld,
        _ => Standing::Broken,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::{AutonomyLevel, FactName, GrantId, Millis};

    use super::*;
    use crate::about::About;
    use crate::claims::tests::{action, record};
    use crate::content::Content;
    use crate::subject;

    fn grant() -> Grant {
        Grant {
            id: GrantId::draw(Millis(1), [3; 10]),
            agent: "sre-bot".parse().unwrap(),
            class: "write".parse().unwrap(),
            level: AutonomyLevel::L1,
            environments: BTreeSet::from(["prod".to_owned()]),
            reason: "a trial".to_owned(),
            by: Principal::Person("dan".parse().unwrap()),
            at: Millis(1),
            expires: Millis(9),
            epoch: None,
            stopped: None,
        }
    }

    fn facts(grant: &Grant) -> Facts {
        let mut facts = Facts::new();
        let mut set = |name, value: types::FactValue| facts.set(FactName::known(name), value, "grants", Millis(1));
        set("level.grant", grant.id.to_string().into());
        set("level.by", grant.by.to_string().into());
        set("level.rank", grant.level.rank().into());
        set("level.expires_at", grant.expires.0.into());
        set("level.environments", types::FactValue::List(grant.environments.iter().cloned().collect()));
        set("tool.class", grant.class.as_str().into());
        facts
    }

    #[test]
    fn a_decision_agrees_with_the_whole_grant_or_not_at_all() {
        let (whole, bot) = (grant(), Principal::Agent("sre-bot".parse().unwrap()));
        assert!(agrees(&bot, &facts(&whole), &whole));
        let other = Principal::Person("eve".parse().unwrap());
        for changed in [
            Grant { agent: "other".parse().unwrap(), ..whole.clone() },
            Grant { class: "read".parse().unwrap(), ..whole.clone() },
            Grant { level: AutonomyLevel::L2, ..whole.clone() },
            Grant { expires: Millis(10), ..whole.clone() },
            Grant { environments: BTreeSet::new(), ..whole.clone() },
            Grant { by: other, ..whole.clone() },
        ] {
            assert!(!agrees(&bot, &facts(&whole), &changed), "{changed:?}");
        }
    }

    #[test]
    fn a_level_of_another_epoch_is_l1_and_tells_what_it_was() {
        let (given, bot) =
            (Grant { level: AutonomyLevel::L2, ..grant() }, Principal::Agent("sre-bot".parse().unwrap()));
        let told = |rank: i64, was: i64| {
            let mut facts = facts(&given);
            facts.set(FactName::known("level.rank"), rank, "grants", Millis(1));
            facts.set(FactName::known("level.given"), was, "grants", Millis(1));
            facts
        };
        assert!(agrees(&bot, &told(1, 2), &given));
        for (rank, was) in [(2, 2), (0, 2), (1, 3), (3, 2), (2, 1)] {
            assert!(!agrees(&bot, &told(rank, was), &given), "{rank} of {was}");
        }
        assert!(!agrees(&bot, &told(1, 1), &grant()), "an L1 is no less elsewhere");
    }

    #[test]
    fn only_a_grant_that_a_later_decision_names_belongs_to_its_bundle() {
        let about = About::action(action(1));
        let given = |index, grant: &Grant| {
            let mut given = record(index, RecordKind::Grant, 9, &Content::default().with(Field::Body, grant), &[]);
            given.leaf.action = None;
            given
        };
        let decided = |hidden: &[&str]| {
            let content = Content::default().with_grounds(&[], &facts(&grant()));
            record(5, RecordKind::Decided, 1, &content, hidden)
        };
        let standing = |given, decided| subject::checks(&about, &[given, decided])[0].standing;
        let other = Grant { id: GrantId::draw(Millis(2), [4; 10]), ..grant() };
        assert_eq!(standing(given(3, &grant()), decided(&[])), Standing::Holds);
        assert_eq!(standing(given(3, &other), decided(&[])), Standing::Broken);
        assert_eq!(standing(given(7, &grant()), decided(&[])), Standing::Broken);
        assert_eq!(standing(given(3, &grant()), decided(&["fact"])), Standing::Withheld);
    }
}
