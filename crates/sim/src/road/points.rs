//! The await points of the road, at each of which a run must fall now and then.

/// Are all points that control and executor name on the way of a call and of a vote.
pub const POINTS: [&str; 13] = [
    "behind another listing",
    "listing",
    "definitions",
    "behind another offer",
    "offer",
    "decision",
    "never sent",
    "answer",
    "backoff",
    "outcome",
    "pause before the outcome",
    "outcome again",
    "vote",
];

/// Are the points at which calls stand so rarely that a run looks for them.
pub const RARE: [&str; 3] = ["definitions", "never sent", "backoff"];
