//! The upstream: an MCP server over HTTP that books what it does, and often does not say so.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use turmoil::net::TcpListener;

use crate::road::dice::Dice;
use crate::road::rules;
use crate::road::upstream::Fate;

use super::outgoing::DEPARTURE;
use super::scene::Scene;

/// Is where it listens, as the bundle names it.
pub const URL: &str = "http://box:9000/mcp";

const SESSION: &str = "mcp-session-id";

/// Says what becomes of a tool call; the weights are those of a run in which things go wrong, and of a calm one.
const FATES: [(Fate, u64, u64); 9] = [
    (Fate::Done, 60, 90),
    (Fate::Failed, 5, 5),
    (Fate::Error, 4, 5),
    (Fate::TurnedAway, 4, 0),
    (Fate::LostAfter, 7, 0),
    (Fate::LostBefore, 5, 0),
    (Fate::LostAndLate, 4, 0),
    (Fate::TimeoutAfter, 4, 0),
    (Fate::Garbled, 3, 0),
];

type Answer = io::Result<Response<Full<Bytes>>>;

/// Is one life of the server; what it has done is in the book, which outlives it.
struct Server {
    scene: Arc<Scene>,
    dice: Arc<Mutex<Dice>>,
    sessions: Mutex<BTreeSet<String>>,
}

