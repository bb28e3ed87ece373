//! What a tenant may use in a day, and what it is told when that is used up.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::tenant::Quotas;

/// What a day (UTC) has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Requests accepted.
    pub requests: u64,
    /// Rows of finished reports.
    pub rows: u64,
    /// Bytes of finished files, as stored.
    pub bytes: u64,
}

/// How a tenant's day stands, for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The quota's name in the tenant's settings.
    pub quota: &'static str,
    /// What the day allows.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// Whole seconds until the next day begins, at least 1.
    pub reset_seconds: u64,
}

/// How the quota of requests stands, if there is one.
pub fn requests(quotas: &Quotas, usage: &Usage, now: Timestamp) -> Option<Standing> {
    quotas.requests_per_day.map(|limit| standing("requests_per_day", limit, usage.requests, now))
}

/// The first quota that is used up.
pub fn exhausted(quotas: &Quotas, usage: &Usage, now: Timestamp) -> Option<Standing> {
    let figures = [
        ("requests_per_day", quotas.requests_per_day, usage.requests),
        ("rows_per_day", quotas.rows_per_day, usage.rows),
        ("bytes_per_day", quotas.bytes_per_day, usage.bytes),
    ];
    let standings = figures.into_iter().filter_map(|(quota, limit, used)| Some(standing(quota, limit?, used, now)));
    standings.into_iter().find(|standing| standing.remaining == 0)
}

fn standing(quota: &'static str, limit: u64, used: u64, now: Timestamp) -> Standing {
    Standing { quota, limit, remaining: limit.saturating_sub(used), reset_seconds: until_midnight(now) }
}

/// Whole seconds until the day (UTC) ends, at least 1.
pub fn until_midnight(now: Timestamp) -> u64 {
    let today = now.to_zoned(TimeZone::UTC);
    let left = today.start_of_day().ok().and_then(|start| start.checked_add(1.day()).ok());
    let seconds = left.map_or(0, |midnight| midnight.timestamp().duration_since(now).as_secs());
    u64::try_from(seconds).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_limit() -> impl Strategy<Value = Option<u64>> {
        proptest::option::of(1_u64..100)
    }

    proptest! {
        #[test]
        fn a_day_is_used_up_exactly_when_a_quota_is(
            limits in (any_limit(), any_limit(), any_limit()),
            used in (0_u64..200, 0_u64..200, 0_u64..200),
            second in 0_i64..4_000_000_000,
        ) {
            let now = Timestamp::from_second(second).unwrap();
            let quotas = Quotas {
                running: None, requests_per_day: limits.0, rows_per_day: limits.1, bytes_per_day: limits.2,
            };
            let usage = Usage { requests: used.0, rows: used.1, bytes: used.2 };
            let over = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
            let expected = over(limits.0, used.0) || over(limits.1, used.1) || over(limits.2, used.2);
            prop_assert_eq!(exhausted(&quotas, &usage, now).is_some(), expected);
            if let Some(standing) = requests(&quotas, &usage, now) {
                prop_assert_eq!(standing.limit - standing.remaining, used.0.min(standing.limit));
                prop_assert!((1..=86_400).contains(&standing.reset_seconds));
                let reset = now.as_second() + i64::try_from(standing.reset_seconds).unwrap();
                prop_assert_eq!(reset % 86_400, 0);
            }
        }
    }
}
