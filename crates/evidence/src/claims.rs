//! The claims of a bundle: what its records say, recomputed from what they disclose.

use std::collections::{BTreeMap, BTreeSet};

use types::case::Ballot;
use types::cbor::Canonical;
use types::{ActionId, CaseId, Digest, Facts, Verdict};

use crate::about::About;
use crate::bodies::DecisionBody;
use crate::commit::Disclosed;
use crate::content::Field;
use crate::leaf::{Leaf, RecordKind};
use crate::signed_votes;
use crate::subject;
use crate::verify::{Check, Standing, check};
use crate::walk::is_intent;

/// Is one record whose leaf could be read.
#[derive(Debug)]
pub struct Read<'a> {
    /// Its index in the log.
    pub index: u64,
    /// The leaf's exact bytes.
    pub bytes: &'a [u8],
    /// The leaf.
    pub leaf: Leaf,
    /// What is shown of its content, which is what the leaf commits to.
    pub shown: Option<Disclosed>,
    /// Its content was erased.
    pub erased: bool,
}

impl Read<'_> {
    /// Reads the value of a field that is shown.
    ///
    /// # Errors
    ///
    /// How a claim stands that needs it: withheld, erased or missing, or broken if there is no such value in it.
    pub fn value<T: Canonical>(&self, field: Field) -> Result<T, Standing> {
        let shown = self.shown.as_ref().filter(|shown| !shown.withheld.contains(&field));
        let shown = shown.ok_or_else(|| self.without_values())?;
        shown.content.get(field).ok().flatten().ok_or(Standing::Broken)
    }

    /// Says how a claim stands that needs values which nothing shows.
    pub fn without_values(&self) -> Standing {
        match self.shown {
            Some(_) => Standing::Withheld,
            None if self.erased => Standing::Erased,
            None => Standing::Missing,
        }
    }
}

/// Judges every claim; `about` is what the bundle says it is about, and `log` the name of the log, where it is known.
pub(crate) fn of(about: &About, log: Option<&str>, records: &[Read<'_>]) -> Vec<Check> {
    let mut checks: Vec<Check> = records.iter().flat_map(|record| decided(record, records)).collect();
    checks.extend(signed_votes::checks(log, records));
    checks.extend(outcomes(records));
    checks.extend(sessions(records));
    checks.extend(subject::checks(about, records));
    checks
}

/// Is a decision as its values tell it, all of them shown.
struct Told {
    verdict: Verdict,
    joined: Verdict,
    facts: Facts,
}

impl Told {
    /// Reads a decision; `None` if a part of it is no canonical value.
    fn by(shown: &Disclosed) -> Option<Self> {
        let findings = shown.content.findings().ok()?;
        let facts = shown.content.facts().ok()?;
        let verdict = shown.content.get::<DecisionBody>(Field::Decision).ok()??.verdict;
        Some(Self { verdict, joined: Verdict::join(findings.iter().map(|f| &f.restriction)), facts })
    }

    /// Returns the verdict that the findings and the approvals give.
    fn expected(&self) -> Verdict {
        let Verdict::Escalate(required) = &self.joined else { return self.joined.clone() };
        let met = self.facts.list("approval.met").unwrap_or_default();
        let missing: BTreeSet<_> = required.iter().filter(|p| !met.iter().any(|m| m == p.as_str())).cloned().collect();
        if missing.is_empty() { Verdict::AllowObserved } else { Verdict::Escalate(missing) }
    }

    /// Says whether approvals lifted an escalation, wholly or in part.
    fn is_lifted(&self) -> bool {
        self.expected() != self.joined
    }
}

fn decided(record: &Read<'_>, all: &[Read<'_>]) -> Vec<Check> {
    if record.leaf.kind != RecordKind::Decided {
        return Vec::new();
    }
    let claim = format!("record {}: the verdict is the join of its findings", record.index);
    let whole = record.shown.as_ref().filter(|s| s.withheld_grounds == 0 && !s.withheld.contains(&Field::Decision));
    let judged = |standing| check(claim, standing, None);
    let Some(shown) = whole else { return vec![judged(record.without_values()).unless_holds("content-missing")] };
    let Some(told) = Told::by(shown) else { return vec![judged(Standing::Broken).because("content-invalid")] };
    let mut checks = vec![judged(verdict(&record.leaf, shown, &told)).unless_holds("verdict-mismatch")];
    checks.extend(told.is_lifted().then(|| votes(record.index, &told.facts, all)));
    checks
}

fn verdict(leaf: &Leaf, shown: &Disclosed, told: &Told) -> Standing {
    if leaf.verdict != Some(told.verdict.rank()) || told.verdict != told.expected() {
        Standing::Broken
    } else if told.is_lifted() {
        names_a_case(shown)
    } else {
        Standing::Holds
    }
}

fn names_a_case(shown: &Disclosed) -> Standing {
    match shown.content.get::<CaseId>(Field::Case) {
        Ok(Some(_)) => Standing::Holds,
        _ if shown.withheld.contains(&Field::Case) => Standing::Withheld,
        _ => Standing::Broken,
    }
}

