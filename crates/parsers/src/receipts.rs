//! A stranger's receipts: COSE receipts, tlog-proofs, envelopes and statements.

use std::sync::OnceLock;

use evidence::{CoseReceipt, Envelope, Logged, Statement};
use tlog::SignerKey;

use crate::base::Taker;
use crate::evidence::sound;
use crate::log::signer;

struct Sound {
    logged: Logged,
    key: SignerKey,
    cose: Vec<u8>,
    envelope: String,
    statement: String,
}

/// A record in a log, with the receipts of it that hold.
fn receipts_of_one() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let archive = sound();
        let record = &archive.records[1];
        let (leaf, proof) = (record.leaf.clone(), record.proof.clone());
        let logged = Logged::new(leaf, record.index, proof, &archive.checkpoint, signer().verifier()).unwrap();
        let key = SignerKey::ed25519("log.example/statement", &[8; 32]).unwrap();
        let cose = CoseReceipt::sign(&logged, &key).unwrap().to_bytes();
        let statement = Statement::about(&logged).unwrap().to_json();
        let envelope = Envelope::sign(statement.clone().into_bytes(), &key).unwrap().to_json();
        Sound { logged, key, cose, envelope, statement }
    })
}

/// Changes bytes of a receipt that holds, as the input says: where, and by what.
pub(crate) fn altered(whole: &[u8], taker: &mut Taker<'_>) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    while !taker.is_empty() {
        let (at, with) = (usize::from(taker.short()), taker.byte());
        match at.checked_rem(bytes.len()) {
            Some(at) if with > 0 => bytes[at] ^= with,
            Some(at) => bytes.truncate(at),
            None => bytes.push(with),
        }
    }
    bytes
}

/// Receipts of a record: what decodes is the one encoding, and of all that is made from a sound one it alone verifies.
pub fn receipts(bytes: &[u8]) {
    let one = receipts_of_one();
    cose(one, bytes);
    tlog_proof(one, bytes);
    let mut taker = Taker::new(bytes);
    match taker.byte() % 2 {
        0 => cose(one, &altered(&one.cose, &mut taker)),
        _ => tlog_proof(one, &altered(&one.logged.tlog_proof(), &mut taker)),
    }
}

fn cose(one: &Sound, bytes: &[u8]) {
    let Ok(read) = CoseReceipt::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    let verified = read.verify(one.logged.leaf(), one.key.verifier());
    assert_eq!(verified.is_ok(), bytes == one.cose);
    if let Ok(root) = verified {
        assert_eq!(root, one.logged.checkpoint().root);
    }
}

fn tlog_proof(one: &Sound, bytes: &[u8]) {
    if let Ok(read) = Logged::parse(bytes, one.logged.leaf().to_vec(), signer().verifier()) {
        assert_eq!(read.checkpoint(), one.logged.checkpoint(), "the key has signed one checkpoint alone");
        assert_eq!((read.index(), read.path()), (one.logged.index(), one.logged.path()));
    }
}

/// Envelopes and the statements in them: what parses prints and parses as the same, and only what was signed verifies.
pub fn statements(bytes: &[u8]) {
    let one = receipts_of_one();
    envelope(one, bytes);
    statement(one, bytes);
    let mut taker = Taker::new(bytes);
    match taker.byte() % 2 {
        0 => envelope(one, &altered(one.envelope.as_bytes(), &mut taker)),
        _ => statement(one, &altered(one.statement.as_bytes(), &mut taker)),
    }
}

fn envelope(one: &Sound, bytes: &[u8]) {
    let Ok(read) = Envelope::parse(bytes) else { return };
    assert_eq!(Envelope::parse(read.to_json().as_bytes()).unwrap(), read);
    if let Ok(payload) = read.verify(one.key.verifier()) {
        assert_eq!(payload, one.statement.as_bytes());
    }
}

fn statement(one: &Sound, bytes: &[u8]) {
    let Ok(read) = Statement::parse(bytes) else { return };
    assert_eq!(Statement::parse(read.to_json().as_bytes()).unwrap(), read);
    if let Ok(logged) = read.verify(signer().verifier()) {
        // A line by a key that nobody knows may stand in the checkpoint too; all else is what was signed.
        let place = |logged: &Logged| (logged.leaf().to_vec(), logged.index(), logged.checkpoint().clone());
        assert_eq!(place(&logged), place(&one.logged));
    }
}
