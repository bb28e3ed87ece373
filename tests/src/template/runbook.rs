//! Whoever is woken by an alarm reads its page.

use std::{collections::BTreeMap, fs, path::Path};

use super::load::Template;

const SECTIONS: [&str; 5] = ["**Means.**", "**How bad.**", "**Look.**", "**Do.**", "**Over.**"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbook")
}

/// Alarms by the page that their descriptions name, without the suffix of their ids.
fn named(template: &Template) -> BTreeMap<String, Vec<String>> {
    let mut pages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, alarm) in template.all("AWS::CloudWatch::Alarm") {
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        let page = description.split_once(" Runbook, docs/runbook/").map(|(_, page)| page);
        let page = page.unwrap_or_else(|| panic!("{id} names no page: {description}"));
        pages.entry(page.to_owned()).or_default().push(id.trim_end_matches("Alarm").to_owned());
    }
    pages
}

#[test]
fn every_alarm_has_its_page_and_every_page_its_alarms() {
    let named = named(&Template::load());
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|name| name != "README.md").collect();
    files.sort();
    assert_eq!(files, named.keys().cloned().collect::<Vec<_>>());
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for (page, alarms) in named {
        let text = fs::read_to_string(folder().join(&page)).unwrap();
        for alarm in &alarms {
            assert!(text.contains(&format!("`{alarm}`")), "{page} does not name {alarm}");
            assert!(index.contains(&format!("`{alarm}`")), "the index does not name {alarm}");
        }
        assert!(index.contains(&format!("({page})")), "the index leads to {page}");
        let mut rest = text.as_str();
        for section in SECTIONS {
            let (_, after) =
                rest.split_once(section).unwrap_or_else(|| panic!("{page} lacks {section}, or has it elsewhere"));
            rest = after;
        }
    }
}
