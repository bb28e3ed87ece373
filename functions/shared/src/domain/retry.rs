//! When to try again.

use jiff::SignedDuration;

/// The longest delay that SQS can give a message.
pub const MAX_QUEUE_DELAY: SignedDuration = SignedDuration::from_secs(900);

/// The longest `Retry-After` that is honoured.
pub const MAX_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// By how much the clocks of two functions may differ: a message that is this early is on time.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// Wait before a request's next attempt: 15 s, 30 s, 60 s …, at most 15 minutes.
pub fn backoff(attempts_so_far: u32) -> SignedDuration {
    doubled(15, attempts_so_far.saturating_sub(1))
}

/// Wait after the sweeper's `n`-th repetition of a hand-off (0: the hand-off itself): 1, 2, 4 … minutes, at most 15.
/// A backlog that is merely long is so not multiplied.
pub fn handoff_grace(n: u32) -> SignedDuration {
    doubled(60, n)
}

fn doubled(seconds: i64, times: u32) -> SignedDuration {
    let factor = 1_i64.checked_shl(times.min(20)).unwrap_or(i64::MAX);
    SignedDuration::from_secs(seconds.saturating_mul(factor)).min(MAX_QUEUE_DELAY)
}

/// A wait as SQS takes it: whole seconds, rounded up so that nothing arrives early, 0–900.
pub fn delay_seconds(wait: SignedDuration) -> u32 {
    let millis = wait.as_millis().clamp(0, MAX_QUEUE_DELAY.as_millis());
    u32::try_from((millis + 999) / 1000).unwrap_or(900)
}

/// Waits before each attempt of a delivery; the first entry belongs to the first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<SignedDuration>);

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a retry schedule is 1 to 30 whole numbers of seconds, each at most 604800, with commas between: {0:?}")]
pub struct InvalidSchedule(String);

impl Schedule {
    /// Reads `0,5,300`: seconds, comma-separated.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let invalid = || InvalidSchedule(text.to_owned());
        let waits = text
            .split(',')
            .map(|part| part.trim().parse::<u32>().ok().filter(|seconds| *seconds <= 604_800))
            .map(|seconds| seconds.map(|s| SignedDuration::from_secs(i64::from(s))))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(invalid)?;
        if waits.is_empty() || waits.len() > 30 {
            return Err(invalid());
        }
        Ok(Self(waits))
    }

    /// Of 1 to 30 waits, each at most a week.
    pub fn new(waits: Vec<SignedDuration>) -> Result<Self, InvalidSchedule> {
        let week = SignedDuration::from_hours(24 * 7);
        let fits = (1..=30).contains(&waits.len()) && waits.iter().all(|wait| !wait.is_negative() && *wait <= week);
        if fits { Ok(Self(waits)) } else { Err(InvalidSchedule(format!("{waits:?}"))) }
    }

    /// Attempts at most.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Wait before the first attempt.
    pub fn first_wait(&self) -> SignedDuration {
        self.0.first().copied().unwrap_or_default()
    }

    /// All waits together.
    pub fn total(&self) -> SignedDuration {
        self.0.iter().copied().sum()
    }

    /// Wait after attempt number `made` (from 1) failed, or none when it was the last.
    ///
    /// `jitter` in 0..=1 stretches the wait by up to a tenth, so that receivers that failed together are not
    /// called together; `retry_after` then is a floor, so the receiver's word is never undercut.
    pub fn wait_after(&self, made: u32, jitter: f64, retry_after: Option<SignedDuration>) -> Option<SignedDuration> {
        let base = *self.0.get(usize::try_from(made).ok()?)?;
        let stretched = base.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0));
        let floor = retry_after.unwrap_or(SignedDuration::ZERO).min(MAX_RETRY_AFTER);
        // Whole milliseconds, as the table keeps times.
        let millis = i64::try_from(stretched.max(floor).as_millis()).unwrap_or(i64::MAX);
        Some(SignedDuration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hand_offs_and_backoff_grow_to_the_queues_limit() {
        let graces: Vec<i64> = (1..=6).map(|n| handoff_grace(n).as_secs()).collect();
        assert_eq!(graces, [120, 240, 480, 900, 900, 900]);
        let waits: Vec<i64> = (1..=8).map(|n| backoff(n).as_secs()).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(handoff_grace(u32::MAX).as_secs(), 900);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "a", "1,,2", "-1", "1.5", "604801", &["1"; 31].join(",")] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
        assert_eq!(Schedule::parse("0, 5,300").map(|s| s.attempts()), Ok(3));
    }

    proptest! {
        #[test]
        fn a_wait_keeps_schedule_and_retry_after(made in 0_u32..12, jitter in 0.0..1.0_f64, after in 0_i64..200_000) {
            let schedule = Schedule::parse("0,5,300,1800,7200,18000,36000,50400,72000,86400").unwrap();
            let wait = schedule.wait_after(made, jitter, Some(SignedDuration::from_secs(after)));
            prop_assert_eq!(wait.is_some(), made < 10);
            if let Some(wait) = wait {
                prop_assert!(wait >= schedule.0[made as usize]);
                prop_assert!(wait.as_secs() >= after.min(86_400));
                prop_assert!(wait.as_secs() <= (schedule.0[made as usize].as_secs() * 11 / 10 + 1).max(86_400));
            }
        }

        #[test]
        fn a_delay_fits_sqs_and_never_arrives_early(millis in -5_000_i64..2_000_000) {
            let delay = delay_seconds(SignedDuration::from_millis(millis));
            prop_assert!(delay <= 900);
            prop_assert!(i64::from(delay) * 1000 >= millis.min(900_000));
        }
    }
}
