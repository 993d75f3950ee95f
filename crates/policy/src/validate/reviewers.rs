//! Checks of reviewer agents: who may review, and that every family is declared on which their independence rests.

use types::bundle::{Agent, Profile};

use super::Check;

const FAMILY_BYTES_MAX: usize = 64;

const REVIEW_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

const REVIEWERS_MAX: usize = 8;

impl Check<'_> {
    /// Demands a model family of each agent whose cases may be reviewed, and of each that reviews: what is not declared is
    /// independent of nothing. It is written in one way alone, so that a spelling makes no other family.
    pub(super) fn model_family(&mut self, path: &[&str; 2], agent: &Agent) {
        let at = &[path[0], path[1], "model_family"];
        let is_reviewed = self.data.profiles.values().any(|profile| !profile.review_by.is_empty());
        match &agent.model_family {
            Some(family) if !is_plain(family) => {
                let message =
                    "a model family is written in lower case: letters, digits, `-` and `.`, at most 64".to_owned();
                self.report.at("agents.toml", at, message);
            }
            Some(_) => {}
            None if agent.reviewer || is_reviewed => {
                let message = format!("the model family of `{}` is not declared", path[1]);
                let help =
                    "a reviewer is of another model family than the agent whose case it reviews; write `model_family`";
                self.report.at_with_help("agents.toml", at, message, help);
            }
            None => {}
        }
    }

    /// Checks what a profile says of its reviewers.
    pub(super) fn review_by(&mut self, path: &[&str; 2], profile: &Profile) {
        let file = "escalation.toml";
        let at = &[path[0], path[1], "review_by"];
        let [review_ms, review_first] = ["review_ms", "review_first"].map(|name| [path[0], path[1], name]);
        if profile.review_by.is_empty() {
            if profile.review_first {
                self.report.at(file, &review_first, "nobody reviews: name an agent in `review_by`".to_owned());
            }
            return self.number(file, &review_ms, profile.review_ms, 0..=0);
        }
        self.number(file, &review_ms, profile.review_ms, 1_000..=REVIEW_MS_MAX);
        if profile.review_by.len() > REVIEWERS_MAX {
            self.report.at(file, at, format!("at most {REVIEWERS_MAX} agents review a case"));
        }
        if self.report.is_broken("agents.toml") {
            return;
        }
        for agent in profile.review_by.iter().map(|reviewer| &reviewer.0) {
            let known = self.data.agents.get(agent);
            if known.is_none_or(|agent| !agent.reviewer) {
                let message = format!("`agent:{agent}` is no reviewer");
                let help = "an agent of agents.toml with `reviewer = true` may review";
                self.report.at_with_help(file, at, message, help);
            }
        }
    }
}

fn is_plain(family: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=FAMILY_BYTES_MAX).contains(&family.len()) && family.bytes().all(plain)
}
