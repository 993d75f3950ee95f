//! Reconstructing: evidence held against a request, against the reader's own log, and against the rules.

use std::collections::BTreeMap;

use evidence::claims::Read;
use evidence::custody::{self, CustodyKey, KeyRole};
use evidence::verify::Check;
use evidence::{Archive, Leaf, RecordKind, Standing, Trust, verify};
use policy::BundleFiles;
use serde::Serialize;

use super::statement::{Basis, Statement, Story, standing};
use super::story::Teller;
use super::{Held, Request, open, words};
use crate::bundles::Bundles;
use crate::report::report;

/// Is everything that can be told of the decisions in a piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconstruction {
    /// What the evidence says it is about.
    pub about: String,
    /// The log, once its checkpoint could be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The tree size of the evidence's checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The request it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// How hashes, proofs and signatures stand together.
    pub signature: Standing,
    /// What is said of the evidence as a whole.
    pub statements: Vec<Statement>,
    /// Each drawn decision, or each decision there is where nothing was drawn.
    pub decisions: Vec<Story>,
    /// What such evidence cannot prove, whatever it holds.
    pub unproven: Vec<&'static str>,
}

impl Reconstruction {
    /// Returns how everything but the signature stands together; a judgement breaks nothing.
    pub fn claim(&self) -> Standing {
        self.decisions.iter().map(Story::standing).fold(standing(&self.statements), Standing::and)
    }

    /// Returns how everything stands together.
    pub fn standing(&self) -> Standing {
        self.signature.and(self.claim())
    }

    /// Returns all statements, the evidence's own first.
    pub fn all(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().chain(self.decisions.iter().flat_map(|story| &story.statements))
    }
}

/// Tells each decision of a piece of evidence, and says of each statement what it rests on.
///
/// - `trust`: whom the reader trusts; witnesses that they demand must have cosigned both the evidence's checkpoint and that
///   of the request.
/// - `bundles`: policy bundles that the reader has from elsewhere.
/// - `request`: what the evidence should answer; without one, every decision in it is told.
/// - `held`: what the reader's own log says; without it, what only that log can show rests on the operator's word.
pub fn reconstruct(
    archive: &Archive,
    trust: &Trust,
    mut bundles: Bundles,
    request: Option<&Request>,
    held: Option<&Held>,
) -> Reconstruction {
    for files in archive.bundles.values() {
        bundles.add(BundleFiles(files.clone()));
    }
    let (verified, records) = verify::archive(archive, trust);
    let decided = || records.iter().filter(|record| record.leaf.kind == RecordKind::Decided);
    let decisions: Vec<_> = decided().map(|record| report(record, &bundles)).collect();
    let grounds = grounds(&verified);
    let teller = Teller {
        records: &records,
        grounds: &grounds,
        decisions: &decisions,
        bundles: &bundles,
        held,
        log: verified.origin.as_deref(),
    };
    let stories = match request {
        Some(request) => request.picks.iter().map(|pick| teller.picked(pick)).collect(),
        None => decided().map(|record| teller.decided(record)).collect(),
    };
    let mut statements = whole(&verified);
    statements.extend(request.into_iter().flat_map(|request| answers(archive, trust, request, held, &records)));
    Reconstruction {
        about: verified.about.to_string(),
        origin: verified.origin.clone(),
        size: verified.size,
        request: request.cloned(),
        signature: verified.signature_standing(),
        statements,
        decisions: stories,
        unproven: verified.unproven,
    }
}

/// Says of each record how it stands: the checkpoint's signature, its inclusion, and its values.
fn grounds(verified: &evidence::Report) -> BTreeMap<u64, Standing> {
    let all = |checks: &[Check]| checks.iter().map(|check| check.standing).fold(Standing::Holds, Standing::and);
    let signed = all(&verified.signature);
    verified.records.iter().map(|record| (record.index, signed.and(all(&record.checks)))).collect()
}

