//! What an authority answers: `TimeStampResp` (RFC 3161 §2.4.2).

use der::Tag;
use types::text;

use super::der::Elements;
use super::error::TimestampError;
use super::token::BYTES_MAX;

const WHAT: &str = "the response";

/// Is the most of an authority's own words that is shown, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// Returns the token in a response, byte for byte, if the request was granted; nothing is verified yet.
///
/// # Errors
///
/// [`TimestampError::NotGranted`], or that the response is malformed or larger than [`BYTES_MAX`].
pub fn token_in(response: &[u8]) -> Result<&[u8], TimestampError> {
    if response.len() > BYTES_MAX {
        return Err(TimestampError::TooLarge(WHAT));
    }
    let mut whole = Elements::of(response, WHAT)?;
    let mut inside = whole.inside(Tag::Sequence, WHAT)?;
    whole.done(WHAT)?;
    let mut info = inside.inside(Tag::Sequence, WHAT)?;
    let status = info.small(WHAT)?;
    // 0 is granted, 1 granted with modifications.
    if status > 1 {
        return Err(TimestampError::NotGranted { status, text: said(&mut info)? });
    }
    let token = inside.one(Tag::Sequence, WHAT)?.whole;
    inside.done(WHAT)?;
    Ok(token)
}

/// Returns what the authority says of its refusal.
fn said(info: &mut Elements<'_>) -> Result<Option<String>, TimestampError> {
    let Some(texts) = info.maybe(Tag::Sequence, WHAT)? else { return Ok(None) };
    let first = Elements::of(texts.value, WHAT)?.one(Tag::Utf8String, WHAT)?;
    let bytes = first.value.get(..TEXT_BYTES_MAX).unwrap_or(first.value);
    Ok(Some(text::escape(&String::from_utf8_lossy(bytes), false)))
}
