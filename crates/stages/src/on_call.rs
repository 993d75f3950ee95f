//! Who is on call: what a schedule of the bundle says at one instant.
//!
//! Turns follow the local clock, so that a handover at 09:00 stays at 09:00 when the clocks change. A turn begins once the
//! local clock shows its beginning or has passed it, and never begins twice: in the hour that comes twice it begins the
//! first time, and in one that is skipped when the clock jumps over it. Zones come from the database inside the binary, so
//! the same instant has the same person on every machine and in every replay.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use types::schedule::{Override, Schedule};
use types::time::{is_local, minute_of_day};
use types::{Millis, PersonId};

/// Is how far [`Rota::standing`] looks ahead, in milliseconds: longer than any turn.
pub const AHEAD_MS: i64 = 54 * 7 * 86_400_000;

/// Returns who is on call at an instant; nobody where a schedule has hours, days or a beginning and the instant is
/// outside, and nobody if it cannot be read.
pub fn who(schedule: &Schedule, at: Millis) -> Option<&PersonId> {
    Rota::read(schedule)?.who(at)
}

/// Is a stretch of time in which one person is on call, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift<'a> {
    /// Who.
    pub person: Option<&'a PersonId>,
    /// From when on.
    pub from: Millis,
    /// Until when, not included.
    pub to: Millis,
}

/// Is who is on call at one instant, and who after that; what ends [`AHEAD_MS`] later may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Who is now, from that instant on; nobody where the person is absent.
    pub now: Shift<'a>,
    /// The next person, if that changes within a year; there may be nobody in between.
    pub next: Option<Shift<'a>>,
}

/// Is a schedule whose texts have been read.
#[derive(Debug, Clone)]
pub struct Rota<'a> {
    zone: TimeZone,
    schedule: &'a Schedule,
    start: DateTime,
    hours: Option<(i32, i32)>,
    overrides: Vec<Shift<'a>>,
}

impl<'a> Rota<'a> {
    /// Reads a schedule; `None` if one of its texts is none, so that nobody is on call by it.
    pub fn read(schedule: &'a Schedule) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(&schedule.zone).ok()?;
        let hours = match (&schedule.from, &schedule.to) {
            (None, None) => None,
            (Some(from), Some(to)) => Some((minute_of_day(from)?, minute_of_day(to)?)),
            _ => return None,
        };
        let overrides = schedule.overrides.iter().map(|over| exception(over, &zone)).collect::<Option<_>>()?;
        Some(Self { start: local(&schedule.start)?, hours, overrides, zone, schedule })
    }

