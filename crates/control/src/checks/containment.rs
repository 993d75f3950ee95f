//! Taking back what a check has found violated, and whether policy would let that be done.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::UNDO_TOOL;
use types::PersonId;
use types::check::{Contained, Watch};

use crate::control::Control;
use crate::doctor::{Finding, Sign};
use crate::error::Failure;
use crate::machine::Command;

impl Control {
    /// Takes an action back whose check was violated, and records what came of it.
    ///
    /// # Errors
    ///
    /// What the journal says: then it is tried again.
    pub(super) async fn contain(self: &Arc<Self>, watch: &Watch) -> Failure<()> {
        let (action, check) = (watch.action, watch.check.clone());
        let ended =
            self.take_action_back(&watch.agent, &action, &format!("the check `{check}` of it was violated")).await?;
        let (undo, restored, error, at) = (ended.by(&action), ended.restored(), ended.error(), self.now());
        if let Some(why) = &error {
            tracing::error!(%action, %check, why, "what was to be taken back was not");
        }
        let contained = Contained { action, check, undo, restored, error, at };
        self.ask(Command::Contained(Box::new(contained))).await.map(drop)
    }

    /// Says of each check that takes back whether policy would let those do it in whose name it is proposed, and of what waits to be taken back.
    pub(crate) fn checks_found(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let say = |sign, about: String, says: String| Finding { sign, about, says, code: None };
        let owners: BTreeSet<&PersonId> = data.agents.values().map(|agent| &agent.owner).collect();
        let barred: Vec<String> =
            owners.into_iter().filter(|owner| self.may_never_undo(owner)).map(|owner| format!("`{owner}`")).collect();
        let takes_back = data.checks.iter().filter(|(_, check)| check.undo);
        let mut found: Vec<Finding> = takes_back
            .map(|(name, _)| match barred.as_slice() {
                [] => say(
                    Sign::Good,
                    format!("check {name}"),
                    "policy lets owners take back what it finds violated".to_owned(),
                ),
                barred => {
                    let says = format!(
                        "policy lets nobody take back in the name of {}, so it would not be",
                        barred.join(", ")
                    );
                    say(Sign::Bad, format!("check {name}"), says)
                }
            })
            .collect();
        let waiting = self.watches().unwrap_or_default().into_iter().filter(|watch| watch.violated);
        found.extend(waiting.map(|watch| {
            say(
                Sign::Note,
                format!("action {}", watch.action),
                format!("it is being taken back, since `{}` was violated", watch.check),
            )
        }));
        found
    }

    /// Says whether policy would deny a person, whoever approved, to take something back.
    fn may_never_undo(&self, owner: &PersonId) -> bool {
        let sample = serde_json::json!({ "action": "", "agent": "", "did": "", "tool": "", "arguments": {} });
        let wish = Self::administration(owner, UNDO_TOOL, &sample, "doctor");
        wish.is_ok_and(|wish| self.is_denied(&wish))
    }
}
