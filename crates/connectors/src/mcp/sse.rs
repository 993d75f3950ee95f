//! Server-sent events, read piece by piece from bytes: the WHATWG grammar, with bounds and strict UTF-8.

/// Says why a stream of events cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event is longer than the reader allows.
    #[error("an event is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A line is not UTF-8.
    #[error("the stream is not UTF-8 text")]
    NotText,
}

/// Is one event of a stream; an event may carry no more than an id or a delay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its type, where it names one; `message` is meant otherwise.
    pub event: Option<String>,
    /// Its data: the lines joined by line feeds. Empty for an event that only sets an id or a delay.
    pub data: String,
    /// How long to wait before connecting again, in milliseconds.
    pub retry: Option<u64>,
}

/// Reads a stream of events; feed it bytes as they arrive.
///
/// An event that is not yet closed by an empty line is kept for the next piece, and lost if none comes.
#[derive(Debug)]
pub struct Parser {
    bytes_max: usize,
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    at_start: bool,
}

impl Parser {
    /// Returns a reader that accepts lines and events of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, line: Vec::new(), event: Event::default(), has_data: false, after_cr: false, at_start: true }
    }

    /// Takes the next bytes and returns the events they complete, in order.
    ///
    /// # Errors
    ///
    /// [`SseError`]; the reader MUST NOT be fed any further then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, SseError> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if follows_cr => {}
                b'\n' => events.extend(self.end_line()?),
                b'\r' => {
                    self.after_cr = true;
                    events.extend(self.end_line()?);
                }
                _ => self.grow(byte)?,
            }
        }
        Ok(events)
    }

    fn grow(&mut self, byte: u8) -> Result<(), SseError> {
        if self.line.len() >= self.bytes_max {
            return Err(SseError::TooLarge { bytes_max: self.bytes_max });
        }
        self.line.push(byte);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Event>, SseError> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| SseError::NotText)?;
        let line =
            if std::mem::take(&mut self.at_start) { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        let has_data = std::mem::take(&mut self.has_data);
        (has_data || event.id.is_some() || event.retry.is_some()).then_some(event)
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), SseError> {
        match field {
            "data" => self.data(value)?,
            "event" => self.event.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.event.retry = value.parse().ok();
            }
            // A comment has an empty name; an unknown field is ignored, as the grammar says.
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, value: &str) -> Result<(), SseError> {
        if self.event.data.len() + value.len() + 1 > self.bytes_max {
            return Err(SseError::TooLarge { bytes_max: self.bytes_max });
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Event> {
        Parser::new(1000).push(text.as_bytes()).unwrap()
    }

    fn data(text: &str) -> Event {
        Event { data: text.into(), ..Event::default() }
    }

    #[test]
    fn fields_comments_and_ends_of_line() {
        let text = "\u{feff}: hello\r\nid: 7\rdata:\r\revent: message\ndata: a\ndata:  b\n\n\n: x\n\nretry: 50\nretry: 5x\nnonsense\n\ndata: lost";
        let expected = vec![
            Event { id: Some("7".into()), ..Event::default() },
            Event { event: Some("message".into()), ..data("a\n b") },
            Event { retry: Some(50), ..Event::default() },
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_line_end_split_between_pieces_is_one_line_end() {
        let mut parser = Parser::new(100);
        assert_eq!(parser.push(b"data: a\r").unwrap(), []);
        assert_eq!(parser.push(b"\ndata: b\r").unwrap(), []);
        assert_eq!(parser.push(b"\n\r\n").unwrap(), [data("a\nb")]);
    }

    #[test]
    fn bounds_and_encoding_hold() {
        let too_large = Err(SseError::TooLarge { bytes_max: 10 });
        assert_eq!(Parser::new(10).push(b"data: abcdefg"), too_large);
        assert_eq!(Parser::new(10).push(b"data: abc\ndata: abc\ndata: abc\n"), too_large);
        assert_eq!(Parser::new(10).push(b"data: \xff\n"), Err(SseError::NotText));
    }

    proptest::proptest! {
        #[test]
        fn pieces_do_not_matter(text in "(data|id|event|retry|:)?: ?[a-z0-9]{0,3}[\r\n]{0,3}([\r\n]|data:x){0,12}", cut in 0usize..40) {
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut parser = Parser::new(1000);
            let mut events = parser.push(head).unwrap();
            events.extend(parser.push(tail).unwrap());
            proptest::prop_assert_eq!(events, read(&text));
        }
    }
}
