//! The trust root: the file with which an operator hands its log's keys to somebody who will check them.
//!
//! A file proves nothing of itself. What makes it trusted is that its reader compares the fingerprints over another
//! road, such as the telephone, with what the operator reads out; so a fingerprint that is not that of its key is an
//! error, and never merely shown.

use serde::{Deserialize, Serialize};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::note::Note;
use tlog::{TrustPolicy, Witness};
use types::{Digest, Millis};

use crate::timestamp::Authorities;

/// Is the format this code writes and reads.
pub const FORMAT: &str = "countersign/trust-root/1";

/// Is the largest file that is read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// Is who made the file, with what and when, in their own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The program and its version.
    pub program: String,
    /// Who ran it.
    pub by: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: Millis,
}

/// Is one key of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// The verifier key: `NAME+HASH+KEY`.
    pub key: String,
    /// SHA-256 of that text, in groups of four hex digits.
    pub fingerprint: String,
    /// The log was signed with it from this instant on; without one, from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Millis>,
    /// And up to this one; without one, it still is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

impl TrustedKey {
    /// Trusts a key without an end.
    pub fn of(key: &VerifierKey) -> Self {
        let key = key.to_string();
        Self { fingerprint: fingerprint(&key), key, from: None, until: None }
    }

    /// Says whether the log was signed with this key at an instant.
    pub fn covers(&self, at: Millis) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// Is one witness whose cosignature counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedWitness {
    /// The name it has in the policy.
    pub name: String,
    /// Its verifier key: `NAME+HASH+KEY`.
    pub key: String,
    /// SHA-256 of that text, in groups of four hex digits.
    pub fingerprint: String,
}

impl TrustedWitness {
    fn of(witness: &Witness) -> Self {
        let key = witness.key.to_string();
        Self { name: String::from_utf8_lossy(&witness.name).into_owned(), fingerprint: fingerprint(&key), key }
    }
}

/// Is the whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// The format, [`FORMAT`].
    pub format: String,
    /// The log, as its checkpoints name it.
    pub origin: String,
    /// Its keys, at least one.
    pub keys: Vec<TrustedKey>,
    /// The witnesses that must have cosigned, as the text of a C2SP `tlog-policy`, where any must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<String>,
    /// The witnesses of that policy with their fingerprints, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness_keys: Vec<TrustedWitness>,
    /// The time-stamping authorities one of which must have vouched for the time, as PEM certificates, where any must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// How the file came to be; nothing proves it.
    pub made: Made,
}

/// Says why a trust root cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The file is not one.
    #[error("not a trust root: {0}")]
    Malformed(String),
    /// It is of another format.
    #[error("the trust root's format is `{0}`, this program knows `{FORMAT}`")]
    Format(String),
    /// A key in it cannot be read.
    #[error("the key `{key}` cannot be used: {why}")]
    Key {
        /// The key as it stands there.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// A fingerprint is not that of its key.
    #[error("the fingerprint `{found}` is not that of its key, which is `{expected}`")]
    Fingerprint {
        /// The one in the file.
        found: String,
        /// The one of the key.
        expected: String,
    },
    /// None of its keys has signed a checkpoint.
    #[error("none of its keys has signed this checkpoint")]
    Foreign,
}

impl TrustRoot {
    /// Writes a trust root for a log that has signed with one key ever since.
    pub fn of(key: &VerifierKey, made: Made) -> Self {
        let keys = vec![TrustedKey::of(key)];
        Self {
            format: FORMAT.to_owned(),
            origin: key.name().to_owned(),
            keys,
            witnesses: None,
            witness_keys: Vec::new(),
            authorities: None,
            made,
        }
    }

    /// Demands the quorum of a policy of witnesses. Where they are reached, which logs the policy names, and its comments
    /// stay behind: they are for the operator alone.
    ///
    /// # Errors
    ///
    /// [`TrustError::Malformed`] if it is no policy.
    pub fn demanding(mut self, policy: &str) -> Result<Self, TrustError> {
        self.witnesses = Some(policy.lines().filter_map(handed_over).collect());
        let policy = self.witness_policy()?;
        self.witness_keys = policy.iter().flat_map(TrustPolicy::witnesses).map(TrustedWitness::of).collect();
        Ok(self)
    }

    /// Returns the policy that this log's checkpoints must satisfy; `None` if no witness must have cosigned.
    ///
    /// # Errors
    ///
    /// [`TrustError::Malformed`] if its text is no policy.
    pub fn witness_policy(&self) -> Result<Option<TrustPolicy>, TrustError> {
        let read = |text: &String| TrustPolicy::parse(text.as_bytes());
        let policy = self.witnesses.as_ref().map(read).transpose();
        let policy = policy.map_err(|error| TrustError::Malformed(format!("its witnesses: {error}")))?;
        Ok(policy.map(|policy| policy.for_logs(self.keys.iter().filter_map(|trusted| trusted.key.parse().ok()))))
    }

