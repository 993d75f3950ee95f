//! COSE receipts (RFC 9942): that a record is in the log, as one signed CBOR object of a few hundred bytes.
//!
//! A receipt is a `COSE_Sign1` over the root of the tree, which is not in it: whoever checks it computes the root from the
//! record and the proof, so that a signature that verifies says that the record is there. It is signed by the statement
//! key, never by the log's own. The bytes are deterministic, and what is not written as here is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::data::Tag;
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use tlog::hash::{Hash, leaf_hash};
use tlog::key::{Algorithm, SignerKey, VerifierKey};
use tlog::proof::{ProofError, inclusion_root};
use types::{Code, cbor};

use crate::logged::{Logged, PATH_MAX};

// RFC 9052 sections 2 and 3.1: the tag of COSE_Sign1, and the labels of algorithm and key.
const SIGN1_TAG: u64 = 18;
const ALGORITHM: i64 = 1;
const KEY_ID: i64 = 4;
/// RFC 9053 section 2.2. The newer -19 of RFC 9864 says the same, but fewer verifiers know it.
const EDDSA: i64 = -8;
// RFC 9597 and RFC 8392: claims in a header, and those that RFC 9943 section 6 asks of a receipt.
const CLAIMS: i64 = 15;
const ISSUER: i64 = 1;
const SUBJECT: i64 = 2;
// RFC 9942 section 2: the kind of tree, the proofs, and among them the inclusion proofs.
const TREE: i64 = 395;
const RFC9162_SHA256: i64 = 1;
const PROOFS: i64 = 396;
const INCLUSION: i64 = -1;
/// Our own label: size and index. RFC 9942 signs the root alone, to which the same path also leads from other places in
/// trees of other sizes.
const PLACE: &str = "countersign.place";

/// Is the length of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// Is the largest receipt that is read, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 8_192;

/// Is a receipt as it was read or signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoseReceipt {
    protected: Vec<u8>,
    claims: Protected,
    proof: Proof,
    signature: [u8; SIGNATURE_BYTES],
}

/// Is what a receipt says under its signature, besides the root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Protected {
    key_id: Vec<u8>,
    issuer: String,
    subject: String,
    size: u64,
    index: u64,
}

/// Is the inclusion proof, whose hashes need no signature: others lead to another root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proof {
    size: u64,
    index: u64,
    path: Vec<Hash>,
}

/// Says why a receipt cannot be made, or is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// The key is not an Ed25519 key.
    #[error("receipts are signed with Ed25519, and the key `{0}` is another")]
    Algorithm(String),
    /// The receipt is larger than [`RECEIPT_BYTES_MAX`].
    #[error("a receipt of {0} bytes is larger than {RECEIPT_BYTES_MAX}")]
    TooLarge(usize),
    /// The bytes are not the one encoding of a receipt as this program writes them.
    #[error("not a COSE receipt: {0}")]
    Form(#[from] cbor::CborError),
    /// The proof cannot lead from any leaf to a root.
    #[error("the inclusion proof: {0}")]
    Proof(#[from] ProofError),
    /// The signature is not the key's, or not over the root that the record leads to.
    #[error("the signature is not by `{0}` over a tree that holds this record")]
    Signature(String),
    /// The record is not the one the receipt names.
    #[error("the receipt is about `{named}`, the record is `{found}`")]
    Subject {
        /// The subject under the signature.
        named: String,
        /// What the record is.
        found: String,
    },
    /// The record is not a leaf of this schema.
    #[error("the record: {0}")]
    Leaf(#[from] crate::leaf::LeafError),
}

impl CoseError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Algorithm(_) => Code::KeysUnusable,
            _ => Code::EvidenceBroken,
        }
    }
}

