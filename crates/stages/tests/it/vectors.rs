//! The decider against the vectors that are written down.

use crate::fast;

#[test]
fn the_decider_agrees_with_every_vector() {
    let vectors = spec::vector::all().unwrap();
    assert!(vectors.len() > 100, "only {} vectors", vectors.len());
    for vector in vectors {
        let finished =
            fast::decide(&vector.proposal, &vector.facts, &vector.bundle, &|asker, mode| vector.permits(asker, mode));
        assert_eq!(finished.decision.verdict, vector.verdict, "{}: {:#?}", vector.name, finished.decision.findings);
    }
}
