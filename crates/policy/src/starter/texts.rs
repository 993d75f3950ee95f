//! The parts of a starter bundle that are the same for every server, but for a few names.

use super::StarterInput;
use super::catalog::{key, quote};

/// Writes `bundle.toml`.
pub(super) fn bundle(input: &StarterInput) -> String {
    let (name, owner) = (quote(input.server.as_str()), quote(input.owner.as_str()));
    format!(
        "\
# The head of the bundle.

name = {name}

# The people who write this bundle. They do not vote on what it escalates, unless `solo` is set.
authors = [{owner}]

# One person only: the owner may approve alone, after a second confirmation, and every such vote says so in the
# evidence. Remove this line as soon as there are two of you.
solo = true

# When a person must look, whatever the policies say.
[review]
# An agent that says it is less sure than this needs a look; in hundredths of a percent.
confidence_below_bp = 8500
# Who looks.
profile = \"owner\"
# Whole words that need a look wherever they stand in the arguments, such as \"production\".
words = []

# Amounts that need a look, one block for each:
# [[review.amounts]]
# tool = \"payments.*\"
# pointer = \"/amount\"
# above = 10000

# What an action would do, where the catalogue says how it is planned:
# [[review.plans]]
# amount = \"rows\"
# above = 100

# How long a held call waits, and how many cases an agent may have open.
[hold]
wait_ms_max = 45000
open_cases_max = 20
"
    )
}

