//! `countersign policy on-call`, declared.

use std::path::PathBuf;

use clap::Args;
use types::ScheduleId;

/// Say who is on call, and who is next.
#[derive(Debug, Args)]
pub struct OnCall {
    /// The schedule; without it, all of them.
    pub schedule: Option<ScheduleId>,
    /// The bundle, instead of DIR/bundle.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// By the running server's active bundle and its time, which is what decides who may vote.
    #[arg(long, conflicts_with_all = ["bundle", "at"])]
    pub active: bool,
    /// At this instant, such as `2026-12-24T18:00:00Z`, instead of now.
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Write the schedule as a calendar (iCalendar), an event for each shift.
    #[arg(long, requires = "schedule", conflicts_with_all = ["active", "at"])]
    pub ics: bool,
    /// The first instant of the calendar; now, if it is not said.
    #[arg(long, requires = "ics", value_name = "INSTANT")]
    pub from: Option<String>,
    /// The instant at which the calendar ends; 12 weeks after its beginning, if it is not said.
    #[arg(long, requires = "ics", value_name = "INSTANT")]
    pub to: Option<String>,
    /// Read a calendar, and print its events as overrides for schedules.toml.
    #[arg(long, requires = "schedule", conflicts_with_all = ["active", "at", "ics"], value_name = "FILE")]
    pub import: Option<PathBuf>,
    /// Whom the calendar means by an address, a name or a summary, such as `ana@example.com=ana`. May be repeated.
    #[arg(long = "person", requires = "import", value_name = "TEXT=PERSON")]
    pub people: Vec<String>,
}
