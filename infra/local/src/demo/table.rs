//! The table that closes the demo.

use std::{fmt::Write, time::Duration};

use super::Story;
use crate::{instance::shown, unpack::Opener};

/// All of it, one line a fact.
pub fn render(story: &Story) -> String {
    let file = &story.request["files"][0];
    let timings = &file["timings"];
    let header = |name: &str| story.webhook.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let opener = match story.opener {
        Opener::Gpg => "by gpg",
        Opener::Rpgp => "by rPGP, for there is no gpg on this machine",
    };
    let notified = story.delivery.and_then(|took| u64::try_from(took.as_millis()).ok());
    let rows = [
        ("report", format!("{} ({})", story.report, story.request["id"].as_str().unwrap_or("?"))),
        ("rows", count(story.content.csv_rows)),
        (
            "bytes",
            format!("{} plain, {} encrypted and downloaded", bytes(story.content.bytes), bytes(story.downloaded)),
        ),
        ("queue", took(story.request["queue_ms"].as_u64(), "from the request's record to the worker's claim")),
        ("run", took(timings["total_ms"].as_u64(), "from reading the lake to the file complete in S3; of it")),
        ("  planning", took(timings["plan_ms"].as_u64(), "until the first row")),
        ("  encoding", took(timings["encode_ms"].as_u64(), "busy with CSV, compression and encryption")),
        ("webhook", took(notified, "from the report's recorded end to the receiver")),
        ("download", took(Some(milliseconds(story.download)), "by the managed link, which redirects to S3")),
        ("decryption", took(Some(milliseconds(story.opening)), &format!("{opener}, with the signature"))),
        ("verified", format!("webhook {}, by the Standard Webhooks library", header("webhook-id"))),
        ("", "OpenPGP signature of the service".to_owned()),
        ("", "manifest: its OpenPGP signature, its digest as the webhook has it, its figures".to_owned()),
        ("", format!("SHA-256 {}…, size and row count as promised", &story.content.sha256[..16])),
        ("file", shown(&story.file).to_string()),
    ];
    let mut table = String::from("\nDelivered:\n");
    for (name, value) in rows {
        // Writing to a String cannot fail.
        _ = writeln!(table, "  {name:<11} {value}");
    }
    table
}

/// A time, and what passed in it.
fn took(ms: Option<u64>, what: &str) -> String {
    let time = ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    format!("{time:<8}  {what}")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A number with its thousands apart.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size for people.
pub fn bytes(value: u64) -> String {
    match value {
        0..10_000 => format!("{value} B"),
        10_000..10_000_000 => format!("{}.{} kB", value / 1_000, value % 1_000 / 100),
        _ => format!("{}.{} MB", value / 1_000_000, value % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(541_909), "541,909");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345), "12.3 kB");
        assert_eq!(bytes(48_765_432), "48.7 MB");
    }
}
