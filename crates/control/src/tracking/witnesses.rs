//! By what means it is known what runs at a target, and what each of them says.

use store::tracking::{Observation, ProbeKept};
use types::Digest;

use super::deployments::{DeploymentState, SILENT_AFTER_MS};

/// Says by what means something is known of what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Whoever holds a key of this server said so.
    Reported,
    /// The host said so, signed with the key that was enrolled for its target.
    Signed,
    /// This server asked what serves.
    Probed,
    /// A cluster's API told it of what it runs.
    Cluster,
}

impl Means {
    /// Lists all of them.
    pub const ALL: [Self; 4] = [Self::Reported, Self::Signed, Self::Probed, Self::Cluster];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Signed => "signed",
            Self::Probed => "probed",
            Self::Cluster => "cluster",
        }
    }

    /// Finds a means by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.name() == name)
    }
}

/// Is what is to run at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// The version's number.
    pub(super) number: i64,
    /// The digest under which its files are sealed.
    pub(super) seal: Option<Digest>,
    /// The digest of the image that it is to be served in, where its tags say.
    pub(super) image: Option<String>,
}

/// Is what is kept of what runs at a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known {
    pub(super) seen: Vec<Observation>,
    pub(super) probes: Vec<ProbeKept>,
    /// Whether its host has a key, so that nothing it does not sign counts.
    pub(super) is_signed: bool,
}

/// Is what one means says of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The means.
    pub means: Means,
    /// What was seen by it last.
    pub seen: Option<Observation>,
    /// How the last try went, where it is a probe.
    pub probe: Option<ProbeKept>,
    /// How that compares to what is to run; nothing while it does not say.
    pub state: Option<DeploymentState>,
}

/// Says how bad a state is, the worst last.
fn rank(state: DeploymentState) -> u8 {
    match state {
        DeploymentState::AsDeclared => 0,
        DeploymentState::Unseen => 1,
        DeploymentState::Silent => 2,
        DeploymentState::NothingRuns => 3,
        DeploymentState::MixedVersions => 4,
        DeploymentState::OtherFiles => 5,
        DeploymentState::OtherVersion => 6,
        DeploymentState::Undeclared => 7,
    }
}

/// Returns the witness that says the worst: one that says all is well is not believed against another.
pub(super) fn deciding(witnesses: &[Witness]) -> Option<&Witness> {
    let rank_of = |witness: &&Witness| witness.state.map(rank);
    witnesses.iter().filter(|witness| witness.state.is_some()).max_by_key(rank_of)
}

/// Returns what each means says.
///
/// What a host does not sign counts no more once it has a key; and a report that has become old says nothing where a probe looks.
pub(super) fn witnesses(declared: Option<&Declared>, known: Known, now: i64) -> Vec<Witness> {
    let Known { mut seen, mut probes, is_signed } = known;
    let mut all = Vec::new();
    for means in Means::ALL {
        let at = seen.iter().position(|one| one.means == means.name());
        let seen = at.map(|at| seen.remove(at));
        let at = probes.iter().position(|one| one.means == means.name());
        let probe = at.map(|at| probes.remove(at));
        let counts = match means {
            Means::Reported => seen.is_some() && !is_signed,
            Means::Signed => is_signed,
            Means::Probed | Means::Cluster => probe.is_some(),
        };
        if counts {
            let state = match &probe {
                Some(probe) => of_probe(declared, seen.as_ref(), probe, now),
                None => Some(state(declared, seen.as_ref(), now)),
            };
            all.push(Witness { means, seen, probe, state });
        }
    }
    let is_old = |one: &Witness| one.means == Means::Reported && one.state == Some(DeploymentState::Silent);
    let is_looked_at = all.iter().any(|one| one.probe.as_ref().is_some_and(|probe| !probe.abstains));
    all.iter_mut().filter(|one| is_looked_at && is_old(one)).for_each(|one| one.state = None);
    all
}

/// Says how what a probe found compares; nothing while it has not looked yet, or can tell no version.
fn of_probe(
    declared: Option<&Declared>,
    seen: Option<&Observation>,
    probe: &ProbeKept,
    now: i64,
) -> Option<DeploymentState> {
    let was_seen = seen.is_some() || (probe.abstains && probe.tried.is_some());
    match probe {
        ProbeKept { tried: None, .. } => None,
        ProbeKept { failed: Some(_), .. } if was_seen => Some(DeploymentState::Silent),
        ProbeKept { failed: Some(_), .. } => Some(DeploymentState::Unseen),
        ProbeKept { abstains: true, .. } => None,
        ProbeKept { .. } => Some(state(declared, seen, now)),
    }
}

/// Says how what was seen compares to what is to run.
pub(super) fn state(declared: Option<&Declared>, seen: Option<&Observation>, now: i64) -> DeploymentState {
    let Some(seen) = seen else { return DeploymentState::Unseen };
    let is_silent = now.saturating_sub(seen.last) > SILENT_AFTER_MS;
    let version = seen.version.and_then(|version| i64::try_from(version).ok());
    match (declared, version) {
        _ if is_silent => DeploymentState::Silent,
        (_, None) if seen.version.is_none() => DeploymentState::NothingRuns,
        (None, _) => DeploymentState::Undeclared,
        (Some(_), _) if !seen.others.is_empty() => DeploymentState::MixedVersions,
        (Some(declared), version) if Some(declared.number) != version => DeploymentState::OtherVersion,
        (Some(declared), _) if !files_are(declared, seen) => DeploymentState::OtherFiles,
        _ => DeploymentState::AsDeclared,
    }
}

