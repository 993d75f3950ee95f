//! How a server is reached, and what a connection to it may cost.

use std::collections::BTreeMap;
use std::fmt;

/// Is the generation of the protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Era {
    /// 2025-11-25 and before: a session begins with `initialize`.
    Stateful,
    /// 2026-07-28: every request stands for itself.
    Stateless,
}

/// Names variables that every process has and whose values are no secret.
const ORDINARY: [&str; 8] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TERM", "USER", "SHELL"];

/// Says how one server is reached: a command for stdio, or a URL for Streamable HTTP, with resolved secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// The command and its arguments; empty for a server over HTTP.
    pub command: Vec<String>,
    /// The command's whole environment, values resolved: the child inherits no variable beyond these.
    pub env: BTreeMap<String, String>,
    /// The endpoint; absent for a server over stdio.
    pub url: Option<String>,
    /// Headers for every HTTP request, values resolved.
    pub headers: Vec<(String, String)>,
}

impl Wiring {
    /// Lists the values that must not appear in a message or a log.
    ///
    /// Values under 6 bytes are left out: replacing them would garble ordinary words and hide nothing.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let variables = self.env.iter().filter(|(name, _)| !ORDINARY.contains(&name.as_str())).map(|(_, value)| value);
        let values = variables.chain(self.headers.iter().map(|(_, value)| value));
        values.filter(|v| v.len() >= 6).cloned().collect()
    }
}

impl fmt::Debug for Wiring {
    /// Shows names only; values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Wiring")
            .field("command", &self.command)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("url", &self.url)
            .field("headers", &headers)
            .finish()
    }
}

/// Bounds what a connection accepts and how long it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame in either direction, in bytes. 8 MiB by default.
    pub frame_bytes_max: usize,
    /// How long starting or reaching the server and its first answer may take, in milliseconds. 20,000 by default.
    pub connect_ms_max: u64,
    /// How long a request may take, in milliseconds; without a limit the caller keeps the time.
    pub request_ms_max: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame_bytes_max: 8 << 20, connect_ms_max: 20_000, request_ms_max: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let wiring = Wiring {
            command: vec!["server".into()],
            env: BTreeMap::from([("TOKEN".into(), "hunter22".into())]),
            url: None,
            headers: vec![("authorization".into(), "Bearer hunter33".into())],
        };
        let shown = format!("{wiring:?}");
        assert!(shown.contains("TOKEN") && shown.contains("authorization"));
        assert!(!shown.contains("hunter"));
    }
}
