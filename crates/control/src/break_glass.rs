//! Break-glass: two people stand in, for a short time, for those who cannot be reached; and a third looks at it afterwards.

use policy::schema::{BREAK_GLASS_TOOL, REVIEW_GLASS_TOOL};
use stages::break_glass::Wish;
use types::break_glass::{BreakGlass, Extent, Phase};
use types::{Code, Digest, GlassId, Millis, PersonId, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid, not_found};
use crate::machine::{Change, Command, GlassStep};
use crate::state::kind;

impl Control {
    /// Turns the first key, if policy lets this person; it grants nothing.
    ///
    /// - `life_ms`: how long it is to be in force; as long as the bundle allows if it is not said.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings; `break-glass-unsupported`, `key-excluded`, `review-open` or `break-glass-over`.
    pub async fn ask_glass(
        &self,
        by: &PersonId,
        extent: Extent,
        life_ms: Option<i64>,
        reason: &str,
    ) -> Failure<BreakGlass> {
        let id = GlassId::draw(self.now(), self.draw());
        let (agent, environment) = (&extent.agent, &extent.environment);
        let arguments = serde_json::json!({
            "agent": agent, "what": extent.what.to_string(), "environment": environment, "life_ms": life_ms,
        });
        // The sequencer names the bundle in force.
        let bundle = Digest([0; 32]);
        let wish = Wish { id, extent, reason: reason.to_owned(), life_ms, bundle };
        let change = Change::BreakGlass(Box::new(GlassStep::Ask(wish)));
        self.administer(by, BREAK_GLASS_TOOL, &arguments, reason, change).await?;
        self.glass(&id)
    }

    /// Turns the second key, if policy lets this person: from then on it is in force.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings; `not-found`, `break-glass-over`, `key-excluded` or `break-glass-unsupported`.
    pub async fn confirm_glass(&self, by: &PersonId, id: GlassId, reason: &str) -> Failure<BreakGlass> {
        let arguments = serde_json::json!({ "glass": self.glass(&id)?.id });
        let change = Change::BreakGlass(Box::new(GlassStep::Confirm(id)));
        self.administer(by, BREAK_GLASS_TOOL, &arguments, reason, change).await?;
        self.glass(&id)
    }

    /// Ends it, also before the second key was turned. It only tightens, so it waits for no decision, and anybody but an auditor may.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `forbidden` for an auditor, `not-found`, or `break-glass-over`.
    pub async fn end_glass(&self, by: &PersonId, id: GlassId, reason: &str) -> Failure<BreakGlass> {
        if reason.trim().is_empty() {
            return Err(invalid("ending a break-glass needs a reason"));
        }
        self.may_change(by)?;
        self.ask(Command::EndGlass { id, by: by.clone(), reason: reason.to_owned() }).await?;
        self.glass(&id)
    }

    /// Closes its review, if policy lets this person; until then no other glass can be broken.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings; `not-found`, `break-glass-over`, `key-excluded` or `break-glass-unsupported`.
    pub async fn review_glass(&self, by: &PersonId, id: GlassId, findings: &str) -> Failure<BreakGlass> {
        // Whoever approves the review approves these findings.
        let arguments = serde_json::json!({ "glass": self.glass(&id)?.id, "findings": findings });
        let change = Change::BreakGlass(Box::new(GlassStep::Review(id, findings.to_owned())));
        self.administer(by, REVIEW_GLASS_TOOL, &arguments, findings, change).await?;
        self.glass(&id)
    }

    /// Returns the break-glasses that are not closed and the last few that are, the newest first.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn break_glasses(&self) -> Failure<Vec<BreakGlass>> {
        let rows = self.history().state(kind::BREAK_GLASS)?;
        let mut all: Vec<BreakGlass> = rows.iter().filter_map(|(_, row)| cbor::decode(row).ok()).collect();
        all.sort_by_key(|glass| std::cmp::Reverse((glass.first.at, glass.id)));
        Ok(all)
    }

    /// Returns one of them.
    ///
    /// # Errors
    ///
    /// `not-found`, or what the journal says.
    pub fn glass(&self, id: &GlassId) -> Failure<BreakGlass> {
        let row = self.history().state_value(kind::BREAK_GLASS, &id.to_string())?;
        let row = row.ok_or_else(|| not_found(format!("break-glass `{id}`")))?;
        cbor::decode(&row).map_err(|error| Refusal::plain(Code::Internal, format!("a stored break-glass is {error}")))
    }
}

/// Says in a line what everybody should know of one that is not closed; `None` of one that is.
pub fn told(glass: &BreakGlass, now: Millis) -> Option<String> {
    let (first, extent) = (&glass.first.by, types::text::escape(&glass.extent.to_string(), false));
    let second = glass.second.as_ref().map(|second| second.by.to_string()).unwrap_or_default();
    Some(match glass.phase(now) {
        Phase::Asked => format!("{first} asks for a second key to break the glass for {extent}"),
        Phase::InForce => {
            let left = glass.over_at().since(now).max(0) / 1_000;
            format!(
                "{first} and {second} have BROKEN THE GLASS for {extent}: {left} s left, {} actions so far",
                glass.actions.len()
            )
        }
        Phase::Ended => {
            let late = if glass.is_overdue(now) { ", which is OVERDUE" } else { "" };
            format!("the glass that {first} and {second} broke for {extent} awaits its review{late}")
        }
        Phase::Reviewed | Phase::Lapsed => return None,
    })
}
