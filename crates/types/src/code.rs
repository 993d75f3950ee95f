//! Stable codes: one list of everything that can be refused, found or gone wrong.
//!
//! Each code has a page `docs/errors/CODE.md` that `countersign explain CODE` prints. A code never
//! changes its meaning and is never used again for another.

mod written;

pub use written::UnknownCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $status:literal;)*) => {
        /// Is a stable code, written in kebab case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Lists every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// Returns the code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Returns the HTTP status of a problem with this code; findings inside a decision are 200.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
        }
    };
}

codes! {
    // Findings: what stages say. They travel inside a decision.
    /// No switch is set.
    SwitchesClear "switches-clear" 200;
    /// A kill switch covers the action.
    Killed "killed" 200;
    /// The agent or person is known and in scope.
    IdentityKnown "identity-known" 200;
    /// No agent of that name is in the bundle.
    AgentUnknown "agent-unknown" 200;
    /// No person of that name is in the bundle.
    PersonUnknown "person-unknown" 200;
    /// The agent may not act for that person.
    DelegatorRefused "delegator-refused" 200;
    /// The session's plan does not name this tool.
    OutsidePlan "outside-plan" 200;
    /// The tool is not in the catalogue.
    ToolUnknown "tool-unknown" 200;
    /// The arguments name no entity the inventory knows.
    ResourceUnknown "resource-unknown" 200;
    /// A fact the decision needs is missing.
    FactMissing "fact-missing" 200;
    /// A fact the decision needs is older than its source allows.
    FactStale "fact-stale" 200;
    /// A policy permits it.
    PolicyPermits "policy-permits" 200;
    /// A policy permits it with enhanced logging.
    PolicyObserves "policy-observes" 200;
    /// A policy permits it once people have approved.
    PolicyEscalates "policy-escalates" 200;
    /// No policy permits it.
    PolicyDenies "policy-denies" 200;
    /// A policy forbids it.
    PolicyForbids "policy-forbids" 200;
    /// A policy could not be evaluated.
    PolicyError "policy-error" 200;
    /// The arguments do not fit the tool's declared types.
    ArgumentsInvalid "arguments-invalid" 200;
    /// The gateway cannot carry out an obligation.
    ObligationUnsupported "obligation-unsupported" 200;
    /// The level lets it run.
    LevelAllows "level-allows" 200;
    /// The level is advisory: nothing executes.
    LevelAdvisory "level-advisory" 200;
    /// The level asks for a person.
    LevelEscalates "level-escalates" 200;
    /// The score is low.
    RiskLow "risk-low" 200;
    /// The score asks for enhanced logging.
    RiskMedium "risk-medium" 200;
    /// The score asks for people.
    RiskHigh "risk-high" 200;
    /// Nothing limits it.
    WithinLimits "within-limits" 200;
    /// The agent has used up its rate.
    RateExceeded "rate-exceeded" 200;
    /// The agent has used up its budget.
    BudgetExceeded "budget-exceeded" 200;
    /// It is outside the change window.
    OutsideWindow "outside-window" 200;
    /// A freeze is on.
    ChangeFrozen "change-frozen" 200;
    /// It would touch too much.
    ImpactExceeded "impact-exceeded" 200;
    /// No breaker that covers it stands against it.
    BreakersClosed "breakers-closed" 200;
    /// The circuit of the agent on the tool is open.
    CircuitOpen "circuit-open" 200;
    /// The circuit is being tried, and this call is a probe.
    CircuitProbing "circuit-probing" 200;
    /// The agent did too much that is hard to take back.
    BulkStopped "bulk-stopped" 200;
    /// The action is as is usual for the agent.
    BehaviourUsual "behaviour-usual" 200;
    /// The action is not as is usual for the agent.
    BehaviourUnusual "behaviour-unusual" 200;
    /// Nobody knows yet what is usual for the agent.
    BehaviourUnknown "behaviour-unknown" 200;
    /// No trigger asks for a look.
    ReviewNotNeeded "review-not-needed" 200;
    /// A trigger asks for a look.
    ReviewNeeded "review-needed" 200;
    /// What the action would do could not be planned.
    PlanUnseen "plan-unseen" 200;
    /// What the action would do needs a person's look.
    PlanNeedsLook "plan-needs-look" 200;
    /// The tool is as it was reviewed.
    ToolPinned "tool-pinned" 200;
    /// Nobody has reviewed the tool's definition.
    ToolUnpinned "tool-unpinned" 200;
    /// The tool's definition is not the one that was reviewed.
    ToolChanged "tool-changed" 200;
    /// The agent has too many cases open.
    CasesFull "cases-full" 200;
    /// Nobody is on call who may answer, so people are not asked.
    NobodyOnCall "nobody-on-call" 200;
    /// Whoever could answer has decided as often as fits into an hour.
    ApproversSpent "approvers-spent" 200;
    /// The agent has been denied so often that it must wait.
    DenialsFlooding "denials-flooding" 200;
    /// The clock jumped, so nothing that depends on time is granted.
    ClockJumped "clock-jumped" 200;

    /// An agent asks for a permission, which people must approve.
    PermissionAsked "permission-asked" 200;
    /// A permission that people gave covers it.
    PermissionCovers "permission-covers" 200;
    /// Two people have broken the glass, so that it runs without its approvals.
    GlassBroken "glass-broken" 200;

    // How a held call ends.
    /// People must approve it first.
    ApprovalPending "approval-pending" 202;
    /// A person refused.
    ApprovalDenied "approval-denied" 200;
    /// Nobody decided in time.
    ApprovalExpired "approval-expired" 200;
    /// What it was about has changed since.
    ApprovalVoid "approval-void" 200;
    /// A reviewer agent sent it back to who proposed it.
    ReviewReturned "review-returned" 200;

    // Problems with a request.
    /// The body is not valid JSON.
    JsonMalformed "json-malformed" 400;
    /// An object names a key twice.
    JsonDuplicateKey "json-duplicate-key" 400;
    /// A number means different things to different readers.
    JsonUnsafeNumber "json-unsafe-number" 400;
    /// The body nests too deeply.
    JsonTooDeep "json-too-deep" 400;
    /// The body is too large.
    PayloadTooLarge "payload-too-large" 413;
    /// The message is no MCP frame.
    McpFrameInvalid "mcp-frame-invalid" 400;
    /// The method is refused by the gateway.
    McpMethodRefused "mcp-method-refused" 400;
    /// The protocol version is not one the gateway speaks.
    McpVersionUnsupported "mcp-version-unsupported" 400;
    /// The MCP session is unknown or belongs to somebody else.
    McpSessionUnknown "mcp-session-unknown" 404;
    /// The request id is already in use in this session.
    McpIdReplayed "mcp-id-replayed" 400;
    /// The request does not fit the contract.
    RequestInvalid "request-invalid" 400;
    /// The event of lineage is not what the specification asks for.
    LineageEventInvalid "lineage-event-invalid" 400;
    /// The id names no node of lineage that there could be.
    LineageNodeInvalid "lineage-node-invalid" 400;
    /// The body is encoded in a way that is not read, or not as it says.
    EncodingInvalid "encoding-invalid" 400;
    /// There is no such thing here.
    NotFound "not-found" 404;
    /// No credential, or one nobody issued.
    Unauthenticated "unauthenticated" 401;
    /// The credential has expired or was revoked.
    KeyExpired "key-expired" 401;
    /// The credential does not reach this.
    Forbidden "forbidden" 403;
    /// The request comes from a web page of another origin.
    OriginRefused "origin-refused" 403;
    /// The same idempotency key came with another request.
    IdempotencyConflict "idempotency-conflict" 409;
    /// The action is not in a state that allows this.
    StateConflict "state-conflict" 409;
    /// The state is no longer what the action left, so it is not taken back over what came since.
    ReversalConflict "reversal-conflict" 409;
    /// Nothing says how the action is taken back, or it has been, or it changed nothing.
    NotReversible "not-reversible" 409;
    /// A step that cannot be taken back stands before others that change something, so a saga could end half done.
    SagaIrreversible "saga-irreversible" 422;
    /// The file that declares the operations of a server is not as it must be.
    OperationsInvalid "operations-invalid" 422;
    /// The server that an operation is sent to refused it, and nothing is another.
    RequestRefused "request-refused" 502;
    /// A statement is none that may be run: not exactly one, or one that neither reads nor changes rows.
    StatementRefused "statement-refused" 422;
    /// The database refuses a statement.
    StatementFailed "statement-failed" 422;
    /// A statement would change a table whose changes nobody captures.
    TableUncaptured "table-uncaptured" 409;
    /// A system was changed around the road, or has nothing of what was done.
    BypassFound "bypass-found" 409;
    /// A statement would change more rows than it may.
    RowsExceeded "rows-exceeded" 409;
    /// A path leads out of the folder, or to what may not be read or changed.
    PathRefused "path-refused" 422;
    /// A change would change more files than it may, or larger ones.
    FilesExceeded "files-exceeded" 409;
    /// The case is decided already.
    CaseClosed "case-closed" 409;
    /// The person may not vote on this case.
    VoterExcluded "voter-excluded" 403;
    /// The person has voted already.
    VoteRepeated "vote-repeated" 409;
    /// The vote names another text than the one the case shows.
    ShownMismatch "shown-mismatch" 409;
    /// The case awaits its reviewer first.
    ReviewAwaited "review-awaited" 409;
    /// The time of the reviewers is over.
    ReviewOver "review-over" 409;
    /// The exact action was sent back before, so people decide it.
    ReviewSpent "review-spent" 409;
    /// The owner must confirm a solo vote.
    SoloUnconfirmed "solo-unconfirmed" 409;
    /// The vote must be signed with a passkey.
    VoteUnsigned "vote-unsigned" 403;
    /// The person has decided so often within an hour that their approvals wait.
    ApprovalsSpent "approvals-spent" 409;
    /// No ballot that was drawn here has this challenge.
    BallotUnknown "ballot-unknown" 409;
    /// The ballot was used before.
    BallotUsed "ballot-used" 409;
    /// The ballot's time is over.
    BallotExpired "ballot-expired" 409;
    /// The rules under which the ballot was drawn are no longer in force.
    BallotVoid "ballot-void" 409;
    /// The assertion does not hold.
    AssertionInvalid "assertion-invalid" 403;
    /// The assertion was made for another site.
    AssertionForeign "assertion-foreign" 403;
    /// No passkey of that name is enrolled.
    PasskeyUnknown "passkey-unknown" 403;
    /// The passkey is another person's.
    PasskeyForeign "passkey-foreign" 403;
    /// The passkey was revoked.
    PasskeyRevoked "passkey-revoked" 403;
    /// The invitation to enrol a passkey is none, has ended or was used.
    InvitationInvalid "invitation-invalid" 403;
    /// The registration of a passkey does not hold.
    RegistrationInvalid "registration-invalid" 422;
    /// No passkey lets this browser in.
    LoginRefused "login-refused" 401;
    /// The challenge of a login was not given out here, was used, or is past its time.
    LoginUnasked "login-unasked" 409;
    /// Too many logins are asked for.
    LoginsFlooding "logins-flooding" 429;
    /// The provider's token cannot be read.
    IdTokenMalformed "id-token-malformed" 403;
    /// The provider's token is signed by an algorithm that is not accepted.
    IdTokenAlgorithm "id-token-algorithm" 403;
    /// The signature of the provider's token does not hold.
    IdTokenSignature "id-token-signature" 403;
    /// The token is of another provider.
    IdTokenIssuer "id-token-issuer" 403;
    /// The provider's token is for another client.
    IdTokenAudience "id-token-audience" 403;
    /// The provider's token is not in its time.
    IdTokenExpired "id-token-expired" 403;
    /// The provider's token answers another login.
    IdTokenNonce "id-token-nonce" 403;
    /// The provider names nobody who is a person here.
    IdentityUnmapped "identity-unmapped" 403;
    /// The provider has refused the login.
    ProviderRefused "provider-refused" 403;
    /// Something that is alive names the subject that is to be erased.
    SubjectInUse "subject-in-use" 409;
    /// The level cannot be given.
    LevelUnsupported "level-unsupported" 422;
    /// The vote cannot be put into that hand.
    DelegationUnsupported "delegation-unsupported" 422;
    /// A drill would lift a switch that is set already.
    DrillConflict "drill-conflict" 409;
    /// The permission cannot be given, or is not one that could be used.
    PermissionUnsupported "permission-unsupported" 422;

    /// The calendar is not what RFC 5545 describes.
    CalendarInvalid "calendar-invalid" 422;
    /// The calendar says something that is not read.
    CalendarUnsupported "calendar-unsupported" 422;

    // Problems with what is tracked of training.
    /// The model is ready and sealed: its files do not change any more.
    ModelSealed "model-sealed" 403;
    /// Something runs that nobody decided is to run there.
    DeploymentDiffers "deployment-differs" 409;
    /// Something runs or stands around the road.
    IncidentOpen "incident-open" 409;
    /// The settings of probes cannot be used.
    ProbesInvalid "probes-invalid" 400;
    /// The host of the target has a key, and this is not signed with one.
    HeartbeatUnsigned "heartbeat-unsigned" 403;
    /// The signature does not hold over what is said.
    HeartbeatForged "heartbeat-forged" 403;
    /// The counter is no higher than that of the report before.
    HeartbeatReplayed "heartbeat-replayed" 409;
    /// The host's clock is too far from this server's.
    HeartbeatUntimely "heartbeat-untimely" 409;
    /// No such key was enrolled.
    HostKeyUnknown "host-key-unknown" 403;
    /// The key was enrolled for another target.
    HostKeyForeign "host-key-foreign" 403;
    /// The key was revoked.
    HostKeyRevoked "host-key-revoked" 403;
    /// The evaluation of a version says nothing, too much, or what its own numbers contradict.
    EvaluationInvalid "evaluation-invalid" 422;
    /// Where files of training are kept, which is not the disk here, does not do what it is asked.
    ArtifactStoreUnusable "artifact-store-unusable" 503;
    /// The file that says where files of training are kept cannot be understood.
    ArtifactsInvalid "artifacts-invalid" 422;
    /// What is to be taken over is here already, and is another one.
    ImportDiffers "import-differs" 409;
    /// Not everything was taken over.
    ImportIncomplete "import-incomplete" 409;
    /// The source of an import refuses the credentials, or has none.
    ImportSourceDenied "import-source-denied" 403;
    /// The source of an import is none that is read here.
    ImportSourceUnknown "import-source-unknown" 422;
    /// The source of an import ends in the middle, or never, or says what makes no sense.
    ImportSourceBroken "import-source-broken" 502;
    /// A check of data says nothing, or what its own numbers contradict.
    DataCheckInvalid "data-check-invalid" 422;
    /// A file of data is not as expected.
    DataCheckFailed "data-check-failed" 409;
    /// A file of data cannot be judged at all.
    DataUnreadable "data-unreadable" 422;
    /// What is expected of data cannot be read.
    ExpectationsInvalid "expectations-invalid" 422;
    /// The artifact on the disk is not what was kept.
    ArtifactChanged "artifact-changed" 500;
    /// The model's files are not those that were signed or sealed.
    ModelDiffers "model-differs" 500;
    /// It is no signature of a model, or one that can be read in more than one way.
    ModelSignatureMalformed "model-signature-malformed" 422;
    /// The signature of the model is of a kind that is not read here.
    ModelSignatureUnsupported "model-signature-unsupported" 422;
    /// The signature of the model is not by this key.
    ModelSignatureForeign "model-signature-foreign" 422;

    // Problems with the bundle.
    /// A bundle does not validate.
    BundleInvalid "bundle-invalid" 422;
    /// A bundle's own tests fail.
    BundleTestsFailed "bundle-tests-failed" 422;
    /// There is no bundle in that folder.
    BundleMissing "bundle-missing" 422;
    /// The file that says who is told of what cannot be understood.
    NotifyInvalid "notify-invalid" 422;
    /// The file that says at whose place people log in cannot be understood.
    OidcInvalid "oidc-invalid" 422;

    // Problems with the machine and the journal.
    /// The disk is full, so nothing is recorded and nothing runs.
    DiskFull "disk-full" 503;
    /// The journal has stopped after a failed sync.
    JournalStopped "journal-stopped" 503;
    /// Something does not hold that must always hold, so the journal has stopped.
    InvariantBroken "invariant-broken" 503;
    /// The journal's end is torn.
    JournalTorn "journal-torn" 500;
    /// The journal is behind its head file: an old copy was restored.
    JournalBehind "journal-behind" 500;
    /// The record has not the receipt that the policy demands before anything is sent.
    ReceiptMissing "receipt-missing" 503;
    /// The log was frozen: its keys may be in other hands.
    LogFrozen "log-frozen" 503;
    /// The log was closed: it is complete, and a new one is to be taken up.
    LogClosed "log-closed" 503;
    /// The log was deleted; its final checkpoint is kept.
    LogDeleted "log-deleted" 410;
    /// The glass cannot be broken so, and why.
    BreakGlassUnsupported "break-glass-unsupported" 422;
    /// It was not confirmed in time, is in force already, or is over.
    BreakGlassOver "break-glass-over" 409;
    /// This person may not turn that key of a break-glass, or not review it.
    KeyExcluded "key-excluded" 403;
    /// A break-glass awaits its review, so no other may begin.
    ReviewOpen "review-open" 409;
    /// The log may not be deleted: retention forbids it.
    RetentionForbids "retention-forbids" 409;
    /// The journal and its files do not agree.
    JournalMismatch "journal-mismatch" 500;
    /// Another process has the data folder.
    DataFolderBusy "data-folder-busy" 503;
    /// A key file is missing, unreadable or for another journal.
    KeysUnusable "keys-unusable" 500;
    /// Too many requests are waiting.
    Overloaded "overloaded" 503;
    /// The server is shutting down.
    ShuttingDown "shutting-down" 503;

    // Problems upstream.
    /// The upstream server cannot be reached or does not start.
    UpstreamUnavailable "upstream-unavailable" 502;
    /// The upstream server did not answer in time.
    UpstreamTimeout "upstream-timeout" 504;
    /// The upstream server answered what the protocol does not allow.
    UpstreamInvalid "upstream-invalid" 502;
    /// The address is none that messages are sent to.
    AddressForbidden "address-forbidden" 502;
    /// Nobody knows whether the action happened.
    InDoubt "in-doubt" 502;
    /// The state before the action could not be seen, so it was not sent.
    StateUnseen "state-unseen" 502;
    /// The result is larger than allowed.
    ResultTooLarge "result-too-large" 502;
    /// The recorded session that is replayed has no answer to this call.
    NotRecorded "not-recorded" 502;

    // Problems with evidence that a verifier finds.
    /// A hash, proof or signature does not hold.
    EvidenceBroken "evidence-broken" 422;
    /// Something the evidence claims to have is missing.
    EvidenceMissing "evidence-missing" 422;

    // Usage.
    /// The command line cannot be understood.
    UsageInvalid "usage-invalid" 400;
    /// The file cannot be read or written.
    FileUnusable "file-unusable" 500;
    /// The address cannot be listened on.
    AddressUnusable "address-unusable" 500;
    /// Something failed that should not; the log has the details.
    Internal "internal" 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kebab_case_and_found_again() {
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
            assert_eq!(text.parse::<Code>().unwrap(), *code);
        }
        assert!("nope".parse::<Code>().is_err());
    }
}
