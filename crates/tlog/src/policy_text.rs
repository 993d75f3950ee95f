//! The text of a trust policy, line by line (C2SP `tlog-policy`).

use std::collections::BTreeMap;

use thiserror::Error;

use crate::key::{Algorithm, KeyError, VerifierKey};
use crate::trust_policy::{Log, Node, Quorum, TrustPolicy, Witness};

/// The longest policy that is read, in bytes.
pub const POLICY_LEN_MAX: usize = 1 << 20;

/// The largest number of logs, of witnesses and of groups in a policy.
pub const POLICY_ENTRIES_MAX: usize = 256;

const NONE: &[u8] = b"none";

/// Why the text of a policy is refused, and in which line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the policy: {fault}")]
pub struct PolicyError {
    /// The line that is wrong; for what is missing as a whole, the last one.
    pub line: usize,
    /// What is wrong with it.
    pub fault: PolicyFault,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyFault {
    /// The text is longer than [`POLICY_LEN_MAX`] bytes.
    #[error("a policy has at most 1 MiB")]
    TooLong,
    /// There are more than [`POLICY_ENTRIES_MAX`] lines of one kind.
    #[error("a policy has at most 256 logs, 256 witnesses and 256 groups")]
    TooMany,
    /// The line has a byte that no policy may have.
    #[error("byte 0x{0:02x} is not allowed")]
    Character(u8),
    /// The last line does not end in a newline.
    #[error("the line does not end in a newline")]
    NoFinalNewline,
    /// The line begins with none of `log`, `witness`, `group` and `quorum`.
    #[error("`{0}` is none of `log`, `witness`, `group` and `quorum`")]
    Keyword(String),
    /// The line has too few or too many items.
    #[error("it should read `{0}`")]
    Items(&'static str),
    /// The verifier key is refused.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The key's algorithm is not one that a log, or a witness, signs with.
    #[error("signature type 0x{0:02x} is not one for this line")]
    KeyType(u8),
    /// The public key stands in an earlier line of the same kind.
    #[error("the public key is that of an earlier line")]
    DuplicateKey,
    /// The name is that of an earlier line, or the predefined `none`.
    #[error("the name `{0}` is taken")]
    NameTaken(String),
    /// The name is not defined in an earlier line.
    #[error("no earlier line defines `{0}`")]
    NameUnknown(String),
    /// The name is a member of a group already.
    #[error("`{0}` is a member of a group already")]
    MemberTwice(String),
    /// The threshold is neither `any` nor `all` nor a number from 1 to that of the members.
    #[error("the threshold `{0}` is neither `any` nor `all` nor a number from 1 to that of the members")]
    Threshold(String),
    /// There is a second quorum line.
    #[error("the quorum is defined already")]
    SecondQuorum,
    /// There is no quorum line.
    #[error("the policy defines no quorum")]
    NoQuorum,
}

impl PolicyError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match &self.fault {
            PolicyFault::TooLong | PolicyFault::TooMany => "policy-too-large",
            PolicyFault::Key(error) => error.code(),
            PolicyFault::KeyType(_) => "key-algorithm-unsupported",
            PolicyFault::DuplicateKey => "policy-key-duplicate",
            PolicyFault::NameTaken(_) | PolicyFault::MemberTwice(_) => "policy-name-duplicate",
            PolicyFault::NameUnknown(_) => "policy-name-unknown",
            PolicyFault::SecondQuorum | PolicyFault::NoQuorum => "policy-quorum-invalid",
            PolicyFault::Character(_)
            | PolicyFault::NoFinalNewline
            | PolicyFault::Keyword(_)
            | PolicyFault::Items(_)
            | PolicyFault::Threshold(_) => "policy-malformed",
        }
    }
}

pub(crate) fn parse(text: &[u8]) -> Result<TrustPolicy, PolicyError> {
    let mut reader = Reader::default();
    if text.len() > POLICY_LEN_MAX {
        return Err(PolicyError { line: 1, fault: PolicyFault::TooLong });
    }
    let mut last = 1;
    for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        reader.line(line).map_err(|fault| PolicyError { line: number, fault })?;
        last = number;
    }
    reader.finish().map_err(|fault| PolicyError { line: last, fault })
}

/// What the lines so far have defined.
#[derive(Default)]
struct Reader<'t> {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    nodes: Vec<Node>,
    names: BTreeMap<&'t [u8], Name>,
    quorum: Option<Quorum>,
}

