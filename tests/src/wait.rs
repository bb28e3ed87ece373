//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(250);

/// Long enough for anything that a test of ours waits for on a busy machine.
pub const LONG: Duration = Duration::from_secs(180);

/// Looks until there is something to see, and returns it.
///
/// # Panics
/// After [`LONG`]; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < LONG, "{what}: not within {LONG:?}");
        tokio::time::sleep(POLL).await;
    }
}
