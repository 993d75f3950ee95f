//! Every vector that MLflow answered, answered here: the same, but for the differences that are kept.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::answer::answer;
use crate::differences::{BREAKS, Broken, OTHERWISE};

const VECTORS: [&str; 3] =
    [include_str!("vectors.json"), include_str!("source_vectors.json"), include_str!("trace_vectors.json")];

fn vectors() -> Vec<Value> {
    VECTORS.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap()).collect()
}

/// Shows as many failures as somebody reads.
fn none(failures: &[String]) {
    let shown = failures.iter().take(150).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} differ\n{shown}", failures.len());
}

#[test]
fn what_mlflow_answers_is_answered_here() {
    let mut failures = Vec::new();
    let mut kept = Vec::new();
    let mut compared = 0;
    let vectors = vectors();
    for vector in vectors.iter().filter(|vector| vector.get("broke").is_none()) {
        let (of, given) = (vector["of"].as_str().unwrap(), &vector["given"]);
        let ours = answer(of, given);
        let theirs = ["read", "refused"].map(|kind| vector.get(kind).map(|value| serde_json::json!({ kind: value })));
        let theirs = theirs.into_iter().flatten().next().unwrap();
        compared += 1;
        let difference = OTHERWISE.iter().position(|known| known.covers(of, given));
        match (difference, ours == theirs) {
            (None, true) => {}
            (Some(at), false) if (OTHERWISE[at].are)(&ours, &theirs) => {
                kept.push((of, given));
            }
            (Some(_), true) => failures.push(format!("{of} {given} no longer differs")),
            _ => failures.push(format!("{of} {given}\n  ours   {ours}\n  theirs {theirs}")),
        }
    }
    none(&failures);
    let idle: Vec<String> = OTHERWISE.iter().flat_map(|known| known.idle(&kept)).collect();
    assert!(idle.is_empty(), "listed as different, and no vector is: {idle:?}");
    assert!(compared >= 6_672, "{compared}");
}

#[test]
fn what_mlflow_breaks_on_is_answered() {
    let mut failures = Vec::new();
    let mut seen = BTreeSet::new();
    for vector in vectors().iter().filter(|vector| vector.get("broke").is_some()) {
        let (of, given) = (vector["of"].as_str().unwrap(), &vector["given"]);
        let ours = answer(of, given);
        let is = |broken: &Broken| broken.of.contains(&of) && broken.on == vector["broke"] && broken.answers(&ours);
        match BREAKS.iter().position(is) {
            Some(at) => {
                seen.insert(at);
            }
            None => failures.push(format!("{of} {given}\n  ours {ours}\n  theirs {}", vector["broke"])),
        }
    }
    none(&failures);
    let unused: Vec<&str> =
        BREAKS.iter().enumerate().filter(|(at, _)| !seen.contains(at)).map(|(_, broken)| broken.why).collect();
    assert!(unused.is_empty(), "no vector breaks for: {unused:?}");
}
