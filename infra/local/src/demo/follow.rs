//! Follows a request to its end, with a progress line.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::table::{bytes, count};
use crate::{
    api_client::ApiClient,
    error::{Error, Result},
    say,
};

const POLL: Duration = Duration::from_millis(300);

/// Polls the request at `location` until its status is final; returns its last description.
pub async fn until_final(api: &ApiClient, location: &str, deadline: Duration) -> Result<Value> {
    let began = Instant::now();
    let mut line = Line::default();
    loop {
        let request = api.get(location).await?.expect_status("read the request's status", &[200])?;
        let status = request["status"].as_str().unwrap_or_default();
        line.show(&Seen::of(&request, status), began.elapsed());
        if !matches!(status, "QUEUED" | "RUNNING") {
            Line::end();
            return failed(&request).map_or(Ok(request), Err);
        }
        if began.elapsed() > deadline {
            Line::end();
            return Err(Error::new("wait for the report", format!("it is still {status} after {deadline:?}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn failed(request: &Value) -> Option<Error> {
    let failure = request.get("failure")?;
    Some(Error::new("make the report", format!("{}: {}", failure["code"], failure["detail"])))
}

/// What there is to see of a request.
#[derive(Default, Clone, PartialEq, Eq)]
struct Seen {
    status: String,
    rows: u64,
    bytes: u64,
}

impl Seen {
    fn of(request: &Value, status: &str) -> Self {
        // While it runs, progress counts; then the file's own figures.
        let (progress, file) = (&request["progress"], &request["files"][0]);
        Self {
            status: status.to_owned(),
            rows: progress["rows"].as_u64().or(file["rows"].as_u64()).unwrap_or_default(),
            bytes: progress["bytes"].as_u64().or(file["plaintext_bytes"].as_u64()).unwrap_or_default(),
        }
    }

    fn describe(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        let rate = if seconds > 0.0 { approximate(self.rows) / seconds } else { 0.0 };
        let (rows, size) = (count(self.rows), bytes(self.bytes));
        format!("{:<10} {seconds:>6.1} s   {rows:>12} rows   {size:>10}   {rate:>9.0} rows/s", self.status)
    }
}

/// For rates, which need no more than 52 bits.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn approximate(value: u64) -> f64 {
    value as f64
}

/// A line that is written over on a terminal; elsewhere, one line per change.
#[derive(Default)]
struct Line {
    last: Seen,
}

impl Line {
    fn show(&mut self, seen: &Seen, elapsed: Duration) {
        let mut out = std::io::stdout().lock();
        // A terminal that is gone must not stop the demo.
        if out.is_terminal() {
            _ = write!(out, "\r  {}\x1b[K", seen.describe(elapsed)).and_then(|()| out.flush());
        } else if *seen != self.last {
            _ = writeln!(out, "  {}", seen.describe(elapsed));
        }
        self.last.clone_from(seen);
    }

    fn end() {
        if std::io::stdout().is_terminal() {
            say("");
        }
    }
}
