//! Checks for which a machine lacks something. A skip is told past the test harness, which keeps to itself what passing
//! tests print.

use std::{env, io::Write};

/// Says that a check is skipped, and why.
pub fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    // One write, so that lines of tests side by side stay whole.
    std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
}

/// The same for what every machine can have.
///
/// # Panics
/// Where nothing may be skipped: under `WAYBILL_COMPLETE=1`.
pub fn lacking(what: &str) {
    assert_ne!(env::var("WAYBILL_COMPLETE").as_deref(), Ok("1"), "nothing may be skipped here, but {what}");
    skipped(what);
}