impl CoseReceipt {
    /// Signs that the log holds a record.
    ///
    /// # Errors
    ///
    /// [`CoseError::Algorithm`] if the key is not an Ed25519 key; [`CoseError::Leaf`] if the record is not of this schema.
    pub fn sign(logged: &Logged, key: &SignerKey) -> Result<Self, CoseError> {
        check_key(key.verifier())?;
        let checkpoint = logged.checkpoint();
        let claims = Protected {
            key_id: key_id(key.verifier()).into_bytes(),
            issuer: checkpoint.origin.clone(),
            subject: subject(logged.leaf())?,
            size: checkpoint.size,
            index: logged.index(),
        };
        let protected = cbor::encode(&claims);
        let signature = key.sign(&to_be_signed(&protected, &checkpoint.root));
        let signature = signature.try_into().map_err(|_| CoseError::Algorithm(key.verifier().name().to_owned()))?;
        let proof = Proof { size: checkpoint.size, index: logged.index(), path: logged.path().to_vec() };
        Ok(Self { protected, claims, proof, signature })
    }

    /// Returns the bytes of the receipt.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads a receipt strictly; nothing of it is verified by being read.
    ///
    /// # Errors
    ///
    /// [`CoseError::TooLarge`] or [`CoseError::Form`]. No others.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoseError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(CoseError::TooLarge(bytes.len()));
        }
        Ok(cbor::decode(bytes)?)
    }

    /// Verifies that the key's holder says of this very record that the log holds it, and returns the tree's root.
    ///
    /// - `leaf`: the record's exact bytes.
    ///
    /// # Errors
    ///
    /// [`CoseError`], as described there, but for those of form.
    pub fn verify(&self, leaf: &[u8], key: &VerifierKey) -> Result<Hash, CoseError> {
        check_key(key)?;
        let root = inclusion_root(&leaf_hash(leaf), self.proof.index, self.proof.size, &self.proof.path)?;
        if !key.verifies(&to_be_signed(&self.protected, &root), &self.signature) {
            return Err(CoseError::Signature(key.name().to_owned()));
        }
        let found = subject(leaf)?;
        if found != self.claims.subject {
            return Err(CoseError::Subject { named: self.claims.subject.clone(), found });
        }
        Ok(root)
    }

    /// Returns the origin of the log, as the receipt says it.
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// Returns what the receipt is about: the id of an action, or of a record that belongs to none.
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// Returns the record's index and the size of the tree.
    pub fn place(&self) -> (u64, u64) {
        (self.proof.index, self.proof.size)
    }
}

/// Names a key as receipts and statements do: `NAME+ID`, a hint for whoever holds several.
pub fn key_id(key: &VerifierKey) -> String {
    format!("{}+{}", key.name(), key.id())
}

/// Prints an Ed25519 public key as PEM (RFC 8410, without the last line's end), for programs that know no verifier keys.
pub fn public_pem(key: &VerifierKey) -> String {
    // SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes }
    const INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let info = STANDARD.encode([&INFO, key.public_key()].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----")
}

fn check_key(key: &VerifierKey) -> Result<(), CoseError> {
    if key.algorithm() == Algorithm::Ed25519 { Ok(()) } else { Err(CoseError::Algorithm(key.name().to_owned())) }
}

/// Names what a record is about.
fn subject(leaf: &[u8]) -> Result<String, CoseError> {
    let leaf = crate::leaf::Leaf::from_bytes(leaf)?;
    Ok(leaf.action.map_or_else(|| leaf.record.to_string(), |action| action.to_string()))
}

/// Encodes what is signed (RFC 9052 section 4.4): no data from outside, and the root as the payload.
fn to_be_signed(protected: &[u8], root: &Hash) -> Vec<u8> {
    struct ToBeSigned<'a>(&'a [u8], &'a Hash);
    impl Encode<()> for ToBeSigned<'_> {
        fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut ()) -> Result<(), EncodeError<W::Error>> {
            e.array(4)?.str("Signature1")?.bytes(self.0)?.bytes(&[])?.bytes(&self.1.0)?.ok()
        }
    }
    cbor::encode(&ToBeSigned(protected, root))
}

