//! Calendars of those who are on call.

use connectors::calendar::{Event, read, write};
use types::Millis;

/// Calendars: what is read ends after it begins, and comes back from what is written of it.
pub fn calendar(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(events) = read(text, "Europe/Berlin") else { return };
    assert!(events.iter().all(|event| Millis(0) <= event.from && event.from < event.to));
    let again = read(&write("a; b,\\c", &events, Millis(0)), "UTC").unwrap();
    let told = |event: &Event| (event.summary.clone(), event.from, event.to);
    assert_eq!(again.iter().map(told).collect::<Vec<_>>(), events.iter().map(told).collect::<Vec<_>>());
}
