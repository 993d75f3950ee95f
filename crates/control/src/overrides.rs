//! Thresholds from which on people are asked, and what people may override: by whom, and what that leaves behind.

use std::collections::BTreeSet;

use policy::ADMIN_TOOLS;
use types::bundle::BundleData;
use types::permission::REQUEST_TOOL;
use types::{PersonId, ProfileId, Restriction};

use crate::control::Control;

/// Is a threshold of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// Where it stands, such as `risk.escalate_from`.
    pub threshold: String,
    /// What it is, in words.
    pub is: String,
    /// The profile that is asked; without one, the action is denied.
    pub profile: Option<ProfileId>,
}

/// Is what people may override: an administration action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The action, such as `countersign.level.grant`.
    pub tool: &'static str,
    /// The people whom policy does not deny it, in order of name.
    pub people: Vec<MayOverride>,
    /// What it leaves behind.
    pub evidence: &'static str,
}

/// Is one person who may override something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayOverride {
    /// Who.
    pub person: PersonId,
    /// The profiles that must approve it first.
    pub profiles: BTreeSet<ProfileId>,
}

/// Lists the thresholds of a bundle, all of which its authors answer for.
pub(crate) fn thresholds(data: &BundleData) -> Vec<Threshold> {
    let (risk, review) = (&data.risk, &data.head.review);
    let of = |threshold: String, is: String, profile: &Option<ProfileId>| Threshold {
        threshold,
        is,
        profile: profile.clone(),
    };
    let mut all = vec![
        of("risk.escalate_from".to_owned(), format!("a risk score of {} or more", risk.escalate_from), &risk.profile),
        of(
            "review.confidence_below_bp".to_owned(),
            format!("a claimed confidence below {} basis points", review.confidence_below_bp),
            &review.profile,
        ),
    ];
    if !review.words.is_empty() {
        let words: Vec<&str> = review.words.iter().map(String::as_str).collect();
        all.push(of("review.words".to_owned(), format!("one of the words {}", words.join(", ")), &review.profile));
    }
    for amount in &review.amounts {
        let is = format!("more than {} at {} of {}", amount.above, amount.pointer, amount.tool.0);
        all.push(of("review.amounts".to_owned(), is, &review.profile));
    }
    for (id, window) in &data.limits.windows {
        let days: Vec<&str> = window.days.iter().map(String::as_str).collect();
        let is = format!("outside {} to {} {} on {}", window.from, window.to, window.zone, days.join(", "));
        all.push(of(format!("windows.{id}"), is, &window.outside));
    }
    all
}

/// Says what an administration action leaves behind, besides the decision on it with who, what and why.
fn evidence(tool: &str) -> &'static str {
    match tool {
        "countersign.policy.activate" => "a `bundle` record with the digest of the files, which the journal keeps",
        "countersign.level.grant" => "a `grant` record with the level, its end, who gave it and why",
        "countersign.key.create" | "countersign.key.revoke" | "countersign.passkey.invite" => {
            "a `key` record with whose it is and who did it"
        }
        "countersign.switch.clear" => "a `switch` record with who lifted it and why",
        "countersign.tool.pin" => "a `tool` record with the digest of the definition that was read",
        "countersign.approval.delegate" => "a `grant` record with whose vote, in whose hand, until when and why",
        "countersign.glass.break" | "countersign.glass.review" => {
            "a `grant` record with the whole break-glass: what it is for, both people, how it ended, what ran, who reviewed it"
        }
        "countersign.subject.erase" => "an `erasure` record with what it covered",
        "countersign.log.key" => "a `key_event` record that the log's key signs",
        _ => "the decision alone, and what it did in the log",
    }
}

impl Control {
    /// Lists what people may override, as policy judges each person's wish with no arguments at all: where a policy reads the
    /// arguments, it denies such a wish, and the person is not listed.
    pub(crate) fn overrides(&self, data: &BundleData) -> Vec<Override> {
        let of = |tool: &'static str| Override {
            tool,
            people: data.people.keys().filter_map(|person| self.may_override(person, tool)).collect(),
            evidence: evidence(tool),
        };
        // A permission is asked for in the name of an agent: who approves one overrides nothing alone.
        ADMIN_TOOLS.into_iter().filter(|tool| *tool != REQUEST_TOOL).map(of).collect()
    }

    fn may_override(&self, person: &PersonId, tool: &str) -> Option<MayOverride> {
        self.may_change(person).ok()?;
        let wish = Self::administration(person, tool, &serde_json::json!({}), "who may").ok()?;
        let mut profiles = BTreeSet::new();
        for restriction in self.restrictions(&wish) {
            match restriction {
                Restriction::Deny => return None,
                Restriction::Escalate(profile) => {
                    profiles.insert(profile);
                }
                Restriction::Allow | Restriction::AllowObserved => {}
            }
        }
        Some(MayOverride { person: person.clone(), profiles })
    }
}
