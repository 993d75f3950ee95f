//! The site that a passkey belongs to: its relying-party id, and the pages that may use it.

/// Says which pages may use a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins<'a> {
    /// These, character by character: what a server that is asked demands.
    OneOf(&'a [String]),
    /// Every page whose host is the relying party's or below it, over TLS or on this machine: what a browser demands, and
    /// all that a reader can who does not know the server's configuration.
    OfRelyingParty,
}

/// Is the site that an answer must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site<'a> {
    /// The relying-party id, a host name such as `gate.example`.
    pub rp_id: &'a str,
    /// Its pages.
    pub origins: Origins<'a>,
}

impl Site<'_> {
    /// Says whether a page of an origin may use the site's passkeys.
    pub fn has(&self, origin: &str) -> bool {
        match self.origins {
            Origins::OneOf(all) => all.iter().any(|allowed| allowed == origin),
            Origins::OfRelyingParty => is_of(origin, self.rp_id),
        }
    }
}

/// Says whether a browser lets a page of an origin use the passkeys of a relying party: `https` with a host that is the id
/// or below it, or `http` where that host is `localhost` or below.
pub fn is_of(origin: &str, rp_id: &str) -> bool {
    let (authority, secure) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
        (Some(authority), _) => (authority, true),
        (None, Some(authority)) => (authority, false),
        (None, None) => return false,
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_below = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    is_host(host) && is_port && is_host(rp_id) && is_below(rp_id) && (secure || is_below("localhost"))
}

/// Says whether a text is a host name as an origin writes it: labels of lower-case letters, digits and hyphens.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_its_host_and_of_those_above_it() {
        for (origin, rp_id) in [
            ("https://gate.example", "gate.example"),
            ("https://gate.example:8443", "gate.example"),
            ("https://console.gate.example", "gate.example"),
            ("http://localhost:7717", "localhost"),
            ("http://localhost", "localhost"),
            ("https://localhost:1", "localhost"),
        ] {
            assert!(is_of(origin, rp_id), "{origin} {rp_id}");
        }
        for (origin, rp_id) in [
            ("http://gate.example", "gate.example"),
            ("https://evilgate.example", "gate.example"),
            ("https://gate.example.evil", "gate.example"),
            ("https://example", "gate.example"),
            ("https://gate.example/", "gate.example"),
            ("https://gate.example:", "gate.example"),
            ("https://gate.example:1a", "gate.example"),
            ("https://user@gate.example", "gate.example"),
            ("https://Gate.example", "gate.example"),
            ("https://", ""),
            ("https://.gate.example", "gate.example"),
            ("http://notlocalhost:1", "localhost"),
            ("ftp://gate.example", "gate.example"),
            ("null", "gate.example"),
        ] {
            assert!(!is_of(origin, rp_id), "{origin} {rp_id}");
        }
    }
}
