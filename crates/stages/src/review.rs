//! Mandatory-review triggers: what makes a person look, whatever the policy says.

use types::bundle::{BundleData, Claim};
use types::{ActionProposal, ClassId, Code, Facts, Finding, Stage};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Judges the agent's own claims, and the words and amounts in the arguments.
///
/// Reads `claim.confidence_bp` if the agent made the claim, `review.words`, `review.amounts`, `review.plans` if there are such triggers, `tool.class`, and for each
/// claim the class requires `claim.purpose`, `claim.reasoning` or the confidence. Every trigger goes to the profile
/// of `[review]`; without one it denies.
pub fn check(bundle: &BundleData, _: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut triggers = Triggers { said: Said::by(Stage::Review, facts), bundle };
    triggers.confidence();
    triggers.found("review.words", "the arguments hold the words");
    triggers.found("review.amounts", "too large, or no amount at all, are the arguments at");
    triggers.plans();
    triggers.claims();
    triggers.said.or_allow(Code::ReviewNotNeeded, "no trigger asks for a look", "review")
}

struct Triggers<'a> {
    said: Said<'a>,
    bundle: &'a BundleData,
}

impl Triggers<'_> {
    fn confidence(&mut self) {
        if !self.said.has("claim.confidence_bp") {
            return;
        }
        let Some(claimed) = self.said.int("claim.confidence_bp") else { return };
        let below = i64::from(self.bundle.head.review.confidence_below_bp);
        let low = if mutant::on(Mutant::ConfidenceOffByOne) { claimed <= below } else { claimed < below };
        if low {
            self.look(
                format!("the agent claims a confidence of {claimed} basis points, below {below}"),
                "claim.confidence_bp",
            );
        }
    }

    fn found(&mut self, fact: &'static str, what: &str) {
        if let Some(found) = self.said.list(fact).filter(|found| !found.is_empty()) {
            self.look(format!("{what} `{}`", found.join("`, `")), fact);
        }
    }

    /// What an action would do nobody foresaw who permitted its like, so it has a code of its own.
    fn plans(&mut self) {
        let review = &self.bundle.head.review;
        if review.plans.is_empty() || mutant::on(Mutant::PlanNotLookedAt) {
            return;
        }
        let found = self.said.list("review.plans").filter(|found| !found.is_empty());
        if let Some(found) = found {
            let detail = format!("it would do too much, or nobody can say how much: {}", found.join(", "));
            self.said.escalate(review.profile.as_ref(), Code::PlanNeedsLook, detail, "review.plans");
        }
    }

    fn claims(&mut self) {
        let Some(class) = self.said.text("tool.class") else { return };
        let bundle = self.bundle;
        let required = ClassId::new(class).ok().and_then(|class| bundle.classes.get(&class));
        for claim in required.into_iter().flat_map(|class| &class.claims) {
            let (fact, made) = match claim {
                Claim::Purpose => ("claim.purpose", self.said.bool("claim.purpose")),
                Claim::Reasoning => ("claim.reasoning", self.said.bool("claim.reasoning")),
                Claim::Confidence => ("claim.confidence_bp", Some(self.said.has("claim.confidence_bp"))),
            };
            if made == Some(false) {
                self.look(format!("the class `{class}` requires a claim that the agent did not make"), fact);
            }
        }
    }

    fn look(&mut self, detail: String, source: &'static str) {
        self.said.escalate(self.bundle.head.review.profile.as_ref(), Code::ReviewNeeded, detail, source);
    }
}
