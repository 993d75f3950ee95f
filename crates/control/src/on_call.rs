//! Who is on call, by the schedules of the active bundle.

use serde::Serialize;
use stages::on_call::{AHEAD_MS, Rota, Shift};
use types::bundle::BundleData;
use types::{Millis, PersonId, ProfileId, ScheduleId};

use crate::control::Control;

/// Is a person with the time in which they are on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnCall {
    /// Who.
    pub person: PersonId,
    /// From when on; for who is on call now, the instant that was asked about.
    pub from: Millis,
    /// Until when, not included; absent where that is more than a year away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// Is one schedule: who is on call, who is next, and which profiles ask them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duty {
    /// The schedule.
    pub schedule: ScheduleId,
    /// Its time zone.
    pub zone: String,
    /// Who is on call now; absent while nobody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<OnCall>,
    /// Who is on call next, perhaps after a time in which nobody is; absent if that does not change within a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<OnCall>,
    /// The profiles that ask whoever is on call.
    pub profiles: Vec<ProfileId>,
}

impl Control {
    /// Returns who is on call at the journal's time, by each schedule of the active bundle, in order of name.
    pub fn on_call(&self) -> Vec<Duty> {
        duties(self.snapshot().bundle.data(), self.now())
    }
}

/// Returns who is on call at an instant, by each schedule of a bundle, in order of name.
pub fn duties(bundle: &BundleData, at: Millis) -> Vec<Duty> {
    bundle.schedules.keys().filter_map(|schedule| duty(bundle, schedule, at)).collect()
}

/// Returns who is on call at an instant by one schedule; `None` if the bundle does not have it.
pub fn duty(bundle: &BundleData, schedule: &ScheduleId, at: Millis) -> Option<Duty> {
    let (name, data) = bundle.schedules.get_key_value(schedule)?;
    let standing = Rota::read(data).map(|rota| rota.standing(at));
    let on_call = |shift: Shift<'_>| {
        let until = (shift.to < at.plus(AHEAD_MS)).then_some(shift.to);
        Some(OnCall { person: shift.person?.clone(), from: shift.from, until })
    };
    let asks = bundle.profiles.iter().filter(|(_, profile)| profile.on_call.as_ref() == Some(name));
    Some(Duty {
        schedule: name.clone(),
        zone: data.zone.clone(),
        now: standing.and_then(|standing| on_call(standing.now)),
        next: standing.and_then(|standing| standing.next).and_then(on_call),
        profiles: asks.map(|(id, _)| id.clone()).collect(),
    })
}
