//! The commands, one function each.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tlog::witness_request::REQUEST_LEN_MAX;
use tlog::{CosignerKey, VerifierKey};
use types::Code;

use crate::failure::Failure;
use crate::files;
use crate::folder::{self, Enrolment, Folder};
use crate::http::Server;
use crate::output;
use crate::witness::{Unanswered, Witness};

/// Makes a witness with new keys, and prints its verifier keys.
///
/// # Errors
///
/// Those of [`Folder::init`].
pub fn init(dir: &Path, name: &str) -> Result<(), Failure> {
    print_keys(&Folder::init(dir, name)?)
}

/// Prints the witness's verifier keys.
///
/// # Errors
///
/// Those of [`Folder::open`] and [`Folder::keys`].
pub fn keys(dir: &Path) -> Result<(), Failure> {
    print_keys(&folder::keys(dir)?)
}

fn print_keys(keys: &[CosignerKey]) -> Result<(), Failure> {
    print(&keys.iter().map(|key| format!("{}\n", key.verifier())).collect::<String>())
}

fn print(text: &str) -> Result<(), Failure> {
    output::say(text).map_err(|error| Failure::file(Path::new("standard output"), error))
}

/// Enrols a log, or one more key of it.
///
/// # Errors
///
/// `usage-invalid` if the key cannot be read; those of [`Folder::open`] and [`Folder::enrol`].
pub fn add_log(dir: &Path, key: &str) -> Result<(), Failure> {
    let key: VerifierKey = key.parse().map_err(|error| Failure::usage(format!("the key cannot be used: {error}")))?;
    let name = key.name();
    output::remark(&match Folder::open(dir)?.enrol(&key)? {
        Enrolment::Log => format!("`{name}` is enrolled; nothing of it was cosigned yet"),
        Enrolment::Key => format!("`{name}` has one more key"),
        Enrolment::Nothing => format!("`{name}` is enrolled with this key already"),
    });
    Ok(())
}

/// Cosigns the checkpoint of a request that came as a file, and prints the cosignatures.
///
/// # Errors
///
/// Those of [`Folder::open`] and [`Witness::open`]; `file-unusable` if the file cannot be read; the code of the refusal.
pub fn cosign(dir: &Path, request: &Path) -> Result<(), Failure> {
    let witness = Witness::open(Folder::open(dir)?)?;
    let body =
        files::read(request, REQUEST_LEN_MAX).map_err(|error| Failure { exit: 2, ..Failure::file(request, error) })?;
    let lines = witness.answer(&body).map_err(|unanswered| match unanswered {
        Unanswered::Refused(refusal) => refusal.into(),
        Unanswered::NotStored(path, error) => Failure::file(&path, error),
        Unanswered::NotCosigned(error) => Failure::failed(Code::Internal, error.to_string()),
    })?;
    print(&lines)
}

/// Answers requests until the process is told to end, and prints where.
///
/// # Errors
///
/// Those of [`Folder::open`] and [`Witness::open`]; `address-unusable` if the address cannot be listened on; `internal`.
pub fn serve(dir: &Path, listen: SocketAddr, timeout_s: u64) -> Result<(), Failure> {
    let witness = Arc::new(Witness::open(Folder::open(dir)?)?);
    output::remark(&format!("logs enrolled: {}", witness.log_count()));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::failed(Code::Internal, error.to_string()))?;
    runtime.block_on(async {
        let server = Server::bind(listen, witness, Duration::from_secs(timeout_s)).await?;
        print(&format!("http://{}\n", server.address()))?;
        server.run().await;
        Ok(())
    })
}
