//! A server in the memory of this process: what a simulation puts in the place of a pipe or a network.

use std::future::Future;
use std::pin::Pin;

use types::jsonrpc::Frame;

use super::error::CallError;

/// Is the answer of a [`Peer`], once it comes.
pub type Answering = Pin<Box<dyn Future<Output = Result<Frame, CallError>> + Send>>;

/// Answers requests in the memory of this process.
pub trait Peer: Send + Sync + 'static {
    /// Takes a request, which has left us with this call, and answers it in its own time.
    fn call(&self, request: Frame) -> Answering;
}
