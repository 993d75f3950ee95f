//! Reading: the events of a calendar, each with its instants.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned};
use types::Millis;

use super::lines::{Line, lines};
use super::{Attendee, BYTES_MAX, CalendarError, Event};

/// Are the properties by which an event happens more than once, or changes one that does.
const REPEATS: [&str; 5] = ["RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID"];

/// Reads the events of a calendar, in the order of the text; those that are cancelled are left out.
///
/// - `zone`: the IANA zone of dates and of times that say none.
///
/// # Errors
///
/// [`CalendarError::Invalid`] for what RFC 5545 does not allow: no `VCALENDAR` around all of it, parts that do not nest, an event
/// without a beginning or an end, one that does not end after it begins; and for more than [`BYTES_MAX`] bytes.
/// [`CalendarError::Unsupported`] for an event that repeats and for a zone that is no IANA name. No others.
pub fn read(text: &str, zone: &str) -> Result<Vec<Event>, CalendarError> {
    if text.len() > BYTES_MAX {
        return Err(CalendarError::invalid(1, format!("the calendar has more than {BYTES_MAX} bytes")));
    }
    let floating = named(zone, 1)?;
    let mut parts: Vec<String> = Vec::new();
    let (mut events, mut drafts) = (Vec::new(), None::<Draft>);
    let mut has_calendar = false;
    for line in lines(text.strip_prefix('\u{feff}').unwrap_or(text))? {
        match line.name.as_str() {
            "BEGIN" => {
                let part = line.value.trim().to_ascii_uppercase();
                if parts.is_empty() && part != "VCALENDAR" {
                    return Err(CalendarError::invalid(line.number, "a calendar begins with `BEGIN:VCALENDAR`"));
                }
                has_calendar = true;
                parts.push(part);
                if is_event(&parts) {
                    drafts = Some(Draft::at(line.number));
                }
            }
            "END" => {
                let is_end = is_event(&parts);
                let part = line.value.trim().to_ascii_uppercase();
                if parts.pop().is_none_or(|open| open != part) {
                    let message = format!("`END:{part}` ends nothing that is open");
                    return Err(CalendarError::invalid(line.number, message));
                }
                if let Some(draft) = drafts.take_if(|_| is_end) {
                    events.extend(draft.finish(&floating)?);
                }
            }
            _ if parts.is_empty() => {
                return Err(CalendarError::invalid(line.number, "a calendar begins with `BEGIN:VCALENDAR`"));
            }
            _ if is_event(&parts) => {
                if let Some(draft) = &mut drafts {
                    draft.take(line)?;
                }
            }
            _ => {}
        }
    }
    match parts.last() {
        Some(open) => Err(CalendarError::invalid(text.lines().count().max(1), format!("`BEGIN:{open}` has no end"))),
        None if !has_calendar => Err(CalendarError::invalid(1, "there is no `BEGIN:VCALENDAR`")),
        None => Ok(events),
    }
}

fn is_event(parts: &[String]) -> bool {
    matches!(parts, [calendar, event] if calendar == "VCALENDAR" && event == "VEVENT")
}

/// Is an event whose lines are still read.
struct Draft {
    line: usize,
    summary: String,
    attendees: Vec<Attendee>,
    start: Option<Line>,
    end: Option<Line>,
    length: Option<Line>,
    cancelled: bool,
}

impl Draft {
    fn at(line: usize) -> Self {
        let (summary, attendees) = (String::new(), Vec::new());
        Self { line, summary, attendees, start: None, end: None, length: None, cancelled: false }
    }

    fn take(&mut self, line: Line) -> Result<(), CalendarError> {
        let name = line.name.clone();
        if REPEATS.contains(&name.as_str()) {
            let what = format!("`{name}`: an event that repeats is not read; export the times one by one");
            return Err(CalendarError::unsupported(line.number, what));
        }
        let number = line.number;
        let twice = match name.as_str() {
            "DTSTART" => self.start.replace(line),
            "DTEND" => self.end.replace(line),
            "DURATION" => self.length.replace(line),
            "SUMMARY" => {
                self.summary = plain(&line.value);
                None
            }
            "ATTENDEE" => {
                self.attendees.push(attendee(&line));
                None
            }
            "STATUS" => {
                self.cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED");
                None
            }
            _ => None,
        };
        twice.map_or(Ok(()), |_| {
            Err(CalendarError::invalid(number, format!("the event has another `{name}` before it")))
        })
    }

