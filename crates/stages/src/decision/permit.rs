//! Permits: authority for one exact action, for a short time.

use types::{
    ActionId, ActionProposal, Arguments, CaseId, ClassId, Decision, Digest, Millis, ObligationId, Principal, TenantId,
    ToolName,
};

/// Is the authority to carry out one exact action once, until it expires.
///
/// It comes from [`super::finish`] alone and cannot be copied, so that whoever holds one holds the only one. It
/// is worth nothing until the ledger has recorded it.
#[derive(Debug, PartialEq)]
pub struct Permit {
    action: ActionId,
    action_digest: Digest,
    tenant: TenantId,
    principal: Principal,
    tool: ToolName,
    class: ClassId,
    definition: Option<Digest>,
    arguments: Arguments,
    obligations: Vec<ObligationId>,
    case: Option<CaseId>,
    bundle: Digest,
    expires_at: Millis,
}

// `Arguments` holds no float that is not a number, so equality is reflexive.
impl Eq for Permit {}

impl Permit {
    /// Mints the permit of a decision that permits; none if the fact `tool.class` names no class.
    pub(super) fn mint(decision: &Decision, proposal: &ActionProposal, life_ms: i64) -> Option<Self> {
        Some(Self {
            action: decision.action,
            action_digest: decision.action_digest,
            tenant: proposal.tenant.clone(),
            principal: proposal.principal.clone(),
            tool: proposal.tool.clone(),
            class: ClassId::new(decision.facts.text("tool.class")?).ok()?,
            definition: proposal.definition,
            arguments: proposal.arguments.clone(),
            obligations: decision.obligations.clone(),
            case: decision.case,
            bundle: decision.bundle,
            expires_at: decision.at.plus(life_ms.max(0)),
        })
    }

    /// Returns the action it is for.
    pub fn action(&self) -> ActionId {
        self.action
    }

    /// Returns the digest of the exact action, see [`ActionProposal::digest`].
    pub fn action_digest(&self) -> Digest {
        self.action_digest
    }

    /// Returns the tenant the action belongs to.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns who proposed it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns what may be called.
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the action class it was decided in.
    pub fn class(&self) -> &ClassId {
        &self.class
    }

    /// Returns the digest the tool's definition had when this was decided; at dispatch it must have it still.
    pub fn definition(&self) -> Option<Digest> {
        self.definition
    }

    /// Returns the arguments, whose canonical text is what is forwarded.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// Returns what must happen besides the action.
    pub fn obligations(&self) -> &[ObligationId] {
        &self.obligations
    }

    /// Returns the case whose approvals it runs on.
    pub fn case(&self) -> Option<CaseId> {
        self.case
    }

    /// Returns the digest of the bundle that decided.
    pub fn bundle(&self) -> Digest {
        self.bundle
    }

    /// Returns the instant from which on it is worth nothing.
    pub fn expires_at(&self) -> Millis {
        self.expires_at
    }

    /// Says whether it is worth nothing any more at `now`.
    pub fn is_expired(&self, now: Millis) -> bool {
        now >= self.expires_at
    }
}
