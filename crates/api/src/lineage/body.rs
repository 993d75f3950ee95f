//! The body of a request, which may be compressed.

use std::io::Read;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use types::Code;

use crate::problem::Fault;

/// Is the largest body as it is sent, in bytes.
pub(super) const SENT_BYTES_MAX: usize = 16 << 20;

/// Is the largest body once it is not compressed any more, in bytes.
pub(super) const BYTES_MAX: usize = 32 << 20;

/// Returns the text of a body.
pub(super) fn text(headers: &HeaderMap, body: Bytes) -> Result<String, Fault> {
    let bytes = match encoding(headers)? {
        Encoding::None => body.to_vec(),
        Encoding::Gzip => inflated(&body, BYTES_MAX)?,
    };
    String::from_utf8(bytes).map_err(|_| Fault::new(Code::JsonMalformed, "the body is not UTF-8"))
}

enum Encoding {
    None,
    Gzip,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Fault> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let value = values.next().map_or(Ok(""), |value| value.to_str()).unwrap_or("?").trim();
    if values.next().is_none() {
        if value.is_empty() || value.eq_ignore_ascii_case("identity") {
            return Ok(Encoding::None);
        }
        if value.eq_ignore_ascii_case("gzip") {
            return Ok(Encoding::Gzip);
        }
    }
    let fault = Fault::new(Code::EncodingInvalid, "the body may be encoded as `gzip` or not at all");
    Err(fault.status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// Takes a compressed body apart; one that grows beyond the bound is not read to its end.
fn inflated(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let more = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(more).read_to_end(&mut bytes);
    read.map_err(|_| Fault::new(Code::EncodingInvalid, "the body is said to be gzip and is not"))?;
    if bytes.len() > bytes_max {
        let message = format!("the body is too large, at most {bytes_max} bytes are accepted once it is unpacked");
        return Err(Fault::new(Code::PayloadTooLarge, message));
    }
    Ok(bytes)
}