/// Says how the evidence stands as a whole, and who made it.
fn whole(verified: &evidence::Report) -> Vec<Statement> {
    let stated = |about, check: &Check| {
        // What does not hold says why beside its mark.
        let who = check.detail.as_ref().filter(|_| check.standing == Standing::Holds);
        let says = who.map_or_else(|| check.claim.clone(), |who| format!("{} ({who})", check.claim));
        Statement::new(about, says, Basis::of(check.standing, check.detail.clone()))
    };
    let mut all: Vec<Statement> = verified.signature.iter().map(|check| stated("signature", check)).collect();
    let (held, others): (Vec<&Check>, Vec<&Check>) =
        verified.claims.iter().partition(|check| check.standing == Standing::Holds);
    all.extend(others.into_iter().map(|check| stated("claims", check)));
    let says = format!("{} of {} claims of its records hold", held.len(), verified.claims.len());
    all.push(Statement::new("claims", says, Basis::Proved));
    let custody = &verified.custody;
    let by = words::name(&custody.by);
    let says = format!("made by {by} with {} on {}", custody.program, words::time(custody.at));
    all.push(Statement::new("custody", says, Basis::word_of(by)));
    all.extend(verified.custody.keys.iter().map(|key| by_key(key, verified)));
    all
}

/// Names a key by which the evidence was made. Which key is the statement key, the exporter alone says.
fn by_key(key: &CustodyKey, verified: &evidence::Report) -> Statement {
    let says = format!("{} {} ({})", key.role.as_str(), key.fingerprint, words::name(key.name()));
    let basis = match key.role {
        KeyRole::Statement => Basis::word_of("whoever made it; compare the fingerprint with the operator's"),
        KeyRole::Log | KeyRole::Cosigner => Basis::of(verified.claim_standing_of(custody::SIGNERS), None),
    };
    Statement::new("custody", says, basis)
}

/// Says whether the evidence answers the request, and whether the request is what its seed draws.
fn answers(
    archive: &Archive,
    trust: &Trust,
    request: &Request,
    held: Option<&Held>,
    records: &[Read<'_>],
) -> Vec<Statement> {
    let mut all = vec![drawn(request, held), one_log(archive, trust, request, held)];
    if let Some(held) = held {
        all.extend(same_records(held, records));
    }
    all
}

fn drawn(request: &Request, held: Option<&Held>) -> Statement {
    let (count, population) = (request.picks.len(), request.population);
    let says = format!("the {count} decisions are those that the seed draws from {population}");
    let basis = match held {
        None => Basis::word_of("whoever made the request; your own log can show it"),
        Some(held) if held.picks == request.picks && held.population == population => Basis::Proved,
        Some(_) => Basis::of(Standing::Broken, "your log gives others".to_owned()),
    };
    Statement::new("request", says, basis)
}

/// Says whether the evidence comes from the log that the sample was drawn from: two roots of one size are two logs.
fn one_log(archive: &Archive, trust: &Trust, request: &Request, held: Option<&Held>) -> Statement {
    let says = "the evidence comes from the log that the sample was drawn from";
    let opened = |note: &[u8]| open(note, trust).map(|(checkpoint, _)| checkpoint);
    let basis = match (opened(request.checkpoint.as_bytes()), opened(&archive.checkpoint)) {
        (Err(error), _) => Basis::of(error.standing, format!("the request's checkpoint: {error}")),
        (_, Err(error)) => Basis::of(error.standing, format!("the evidence's checkpoint: {error}")),
        (Ok(drawn), Ok(here)) if drawn.size == here.size && drawn.root != here.root => {
            let why = format!("two logs of {} records are signed with one key", here.size);
            Basis::of(Standing::Broken, why)
        }
        (Ok(drawn), Ok(here)) if drawn.root == here.root => Basis::Proved,
        _ if held.is_some() => return Statement::new("log", format!("{says}, record by record"), Basis::Proved),
        _ => Basis::word_of("whoever holds the log's key; your own log can show it record by record"),
    };
    Statement::new("log", says, basis)
}

/// Holds every record of the evidence against the reader's log.
fn same_records(held: &Held, records: &[Read<'_>]) -> Vec<Statement> {
    let (known, newer): (Vec<&Read<'_>>, Vec<&Read<'_>>) = records.iter().partition(|record| record.index < held.size);
    let other = known.iter().find(|record| held.leaves.get(&record.index) != Some(&Leaf::hash_of(record.bytes)));
    let standing = if other.is_none() { Standing::Holds } else { Standing::Broken };
    let why = other.map(|record| format!("record {} is another one in your log", record.index));
    let says = format!("{} records of the evidence are those of your log, byte by byte", known.len());
    let mut all = vec![Statement::new("log", says, Basis::of(standing, why))];
    if !newer.is_empty() {
        let says = format!("{} records are newer than your log, which went on as it was", newer.len());
        all.push(Statement::new("log", says, Basis::word_of("whoever holds the log's key; fetch the log anew")));
    }
    all
}
