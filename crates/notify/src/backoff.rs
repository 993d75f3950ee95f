//! How long is waited after a failure: longer each time, and never for everybody at once.

/// Is the longest wait after the first failure, in milliseconds.
const FIRST_MS: i64 = 2_000;

/// Is the longest wait there is, in milliseconds.
pub const LONGEST_MS: i64 = 15 * 60_000;

/// Returns how long is waited after so many failures in a row, in milliseconds: a random part of the second half of a span
/// that doubles from 2 seconds to 15 minutes.
///
/// - `failures`: at least 1; 0 counts as 1.
/// - `random`: random bits.
pub fn after(failures: u32, random: u64) -> i64 {
    let doubled = 1_i64.checked_shl(failures.saturating_sub(1).min(30)).unwrap_or(i64::MAX);
    let span = FIRST_MS.saturating_mul(doubled).min(LONGEST_MS);
    let half = span / 2;
    half + i64::try_from(random % u64::try_from(half.max(1)).unwrap_or(1)).unwrap_or(0)
}

/// Returns how long is waited when the target says how long, in milliseconds: what it says, but never less than without it
/// and never more than the longest wait.
///
/// - `own`: how long would be waited without it.
/// - `said`: what the target says, in milliseconds.
pub fn as_said(own: i64, said: Option<i64>) -> i64 {
    said.map_or(own, |said| said.clamp(own, LONGEST_MS.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_stays_bounded_and_differs() {
        for (failures, span) in
            [(0, 2_000), (1, 2_000), (2, 4_000), (5, 32_000), (11, LONGEST_MS), (u32::MAX, LONGEST_MS)]
        {
            for random in [0, 1, 999, u64::MAX] {
                let wait = after(failures, random);
                assert!((span / 2..span).contains(&wait), "{failures} {random}: {wait}");
            }
        }
        assert_ne!(after(3, 1), after(3, 2));
    }

    #[test]
    fn what_a_target_says_never_shortens_the_wait_nor_ends_it() {
        assert_eq!(as_said(2_000, None), 2_000);
        assert_eq!(as_said(2_000, Some(0)), 2_000);
        assert_eq!(as_said(2_000, Some(30_000)), 30_000);
        assert_eq!(as_said(2_000, Some(i64::MAX)), LONGEST_MS);
    }
}