/// A defined name: the place of its node, and whether a group has it.
struct Name {
    at: usize,
    is_member: bool,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t [u8]) -> Result<(), PolicyFault> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyFault::NoFinalNewline)?;
        if let Some(byte) = line.iter().find(|byte| !is_allowed(**byte)) {
            return Err(PolicyFault::Character(*byte));
        }
        let items: Vec<&[u8]> = line.split(|byte| is_space(*byte)).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", rest @ ..] => self.log(rest),
            [b"witness", rest @ ..] => self.witness(rest),
            [b"group", rest @ ..] => self.group(rest),
            [b"quorum", rest @ ..] => self.set_quorum(rest),
            [first, ..] => Err(PolicyFault::Keyword(shown(first))),
        }
    }

    fn log(&mut self, items: &[&'t [u8]]) -> Result<(), PolicyFault> {
        let (key, url) = match items {
            [key] => (key, None),
            [key, url] => (key, Some(url.to_vec())),
            _ => return Err(PolicyFault::Items("log <vkey> [<url>]")),
        };
        let key = parse_key(key, &[Algorithm::Ed25519, Algorithm::MlDsa44])?;
        check_fresh(&key, self.logs.iter().map(|log| &log.key))?;
        self.logs.push(Log { key, url });
        check_count(self.logs.len())
    }

    fn witness(&mut self, items: &[&'t [u8]]) -> Result<(), PolicyFault> {
        let (name, key, url) = match items {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(url.to_vec())),
            _ => return Err(PolicyFault::Items("witness <name> <vkey> [<url>]")),
        };
        let key = parse_key(key, &[Algorithm::CosignatureV1, Algorithm::MlDsa44])?;
        check_fresh(&key, self.witnesses.iter().map(|witness| &witness.key))?;
        self.define(name, Node::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_vec(), key, url });
        check_count(self.witnesses.len())
    }

    fn group(&mut self, items: &[&'t [u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = items else {
            return Err(PolicyFault::Items("group <name> any|all|<k> <name>..."));
        };
        if members.is_empty() {
            return Err(PolicyFault::Items("group <name> any|all|<k> <name>..."));
        }
        let threshold = parse_threshold(threshold, members.len())?;
        let members = members.iter().map(|member| self.join(member)).collect::<Result<_, _>>()?;
        self.define(name, Node::Group { threshold, members })?;
        check_count(self.nodes.len() - self.witnesses.len())
    }

    fn set_quorum(&mut self, items: &[&'t [u8]]) -> Result<(), PolicyFault> {
        let [name] = items else {
            return Err(PolicyFault::Items("quorum <name>"));
        };
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        self.quorum = Some(match self.names.get(name) {
            _ if *name == NONE => Quorum::None,
            Some(name) => Quorum::Node(name.at),
            None => return Err(PolicyFault::NameUnknown(shown(name))),
        });
        Ok(())
    }

    /// Gives a node its name. "Witnesses and groups share a single namespace."
    fn define(&mut self, name: &'t [u8], node: Node) -> Result<(), PolicyFault> {
        let at = self.nodes.len();
        if name == NONE || self.names.contains_key(name) {
            return Err(PolicyFault::NameTaken(shown(name)));
        }
        self.names.insert(name, Name { at, is_member: false });
        self.nodes.push(node);
        Ok(())
    }

    /// Makes a name a group's. "Each defined name can be listed as a group member at most once."
    fn join(&mut self, name: &[u8]) -> Result<usize, PolicyFault> {
        let member = self.names.get_mut(name).ok_or_else(|| PolicyFault::NameUnknown(shown(name)))?;
        if std::mem::replace(&mut member.is_member, true) {
            return Err(PolicyFault::MemberTwice(shown(name)));
        }
        Ok(member.at)
    }

    fn finish(self) -> Result<TrustPolicy, PolicyFault> {
        let quorum = self.quorum.ok_or(PolicyFault::NoQuorum)?;
        Ok(TrustPolicy { logs: self.logs, witnesses: self.witnesses, nodes: self.nodes, quorum })
    }
}

fn is_allowed(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn shown(item: &[u8]) -> String {
    String::from_utf8_lossy(item).into_owned()
}

fn parse_key(text: &[u8], algorithms: &[Algorithm]) -> Result<VerifierKey, PolicyFault> {
    let key: VerifierKey = str::from_utf8(text).map_err(|_| KeyError::Malformed)?.parse()?;
    if algorithms.contains(&key.algorithm()) { Ok(key) } else { Err(PolicyFault::KeyType(key.algorithm().byte())) }
}

/// "Two vkeys are considered duplicate if they wrap the same underlying public key, even if they differ by key name
/// and key id."
fn check_fresh<'k>(key: &VerifierKey, mut earlier: impl Iterator<Item = &'k VerifierKey>) -> Result<(), PolicyFault> {
    let is_known = earlier.any(|known| known.public_key() == key.public_key());
    if is_known { Err(PolicyFault::DuplicateKey) } else { Ok(()) }
}

fn check_count(count: usize) -> Result<(), PolicyFault> {
    if count > POLICY_ENTRIES_MAX { Err(PolicyFault::TooMany) } else { Ok(()) }
}

fn parse_threshold(text: &[u8], members: usize) -> Result<usize, PolicyFault> {
    let number = match text {
        b"any" => Some(1),
        b"all" => Some(members),
        // The number's own spelling is the only one allowed: no sign, no leading zeroes.
        _ => str::from_utf8(text).ok().and_then(|text| text.parse().ok().filter(|k: &usize| k.to_string() == text)),
    };
    let in_range = number.filter(|k| (1..=members).contains(k));
    in_range.ok_or_else(|| PolicyFault::Threshold(shown(text)))
}
