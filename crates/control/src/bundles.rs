//! Bundles: checked, activated by decision, and never replaced by one that does not hold.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use connectors::inventory::{Entities, QuerySource};
use evidence::bodies;
use policy::{Bundle, LoadError};
use stages::trial::{self, Report, Stage, TrialError};
use types::case::CaseState;
use types::{ActionProposal, Code, Digest, FactValue, Facts, Millis, PersonId, Principal};

pub use policy::BundleFiles;

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::machine::{Change, Command};

/// Is what an activation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// The digest of the bundle that is active now.
    pub bundle: Digest,
    /// How many open cases are put to people again under it.
    pub reopened: usize,
    /// How many open cases ended, because it permits or denies them outright.
    pub ended: usize,
}

struct Sql;

impl QuerySource for Sql {
    fn rows(&self, path: &str, query: &str) -> Result<Vec<BTreeMap<String, FactValue>>, String> {
        store::query::rows(Path::new(path), query).map_err(|e| e.to_string())
    }
}

/// Reads the entities of a bundle's inventory.
///
/// # Errors
///
/// `fact-stale` if a source cannot be read.
pub fn inventory(bundle: &Bundle, now: Millis) -> Result<Entities, Refusal> {
    let files: BTreeMap<String, String> =
        bundle.files().iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    connectors::inventory::load(&bundle.data().inventory, &files, &Sql, now)
        .map_err(|error| Refusal::plain(Code::FactStale, format!("the inventory cannot be read: {error}")))
}

fn refusal(error: &LoadError) -> Refusal {
    Refusal::plain(Code::BundleInvalid, error.to_string())
}

/// Runs a bundle's own tests.
///
/// # Errors
///
/// `bundle-invalid` if a test file cannot be read or a test cannot become a proposal.
pub fn trials(bundle: &Bundle) -> Result<Vec<Report>, Refusal> {
    let unreadable = |path: &str, e: &TrialError| Refusal::plain(e.code(), format!("{path}: {e}"));
    let policy = |proposal: &ActionProposal, facts: &Facts| crate::gather::ask_policy(bundle, proposal, facts);
    let stage = Stage { bundle: bundle.data(), digest: bundle.digest(), policy: &policy, admin: &policy::ADMIN_TOOLS };
    let mut reports = Vec::new();
    for (path, text) in bundle.files().iter().filter(|(path, _)| path.starts_with("tests/")) {
        for trial in trial::parse(text).map_err(|e| unreadable(path, &e))? {
            reports.push(stage.run(&trial).map_err(|e| unreadable(path, &e))?);
        }
    }
    Ok(reports)
}

fn failure(report: &Report) -> String {
    let why: Vec<String> =
        report.findings.iter().map(|f| format!("    {} {}: {}", f.stage, f.code, f.detail)).collect();
    format!("test `{}` came out as {}\n{}", report.name, report.verdict, why.join("\n"))
}

/// Loads and tests a bundle.
///
/// # Errors
///
/// `bundle-invalid` with every problem; `bundle-tests-failed` with every failing test.
pub fn check(files: BundleFiles) -> Result<Bundle, Refusal> {
    let bundle = Bundle::load(files).map_err(|e| refusal(&e))?;
    let failed: Vec<String> = trials(&bundle)?.iter().filter(|report| !report.passed).map(failure).collect();
    if failed.is_empty() {
        return Ok(bundle);
    }
    Err(Refusal::plain(Code::BundleTestsFailed, failed.join("\n")))
}

impl Control {
    /// Makes a bundle active, if policy lets this person; calls in progress keep the one they were decided by.
    ///
    /// # Errors
    ///
    /// `bundle-invalid` or `bundle-tests-failed`, and the last good bundle stays; or a refusal with the decision's findings.
    pub async fn activate(&self, by: &PersonId, files: BundleFiles, reason: &str) -> Failure<Activated> {
        let bundle = Arc::new(check(files)?);
        let open = self.open_cases();
        let arguments = serde_json::json!({ "bundle": bundle.digest() });
        self.administer(by, "countersign.policy.activate", &arguments, reason, Change::Activate(bundle.clone()))
            .await?;
        self.after_activation(&bundle, open).await
    }

    /// Makes a bundle active by the hand of whoever runs this process, as at the first start.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn activate_first(&self, by: &PersonId, bundle: Arc<Bundle>, reason: &str) -> Failure<Activated> {
        let change = Change::Activate(bundle.clone());
        let by = Principal::Person(by.clone());
        self.ask(Command::Local { change, by, reason: reason.to_owned() }).await?;
        self.after_activation(&bundle, Vec::new()).await
    }

    fn open_cases(&self) -> Vec<types::case::Case> {
        self.board.all().into_iter().filter(|case| case.state == CaseState::Open).collect()
    }

    async fn after_activation(&self, bundle: &Bundle, open: Vec<types::case::Case>) -> Failure<Activated> {
        self.refresh_inventory().await?;
        let mut activated = Activated { bundle: bundle.digest(), reopened: 0, ended: 0 };
        for case in open {
            let content = self.history.record(case.opened_in)?.and_then(|entry| entry.content);
            let again = match content.as_ref().and_then(bodies::proposal) {
                Some(proposal) => self.reopen(proposal).await?,
                None => false,
            };
            activated.reopened += usize::from(again);
            activated.ended += usize::from(!again);
        }
        Ok(activated)
    }

    /// Reads the inventory again.
    ///
    /// # Errors
    ///
    /// `fact-stale` if a source cannot be read; what is known ages on.
    pub async fn refresh_inventory(&self) -> Failure<()> {
        let bundle = self.snapshot().bundle.clone();
        let now = self.now();
        let entities = tokio::task::spawn_blocking(move || inventory(&bundle, now))
            .await
            .map_err(|e| Refusal::plain(Code::Internal, e.to_string()))??;
        self.ask(Command::Inventory(Arc::new(entities))).await?;
        Ok(())
    }
}
