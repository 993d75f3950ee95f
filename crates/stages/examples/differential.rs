//! Holds the decider against the reference for as many generated cases as one likes.
//!
//! `cargo run -p countersign-stages --example differential -- 1000000`

#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
#[path = "../tests/it/facting.rs"]
mod facting;
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
#[path = "../tests/it/fast.rs"]
mod fast;
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
#[path = "../tests/it/generate.rs"]
mod generate;

use generate::Dice;

fn main() -> std::process::ExitCode {
    let cases = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let differences = (0..cases).filter(|seed| differs(*seed)).count();
    println!("{cases} cases, {differences} differences");
    if differences == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn differs(seed: u64) -> bool {
    let mut bytes = generate::bytes(seed);
    let mut dice = Dice(&mut bytes);
    let bundle = generate::bundle(&mut dice);
    let case = generate::case(&mut dice, &bundle);
    let expected = spec::decide(&case.proposal, &case.facts, &bundle, &|asker, mode| case.permits(asker, mode));
    let verdict =
        fast::decide(&case.proposal, &case.facts, &bundle, &|asker, mode| case.permits(asker, mode)).decision.verdict;
    if verdict != expected {
        println!("seed={seed}: {verdict:?}, the reference says {expected:?}");
    }
    verdict != expected
}