    /// Returns the event; `None` if it is cancelled.
    fn finish(self, floating: &TimeZone) -> Result<Option<Event>, CalendarError> {
        if self.cancelled {
            return Ok(None);
        }
        let missing = |what: &str| CalendarError::invalid(self.line, format!("the event has no `{what}`"));
        let start = self.start.as_ref().ok_or_else(|| missing("DTSTART"))?;
        let (from, is_date) = point(start, floating)?;
        let to = match (&self.end, &self.length) {
            (Some(end), None) => point(end, floating)?.0,
            (None, Some(length)) => after(&from, length)?,
            // "For cases where a "VEVENT" calendar component specifies a "DTSTART" property with a DATE value type but no
            // "DTEND" nor "DURATION" property, the event's duration is taken to be one day." (§3.6.1)
            (None, None) if is_date => from.tomorrow().map_err(|_| missing("DTEND"))?,
            (None, None) => return Err(missing("DTEND")),
            (Some(_), Some(length)) => {
                return Err(CalendarError::invalid(length.number, "an event has `DTEND` or `DURATION`, not both"));
            }
        };
        let (from, to) = (millis(&from), millis(&to));
        if from < Millis(0) {
            return Err(CalendarError::invalid(self.line, "the event begins before 1970"));
        }
        if to <= from {
            return Err(CalendarError::invalid(self.line, "the event does not end after it begins"));
        }
        Ok(Some(Event { summary: self.summary, attendees: self.attendees, from, to, line: self.line }))
    }
}

fn attendee(line: &Line) -> Attendee {
    let value = line.value.trim();
    let address = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = address.and_then(|_| value.get(7..)).unwrap_or(value);
    Attendee { address: address.to_owned(), name: line.parameter("CN").map(str::to_owned) }
}

/// Reads a date, or a time in UTC, in a named zone, or in none; says whether it was a date.
fn point(line: &Line, floating: &TimeZone) -> Result<(Zoned, bool), CalendarError> {
    let wrong = || {
        let what = format!("`{}` is neither a date nor a time such as `20260105T090000Z`", line.value);
        CalendarError::invalid(line.number, what)
    };
    let text = line.value.trim();
    let is_date = line.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
    let zone = match line.parameter("TZID") {
        Some(name) => named(name, line.number)?,
        None => floating.clone(),
    };
    let (clock, zone) = match text.strip_suffix('Z') {
        _ if is_date => (date(text).map(|date| date.to_datetime(Time::midnight())), zone),
        Some(utc) => (clock(utc), TimeZone::UTC),
        None => (clock(text), zone),
    };
    let at = clock.and_then(|clock| zone.to_zoned(clock).ok()).ok_or_else(wrong)?;
    Ok((at, is_date))
}

fn after(from: &Zoned, length: &Line) -> Result<Zoned, CalendarError> {
    let text = length.value.trim();
    let read = text.starts_with('P').then(|| text.parse::<Span>().ok()).flatten();
    let end = read.and_then(|span| from.checked_add(span).ok()).filter(|end| end.subsec_nanosecond() == 0);
    end.ok_or_else(|| CalendarError::invalid(length.number, format!("`{text}` is no duration such as `PT8H`")))
}

fn clock(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once('T')?;
    let [hour, minute, second] = digits::<2>(time, 6)?.try_into().ok()?;
    let time = Time::new(hour, minute, second, 0).ok()?;
    Some(date(day)?.to_datetime(time))
}

fn date(text: &str) -> Option<Date> {
    let year = text.get(..4).filter(|year| year.bytes().all(|b| b.is_ascii_digit()))?;
    let [month, day] = digits::<2>(text.get(4..)?, 4)?.try_into().ok()?;
    Date::new(year.parse().ok()?, month, day).ok()
}

/// Reads a text of digits, so many at a time.
fn digits<const EACH: usize>(text: &str, length: usize) -> Option<Vec<i8>> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let parts = plain.then(|| text.as_bytes().chunks(EACH))?;
    parts.map(|part| std::str::from_utf8(part).ok()?.parse().ok()).collect()
}

fn named(zone: &str, line: usize) -> Result<TimeZone, CalendarError> {
    // Some write a leading slash before a name that is known everywhere (§3.8.3.1).
    let name = zone.strip_prefix('/').unwrap_or(zone);
    let unknown = |_| CalendarError::unsupported(line, format!("`{zone}` is no time zone of the IANA database"));
    TimeZoneDatabase::bundled().get(name).map_err(unknown)
}

/// Undoes the escapes of a text (§3.3.11).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    out
}

fn millis(at: &Zoned) -> Millis {
    Millis(Timestamp::from(at).as_millisecond())
}
