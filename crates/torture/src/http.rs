//! A client that says as little as HTTP lets it: one connection, one request at a time.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Is an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
}

/// Returns what stands at a JSON pointer; null where nothing does.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Is one keep-alive connection.
pub struct Client {
    stream: TcpStream,
    address: SocketAddr,
    authorization: String,
}

impl Client {
    /// Connects as the holder of a key; `None` if nobody listens there.
    pub async fn connect(address: SocketAddr, key: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { stream, address, authorization: format!("authorization: Bearer {key}\r\n") })
    }

    /// Sends JSON; `None` if the connection broke: whether the request has arrived is then unknown.
    pub async fn post(&mut self, path: &str, headers: &str, body: &Value) -> Option<()> {
        self.send("POST", path, headers, Some(body)).await
    }

    /// Sends a request, with JSON or without; `None` as [`Client::post`].
    pub async fn send(&mut self, method: &str, path: &str, headers: &str, body: Option<&Value>) -> Option<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.authorization,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.ok()
    }

    /// Reads the answer to what was sent; `None` if not all of it came.
    pub async fn answer(&mut self) -> Option<Answer> {
        let mut bytes = Vec::with_capacity(8 << 10);
        loop {
            if self.stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            match read(&bytes) {
                Read::Whole(answer) => return Some(answer),
                Read::Part => {}
                Read::Unreadable => return None,
            }
        }
    }
}

/// Is what has come so far.
#[derive(Debug, PartialEq)]
enum Read {
    Part,
    Whole(Answer),
    Unreadable,
}

fn read(bytes: &[u8]) -> Read {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Read::Part };
    let (head, body) = bytes.split_at(end + 4);
    let Some((status, length)) = std::str::from_utf8(head).ok().and_then(measures) else { return Read::Unreadable };
    let Some(body) = body.get(..length) else { return Read::Part };
    Read::Whole(Answer { status, body: serde_json::from_slice(body).unwrap_or_default() })
}

/// Reads the status and the length of the body.
fn measures(head: &str) -> Option<(u16, usize)> {
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some((status, length.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_only_as_a_whole() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        for end in 0..whole.len() {
            assert_eq!(read(whole.get(..end).unwrap()), Read::Part, "{end}");
        }
        assert_eq!(read(whole), Read::Whole(Answer { status: 200, body: serde_json::json!({ "a": 1 }) }));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\n"), Read::Unreadable);
    }
}