impl<C> Encode<C> for Protected {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.map(5)?.i64(ALGORITHM)?.i64(EDDSA)?.i64(KEY_ID)?.bytes(&self.key_id)?;
        e.i64(CLAIMS)?.map(2)?.i64(ISSUER)?.str(&self.issuer)?.i64(SUBJECT)?.str(&self.subject)?;
        e.i64(TREE)?.i64(RFC9162_SHA256)?.str(PLACE)?.array(2)?.u64(self.size)?.u64(self.index)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Protected {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        map(d, 5)?;
        number(d, ALGORITHM)?;
        number(d, EDDSA)?;
        number(d, KEY_ID)?;
        let key_id = d.bytes()?.to_vec();
        number(d, CLAIMS)?;
        map(d, 2)?;
        number(d, ISSUER)?;
        let issuer = d.str()?.to_owned();
        number(d, SUBJECT)?;
        let subject = d.str()?.to_owned();
        number(d, TREE)?;
        number(d, RFC9162_SHA256)?;
        if d.str()? != PLACE {
            return Err(DecodeError::message("the place in the log is not signed"));
        }
        array(d, 2)?;
        Ok(Self { key_id, issuer, subject, size: d.u64()?, index: d.u64()? })
    }
}

impl<C> Encode<C> for Proof {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(3)?.u64(self.size)?.u64(self.index)?.array(self.path.len() as u64)?;
        self.path.iter().try_for_each(|hash| e.bytes(&hash.0).map(|_| ()))
    }
}

impl<'b, C> Decode<'b, C> for Proof {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        array(d, 3)?;
        let (size, index) = (d.u64()?, d.u64()?);
        let hashes = d.array()?.filter(|hashes| *hashes <= PATH_MAX as u64);
        let hashes = hashes.ok_or_else(|| DecodeError::message("the path is not a list of at most 64 hashes"))?;
        let path = (0..hashes).map(|_| Hash::try_from(d.bytes()?).map_err(DecodeError::message));
        let path = path.collect::<Result<_, _>>()?;
        Ok(Self { size, index, path })
    }
}

impl<C> Encode<C> for CoseReceipt {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.tag(Tag::new(SIGN1_TAG))?.array(4)?.bytes(&self.protected)?;
        e.map(1)?.i64(PROOFS)?.map(1)?.i64(INCLUSION)?.array(1)?.bytes(&cbor::encode(&self.proof))?;
        // The payload is detached: the root is computed, never believed.
        e.null()?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for CoseReceipt {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        if d.tag()? != Tag::new(SIGN1_TAG) {
            return Err(DecodeError::message("it is not a COSE_Sign1"));
        }
        array(d, 4)?;
        let protected = d.bytes()?.to_vec();
        let claims: Protected = cbor::decode(&protected).map_err(DecodeError::message)?;
        map(d, 1)?;
        number(d, PROOFS)?;
        map(d, 1)?;
        number(d, INCLUSION)?;
        array(d, 1)?;
        let proof: Proof = cbor::decode(d.bytes()?).map_err(DecodeError::message)?;
        if (proof.size, proof.index) != (claims.size, claims.index) {
            return Err(DecodeError::message("the proof is of another place than the one that is signed"));
        }
        d.null()?;
        let signature = d.bytes()?.try_into().map_err(|_| DecodeError::message("the signature has not 64 bytes"))?;
        Ok(Self { protected, claims, proof, signature })
    }
}

fn number(d: &mut Decoder<'_>, expected: i64) -> Result<(), DecodeError> {
    let found = d.i64()?;
    if found == expected { Ok(()) } else { Err(DecodeError::message(format!("{found} stands where {expected} must"))) }
}

fn array(d: &mut Decoder<'_>, length: u64) -> Result<(), DecodeError> {
    if d.array()? == Some(length) { Ok(()) } else { Err(DecodeError::message(format!("no array of {length}"))) }
}

