//! Signatures of models that strangers made: bundles, the statements in them, and public keys.

use std::sync::OnceLock;

use evidence::model_signature::{read_statement, write_statement};
use evidence::{ModelKey, ModelManifest, ModelSignature};

use crate::base::Taker;
use crate::receipts::altered;

const P256: &[u8] = include_bytes!("../../evidence/tests/model_signatures/p256.sig");
const P384: &[u8] = include_bytes!("../../evidence/tests/model_signatures/p384.sig");
const LINKS: &[u8] = include_bytes!("../../evidence/tests/model_signatures/links.sig");
const ONE_FILE: &[u8] = include_bytes!("../../evidence/tests/model_signatures/one-file.sig");
const NOTHING: &[u8] = include_bytes!("../../evidence/tests/model_signatures/nothing.sig");
const P256_KEY: &[u8] = include_bytes!("../../evidence/tests/model_signatures/p256.pem");
const P384_KEY: &[u8] = include_bytes!("../../evidence/tests/model_signatures/p384.pem");

struct Sound {
    keys: [ModelKey; 2],
    signed: Vec<ModelManifest>,
    statement: String,
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let keys = [P256_KEY, P384_KEY].map(|text| ModelKey::from_pem(text).unwrap());
        let signed = [(P256, &keys[0]), (P384, &keys[1]), (LINKS, &keys[0]), (ONE_FILE, &keys[0]), (NOTHING, &keys[0])];
        let verified = |(text, key)| ModelSignature::parse(text).unwrap().verify(key).unwrap();
        let signed: Vec<ModelManifest> = signed.into_iter().map(verified).collect();
        let statement = write_statement(&signed[0]);
        Sound { keys, signed, statement }
    })
}

/// Signatures of models: of all that is made from a sound one, what its key accepts says the same; a statement that reads names each
/// file once and none outside, and reads as it is written; a key that reads is written as it was.
pub fn model_signatures(bytes: &[u8]) {
    let one = sound();
    signature(one, bytes);
    statement(bytes);
    key(bytes);
    let mut taker = Taker::new(bytes);
    match taker.byte() % 4 {
        0 => signature(one, &altered(P256, &mut taker)),
        1 => signature(one, &altered(P384, &mut taker)),
        2 => statement(&altered(one.statement.as_bytes(), &mut taker)),
        _ => key(&altered(P384_KEY, &mut taker)),
    }
}

fn signature(one: &Sound, bytes: &[u8]) {
    let Ok(read) = ModelSignature::parse(bytes) else { return };
    for manifest in one.keys.iter().filter_map(|key| read.verify(key).ok()) {
        assert!(one.signed.contains(&manifest), "the key has signed these alone, and not {manifest:?}");
    }
}

fn statement(bytes: &[u8]) {
    let Ok(read) = read_statement(bytes) else { return };
    let climbs = |path: &str| path.split('/').any(|name| matches!(name, "" | "." | ".."));
    let paths: Vec<&str> = read.files().iter().map(|file| file.path.as_str()).collect();
    assert!(paths == ["."] || !paths.iter().any(|path| climbs(path) || read.ignores(path)));
    let mut known = paths.clone();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), paths.len());
    assert_eq!(read_statement(write_statement(&read).as_bytes()).unwrap(), read);
}

fn key(bytes: &[u8]) {
    let Ok(read) = ModelKey::from_pem(bytes) else { return };
    let again = ModelKey::from_pem(read.to_pem().as_bytes()).unwrap();
    assert_eq!((again.to_pem(), again.fingerprint()), (read.to_pem(), read.fingerprint()));
}
