//! Entry bundles: round trip, limits, strictness.

use countersign_tlog::bundle::ENTRY_LEN_MAX;
use countersign_tlog::{BundleError, decode_bundle, encode_bundle};
use proptest::prelude::*;

#[test]
fn a_bundle_is_each_entry_after_its_length() {
    let bundle = encode_bundle(&["one", "", "three"]).unwrap();
    assert_eq!(bundle, b"\x00\x03one\x00\x00\x00\x05three");
    assert_eq!(decode_bundle(&bundle, 3).unwrap(), [&b"one"[..], b"", b"three"]);
}

#[test]
fn the_longest_entry_fits_and_a_longer_one_does_not() {
    let longest = vec![1; ENTRY_LEN_MAX];
    let bundle = encode_bundle(&[&longest]).unwrap();
    assert_eq!(decode_bundle(&bundle, 1).unwrap(), [&longest]);
    let error = encode_bundle(&[vec![1; ENTRY_LEN_MAX + 1]]).unwrap_err();
    assert_eq!((error, error.code()), (BundleError::EntryTooLong(65_536), "entry-too-long"));
}

#[test]
fn a_bundle_has_1_to_256_entries() {
    assert_eq!(encode_bundle::<&str>(&[]), Err(BundleError::Count));
    assert!(encode_bundle(&["x"; 256]).is_ok());
    assert_eq!(encode_bundle(&["x"; 257]), Err(BundleError::Count));
    assert_eq!(decode_bundle(b"", 0), Err(BundleError::Count));
    assert_eq!(decode_bundle(&[0; 2 * 257], 257), Err(BundleError::Count));
    assert_eq!(decode_bundle(&[0; 2 * 256], 256).unwrap().len(), 256);
}

#[test]
fn malformed_bundles_are_refused() {
    let cases = [
        (&b"\x00"[..], 1, BundleError::Truncated(0)),
        (b"\x00\x03on", 1, BundleError::Truncated(0)),
        (b"\x00\x03one\x00", 1, BundleError::Truncated(1)),
        (b"\x00\x03one\xff\xff", 2, BundleError::Truncated(1)),
        (b"\x00\x03one", 2, BundleError::WrongCount { expected: 2, found: 1 }),
        (b"\x00\x03one\x00\x00", 1, BundleError::WrongCount { expected: 1, found: 2 }),
    ];
    for (bundle, width, error) in cases {
        assert_eq!(decode_bundle(bundle, width), Err(error), "{bundle:?}");
        assert_eq!(error.code(), "bundle-malformed");
    }
}

proptest! {
    #[test]
    fn decoding_is_the_inverse_of_encoding(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256),
    ) {
        let bundle = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bundle, entries.len() as u16).unwrap(), entries);
    }

    #[test]
    fn decoding_never_panics_and_is_exact(bundle in prop::collection::vec(0u8..4, 0..200), width in any::<u16>()) {
        if let Ok(entries) = decode_bundle(&bundle, width) {
            prop_assert_eq!(entries.len(), usize::from(width));
            prop_assert_eq!(encode_bundle(&entries).unwrap(), bundle);
        }
    }
}
