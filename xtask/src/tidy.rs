//! The rules of the house, a module each, and the run that applies them to the tree.

mod ambient;
mod architecture;
mod codes;
mod crate_layers;
mod error;
mod error_pages;
mod figures;
mod file_lengths;
mod file_sizes;
mod floats;
mod leftovers;
mod machine;
mod module_docs;
mod package;
mod purity;
mod ratchet;
mod scan;
mod source;
mod sql;
mod tested_codes;
mod tree;
mod unit_tests;
mod violation;

use std::path::Path;
use std::process::ExitCode;

use error::TidyError;
use ratchet::Ratchet;
use tree::Tree;
use violation::Violation;

/// Checks one rule against the tree and returns every violation it finds.
type Rule = fn(&Tree) -> Vec<Violation>;

const RULES: [Rule; 13] = [
    crate_layers::check,
    purity::check,
    floats::check,
    sql::check,
    ambient::check,
    module_docs::check,
    leftovers::check,
    error_pages::check,
    machine::check,
    file_sizes::check,
    figures::check,
    architecture::check,
    unit_tests::check,
];

/// Checks a rule whose exceptions are listed in the ratchet.
type RatchetRule = fn(&Tree, &Ratchet) -> Vec<Violation>;

const RATCHET_RULES: [RatchetRule; 2] = [file_lengths::check, tested_codes::check];

/// Runs every rule on the repository and prints what it finds; fails if it finds anything.
pub fn run(write_ratchet: bool) -> ExitCode {
    match inspect(write_ratchet) {
        Ok((files, violations)) => report(files, &violations),
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::from(2)
        }
    }
}

fn inspect(write_ratchet: bool) -> Result<(usize, Vec<Violation>), TidyError> {
    let workspace = package::workspace()?;
    let tree = Tree::load(&workspace.root, workspace.packages)?;
    let ratchet = ratchet(&workspace.root, &tree, write_ratchet)?;
    Ok((tree.files.len(), violations(&tree, &ratchet)))
}

fn ratchet(root: &Path, tree: &Tree, write: bool) -> Result<Ratchet, TidyError> {
    let known = Ratchet::read(root)?;
    if !write {
        return Ok(known.unwrap_or_default());
    }
    let today = Ratchet { long_files: file_lengths::long(tree), untested_codes: tested_codes::untested(tree) };
    let tightened = known.map_or(today.clone(), |known| known.tightened_to(&today));
    tightened.write(root)?;
    Ok(tightened)
}

fn violations(tree: &Tree, ratchet: &Ratchet) -> Vec<Violation> {
    let plain = RULES.iter().flat_map(|rule| rule(tree));
    let ratcheted = RATCHET_RULES.iter().flat_map(|rule| rule(tree, ratchet));
    let mut all: Vec<Violation> = plain.chain(ratcheted).collect();
    all.sort();
    all.dedup();
    all
}

fn report(files: usize, violations: &[Violation]) -> ExitCode {
    for violation in violations {
        println!("{violation}");
    }
    let rules = RULES.len() + RATCHET_RULES.len();
    eprintln!("tidy: {rules} rules, {files} files, {} violations", violations.len());
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
