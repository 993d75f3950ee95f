//! How a server is reached, and what a connection to it may cost.

use std::collections::BTreeMap;
use std::fmt;

use types::bundle::Server;

use super::network::Over;

/// Is the generation of the protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Era {
    /// 2025-11-25 and before: a session begins with `initialize`.
    Stateful,
    /// 2026-07-28: every request stands for itself.
    Stateless,
}

/// Names the variables that every server is given; their values are no secret.
pub const ORDINARY: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"];

/// Names further variables whose values are no secret, though a server is given them on request alone.
const PLAIN: [&str; 3] = ["TERM", "USER", "SHELL"];

/// Says that a server needs a variable which is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable `{name}` is not set")]
pub struct Unset {
    /// The variable's name.
    pub name: String,
}

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
    /// The network it is reached over, if it is reached by a URL.
    pub network: Over,
}

impl Wiring {
    /// Resolves how a server of the catalogue is reached.
    ///
    /// - `env`: looks a variable up; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// [`Unset`] if a variable that the server names, for its environment or for a header, is not set.
    pub fn of(server: &Server, env: impl Fn(&str) -> Option<String>) -> Result<Self, Unset> {
        let needed = |name: &String| env(name).ok_or_else(|| Unset { name: name.clone() });
        let ordinary = ORDINARY.iter().filter_map(|name| env(name).map(|value| ((*name).to_owned(), value)));
        let mut variables: BTreeMap<String, String> = ordinary.collect();
        for name in &server.env {
            variables.insert(name.clone(), needed(name)?);
        }
        let headers = server.headers.iter().map(|(header, name)| Ok((header.clone(), needed(name)?)));
        Ok(Self {
            command: server.command.clone(),
            env: variables,
            url: server.url.clone(),
            headers: headers.collect::<Result<_, _>>()?,
            network: Over::default(),
        })
    }

    /// Lists the values that must not appear in a message or a log.
    ///
    /// Values under 6 bytes are left out: replacing them would garble ordinary words and hide nothing.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let plain = |name: &str| ORDINARY.contains(&name) || PLAIN.contains(&name);
        let variables = self.env.iter().filter(|(name, _)| !plain(name)).map(|(_, value)| value);
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
    fn a_server_is_given_what_is_ordinary_and_what_it_names_and_nothing_else() {
        let server = Server {
            command: vec!["server".into()],
            env: ["TOKEN".to_owned(), "USER".to_owned()].into(),
            url: None,
            headers: BTreeMap::from([("authorization".into(), "HEADER".into())]),
            identity: None,
        };
        let set = |name: &str| (name != "LC_ALL").then(|| format!("the value of {name}"));
        let wiring = Wiring::of(&server, set).unwrap();
        assert_eq!(wiring.env.keys().collect::<Vec<_>>(), ["HOME", "LANG", "PATH", "TMPDIR", "TOKEN", "USER"]);
        assert_eq!(wiring.headers, [("authorization".to_owned(), "the value of HEADER".to_owned())]);
        assert_eq!(wiring.secrets(), ["the value of TOKEN", "the value of HEADER"]);
        for missing in ["TOKEN", "HEADER"] {
            let unset = Wiring::of(&server, |name| set(name).filter(|_| name != missing)).unwrap_err();
            assert_eq!(unset.to_string(), format!("the variable `{missing}` is not set"));
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let wiring = Wiring {
            command: vec!["server".into()],
            env: BTreeMap::from([("TOKEN".into(), "hunter22".into())]),
            url: None,
            headers: vec![("authorization".into(), "Bearer hunter33".into())],
            network: Over::default(),
        };
        let shown = format!("{wiring:?}");
        assert!(shown.contains("TOKEN") && shown.contains("authorization"));
        assert!(!shown.contains("hunter"));
    }
}
