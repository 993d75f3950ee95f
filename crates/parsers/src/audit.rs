//! What operator and auditor send each other: the trust root one way, the request the other.

use evidence::TrustRoot;
use evidence::trust_root::fingerprint;
use replay::audit::Request;

/// A trust root and an audit request: what reads is written so that it reads the same, each fingerprint is that of its key,
/// and a request names no more than it asked for.
pub fn audit(bytes: &[u8]) {
    if let Ok(root) = TrustRoot::from_json(bytes) {
        assert_eq!(TrustRoot::from_json(root.to_json().as_bytes()).unwrap(), root);
        assert!(!root.keys.is_empty() && root.keys.iter().all(|key| key.fingerprint == fingerprint(&key.key)));
    }
    if let Ok(request) = Request::from_json(bytes) {
        assert_eq!(Request::from_json(request.to_json().as_bytes()).unwrap(), request);
        assert!(!request.seed.is_empty() && request.picks.len() <= request.n);
        assert!(!request.lines().is_empty());
    }
}
