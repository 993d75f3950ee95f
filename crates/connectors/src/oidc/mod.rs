//! Logging in at somebody else's: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636).
//!
//! A provider is asked for its addresses, its keys and, once, for the token of a code; the token is verified here, whatever
//! the provider was reached by. Whom it names is for the caller to look up.

mod keys;
mod provider;
mod token;

pub use keys::Keys;
pub use provider::{ANSWER_BYTES_MAX, Ask, Provider, ProviderError, Settings};
pub use token::{Expected, SKEW_S, TokenError, verify};