/// Runs the server until its host ends.
///
/// # Errors
///
/// What the simulated network says.
pub async fn serve(scene: Arc<Scene>, dice: Arc<Mutex<Dice>>) -> turmoil::Result {
    let listener = TcpListener::bind("0.0.0.0:9000").await?;
    let server = Arc::new(Server { scene, dice, sessions: Mutex::default() });
    loop {
        let (stream, _) = listener.accept().await?;
        let server = server.clone();
        let service = service_fn(move |request| server.clone().answer(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A connection that broke has said so to the other side.
        tokio::spawn(async move { drop(connection.await) });
    }
}

fn plain(status: StatusCode) -> Answer {
    Ok(Response::builder().status(status).body(Full::default()).unwrap())
}

fn json_answer(message: &Value) -> Answer {
    let body = Full::new(Bytes::from(message.to_string()));
    Ok(Response::builder().header("content-type", "application/json").body(body).unwrap())
}

fn stream_answer(message: &Value) -> Answer {
    let body = Full::new(Bytes::from(format!("event: message\ndata: {message}\n\n")));
    Ok(Response::builder().header("content-type", "text/event-stream").body(body).unwrap())
}

fn lost() -> Answer {
    Err(io::Error::from(io::ErrorKind::ConnectionAborted))
}

async fn pause(ms: usize) {
    tokio::time::sleep(Duration::from_millis(ms as u64)).await;
}

impl Server {
    fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.dice.lock().unwrap())
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let session = head.headers.get(SESSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match head.method {
            Method::POST => {}
            Method::DELETE => return plain(StatusCode::OK),
            _ => return plain(StatusCode::METHOD_NOT_ALLOWED),
        }
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let Ok(message) = serde_json::from_slice::<Value>(&bytes) else { return plain(StatusCode::BAD_REQUEST) };
        let place = head.headers.get(DEPARTURE).and_then(|value| value.to_str().ok()?.parse().ok());
        self.message(session, &message, place).await
    }

    async fn message(self: Arc<Self>, session: Option<String>, message: &Value, place: Option<usize>) -> Answer {
        let id = &message["id"];
        let method = message["method"].as_str().unwrap_or_default();
        if method == "initialize" {
            return self.greet(id);
        }
        if method == "server/discover" {
            let error = json!({ "code": -32601, "message": "no such method" });
            return json_answer(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        }
        if !session.is_some_and(|session| self.sessions.lock().unwrap().contains(&session)) {
            self.settle(place, Fate::TurnedAway);
            return plain(StatusCode::NOT_FOUND);
        }
        match (method, place) {
            ("tools/list", _) => json_answer(&json!({ "jsonrpc": "2.0", "id": id, "result": { "tools": tools() } })),
            ("tools/call", Some(place)) => self.call(id.clone(), place).await,
            _ => plain(StatusCode::ACCEPTED),
        }
    }

    fn greet(&self, id: &Value) -> Answer {
        let session = format!("s{:016x}", self.draw(Dice::draw));
        self.sessions.lock().unwrap().insert(session.clone());
        let hello: Value = serde_json::from_str(rules::HELLO).unwrap();
        let mut response = json_answer(&json!({ "jsonrpc": "2.0", "id": id, "result": hello }))?;
        response.headers_mut().insert(SESSION, session.parse().unwrap());
        Ok(response)
    }

    fn settle(&self, place: Option<usize>, fate: Fate) {
        let Some(place) = place else { return };
        let mut book = self.scene.book();
        let size = book.size();
        book.arrivals[place].fate = Some((fate, size));
        drop(book);
        self.scene.count("fates", format!("{fate:?}"));
    }

    /// Does a tool call, in a task of its own half the time, so that it goes on without whoever asked.
    async fn call(self: Arc<Self>, id: Value, place: usize) -> Answer {
        let weights = FATES.map(|(_, wild, calm)| if self.scene.calm { calm } else { wild });
        let (fate, alone) = self.draw(|dice| (FATES[dice.weighted(&weights)].0, dice.chance(50)));
        self.scene.count("arrivals", if alone { "goes on alone" } else { "ends with its client" });
        if !alone {
            return self.act(id, place, fate).await;
        }
        tokio::spawn(async move { self.act(id, place, fate).await }).await.map_err(io::Error::other)?
    }

    async fn act(self: Arc<Self>, id: Value, place: usize, fate: Fate) -> Answer {
        let (before, after, streams) = self.draw(|dice| (delay(dice), delay(dice), dice.chance(30)));
        let dies = !self.scene.calm && self.draw(|dice| dice.chance(2));
        let dies_after = self.draw(|dice| dice.chance(50));
        pause(before).await;
        if dies && !dies_after {
            return self.die("before its effect").await;
        }
        if matches!(fate, Fate::Done | Fate::LostAfter | Fate::TimeoutAfter | Fate::Garbled) {
            self.scene.book().effect(place);
        }
        if dies {
            return self.die("after its effect").await;
        }
        pause(after).await;
        self.settle(Some(place), fate);
        let message = |member: &str, value: Value| json!({ "jsonrpc": "2.0", "id": id, member: value });
        let done = match fate {
            Fate::Done => message("result", json!({ "content": [] })),
            Fate::Failed => message("result", json!({ "content": [], "isError": true })),
            Fate::Error => message("error", json!({ "code": -32603, "message": "it broke" })),
            Fate::TurnedAway => return plain(StatusCode::TOO_MANY_REQUESTS),
            Fate::LostBefore => return plain(StatusCode::SERVICE_UNAVAILABLE),
            Fate::Garbled => json!({ "what": "is this" }),
            Fate::LostAndLate => {
                tokio::spawn(async move {
                    pause(3_000).await;
                    self.scene.book().effect(place);
                });
                return lost();
            }
            Fate::TimeoutAfter => {
                pause(60_000).await;
                return lost();
            }
            _ => return lost(),
        };
        if streams { stream_answer(&done) } else { json_answer(&done) }
    }

    /// Ends the host; nothing of it goes on.
    async fn die(&self, when: &str) -> Answer {
        self.scene.count("upstream ends", when);
        self.scene.doom();
        std::future::pending().await
    }
}

fn delay(dice: &mut Dice) -> usize {
    let most = [20, 300, 2_500][dice.weighted(&[5, 4, 2])];
    dice.below(most)
}

fn tools() -> Vec<Value> {
    rules::TOOLS.iter().map(|tool| serde_json::from_str(&rules::listed(tool, 1)).unwrap()).collect()
}
