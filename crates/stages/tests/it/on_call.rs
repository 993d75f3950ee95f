//! Who is on call: tables around changes of daylight saving, and random schedules against a model that watches a clock.

use countersign_stages::on_call::{Rota, who};
use jiff::civil::DateTime;
use jiff::tz::TimeZoneDatabase;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::Millis;
use types::schedule::Schedule;

const MINUTE: i64 = 60_000;

fn schedule(change: &Value) -> Schedule {
    let mut base = json!({
        "zone": "Europe/Berlin", "people": ["ann", "ben", "cyd"], "start": "2026-01-05T09:00", "turn": "1w",
    });
    for (name, value) in change.as_object().unwrap() {
        base[name] = value.clone();
    }
    serde_json::from_value(base).unwrap()
}

fn at(text: &str) -> Millis {
    Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

fn check(schedule: &Schedule, table: &[(&str, Option<&str>)]) {
    for (instant, expected) in table {
        assert_eq!(who(schedule, at(instant)).map(|person| person.as_str()), *expected, "{instant}");
    }
}

#[test]
fn turns_go_round_and_nobody_is_on_call_before_the_first() {
    check(
        &schedule(&json!({})),
        &[
            ("2026-01-05T07:59:59.999Z", None),
            ("2026-01-05T08:00:00Z", Some("ann")),
            ("2026-01-12T07:59:59.999Z", Some("ann")),
            ("2026-01-12T08:00:00Z", Some("ben")),
            ("2026-01-19T08:00:00Z", Some("cyd")),
            ("2026-01-26T08:00:00Z", Some("ann")),
        ],
    );
}

#[test]
fn a_handover_stays_at_nine_when_the_clocks_change() {
    // Berlin goes from +01:00 to +02:00 on 29 March and back on 25 October.
    let daily = schedule(&json!({ "turn": "1d", "start": "2026-03-28T09:00", "people": ["ann", "ben"] }));
    check(
        &daily,
        &[
            ("2026-03-28T08:00:00Z", Some("ann")),
            ("2026-03-29T06:59:59.999Z", Some("ann")),
            ("2026-03-29T07:00:00Z", Some("ben")),
            ("2026-03-30T07:00:00Z", Some("ann")),
            ("2026-10-25T07:59:59.999Z", Some("ann")),
            ("2026-10-25T08:00:00Z", Some("ben")),
        ],
    );
}

#[test]
fn a_turn_begins_once_in_the_hour_that_comes_twice_and_with_the_jump_in_the_one_that_is_skipped() {
    let half_past_two = schedule(&json!({ "turn": "1d", "start": "2026-10-24T02:30", "people": ["ann", "ben"] }));
    check(
        &half_past_two,
        &[
            ("2026-10-25T00:29:59Z", Some("ann")),
            ("2026-10-25T00:30:00Z", Some("ben")),
            ("2026-10-25T01:00:00Z", Some("ben")),
            ("2026-10-25T01:29:59Z", Some("ben")),
            ("2026-10-25T01:30:00Z", Some("ben")),
        ],
    );
    let skipped = schedule(&json!({ "turn": "1d", "start": "2026-03-28T02:30", "people": ["ann", "ben"] }));
    check(&skipped, &[("2026-03-29T00:59:59.999Z", Some("ann")), ("2026-03-29T01:00:00Z", Some("ben"))]);
}

#[test]
fn hours_and_days_leave_the_rest_to_nobody() {
    let office = schedule(&json!({ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00" }));
    check(
        &office,
        &[
            ("2026-01-05T08:00:00Z", Some("ann")),
            ("2026-01-05T15:59:59.999Z", Some("ann")),
            ("2026-01-05T16:00:00Z", None),
            ("2026-01-10T11:00:00Z", None),
        ],
    );
    let nights = schedule(&json!({ "days": ["fri"], "from": "22:00", "to": "06:00" }));
    check(
        &nights,
        &[
            ("2026-01-09T20:59:59Z", None),
            ("2026-01-09T21:00:00Z", Some("ann")),
            ("2026-01-10T04:59:59Z", Some("ann")),
            ("2026-01-10T05:00:00Z", None),
            ("2026-01-10T21:00:00Z", None),
        ],
    );
}

#[test]
fn an_override_wins_over_everything_even_before_the_start() {
    let over = schedule(&json!({ "days": ["mon"], "overrides": [
        { "person": "dan", "from": "2026-01-01T12:00", "to": "2026-01-01T13:00:00+01:00" },
        { "person": "eve", "from": "2026-01-12T10:00:00Z", "to": "2026-01-13T11:00" },
    ] }));
    check(
        &over,
        &[
            ("2026-01-01T10:59:59.999Z", None),
            ("2026-01-01T11:00:00Z", Some("dan")),
            ("2026-01-01T12:00:00Z", None),
            ("2026-01-12T09:59:59Z", Some("ben")),
            ("2026-01-12T10:00:00Z", Some("eve")),
            ("2026-01-13T09:59:59Z", Some("eve")),
            ("2026-01-13T10:00:00Z", None),
        ],
    );
}

#[test]
fn what_cannot_be_read_puts_nobody_on_call() {
    let noon = "2026-02-02T12:00:00Z";
    for change in [
        json!({ "zone": "Nowhere/Here" }),
        json!({ "people": [] }),
        json!({ "start": "2026-01-05T09:00Z" }),
        json!({ "start": "2026-02-30T09:00" }),
        json!({ "from": "09:00" }),
        json!({ "from": "9:00", "to": "17:00" }),
        json!({ "days": ["Mon"] }),
        json!({ "overrides": [{ "person": "ann", "from": "soon", "to": "2027-01-01T00:00" }] }),
    ] {
        check(&schedule(&change), &[(noon, None)]);
    }
    assert_eq!(who(&schedule(&json!({})), Millis(i64::MAX)), None);
    assert_eq!(who(&schedule(&json!({})), Millis(i64::MIN)), None);
}

#[test]
fn who_is_next_is_told_with_the_instants() {
    let weekly = schedule(&json!({ "days": ["mon"] }));
    let standing = Rota::read(&weekly).unwrap().standing(at("2026-01-05T22:00:00Z"));
    assert_eq!((standing.now.person.unwrap().as_str(), standing.now.to), ("ann", at("2026-01-05T23:00:00Z")));
    let next = standing.next.unwrap();
    // On Monday before nine it is still her turn.
    assert_eq!((next.person.unwrap().as_str(), next.from), ("ann", at("2026-01-11T23:00:00Z")));
    assert_eq!(next.to, at("2026-01-12T08:00:00Z"));
    let alone = schedule(&json!({ "people": ["ann"] }));
    assert_eq!(Rota::read(&alone).unwrap().standing(at("2026-01-05T22:00:00Z")).next, None);
}

/// Watches a local clock minute by minute from before the first turn, and gives the turn on whenever the clock has shown
/// enough; knows nothing of ambiguous times.
struct Watch {
    zone: jiff::tz::TimeZone,
    shown: Option<DateTime>,
    next: DateTime,
    turns: usize,
}

impl Watch {
    fn over(schedule: &Schedule) -> Self {
        let zone = TimeZoneDatabase::bundled().get(&schedule.zone).unwrap();
        Self { zone, shown: None, next: schedule.start.parse().unwrap(), turns: 0 }
    }

    /// Looks at the clock, and says who is on call.
    fn look<'a>(&mut self, schedule: &'a Schedule, now: Millis) -> Option<&'a str> {
        let clock = self.zone.to_datetime(Timestamp::from_millisecond(now.0).unwrap());
        self.shown = Some(self.shown.map_or(clock, |shown| shown.max(clock)));
        while self.shown.is_some_and(|shown| shown >= self.next) {
            self.turns += 1;
            self.next = self.next.checked_add(i64::from(schedule.turn.hours()).hours()).unwrap();
        }
        for over in &schedule.overrides {
            let [from, to] = [&over.from, &over.to].map(|text| at(text));
            if from <= now && now < to {
                return Some(over.person.as_str());
            }
        }
        let turn = self.turns.checked_sub(1)?;
        let person = schedule.people[turn % schedule.people.len()].as_str();
        Self::is_on(schedule, clock).then_some(person)
    }

    fn is_on(schedule: &Schedule, clock: DateTime) -> bool {
        let is_day = |date: jiff::civil::Date| {
            let name =
                ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][date.weekday().to_monday_zero_offset() as usize];
            schedule.days.is_empty() || schedule.days.contains(name)
        };
        let (Some(from), Some(to)) = (&schedule.from, &schedule.to) else { return is_day(clock.date()) };
        let time = clock.strftime("%H:%M").to_string();
        if from < to {
            return is_day(clock.date()) && *from <= time && time < *to;
        }
        (is_day(clock.date()) && *from <= time) || (is_day(clock.date().yesterday().unwrap()) && time < *to)
    }
}

/// Zones that change by an hour, by half of one, at midnight, south of the equator, never, and one that skipped a day.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Pacific/Apia",
    "America/Santiago",
    "Asia/Kathmandu",
];

