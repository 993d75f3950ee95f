//! A transparency log's data structures: Merkle tree, proofs, signed notes, checkpoints, tiles, and witnessing.
//!
//! The hashing is RFC 6962 section 2.1 with SHA-256. The formats are those of C2SP: `signed-note` v1.0.0,
//! `tlog-checkpoint` v1.0.0, `tlog-tiles` v0.1.0, `tlog-cosignature` v1.1.0 (Ed25519 and ML-DSA-44), `tlog-witness`
//! v1.0.0, `tlog-proof` and `tlog-policy`, so that verifiers written elsewhere accept what is written here. Nothing in this crate reads files, a clock or random bytes: whoever calls it passes
//! bytes in and gets bytes out, and no input makes it panic.

pub mod bundle;
pub mod check;
pub mod checkpoint;
pub mod cosignature;
pub mod cosigner;
pub mod frontier;
pub mod hash;
pub mod key;
pub mod log_proof;
mod ml_dsa_key;
pub mod note;
pub mod policy_text;
pub mod proof;
pub mod prove;
pub mod tile;
pub mod tile_reader;
pub mod trust_policy;
pub mod witness;
pub mod witness_request;

pub use bundle::{BundleError, decode_bundle, encode_bundle};
pub use check::{CheckError, check_tree, check_tree_with};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{Cosignature, cosignatures};
pub use cosigner::{CosignError, CosignerKey};
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashError, empty_root, leaf_hash, merkle_root, node_hash};
pub use key::{Algorithm, KeyError, KeyId, SignerKey, VerifierKey};
pub use log_proof::{LogProof, LogProofError, write_log_proof};
pub use note::{Note, NoteError, NoteSignature, Verified};
pub use policy_text::{PolicyError, PolicyFault};
pub use proof::{ProofError, inclusion_root, verify_consistency, verify_inclusion};
pub use prove::{HashReader, ProveError, ReadError, prove_consistency, prove_inclusion, tree_root};
pub use tile::{TileError, TileLevel, TilePath, bundles_between, decode_tile, encode_tile, tile_from, tiles_between};
pub use tile_reader::TileReader;
pub use trust_policy::{Cosigned, TrustError, TrustPolicy, Trusted, Witness};
pub use witness::{Pending, Persisted, Refusal, StateError, WitnessedLog};
pub use witness_request::{AddCheckpoint, RequestError};
