//! The reader: asks the verifier, and holds its answer against what must be found.

use evidence::{Archive, Standing, Trust, published};
use replay::Bundles;

use crate::case::{Draft, Given, Reader};
use crate::flaw::Flaw;
use crate::material::Material;

/// Is what a verifier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How everything stands together.
    pub standing: Standing,
    /// How what is signed stands, apart from what is claimed; the same for a log.
    pub signature: Standing,
    /// The reason it gives in the first place.
    pub reason: Option<&'static str>,
    /// Every reason.
    pub reasons: Vec<&'static str>,
}

/// Says how a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was refused, for a reason for which it must be.
    Detected(&'static str),
    /// It was refused for another reason.
    WrongReason(Seen),
    /// It was accepted.
    Accepted,
}

/// Asks the verifier.
pub struct Asking<'a> {
    material: &'a Material,
    policy: Trust,
    key: Trust,
    flaw: Option<Flaw>,
}

impl<'a> Asking<'a> {
    /// Asks the verifier as it is, or with a flaw.
    pub fn new(material: &'a Material, flaw: Option<Flaw>) -> Self {
        let key = Trust::Key(material.key.verifier().clone());
        Self { material, policy: Trust::Policy(material.policy.clone()), key, flaw }
    }

    /// Gives a reader what an attacker made, and judges what comes of it.
    pub fn judge(&self, draft: &Draft) -> Verdict {
        let seen = self.see(draft);
        if seen.standing == Standing::Holds {
            return Verdict::Accepted;
        }
        let right = seen.reason.filter(|reason| draft.first.contains(reason));
        let all = draft.also.iter().all(|reason| seen.reasons.contains(reason));
        match right.filter(|_| all) {
            Some(reason) => Verdict::Detected(reason),
            None => Verdict::WrongReason(seen),
        }
    }

    /// Asks what is to be said of something.
    pub fn see(&self, draft: &Draft) -> Seen {
        let reader = self.flaw.map_or(draft.reader, |flaw| flaw.trusts(draft.reader));
        let trust = if reader == Reader::Policy { &self.policy } else { &self.key };
        let seen = match &draft.given {
            Given::Log { files, kept } => {
                let kept: Vec<Vec<u8>> = kept.iter().map(|note| note.to_vec()).collect();
                let kept = if self.flaw == Some(Flaw::IgnoresEarlier) { &[] } else { kept.as_slice() };
                let read = |path: &str| files.get(path).map(|bytes| bytes.to_vec());
                of_log(published::check(&read, trust, kept))
            }
            Given::Bundle { bytes, own_policy } => self.of_bundle(bytes, *own_policy, trust),
        };
        self.flaw.map_or_else(|| seen.clone(), |flaw| without(&seen, flaw.unseen()))
    }

    fn of_bundle(&self, bytes: &[u8], own_policy: bool, trust: &Trust) -> Seen {
        let Ok(archive) = Archive::from_bytes(bytes) else {
            let (standing, reason) = (Standing::Broken, "bundle-unreadable");
            return Seen { standing, signature: standing, reason: Some(reason), reasons: vec![reason] };
        };
        let own = if own_policy { self.material.bundles.clone() } else { Bundles::new() };
        let report = replay::archive(&archive, trust, own);
        let (signature, claim) = (report.signature_standing(), report.claim_standing());
        Seen { standing: signature.and(claim), signature, reason: report.reason(), reasons: report.reasons() }
    }
}

fn of_log(report: Option<published::LogReport>) -> Seen {
    let Some(report) = report else {
        let (standing, reason) = (Standing::Missing, "checkpoint-missing");
        return Seen { standing, signature: standing, reason: Some(reason), reasons: vec![reason] };
    };
    let failed = report.checks.iter().filter(|check| check.standing != Standing::Holds);
    let standing = report.standing();
    Seen { standing, signature: standing, reason: report.reason(), reasons: failed.filter_map(|c| c.reason).collect() }
}

/// Returns what a verifier says that never finds some things: where it finds nothing else, it accepts.
fn without(seen: &Seen, unseen: &[&str]) -> Seen {
    let reasons: Vec<_> = seen.reasons.iter().copied().filter(|reason| !unseen.contains(reason)).collect();
    let accepts = reasons.is_empty() && !seen.reasons.is_empty();
    let standing = if accepts { Standing::Holds } else { seen.standing };
    Seen { standing, signature: seen.signature, reason: reasons.first().copied(), reasons }
}
