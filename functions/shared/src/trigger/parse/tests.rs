use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A file with every key in it.
const VALID: &str = r#"
[[objects]]
name = "monthly"
bucket = "acme-lake"
key = "sales/tenant={tenant}/month={month}/_SUCCESS"
tenants = ["acme", "globex"]
once_per = "partition"

[objects.request]
report = "invoice_lines"
parameters = { dates = { period = "{month}" }, since = 2024-01-01, n = 7, x = 0.5, all = true, list = ["{month}"] }
filter = { eq = ["month", "{month}"] }
delivery = { webhook = { url = "https://example.com/" } }

[[objects]]
name = "daily"
bucket = "acme-lake"
key = "days/{day}.csv"
tenants = ["acme"]
request = { report = "r", coalesce = true }

[[topics]]
topic = "arn:aws:sns:eu-west-1:123456789012:reports_of-acme"
tenant = "acme"
"#;

#[test]
fn a_full_file_is_read() {
    let read = parse("infra/triggers/sales.toml", VALID).unwrap();
    let [monthly, daily] = &read.objects[..] else { panic!("{read:?}") };
    assert_eq!((monthly.id.as_str(), monthly.line, monthly.once_per), ("sales/monthly", 2, OncePer::Partition));
    assert_eq!(monthly.tenants, ["acme", "globex"]);
    assert_eq!(monthly.request["parameters"]["since"], "2024-01-01");
    assert_eq!(monthly.request["parameters"]["n"], json!(7));
    assert_eq!(daily.once_per, OncePer::Object);
    let topic = "arn:aws:sns:eu-west-1:123456789012:reports_of-acme";
    assert_eq!(read.topics, [Topic { arn: topic.to_owned(), tenant: "acme".to_owned() }]);
}

fn faults(text: &str) -> Vec<String> {
    parse("t.toml", text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// Faults of the valid file with a change.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(VALID.contains(from), "{from}");
    faults(&VALID.replacen(from, to, 1))
}

#[test]
fn each_mistake_is_named_with_its_line() {
    for (from, to, line, word) in [
        ("name = \"monthly\"", "", 2, "`name` is missing"),
        ("name = \"monthly\"", "name = \"a b\"", 3, "letters"),
        ("name = \"daily\"", "name = \"monthly\"", 16, "twice"),
        ("bucket = \"acme-lake\"", "bucket = \"arn:aws:s3:::x\"", 4, "bucket"),
        ("/_SUCCESS", "/", 5, "matches no object"),
        ("[\"acme\", \"globex\"]", "[]", 6, "empty"),
        ("[\"acme\", \"globex\"]", "\"*\"", 6, "list"),
        ("[\"acme\", \"globex\"]", "[\"*\"]", 6, "no tenant's id"),
        ("[\"acme\", \"globex\"]", "[\"acme\", \"acme\"]", 6, "twice"),
        ("\"partition\"", "\"prefix\"", 7, "one of"),
        ("once_per", "debounce", 7, "unknown key"),
        ("report = \"invoice_lines\"", "report = \"../x\"", 9, "/report"),
        ("report = \"invoice_lines\"", "repport = \"x\"", 9, "/repport"),
        ("{ period = \"{month}\" }", "\"{day}\"", 9, "no placeholder of `key`"),
        ("https://example.com/", "https://example.com/{month}", 9, "`parameters` and `filter` alone"),
        ("[\"month\", \"{month}\"]", "[\"{tenant}\"]", 9, "for whom"),
        ("coalesce", "validate_only", 20, "leave it out"),
        ("arn:aws:sns:", "arn:aws:sqs:", 23, "standard SNS topic"),
        ("reports_of-acme", "reports.fifo", 23, "standard SNS topic"),
        ("tenant = \"acme\"", "tenant = \"Acme\"", 24, "no tenant's id"),
        ("[[topics]]", "[[topic]]", 22, "unknown key"),
        ("[[topics]]", "[[topics", 22, ""),
    ] {
        let found = changed(from, to);
        let hit = found.iter().any(|fault| fault.starts_with(&format!("t.toml:{line}: ")) && fault.contains(word));
        assert!(hit, "{from} -> {to}: {found:#?}");
    }
}

#[test]
fn files_have_names_and_bounds() {
    assert!(faults("").iter().any(|fault| fault.contains("[[objects]]")));
    assert!(parse("a b.toml", VALID).is_err() && parse("x.json", VALID).is_err());
    let tenants: Vec<String> = (0..=MAX_TENANTS).map(|n| format!("\"t{n}\"")).collect();
    let found = changed("\"acme\", \"globex\"", &tenants.join(","));
    assert!(found.iter().any(|fault| fault.contains("at most 50")), "{found:?}");
    let topic = |n| format!("[[topics]]\ntopic = \"arn:aws:sns:r:123456789012:t{n}\"\ntenant = \"acme\"\n");
    let many: Vec<String> = (0..=MAX_TRIGGERS).map(topic).collect();
    assert!(faults(&many.concat()).iter().any(|fault| fault.contains("at most 100")));
    assert_eq!(faults(&topic(1).repeat(2)).len(), 1, "twice");
}

proptest! {
    #[test]
    fn no_text_brings_the_parser_down(text in ".{0,200}") {
        let _ = parse("t.toml", &text);
    }

    #[test]
    fn no_change_brings_the_parser_down(at in 0..VALID.len(), put in "[\\[\\]{}=\"'#\n.a0-]{0,3}") {
        if VALID.is_char_boundary(at) {
            let text = format!("{}{put}{}", &VALID[..at], &VALID[at..]);
            let _ = parse("t.toml", &text);
        }
    }
}
