//! Holds the reference decider to the vectors.

#[test]
fn the_reference_agrees_with_every_vector() {
    let vectors = countersign_spec::vector::all().unwrap();
    assert!(vectors.len() > 100, "only {} vectors", vectors.len());
    for vector in vectors {
        assert_eq!(vector.decide(), vector.verdict, "{}", vector.name);
    }
}
