//! Calendars of those who are on call: written from a schedule, and read into its overrides.

use std::collections::{BTreeMap, BTreeSet};

use connectors::calendar::{self, Event};
use stages::on_call::{Rota, Shift};
use types::bundle::BundleData;
use types::schedule::Schedule;
use types::{Code, Millis, PersonId, ScheduleId};

use crate::door::Refusal;
use crate::error::{Failure, not_found};

/// Is a time at which one person is on call instead of the rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Who.
    pub person: PersonId,
    /// From when on.
    pub from: Millis,
    /// Until when, not included.
    pub to: Millis,
}

fn schedule<'a>(bundle: &'a BundleData, name: &ScheduleId) -> Failure<&'a Schedule> {
    bundle.schedules.get(name).ok_or_else(|| not_found(format!("schedule `{name}`")))
}

/// Writes who is on call from `from` up to but not including `to` as iCalendar, an event for each shift.
///
/// - `stamp`: when it is written.
///
/// # Errors
///
/// `not-found` if the bundle has no such schedule.
pub fn write(bundle: &BundleData, name: &ScheduleId, (from, to): (Millis, Millis), stamp: Millis) -> Failure<String> {
    let rota = Rota::read(schedule(bundle, name)?);
    let event = |shift: Shift<'_>| {
        let summary = shift.person?.to_string();
        Some(Event { summary, attendees: Vec::new(), from: shift.from, to: shift.to, line: 0 })
    };
    let shifts = rota.map(|rota| rota.shifts(from, to)).unwrap_or_default();
    let events: Vec<Event> = shifts.into_iter().filter_map(event).collect();
    Ok(calendar::write(name.as_str(), &events, stamp))
}

/// Reads a calendar into overrides of a schedule, in order of time.
///
/// The person of an event is its one attendee, by address, by what stands before the `@`, or by name; without any attendee
/// it is its summary. Each is compared with the people of the bundle, in any case.
///
/// - `called`: people by what the calendar calls them, in lower case.
///
/// # Errors
///
/// `not-found` if the bundle has no such schedule; `calendar-invalid` or `calendar-unsupported` as [`calendar::read`] says, and
/// `calendar-unsupported` for an event of several people and for two at the same time; `person-unknown` for one of nobody. Each names the line.
pub fn read(
    bundle: &BundleData,
    name: &ScheduleId,
    text: &str,
    called: &BTreeMap<String, PersonId>,
) -> Failure<Vec<Exception>> {
    let zone = &schedule(bundle, name)?.zone;
    let mut events = calendar::read(text, zone).map_err(|e| Refusal::plain(e.code(), format!("the calendar: {e}")))?;
    events.sort_by_key(|event| (event.from, event.to));
    if let Some([one, other]) = events.windows(2).find(|two| matches!(two, [one, other] if other.from < one.to)) {
        let message = format!("the calendar: the events of lines {} and {} are at the same time", one.line, other.line);
        return Err(Refusal::plain(Code::CalendarUnsupported, message));
    }
    let people = Known { bundle, called };
    let exception = |event: &Event| Ok(Exception { person: people.of(event)?.clone(), from: event.from, to: event.to });
    events.iter().map(exception).collect()
}

struct Known<'a> {
    bundle: &'a BundleData,
    called: &'a BTreeMap<String, PersonId>,
}

impl<'a> Known<'a> {
    fn of(&self, event: &Event) -> Failure<&'a PersonId> {
        let by_attendee = event.attendees.iter().map(|attendee| {
            let local = attendee.address.split('@').next().unwrap_or_default();
            [Some(attendee.address.as_str()), Some(local), attendee.name.as_deref()]
        });
        let attendees: Vec<&str> = by_attendee.flatten().flatten().collect();
        let texts = if attendees.is_empty() { vec![event.summary.as_str()] } else { attendees };
        let people: BTreeSet<&PersonId> = texts.iter().filter_map(|text| self.named(text)).collect();
        let mut found = people.into_iter();
        match (found.next(), found.next()) {
            (Some(person), None) => Ok(person),
            (Some(one), Some(other)) => {
                let message = format!("the calendar: line {}: the event is of `{one}` and `{other}`", event.line);
                Err(Refusal::plain(Code::CalendarUnsupported, message))
            }
            (None, _) => {
                let shown: Vec<String> = texts.iter().map(|text| types::text::escape(text, false)).collect();
                let message = format!("the calendar: line {}: nobody is called {}", event.line, shown.join(" or "));
                Err(Refusal::plain(Code::PersonUnknown, message))
            }
        }
    }

    fn named(&self, text: &str) -> Option<&'a PersonId> {
        let text = text.trim().to_lowercase();
        let own = || self.bundle.people.keys().find(|person| person.as_str().to_lowercase() == text);
        self.called.get(&text).or_else(own)
    }
}
