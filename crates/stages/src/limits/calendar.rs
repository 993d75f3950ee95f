//! Change windows and freezes: what the calendar says at one instant.
//!
//! Time zones come from the database inside the binary, never from the machine, so that the same instant
//! is inside or outside a window on every machine and in every replay.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use types::Millis;
use types::bundle::{Freeze, Window};
use types::time::minute_of_day;

use crate::on_call::day;

/// Says whether a change window is open at `now`, from its first minute up to but not including its last.
///
/// A window whose zone, day or minute cannot be read is closed, as is one that ends before it begins.
pub fn is_open(window: &Window, now: Millis) -> bool {
    minute_of_week(window, now).unwrap_or(false)
}

/// Says whether a freeze is on at `now`, from its beginning up to but not including its end.
///
/// A freeze whose beginning or end cannot be read is on.
pub fn is_frozen(freeze: &Freeze, now: Millis) -> bool {
    match (instant(&freeze.from), instant(&freeze.to)) {
        (Some(from), Some(to)) => from <= now && now < to,
        _ => true,
    }
}

/// Reads an RFC 3339 instant such as `2026-12-20T00:00:00Z`.
pub fn instant(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>().ok().map(|at| Millis(at.as_millisecond()))
}

fn minute_of_week(window: &Window, now: Millis) -> Option<bool> {
    let zone = TimeZoneDatabase::bundled().get(&window.zone).ok()?;
    let local = Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let (from, to) = (minute_of_day(&window.from)?, minute_of_day(&window.to)?);
    Some(window.days.contains(day(local.weekday())) && from <= minute && minute < to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::bundle::Scope;

    fn window(zone: &str, days: &[&str], from: &str, to: &str) -> Window {
        let days = days.iter().map(|d| (*d).to_owned()).collect();
        Window { covers: Scope::default(), zone: zone.into(), days, from: from.into(), to: to.into(), outside: None }
    }

    fn open(window: &Window, at: &str) -> bool {
        is_open(window, instant(at).unwrap())
    }

    #[test]
    fn a_window_opens_and_closes_on_the_minute() {
        let window = window("UTC", &["mon"], "09:00", "17:00");
        for (at, expected) in [
            ("2026-01-05T08:59:59.999Z", false),
            ("2026-01-05T09:00:00Z", true),
            ("2026-01-05T16:59:59.999Z", true),
            ("2026-01-05T17:00:00Z", false),
            ("2026-01-06T12:00:00Z", false),
        ] {
            assert_eq!(open(&window, at), expected, "{at}");
        }
    }

    #[test]
    fn the_zone_decides_the_day_and_follows_summer_time() {
        let berlin = window("Europe/Berlin", &["mon"], "09:00", "10:00");
        for (at, expected) in
            [("2026-01-05T08:30:00Z", true), ("2026-07-06T07:30:00Z", true), ("2026-07-06T08:30:00Z", false)]
        {
            assert_eq!(open(&berlin, at), expected, "{at}");
        }
        let auckland = window("Pacific/Auckland", &["mon"], "00:00", "24:00");
        assert!(open(&auckland, "2026-01-04T12:00:00Z"), "it is Monday there already");
    }

    #[test]
    fn the_hour_that_comes_twice_is_open_twice_and_the_one_that_is_skipped_never() {
        let night = window("Europe/Berlin", &["sun"], "02:00", "03:00");
        for (at, expected) in [
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T01:30:00Z", true),
            ("2026-10-25T02:00:00Z", false),
            ("2026-03-29T00:59:00Z", false),
            ("2026-03-29T01:00:00Z", false),
        ] {
            assert_eq!(open(&night, at), expected, "{at}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_closed_or_frozen() {
        let noon = "2026-01-05T12:00:00Z";
        for bad in [
            window("Nowhere/Here", &["mon"], "00:00", "24:00"),
            window("UTC", &["Mon"], "00:00", "24:00"),
            window("UTC", &["mon"], "0:00", "24:00"),
            window("UTC", &["mon"], "00:00", "24:01"),
            window("UTC", &["mon"], "00:60", "24:00"),
            window("UTC", &["mon"], "+1:00", "24:00"),
            window("UTC", &["mon"], "17:00", "09:00"),
        ] {
            assert!(!open(&bad, noon), "{bad:?}");
        }
        assert!(!is_open(&window("UTC", &["mon"], "00:00", "24:00"), Millis(i64::MAX)));
        let freeze = |from: &str, to: &str| Freeze {
            covers: Scope::default(),
            from: from.into(),
            to: to.into(),
            reason: String::new(),
        };
        assert!(is_frozen(&freeze("tomorrow", "2026-01-01T00:00:00Z"), Millis(0)));
        assert!(is_frozen(&freeze("2026-01-01T00:00:00Z", ""), Millis(0)));
    }

    #[test]
    fn a_freeze_begins_on_the_instant_and_ends_before_it() {
        let freeze = Freeze {
            covers: Scope::default(),
            from: "2026-12-20T00:00:00+01:00".into(),
            to: "2027-01-02T00:00:00Z".into(),
            reason: "holidays".into(),
        };
        for (at, expected) in [
            ("2026-12-19T22:59:59.999Z", false),
            ("2026-12-19T23:00:00Z", true),
            ("2027-01-01T23:59:59.999Z", true),
            ("2027-01-02T00:00:00Z", false),
        ] {
            assert_eq!(is_frozen(&freeze, instant(at).unwrap()), expected, "{at}");
        }
    }
}
