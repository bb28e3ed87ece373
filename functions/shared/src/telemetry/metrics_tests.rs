use std::{collections::BTreeMap, fs, path::Path};

use super::*;

/// What the code emits: names and units as they stand there, `("Rows", Unit::Count`.
fn emitted() -> BTreeMap<String, String> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeMap::new();
    let mut folders = vec![functions.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = path.to_string_lossy();
            if path.is_dir() {
                folders.push(path);
            } else if text.ends_with(".rs") && !text.contains("telemetry/metrics") {
                read(&fs::read_to_string(&path).unwrap(), &mut found);
            }
        }
    }
    found
}

fn read(source: &str, found: &mut BTreeMap<String, String>) {
    for (at, _) in source.match_indices("\", Unit::") {
        let (before, after) = (&source[..at], &source[at + "\", Unit::".len()..]);
        let name = before.rsplit('"').next().unwrap_or_default();
        let unit: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
        found.insert(name.to_owned(), unit);
    }
}

#[test]
fn what_is_listed_is_emitted_and_nothing_else() {
    let listed = METRICS.iter().map(|metric| (metric.name.to_owned(), format!("{:?}", metric.unit)));
    let listed: BTreeMap<_, _> = listed.collect();
    assert_eq!(listed.len(), METRICS.len(), "each once");
    assert_eq!(emitted(), listed);
}

/// What operators pay at most, as `docs/operations.md` says: 0.30 USD each and month.
#[test]
fn there_are_so_many_and_no_more() {
    let combinations: usize = METRICS.iter().map(Metric::combinations).sum();
    assert_eq!(combinations, 111);
    let page = include_str!("../../../../docs/operations.md");
    assert!(page.contains(&format!("at most {combinations} metrics")), "docs/operations.md states the number");
}

#[test]
fn the_operators_table_has_every_metric() {
    let page = include_str!("../../../../docs/operations.md");
    for metric in &METRICS {
        let row = row(metric);
        assert!(page.contains(&row), "docs/operations.md lacks this row:\n{row}");
    }
    let (_, section) = page.split_once("\n## Metrics\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    assert_eq!(section.lines().filter(|line| line.starts_with("| `")).count(), METRICS.len());
}

/// A row of the table in `docs/operations.md`.
fn row(metric: &Metric) -> String {
    let of = |dimension: &Dimension| {
        let values: Vec<String> = dimension.values.iter().map(|value| format!("`{value}`")).collect();
        match dimension.name {
            // Listed below the table, for there are many.
            "Interface" | "Code" => format!("`{}`", dimension.name),
            name => format!("`{name}`: {}", values.join(", ")),
        }
    };
    let dimensions: Vec<String> = metric.dimensions.iter().map(of).collect();
    let unit = match metric.unit {
        Unit::Count => "",
        Unit::Bytes => " (bytes)",
        Unit::Milliseconds => " (ms)",
        Unit::Percent => " (%)",
    };
    format!("| `{}`{unit} | {} | {} |", metric.name, dimensions.join("; "), metric.says)
}

#[test]
fn a_metric_is_known_by_all_of_it() {
    let known = |name, unit, dimensions: &[(&str, &str)]| is_listed(name, unit, dimensions);
    assert!(known("Rows", Unit::Count, &[]));
    assert!(known("Attempts", Unit::Count, &[("Channel", "jira"), ("Outcome", "success")]));
    for (name, unit, dimensions) in [
        ("Lines", Unit::Count, &[] as &[(&str, &str)]),
        ("Rows", Unit::Bytes, &[]),
        ("Rows", Unit::Count, &[("Report", "sales")]),
        ("Attempts", Unit::Count, &[("Channel", "jira")]),
        ("Attempts", Unit::Count, &[("Outcome", "success"), ("Channel", "jira")]),
        ("Attempts", Unit::Count, &[("Channel", "dlv_1"), ("Outcome", "success")]),
    ] {
        assert!(!known(name, unit, dimensions), "{name} {dimensions:?}");
    }
}
