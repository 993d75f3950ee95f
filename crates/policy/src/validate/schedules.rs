//! Checks of the on-call schedules, and of the profiles that ask whoever is on call.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use types::PersonId;
use types::bundle::Profile;
use types::schedule::Schedule;
use types::time::{is_local, minute_of_day};

use super::Check;
use super::limits::DAYS;

const FILE: &str = "schedules.toml";

impl Check<'_> {
    /// Checks `schedules.toml`.
    pub(super) fn schedules(&mut self) {
        for (name, schedule) in &self.data.schedules {
            let path = |key: &'static str| ["schedules", name.as_str(), key];
            if schedule.people.is_empty() {
                self.report.at(FILE, &path("people"), "a schedule needs at least one person");
            }
            for person in &schedule.people {
                self.person(FILE, &path("people"), person);
            }
            if clock(&schedule.start).is_none() {
                let message = format!("`{}` is not a local time such as `2026-01-05T09:00`", schedule.start);
                let help =
                    "a turn follows the clock of the schedule's zone, so its start has neither `Z` nor an offset";
                self.report.at_with_help(FILE, &path("start"), message, help);
            }
            for day in schedule.days.iter().filter(|day| !DAYS.contains(&day.as_str())) {
                self.report.at(FILE, &path("days"), format!("`{day}` is not a day: write {}", DAYS.join(", ")));
            }
            self.hours(name.as_str(), schedule);
            // The machine's own database may differ from the auditor's; the one in the program does not.
            match TimeZoneDatabase::bundled().get(&schedule.zone) {
                Ok(zone) => self.overrides(name.as_str(), schedule, &zone),
                Err(_) => {
                    let message = format!("`{}` is not a time zone such as `Europe/Berlin`", schedule.zone);
                    self.report.at(FILE, &path("zone"), message);
                }
            }
        }
    }

    fn hours(&mut self, name: &str, schedule: &Schedule) {
        let (from, to) = match (&schedule.from, &schedule.to) {
            (None, None) => return,
            (Some(from), Some(to)) => (from, to),
            _ => return self.report.at(FILE, &["schedules", name], "`from` and `to` belong together"),
        };
        for (key, text, last) in [("from", from, 24 * 60 - 1), ("to", to, 24 * 60)] {
            if minute_of_day(text).is_none_or(|minute| minute > last) {
                let message = format!("`{text}` is not a time of day, `HH:MM`");
                self.report.at(FILE, &["schedules", name, key], message);
            }
        }
    }

    /// Demands that overrides can be read, end after they begin, and never put two people on call.
    fn overrides(&mut self, name: &str, schedule: &Schedule, zone: &TimeZone) {
        let mut before: Vec<(Timestamp, Timestamp, usize)> = Vec::new();
        for (n, over) in schedule.overrides.iter().enumerate() {
            let number = n.to_string();
            let path = |key: &'static str| ["schedules", name, "overrides", &number, key];
            self.person(FILE, &path("person"), &over.person);
            let ends = [("from", &over.from), ("to", &over.to)].map(|(key, text)| {
                let read = point(text, zone);
                if read.is_none() {
                    let message = format!(
                        "`{text}` is neither an instant such as `2026-12-24T08:00:00Z` nor a local time such as `2026-12-24T09:00`"
                    );
                    self.report.at(FILE, &path(key), message);
                }
                read
            });
            let [Some(from), Some(to)] = ends else { continue };
            if to <= from {
                let message = format!("the override ends at {} before it begins at {}", over.to, over.from);
                self.report.at(FILE, &path("to"), message);
            }
            if let Some((.., other)) = before.iter().find(|(begun, ended, _)| from < *ended && *begun < to) {
                let message = format!("override {} is at the same time as override {}", n + 1, other + 1);
                let help = "one person is on call at a time; shorten one of them, or take it away";
                self.report.at_with_help(FILE, &path("from"), message, help);
            }
            before.push((from, to, n));
        }
    }

    /// Checks what a profile says of whoever is on call: that there always is somebody, or somebody else is asked then.
    pub(super) fn on_call(&mut self, path: &[&str; 2], profile: &Profile) {
        let (file, at) = ("escalation.toml", &[path[0], path[1], "on_call"]);
        let Some(name) = &profile.on_call else {
            if profile.group.is_none() {
                self.report.at(file, path, "a profile needs a `group`, or `on_call` with the name of a schedule");
            }
            return;
        };
        if profile.approvals > 1 {
            let message = format!("`{}` asks for {} approvals, but one person is on call", path[1], profile.approvals);
            let help = "ask a group where several must approve; several profiles can be asked for one action";
            self.report.at_with_help(file, &[path[0], path[1], "approvals"], message, help);
        }
        let schedule = self.data.schedules.get(name);
        self.refer(file, at, "schedule", name.as_str(), schedule.is_some(), FILE);
        let Some(schedule) = schedule.filter(|_| !self.report.is_broken("people.toml")) else { return };
        let (voters, others): (Vec<&PersonId>, Vec<&PersonId>) =
            schedule.everybody().into_iter().partition(|person| self.is_voter(person, profile));
        if voters.is_empty() && !others.is_empty() {
            let message =
                format!("nobody could ever approve: nobody of the schedule `{name}` may vote for `{}`", path[1]);
            let help = "authors of the bundle do not vote, and who is on call must be in the profile's group too";
            self.report.at_with_help(file, at, message, help);
        } else if let Some(gap) = gap(schedule, &others).filter(|_| profile.otherwise.is_none()) {
            let message = format!("at times nobody could approve by the schedule `{name}`: {gap}");
            let help = "say with `otherwise` who is asked then, or close the gap";
            self.report.at_with_help(file, at, message, help);
        }
    }

    /// Says whether a person who is on call may vote for a profile, as far as that is the same for every case.
    fn is_voter(&self, person: &PersonId, profile: &Profile) -> bool {
        let head = &self.data.head;
        let known = self.data.people.get(person);
        let is_member = |group: &String| known.is_some_and(|known| known.groups.contains(group));
        (head.solo || !head.authors.contains(person)) && profile.group.as_ref().is_none_or(is_member)
    }
}

fn gap(schedule: &Schedule, others: &[&PersonId]) -> Option<String> {
    if let Some(person) = others.first() {
        return Some(format!("`{person}` takes turns, and may not vote"));
    }
    schedule.is_restricted().then(|| "it has hours and days on which nobody is on call".to_owned())
}

fn clock(text: &str) -> Option<DateTime> {
    is_local(text).then(|| text.parse().ok()).flatten()
}

fn point(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    match clock(text) {
        Some(clock) => zone.to_timestamp(clock).ok(),
        None => text.parse().ok(),
    }
}
