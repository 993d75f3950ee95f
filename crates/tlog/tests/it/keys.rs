//! The text forms of keys, their IDs, and what is refused.

use countersign_tlog::{Algorithm, CosignerKey, KeyError, KeyId, SignerKey, VerifierKey};

/// The key of the `signed-note` specification.
pub const SPEC_VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// The key pair that the documentation of Go's note package publishes.
pub const GO_SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
pub const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn the_specifications_key_reads_and_prints() {
    let key: VerifierKey = SPEC_VKEY.parse().unwrap();
    assert_eq!(
        (key.name(), key.id(), key.algorithm()),
        ("example.com/foo", KeyId([0x53, 0x0d, 0x90, 0x3a]), Algorithm::Ed25519)
    );
    assert_eq!(key.to_string(), SPEC_VKEY);
    assert_eq!(KeyId::compute(key.name(), Algorithm::Ed25519, key.public_key()), key.id());
}

#[test]
fn a_signing_key_reads_prints_and_has_its_public_half() {
    let key = SignerKey::from_secret_text(GO_SKEY).unwrap();
    assert_eq!(key.verifier().to_string(), GO_VKEY);
    assert_eq!(*key.to_secret_text(), GO_SKEY);
}

#[test]
fn debug_does_not_show_the_seed() {
    let key = SignerKey::ed25519("example.com/log", &[0xab; 32]).unwrap();
    let shown = format!("{key:?}");
    assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
}

#[test]
fn another_name_is_another_key() {
    let [a, b] = ["a", "b"].map(|name| SignerKey::ed25519(name, &[7; 32]).unwrap());
    assert_eq!(a.verifier().public_key(), b.verifier().public_key());
    assert_ne!(a.verifier().id(), b.verifier().id());
}

#[test]
fn malformed_verifier_keys_are_refused() {
    let id = |text: &str| text.parse::<KeyId>().unwrap();
    let mismatch = KeyError::IdMismatch { stated: id("530d903b"), computed: id("530d903a") };
    let cases = [
        ("", KeyError::Malformed),
        ("example.com/foo", KeyError::Malformed),
        ("example.com/foo+530d903a", KeyError::Malformed),
        ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Malformed),
        ("example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Malformed),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2", KeyError::Malformed),
        ("example.com/foo+530d903a+", KeyError::Malformed),
        ("example.com/foo+530d903a+AQ==", KeyError::Malformed),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Name),
        ("example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Name),
        ("a\u{2003}b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Name),
        ("example.com/foo+530d903a+BekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::UnsupportedAlgorithm(5)),
        ("example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Malformed),
        ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", mismatch),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
}

#[test]
fn weak_and_invalid_points_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    for point in [identity, [0; 32], off_curve] {
        assert_eq!(VerifierKey::ed25519("a", &point), Err(KeyError::InvalidPublicKey), "{point:?}");
    }
}

#[test]
fn malformed_signing_keys_are_refused_without_showing_them() {
    let cases = [
        (GO_VKEY, "key-malformed"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDF=", "key-malformed"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a4+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "key-id-mismatch"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a3+BIEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "key-algorithm-unsupported"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a3+BoEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "key-algorithm-unsupported"),
        ("PRIVATE+KEY+Peter Neumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "key-name-invalid"),
    ];
    for (text, code) in cases {
        let error = SignerKey::from_secret_text(text).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        assert!(!error.to_string().contains("EKFALVFGyN"), "{error}");
    }
}

#[test]
fn cosigners_keys_read_print_and_tell_their_algorithm() {
    let keys = [CosignerKey::ed25519("w", &[0xab; 32]).unwrap(), CosignerKey::ml_dsa_44("w", &[0xab; 32]).unwrap()];
    for (key, algorithm) in keys.iter().zip([Algorithm::CosignatureV1, Algorithm::MlDsa44]) {
        assert_eq!(key.verifier().algorithm(), algorithm);
        assert_eq!(key.verifier().to_string().parse::<VerifierKey>().as_ref(), Ok(key.verifier()));
        let again = CosignerKey::from_secret_text(&key.to_secret_text()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(*again.to_secret_text(), *key.to_secret_text());
        let shown = format!("{key:?}");
        assert!(!shown.contains("abab") && !shown.contains("171, 171, 171, 171"), "{shown}");
    }
    assert_ne!(keys[0].verifier().id(), keys[1].verifier().id());
}

#[test]
fn a_logs_key_does_not_cosign_and_a_cosigners_does_not_sign_notes() {
    let error = CosignerKey::from_secret_text(GO_SKEY).unwrap_err();
    assert_eq!(error, KeyError::UnsupportedAlgorithm(1));
    let cosigner = CosignerKey::ed25519("w", &[1; 32]).unwrap();
    let error = SignerKey::from_secret_text(&cosigner.to_secret_text()).unwrap_err();
    assert_eq!(error, KeyError::UnsupportedAlgorithm(4));
}

#[test]
fn malformed_cosigners_keys_are_refused() {
    let text = CosignerKey::ml_dsa_44("w", &[1; 32]).unwrap().to_secret_text().to_string();
    let id = text.split('+').nth(3).unwrap();
    let cases = [
        (text.replacen(id, "00000000", 1), "key-id-mismatch"),
        (text.replacen("+w+", "+ +", 1), "key-name-invalid"),
        (text.replacen("PRIVATE+KEY+", "", 1), "key-malformed"),
        (text[..text.len() - 4].to_owned(), "key-malformed"),
    ];
    for (text, code) in cases {
        assert_eq!(CosignerKey::from_secret_text(&text).unwrap_err().code(), code, "{text}");
    }
    for (name, error) in [("", KeyError::Name), ("a b", KeyError::Name)] {
        assert_eq!(CosignerKey::ml_dsa_44(name, &[1; 32]).unwrap_err(), error);
        assert_eq!(CosignerKey::ed25519(name, &[1; 32]).unwrap_err(), error);
    }
}

#[test]
fn an_ml_dsa_key_has_no_name_that_cannot_be_signed() {
    let (fits, long) = ("n".repeat(255), "n".repeat(256));
    assert!(CosignerKey::ml_dsa_44(&fits, &[1; 32]).is_ok() && CosignerKey::ed25519(&long, &[1; 32]).is_ok());
    let error = CosignerKey::ml_dsa_44(&long, &[1; 32]).unwrap_err();
    assert_eq!((error.code(), error), ("key-name-invalid", KeyError::NameTooLong(256)));
    let fitting = CosignerKey::ml_dsa_44(&fits, &[1; 32]).unwrap();
    assert_eq!(
        VerifierKey::ml_dsa_44(&fits, fitting.verifier().public_key().try_into().unwrap()).as_ref(),
        Ok(fitting.verifier())
    );
}

#[test]
fn weak_points_do_not_verify_cosignatures_either() {
    assert_eq!(VerifierKey::cosignature_v1("a", &[0; 32]), Err(KeyError::InvalidPublicKey));
}
