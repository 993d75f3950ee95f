//! The method table: what becomes of every message of every version, in one place.
//!
//! A message that is not in the table is refused, whoever sends it.

use control::door::Era;

/// Says who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The agent sends it.
    ClientToServer,
    /// The upstream server sends it.
    ServerToClient,
}

/// Says whether a message expects an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It does.
    Request,
    /// It does not.
    Notification,
}

/// Says what becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It is decided and recorded before it goes anywhere.
    Governed,
    /// It passes on; it reads or changes nothing that is governed.
    Relayed,
    /// The gateway answers it.
    Local,
    /// It goes nowhere.
    Refused,
}

impl Treatment {
    fn as_str(self) -> &'static str {
        match self {
            Self::Governed => "governed",
            Self::Relayed => "relayed",
            Self::Local => "answered here",
            Self::Refused => "refused",
        }
    }
}

/// Is one line of the table.
#[derive(Debug)]
pub struct Row {
    /// The method's name.
    pub method: &'static str,
    /// Who sends it.
    pub direction: Direction,
    /// Whether it expects an answer.
    pub kind: Kind,
    /// What becomes of it up to 2025-11-25.
    pub stateful: Treatment,
    /// What becomes of it in 2026-07-28.
    pub stateless: Treatment,
    /// Why, in a sentence.
    pub why: &'static str,
}

use Direction::{ClientToServer as Up, ServerToClient as Down};
use Kind::{Notification, Request};
use Treatment::{Governed, Local, Refused, Relayed};

const fn row(
    method: &'static str,
    direction: Direction,
    kind: Kind,
    stateful: Treatment,
    stateless: Treatment,
    why: &'static str,
) -> Row {
    Row { method, direction, kind, stateful, stateless, why }
}

