//! Whom a reader trusts: nobody, the log's key, or a policy that also says which witnesses must have cosigned.

use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::{TrustError, TrustPolicy};

use crate::verify::{Check, Standing, check};

const SIGNED: &str = "the checkpoint is signed by the log's key";
const QUORUM: &str = "a quorum of the policy's witnesses has cosigned the checkpoint";

/// Is whom a reader trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Nobody: what is inside can only be shown to agree with itself.
    Nobody,
    /// Whoever holds the log's key.
    Key(VerifierKey),
    /// The logs of a policy, once its witnesses have cosigned.
    Policy(TrustPolicy),
}

impl Trust {
    /// Opens a signed checkpoint; says what was checked, and returns it if the log's own signature holds.
    ///
    /// - `own`: the key that came with the evidence, used where nobody is trusted.
    pub fn open(&self, note: &[u8], own: &str) -> (Vec<Check>, Option<Checkpoint>) {
        match self {
            Self::Nobody => by_own_key(note, own),
            Self::Key(key) => {
                let (check, checkpoint) = signed(note, key);
                (vec![check], checkpoint)
            }
            Self::Policy(policy) => by_policy(note, policy),
        }
    }

    /// Returns the one key that is trusted, if it is one.
    pub fn key(&self) -> Option<&VerifierKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Nobody | Self::Policy(_) => None,
        }
    }

    /// Says what such trust cannot show of a log, if there is something.
    pub fn unproven(&self) -> Option<&'static str> {
        match self {
            Self::Nobody | Self::Key(_) => Some("that others are shown the same log (no policy named witnesses)"),
            Self::Policy(policy) if policy.is_quorum(&[]) => {
                Some("that others are shown the same log (the policy demands no witness)")
            }
            Self::Policy(_) => None,
        }
    }
}

fn by_own_key(note: &[u8], own: &str) -> (Vec<Check>, Option<Checkpoint>) {
    let key = match own.parse::<VerifierKey>() {
        Ok(key) => key,
        Err(error) => {
            let unreadable = check("the log's key is readable", Standing::Broken, Some(error.to_string()));
            return (vec![unreadable.because(error.code())], None);
        }
    };
    let detail = "no trusted key was given; the bundle's own key proves only that it was not altered since".to_owned();
    let untrusted = check("the log's key is one you trust", Standing::Missing, Some(detail)).because("log-untrusted");
    let (signed, checkpoint) = signed(note, &key);
    (vec![untrusted, signed], checkpoint)
}

fn signed(note: &[u8], key: &VerifierKey) -> (Check, Option<Checkpoint>) {
    match Checkpoint::open(note, key) {
        Ok((checkpoint, _)) => (check(SIGNED, Standing::Holds, None), Some(checkpoint)),
        Err(error) => (check(SIGNED, Standing::Broken, Some(error.to_string())).because(error.code()), None),
    }
}

fn by_policy(note: &[u8], policy: &TrustPolicy) -> (Vec<Check>, Option<Checkpoint>) {
    let error = match policy.open(note) {
        Ok(trusted) => {
            let who = |cosigned: &tlog::Cosigned<'_>| {
                format!("{} at {}", String::from_utf8_lossy(&cosigned.witness.name), cosigned.time)
            };
            let names: Vec<String> = trusted.witnesses.iter().map(who).collect();
            let detail = (!names.is_empty()).then(|| names.join(", "));
            let checks = vec![check(SIGNED, Standing::Holds, None), check(QUORUM, Standing::Holds, detail)];
            return (checks, Some(trusted.checkpoint));
        }
        Err(error) => error,
    };
    match error {
        TrustError::NoQuorum { .. } => {
            let opened = policy.logs().iter().find_map(|log| Checkpoint::open(note, &log.key).ok());
            let too_few = check(QUORUM, Standing::Missing, Some(error.to_string())).because(error.code());
            (vec![check(SIGNED, Standing::Holds, None), too_few], opened.map(|(checkpoint, _)| checkpoint))
        }
        error => (vec![check(SIGNED, Standing::Broken, Some(error.to_string())).because(error.code())], None),
    }
}