fn map(d: &mut Decoder<'_>, length: u64) -> Result<(), DecodeError> {
    if d.map()? == Some(length) { Ok(()) } else { Err(DecodeError::message(format!("no map of {length}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logged::tests::{leaf, logged};

    fn key() -> SignerKey {
        SignerKey::ed25519("log.example/1/statement", &[3; 32]).unwrap()
    }

    #[test]
    fn a_receipt_reads_back_and_leads_to_the_root() {
        for (index, size) in [(0, 1), (5, 13), (12, 13), (64, 130)] {
            let logged = logged(index, size);
            let receipt = CoseReceipt::sign(&logged, &key()).unwrap();
            let read = CoseReceipt::from_bytes(&receipt.to_bytes()).unwrap();
            assert_eq!(read, receipt);
            assert_eq!(read.verify(logged.leaf(), key().verifier()), Ok(logged.checkpoint().root));
            assert_eq!((read.issuer(), read.place()), ("log.example/1", (index, size.into())));
            assert_eq!(read.subject(), leaf(index as u8).action.unwrap().to_string());
        }
    }

    #[test]
    fn the_same_record_and_key_give_the_same_bytes() {
        let bytes = CoseReceipt::sign(&logged(5, 13), &key()).unwrap().to_bytes();
        assert_eq!(bytes, CoseReceipt::sign(&logged(5, 13), &key()).unwrap().to_bytes());
        // Tag 18, four parts, and the signed header begins with the algorithm.
        assert!(bytes.starts_with(&[0xd2, 0x84, 0x58]) && bytes[4..8] == [0xa5, 0x01, 0x27, 0x04], "{bytes:02x?}");
        assert!(bytes.len() < 420, "{} bytes", bytes.len());
    }

    #[test]
    fn another_record_or_key_is_refused() {
        let receipt = CoseReceipt::sign(&logged(5, 13), &key()).unwrap();
        let by = |leaf: &[u8], key: &SignerKey| receipt.verify(leaf, key.verifier());
        assert!(matches!(by(&leaf(6).to_bytes(), &key()), Err(CoseError::Signature(_))));
        let other = SignerKey::ed25519("log.example/1/statement", &[4; 32]).unwrap();
        assert!(matches!(by(&leaf(5).to_bytes(), &other), Err(CoseError::Signature(_))));
        // The log's key signs checkpoints; it is not the key of receipts, whoever holds both.
        let log = crate::logged::tests::log_key();
        assert!(matches!(by(&leaf(5).to_bytes(), &log), Err(CoseError::Signature(_))));
    }

    #[test]
    fn a_receipt_about_another_subject_is_refused() {
        let logged = logged(5, 13);
        let mut receipt = CoseReceipt::sign(&logged, &key()).unwrap();
        receipt.claims.subject = "act_somebody_elses".into();
        receipt.protected = cbor::encode(&receipt.claims);
        let signature = key().sign(&to_be_signed(&receipt.protected, &logged.checkpoint().root));
        receipt.signature = signature.try_into().unwrap();
        let refused = receipt.verify(logged.leaf(), key().verifier());
        assert!(matches!(refused, Err(CoseError::Subject { .. })), "{refused:?}");
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let logged = logged(5, 13);
        let bytes = CoseReceipt::sign(&logged, &key()).unwrap().to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                let read = CoseReceipt::from_bytes(&altered).and_then(|r| r.verify(logged.leaf(), key().verifier()));
                assert!(read.is_err(), "bit {bit} of byte {at}");
            }
        }
        for cut in 0..bytes.len() {
            assert!(CoseReceipt::from_bytes(&bytes[..cut]).is_err(), "cut to {cut}");
        }
    }

    #[test]
    fn what_is_no_receipt_of_ours_is_refused_by_form() {
        let bytes = CoseReceipt::sign(&logged(5, 13), &key()).unwrap().to_bytes();
        let form = |bytes: &[u8]| matches!(CoseReceipt::from_bytes(bytes), Err(CoseError::Form(_)));
        assert!(form(&[bytes.as_slice(), &[0]].concat()), "a byte behind it");
        assert!(form(&bytes[1..]), "no tag");
        let longer = [&[0xd2, 0x98, 4], &bytes[2..]].concat();
        assert!(form(&longer), "a number in a longer form");
        assert_eq!(CoseReceipt::from_bytes(&vec![0; 9_000]), Err(CoseError::TooLarge(9_000)));
    }
}
