//! Redaction: what is secret in a call is decided on, recorded and shown as a mark, and itself only in memory.
//!
//! A proposal comes in as it is to be sent. Before anything else reads it, what is secret gives way to marks, under the
//! rules of the bundle that decides; what people approve is digested with the marks in it, which are keyed. The call is
//! sent as it came only if it comes out as what was permitted, so that the marks bind as the values would.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use evidence::{Hidden, RedactionKey, Redactor, TenantKey};
use policy::{ADMIN_TOOLS, Bundle};
use serde_json::{Map, Value};
use types::jsonrpc::{Frame, RpcId};
use types::secret::{Declared, Listed, MARK, Pattern};
use types::{ActionId, ActionProposal, Arguments, Claims, Code, Digest, JsonError, Millis, ToolName};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::sessions::Brief;

/// Is for how many definitions the schemas are kept; from then on one that is not known hides everything.
const DEFINITIONS_MAX: usize = 10_000;

/// Is what a person answers to a server's question, and what the server wants to have back unread.
static ALWAYS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| patterns(&["/mcp:inputs/requestState", "/mcp:inputs/inputResponses/**/content"]));

/// Is what a question asks for: the names in it are not those of values.
static ASKED: LazyLock<Vec<Pattern>> = LazyLock::new(|| patterns(&["/requestedSchema/**"]));

/// Is the method by which a server asks a person.
const ASK: &str = "mcp:elicitation/create";

/// Is what a catalogue says that nobody has.
const UNLISTED: Listed<'static> = Listed { secret: &[], not_secret: &[] };

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Is what a tool's own schemas declare secret.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    pub(crate) arguments: Declared,
    pub(crate) results: Declared,
}

impl Schemas {
    /// Reads the definition of a tool as its server lists it.
    pub(crate) fn of(tool_json: &str) -> Self {
        let tool: Value = serde_json::from_str(tool_json).unwrap_or_default();
        let schema = |name: &str| Declared::of(tool.get(name).cloned().unwrap_or_default());
        Self { arguments: schema("inputSchema"), results: schema("outputSchema") }
    }
}

/// Holds the key of the marks, and what must be known to set them.
pub(crate) struct Redaction {
    key: Arc<RedactionKey>,
    schemas: Mutex<BTreeMap<Digest, Arc<Schemas>>>,
    /// What is secret in calls that are under way, each until its end.
    under_way: Mutex<BTreeMap<ActionId, (Hidden, Millis)>>,
}

impl Redaction {
    pub(crate) fn new(key: RedactionKey) -> Self {
        Self { key: Arc::new(key), schemas: Mutex::default(), under_way: Mutex::default() }
    }

    /// Takes note of a definition that a server lists.
    pub(crate) fn learn(&self, definition: Digest, tool_json: &str) {
        let mut schemas = lock(&self.schemas);
        if schemas.len() < DEFINITIONS_MAX && !schemas.contains_key(&definition) {
            schemas.insert(definition, Arc::new(Schemas::of(tool_json)));
        }
    }

    /// Returns what a definition declares; `None` where it should be known and is not.
    fn schemas(&self, definition: Option<Digest>) -> Option<Arc<Schemas>> {
        let schemas = lock(&self.schemas);
        let found = definition.and_then(|definition| schemas.get(&definition).cloned());
        let lost = found.is_none() && definition.is_some() && schemas.len() >= DEFINITIONS_MAX;
        (!lost).then(|| found.unwrap_or_default())
    }

    fn rules(&self, tool: &ToolName, definition: Option<Digest>) -> Rules {
        Rules { key: self.key.clone(), tool: tool.clone(), schemas: self.schemas(definition) }
    }

    /// Computes the keyed digest of a text.
    pub(crate) fn tag(&self, text: &str) -> Digest {
        self.key.tag(text)
    }

    /// Redacts by names alone what nobody describes.
    ///
    /// # Errors
    ///
    /// [`JsonError::TooDeep`], as redacting arguments has it.
    pub(crate) fn by_name(&self, arguments: &Arguments) -> Result<Arguments, JsonError> {
        Redactor::by_name(&self.key).arguments(arguments, &mut Hidden::default())
    }

