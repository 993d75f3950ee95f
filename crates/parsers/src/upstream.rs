//! What upstream servers send: event streams, lines, and JSON that is looked into without being decoded.

use connectors::mcp::lines::{Line, Lines};
use connectors::mcp::sse::{Event, Parser, SseError};
use connectors::mcp::{definition_digest, identity_in, splice as json};

use crate::base::{pieces, run, texts};

const BYTES_MAX: usize = 64;

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, SseError> {
    let mut parser = Parser::new(BYTES_MAX);
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(parser.push(piece)?);
    }
    Ok(all)
}

/// Server-sent events: where the pieces end does not matter, and an event stays within its bound.
pub fn sse(bytes: &[u8]) {
    let (whole, pieces) = pieces(bytes);
    let read = events([whole]);
    assert_eq!(events(pieces), read);
    assert_eq!(events(whole.chunks(1)), read);
    for event in read.unwrap_or_default() {
        assert!(event.data.len() <= BYTES_MAX);
        assert!(!event.data.contains('\r'));
        let single = |text: &Option<String>| text.as_deref().is_none_or(|text| !text.contains(['\r', '\n']));
        assert!(single(&event.id) && single(&event.event));
    }
}

/// Lines of a pipe: each is what stands between two line feeds, none is half, and the first that is too long is the last.
pub fn lines(bytes: &[u8]) {
    let mut read = Vec::new();
    let end = run(async {
        let mut lines = Lines::new(bytes, BYTES_MAX);
        loop {
            match lines.next().await {
                Line::Whole(line) => read.push(line),
                end => return end,
            }
        }
    });
    let mut expected: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let unfinished = expected.pop().unwrap_or_default();
    let fitting = expected.iter().take_while(|line| line.len() <= BYTES_MAX).count();
    assert_eq!(read, &expected[..fitting]);
    let overlong = fitting < expected.len() || unfinished.len() > BYTES_MAX;
    assert_eq!(end, if overlong { Line::TooLong } else { Line::End });
}

/// One value replaced in a JSON text: the value is there then, every other byte is untouched, and the way back is the
/// text as it was.
pub fn splice(bytes: &[u8]) {
    let texts = texts(bytes);
    let text = texts[0].as_str();
    let path: Vec<&str> = texts.iter().skip(1).take(3).map(String::as_str).collect();
    let Ok(there) = json::at(text, &path) else { return };
    let away = json::replace(text, &path, "77").unwrap();
    let Some(value) = there.filter(|_| !path.is_empty()) else { return };
    assert_eq!(json::at(&away, &path), Ok(Some("77")));
    assert_eq!(away.len() + value.len(), text.len() + 2);
    assert_eq!(json::replace(&away, &path, value).as_deref(), Ok(text));
    if let (Ok(before), Some(seen)) = (types::json::parse(text), json::text_at(text, &path)) {
        let found = path.iter().try_fold(&before, |value, name| value.get(name));
        assert_eq!(found.and_then(|value| value.as_str()), Some(seen.as_str()));
    }
}

/// What a server lists: a definition has one digest whatever its blanks and order, and `_meta` does not count.
pub fn definitions(bytes: &[u8]) {
    let texts = texts(bytes);
    let (tool, hello) = (texts[0].as_str(), texts.get(1).map_or("{}", String::as_str));
    let identity = identity_in(hello);
    let Ok(digest) = definition_digest(&identity, tool) else { return };
    let mut value = types::json::parse(tool).unwrap();
    assert_eq!(definition_digest(&identity, &types::json::canonical(&value)), Ok(digest));
    value.as_object_mut().unwrap().insert("_meta".to_owned(), serde_json::json!({ "x": 1 }));
    assert_eq!(definition_digest(&identity, &types::json::canonical(&value)), Ok(digest));
    value.as_object_mut().unwrap().insert("added".to_owned(), serde_json::json!(digest.to_string()));
    assert_ne!(definition_digest(&identity, &types::json::canonical(&value)), Ok(digest));
}
