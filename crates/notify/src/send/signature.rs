//! Signatures of webhooks, as Standard Webhooks 1.0 has them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::settings::Secret;

/// Signs a body under every secret: the value of the header `webhook-signature`.
///
/// - `id`: the value of `webhook-id`; it MUST NOT hold a full stop, which parts what is signed.
/// - `seconds`: the value of `webhook-timestamp`, in seconds since the epoch.
pub fn sign(secrets: &[Secret], id: &str, seconds: i64, body: &[u8]) -> String {
    let one = |secret: &Secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).ok()?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.iter().filter_map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specifications_example() {
        // The test vector of the Standard Webhooks libraries.
        let secret = Secret::new(BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_make_two_signatures_the_present_one_first() {
        let secrets = [Secret::new(vec![1; 32]), Secret::new(vec![2; 32])];
        let both = sign(&secrets, "a", 1, b"x");
        let each = secrets.map(|secret| sign(&[secret], "a", 1, b"x"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }
}
