//! The configuration of a webhook in IDUnico's terms, and in those of an endpoint. Nothing is judged here but what has no
//! counterpart: the own API's reader does that, and what it finds is told at the place that it stands for.

use serde_json::{Map, Value, json};
use waybill::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    domain::endpoint::{Authentication, Endpoint, Profile, RetryPolicy, Settings, unico_status},
};

/// What the owner decides, each with where the own API has it.
pub const FIELDS: [(&str, &str); 14] = [
    ("url", "/url"),
    ("description", "/description"),
    ("authenticationType", "/authentication/type"),
    ("secret", "/authentication/secret"),
    ("user", "/authentication/user"),
    ("header", "/authentication/header"),
    ("tokenUrl", "/authentication/token_url"),
    ("clientId", "/authentication/client_id"),
    ("scope", "/authentication/scope"),
    ("maxAttempts", "/retry/max_attempts"),
    ("intervalSeconds", "/retry/first_interval_seconds"),
    ("rateLimit", "/concurrency"),
    ("timeoutSeconds", "/timeout_seconds"),
    ("statuses", "/statuses"),
];

/// What is shown besides, and nobody sets.
pub const SHOWN: [&str; 5] = ["id", "createdAt", "updatedAt", "state", "throughput"];

/// Ways to be known to the receiver: the name here, the own API's, and its name for the secret.
pub const AUTHENTICATIONS: [(&str, &str, Option<&str>); 4] = [
    ("none", "none", None),
    ("basic", "basic", Some("credentials")),
    ("apiKey", "api_key", Some("key")),
    ("oauth2", "oauth2", Some("client_secret")),
];

/// The body of the own API for a webhook's configuration.
pub fn body(given: &Value) -> Result<Value, Vec<Fault>> {
    let faults = Faults::default();
    let known: Vec<&str> = FIELDS.into_iter().map(|(name, _)| name).chain(SHOWN).collect();
    let body = Fields::of(given, "", &known, &faults).map(|fields| {
        let mut body = json!({ "profile": Profile::Unico });
        let authentication = authentication(&fields, &faults);
        for (name, place) in FIELDS {
            let Some(value) = fields.get(name) else { continue };
            let place: Vec<&str> = place.split('/').skip(1).collect();
            match place[..] {
                [field] => body[field] = value.clone(),
                ["retry", field] => body["retry"][field] = value.clone(),
                _ => {}
            }
        }
        if let Some(authentication) = authentication {
            body["authentication"] = authentication;
        }
        body
    });
    let faults = faults.into_vec();
    body.filter(|_| faults.is_empty()).ok_or(faults)
}

/// None where nothing is said of it: then it stays as it is.
fn authentication(fields: &Fields, faults: &Faults) -> Option<Value> {
    let belongings = ["secret", "user", "header", "tokenUrl", "clientId", "scope"];
    let Some(_) = fields.get("authenticationType") else {
        for name in belongings.into_iter().filter(|name| fields.get(name).is_some()) {
            faults.add(fields.pointer(name), "not_allowed", "Say `authenticationType` with it.");
        }
        return None;
    };
    let find = |name: &str| AUTHENTICATIONS.into_iter().find(|(known, ..)| *known == name);
    let (name, own, secret) = fields.choice("authenticationType", find, &AUTHENTICATIONS.map(|(name, ..)| name))?;
    let mut authentication = Map::from_iter([("type".to_owned(), json!(own))]);
    for belonging in belongings {
        let Some(value) = fields.get(belonging) else { continue };
        let field = match (belonging, name) {
            ("secret", _) => secret,
            ("user", "basic") | ("header", "apiKey") => Some(belonging),
            ("tokenUrl", "oauth2") => Some("token_url"),
            ("clientId", "oauth2") => Some("client_id"),
            ("scope", "oauth2") => Some("scope"),
            _ => None,
        };
        match field {
            Some(field) => _ = authentication.insert(field.to_owned(), value.clone()),
            None => faults.add(fields.pointer(belonging), "not_allowed", format!("Not with {name}.")),
        }
    }
    Some(Value::Object(authentication))
}

/// Where a fault that the own API found stands in the configuration.
pub fn place(pointer: &str) -> String {
    let secret = AUTHENTICATIONS.iter().filter_map(|(_, _, secret)| *secret);
    if secret.map(|secret| format!("/authentication/{secret}")).any(|at| at == pointer) {
        return "/secret".to_owned();
    }
    if let Some(entry) = pointer.strip_prefix("/statuses/") {
        return format!("/statuses/{entry}");
    }
    let found = FIELDS.into_iter().find(|(_, place)| *place == pointer);
    match (found, pointer) {
        (Some((name, _)), _) => format!("/{name}"),
        (None, "/authentication") => "/authenticationType".to_owned(),
        (None, "/retry") => "/maxAttempts".to_owned(),
        (None, _) => pointer.to_owned(),
    }
}