    /// Redacts what an agent says of a session: its metadata by names, the task by names where it is JSON, and wherever
    /// it repeats what is secret in the metadata.
    ///
    /// # Errors
    ///
    /// [`JsonError::TooDeep`], as redacting arguments has it.
    pub(crate) fn brief(&self, brief: &Brief) -> Result<Brief, JsonError> {
        let (redactor, mut hidden) = (Redactor::by_name(&self.key), Hidden::default());
        let redact = |metadata: &Arguments| redactor.arguments(metadata, &mut hidden);
        let metadata = brief.metadata.as_ref().map(redact).transpose()?;
        let task = brief.task.as_ref().map(|task| redactor.reported(task, &hidden));
        Ok(Brief { runs: brief.runs.clone(), task, metadata })
    }

    /// Keeps what is secret in a call while the call is under way.
    pub(crate) fn begin(&self, action: ActionId, hidden: Hidden, until: Millis, now: Millis) {
        let mut under_way = lock(&self.under_way);
        under_way.retain(|_, (_, until)| *until > now);
        if !hidden.is_empty() {
            under_way.insert(action, (hidden, until));
        }
    }

    /// Forgets it, and returns it.
    pub(crate) fn end(&self, action: &ActionId) -> Hidden {
        lock(&self.under_way).remove(action).map(|(hidden, _)| hidden).unwrap_or_default()
    }

