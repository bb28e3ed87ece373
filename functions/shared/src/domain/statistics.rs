//! What past runs tell about the next: how many rows to expect.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Runs that are remembered of each report and tenant.
const REMEMBERED: usize = 20;

/// A finished run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Digest of report, version and parameters.
    pub digest: String,
    /// Days that its date range spans, where the report has one.
    pub days: Option<u32>,
    /// Rows that came of it.
    pub rows: u64,
    /// When it ended.
    pub at: Timestamp,
}

/// A tenant's latest runs of one report, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Whose.
    pub tenant: String,
    /// Which report.
    pub report: String,
    /// The runs.
    pub samples: Vec<Sample>,
}

/// How many rows to expect, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// The figure.
    pub rows: u64,
    /// `same_parameters`, `rows_per_day` or `recent_runs`.
    pub basis: &'static str,
    /// Runs that it rests on.
    pub runs: usize,
}

impl Statistics {
    /// None yet.
    pub fn new(tenant: &str, report: &str) -> Self {
        Self { tenant: tenant.to_owned(), report: report.to_owned(), samples: vec![] }
    }

    /// With one run more; the oldest is forgotten.
    #[must_use]
    pub fn with(&self, sample: Sample) -> Self {
        let mut samples: Vec<Sample> =
            self.samples.iter().filter(|known| known.digest != sample.digest).cloned().collect();
        samples.push(sample);
        let forget = samples.len().saturating_sub(REMEMBERED);
        Self { samples: samples.split_off(forget), ..self.clone() }
    }

    /// The last run with the very same parameters.
    pub fn last(&self, digest: &str) -> Option<&Sample> {
        self.samples.iter().rfind(|sample| sample.digest == digest)
    }

    /// What a run with these parameters may yield: what it did last time; else by the days that it spans; else the
    /// median of the runs there were.
    pub fn estimate(&self, digest: &str, days: Option<u32>) -> Option<Estimate> {
        if let Some(Sample { rows, .. }) = self.last(digest) {
            return Some(Estimate { rows: *rows, basis: "same_parameters", runs: 1 });
        }
        if let Some(days) = days {
            let spans =
                self.samples.iter().filter_map(|sample| Some((u128::from(sample.days?), u128::from(sample.rows))));
            let (runs, all_days, all_rows) =
                spans.fold((0, 0, 0), |(n, d, r), (days, rows)| (n + 1, d + days, r + rows));
            if let Some(rows) = (all_rows * u128::from(days) + all_days / 2).checked_div(all_days) {
                return Some(Estimate { rows: u64::try_from(rows).unwrap_or(u64::MAX), basis: "rows_per_day", runs });
            }
        }
        let mut rows: Vec<u64> = self.samples.iter().map(|sample| sample.rows).collect();
        rows.sort_unstable();
        let median = *rows.get(rows.len() / 2)?;
        Some(Estimate { rows: median, basis: "recent_runs", runs: rows.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(digest: &str, days: Option<u32>, rows: u64) -> Sample {
        Sample { digest: digest.to_owned(), days, rows, at: Timestamp::UNIX_EPOCH }
    }

    fn of(samples: &[Sample]) -> Statistics {
        samples.iter().fold(Statistics::new("acme", "r"), |known, sample| known.with(sample.clone()))
    }

    #[test]
    fn the_same_parameters_tell_best() {
        let known = of(&[sample("a", Some(10), 100), sample("b", Some(10), 300), sample("a", Some(10), 120)]);
        let estimate = known.estimate("a", Some(10)).unwrap();
        assert_eq!((estimate.rows, estimate.basis, estimate.runs), (120, "same_parameters", 1));
        let estimate = known.estimate("c", Some(5)).unwrap();
        assert_eq!((estimate.rows, estimate.basis, estimate.runs), (105, "rows_per_day", 2));
        let estimate = known.estimate("c", None).unwrap();
        assert_eq!((estimate.rows, estimate.basis), (300, "recent_runs"));
    }

    #[test]
    fn nothing_is_known_of_what_never_ran() {
        assert_eq!(of(&[]).estimate("a", Some(3)), None);
        assert_eq!(of(&[sample("b", Some(0), 3)]).estimate("a", Some(3)).unwrap().basis, "recent_runs");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let many: Vec<Sample> = (0..50).map(|n| sample(&n.to_string(), None, n)).collect();
        let known = of(&many);
        assert_eq!(known.samples.len(), REMEMBERED);
        assert_eq!(known.samples.last().map(|sample| sample.rows), Some(49));
    }
}