/// Lists every message the gateway knows.
pub const TABLE: &[Row] = &[
    row(
        "initialize",
        Up,
        Request,
        Local,
        Refused,
        "Opens a session; one server's own answer passes unchanged, several are merged.",
    ),
    row("server/discover", Up, Request, Refused, Relayed, "Describes a server; the answers of several are merged."),
    row("ping", Up, Request, Local, Refused, "Proves that the gateway is there."),
    row(
        "tools/list",
        Up,
        Request,
        Relayed,
        Relayed,
        "Lists tools; every complete list is compared with what was reviewed.",
    ),
    row("tools/call", Up, Request, Governed, Governed, "Acts."),
    row("resources/list", Up, Request, Relayed, Relayed, "Names what could be read."),
    row("resources/templates/list", Up, Request, Relayed, Relayed, "Names what could be read."),
    row("resources/read", Up, Request, Governed, Governed, "Is access to data."),
    row("resources/subscribe", Up, Request, Governed, Refused, "Is access to data: it tells when a resource changes."),
    row("resources/unsubscribe", Up, Request, Relayed, Refused, "Ends access."),
    row(
        "subscriptions/listen",
        Up,
        Request,
        Refused,
        Governed,
        "Is access to data if it names resources; relayed if it names none.",
    ),
    row("prompts/list", Up, Request, Relayed, Relayed, "Names templates."),
    row("prompts/get", Up, Request, Relayed, Relayed, "Fills a template."),
    row("completion/complete", Up, Request, Relayed, Relayed, "Suggests values for an argument."),
    row("logging/setLevel", Up, Request, Relayed, Refused, "Sets how much a server tells."),
    row(
        "tasks/get",
        Up,
        Request,
        Relayed,
        Relayed,
        "Asks after a call of this agent's that was governed when it was made.",
    ),
    row(
        "tasks/result",
        Up,
        Request,
        Relayed,
        Refused,
        "Fetches the result of a call of this agent's that was governed when it was made.",
    ),
    row(
        "tasks/list",
        Up,
        Request,
        Relayed,
        Refused,
        "Names this agent's calls that were governed when they were made.",
    ),
    row("tasks/cancel", Up, Request, Relayed, Relayed, "Only ends something of this agent's."),
    row("tasks/update", Up, Request, Refused, Governed, "Sends the user's answers to a server."),
    row("notifications/initialized", Up, Notification, Relayed, Refused, "Ends the handshake."),
    row(
        "notifications/cancelled",
        Up,
        Notification,
        Relayed,
        Local,
        "Withdraws a request; what is held is never dispatched.",
    ),
    row("notifications/progress", Up, Notification, Relayed, Refused, "Reports on a request that the server made."),
    row("notifications/roots/list_changed", Up, Notification, Relayed, Refused, "Says that roots changed, not which."),
    row("notifications/tasks/status", Up, Notification, Relayed, Refused, "Reports on a request that the server made."),
    row("ping", Down, Request, Local, Refused, "Proves that the gateway is there."),
    row(
        "sampling/createMessage",
        Down,
        Request,
        Governed,
        Refused,
        "Asks for the user's data; in 2026-07-28 it travels inside a result and is governed there.",
    ),
    row(
        "elicitation/create",
        Down,
        Request,
        Governed,
        Refused,
        "Asks for the user's data; in 2026-07-28 it travels inside a result and is governed there.",
    ),
    row("roots/list", Down, Request, Relayed, Refused, "Asks which folders the client offers."),
    row("tasks/get", Down, Request, Relayed, Refused, "Asks after a request that was governed when it was made."),
    row(
        "tasks/result",
        Down,
        Request,
        Relayed,
        Refused,
        "Fetches the answer to a request that was governed when it was made.",
    ),
    row("tasks/cancel", Down, Request, Relayed, Refused, "Only ends something."),
    row("tasks/list", Down, Request, Refused, Refused, "Would show one server the questions of another."),
    row(
        "notifications/cancelled",
        Down,
        Notification,
        Relayed,
        Relayed,
        "Withdraws a request of the server's, or ends a subscription.",
    ),
    row("notifications/progress", Down, Notification, Relayed, Relayed, "Reports on a call."),
    row("notifications/message", Down, Notification, Relayed, Relayed, "Is a log line."),
    row(
        "notifications/tools/list_changed",
        Down,
        Notification,
        Relayed,
        Relayed,
        "The tools are listed again and compared before the client hears of it.",
    ),
    row("notifications/prompts/list_changed", Down, Notification, Relayed, Relayed, "Says that a list changed."),
    row("notifications/resources/list_changed", Down, Notification, Relayed, Relayed, "Says that a list changed."),
    row(
        "notifications/resources/updated",
        Down,
        Notification,
        Relayed,
        Relayed,
        "Follows from a subscription that was governed.",
    ),
    row(
        "notifications/elicitation/complete",
        Down,
        Notification,
        Relayed,
        Refused,
        "Ends a question that was governed.",
    ),
    row("notifications/tasks/status", Down, Notification, Relayed, Refused, "Reports on a call that was governed."),
    row("notifications/tasks", Down, Notification, Refused, Relayed, "Reports on a call that was governed."),
    row("notifications/subscriptions/acknowledged", Down, Notification, Refused, Relayed, "Begins a subscription."),
];

/// Returns what becomes of a message; one that is not in the table is refused.
pub fn treatment(era: Era, direction: Direction, kind: Kind, method: &str) -> Treatment {
    let row = TABLE.iter().find(|row| row.method == method && row.direction == direction && row.kind == kind);
    row.map_or(Refused, |row| match era {
        Era::Stateful => row.stateful,
        Era::Stateless => row.stateless,
    })
}

const HEAD: &str = "# MCP methods

What the gateway does with every message of the Model Context Protocol. A message that is not listed is refused: a
request gets the JSON-RPC error `-32601` with the code `mcp-method-refused`, a notification is dropped.

- **governed**: decided and recorded before it goes anywhere. A tool is the operation `SERVER.TOOL`, any other method
  `SERVER.mcp:METHOD`.
- **relayed**: passed on as it came.
- **answered here**: the gateway answers.
- **refused**: goes nowhere.

A kill switch of the tenant, the agent, the tool or its class stops what is governed, and also what is relayed: the request
gets the JSON-RPC error `-32001` with the code `killed`, a relayed request that still waits ends so, the user's answers to a
server's questions go no further, and updates of subscribed resources are dropped. Of what is answered here, `initialize` and
`ping` still are.

This page is written by `UPDATE=1 cargo test -p countersign-gateway`.
";

const TAIL: &str = "
## What a tool call takes with it

The decision, and an approval, bind to everything that is sent but for what this table marks.