    /// Takes what is secret in any call that is under way out of a value.
    pub(crate) fn scrub(&self, value: Value) -> Value {
        lock(&self.under_way).values().fold(value, |value, (hidden, _)| hidden.scrub_value(&value))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one insert or remove, so a panic elsewhere leaves the map whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Are the rules by which one tool is redacted, but for what the bundle says.
#[derive(Debug, Clone)]
struct Rules {
    key: Arc<RedactionKey>,
    tool: ToolName,
    schemas: Option<Arc<Schemas>>,
}

impl Rules {
    /// Applies one side of the rules, under a bundle. What the catalogue does not have is hidden member by member.
    fn apply<T>(&self, bundle: &Bundle, side: Side, with: impl FnOnce(Redactor<'_>) -> T) -> T {
        redactor(&self.key, &self.tool, self.schemas.as_deref(), bundle, side, with)
    }
}

fn redactor<T>(
    key: &RedactionKey,
    tool: &ToolName,
    schemas: Option<&Schemas>,
    bundle: &Bundle,
    side: Side,
    with: impl FnOnce(Redactor<'_>) -> T,
) -> T {
    let (Some(entry), Some(schemas)) = (bundle.data().tools.get(tool), schemas) else {
        return with(Redactor::of_unknown(key));
    };
    let (listed, declared) = match side {
        Side::Arguments => (Listed::arguments(entry), &schemas.arguments),
        Side::Results => (Listed::results(entry), &schemas.results),
    };
    with(Redactor::new(key, listed, Some(declared)).and(&ALWAYS, except(tool)))
}

/// Returns where in the arguments of a tool names are not those of values.
fn except(tool: &ToolName) -> &'static [Pattern] {
    if tool.operation == ASK { &ASKED } else { &[] }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Arguments,
    Results,
}

/// Is a proposal as it came: in memory alone, until it is sent or refused.
pub struct Original {
    rules: Rules,
    arguments: Arguments,
    claims: Claims,
    /// It was read back from the journal, so what looks like a mark is one.
    recorded: bool,
}

impl std::fmt::Debug for Original {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Original({})", self.rules.tool)
    }
}

impl Original {
    /// Puts marks where a bundle has secrets, and takes these out of what the agent says of itself.
    ///
    /// # Errors
    ///
    /// `json-too-deep` if a secret stands too deep for its mark.
    pub(crate) fn redact(&self, bundle: &Bundle, proposal: &mut ActionProposal) -> Failure<Hidden> {
        let mut hidden = Hidden::default();
        let redacted = self.rules.apply(bundle, Side::Arguments, |redactor| {
            let redactor = if self.recorded { redactor.again() } else { redactor };
            redactor.arguments(&self.arguments, &mut hidden)
        });
        proposal.arguments = redacted.map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        proposal.claims = scrubbed(&self.claims, &hidden);
        Ok(hidden)
    }

    /// Says whether every mark of a recorded proposal stands where a bundle has a secret: elsewhere the same action
    /// proposed again would come without it.
    fn is_whole(&self, bundle: &Bundle) -> bool {
        let marks = types::secret::marks(self.arguments.value());
        self.rules.apply(bundle, Side::Arguments, |redactor| marks.iter().all(|path| redactor.is_secret(path)))
    }
}

fn scrubbed(claims: &Claims, hidden: &Hidden) -> Claims {
    let scrub = |text: &Option<String>| text.as_ref().map(|text| hidden.scrub(text));
    Claims {
        purpose: scrub(&claims.purpose),
        reasoning: scrub(&claims.reasoning),
        prompt_digest: scrub(&claims.prompt_digest),
        ..claims.clone()
    }
}

/// Is how a call is sent and its answer recorded.
pub(crate) struct Carried {
    rules: Rules,
    bundle: Arc<Bundle>,
    /// What is sent.
    pub(crate) arguments: Value,
    /// What is secret in it.
    pub(crate) hidden: Hidden,
}

impl Carried {
    /// Writes an answer as it is recorded.
    pub(crate) fn answer(&self, text: &str) -> String {
        self.rules.apply(&self.bundle, Side::Results, |redactor| redactor.frame(text, &self.hidden))
    }

    /// Writes what went wrong as it is recorded.
    pub(crate) fn error(&self, text: &str) -> String {
        self.hidden.scrub(text)
    }
}

/// Says that a bundle hides less of a proposal than is hidden where it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HidesLess;

fn is_administration(proposal: &ActionProposal) -> bool {
    ADMIN_TOOLS.contains(&proposal.tool.to_string().as_str())
}

impl Control {
    /// Takes a proposal as it came; nothing of the product's own administration, which has no secrets.
    ///
    /// # Errors
    ///
    /// `arguments-invalid` if it has a member that only a mark may have.
    pub(crate) fn original(&self, proposal: &ActionProposal) -> Failure<Option<Arc<Original>>> {
        if is_administration(proposal) {
            return Ok(None);
        }
        brings_no_mark(&proposal.arguments)?;
        Ok(Some(Arc::new(self.taken(proposal, false))))
    }

    /// Takes a proposal as it was recorded, as [`Control::original`] does.
    ///
    /// # Errors
    ///
    /// [`HidesLess`] if the present bundle hides less of it than is hidden there.
    pub(crate) fn original_of_record(&self, proposal: &ActionProposal) -> Result<Option<Arc<Original>>, HidesLess> {
        if is_administration(proposal) {
            return Ok(None);
        }
        let original = self.taken(proposal, true);
        if original.is_whole(&self.snapshot().bundle) { Ok(Some(Arc::new(original))) } else { Err(HidesLess) }
    }

    fn taken(&self, proposal: &ActionProposal, recorded: bool) -> Original {
        Original {
            rules: self.redaction.rules(&proposal.tool, proposal.definition),
            arguments: proposal.arguments.clone(),
            claims: proposal.claims.clone(),
            recorded,
        }
    }

    /// Returns what is sent for a permitted call; `None` if the call does not come out as what was permitted.
    pub(crate) fn carried(
        &self,
        bundle: &Arc<Bundle>,
        permit: &stages::decision::Permit,
        arguments: &Arguments,
    ) -> Option<Carried> {
        let rules = self.redaction.rules(permit.tool(), permit.definition());
        let mut hidden = Hidden::default();
        let redacted =
            rules.apply(bundle, Side::Arguments, |redactor| redactor.arguments(arguments, &mut hidden)).ok()?;
        let same = redacted == *permit.arguments();
        same.then(|| Carried { rules, bundle: bundle.clone(), arguments: arguments.value().clone(), hidden })
    }

    /// Writes the result of a tool as it is recorded; nothing if it is no message.
    pub(crate) fn redacted_result(
        &self,
        bundle: &Arc<Bundle>,
        tool: &ToolName,
        definition: Option<Digest>,
        result: &str,
    ) -> Option<String> {
        let whole = Frame::result(&RpcId::text("seen"), result);
        let rules = self.redaction.rules(tool, definition);
        let written = rules.apply(bundle, Side::Results, |redactor| redactor.frame(whole.text(), &Hidden::default()));
        Frame::parse(written, usize::MAX).ok()?.member("result").map(str::to_owned)
    }

    /// Writes what an agent reports as it is recorded.
    pub(crate) fn reported(
        &self,
        proposal: &ActionProposal,
        result: Option<String>,
        error: Option<String>,
    ) -> (Option<String>, Option<String>) {
        let hidden = self.redaction.end(&proposal.id);
        let mut rules = self.redaction.rules(&proposal.tool, proposal.definition);
        // After a restart nobody knows what its schema declares until its server lists it again.
        if proposal.definition.is_some_and(|definition| !lock(&self.redaction.schemas).contains_key(&definition)) {
            rules.schemas = None;
        }
        let write = |text: String| {
            rules.apply(&self.snapshot().bundle, Side::Results, |redactor| redactor.reported(&text, &hidden))
        };
        (result.map(write), error.map(|text| hidden.scrub(&text)))
    }
}

/// Redacts the arguments of a bundle's own test, as those of a call are before it is decided: under a key of no worth.
pub(crate) fn of_test(bundle: &Bundle, tool: &ToolName, arguments: &mut Map<String, Value>) {
    let redaction = Redaction::new(TenantKey::from_bytes([0; 32]).redaction("test"));
    let text = Value::Object(std::mem::take(arguments)).to_string();
    let redacted = Arguments::parse(&text, usize::MAX).and_then(|whole| {
        let rules = redaction.rules(tool, None);
        rules.apply(bundle, Side::Arguments, |redactor| redactor.arguments(&whole, &mut Hidden::default()))
    });
    // Arguments that no agent could bring are refused by the test itself.
    let value = redacted.map_or_else(|_| serde_json::from_str(&text).unwrap_or_default(), |new| new.value().clone());
    if let Value::Object(members) = value {
        *arguments = members;
    }
}

/// Redacts arguments that are compared and told and never recorded: under a key of no worth.
///
/// - `bundle`: whose catalogue counts; absent where none is known, so that schema and names alone count.
///
/// # Errors
///
/// [`JsonError::TooDeep`] if a secret stands too deep for its mark.
pub(crate) fn blindly(
    bundle: Option<&Bundle>,
    tool: &ToolName,
    schemas: &Schemas,
    arguments: &Arguments,
) -> Result<Arguments, JsonError> {
    if ADMIN_TOOLS.contains(&tool.to_string().as_str()) {
        return Ok(arguments.clone());
    }
    let key = TenantKey::from_bytes([0; 32]).redaction("replay");
    let redact = |redactor: Redactor<'_>| redactor.arguments(arguments, &mut Hidden::default());
    match bundle {
        Some(bundle) => redactor(&key, tool, Some(schemas), bundle, Side::Arguments, redact),
        None => redact(Redactor::new(&key, UNLISTED, Some(&schemas.arguments)).and(&ALWAYS, except(tool))),
    }
}

/// Refuses arguments that have a member that only a mark may have.
///
/// # Errors
///
/// `arguments-invalid` if there is one.
pub(crate) fn brings_no_mark(arguments: &Arguments) -> Failure<()> {
    if has_mark(arguments.value()) {
        return Err(Refusal::plain(Code::ArgumentsInvalid, format!("no argument may be called `{MARK}`")));
    }
    Ok(())
}

fn has_mark(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, inner)| name == MARK || has_mark(inner)),
        Value::Array(items) => items.iter().any(has_mark),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
