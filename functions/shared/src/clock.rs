//! The clock of every shell; rules get the time passed in.

use jiff::Timestamp;

/// Now, to the millisecond: what the table's index keeps, so that a time that is written reads back equal.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
