//! Checking a receipt of one record: a COSE receipt, a tlog-proof, or a statement in a DSSE envelope.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use evidence::stamped::{self, Stamped};
use evidence::timestamp::BYTES_MAX;
use evidence::{
    Authorities, CoseError, CoseReceipt, Envelope, Logged, LoggedError, Standing, Statement, StatementError,
};
use serde_json::json;
use tlog::key::VerifierKey;
use types::Code;

use crate::told::{code, line, say, say_json, word};
use crate::{Args, Ended};

/// Is the largest leaf that is read; every real one is smaller.
const LEAF_BYTES_MAX: u64 = 65_535;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cose,
    TlogProof,
    Dsse,
}

/// Is what a check has found: the signature and the claim apart, and why one of them does not hold.
struct Found {
    signature: Standing,
    claim: Standing,
    why: Option<String>,
    about: Option<About>,
}

/// Is what a receipt that holds says.
struct About {
    origin: String,
    index: u64,
    size: u64,
    root: String,
    /// The signed checkpoint, where the receipt holds it.
    note: Option<String>,
}

impl Found {
    fn broken(signature: Standing, claim: Standing, why: impl ToString) -> Self {
        Self { signature, claim, why: Some(why.to_string()), about: None }
    }

    fn holds(about: About) -> Self {
        Self { signature: Standing::Holds, claim: Standing::Holds, why: None, about: Some(about) }
    }
}

impl From<&Logged> for About {
    fn from(logged: &Logged) -> Self {
        let checkpoint = logged.checkpoint();
        Self {
            origin: checkpoint.origin.clone(),
            index: logged.index(),
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            note: Some(logged.note().to_owned()),
        }
    }
}

fn kind(beginning: &[u8]) -> Option<Kind> {
    match beginning {
        [0xd2, 0x84, ..] => Some(Kind::Cose),
        [b'{', ..] => Some(Kind::Dsse),
        text if text.starts_with(b"c2sp.org/tlog-proof@") => Some(Kind::TlogProof),
        _ => None,
    }
}

/// Says whether a file begins as a receipt does.
pub(crate) fn is_one(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(32).read_to_end(&mut beginning));
    read.is_ok() && kind(&beginning).is_some()
}

/// Checks a receipt against the key of whoever signed it, which it cannot vouch for itself.
///
/// - `dated_by`: the authorities one of which must have dated it, if the reader demands that.
pub(crate) fn check(args: &Args, path: &Path, key: Option<&VerifierKey>, dated_by: Option<&Authorities>) -> Ended {
    let Some(key) = key else {
        let why = "a receipt is checked against a key you trust, not against a quorum: give --key";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    };
    let log_key = match args.log_key.as_deref().map(str::parse::<VerifierKey>).transpose() {
        Ok(log_key) => log_key,
        Err(error) => return Ended::Unusable(Code::UsageInvalid, format!("the log's key cannot be used: {error}")),
    };
    let (bytes, leaf) = match (read(path, u64::MAX), args.leaf.as_deref().map(|f| read(f, LEAF_BYTES_MAX))) {
        (Ok(bytes), None) => (bytes, None),
        (Ok(bytes), Some(Ok(leaf))) => (bytes, Some(leaf)),
        (Err(why), _) | (_, Some(Err(why))) => return Ended::Unusable(Code::FileUnusable, why),
    };
    let found = match (kind(&bytes), leaf) {
        (Some(Kind::Dsse), leaf) => dsse(&bytes, leaf.as_deref(), key, log_key.as_ref()),
        (Some(Kind::Cose), Some(leaf)) => cose(&bytes, &leaf, key),
        (_, Some(leaf)) => tlog_proof(&bytes, leaf, key),
        (_, None) => Found::broken(Standing::Missing, Standing::Missing, "the record it is about: give --leaf"),
    };
    let stamped = match dated_by.map(|dated_by| dated(args, &found, dated_by)).transpose() {
        Ok(stamped) => stamped,
        Err(why) => return Ended::Unusable(Code::FileUnusable, why),
    };
    let (signature, claim) = stamped.as_ref().map_or((found.signature, found.claim), |stamped| {
        (found.signature.and(stamped.signature.standing), found.claim.and(stamped.claim.standing))
    });
    let found = Found { signature, claim, ..found };
    tell(&found, stamped.as_ref(), args.json);
    Ended::Checked(found.signature.and(found.claim))
}

