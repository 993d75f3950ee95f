//! Wire compatibility with MLflow's tracking and registry interface, as far as it is not storage.
//!
//! A stock MLflow client (3.17.2) sends filters, orders, names and page tokens, and reads the server's error texts.
//! This crate parses what it sends into typed terms and refuses the rest in MLflow's own words: [`search`] reads
//! filters, [`order`] reads `order_by`, [`names`] checks names, values and parameters, [`page`] reads page tokens and
//! page sizes, [`source`] judges where a model version says its files are. [`otlp`] reads the spans of traces as they are sent, and [`spans`] says what is
//! kept of them. The stores run the terms; what they mean on data is theirs. [`diagnosis`] sets what a
//! client has logged of one run beside what it has logged of others, [`feature`] says what a definition of a feature is, [`feast`] reads them from Feast, [`skew`] compares
//! training with serving, [`imports`] reads what other servers keep, [`recipe`] says what a model was made with, and [`data`] whether a file of data
//! is as expected; these are ours, not MLflow's.
//!
//! Nothing here reads a clock, a file or the environment, and no number of a request becomes a float: number literals stay texts, and a float on the wire is written down as it is met.
//! [`diagnosis`], [`skew`], [`recipe`] and [`data`] compare doubles, and let none out.
//! The texts are the contract of `mlflow` 3.17.2, observed from that release; `acceptance/mlflow/vectors.py` writes
//! down what the release answers, and a test replays all of it here.

pub mod artifact;
pub mod data;
pub mod diagnosis;
pub mod environment;
pub mod feast;
pub mod feature;
pub mod given;
pub mod imports;
pub mod names;
pub mod order;
pub mod otlp;
pub mod page;
mod python;
pub mod recipe;
mod refusal;
pub mod search;
pub mod skew;
pub mod source;
pub mod spans;

pub use given::Given;
pub use refusal::{INVALID_PARAMETER_VALUE, Refusal};
