"""Holds on-call calendars against `icalendar`: what is written, what is read, and what is refused. Prints how many of each."""

import json
import random
import subprocess
import sys
import tomllib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar

PROGRAM, BUNDLE = sys.argv[1], Path(sys.argv[2])
PEOPLE = ["ana", "ben", "cleo"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "UTC"]


def ours(*words, code=0):
    ran = subprocess.run([PROGRAM, "policy", "on-call", *words, "--bundle", BUNDLE], capture_output=True, text=True)
    assert ran.returncode == code, f"{words}: {ran.returncode} {ran.stderr}"
    return ran


def schedule(zone, more=""):
    people = json.dumps(PEOPLE)
    text = f'[schedules.a]\nzone = "{zone}"\npeople = {people}\nstart = "2026-01-05T09:00"\nturn = "1d"\n{more}'
    (BUNDLE / "schedules.toml").write_text(text)


def instant(at):
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(zone, more):
    """Reads our calendar with theirs, and asks for each edge who is on call."""
    schedule(zone, more)
    text = ours("a", "--ics", "--from", "2026-03-01T00:00:00Z", "--to", "2026-05-01T00:00:00Z").stdout
    calendar = icalendar.Calendar.from_ical(text.replace("\n", "\r\n") if "\r\n" not in text else text)
    shifts = [(e.decoded("dtstart"), e.decoded("dtend"), str(e["summary"])) for e in calendar.walk("VEVENT")]
    assert shifts and not calendar.errors, calendar.errors
    for start, end, person in random.sample(shifts, min(12, len(shifts))):
        for at, expected in [(start, person), (end - timedelta(seconds=1), person)]:
            now = json.loads(ours("a", "--at", instant(at), "--json").stdout)["schedules"][0]["now"]
            assert now["person"] == expected, (zone, more, at, now, expected)
    return len(shifts)


def event(start, end, who, by):
    made = icalendar.Event()
    made.add("uid", f"{random.random()}@example.com")
    made.add("dtstamp", datetime(2026, 1, 1, tzinfo=timezone.utc))
    made.add("dtstart", start)
    if end is not None:
        made.add("dtend", end)
    made.add("description", "on call, " * 30 + "\nwith; a \\ line")
    if by == "summary":
        made.add("summary", who.upper())
    else:
        attendee = icalendar.vCalAddress(f"MAILTO:{who}@example.com")
        attendee.params["cn"] = f"{who.title()}; On Call, \u00fc"
        made.add("attendee", attendee)
        made.add("summary", "On call, primary")
    return made


def theirs(events, zones=True):
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//acceptance//")
    calendar.add("version", "2.0")
    for one in events:
        calendar.add_component(one)
    if zones:
        calendar.add_missing_timezones()
    path = BUNDLE.parent / "theirs.ics"
    path.write_bytes(calendar.to_ical())
    return str(path)


def read(zone):
    """Lets theirs write a calendar, and holds what we read of it against what it was made of."""
    schedule(zone)
    made, expected, at = [], [], datetime(2026, 1, 6, 7, 0)
    for n in range(40):
        who, by = random.choice(PEOPLE), random.choice(["summary", "attendee"])
        at += timedelta(hours=random.randrange(1, 90))
        length = timedelta(hours=random.randrange(1, 60))
        kind = random.choice(["utc", "zone", "floating", "date"])
        if kind == "date":
            day = (at + timedelta(days=1)).date()
            made.append(event(day, day + timedelta(days=2) if n % 2 else None, who, by))
            local = lambda d: datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone))
            span = (local(day), local(day + timedelta(days=2 if n % 2 else 1)))
            at = datetime(day.year, day.month, day.day) + timedelta(days=3)
        else:
            tz = {"utc": timezone.utc, "zone": ZoneInfo("America/New_York"), "floating": None}[kind]
            start, end = at.replace(tzinfo=tz), (at + length).replace(tzinfo=tz)
            made.append(event(start, end, who, by))
            here = tz or ZoneInfo(zone)
            span = (at.replace(tzinfo=here), (at + length).replace(tzinfo=here))
            at += length + timedelta(days=1)
        expected.append((who, instant(span[0]), instant(span[1])))
    text = ours("a", "--import", theirs(made)).stdout
    found = [(o["person"], o["from"], o["to"]) for o in tomllib.loads(text)["schedules"]["a"]["overrides"]]
    assert sorted(found) == sorted(expected), set(found) ^ set(expected)
    return len(found)


def refused():
    schedule("Europe/Berlin")
    nine = datetime(2026, 1, 6, 9, tzinfo=timezone.utc)
    plain = lambda: event(nine, nine + timedelta(hours=8), "ana", "summary")
    repeats, of_two = plain(), event(nine, nine + timedelta(hours=8), "ana", "attendee")
    repeats.add("rrule", {"freq": "weekly"})
    of_two.add("attendee", icalendar.vCalAddress("MAILTO:ben@example.com"))
    unknown = event(nine, nine + timedelta(hours=8), "zoe", "attendee")
    endless, backwards = event(nine, None, "ana", "summary"), event(nine, nine - timedelta(hours=1), "ana", "summary")
    excepted = plain()
    excepted.add("exdate", nine)
    cases = [
        ([repeats], "calendar-unsupported"),
        ([excepted], "calendar-unsupported"),
        ([of_two], "calendar-unsupported"),
        ([plain(), plain()], "calendar-unsupported"),
        ([unknown], "person-unknown"),
        ([endless], "calendar-invalid"),
        ([backwards], "calendar-invalid"),
    ]
    for events, code in cases:
        ran = subprocess.run(
            [PROGRAM, "policy", "on-call", "a", "--import", theirs(events, zones=False), "--bundle", BUNDLE],
            capture_output=True, text=True,
        )
        assert ran.returncode != 0 and code in ran.stderr and not ran.stdout, (code, ran)
    return len(cases)


random.seed(5545)
hours = 'days = ["mon", "wed", "fri"]\nfrom = "20:00"\nto = "08:00"\n'
shifts = sum(written(zone, more) for zone in ZONES for more in ("", hours))
overrides = sum(read(zone) for zone in ZONES)
print(f"{shifts}, {overrides}, {refused()}")
