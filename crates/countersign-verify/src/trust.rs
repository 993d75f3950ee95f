//! Whom evidence is checked against: a key or a policy given on the command line, or a trust root.

use std::path::{Path, PathBuf};

use clap::Args;
use evidence::trust_root::TrustedKey;
use evidence::{Archive, Authorities, Trust, TrustRoot};
use tlog::TrustPolicy;
use tlog::key::VerifierKey;
use types::{Code, Millis};

use crate::Ended;
use crate::told::say;

/// Says whom the reader trusts.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// The verifier key of whoever signed, from somebody you trust: `NAME+HASH+KEY`. For a COSE receipt or a statement
    /// it is the statement key, otherwise the log's.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A trust root from somebody you trust, instead of --key.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    trust: Option<PathBuf>,
    /// Whom you trust, as a file: logs, witnesses and the quorum of those that must have cosigned (C2SP tlog-policy).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "trust"])]
    policy: Option<PathBuf>,
    /// The time-stamping authorities you trust, as PEM certificates: one of them must have dated the checkpoint (RFC 3161).
    #[arg(long, value_name = "FILE")]
    tsa_roots: Option<PathBuf>,
}

/// Is whom the reader trusts with what is checked, and the time the key that signed it is good for.
pub(crate) struct Signer {
    /// The log's keys, and the witnesses that must have cosigned.
    pub(crate) trust: Trust,
    trusted: Option<TrustedKey>,
}

impl Signer {
    /// Says what is wrong if the log was not signed with this key at an instant.
    pub(crate) fn wrong_at(&self, at: Millis) -> Option<String> {
        let covers = self.trusted.as_ref().is_none_or(|trusted| trusted.covers(at));
        let time = replay::audit::words::time(at);
        (!covers).then(|| format!("a record of {time} is signed with a key that the trust root does not trust then"))
    }
}

impl TrustArgs {
    /// Returns whom the reader trusts with a checkpoint; `None` if it is nobody.
    ///
    /// # Errors
    ///
    /// That the key, the policy or the trust root cannot be used.
    pub(crate) fn signer(&self, note: &[u8]) -> Result<Option<Signer>, Ended> {
        if let Some(file) = &self.policy {
            return Ok(Some(Signer { trust: Trust::Policy(policy(file)?), trusted: None }));
        }
        let Some(file) = &self.trust else {
            let key = self.key.as_deref().map(str::parse::<VerifierKey>).transpose();
            let key = key.map_err(|e| Ended::Unusable(Code::UsageInvalid, format!("the key cannot be used: {e}")))?;
            return Ok(key.map(|key| Signer { trust: Trust::Key(key), trusted: None }));
        };
        let root = read(file)?;
        // If none of them signed it, any of them will say so.
        let signed = root.signer(note).ok();
        let first = || root.keys.first().and_then(|trusted| Some((trusted.key.parse().ok()?, trusted)));
        let demanded = root.witness_policy().ok().flatten();
        let trust = |key| demanded.map_or(Trust::Key(key), Trust::Policy);
        Ok(signed.or_else(first).map(|(key, trusted)| Signer { trust: trust(key), trusted: Some(trusted.clone()) }))
    }

    /// Returns the authorities one of which must have dated what is checked, from the command line or the trust root;
    /// `None` if none must.
    ///
    /// # Errors
    ///
    /// That the file cannot be used.
    pub(crate) fn authorities(&self) -> Result<Option<Authorities>, Ended> {
        let Some(file) = &self.tsa_roots else {
            let root = self.trust.as_deref().map(read).transpose()?;
            return Ok(root.and_then(|root| root.authorities().ok().flatten()));
        };
        let unusable = |why: String| Ended::Unusable(Code::FileUnusable, format!("`{}`: {why}", file.display()));
        let text = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
        Authorities::from_pem(&text).map(Some).map_err(|e| unusable(e.to_string()))
    }

