//! What a server offered to a session: the tools it listed, as it wrote them, so that an incident can be replayed without it.

use minicbor::{Decode, Encode};
use types::{Digest, ServerName};

/// Is the status of a record of kind [`crate::RecordKind::Tool`] whose body is a [`Listing`].
pub const LISTED: u8 = 2;

/// Is how much text of tools one record holds, in bytes; of a longer list the digests alone are kept.
pub const LISTING_BYTES_MAX: usize = 4 << 20;

/// Is one tool as its server listed it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ListedTool {
    /// The digest of its definition, which decisions name.
    #[n(0)]
    pub definition: Digest,
    /// The tool object as the server wrote it, JSON text; absent if the whole list was too long to keep.
    #[n(1)]
    pub text: Option<String>,
}

/// Is everything a server said of itself and its tools when a session first called it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Listing {
    /// The server's name in the catalogue.
    #[n(0)]
    pub server: ServerName,
    /// What it answered to `initialize` or `server/discover`, as JSON text.
    #[n(1)]
    pub hello: String,
    /// It answers each request for itself, as servers of 2026-07-28 do; one of an older version opens a session.
    #[n(2)]
    pub stateless: bool,
    /// The tools, in order of name.
    #[n(3)]
    pub tools: Vec<ListedTool>,
}

impl Listing {
    /// Builds a listing; the texts are left out where they are longer than [`LISTING_BYTES_MAX`] together.
    pub fn new(server: ServerName, hello: &str, stateless: bool, tools: Vec<(Digest, String)>) -> Self {
        let bytes: usize = tools.iter().map(|(_, text)| text.len()).sum::<usize>() + hello.len();
        let kept = |text: String| (bytes <= LISTING_BYTES_MAX).then_some(text);
        let tools = tools.into_iter().map(|(definition, text)| ListedTool { definition, text: kept(text) }).collect();
        Self { server, hello: hello.to_owned(), stateless, tools }
    }

    /// Says whether the texts of all tools are here.
    pub fn is_whole(&self) -> bool {
        self.tools.iter().all(|tool| tool.text.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_too_long_keeps_its_digests_alone() {
        let server: ServerName = "s".parse().unwrap();
        let digest = Digest::plain(b"d");
        let listing = |text: String| Listing::new(server.clone(), "{}", false, vec![(digest, text)]);
        let short = listing(r#"{"name":"a"}"#.to_owned());
        assert!(short.is_whole());
        assert_eq!(types::cbor::decode::<Listing>(&types::cbor::encode(&short)).unwrap(), short);
        let long = listing("x".repeat(LISTING_BYTES_MAX));
        assert_eq!((long.is_whole(), long.tools[0].definition), (false, digest));
    }
}
