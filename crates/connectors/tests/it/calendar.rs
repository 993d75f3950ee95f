//! Calendars, good and bad.

use countersign_connectors::calendar::{BYTES_MAX, Event, read, write};
use proptest::prelude::*;
use types::{Code, Millis};

fn calendar(lines: &[&str]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        lines.join("\r\n")
    )
}

/// Returns when the one event begins and ends, in minutes since the first of January 2026, UTC.
fn times(lines: &[&str]) -> (i64, i64) {
    let events = read(&calendar(lines), "Europe/Berlin").unwrap_or_else(|e| panic!("{lines:?}: {e}"));
    assert_eq!(events.len(), 1, "{lines:?}");
    let minutes = |at: Millis| (at.0 - 1_767_225_600_000) / 60_000;
    (minutes(events[0].from), minutes(events[0].to))
}

const DAY: i64 = 24 * 60;

#[test]
fn times_are_instants_whatever_zone_they_are_written_in() {
    for (lines, expected) in [
        (&["DTSTART:20260101T090000Z", "DTEND:20260102T090000Z"][..], (9 * 60, DAY + 9 * 60)),
        (&["DTSTART:20260101T090000", "DTEND:20260102T090000"], (8 * 60, DAY + 8 * 60)),
        (&["DTSTART;TZID=America/New_York:20260101T090000", "DURATION:PT8H"], (14 * 60, 22 * 60)),
        (&["DTSTART;TZID=\"/Asia/Kathmandu\":20260101T090000", "DURATION:P1D"], (3 * 60 + 15, DAY + 3 * 60 + 15)),
        (&["DTSTART;VALUE=DATE:20260102"], (DAY - 60, 2 * DAY - 60)),
        (&["DTSTART;VALUE=DATE:20260102", "DTEND;VALUE=DATE:20260104"], (DAY - 60, 3 * DAY - 60)),
        // The night in which Berlin's clocks go forward has an hour less.
        (&["DTSTART;VALUE=DATE:20260329"], (87 * DAY - 60, 88 * DAY - 120)),
        (&["dtstart:20260101T0900", " 00Z", "dtend:20260102T090000Z"], (9 * 60, DAY + 9 * 60)),
        (&["DTSTART:20260101T000000Z", "DTEND:20260102T000000Z", "BEGIN:VALARM", "DTSTART:x", "END:VALARM"], (0, DAY)),
    ] {
        assert_eq!(times(lines), expected, "{lines:?}");
    }
}

#[test]
fn who_it_is_about_is_read() {
    let text = calendar(&[
        "DTSTART:20260101T090000Z",
        "DURATION:PT1H",
        "SUMMARY:On call\\, primary\\; ana\\\\",
        "ATTENDEE;ROLE=CHAIR;CN=\"Ana; A.\":mailto:ana@example.com",
        "ATTENDEE:MAILTO:ben@example.com",
    ]);
    let event = &read(&text, "UTC").unwrap()[0];
    assert_eq!(event.summary, "On call, primary; ana\\");
    let told: Vec<_> = event.attendees.iter().map(|a| (a.address.as_str(), a.name.as_deref())).collect();
    assert_eq!(told, [("ana@example.com", Some("Ana; A.")), ("ben@example.com", None)]);
    assert_eq!(event.line, 3);
}

#[test]
fn what_is_cancelled_is_left_out_and_an_empty_calendar_has_nothing() {
    assert_eq!(read(&calendar(&["DTSTART:20260101T090000Z", "STATUS:CANCELLED"]), "UTC"), Ok(Vec::new()));
    assert_eq!(read("\u{feff}BEGIN:VCALENDAR\nEND:VCALENDAR\n", "UTC"), Ok(Vec::new()));
}

