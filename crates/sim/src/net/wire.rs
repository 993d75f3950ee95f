//! Connections over the simulated network, some of which are cut in the middle.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use crate::road::coverage::Coverage;
use crate::road::dice::Dice;

/// Is how long reaching a host may take.
const CONNECT: Duration = Duration::from_secs(4);

/// Says where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// After so many bytes were sent.
    Sending(usize),
    /// After so many bytes were read.
    Reading(usize),
}

/// Draws which connections are cut, and counts those that were.
pub struct Wires(Mutex<(Dice, u64, Coverage)>);

impl Wires {
    /// Begins without any cut.
    pub fn of(dice: Dice) -> Arc<Self> {
        Arc::new(Self(Mutex::new((dice, 0, Coverage::default()))))
    }

    /// Cuts so many of 100 connections from now on.
    pub fn cut(&self, percent: u64) {
        self.0.lock().unwrap().1 = percent;
    }

    /// Returns which cuts there were.
    pub fn coverage(&self) -> Coverage {
        self.0.lock().unwrap().2.clone()
    }

    fn draw(&self) -> Option<Cut> {
        let (dice, percent, _) = &mut *self.0.lock().unwrap();
        if !dice.chance(*percent) {
            return None;
        }
        let bytes = dice.below(1_200);
        Some(if dice.chance(50) { Cut::Sending(bytes) } else { Cut::Reading(bytes) })
    }

    fn count(&self, what: String) {
        self.0.lock().unwrap().2.count("cuts", what);
    }
}

/// Is one connection.
pub struct Wire {
    stream: Option<TcpStream>,
    cut: Option<Cut>,
    from: &'static str,
    wires: Arc<Wires>,
}

impl Wire {
    fn break_off(&mut self, doing: &str) -> io::Error {
        self.wires.count(format!("{} {doing}", self.from));
        // The other side sees the connection's end.
        self.stream = None;
        gone()
    }
}

fn gone() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else { return Poll::Ready(Err(gone())) };
        let Some(Cut::Reading(left)) = &mut this.cut else { return Pin::new(stream).poll_read(cx, buf) };
        let mut part = vec![0; (*left).clamp(1, buf.remaining().max(1))];
        let mut read = ReadBuf::new(&mut part);
        match Pin::new(stream).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) if *left == 0 => Poll::Ready(Err(this.break_off("reading"))),
            Poll::Ready(Ok(())) => {
                *left -= read.filled().len();
                buf.put_slice(read.filled());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else { return Poll::Ready(Err(gone())) };
        match &mut this.cut {
            Some(Cut::Sending(0)) => Poll::Ready(Err(this.break_off("sending"))),
            Some(Cut::Sending(left)) => {
                let part = &bytes[..bytes.len().min(*left)];
                let written = Pin::new(stream).poll_write(cx, part);
                if let Poll::Ready(Ok(count)) = &written {
                    *left -= count;
                }
                written
            }
            _ => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Connects from one host.
#[derive(Clone)]
pub struct Connector {
    /// The host, by name.
    pub from: &'static str,
    /// How connections are cut.
    pub wires: Arc<Wires>,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Wire>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (from, wires) = (self.from, self.wires.clone());
        let to = (uri.host().unwrap_or_default().to_owned(), uri.port_u16().unwrap_or(80));
        Box::pin(async move {
            let connecting = TcpStream::connect((to.0.as_str(), to.1));
            let stream = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
            let cut = wires.draw();
            Ok(TokioIo::new(Wire { stream: Some(stream), cut, from, wires }))
        })
    }
}