| part | what becomes of it |
|---|---|
| `params.name`, `params.arguments` | decided on; sent in canonical form |
| `params.inputResponses`, `params.requestState` | decided on, as `mcp:inputs` beside the arguments; sent in canonical form |
| other members of `params` | decided on, as `mcp:params` beside the arguments; sent in canonical form |
| `params._meta` | *not decided on*: sent as it came, without what the agent says of itself |
| `params.task` | *not decided on*: only `ttl` is sent, and only to a server that runs tasks itself |
| `Mcp-Param-*` headers | compared with the arguments whose schema has `x-mcp-header`; where one is absent or differs the answer is `-32020` and nothing is decided. None is passed on: what the server gets is written from the arguments, also for clients over stdio |

What a server asks of the client (`sampling/createMessage`, `elicitation/create`) is decided with its params as the
arguments, without `_meta`. Of a question longer than 16 KiB these are the SHA-256 of its text (`mcp:digest`) and its first
8 KiB (`mcp:text`). So is a question inside an answer, in the state of a task, in what a task came to, and in a notification
about one. A question that the client does not answer within 10 minutes ends its call.

## Calls that await people

The client learns where people decide by the first of these means that it has; whatever it answers there is no vote.

1. **A task.** Up to 2025-11-25 the client asks for one (`params.task`); in 2026-07-28 the request declares the extension
   `io.modelcontextprotocol/tasks`. The call is answered at once by a task whose `statusMessage` names the case and its
   address. Approved, it is carried out and keeps its result for an hour; refused or expired, its result says so. To cancel it
   withdraws the case, if it was not dispatched.
2. **A page to visit**, where the client declares `elicitation.url`: nested in a session, a round of `input_required`
   otherwise; while the page is open the call waits.
3. **A bounded wait** with signs of life, for as long as the bundle's `hold.wait_ms_max` says.
4. **A refusal** with the code `approval-pending`, the case and its address. The identical call then uses the approval. Where the
   bundle gives permissions, a hint says how to ask for one that covers more than this call.

The gateway advertises tasks to callers with a key, for servers with tools. Up to 2025-11-25 it marks every tool of a server
without tasks of its own as `taskSupport: optional`, and any call of such a server may be a task. A server that runs tasks
itself is left to: a call that is permitted at once makes the server's own task. Behind a held one the gateway follows it.

A task is its maker's: another agent's is unknown (`-32602`), is left out of `tasks/list`, cannot be listened for, and what a
server tells of it is dropped. Ids of the gateway's own tasks are 128 random bits; an agent may have 64 under way. Tasks are
kept in memory: after a restart they are unknown, their cases are not, and the identical call joins its case. Callers without
a key (`--anonymous`) cannot be told apart and get no tasks of the gateway's.
";

/// Writes the table as the page `docs/reference/mcp-methods.md`.
pub fn page() -> String {
    let parts = [
        ("From the agent: requests", Up, Request),
        ("From the agent: notifications", Up, Notification),
        ("From the upstream server: requests", Down, Request),
        ("From the upstream server: notifications", Down, Notification),
    ];
    let sections = parts.map(|(title, direction, kind)| section(title, direction, kind));
    format!("{HEAD}{}{TAIL}", sections.concat())
}

fn section(title: &str, direction: Direction, kind: Kind) -> String {
    let rows = TABLE.iter().filter(|row| row.direction == direction && row.kind == kind);
    let lines: String = rows
        .map(|r| format!("| `{}` | {} | {} | {} |\n", r.method, r.stateful.as_str(), r.stateless.as_str(), r.why))
        .collect();
    format!("\n## {title}\n\n| method | up to 2025-11-25 | 2026-07-28 | why |\n|---|---|---|---|\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_refused() {
        assert_eq!(treatment(Era::Stateful, Up, Request, "tools/destroy"), Refused);
        assert_eq!(treatment(Era::Stateless, Up, Request, "initialize"), Refused);
        assert_eq!(treatment(Era::Stateful, Down, Request, "tools/call"), Refused);
        assert_eq!(treatment(Era::Stateful, Up, Notification, "tools/call"), Refused);
    }

    #[test]
    fn no_message_is_listed_twice() {
        for (at, row) in TABLE.iter().enumerate() {
            let twin = TABLE
                .iter()
                .skip(at + 1)
                .find(|r| (r.method, r.direction, r.kind) == (row.method, row.direction, row.kind));
            assert!(twin.is_none(), "{} is listed twice", row.method);
        }
    }
}