/// Says whether the files and images that were seen are those of what is to run, as far as they are told.
fn files_are(declared: &Declared, seen: &Observation) -> bool {
    let is_image = |image: &String| declared.image.as_ref().is_none_or(|declared| declared == image);
    (seen.digest.is_none() || seen.digest == declared.seal) && seen.images.iter().all(is_image)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: i64 = 100 * SILENT_AFTER_MS;

    fn seen(means: Means, version: Option<u64>) -> Observation {
        Observation {
            model: "fraud".into(),
            target: "eu".into(),
            means: means.name().into(),
            version,
            digest: None,
            others: vec![],
            images: vec![],
            by: "person:dan".into(),
            state: String::new(),
            first: NOW,
            last: NOW,
        }
    }

    fn probe(failed: bool, abstains: bool) -> ProbeKept {
        ProbeKept {
            model: "fraud".into(),
            target: "eu".into(),
            means: Means::Probed.name().into(),
            name: "eu".into(),
            abstains,
            tried: Some(NOW),
            failed: failed.then_some(NOW),
            fails: u64::from(failed),
            says: String::new(),
        }
    }

    fn declared() -> Declared {
        Declared { number: 7, seal: Some(Digest([1; 32])), image: Some("sha256:aa".into()) }
    }

    fn decided(seen: Vec<Observation>, probes: Vec<ProbeKept>, is_signed: bool) -> Option<DeploymentState> {
        let all = witnesses(Some(&declared()), Known { seen, probes, is_signed }, NOW);
        deciding(&all).and_then(|one| one.state)
    }

    #[test]
    fn what_is_seen_is_held_against_what_is_to_run() {
        use DeploymentState::{AsDeclared, MixedVersions, NothingRuns, OtherFiles, OtherVersion, Silent, Undeclared};
        let of = |seen: Observation| state(Some(&declared()), Some(&seen), NOW);
        let base = || seen(Means::Cluster, Some(7));
        assert_eq!(of(base()), AsDeclared);
        assert_eq!(of(Observation { digest: Some(Digest([1; 32])), ..base() }), AsDeclared);
        assert_eq!(of(Observation { digest: Some(Digest([2; 32])), ..base() }), OtherFiles);
        assert_eq!(of(Observation { images: vec!["sha256:aa".into()], ..base() }), AsDeclared);
        assert_eq!(of(Observation { images: vec!["sha256:aa".into(), "sha256:bb".into()], ..base() }), OtherFiles);
        assert_eq!(of(Observation { others: vec![8], ..base() }), MixedVersions);
        assert_eq!(of(seen(Means::Cluster, Some(8))), OtherVersion);
        assert_eq!(of(seen(Means::Cluster, Some(u64::MAX))), OtherVersion, "a number that no version can have");
        assert_eq!(of(seen(Means::Cluster, None)), NothingRuns);
        assert_eq!(of(Observation { last: NOW - SILENT_AFTER_MS - 1, ..base() }), Silent);
        assert_eq!(state(None, Some(&base()), NOW), Undeclared);
        assert_eq!(state(None, Some(&seen(Means::Cluster, Some(u64::MAX))), NOW), Undeclared);
    }

    #[test]
    fn the_worst_that_is_said_counts() {
        let (good, bad) = (seen(Means::Reported, Some(7)), seen(Means::Probed, Some(8)));
        assert_eq!(
            decided(vec![good.clone(), bad], vec![probe(false, false)], false),
            Some(DeploymentState::OtherVersion)
        );
        let both = vec![good, seen(Means::Probed, Some(7))];
        assert_eq!(decided(both, vec![probe(false, false)], false), Some(DeploymentState::AsDeclared));
    }

    #[test]
    fn a_probe_that_tells_nothing_never_says_that_all_is_well() {
        let found = || vec![seen(Means::Probed, Some(7))];
        assert_eq!(decided(found(), vec![probe(true, false)], false), Some(DeploymentState::Silent));
        assert_eq!(decided(vec![], vec![probe(true, false)], false), Some(DeploymentState::Unseen));
        assert_eq!(decided(vec![], vec![probe(false, true)], false), None, "it serves, and does not say what");
        assert_eq!(decided(vec![], vec![probe(true, true)], false), Some(DeploymentState::Silent));
        let reported = || vec![seen(Means::Reported, Some(7))];
        assert_eq!(decided(reported(), vec![probe(false, true)], false), Some(DeploymentState::AsDeclared));
        assert_eq!(decided(reported(), vec![probe(true, true)], false), Some(DeploymentState::Silent));
    }

    #[test]
    fn what_is_not_signed_counts_no_more_once_the_host_has_a_key() {
        let reported = || seen(Means::Reported, Some(7));
        assert_eq!(decided(vec![reported()], vec![], true), Some(DeploymentState::Unseen));
        let signed = seen(Means::Signed, Some(8));
        assert_eq!(decided(vec![reported(), signed.clone()], vec![], true), Some(DeploymentState::OtherVersion));
        assert_eq!(decided(vec![reported(), signed], vec![], false), Some(DeploymentState::AsDeclared));
    }

    #[test]
    fn an_old_report_says_nothing_where_a_probe_looks() {
        let old = || Observation { last: NOW - SILENT_AFTER_MS - 1, ..seen(Means::Reported, Some(7)) };
        assert_eq!(decided(vec![old()], vec![], false), Some(DeploymentState::Silent));
        let probed = vec![old(), seen(Means::Probed, Some(7))];
        assert_eq!(decided(probed, vec![probe(false, false)], false), Some(DeploymentState::AsDeclared));
        assert_eq!(decided(vec![old()], vec![probe(false, true)], false), Some(DeploymentState::Silent));
    }
}