    /// Reads a trust root strictly: no field it does not know, every key readable and of this log, every fingerprint that
    /// of its key, no key twice, the witnesses those of its policy, every certificate of an authority readable, no validity
    /// that ends before it begins.
    ///
    /// # Errors
    ///
    /// [`TrustError`], as described there.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TrustError> {
        let malformed = |why: &str| TrustError::Malformed(why.to_owned());
        if bytes.len() > BYTES_MAX {
            return Err(malformed("it is larger than 1 MiB"));
        }
        let root: Self = serde_json::from_slice(bytes).map_err(|e| TrustError::Malformed(e.to_string()))?;
        if root.format != FORMAT {
            return Err(TrustError::Format(root.format));
        }
        if root.keys.is_empty() {
            return Err(malformed("it has no key"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for key in &root.keys {
            root.check(key)?;
            if !seen.insert(&key.key) {
                return Err(malformed("it has a key twice"));
            }
        }
        root.check_witnesses()?;
        root.authorities()?;
        Ok(root)
    }

    /// Returns the authorities one of which must have vouched for the time; `None` if none must.
    ///
    /// # Errors
    ///
    /// [`TrustError::Malformed`] if their certificates cannot be used.
    pub fn authorities(&self) -> Result<Option<Authorities>, TrustError> {
        let read = |text: &String| Authorities::from_pem(text.as_bytes());
        self.authorities.as_ref().map(read).transpose().map_err(|error| TrustError::Malformed(error.to_string()))
    }

    fn check_witnesses(&self) -> Result<(), TrustError> {
        let policy = self.witness_policy()?;
        let expected: Vec<_> = policy.iter().flat_map(TrustPolicy::witnesses).map(TrustedWitness::of).collect();
        if expected == self.witness_keys {
            return Ok(());
        }
        let named = expected.iter().zip(&self.witness_keys);
        let mut swapped = named.filter(|(own, found)| own.key == found.key && own.fingerprint != found.fingerprint);
        Err(swapped.next().map_or_else(
            || TrustError::Malformed("the witnesses it gives fingerprints of are not those of its policy".to_owned()),
            |(own, found)| TrustError::Fingerprint {
                found: found.fingerprint.clone(),
                expected: own.fingerprint.clone(),
            },
        ))
    }

    fn check(&self, trusted: &TrustedKey) -> Result<(), TrustError> {
        let key = trusted.key.as_str();
        let unusable = |why: String| TrustError::Key { key: key.to_owned(), why };
        let parsed: VerifierKey = key.parse().map_err(|e: tlog::key::KeyError| unusable(e.to_string()))?;
        if parsed.to_string() != key {
            return Err(unusable("it is not written the one way it can be".to_owned()));
        }
        if parsed.name() != self.origin {
            return Err(unusable(format!("it is not one of the log `{}`", self.origin)));
        }
        if matches!((trusted.from, trusted.until), (Some(from), Some(until)) if until <= from) {
            return Err(unusable("it ends before it begins".to_owned()));
        }
        let expected = fingerprint(key);
        if trusted.fingerprint == expected {
            Ok(())
        } else {
            Err(TrustError::Fingerprint { found: trusted.fingerprint.clone(), expected })
        }
    }

    /// Returns the key that has signed a checkpoint, and what is said of it.
    ///
    /// # Errors
    ///
    /// [`TrustError::Foreign`] if none of them has.
    pub fn signer(&self, checkpoint: &[u8]) -> Result<(VerifierKey, &TrustedKey), TrustError> {
        Note::parse(checkpoint).map_err(|e| TrustError::Malformed(e.to_string()))?;
        let keys = self.keys.iter().filter_map(|trusted| Some((trusted.key.parse().ok()?, trusted)));
        let mut signers = keys.filter(|(key, _): &(VerifierKey, _)| Checkpoint::open(checkpoint, key).is_ok());
        signers.next().ok_or(TrustError::Foreign)
    }

    /// Writes the file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Returns a line of a policy as a reader gets it; `None` if it is none of theirs.
fn handed_over(line: &str) -> Option<String> {
    let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
    match items.as_slice() {
        ["witness", name, key, ..] => Some(format!("witness {name} {key}\n")),
        ["log", ..] | [] => None,
        [first, ..] if first.starts_with('#') => None,
        _ => Some(format!("{}\n", items.join(" "))),
    }
}

/// Returns the SHA-256 of a verifier key's text, in sixteen groups of four hex digits: as people read it to each other,
/// and as `printf %s KEY | sha256sum` prints it without the spaces.
pub fn fingerprint(key: &str) -> String {
    let hex = Digest::plain(key.as_bytes()).to_string();
    let mut groups = String::new();
    for (place, digit) in hex.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            groups.push(' ');
        }
        groups.push(digit);
    }
    groups
}

#[cfg(test)]
mod tests {
    use tlog::hash::empty_root;
    use tlog::key::SignerKey;