/// Demands, for each case that lifted an escalation, a vote in front of the decision; whose votes they are is said by
/// `approval.opened_by`.
fn votes(index: u64, facts: &Facts, all: &[Read<'_>]) -> Check {
    let claim = format!("record {index}: people voted for what was lifted");
    let Some(openers) = openers(facts) else { return check(claim, Standing::Broken, None).because("content-invalid") };
    let voted = |opener: &ActionId| {
        let mut votes = all.iter().filter(|r| r.index < index && r.leaf.kind == RecordKind::Vote);
        votes.any(|r| r.leaf.action == Some(*opener) && r.leaf.status == Some(Ballot::Approve as u8))
    };
    if openers.is_empty() {
        let detail = "it names no action that opened a case".to_owned();
        return check(claim, Standing::Missing, Some(detail)).because("votes-missing");
    }
    match openers.iter().find(|opener| !voted(opener)) {
        Some(opener) => {
            check(claim, Standing::Missing, Some(format!("no vote for {opener} is here"))).because("votes-missing")
        }
        None => check(claim, Standing::Holds, None),
    }
}

/// Reads the actions whose cases were approved; `None` if one of them is no id.
pub(crate) fn openers(facts: &Facts) -> Option<BTreeSet<ActionId>> {
    let named = facts.list("approval.opened_by").unwrap_or_default();
    named.iter().map(|id| id.parse().ok()).collect()
}

fn outcomes(records: &[Read<'_>]) -> Vec<Check> {
    let outcomes = records.iter().filter(|r| r.leaf.kind == RecordKind::Outcome);
    let ended: BTreeSet<_> = outcomes.map(|r| r.leaf.action).collect();
    let intents = records.iter().filter(|r| is_intent(&r.leaf));
    intents
        .map(|r| {
            let standing = if ended.contains(&r.leaf.action) { Standing::Holds } else { Standing::Missing };
            let claim = format!("record {}: the permitted action has an outcome", r.index);
            check(claim, standing, None).unless_holds("outcome-missing")
        })
        .collect()
}

/// Checks the links between those records of one session that follow each other in the bundle.
fn sessions(records: &[Read<'_>]) -> Vec<Check> {
    let mut last: BTreeMap<_, (u64, Digest)> = BTreeMap::new();
    let mut checks = Vec::new();
    for Read { index, bytes, leaf, .. } in records {
        let Some(place) = &leaf.session else { continue };
        if let Some((seq, link)) = last.get(&place.session) {
            let follows = Some(place.seq) == seq.checked_add(1);
            let sound = if follows { place.previous == Some(*link) } else { place.seq > *seq };
            let standing = if sound { Standing::Holds } else { Standing::Broken };
            let place = check(format!("record {index}: it stands in its place in its session"), standing, None);
            checks.push(place.unless_holds("session-broken"));
        }
        last.insert(place.session, (place.seq, Leaf::hash_of(bytes)));
    }
    checks
}

#[cfg(test)]
pub(crate) mod tests {
    use types::decision::Risk;
    use types::id::RecordId;
    use types::{AutonomyLevel, Code, FactName, FactValue, Finding, Millis, Restriction, Stage};

    use super::*;
    use crate::commit;
    use crate::content::Content;
    use crate::keys::{RecordKey, SubjectKey};
    use crate::leaf::VERSION;

    pub(crate) fn action(n: u8) -> ActionId {
        ActionId::draw(Millis(1), [n; 10])
    }

    pub(crate) fn record(index: u8, kind: RecordKind, of: u8, content: &Content, hidden: &[&str]) -> Read<'static> {
        let id = RecordId::draw(Millis(1), [index; 10]);
        let key = RecordKey::derive(&id, &SubjectKey::from_bytes([6; 32]), [&SubjectKey::from_bytes([5; 32])]);
        let committed = commit::commitments(&key, content).unwrap();
        let leaf = Leaf {
            version: VERSION,
            kind,
            record: id,
            at: Millis(1),
            action: Some(action(of)),
            session: None,
            bundle: None,
            verdict: content.get::<DecisionBody>(Field::Decision).unwrap().map(|d| d.verdict.rank()),
            level: None,
            status: (kind == RecordKind::Vote).then_some(Ballot::Approve as u8),
            fields: committed.fields,
            findings: committed.findings,
            facts: committed.facts,
            content: Digest::default(),
            semantics: None,
            log: None,
        };
        let disclosure = commit::disclose(&key, content, |name| !hidden.contains(&name)).unwrap();
        let shown = Some(commit::check(&leaf, &disclosure).unwrap());
        Read { index: index.into(), bytes: &[], leaf, shown, erased: false }
    }

    fn escalate(profiles: &[&str]) -> Verdict {
        Verdict::Escalate(profiles.iter().map(|p| p.parse().unwrap()).collect())
    }

    /// Is a decision on action 1 which findings put to `a` and `b`.
    pub(crate) struct Put<'a> {
        pub(crate) verdict: Verdict,
        pub(crate) met: &'a [&'a str],
        pub(crate) openers: Vec<String>,
        pub(crate) case: bool,
    }

    impl Put<'_> {
        fn content(&self) -> Content {
            let mut facts = Facts::new();
            let mut set = |name, list| facts.set(FactName::known(name), FactValue::List(list), "cases", Millis(1));
            set("approval.met", self.met.iter().map(|p| (*p).to_owned()).collect());
            set("approval.opened_by", self.openers.clone());
            let findings = ["a", "b"].map(|p| {
                let restriction = Restriction::Escalate(p.parse().unwrap());
                Finding::new(Stage::Policy, restriction, Code::PolicyEscalates, "ask", "p")
            });
            let decision = DecisionBody {
                action_digest: Digest::default(),
                verdict: self.verdict.clone(),
                risk: Risk::default(),
                level: AutonomyLevel::L1,
                policies: Vec::new(),
                obligations: Vec::new(),
                bundle: Digest::default(),
                semantics: 1,
                at: Millis(1),
            };
            Content::default()
                .with(Field::Decision, &decision)
                .with_some(Field::Case, self.case.then(|| CaseId::draw(Millis(1), [7; 10])).as_ref())
                .with_grounds(&findings, &facts)
        }

        pub(crate) fn record(&self, hidden: &[&str]) -> Read<'static> {
            record(5, RecordKind::Decided, 1, &self.content(), hidden)
        }
    }

    pub(crate) fn approved() -> Put<'static> {
        Put { verdict: Verdict::AllowObserved, met: &["a", "b"], openers: vec![action(1).to_string()], case: true }
    }

    pub(crate) fn vote(index: u8, of: u8) -> Read<'static> {
        record(index, RecordKind::Vote, of, &Content::default(), &[])
    }

    fn standing(records: &[Read<'_>], claim: &str) -> Option<Standing> {
        of(&About::action(action(1)), None, records)
            .into_iter()
            .find(|check| check.claim.contains(claim))
            .map(|check| check.standing)
    }

    fn verdict_of(put: &Put<'_>, hidden: &[&str]) -> Option<Standing> {
        standing(&[put.record(hidden)], "the verdict is the join")
    }

    #[test]
    fn a_verdict_is_the_join_less_what_was_approved() {
        use Standing::{Broken, Holds};
        for (verdict, met, case, expected) in [
            (escalate(&["a", "b"]), &[][..], true, Holds),
            (escalate(&["b"]), &["a"], true, Holds),
            (escalate(&["b"]), &["a"], false, Broken),
            (escalate(&["b"]), &[], true, Broken),
            (escalate(&["a", "b"]), &["a"], true, Broken),
            (Verdict::AllowObserved, &["a", "b"], true, Holds),
            (Verdict::AllowObserved, &["a", "b"], false, Broken),
            (Verdict::AllowObserved, &["a"], true, Broken),
            (Verdict::AllowObserved, &[], true, Broken),
            (Verdict::Allow, &["a", "b"], true, Broken),
            (Verdict::Deny, &[], false, Broken),
        ] {
            let put = Put { verdict, met, case, ..approved() };
            assert_eq!(verdict_of(&put, &[]), Some(expected), "{:?} {met:?} {case}", put.verdict);
        }
    }

    #[test]
    fn what_is_withheld_proves_no_verdict() {
        for hidden in ["fact", "finding", "decision", "case"] {
            assert_eq!(verdict_of(&approved(), &[hidden]), Some(Standing::Withheld), "{hidden}");
        }
    }

    #[test]
    fn facts_that_do_not_read_are_broken() {
        let mut content = approved().content();
        content.facts = vec![vec![0_u8].into()];
        let records = [record(5, RecordKind::Decided, 1, &content, &[])];
        assert_eq!(standing(&records, "the verdict is the join"), Some(Standing::Broken));
    }

    #[test]
    fn an_approval_needs_its_vote_in_front_of_the_decision() {
        let votes = |openers: &[u8], more: Vec<Read<'static>>| {
            let openers = openers.iter().map(|n| action(*n).to_string()).collect();
            let records: Vec<_> = more.into_iter().chain([Put { openers, ..approved() }.record(&[])]).collect();
            standing(&records, "people voted")
        };
        let mut refusal = vote(3, 1);
        refusal.leaf.status = Some(Ballot::Deny as u8);
        assert_eq!(votes(&[1], vec![vote(3, 1)]), Some(Standing::Holds));
        assert_eq!(votes(&[1, 2], vec![vote(3, 1), vote(4, 2)]), Some(Standing::Holds));
        for (openers, more) in [
            (&[1][..], vec![]),
            (&[1], vec![vote(3, 2)]),
            (&[1], vec![vote(6, 1)]),
            (&[1], vec![refusal]),
            (&[1, 2], vec![vote(3, 1)]),
            (&[], vec![vote(3, 1)]),
        ] {
            assert_eq!(votes(openers, more), Some(Standing::Missing), "{openers:?}");
        }
        let unread = Put { openers: vec!["act_1".into()], ..approved() }.record(&[]);
        assert_eq!(standing(&[vote(3, 1), unread], "people voted"), Some(Standing::Broken));
        let asked = Put { verdict: escalate(&["a", "b"]), met: &[], ..approved() }.record(&[]);
        assert_eq!(standing(&[asked], "people voted"), None);
    }
}
