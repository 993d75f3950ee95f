//! Signatures of models in the format of OpenSSF model signing (predicate v1.0), made and verified with keys on P-256 and P-384.
//!
//! A signature is a Sigstore bundle: an in-toto statement in a DSSE envelope, which names every file of a model with its SHA-256, and
//! a digest over those. What stands in it is read strictly, after the key was found to have signed it: a name that means two things to
//! two readers is refused. Certificates, keyless signatures, shards and other hash functions are refused as what they are.

mod bundle;
mod error;
mod key;
mod manifest;
mod payload;

pub use bundle::{MEDIA_TYPE, ModelSignature, SIGNATURE_BYTES_MAX, sign};
pub use error::ModelSignatureError;
pub use key::{ModelKey, ModelSigningKey};
pub use manifest::{Difference, Entry, IsDifferent, ModelFile, ModelManifest, SIGNATURE_FILE, is_within};
pub use payload::{PREDICATE_TYPE, read_statement, write_statement};
