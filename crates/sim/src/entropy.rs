//! The system's random bytes, which a run of a seed draws from the seed instead.
//!
//! Nothing of the product asks the system while it is simulated, but libraries do: hash maps for their keys, and through them
//! tokio for which of several waiting tasks wakes first. Defining the C library's function in the program is how they are
//! reached; only this program has it, and until a seed is set it gives what the system gives.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_sim::rng::Rng;

static SEED: AtomicU64 = AtomicU64::new(0);

/// Draws the system's random bytes from a seed from now on. Each call begins anew, so that it does not matter which thread
/// asks first.
pub fn seed(seed: u64) {
    SEED.store(seed | (1 << 63), Ordering::SeqCst);
}

fn fill(bytes: &mut [u8]) -> bool {
    match SEED.load(Ordering::SeqCst) {
        0 => std::fs::File::open("/dev/urandom")
            .is_ok_and(|mut file| std::io::Read::read_exact(&mut file, bytes).is_ok()),
        seed => {
            Rng::new(seed).fill(bytes);
            true
        }
    }
}

/// Stands for the C library's function of that name.
#[expect(unsafe_code, reason = "the C library's function is replaced, and its buffer comes as a pointer")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, len: usize, _: u32) -> isize {
    if len == 0 {
        return 0;
    }
    // SAFETY: whoever calls the C library's function passes a buffer of that many bytes that nobody else uses meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, len) };
    // Failing is what the system's function does too.
    if fill(bytes) { isize::try_from(len).unwrap_or(-1) } else { -1 }
}
