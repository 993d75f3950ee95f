//! Writing: events in UTC, in lines that are folded.

use jiff::Timestamp;
use types::Millis;

use super::Event;

/// Is the longest line, in bytes, without its break (RFC 5545 §3.1).
const LINE_MAX: usize = 75;

/// Writes a calendar of events, each with its summary alone. Every time is in UTC, to the second.
///
/// - `name`: what the calendar is called; it is part of the identity of its events.
/// - `stamp`: when it is written.
pub fn write(name: &str, events: &[Event], stamp: Millis) -> String {
    let mut out = String::new();
    let mut put = |line: String| fold(&line, &mut out);
    put("BEGIN:VCALENDAR".into());
    put("VERSION:2.0".into());
    put("PRODID:-//Countersign//on-call//EN".into());
    put("CALSCALE:GREGORIAN".into());
    put(format!("X-WR-CALNAME:{}", escaped(name)));
    for event in events {
        put("BEGIN:VEVENT".into());
        put(format!("UID:{}-{}@countersign", escaped(name), event.from.0));
        put(format!("DTSTAMP:{}", utc(stamp)));
        put(format!("DTSTART:{}", utc(event.from)));
        put(format!("DTEND:{}", utc(event.to)));
        put(format!("SUMMARY:{}", escaped(&event.summary)));
        put("END:VEVENT".into());
    }
    put("END:VCALENDAR".into());
    out
}

fn utc(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// Adds a line in parts of at most [`LINE_MAX`] bytes, none of them cut inside a character.
fn fold(line: &str, out: &mut String) {
    let mut room = LINE_MAX;
    for c in line.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE_MAX - 1;
        }
        out.push(c);
        room -= c.len_utf8();
    }
    out.push_str("\r\n");
}
