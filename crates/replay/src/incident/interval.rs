//! How far a share that was seen in a few runs can be from the true one.

/// Returns Wilson's score interval at 95 % for `k` of `n`, in basis points, rounded outwards; `None` below two runs, where
/// it would say nothing.
///
/// Integers alone: z² is taken as 3.8416, and the root is rounded up.
pub fn wilson_bp(k: u32, n: u32) -> Option<(u32, u32)> {
    if n < 2 || k > n {
        return None;
    }
    let (k, n) = (u128::from(k), u128::from(n));
    // With everything times 10,000: centre = (k + z²/2) / (n + z²), half = z·√(k(n-k)/n + z²/4) / (n + z²).
    let below = 10_000 * n + 38_416;
    let centre = 10_000 * k + 19_208;
    let squared = (k * (n - k) * 1_000_000_000_000).div_ceil(n) + 960_400_000_000;
    let root = squared.isqrt() + u128::from(squared.isqrt().pow(2) < squared);
    let half = (root * 196).div_ceil(10_000);
    let low = centre.saturating_sub(half) * 10_000 / below;
    let high = ((centre + half) * 10_000).div_ceil(below).min(10_000);
    Some((u32::try_from(low).unwrap_or(0), u32::try_from(high).unwrap_or(10_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_interval_of_the_tables() {
        // Wilson's interval at z = 1.96, as statistics packages give it, in basis points rounded outwards.
        for (k, n, low, high) in [
            (0, 10, 0, 2_776),
            (5, 10, 2_365, 7_635),
            (10, 10, 7_224, 10_000),
            (1, 3, 614, 7_924),
            (50, 100, 4_038, 5_962),
            (2, 2, 3_423, 10_000),
        ] {
            let (found_low, found_high) = wilson_bp(k, n).unwrap();
            assert!(
                found_low.abs_diff(low) <= 1 && found_high.abs_diff(high) <= 1,
                "{k}/{n}: {found_low} {found_high}"
            );
        }
        assert_eq!((wilson_bp(0, 1), wilson_bp(3, 2)), (None, None));
    }

    #[test]
    fn it_always_holds_the_share_that_was_seen() {
        for n in 2..200_u32 {
            for k in 0..=n {
                let (low, high) = wilson_bp(k, n).unwrap();
                assert!(low * n <= k * 10_000 && k * 10_000 <= high * n && high <= 10_000, "{k}/{n}");
            }
        }
    }
}
