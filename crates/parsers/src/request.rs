//! HTTP requests out of bytes.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

/// Is a request as its bytes say: `METHOD PATH`, lines of `name: value`, an empty line, the body.
///
/// Headers that every client sends are there unless the input names them.
pub(crate) fn request(bytes: &[u8], token: &str) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(first.next()?).ok()?;
    let uri = Uri::try_from(first.next()?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    let bearer = format!("Bearer {token}");
    let usual = [
        (header::HOST, "127.0.0.1"),
        (header::AUTHORIZATION, bearer.as_str()),
        (header::CONTENT_TYPE, "application/json"),
        (header::ACCEPT, "application/json, text/event-stream"),
    ];
    for (name, value) in usual {
        headers.entry(name).or_insert(HeaderValue::from_str(value).unwrap());
    }
    let mut request = Request::new(Body::from(body.to_vec()));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
    Some(request)
}

/// Says whether the hosts and origins of a request are those that may pass, told from the words alone.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    let plain = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
            let port = text.strip_prefix(name);
            port.is_some_and(|port| {
                port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()))
            })
        })
    };
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(plain)
}
