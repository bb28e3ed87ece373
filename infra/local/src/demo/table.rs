//! The table that closes the demo.

use std::fmt::Write;

use serde_json::Value;

use super::Story;
use crate::unpack::Opener;

/// All of it, one line a fact.
pub fn render(story: &Story) -> String {
    let file = &story.request["file"];
    let timings = &file["timings"];
    let header = |name: &str| story.webhook.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let opener = match story.opener {
        Opener::Gpg => "decrypted by gpg; signature of the service good",
        Opener::Rpgp => "no gpg on this machine: decrypted by rPGP; signature of the service good",
    };
    let rows = [
        ("report", format!("{} ({})", story.report, story.request["id"].as_str().unwrap_or("?"))),
        ("rows", count(story.content.csv_rows)),
        (
            "bytes",
            format!("{} plain, {} encrypted and downloaded", bytes(story.content.bytes), bytes(story.downloaded)),
        ),
        ("queued", milliseconds(&story.request["queue_ms"])),
        ("planning", milliseconds(&timings["plan_ms"])),
        ("encoding", milliseconds(&timings["encode_ms"])),
        ("whole run", milliseconds(&timings["total_ms"])),
        (
            "delivery",
            story.delivery.map_or_else(|| "-".to_owned(), |took| format!("{} ms after the end", took.as_millis())),
        ),
        ("webhook", format!("{} {}, webhook-id {}", story.webhook.method, story.webhook.path, header("webhook-id"))),
        ("", "signature verified with the Standard Webhooks library".to_owned()),
        ("package", opener.to_owned()),
        ("checksum", format!("SHA-256 {}… and row count as promised", &story.content.sha256[..16])),
        ("file", story.file.display().to_string()),
    ];
    let mut table = String::from("\nDelivered:\n");
    for (name, value) in rows {
        // Writing to a String cannot fail.
        _ = writeln!(table, "  {name:<10} {value}");
    }
    table
}

fn milliseconds(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
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
