//! A transparency log's data structures: Merkle tree, proofs, signed notes, checkpoints and tiles.
//!
//! The hashing is RFC 6962 section 2.1 with SHA-256. The formats are those of C2SP: `signed-note` v1.0.0,
//! `tlog-checkpoint` v1.0.0 and `tlog-tiles` v0.1.0, so that verifiers written elsewhere accept what is
//! written here. Nothing in this crate reads files, a clock or random bytes: whoever calls it passes
//! bytes in and gets bytes out, and no input makes it panic.

pub mod bundle;
pub mod check;
pub mod checkpoint;
pub mod frontier;
pub mod hash;
pub mod key;
pub mod note;
pub mod proof;
pub mod prove;
pub mod tile;
pub mod tile_reader;

pub use bundle::{BundleError, decode_bundle, encode_bundle};
pub use check::{CheckError, check_tree, check_tree_with};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashError, empty_root, leaf_hash, merkle_root, node_hash};
pub use key::{Algorithm, KeyError, KeyId, SignerKey, VerifierKey};
pub use note::{Note, NoteError, NoteSignature, Verified};
pub use proof::{ProofError, inclusion_root, verify_consistency, verify_inclusion};
pub use prove::{HashReader, ProveError, ReadError, prove_consistency, prove_inclusion, tree_root};
pub use tile::{TileError, TileLevel, TilePath, bundles_between, decode_tile, encode_tile, tile_from, tiles_between};
pub use tile_reader::TileReader;
