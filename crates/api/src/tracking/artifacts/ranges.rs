//! `Range`: which bytes of a file are wanted.

use control::tracking::{Answer, ErrorCode, Refused};

/// Reads which bytes are wanted: the first, and the one behind the last. Without a range that can be read, or with several, all of them.
///
/// # Errors
///
/// A range of which the file has nothing.
pub(super) fn read(range: Option<&str>, size: u64) -> Answer<(u64, u64)> {
    let whole = (0, size);
    let Some(asked) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Ok(whole) };
    let Some((from, to)) = asked.split_once('-') else { return Ok(whole) };
    let wanted = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(last)) if from <= last => (from, last.saturating_add(1).min(size)),
        (Ok(from), _) if to.trim().is_empty() => (from, size),
        (_, Ok(last)) if from.trim().is_empty() => (size.saturating_sub(last), size),
        _ => return Ok(whole),
    };
    if wanted.0 < wanted.1 {
        return Ok(wanted);
    }
    let said = format!("The artifact has {size} bytes, and none of them is in the range '{asked}'.");
    Err(Refused::new(ErrorCode::RangeUnsatisfiable, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_all_else_is_the_whole() {
        for (range, expected) in [
            ("bytes=0-0", (0, 1)),
            ("bytes=2-", (2, 10)),
            ("bytes=2-99", (2, 10)),
            ("bytes=-3", (7, 10)),
            ("bytes=-99", (0, 10)),
            ("bytes=5-2", (0, 10)),
            ("bytes=1-2,4-5", (0, 10)),
            ("bytes=a-b", (0, 10)),
            ("lines=1-2", (0, 10)),
            ("bytes=0-18446744073709551615", (0, 10)),
        ] {
            assert_eq!(read(Some(range), 10).unwrap(), expected, "{range}");
        }
        assert_eq!(read(None, 0).unwrap(), (0, 0));
        for range in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(read(Some(range), 10).unwrap_err().code.status(), 416, "{range}");
        }
        assert!(read(Some("bytes=0-"), 0).is_err());
    }
}
