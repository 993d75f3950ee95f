//! Calendars of others, read into overrides: whoever is on call by mistake decides what agents may do.

use std::collections::BTreeMap;

use countersign_control::calendars::{self, Exception};
use policy::Bundle;
use types::{Code, PersonId};

const ROTA: &str = "[schedules.primary]\nzone = \"Europe/Berlin\"\npeople = [\"ben\", \"cleo\"]\n\
                    start = \"2026-01-05T09:00\"\nturn = \"1w\"\n";

/// Reads the events of a calendar, each a day of January 2026 with lines of its own, for the people of the tests.
fn read(events: &[(u8, &str)]) -> Result<Vec<Exception>, (Code, String)> {
    let mut files = testkit::bundle();
    files.insert("schedules.toml", ROTA);
    let bundle = Bundle::load(files).unwrap();
    let event = |(day, lines): &(u8, &str)| {
        format!(
            "BEGIN:VEVENT\nDTSTART;VALUE=DATE:202601{day:02}\nDTEND;VALUE=DATE:202601{:02}\n{lines}\nEND:VEVENT\n",
            day + 2
        )
    };
    let events: String = events.iter().map(event).collect();
    let text = format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n");
    let called = BTreeMap::from([("b. en".to_owned(), "ben".parse::<PersonId>().unwrap())]);
    let taken = calendars::read(bundle.data(), &"primary".parse().unwrap(), &text, &called);
    taken.map_err(|refusal| (refusal.code, refusal.message))
}

fn people(events: &[(u8, &str)]) -> Vec<String> {
    read(events).unwrap().into_iter().map(|exception| exception.person.to_string()).collect()
}

#[test]
fn an_event_is_of_its_one_attendee_and_only_without_one_of_its_summary() {
    assert_eq!(people(&[(10, "SUMMARY:Cleo"), (6, "SUMMARY:b. en"), (8, "SUMMARY:BEN")]), ["ben", "ben", "cleo"]);
    assert_eq!(people(&[(6, "ATTENDEE:mailto:cleo@example.com\nSUMMARY:ben is away")]), ["cleo"]);
    assert_eq!(people(&[(6, "ATTENDEE;CN=B. En:mailto:x@example.com\nSUMMARY:cleo")]), ["ben"]);
}

#[test]
fn what_leaves_open_who_is_on_call_is_refused_with_its_line() {
    for (events, code, says) in [
        (&[(6, "SUMMARY:ben"), (7, "SUMMARY:cleo")][..], Code::CalendarUnsupported, "lines 2 and 7 are at the same"),
        (
            &[(6, "ATTENDEE:mailto:ben@example.com\nATTENDEE:mailto:cleo@example.com")],
            Code::CalendarUnsupported,
            "line 2: the event is of `ben` and `cleo`",
        ),
        (&[(6, "SUMMARY:ben"), (9, "SUMMARY:zoe")], Code::PersonUnknown, "line 7: nobody is called zoe"),
        (&[(6, "ATTENDEE:mailto:zoe@example.com\nSUMMARY:ben")], Code::PersonUnknown, "nobody is called zoe@example"),
    ] {
        let (refused, message) = read(events).unwrap_err();
        assert_eq!(refused, code, "{message}");
        assert!(message.contains(says), "{says}: {message}");
    }
}