    use super::*;

    fn signer(seed: u8) -> SignerKey {
        SignerKey::ed25519("example.org/log", &[seed; 32]).unwrap()
    }

    fn root() -> TrustRoot {
        let made = Made { program: "countersign 0".to_owned(), by: "ana".to_owned(), at: Millis(5) };
        TrustRoot::of(signer(1).verifier(), made)
    }

    fn note(key: &SignerKey) -> Vec<u8> {
        let text = Checkpoint::new("example.org/log", 0, empty_root()).to_text().unwrap();
        Note::sign(&text, key).unwrap().to_string().into_bytes()
    }

    fn why(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut value = serde_json::to_value(root()).unwrap();
        change(&mut value);
        TrustRoot::from_json(value.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_and_knows_its_signer() {
        let read = TrustRoot::from_json(root().to_json().as_bytes()).unwrap();
        assert_eq!(read, root());
        assert_eq!(&read.signer(&note(&signer(1))).unwrap().0, signer(1).verifier());
        assert_eq!(read.signer(&note(&signer(2))).unwrap_err(), TrustError::Foreign);
    }

    #[test]
    fn a_fingerprint_is_what_sha256sum_prints() {
        let hex = "ba78 16bf 8f01 cfea 4141 40de 5dae 2223 b003 61a3 9617 7a9c b410 ff61 f200 15ad";
        assert_eq!(fingerprint("abc"), hex);
    }

    #[test]
    fn what_does_not_hold_together_is_refused_with_its_reason() {
        assert!(why(|v| v["keys"][0]["fingerprint"] = "ba78".into()).starts_with("the fingerprint `ba78` is not"));
        assert!(why(|v| v["origin"] = "example.org/other".into()).contains("not one of the log `example.org/other`"));
        assert!(why(|v| v["keys"] = serde_json::json!([])).contains("it has no key"));
        assert!(why(|v| v["format"] = "x".into()).contains("the trust root's format is `x`"));
        assert!(why(|v| v["more"] = 1.into()).contains("unknown field `more`"));
        assert!(why(|v| v["keys"][0]["key"] = "x".into()).contains("the key `x` cannot be used"));
        assert!(why(|v| v["keys"] = serde_json::json!([v["keys"][0], v["keys"][0]])).contains("a key twice"));
        assert!(why(|v| v["authorities"] = "x".into()).contains("the file must hold 1 to 100 certificates"));
        let backwards = why(|v| {
            v["keys"][0]["from"] = 9.into();
            v["keys"][0]["until"] = 9.into();
        });
        assert!(backwards.contains("it ends before it begins"), "{backwards}");
    }

    #[test]
    fn witnesses_are_handed_over_with_their_fingerprints_and_without_their_addresses() {
        let witness = tlog::CosignerKey::ed25519("witness.example/w", &[7; 32]).unwrap();
        let key = witness.verifier().to_string();
        let text = format!("# ours\nlog {}\nwitness\tw {key} http://10.0.0.1:7719\nquorum w", signer(3).verifier());
        let root = root().demanding(&text).unwrap();
        assert_eq!(root.witnesses.as_deref(), Some(format!("witness w {key}\nquorum w\n").as_str()));
        assert_eq!(root.witness_keys[0].fingerprint, fingerprint(&key));
        let read = TrustRoot::from_json(root.to_json().as_bytes()).unwrap();
        assert_eq!(read, root);
        let policy = read.witness_policy().unwrap().unwrap();
        assert_eq!(policy.logs().iter().map(|log| &log.key).collect::<Vec<_>>(), [signer(1).verifier()]);
        assert!(matches!(policy.open(&note(&signer(1))), Err(tlog::TrustError::NoQuorum { valid: 0 })));
        let refused = |change: fn(&mut TrustRoot)| {
            let mut other = root.clone();
            change(&mut other);
            TrustRoot::from_json(other.to_json().as_bytes()).unwrap_err().to_string()
        };
        assert!(refused(|root| root.witness_keys[0].fingerprint = "ba78".into()).starts_with("the fingerprint `ba78`"));
        assert!(refused(|root| root.witness_keys.clear()).contains("are not those of its policy"));
        assert!(refused(|root| root.witnesses = None).contains("are not those of its policy"));
        assert!(refused(|root| root.witnesses = Some("quorum w\n".into())).contains("its witnesses: line 1"));
    }

    #[test]
    fn a_key_covers_its_time_and_no_other() {
        let key = TrustedKey { from: Some(Millis(2)), until: Some(Millis(4)), ..TrustedKey::of(signer(1).verifier()) };
        assert_eq!([1, 2, 3, 4].map(|at| key.covers(Millis(at))), [false, true, true, false]);
        assert!(TrustedKey::of(signer(1).verifier()).covers(Millis(0)));
    }
}
