//! The witness over HTTP/1.1: `POST /add-checkpoint`, bounded in size and time, and nothing else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tlog::Refusal;
use tlog::witness_request::REQUEST_LEN_MAX;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use types::Code;
use types::text::escape;

use crate::failure::{self, Failure};
use crate::output;
use crate::witness::{Unanswered, Witness};

const PATH: &str = "/add-checkpoint";
const CONNECTIONS_MAX: usize = 128;
const HEADER_LEN_MAX: usize = 16 << 10;
/// Ends connections whose client sends requests but reads no answers.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(3);

type Answer = Response<Full<Bytes>>;

/// Is a witness that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    door: Arc<Door>,
    told: [Signal; 2],
}

/// Is what each connection needs.
struct Door {
    witness: Arc<Witness>,
    timeout: Duration,
}

impl Server {
    /// Listens on an address.
    ///
    /// - `timeout`: how long a client may take for the head of a request, and again for its body.
    ///
    /// # Errors
    ///
    /// `address-unusable` if the address cannot be listened on; `internal` if signals cannot be waited for.
    pub async fn bind(listen: SocketAddr, witness: Arc<Witness>, timeout: Duration) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(Code::AddressUnusable, format!("{listen} cannot be listened on: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let signals = |kind| signal(kind).map_err(|error| Failure::failed(Code::Internal, error.to_string()));
        let told = [signals(SignalKind::terminate())?, signals(SignalKind::interrupt())?];
        Ok(Self { listener, address, door: Arc::new(Door { witness, timeout }), told })
    }

    /// Returns the address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is told to end; requests that have begun are then answered.
    ///
    /// What goes wrong with one connection ends that connection alone.
    pub async fn run(mut self) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let [terminate, interrupt] = &mut self.told;
        loop {
            tokio::select! {
                accepted = accept(&self.listener, &places) => {
                    if let Some((stream, place)) = accepted {
                        serve_connection(stream, place, self.door.clone(), &graceful);
                    }
                }
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        drop(self.listener);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            output::remark("some connections were still open");
        }
    }
}

/// Waits until there is room for a connection, and takes one.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            output::remark(&format!("a connection cannot be taken: {error}"));
            // Where the process has no file left to open, the next attempt would fail as fast.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

fn serve_connection(stream: TcpStream, place: OwnedSemaphorePermit, door: Arc<Door>, graceful: &GracefulShutdown) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(door.timeout).max_buf_size(HEADER_LEN_MAX);
    let service = service_fn(move |request| answer(door.clone(), request));
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        // How a connection ends concerns its client alone.
        let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
        drop(place);
    });
}

async fn answer(door: Arc<Door>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.uri().path() != PATH {
        return Ok(problem(StatusCode::NOT_FOUND, Code::NotFound, "there is nothing here but `POST /add-checkpoint`"));
    }
    if request.method() != Method::POST {
        let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, Code::RequestInvalid, "the method must be POST");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(answer);
    }
    Ok(match read_body(request, door.timeout).await {
        Ok(body) => cosign(door.witness.clone(), body).await,
        Err(refused) => *refused,
    })
}

async fn read_body(request: Request<Incoming>, timeout: Duration) -> Result<Bytes, Box<Answer>> {
    let refused = |status, code, why| Box::new(problem(status, code, why));
    let too_long = || refused(StatusCode::PAYLOAD_TOO_LARGE, Code::PayloadTooLarge, "the body is longer than 256 KiB");
    if request.body().size_hint().lower() > REQUEST_LEN_MAX as u64 {
        return Err(too_long());
    }
    let body = Limited::new(request.into_body(), REQUEST_LEN_MAX);
    let Ok(read) = tokio::time::timeout(timeout, body.collect()).await else {
        return Err(refused(StatusCode::REQUEST_TIMEOUT, Code::RequestInvalid, "the body did not come in time"));
    };
    read.map(|body| body.to_bytes()).map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_long();
        }
        refused(StatusCode::BAD_REQUEST, Code::RequestInvalid, "the body cannot be read")
    })
}

/// Answers on a thread that may wait for the disk, and goes on though the client has gone.
async fn cosign(witness: Arc<Witness>, body: Bytes) -> Answer {
    match tokio::task::spawn_blocking(move || witness.answer(&body)).await {
        Ok(Ok(lines)) => plain(StatusCode::OK, "text/plain; charset=utf-8", lines),
        Ok(Err(unanswered)) => explain(&unanswered),
        Err(error) => {
            output::remark(&format!("a request ended in a fault: {error}"));
            problem(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "the request ended in a fault")
        }
    }
}

fn explain(unanswered: &Unanswered) -> Answer {
    match unanswered {
        // "The response body MUST consist of the tree size of the latest cosigned checkpoint in decimal"
        Unanswered::Refused(Refusal::Conflict { latest, .. }) => {
            plain(StatusCode::CONFLICT, "text/x.tlog.size", format!("{latest}\n"))
        }
        Unanswered::Refused(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            problem(status, failure::code(refusal), &refusal.to_string())
        }
        Unanswered::NotStored(path, error) => {
            output::remark(&format!("`{}` cannot be written, so its log is stopped: {error}", path.display()));
            let refusal = Refusal::Stopped;
            problem(StatusCode::SERVICE_UNAVAILABLE, failure::code(&refusal), &refusal.to_string())
        }
        Unanswered::NotCosigned(error) => {
            output::remark(&format!("a checkpoint cannot be cosigned: {error}"));
            problem(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "the checkpoint cannot be cosigned")
        }
    }
}

fn problem(status: StatusCode, code: Code, why: &str) -> Answer {
    plain(status, "text/plain; charset=utf-8", format!("error: {}\n code: {code}\n", escape(why, false)))
}

fn plain(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