/// Days around which the clocks of some of those zones change; the last are those of Samoa's skipped day.
const DAYS: [&str; 7] =
    ["2026-03-07", "2026-03-28", "2026-04-04", "2026-09-05", "2026-10-24", "2026-10-31", "2011-12-29"];

fn drawn() -> impl Strategy<Value = (Schedule, i64)> {
    let turn = prop::sample::select(vec!["1h", "5h", "12h", "1d", "2d", "1w"]);
    let start = (prop::sample::select(DAYS.to_vec()), 0..24u8, prop::sample::select(vec![0u8, 15, 30, 59]));
    let days =
        prop::collection::btree_set(prop::sample::select(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), 0..5);
    let clock = || (0..24u8, prop::sample::select(vec![0u8, 30])).prop_map(|(h, m)| format!("{h:02}:{m:02}"));
    let hours = proptest::option::of((clock(), clock()));
    let over = prop::collection::vec((0..6_000i64, 1..900i64), 0..3);
    (prop::sample::select(ZONES.to_vec()), 1..4usize, start, turn, days, hours, over, -1_500..1_500i64).prop_map(
        |(zone, people, (date, hour, minute), turn, days, hours, over, offset)| {
            let base = at(&format!("{date}T00:00:00Z"));
            let mut end = 0;
            let overrides = over.iter().map(|(gap, length)| {
                let from = end + gap;
                end = from + length;
                let text = |m: i64| Timestamp::from_millisecond(base.plus(m * MINUTE).0).unwrap().to_string();
                json!({ "person": "over", "from": text(from), "to": text(end) })
            });
            let people = &["ann", "ben", "cyd"][..people];
            let mut change = json!({
                "zone": zone, "people": people, "turn": turn, "days": days,
                "start": format!("{date}T{hour:02}:{minute:02}"), "overrides": overrides.collect::<Vec<_>>(),
            });
            if let Some((from, to)) = hours {
                change["from"] = from.into();
                change["to"] = to.into();
            }
            (schedule(&change), base.0 + offset * MINUTE)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Four days of every schedule, minute by minute: who is on call, and where the shifts begin and end.
    #[test]
    fn a_schedule_says_what_somebody_sees_who_watches_the_clock((schedule, from) in drawn()) {
        let (mut watch, rota) = (Watch::over(&schedule), Rota::read(&schedule).unwrap());
        // The watch begins before the first turn, as the clock may have been set back just before `from`.
        let begin = from.min(at(&format!("{}:00Z", schedule.start)).0) - 2 * 1_440 * MINUTE;
        let to = Millis(from + 4 * 1_440 * MINUTE);
        for minute in (begin..from).step_by(60_000) {
            watch.look(&schedule, Millis(minute));
        }
        let shifts = rota.shifts(Millis(from), to);
        prop_assert_eq!(shifts.first().map(|s| s.from), Some(Millis(from)));
        prop_assert_eq!(shifts.last().map(|s| s.to), Some(to));
        prop_assert!(shifts.windows(2).all(|two| two[0].to == two[1].from && two[0].person != two[1].person));
        for minute in (from..to.0).step_by(60_000).map(Millis) {
            let seen = watch.look(&schedule, minute);
            prop_assert_eq!(who(&schedule, minute).map(|p| p.as_str()), seen, "{:?}", minute);
            let covering: Vec<_> = shifts.iter().filter(|s| s.from <= minute && minute < s.to).collect();
            prop_assert_eq!(covering.len(), 1);
            prop_assert_eq!(covering[0].person.map(|p| p.as_str()), seen, "{:?}", minute);
        }
        // Somebody is there if and only if the model saw them.
        for name in ["ann", "over"] {
            let there = shifts.iter().any(|shift| shift.person.is_some_and(|p| p.as_str() == name));
            prop_assert_eq!(rota.is_attended(Millis(from), to, |p| p.as_str() == name), there);
        }
    }
}