/// Checks the time-stamp that the reader demands of the checkpoint in a receipt that holds.
fn dated(args: &Args, found: &Found, dated_by: &Authorities) -> Result<Stamped, String> {
    let token = args.timestamp.as_deref().map(|file| read(file, BYTES_MAX as u64)).transpose()?;
    let note = found.about.as_ref().and_then(|about| about.note.as_deref());
    // Without a checkpoint there is nothing that a token could be about.
    Ok(stamped::check(token.as_deref().filter(|_| note.is_some()), note.unwrap_or_default().as_bytes(), dated_by))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > bytes_max => Err(format!("`{}` is larger than it may be", path.display())),
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

fn cose(bytes: &[u8], leaf: &[u8], key: &VerifierKey) -> Found {
    let checked = CoseReceipt::from_bytes(bytes).and_then(|receipt| {
        let root = receipt.verify(leaf, key)?;
        let (index, size) = receipt.place();
        Ok(About { origin: receipt.issuer().to_owned(), index, size, root: root.to_string(), note: None })
    });
    match checked {
        Ok(about) => Found::holds(about),
        Err(error @ CoseError::Subject { .. }) => Found::broken(Standing::Holds, Standing::Broken, error),
        Err(error) => Found::broken(Standing::Broken, Standing::Missing, error),
    }
}

fn tlog_proof(bytes: &[u8], leaf: Vec<u8>, key: &VerifierKey) -> Found {
    match Logged::parse(bytes, leaf, key) {
        Ok(logged) => Found::holds(About::from(&logged)),
        Err(error @ LoggedError::Proof(_)) => Found::broken(Standing::Holds, Standing::Broken, error),
        Err(error) => Found::broken(Standing::Broken, Standing::Missing, error),
    }
}

fn dsse(bytes: &[u8], leaf: Option<&[u8]>, key: &VerifierKey, log_key: Option<&VerifierKey>) -> Found {
    let envelope = match Envelope::parse(bytes) {
        Ok(envelope) => envelope,
        Err(error) => return Found::broken(Standing::Broken, Standing::Missing, error),
    };
    let statement = match envelope.verify(key) {
        Ok(payload) => Statement::parse(payload),
        Err(error) => return Found::broken(Standing::Broken, Standing::Missing, error),
    };
    let Some(log_key) = log_key else {
        let why = "the log's key, for the checkpoint in the statement: give --log-key";
        return Found::broken(Standing::Holds, Standing::Missing, why);
    };
    match statement.and_then(|statement| statement.verify(log_key)) {
        Ok(logged) if leaf.is_some_and(|leaf| leaf != logged.leaf()) => {
            Found::broken(Standing::Holds, Standing::Broken, "the statement is about another record than the leaf")
        }
        Ok(logged) => Found::holds(About::from(&logged)),
        Err(error @ StatementError::Logged(LoggedError::Checkpoint(_))) => {
            Found::broken(Standing::Broken, Standing::Missing, error)
        }
        Err(error) => Found::broken(Standing::Holds, Standing::Broken, error),
    }
}

fn tell(found: &Found, stamped: Option<&Stamped>, as_json: bool) {
    let code = code(found.signature.and(found.claim));
    if as_json {
        let log = found.about.as_ref().map(
            |about| json!({ "origin": about.origin, "index": about.index, "size": about.size, "root": about.root }),
        );
        let (signature, claim) = (found.signature, found.claim);
        let mut told = json!({ "signature": signature, "claim": claim, "code": code, "why": found.why, "log": log });
        if let (Some(stamped), Some(told)) = (stamped, told.as_object_mut()) {
            let dated = json!({ "signature": stamped.signature, "claim": stamped.claim });
            told.insert("timestamp".to_owned(), dated);
        }
        say_json(&told);
        return;
    }
    if let Some(about) = &found.about {
        say(&format!("log        {}, record {} of {}", about.origin, about.index, about.size));
        say(&format!("root       {}", about.root));
    }
    say(&format!("signature  {}", word(found.signature)));
    say(&format!("claim      {}", word(found.claim)));
    if let Some(why) = &found.why {
        say(&format!("why        {why}"));
    }
    stamped.iter().flat_map(|stamped| [&stamped.signature, &stamped.claim]).for_each(line);
    if let Some(code) = code {
        say(&format!("code       {code}"));
    }
}
