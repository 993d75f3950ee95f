//! Known answers of the hashing, and the text forms of a hash.

use countersign_tlog::{Hash, HashError, empty_root, leaf_hash, merkle_root};

use crate::support::{frontier_of, naive_root};

/// The entries and roots that implementations of RFC 6962 have in common.
const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_roots_of_the_common_example_are_the_known_ones() {
    let leaves: Vec<Hash> = ENTRIES.iter().map(|entry| leaf_hash(&hex::decode(entry).unwrap())).collect();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(frontier_of(&leaves[..size]).root().to_string(), *root, "size {size}");
        assert_eq!(merkle_root(&leaves[..size]).to_string(), *root, "size {size}");
        assert_eq!(naive_root(&leaves[..size]).to_string(), *root, "size {size}");
    }
}

#[test]
fn a_hash_reads_back_from_each_text_form() {
    let hash = leaf_hash(b"entry");
    assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
    assert_eq!(Hash::from_hex(&hash.to_string()), Ok(hash));
    assert_eq!(format!("{hash:?}"), hash.to_string());
    assert_eq!(Hash::try_from(hash.as_ref()), Ok(hash));
}

#[test]
fn only_the_canonical_base64_of_32_bytes_is_a_hash() {
    let good = empty_root().to_base64();
    let unpadded = good.trim_end_matches('=');
    let loose_bits = good.replace("FU=", "FV=");
    let url_safe = good.replace('+', "-").replace('/', "_");
    let spaced = format!("{good} ");
    for text in ["", "AAAA", unpadded, &loose_bits, &url_safe, &spaced, &good.repeat(2)] {
        assert_eq!(Hash::from_base64(text), Err(HashError::Base64), "{text}");
    }
    assert_eq!(HashError::Base64.code(), "hash-malformed");
}

#[test]
fn other_lengths_are_no_hash() {
    assert_eq!(Hash::try_from(&[0; 31][..]), Err(HashError::Length(31)));
    assert_eq!(Hash::from_hex("00"), Err(HashError::Hex));
    assert_eq!(Hash::from_hex(&"0g".repeat(32)), Err(HashError::Hex));
}
