//! Rules have versions: what was decided by earlier ones is decided by them again.

use countersign_replay::{Bundles, Replayed, archive, decision};
use evidence::{Archive, Leaf, RecordKind, Standing, Trust, bodies, commit};
use policy::{Bundle, BundleFiles};
use types::{ActionProposal, Decision, Verdict, secret};

const KEY: &str = "testkit.example/log+04e81b16+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";

/// Returns the evidence of a log that was written while the rules had version 1.
fn written_by_version_1() -> Archive {
    Archive::from_bytes(include_bytes!("../data/semantics-1.evidence")).unwrap()
}

fn decided(bundle: &Archive) -> Vec<(ActionProposal, Decision)> {
    let leaf = |bytes: &[u8]| Leaf::from_bytes(bytes).unwrap();
    let decided = bundle.records.iter().filter(|record| leaf(&record.leaf).kind == RecordKind::Decided);
    let shown = decided.map(|record| commit::check(&leaf(&record.leaf), record.disclosure.as_ref().unwrap()).unwrap());
    shown.map(|shown| (bodies::proposal(&shown.content).unwrap(), bodies::decision(&shown.content).unwrap())).collect()
}

#[test]
fn what_version_1_decided_comes_out_the_same_by_its_rules() {
    let bundle = written_by_version_1();
    let report = archive(&bundle, &Trust::Key(KEY.parse().unwrap()), Bundles::new());
    assert_eq!(report.signature_standing(), Standing::Holds);
    assert!(report.decisions.iter().all(|told| told.replayed == Replayed::Equal), "{:?}", report.decisions);
    let decided = decided(&bundle);
    assert!(decided.len() >= 16 && decided.iter().all(|(_, decision)| decision.semantics == 1));
    let of = |is: fn(&Verdict) -> bool| decided.iter().filter(|(_, decision)| is(&decision.verdict)).count();
    assert!(of(|verdict| matches!(verdict, Verdict::Escalate(_))) > 1);
    assert!(of(|verdict| *verdict == Verdict::Allow) > 1 && of(|verdict| *verdict == Verdict::Deny) > 4);
}

#[test]
fn what_looks_like_a_mark_was_a_value_to_version_1_and_is_none_to_version_2() {
    let archive = written_by_version_1();
    let bundle = Bundle::load(BundleFiles(archive.bundles.values().next().unwrap().clone())).unwrap();
    let marked =
        decided(&archive).into_iter().filter(|(proposal, _)| !secret::marks(proposal.arguments.value()).is_empty());
    let mut other = 0;
    for (proposal, recorded) in marked {
        assert_eq!(decision(&bundle, &proposal, &recorded), [""; 0]);
        let by_2 = decision(&bundle, &proposal, &Decision { semantics: 2, ..recorded });
        other += usize::from(!by_2.is_empty());
    }
    assert!(other >= 4, "only {other} decisions are others by version 2");
}

#[test]
fn rules_that_are_not_here_decide_nothing() {
    let archive = written_by_version_1();
    let bundle = Bundle::load(BundleFiles(archive.bundles.values().next().unwrap().clone())).unwrap();
    let (proposal, recorded) = decided(&archive).remove(0);
    let told = decision(&bundle, &proposal, &Decision { semantics: 3, ..recorded });
    assert!(told.len() == 1 && told[0].contains("rules of version 3"), "{told:?}");
}
