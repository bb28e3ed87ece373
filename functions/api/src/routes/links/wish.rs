//! The body that asks for a link, read strictly.

use jiff::SignedDuration;
use serde_json::Value;
use waybill::{
    accept::Fault,
    domain::link::{LinkMode, MIN_LIFE, Wish},
};

/// Fields of a body.
pub const FIELDS: [&str; 3] = ["mode", "life_hours", "expires_in_seconds"];

/// Reads `{mode?, life_hours?, expires_in_seconds?}`; every fault at once.
pub fn parse(body: &Value) -> Result<Wish, Vec<Fault>> {
    let Some(fields) = body.as_object() else {
        return Err(vec![Fault::new("", "type", "The body must be a JSON object; {} will do.")]);
    };
    let mut faults: Vec<Fault> = fields
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .map(|name| {
            let name = name.replace('~', "~0").replace('/', "~1");
            Fault::new(format!("/{name}"), "unknown", format!("No such field. Known here: {}.", FIELDS.join(", ")))
        })
        .collect();
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let mode = given("mode").and_then(|value| {
        let mode = value.as_str().and_then(LinkMode::from_name);
        if mode.is_none() {
            let code = if value.is_string() { "not_allowed" } else { "type" };
            faults.push(Fault::new("/mode", code, "Must be one of managed, direct."));
        }
        mode
    });
    let mut lives = Vec::new();
    for (name, unit) in [("life_hours", 3600), ("expires_in_seconds", 1)] {
        let Some(value) = given(name) else { continue };
        // Beyond u32 lie centuries, which are refused as too long like any other figure.
        match value.as_u64().map(|figure| i64::from(u32::try_from(figure).unwrap_or(u32::MAX))) {
            Some(figure) => lives.push((name, SignedDuration::from_secs(figure * unit))),
            None => faults.push(Fault::new(pointer(name), "type", "Must be a whole number.")),
        }
    }
    if let [(_, _), (second, _)] = lives[..] {
        faults.push(Fault::new(pointer(second), "not_allowed", "Give the life in hours or in seconds, not both."));
    }
    for (name, life) in &lives {
        if *life < MIN_LIFE {
            faults.push(too_short(pointer(name)));
        }
    }
    let life = lives.first().map(|(_, life)| *life);
    if faults.is_empty() { Ok(Wish { mode, life }) } else { Err(faults) }
}

/// Where a body says how long the link is to live.
pub fn life_pointer(body: &Value) -> String {
    pointer(if body["life_hours"].is_null() { "expires_in_seconds" } else { "life_hours" })
}

/// A life below the least.
pub fn too_short(pointer: String) -> Fault {
    Fault::new(pointer, "out_of_range", format!("A link lives at least {} seconds.", MIN_LIFE.as_secs()))
}

fn pointer(name: &str) -> String {
    format!("/{name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wishes_are_read() {
        let cases = [
            (json!({}), Wish::default()),
            (json!({"mode": null, "life_hours": null}), Wish::default()),
            (json!({"mode": "direct"}), Wish { mode: Some(LinkMode::Direct), life: None }),
            (json!({"life_hours": 2}), Wish { mode: None, life: Some(SignedDuration::from_hours(2)) }),
            (json!({"expires_in_seconds": 60}), Wish { mode: None, life: Some(SignedDuration::from_secs(60)) }),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(&body), Ok(expected), "{body}");
        }
        assert!(parse(&json!({"life_hours": u64::MAX})).is_ok(), "too long is for who knows the file");
    }

    #[test]
    fn every_fault_is_named() {
        let cases = [
            (json!([]), vec![("", "type")]),
            (json!({"mode": "public", "x/y": 1}), vec![("/x~1y", "unknown"), ("/mode", "not_allowed")]),
            (json!({"mode": 1, "life_hours": "2"}), vec![("/mode", "type"), ("/life_hours", "type")]),
            (json!({"life_hours": 0}), vec![("/life_hours", "out_of_range")]),
            (json!({"life_hours": 1.5}), vec![("/life_hours", "type")]),
            (json!({"expires_in_seconds": 59}), vec![("/expires_in_seconds", "out_of_range")]),
            (json!({"expires_in_seconds": -1}), vec![("/expires_in_seconds", "type")]),
            (json!({"life_hours": 1, "expires_in_seconds": 60}), vec![("/expires_in_seconds", "not_allowed")]),
        ];
        for (body, expected) in cases {
            let faults = parse(&body).unwrap_err();
            let found: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
            assert_eq!(found, expected, "{body}");
        }
    }
}
