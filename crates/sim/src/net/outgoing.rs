//! The gateway's way to its upstream: the port that the product has for it, over the simulated network.

use std::sync::Arc;
use std::time::Duration;

use connectors::mcp::{CallError, Network, Sending};
use http::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::{Body, Request, Response};
use serde_json::Value;

use crate::road::upstream::{Arrival, Fate};

use super::agent::CALL;
use super::scene::Scene;
use super::wire::Connector;

/// Names the header that tells the upstream which departure has reached it.
pub const DEPARTURE: &str = "x-departure";

/// Carries requests as the machine's network does, pool and replaced connections included, and writes down what leaves.
pub struct Outgoing {
    client: Client<Connector, Body>,
    scene: Arc<Scene>,
}

impl Outgoing {
    /// Makes the network of one life of the gateway.
    pub fn new(scene: &Arc<Scene>) -> Arc<Self> {
        let connector = Connector { from: "gateway", wires: scene.wires.clone() };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(4))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Arc::new(Self { client, scene: scene.clone() })
    }

    /// Writes down a tool call that leaves, and returns its place among all that left.
    fn depart(&self, request: &Request) -> Option<usize> {
        let message: Value = serde_json::from_slice(request.body()?.as_bytes()?).ok()?;
        if message["method"] != "tools/call" {
            return None;
        }
        let mut arguments = message["params"]["arguments"].clone();
        let key = arguments.as_object_mut().and_then(|object| object.remove("key"));
        let mut book = self.scene.book();
        let (moment, size) = (book.tick(), book.size());
        book.arrivals.push(Arrival {
            moment,
            size,
            call: message["params"]["_meta"][CALL].as_u64().unwrap(),
            tool: message["params"]["name"].as_str().unwrap_or_default().to_owned(),
            arguments,
            key: key.and_then(|key| key.as_str().map(str::to_owned)),
            fate: None,
        });
        Some(book.arrivals.len() - 1)
    }
}

impl Network for Outgoing {
    fn send(&self, mut request: Request) -> Sending {
        let departure = self.depart(&request);
        if let Some(place) = departure {
            request.headers_mut().insert(DEPARTURE, HeaderValue::from(place));
        }
        let (client, scene) = (self.client.clone(), self.scene.clone());
        Box::pin(async move {
            let request: http::Request<Body> = request.try_into().map_err(|_| unsent("it is no request"))?;
            match client.request(request).await {
                Ok(response) => Ok(Response::from(response.map(Body::wrap))),
                Err(error) if error.is_connect() => {
                    if let Some(place) = departure {
                        let mut book = scene.book();
                        let size = book.size();
                        book.arrivals[place].fate = Some((Fate::Closed, size));
                    }
                    Err(unsent(&error.to_string()))
                }
                Err(error) => Err(CallError::Unknown(error.to_string())),
            }
        })
    }
}

fn unsent(why: &str) -> CallError {
    CallError::NotSent(why.to_owned())
}
