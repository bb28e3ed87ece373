//! The description holds for the code, and the kept file is the description.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::*;

const ROUTER: &str = include_str!("../router.rs");
const COMPAT: [&str; 4] = [
    include_str!("../compat/eclipse/mod.rs"),
    include_str!("../compat/tesouro/mod.rs"),
    include_str!("../compat/treports/mod.rs"),
    include_str!("../compat/unico/mod.rs"),
];

/// Where the kept file says that the API is.
const SOMEWHERE: &str = "https://reports.example.com";

/// Method and path of every route, as routers write them.
fn routed(router: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for route in router.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        // The path, then methods with their handlers up to the parenthesis that ends the call.
        let rest = &route[route.find(path).unwrap() + path.len()..];
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let handlers = &rest[..end.unwrap()];
        // Eclipse's report stands in a variable, for it has a method of its own that it refuses.
        let handlers = if handlers.contains("report)") || handlers.trim() == "\", report" { "get(" } else { handlers };
        for method in ["get", "post", "put", "delete", "patch"] {
            let named = handlers
                .match_indices(&format!("{method}("))
                .any(|(at, _)| !handlers[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'));
            if named {
                found.insert((method.to_ascii_uppercase(), path.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_route_is_described_and_every_description_is_routed() {
    let routes: BTreeSet<(String, String)> = std::iter::once(ROUTER).chain(COMPAT).flat_map(routed).collect();
    let described: BTreeSet<(String, String)> =
        operations().iter().map(|one| (one.method.to_string(), one.path.to_owned())).collect();
    let undescribed: Vec<_> = routes.difference(&described).collect();
    assert!(undescribed.is_empty(), "describe these in `operations()` beside their handlers: {undescribed:?}");
    let unrouted: Vec<_> = described.difference(&routes).collect();
    assert!(unrouted.is_empty(), "described, but not routed: {unrouted:?}");
}

#[test]
fn the_kept_file_is_the_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = serde_json::to_string_pretty(&document(SOMEWHERE)).unwrap() + "\n";
    if std::env::var_os("WAYBILL_WRITE_OPENAPI").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/openapi.json is not what the code says: run `make openapi`, and look at what changed");
}

/// Every value of a document, with a pointer to it.
fn walk(at: &str, value: &Value, look: &mut dyn FnMut(&str, &Value)) {
    look(at, value);
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => vec![],
    };
    for (name, value) in inner {
        walk(&format!("{at}/{name}"), value, look);
    }
}

#[test]
fn every_field_is_described_and_every_reference_leads_somewhere() {
    let document = document(SOMEWHERE);
    let operations: BTreeSet<&str> = super::operations().iter().map(|one| one.id).collect();
    assert_eq!(operations.len(), super::operations().len(), "ids of operations are unique");
    walk("", &document, &mut |at, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{at}: {reference}");
        }
        if let Some(id) = value.get("operationId").and_then(Value::as_str) {
            assert!(operations.contains(id), "{at}: {id}");
        }
        let parent = at.rsplit('/').nth(1).unwrap_or_default();
        let example = at.contains("/examples/") || at.contains("/example/");
        assert!(
            parent != "properties" || example || !value.is_null(),
            "a field that the code has is not described: {at}"
        );
    });
}

#[test]
fn paths_parameters_and_problems_belong_together() {
    for operation in operations() {
        let what = format!("{} {}", operation.method, operation.path);
        let in_path: BTreeSet<&str> =
            operation.path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let described: BTreeSet<&str> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_path, described, "{what}");
        assert!(!operation.answers.is_empty(), "{what}");
        assert!(TAGS.iter().any(|(tag, _)| *tag == operation.tag), "{what}");
        for code in operation.codes() {
            assert!(problems::known(code).is_some(), "{what}: {code}");
        }
    }
}

/// Codes with their status, as they stand in the sources of the own API.
fn sources(folder: &Path, look: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, look);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn codes_are_those_that_the_code_has_and_the_reference_names() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&source, &mut |path, text| {
        if path.components().any(|part| part.as_os_str() == "compat") || path.ends_with("openapi/tests.rs") {
            return;
        }
        for place in text.split("Problem::new(").skip(1) {
            let mut parts = place.splitn(3, ',');
            let (status, code) = (parts.next().unwrap().trim(), parts.next().unwrap_or_default().trim());
            let (Some(status), Some(code)) =
                (status.strip_prefix("StatusCode::"), code.strip_prefix('"').and_then(|code| code.strip_suffix('"')))
            else {
                continue;
            };
            // Shown to Eclipse's clients alone, in that product's words.
            if code == "csrf_mismatch" {
                continue;
            }
            let known = problems::known(code);
            let known = known.unwrap_or_else(|| panic!("{}: {code} is not among the codes", path.display()));
            let named = known.0.canonical_reason().unwrap().to_ascii_uppercase().replace(' ', "_");
            assert_eq!(named, status, "{}: {code}", path.display());
        }
    });
    let reference = include_str!("../../../../docs/api.md");
    for (status, code, _) in problems::CODES {
        let row = format!("| {} | `{code}` |", status.as_u16());
        assert!(reference.contains(&row), "docs/api.md lacks {row}");
    }
}
