//! `break_glass.toml`: what stands against it is said, with its place.

use crate::problems::{check, plus};

#[test]
fn what_stands_against_the_rules_for_a_break_glass_is_said() {
    let rules = |groups: &str, minutes: u32, actions: u32, reviewers: &str, hours: u32| {
        let text = format!(
            "groups = [{groups}]\nminutes = {minutes}\nactions = {actions}\nreviewers = \"{reviewers}\"\nreview_hours = {hours}\n"
        );
        plus("break_glass.toml", &text)
    };
    check(
        "break_glass",
        vec![
            rules("\"sre\"", 60, 100, "sre-db", 720),
            rules("\"sre\"", 61, 101, "sre-db", 721),
            rules("\"sre\"", 0, 0, "sre-db", 0),
            rules("\"nobody\"", 30, 20, "sre", 24),
            rules("", 30, 20, "sre", 24),
            rules("\"sre-db\", \"sre\"", 30, 20, "sre-db", 24),
            rules("\"sre\"", 30, 20, "nobody", 24),
            plus("break_glass.toml", "groups = [\"sre\"]\nminutes = 30\nreview_hours = 24\n"),
            plus("break_glass.toml", "forever = true\n"),
        ],
    );
}
