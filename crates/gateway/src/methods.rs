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
    row("tasks/get", Up, Request, Relayed, Relayed, "Asks after a call that was governed when it was made."),
    row(
        "tasks/result",
        Up,
        Request,
        Relayed,
        Refused,
        "Fetches the result of a call that was governed when it was made.",
    ),
    row("tasks/list", Up, Request, Relayed, Refused, "Names calls that were governed when they were made."),
    row("tasks/cancel", Up, Request, Relayed, Relayed, "Only ends something."),
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

This page is written by `UPDATE=1 cargo test -p countersign-gateway`.
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
    format!("{HEAD}{}", sections.concat())
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