#[test]
fn bad_calendars_are_refused_with_line_and_code() {
    let (invalid, unsupported) = (Code::CalendarInvalid, Code::CalendarUnsupported);
    let event = |lines: &[&str]| calendar(lines);
    let start = "DTSTART:20260101T090000Z";
    for (text, code, says) in [
        (String::new(), invalid, "line 1: there is no `BEGIN:VCALENDAR`"),
        ("hello".into(), invalid, "line 1: a line is `NAME:VALUE`"),
        ("X:1".into(), invalid, "line 1: a calendar begins with"),
        ("BEGIN:VEVENT".into(), invalid, "line 1: a calendar begins with"),
        ("BEGIN:VCALENDAR".into(), invalid, "line 1: `BEGIN:VCALENDAR` has no end"),
        ("BEGIN:VCALENDAR\nEND:VEVENT".into(), invalid, "line 2: `END:VEVENT` ends nothing"),
        (event(&["DTEND:20260101T090000Z"]), invalid, "line 3: the event has no `DTSTART`"),
        (event(&[start]), invalid, "line 3: the event has no `DTEND`"),
        (event(&[start, start]), invalid, "line 5: the event has another `DTSTART`"),
        (event(&[start, "DTEND:20260101T090000Z"]), invalid, "line 3: the event does not end after it begins"),
        (
            event(&[start, "DTEND:20260102T090000Z", "DURATION:PT1H"]),
            invalid,
            "line 6: an event has `DTEND` or `DURATION`",
        ),
        (event(&[start, "DURATION:1 hour"]), invalid, "line 5: `1 hour` is no duration"),
        (event(&["DTSTART:20260230T090000Z"]), invalid, "line 4: `20260230T090000Z` is neither"),
        (event(&["DTSTART:20260101T250000Z"]), invalid, "line 4: `20260101T250000Z` is neither"),
        (event(&["DTSTART:2026-01-01T09:00:00Z"]), invalid, "line 4:"),
        (event(&["DTSTART:19691231T235959Z", "DURATION:P1D"]), invalid, "line 3: the event begins before 1970"),
        (event(&["DT START:1"]), invalid, "line 4: the name of a line"),
        (event(&["DTSTART;TZID:1"]), invalid, "line 4: a parameter is"),
        (event(&["SUMMARY:a\u{1b}[31m"]), invalid, "line 4: a line holds no control"),
        (event(&[start, "RRULE:FREQ=DAILY"]), unsupported, "line 5: `RRULE`: an event that repeats"),
        (event(&[start, "EXDATE:20260101T090000Z"]), unsupported, "line 5: `EXDATE`"),
        (event(&["DTSTART;TZID=W. Europe Standard Time:20260101T090000"]), unsupported, "is no time zone"),
        ("X".repeat(BYTES_MAX + 1), invalid, "line 1: the calendar has more than 1048576 bytes"),
    ] {
        let error = read(&text, "UTC").unwrap_err();
        assert_eq!(error.code(), code, "{text:.80}: {error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    assert_eq!(read("", "Nowhere/Here").unwrap_err().code(), unsupported);
}

#[test]
fn lines_are_folded_at_75_bytes_and_not_inside_a_character() {
    let summary = "ü".repeat(100);
    let event = Event { summary: summary.clone(), attendees: Vec::new(), from: Millis(0), to: Millis(1_000), line: 0 };
    let text = write("a", &[event], Millis(0));
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    assert!(!text.replace("\r\n", "").contains('\n'));
    assert_eq!(read(&text, "UTC").unwrap()[0].summary, summary);
}

proptest! {
    #[test]
    fn what_is_written_comes_back(drawn in prop::collection::vec(("[^\\p{Cc}]{0,90}|[a-z]{1,9}\n?", 0..4_000_000_000i64, 1..1_000_000i64), 0..5)) {
        let event = |(summary, from, length): &(String, i64, i64)| Event {
            summary: summary.clone(), attendees: Vec::new(), from: Millis(from * 1_000), to: Millis((from + length) * 1_000), line: 0,
        };
        let events: Vec<Event> = drawn.iter().map(event).collect();
        let again = read(&write("x,y", &events, Millis(5)), "Asia/Tokyo").unwrap();
        let told = |event: &Event| (event.summary.clone(), event.from, event.to);
        prop_assert_eq!(again.iter().map(told).collect::<Vec<_>>(), events.iter().map(told).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_makes_it_panic(text in "(BEGIN:VCALENDAR\n)?(BEGIN:VEVENT\n)?[A-Z;:=\",TZ0-9\n ]{0,120}") {
        let _ = read(&text, "UTC");
    }
}
