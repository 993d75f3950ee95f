//! How a connection or a call fails, and whether a failed call may have had its effect.

use types::Code;

/// Says why a call has no answer.
///
/// Dispatch happens at most once, so what matters is whether the request can have taken effect:
/// [`CallError::in_doubt`] answers that, and errs towards doubt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request provably never left us.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// The request left us, or part of it did, and nobody knows what became of it.
    #[error("the request was sent and its outcome is unknown: {0}")]
    Unknown(String),
    /// The request left us and no answer came in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The answer, or what stood before it, is longer than allowed.
    #[error("the server's answer is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit that was exceeded.
        bytes_max: usize,
    },
    /// The server answered what the protocol does not allow.
    #[error("the server broke the protocol: {0}")]
    Invalid(String),
    /// The tool says that it failed, and perhaps why; that is its own word, and not told here.
    #[error("the tool says that it failed")]
    Failed(String),
    /// The server turned the request away at its HTTP door, before it reached any tool.
    #[error("the server refused the request with HTTP status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The connection or the server's session is over, and this request did not get in.
    #[error("the connection is closed: {0}")]
    Closed(String),
}

impl CallError {
    /// Says whether the request may have taken effect.
    pub fn in_doubt(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Refused { .. } | Self::Closed(_) => false,
            Self::Unknown(_) | Self::Timeout | Self::TooLarge { .. } | Self::Invalid(_) | Self::Failed(_) => true,
        }
    }

    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NotSent(_) | Self::Refused { .. } | Self::Closed(_) => Code::UpstreamUnavailable,
            Self::Unknown(_) => Code::InDoubt,
            Self::Timeout => Code::UpstreamTimeout,
            Self::TooLarge { .. } => Code::ResultTooLarge,
            Self::Invalid(_) | Self::Failed(_) => Code::UpstreamInvalid,
        }
    }
}

/// Says why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The wiring itself cannot be used.
    #[error("the server's wiring is unusable: {0}")]
    Wiring(String),
    /// The server does not start, cannot be reached, or turns us away.
    #[error("the server is unavailable: {reason}")]
    Unavailable {
        /// One sentence for anybody.
        reason: String,
        /// What the server wrote to its error output last, escaped, known secrets removed; for operators only.
        detail: String,
    },
    /// The server did not say hello in time.
    #[error("the server did not answer its first request in time")]
    Timeout {
        /// What the server wrote to its error output last, as in [`Self::Unavailable`].
        detail: String,
    },
    /// The server's hello is not what the protocol allows.
    #[error("the server broke the protocol: {0}")]
    Invalid(String),
    /// The server answered its hello with a JSON-RPC error.
    #[error("the server refused to connect")]
    Refused {
        /// The `error` member, as it came.
        error: String,
    },
    /// The server speaks no protocol version that we can use for this kind of connection.
    #[error("the server does not speak a supported protocol version: {0}")]
    Version(String),
}

impl ConnectError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Wiring(_) | Self::Unavailable { .. } | Self::Refused { .. } => Code::UpstreamUnavailable,
            Self::Timeout { .. } => Code::UpstreamTimeout,
            Self::Invalid(_) => Code::UpstreamInvalid,
            Self::Version(_) => Code::McpVersionUnsupported,
        }
    }

    /// Returns what only an operator may see; empty where there is nothing.
    pub fn detail(&self) -> &str {
        match self {
            Self::Unavailable { detail, .. } | Self::Timeout { detail } => detail,
            Self::Refused { error } => error,
            _ => "",
        }
    }

    pub(crate) fn from_call(error: CallError, detail: String) -> Self {
        match error {
            CallError::Timeout => Self::Timeout { detail },
            CallError::Invalid(reason) => Self::Invalid(reason),
            CallError::TooLarge { .. } | CallError::Failed(_) => Self::Invalid(error.to_string()),
            CallError::NotSent(reason) | CallError::Unknown(reason) | CallError::Closed(reason) => {
                Self::Unavailable { reason, detail }
            }
            CallError::Refused { .. } => Self::Unavailable { reason: error.to_string(), detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_provably_did_nothing_is_out_of_doubt() {
        for (error, in_doubt, code) in [
            (CallError::NotSent(String::new()), false, "upstream-unavailable"),
            (CallError::Refused { status: 401 }, false, "upstream-unavailable"),
            (CallError::Closed(String::new()), false, "upstream-unavailable"),
            (CallError::Unknown(String::new()), true, "in-doubt"),
            (CallError::Timeout, true, "upstream-timeout"),
            (CallError::TooLarge { bytes_max: 1 }, true, "result-too-large"),
            (CallError::Invalid(String::new()), true, "upstream-invalid"),
        ] {
            assert_eq!((error.in_doubt(), error.code().as_str()), (in_doubt, code), "{error:?}");
        }
    }
}