/// Writes `agents.toml`.
pub(super) fn agents(input: &StarterInput) -> String {
    let (agent, owner) = (key(input.agent.as_str()), quote(input.owner.as_str()));
    format!(
        "\
# The agents that may call tools, one table each. An agent that is not here is denied.

[agents.{agent}]
# The person who answers for it; they never approve its requests, unless `solo` is set.
owner = {owner}
# Policies speak of teams, so that a second agent needs no second policy.
teams = [\"agents\"]
# The people it may act for. Its rights are then the intersection of both.
on_behalf_of = []
# Set this to let the model itself say purpose and confidence with each call.
annotate_schemas = false
"
    )
}

/// Writes `people.toml`.
pub(super) fn people(input: &StarterInput) -> String {
    let owner = key(input.owner.as_str());
    format!(
        "\
# The people who approve and administer, one table each. Groups are named by escalation.toml and by policies.

[people.{owner}]
groups = [\"owners\"]

# Somebody who reads everything and changes nothing; an auditor is in no group.
# [people.zoe]
# role = \"auditor\"
"
    )
}

/// Is `classes.toml`.
pub(super) const CLASSES: &str = "\
# Action classes: sets of operations with one risk character. The catalogue puts each tool into one.
# Add classes of your own, such as `restart-stateless` or `db-change`, and give them policies.

[classes.read]
description = \"Reads that change nothing\"
writes = false
impact = 0

[classes.write]
description = \"Changes, and everything nobody has looked at yet\"
writes = true
# Points for the risk score.
impact = 20
# Who approves when the agent's level demands it.
profile = \"owner\"
# `routine = true` marks a low-risk class that an agent at level L2 runs alone.
routine = false

[classes.promotion]
description = \"What moves in the registry of models\"
writes = true
impact = 20
profile = \"owner\"

[classes.destructive]
description = \"Takes something away for good\"
writes = true
impact = 60
";

/// Is `inventory.toml`.
pub(super) const INVENTORY: &str = "\
# What the tools act on: kinds of entity, and where entities come from. Empty to begin with; then every tool acts
# on its server as a whole. With an inventory, policies can tell production from the rest:
#
# [kinds.Service.attributes]
# env = \"string\"
# stateless = \"bool\"
#
# [sources.services]
# file = \"inventory/services.toml\"     # [[Service]] with id, env, stateless
#
# After a change here, name the kind in the catalogue (`resource`) and in schema.cedarschema.
";

/// Is `risk.toml`.
pub(super) const RISK: &str = "\
# The risk score of an action: a sum of factors, each reading one fact and adding between 0 and `max` points.

# From this score on an action is observed.
observe_from = 30
# From this score on people decide, even where a policy would let it run.
escalate_from = 70
profile = \"owner\"

# What the class says about its impact.
[factors.impact]
fact = \"class.impact\"
per_unit = 1
unknown = 60
max = 60

# How the effect can be taken back.
[factors.reversibility]
fact = \"tool.reversibility\"
values = { reversible = 0, staged = 5, compensable = 10, irreversible = 20 }
unknown = 20
max = 20

# How many things one call touches, where the catalogue says which argument lists them.
[factors.touches]
fact = \"touches.count\"
per_unit = 1
free_units = 1
max = 20

# With an inventory, the environment belongs here:
# [factors.environment]
# fact = \"resource.env\"
# values = { dev = 0, staging = 5, prod = 25 }
# unknown = 25
# max = 25
";

/// Is `limits.toml`.
pub(super) const LIMITS: &str = "\
# Limits that hold whatever the policies permit. Each covers what its `covers` patterns match; none means all.

# At most 60 calls at once, refilled within a minute; per agent.
[rates.calls]
burst = 60
refill_ms = 60000

# Far fewer writes.
[rates.writes]
covers = { class = \"write\" }
burst = 10
refill_ms = 60000

# No single call touches more than this many things.
[impacts.touches]
touches_max = 100

# Other limits, to be used as needed:
#
# [budgets.refunds]                    # an amount per day
# covers = { tool = \"payments.refund\" }
# amount = \"/amount\"
# max = 50000
# period_ms = 86400000
#
# [windows.office]                     # changes only then; outside it the profile decides
# covers = { class = \"write\" }
# zone = \"Europe/Berlin\"
# days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]
# from = \"09:00\"
# to = \"17:00\"
# outside = \"owner\"
#
# [freezes.year-end]                   # no changes at all
# covers = { class = \"write\" }
# from = \"2026-12-20T00:00:00Z\"
# to = \"2027-01-04T00:00:00Z\"
# reason = \"Year-end freeze\"
";

/// Is `breakers.toml`.
pub(super) const BREAKERS: &str = "\
# What stops an agent by itself, until a person or a probe says that all is well. Breakers cover agents alone.

# A circuit for each agent on each tool: half of the last ten calls failed within ten minutes, so it lets nothing
# through for half a minute, then one call as a probe. Each probe that fails doubles the pause, up to a quarter of an hour.
[circuits.tools]
failures = 5
of_last = 10
within_ms = 600000
pause_ms = 30000
pause_ms_max = 900000
probes = 1
successes = 1

# More than ten calls a minute that are hard to take back, over all tools: then the owner decides about each until a
# person resets the breaker (`countersign breakers reset`). `hold_ms` would end it by itself.
[bulks.destructive]
counts = [\"compensable\", \"irreversible\"]
permits_max = 10
within_ms = 60000
profile = \"owner\"
";

/// Is `checks.toml`.
pub(super) const CHECKS: &str = "\
# What must hold after an action: how that is looked at, for how long, and what follows if it does not. A check looks in
# one way: http, prometheus, tool, sql, log or command. Who saw nothing knows nothing: that never counts as good.

# [checks.storefront]
# covers = { class = \"write\" }
# # Every ten seconds for a minute; three bad looks in a row violate it.
# every_ms = 10000
# for_ms = 60000
# failures = 3
# # Takes the action back then, if the catalogue says how, and stops the agent in that class.
# undo = true
# http = { url = \"http://127.0.0.1:8080/health\", status = 200 }
";

/// Is `behaviour.toml`.
pub(super) const BEHAVIOUR: &str = "\
# What is usual for an agent in each of its action classes, and what becomes of what is not: many more calls in an hour,
# a tool it did not use before, more failures, slower answers. It is learned from whole hours; it can only restrict.

[baselines.usual]
# How far it looks back, and in how many hours the agent must have acted before anything is said.
window_days = 7
hours_min = 24
# How many standard deviations beyond the median are usual.
deviations = 3
# Who looks at what is unusual; without this it runs observed.
# profile = \"owner\"
# What becomes of calls while nothing is known yet: allow, observe or escalate.
before = \"allow\"
";

/// Is `escalation.toml`.
pub(super) const ESCALATION: &str = "\
# Who decides what is escalated, how many of them, and how long they have. Silence is refusal.

[profiles.owner]
# A group of people.toml.
group = \"owners\"
approvals = 1
# Ten minutes.
timeout_ms = 600000
";

/// Is `obligations.toml`.
pub(super) const OBLIGATIONS: &str = "\
# What must happen besides an action; policies name these with @obligations(\"careful\").

[obligations.careful]
# Keep the whole result as evidence, not only its beginning.
record_result = true
# End the call after two minutes.
deadline_ms = 120000
# Send nothing before a quorum of witnesses has seen the record:
# receipt = \"witnessed\"
";

/// Writes `workflows/SERVER.toml`.
pub(super) fn workflow(input: &StarterInput) -> String {
    let owner = quote(input.owner.as_str());
    let purpose = quote(&format!("Let an agent use {} without doing harm", input.server));
    format!(
        "\
# Why an agent works here, and where that ends. For people: auditors read this first.

purpose = {purpose}
owner = {owner}
# The classes inside the boundary.
boundary = [\"read\", \"write\"]
# Outcomes that are never acceptable.
never = [\"data is lost without a person having agreed\"]
# How often somebody reads this again, in days.
review_days = 30

# Which evidence controls which decision.
[evidence]
\"raising the agent's level\" = \"a month of approved writes without an objection\"
"
    )
}

const POLICIES: &str = r#"// What the agents of team `agents` may do. Whatever no policy permits is denied, and a forbid beats every permit.
//
// A question is asked up to three times: may it run alone ("autonomous"), may it run observed ("monitored"), may it
// run once people have approved ("approved")? A permit says with `context.mode` which of these it answers.

// Reads run, with enhanced logging. Once you trust them, drop the condition and they run alone.
@id("starter.reads")
permit (principal in Team::"agents", action in Action::"class:read", resource)
when { context.mode == Mode::"monitored" };

// Writes wait for the owner.
@id("starter.writes")
@escalate("owner")
@obligations("careful")
permit (principal in Team::"agents", action in Action::"class:write", resource)
when { context.mode == Mode::"approved" };

"#;

const REGISTRY: &str = r#"// Who may move aliases and stages in the registry of models, rename and delete there.

// Owners do, with enhanced logging. To demand a second person, write "approved" and add @escalate("owner").
@id("registry.owners")
permit (principal in Group::"owners", action in Action::"class:promotion", resource)
when { context.mode == Mode::"monitored" };

// Agents wait for the owner.
@id("registry.agents")
@escalate("owner")
permit (principal in Team::"agents", action in Action::"class:promotion", resource)
when { context.mode == Mode::"approved" };

// To let nothing run whose files can still change:
//
// @id("registry.sealed")
// @reason("its files are not sealed")
// forbid (principal, action == Action::"registry.set_alias", resource)
// unless { context.input.sealed };
"#;

const DESTRUCTIVE: &str = r#"// Destructive calls are denied, and no approval lifts that. To let one through, give its tool a class of its own.
@id("starter.destructive")
@reason("destructive calls are never left to an agent")
forbid (principal, action in Action::"class:destructive", resource);
"#;

const NOTHING_DESTRUCTIVE: &str = r#"// No tool is in class `destructive` now, and a policy that could never apply is refused. When one is, add:
//
// @id("starter.destructive")
// @reason("destructive calls are never left to an agent")
// forbid (principal, action in Action::"class:destructive", resource);
"#;

/// Writes `policies/starter.cedar`.
pub(super) fn policies(has_destructive: bool) -> String {
    format!("{POLICIES}{}", if has_destructive { DESTRUCTIVE } else { NOTHING_DESTRUCTIVE })
}

/// Writes `policies/registry.cedar`.
pub(super) fn registry(input: &StarterInput) -> String {
    REGISTRY.replace("registry.set_alias", &format!("{}.set_alias", super::registry::name(input)))
}

/// Is `policies/administration.cedar`.
pub(super) const ADMINISTRATION: &str = r#"// Who may administer Countersign: activate bundles, give levels, make and revoke keys, clear switches, pin tools,
// erase what is recorded about a person or an agent, change the keys of the log.
// Stopping things never needs permission.

// Owners administer, with enhanced logging. To demand a second person, write "approved" and add @escalate("owner").
@id("administration.owners")
permit (principal in Group::"owners", action in Action::"admin", resource)
when { context.mode == Mode::"monitored" };
"#;

/// Writes `README.md`.
pub(super) fn readme(input: &StarterInput) -> String {
    let (server, registry) = (&input.server, super::registry::name(input));
    format!(
        "\
# Policy bundle for `{server}`

Everything that decides what an agent may do with `{server}` stands in this folder. Keep it in version control, change
it, run `countersign policy check` and `countersign policy test`, then `countersign policy activate`.

To begin with: reads run observed, writes wait for the owner, destructive calls and everything unknown are denied.

| file | says |
|---|---|
| `bundle.toml` | name, authors, when a person must look |
| `agents.toml` | the agents and who answers for them |
| `people.toml` | the people, their groups, and who is an auditor |
| `classes.toml` | action classes: what reads, what writes, how bad it can get |
| `catalog/{server}.toml` | how the server is reached, and the class of each tool: **read this first** |
| `catalog/{registry}.toml` | what can be moved in the registry of models |
| `inventory.toml` | what the tools act on (empty to begin with) |
| `policies/starter.cedar` | who may do what |
| `policies/registry.cedar` | who may promote models |
| `policies/administration.cedar` | who may administer Countersign |
| `schema.cedarschema` | what policies can speak of, made from the tools' own schemas |
| `risk.toml` | the risk score |
| `limits.toml` | rates, budgets, change windows, freezes, maximum impact |
| `breakers.toml` | what stops an agent that fails, or does too much at once |
| `checks.toml` | what must hold after an action, and what follows if it does not |
| `behaviour.toml` | what is usual for an agent, and what becomes of what is not |
| `escalation.toml` | who approves, how many, how long they have |
| `obligations.toml` | what must happen besides an action |
| `workflows/{server}.toml` | why the agent works here, for auditors |
| `tests/starter.toml` | what the bundle must decide |
"
    )
}