    /// Returns who is on call at an instant.
    pub fn who(&self, at: Millis) -> Option<&'a PersonId> {
        if let Some(over) = self.overrides.iter().find(|over| over.from <= at && at < over.to) {
            return over.person;
        }
        let clock = self.clock(at)?;
        if !self.is_on(clock) {
            return None;
        }
        let turn = usize::try_from(self.turn(at, clock)?).ok()?;
        self.schedule.people.get(turn.checked_rem(self.schedule.people.len())?)
    }

    /// Says whether somebody for whom `may` says so is on call at some instant from `from` up to but not including `to`.
    pub fn is_attended(&self, from: Millis, to: Millis, may: impl Fn(&PersonId) -> bool) -> bool {
        self.pieces(from, to).any(|piece| piece.person.is_some_and(&may))
    }

    /// Returns who is on call from `from` up to but not including `to`, one shift after the other, nobody's included.
    pub fn shifts(&self, from: Millis, to: Millis) -> Vec<Shift<'a>> {
        let mut shifts: Vec<Shift<'a>> = Vec::new();
        for piece in self.pieces(from, to) {
            match shifts.last_mut() {
                Some(last) if last.person == piece.person => last.to = piece.to,
                _ => shifts.push(piece),
            }
        }
        shifts
    }

    /// Returns who is on call at an instant, and who will be next.
    pub fn standing(&self, at: Millis) -> Standing<'a> {
        let end = at.plus(AHEAD_MS);
        let (mut now, mut next) = (Shift { person: self.who(at), from: at, to: at }, None::<Shift<'a>>);
        for piece in self.pieces(at, end) {
            match &mut next {
                Some(next) if next.person == piece.person => next.to = piece.to,
                Some(_) => break,
                None if piece.person == now.person && piece.from == now.to => now.to = piece.to,
                None if piece.person.is_some() => next = Some(piece),
                None => {}
            }
        }
        Standing { now, next }
    }

    /// Cuts a time into pieces in each of which nothing changes.
    fn pieces(&self, from: Millis, to: Millis) -> impl Iterator<Item = Shift<'a>> + '_ {
        let mut at = from;
        std::iter::from_fn(move || {
            let piece = (at < to).then(|| Shift { person: self.who(at), from: at, to: self.edge(at, to) })?;
            at = piece.to;
            Some(piece)
        })
    }

    /// Returns an instant after `at`, `to` at most, before which nothing changes.
    fn edge(&self, at: Millis, to: Millis) -> Millis {
        let exceptions = self.overrides.iter().flat_map(|over| [over.from, over.to]);
        let clocks = Timestamp::from_millisecond(at.0).ok().and_then(|now| self.zone.following(now).next());
        let clocks = clocks.map(|change| millis(change.timestamp()));
        let all = exceptions.chain(clocks).chain(self.handover(at)).chain(self.hours_around(at));
        all.filter(|edge| *edge > at).min().map_or(to, |edge| edge.min(to))
    }

    fn handover(&self, at: Millis) -> Option<Millis> {
        let turn = self.turn(at, self.clock(at)?)?;
        self.begins(turn.checked_add(1)?.max(0))
    }

    /// Lists the instants around `at` at which the hours or days of call begin or end.
    fn hours_around(&self, at: Millis) -> Vec<Millis> {
        let minutes = match self.hours {
            Some((from, to)) => vec![0, from, to],
            None if self.schedule.days.is_empty() => return Vec::new(),
            None => vec![0],
        };
        let today = self.clock(at).map(DateTime::date);
        let dates = today.into_iter().flat_map(|today| [today.yesterday().ok(), Some(today), today.tomorrow().ok()]);
        let clocks = dates.flatten().flat_map(|date| minutes.iter().filter_map(move |minute| clock_at(date, *minute)));
        clocks.flat_map(|clock| self.instants(clock)).collect()
    }

    /// Returns the instants at which the local clock shows a time: two of them where the clock is set back.
    fn instants(&self, clock: DateTime) -> impl Iterator<Item = Millis> {
        let shown = self.zone.to_ambiguous_timestamp(clock);
        [shown.earlier().ok(), shown.later().ok()].into_iter().flatten().map(millis)
    }

    fn clock(&self, at: Millis) -> Option<DateTime> {
        Timestamp::from_millisecond(at.0).ok().map(|at| self.zone.to_datetime(at))
    }

    /// Returns the number of the turn at an instant, negative before the first.
    fn turn(&self, at: Millis, clock: DateTime) -> Option<i64> {
        let length = i128::from(self.schedule.turn.hours()) * 3_600_000;
        let passed = clock.duration_since(self.start).as_millis();
        let mut turn = i64::try_from(passed.div_euclid(length)).ok()?;
        // The clock shows less than it did where it was set back; a turn that has begun goes on.
        while self.begins(turn.checked_add(1)?).is_some_and(|begun| begun <= at) {
            turn += 1;
        }
        Some(turn)
    }

    fn begins(&self, turn: i64) -> Option<Millis> {
        let seconds = turn.checked_mul(i64::from(self.schedule.turn.hours()))?.checked_mul(3_600)?;
        let clock = self.start.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        self.zone.to_timestamp(clock).ok().map(millis)
    }

    fn is_on(&self, clock: DateTime) -> bool {
        let minute = i32::from(clock.hour()) * 60 + i32::from(clock.minute());
        let today = self.is_day(Some(clock.date()));
        match self.hours {
            None => today,
            Some((from, to)) if from < to => today && from <= minute && minute < to,
            Some((from, to)) => {
                (today && from <= minute) || (minute < to && self.is_day(clock.date().yesterday().ok()))
            }
        }
    }

    fn is_day(&self, date: Option<Date>) -> bool {
        let days = &self.schedule.days;
        date.is_some_and(|date| days.is_empty() || days.contains(day(date.weekday())))
    }
}

fn exception<'a>(over: &'a Override, zone: &TimeZone) -> Option<Shift<'a>> {
    Some(Shift { person: Some(&over.person), from: point(&over.from, zone)?, to: point(&over.to, zone)? })
}

/// Reads an instant with its offset, or a local time of a zone.
fn point(text: &str, zone: &TimeZone) -> Option<Millis> {
    match local(text) {
        Some(clock) => zone.to_timestamp(clock).ok().map(millis),
        None => text.parse().ok().map(millis),
    }
}

fn local(text: &str) -> Option<DateTime> {
    is_local(text).then(|| text.parse().ok()).flatten()
}

fn clock_at(date: Date, minute: i32) -> Option<DateTime> {
    date.to_datetime(Time::midnight()).checked_add(SignedDuration::from_mins(minute.into())).ok()
}

fn millis(at: Timestamp) -> Millis {
    Millis(at.as_millisecond())
}

pub(crate) fn day(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}