/// A webhook as its owner sees it: never a secret.
pub fn describe(endpoint: &Endpoint) -> Value {
    let Settings { url, description, authentication, retry, timeout_seconds, concurrency, events, .. } =
        &endpoint.settings;
    let mut shown = json!({
        "id": endpoint.id.uuid(),
        "url": url,
        "description": Some(description).filter(|text| !text.is_empty()),
        "rateLimit": concurrency,
        "timeoutSeconds": timeout_seconds,
        "statuses": events.iter().filter_map(|event| unico_status(*event)).collect::<std::collections::BTreeSet<u32>>(),
        "createdAt": endpoint.created_at,
        "updatedAt": endpoint.updated_at,
    });
    let known_by = match authentication {
        Authentication::None => json!({ "authenticationType": "none" }),
        Authentication::Basic { user, .. } => json!({ "authenticationType": "basic", "user": user }),
        Authentication::ApiKey { header, .. } => json!({ "authenticationType": "apiKey", "header": header }),
        Authentication::Oauth2 { token_url, client_id, scope, .. } => json!({
            "authenticationType": "oauth2",
            "tokenUrl": token_url,
            "clientId": client_id,
            "scope": Some(scope).filter(|scope| !scope.is_empty()),
        }),
    };
    if let (Value::Object(shown), Value::Object(known_by)) = (&mut shown, known_by) {
        shown.extend(known_by);
    }
    if let RetryPolicy::Exponential { max_attempts, first_interval_seconds, .. } = retry {
        shown["maxAttempts"] = json!(max_attempts);
        shown["intervalSeconds"] = json!(first_interval_seconds);
    }
    shown
}

/// How it fares, from what the own API shows: what it may be sent at a time, and what of that is in force.
pub fn add_state(shown: &mut Value, state: &Value) {
    shown["state"] = state["state"].clone();
    shown["throughput"] = json!({
        "rateLimit": state["concurrency"],
        "inForce": state["limit"],
        "reduced": state["limit"].as_u64() < state["concurrency"].as_u64(),
        "errorRate": state["error_rate"],
        "inFlight": state["in_flight"],
        "waiting": state["waiting"],
        "nextRetryAt": state["next_retry_at"],
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(given: &Value) -> Vec<(String, &'static str)> {
        body(given).err().unwrap_or_default().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_configuration_becomes_an_endpoint() {
        let given = json!({
            "url": "https://example.com/", "authenticationType": "apiKey", "secret": "x-key:a:b", "maxAttempts": 5,
            "intervalSeconds": 30, "rateLimit": 500, "timeoutSeconds": 10, "statuses": [2, 3],
            "id": "as it was shown", "throughput": {}, "description": null,
        });
        let expected = json!({
            "url": "https://example.com/", "profile": "unico", "authentication": { "type": "api_key", "key": "x-key:a:b" },
            "retry": { "max_attempts": 5, "first_interval_seconds": 30 }, "concurrency": 500, "timeout_seconds": 10,
            "statuses": [2, 3],
        });
        assert_eq!(body(&given), Ok(expected));
        let oauth = json!({
            "url": "u", "authenticationType": "oauth2", "secret": "s", "tokenUrl": "t", "clientId": "c", "scope": "x",
        });
        let authentication =
            json!({ "type": "oauth2", "client_secret": "s", "token_url": "t", "client_id": "c", "scope": "x" });
        assert_eq!(body(&oauth).unwrap()["authentication"], authentication);
        assert!(body(&json!({ "url": "u" })).unwrap().get("authentication").is_none(), "it stays as it is");
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        let at = |name: &str, code| (format!("/{name}"), code);
        assert_eq!(faults(&json!([])), [(String::new(), "type")]);
        let found = faults(&json!({ "profile": "waybill", "authenticationType": "none", "secret": "x", "events": [] }));
        assert_eq!(found, [at("events", "unknown"), at("profile", "unknown"), at("secret", "not_allowed")]);
        assert_eq!(faults(&json!({ "secret": "a:b" })), [at("secret", "not_allowed")]);
        assert_eq!(faults(&json!({ "authenticationType": "digest" })), [at("authenticationType", "not_allowed")]);
        assert_eq!(faults(&json!({ "authenticationType": "basic", "header": "x" })), [at("header", "not_allowed")]);
    }

    #[test]
    fn faults_are_told_where_they_stand() {
        for (own, here) in [
            ("/url", "/url"),
            ("/authentication/credentials", "/secret"),
            ("/authentication/key", "/secret"),
            ("/authentication/client_secret", "/secret"),
            ("/authentication/token_url", "/tokenUrl"),
            ("/authentication", "/authenticationType"),
            ("/retry/first_interval_seconds", "/intervalSeconds"),
            ("/concurrency", "/rateLimit"),
            ("/statuses/1", "/statuses/1"),
            ("/statuses", "/statuses"),
        ] {
            assert_eq!(place(own), here);
        }
    }
}
