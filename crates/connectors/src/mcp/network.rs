//! The network that requests to servers over HTTP go over: the one port of a connection that a simulation swaps.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::{Client, Request, Response};

use super::client::causes;
use super::error::CallError;

/// Is a request on its way, until the head of its answer has come.
pub type Sending = Pin<Box<dyn Future<Output = Result<Response, CallError>> + Send>>;

/// Carries HTTP requests: the machine's own network does, unless another one is named.
pub trait Network: Send + Sync + 'static {
    /// Sends a request once.
    ///
    /// The result is [`CallError::NotSent`] only if no connection came about, so that nothing can have arrived, and
    /// [`CallError::Unknown`] for all that fails later. A kept connection that turns out closed before the first byte may be
    /// replaced underneath, which sends nothing twice.
    fn send(&self, request: Request) -> Sending;
}

/// Names the network that a server is reached over; by default it is the machine's own.
#[derive(Clone, Default)]
pub struct Over(pub Option<Arc<dyn Network>>);

impl PartialEq for Over {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Over {}

impl fmt::Debug for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "another network" } else { "the machine's network" })
    }
}

/// Is the machine's own network.
pub(crate) struct Machine(pub(crate) Client);

impl Network for Machine {
    fn send(&self, request: Request) -> Sending {
        let sending = self.0.execute(request);
        Box::pin(async move {
            sending.await.map_err(|error| {
                let never_left = error.is_connect() || error.is_builder();
                let reason = causes(&error.without_url());
                if never_left { CallError::NotSent(reason) } else { CallError::Unknown(reason) }
            })
        })
    }
}
