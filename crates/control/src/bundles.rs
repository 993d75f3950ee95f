//! Bundles: checked, activated by decision, and never replaced by one that does not hold.

mod difference;
mod history;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use connectors::inventory::{Entities, QuerySource};
use evidence::bodies;
use policy::{Bundle, LoadError};
use stages::trial::{self, Report, Stage, TrialError};
use types::case::Case;
use types::{ActionProposal, Code, Digest, FactValue, Facts, Millis, PersonId, Principal};

pub use difference::{Became, FileChange, Line, Side, difference};
pub(crate) use history::Activations;
pub use history::{ACTIVATIONS_MAX, Activation, Kept};
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

/// Is the administration tool that makes a bundle active.
const ACTIVATE: &str = "countersign.policy.activate";

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
/// `fact-stale` if a source cannot be read, `bundle-invalid` if it is not what the bundle declares.
pub fn inventory(bundle: &Bundle, now: Millis) -> Result<Entities, Refusal> {
    let files: BTreeMap<String, String> =
        bundle.files().iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    connectors::inventory::load(&bundle.data().inventory, &files, &Sql, now)
        .map_err(|error| Refusal::plain(error.code(), format!("the inventory cannot be read: {error}")))
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
    let policy = |proposal: &ActionProposal, facts: &Facts| replay::judge::ask_policy(bundle, proposal, facts);
    let stage = Stage { bundle: bundle.data(), digest: bundle.digest(), policy: &policy, admin: &policy::ADMIN_TOOLS };
    let mut reports = Vec::new();
    for (path, text) in bundle.files().iter().filter(|(path, _)| path.starts_with("tests/")) {
        for mut trial in trial::parse(text).map_err(|e| unreadable(path, &e))? {
            crate::redaction::of_test(bundle, &trial.tool, &mut trial.arguments);
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
    let bundle = Bundle::load_new(files).map_err(|e| refusal(&e))?;
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
    /// `bundle-invalid`, `bundle-tests-failed`, or `fact-stale` if a source of its inventory cannot be read; or a refusal
    /// with the decision's findings. The last good bundle stays.
    pub async fn activate(&self, by: &PersonId, files: BundleFiles, reason: &str) -> Failure<Activated> {
        self.may_change(by)?;
        let bundle = Arc::new(check(files)?);
        let arguments = serde_json::json!({ "bundle": bundle.digest() });
        let wish = Self::administration(by, ACTIVATE, &arguments, reason)?;
        // A bundle says what its inventory reads, so nothing is read for somebody who may not activate one.
        let entities = if self.is_denied(&wish) { Arc::default() } else { self.read_inventory(&bundle).await? };
        let change = Change::Activate { bundle: bundle.clone(), entities };
        let decided = self.decide_change(wish, change).await?;
        Ok(self.reopen_all(&bundle, decided.to_reopen).await)
    }

    /// Makes a bundle active by the hand of whoever runs this process, as at the first start.
    ///
    /// # Errors
    ///
    /// `fact-stale` if a source of its inventory cannot be read, or what the journal says.
    pub async fn activate_first(&self, by: &PersonId, bundle: Arc<Bundle>, reason: &str) -> Failure<Activated> {
        let entities = self.read_inventory(&bundle).await?;
        let change = Change::Activate { bundle: bundle.clone(), entities };
        let by = Principal::Person(by.clone());
        self.ask(Command::Local { change, by, reason: reason.to_owned() }).await?;
        Ok(self.reopen_all(&bundle, Vec::new()).await)
    }

    /// Puts what people were asked before to them again. The bundle is active, so a case that cannot be is over.
    async fn reopen_all(&self, bundle: &Bundle, cases: Vec<Case>) -> Activated {
        let mut activated = Activated { bundle: bundle.digest(), reopened: 0, ended: 0 };
        for case in cases {
            let again = self.reopen(&case).await.unwrap_or_else(|refusal| {
                tracing::warn!(case = %case.id, code = %refusal.code, message = %refusal.message, "a case was not reopened");
                false
            });
            activated.reopened += usize::from(again);
            activated.ended += usize::from(!again);
        }
        activated
    }

    async fn reopen(&self, case: &Case) -> Failure<bool> {
        let content = self.history.record(case.opened_in)?.and_then(|entry| entry.content);
        match content.as_ref().and_then(bodies::proposal) {
            Some(proposal) => self.propose_again(proposal).await,
            None => Ok(false),
        }
    }

    async fn read_inventory(&self, bundle: &Arc<Bundle>) -> Failure<Arc<Entities>> {
        let (bundle, now) = (bundle.clone(), self.now());
        let entities = tokio::task::spawn_blocking(move || inventory(&bundle, now))
            .await
            .map_err(|e| Refusal::plain(Code::Internal, e.to_string()))??;
        Ok(Arc::new(entities))
    }

    /// Reads the inventory again.
    ///
    /// # Errors
    ///
    /// `fact-stale` if a source cannot be read; what is known ages on.
    pub async fn refresh_inventory(&self) -> Failure<()> {
        let bundle = self.snapshot().bundle.clone();
        let entities = self.read_inventory(&bundle).await?;
        self.ask(Command::Inventory { bundle: bundle.digest(), entities }).await?;
        Ok(())
    }
}
