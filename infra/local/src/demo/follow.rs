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
};

const POLL: Duration = Duration::from_millis(300);

/// Polls the request at `location` until its status is final; returns its last description.
pub async fn until_final(api: &ApiClient, location: &str, deadline: Duration) -> Result<Value> {
    let began = Instant::now();
    let mut line = Line::default();
    loop {
        let request = api.get(location).await?.expect_status("read the request's status", &[200])?;
        let status = request["status"].as_str().unwrap_or_default();
        line.show(&describe(&request, status, began.elapsed()));
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

fn describe(request: &Value, status: &str, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    // While it runs, progress counts; then the file's own figures.
    let progress = &request["progress"];
    let file = &request["file"];
    let rows = progress["rows"].as_u64().or(file["rows"].as_u64()).unwrap_or_default();
    let size = progress["bytes"].as_u64().or(file["plaintext_bytes"].as_u64()).unwrap_or_default();
    let rate = if seconds > 0.0 { approximate(rows) / seconds } else { 0.0 };
    format!("{status:<10} {seconds:>6.1} s   {:>12} rows   {:>10}   {rate:>9.0} rows/s", count(rows), bytes(size))
}

/// For rates, which need no more than 52 bits.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn approximate(value: u64) -> f64 {
    value as f64
}

/// A line that is written over on a terminal; elsewhere, one line per change of its first word.
#[derive(Default)]
struct Line {
    last_word: String,
}

impl Line {
    fn show(&mut self, text: &str) {
        let word = text.split(' ').next().unwrap_or_default();
        let mut out = std::io::stdout().lock();
        // A terminal that is gone must not stop the demo.
        if out.is_terminal() {
            _ = write!(out, "\r  {text}\x1b[K").and_then(|()| out.flush());
        } else if word != self.last_word {
            _ = writeln!(out, "  {text}");
        }
        word.clone_into(&mut self.last_word);
    }

    fn end() {
        if std::io::stdout().is_terminal() {
            println!();
        }
    }
}