    /// Says whether a quorum of witnesses is demanded, by a policy or by the trust root.
    ///
    /// # Errors
    ///
    /// That the trust root cannot be used.
    pub(crate) fn demands_witnesses(&self) -> Result<bool, Ended> {
        let root = self.trust.as_deref().map(read).transpose()?;
        Ok(self.policy.is_some() || root.is_some_and(|root| root.witnesses.is_some()))
    }

    /// Returns whom the reader trusts with a checkpoint.
    ///
    /// # Errors
    ///
    /// That it is nobody, or as [`TrustArgs::signer`].
    pub(crate) fn needed(&self, note: &[u8]) -> Result<Signer, Ended> {
        let why = "an audit needs a key you trust: give --trust, --policy or --key";
        self.signer(note)?.ok_or_else(|| Ended::Unusable(Code::UsageInvalid, why.to_owned()))
    }

    /// Returns whom the reader trusts with the published log or the evidence at a path.
    ///
    /// # Errors
    ///
    /// As [`TrustArgs::signer`].
    pub(crate) fn trust_for(&self, path: &Path) -> Result<Trust, Ended> {
        let note = if self.trust.is_none() {
            Vec::new()
        } else if path.is_dir() || crate::log_archive::is_one(path) {
            let files = crate::log_archive::Files::open(path);
            files.and_then(|files| files.read("checkpoint")).unwrap_or_default()
        } else {
            let bytes = std::fs::read(path).unwrap_or_default();
            Archive::from_bytes(&bytes).map(|archive| archive.checkpoint).unwrap_or_default()
        };
        Ok(self.signer(&note)?.map_or(Trust::Nobody, |signer| signer.trust))
    }
}

fn policy(file: &Path) -> Result<TrustPolicy, Ended> {
    let text = std::fs::read(file)
        .map_err(|e| Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {e}", file.display())))?;
    TrustPolicy::parse(&text)
        .map_err(|e| Ended::Unusable(Code::UsageInvalid, format!("the policy cannot be used: {e}")))
}

/// Reads a trust root.
///
/// # Errors
///
/// That it cannot be read or does not hold together.
fn read(file: &Path) -> Result<TrustRoot, Ended> {
    let unusable = |why: String| Ended::Unusable(Code::FileUnusable, format!("`{}`: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
    TrustRoot::from_json(&bytes).map_err(|e| unusable(e.to_string()))
}

/// Shows what a trust root says, for its reader to compare with what the operator reads out.
pub(crate) fn show(file: &Path, json: bool) -> Result<(), Ended> {
    let root = read(file)?;
    if json {
        crate::told::say_json(&serde_json::to_value(&root).unwrap_or_default());
        return Ok(());
    }
    let time = |at: Option<Millis>, else_: &str| at.map_or(else_.to_owned(), replay::audit::words::time);
    say(&format!("log          {}", root.origin));
    for key in &root.keys {
        say(&format!("key          {}", key.key));
        say(&format!("fingerprint  {}", key.fingerprint));
        say(&format!("good         from {} until {}", time(key.from, "the beginning"), time(key.until, "now")));
    }
    for witness in &root.witness_keys {
        say(&format!("witness      {} {}", witness.name, witness.key));
        say(&format!("fingerprint  {}", witness.fingerprint));
    }
    let not_witness = |line: &&str| !line.starts_with("witness ");
    for rule in root.witnesses.iter().flat_map(|policy| policy.lines().filter(not_witness)) {
        say(&format!("demanded     {rule}"));
    }
    for (name, fingerprint) in root.authorities().ok().flatten().iter().flat_map(Authorities::fingerprints) {
        say(&format!("dated by     {name}"));
        say(&format!("SHA-256      {fingerprint}"));
    }
    say(&format!(
        "made         by {} with {} (their word)",
        replay::audit::words::name(&root.made.by),
        root.made.program
    ));
    say(
        "compare each fingerprint with what the operator, and each witness, reads to you; the file alone proves nothing",
    );
    Ok(())
}
