//! What holds for a tenant's mails, as its settings say it.

use std::collections::BTreeSet;

use serde_json::Value;
use waybill::{
    accept::fields::{Faults, Fields},
    domain::email::{Address, EmailSettings, Language, PasswordRule, is_domain},
};

use crate::{
    openapi::schema::{Schema, flag, list_of_at_most, names, pattern, sent},
    routes::requests::address,
};

/// Most domains that a tenant can be limited to.
const MAX_DOMAINS: usize = 100;

/// Longest address or domain that is looked at, in bytes: more than any rule allows.
const MAX_TEXT: usize = 512;

/// Names of hosts that are taken for sure.
const DOMAIN: &str = "^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?)+$";

const FIELDS: [&str; 5] = ["allowed_domains", "language", "password", "failure_notices", "reply_to"];

/// Reads `email`.
pub fn read(fields: &Fields, faults: &Faults) -> EmailSettings {
    let Some(email) = fields.object("email", &FIELDS) else { return EmailSettings::default() };
    EmailSettings {
        allowed_domains: allowed_domains(&email, faults),
        language: email.choice("language", Language::from_name, &Language::ALL.map(Language::name)).unwrap_or_default(),
        password: email
            .choice("password", PasswordRule::from_name, &PasswordRule::ALL.map(PasswordRule::name))
            .unwrap_or_default(),
        failure_notices: email.boolean("failure_notices"),
        reply_to: reply_to(&email, faults),
    }
}

fn allowed_domains(email: &Fields, faults: &Faults) -> Option<BTreeSet<String>> {
    email.get("allowed_domains")?;
    let entries = email.list("allowed_domains", MAX_DOMAINS);
    let domains = entries.into_iter().filter_map(|(at, entry)| {
        let domain = entry.as_str().filter(|text| is_domain(text)).map(str::to_ascii_lowercase);
        if domain.is_none() {
            faults.add(at, "format", "Must be a domain such as example.com; international names in their xn-- form.");
        }
        domain
    });
    Some(domains.collect())
}

fn reply_to(email: &Fields, faults: &Faults) -> Option<String> {
    let address = Address::parse(email.text("reply_to", MAX_TEXT)?);
    if address.is_err() {
        faults.add(email.pointer("reply_to"), "format", "Must be an address such as name@example.com.");
    }
    address.ok().map(|address| address.to_string())
}

/// `email`, as the API's description has it.
pub fn schema() -> Schema {
    sent(&FIELDS, &[], |name| match name {
        "allowed_domains" => list_of_at_most(pattern(DOMAIN), MAX_DOMAINS),
        "language" => names(Language::ALL.map(Language::name)),
        "password" => names(PasswordRule::ALL.map(PasswordRule::name)),
        "failure_notices" => flag(),
        "reply_to" => address(),
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::accept::Fault;

    use super::*;

    fn settings(email: &Value) -> Result<EmailSettings, Vec<(String, &'static str)>> {
        let (body, faults) = (json!({ "email": email }), Faults::default());
        let read = read(&Fields::of(&body, "", &["email"], &faults).unwrap(), &faults);
        let found: Vec<Fault> = faults.into_vec();
        if found.is_empty() { Ok(read) } else { Err(found.into_iter().map(|one| (one.pointer, one.code)).collect()) }
    }

    #[test]
    fn settings_are_read_and_shown_as_they_were_sent() {
        assert_eq!(settings(&Value::Null), Ok(EmailSettings::default()));
        let sent = json!({
            "allowed_domains": ["a.example", "B.example"], "language": "pt-BR", "password": "second",
            "failure_notices": false, "reply_to": "help@a.example",
        });
        let read = settings(&sent).unwrap();
        assert_eq!((read.language, read.password), (Language::Portuguese, PasswordRule::Second));
        assert!(!read.tells_of_failures());
        let shown = json!(read);
        assert_eq!(shown["allowed_domains"], json!(["a.example", "b.example"]));
        assert_eq!(settings(&shown), Ok(read), "what is shown can be sent back");
    }

    #[test]
    fn every_fault_is_found() {
        let wrong = json!({
            "allowed_domains": ["a.example", "@b.example", "*.c.example", 1], "language": "fr", "password": "maybe",
            "failure_notices": 1, "reply_to": "Help <help@a.example>", "from": "x",
        });
        let expected = [
            ("/email/from", "unknown"),
            ("/email/allowed_domains/1", "format"),
            ("/email/allowed_domains/2", "format"),
            ("/email/allowed_domains/3", "format"),
            ("/email/language", "not_allowed"),
            ("/email/password", "not_allowed"),
            ("/email/failure_notices", "type"),
            ("/email/reply_to", "format"),
        ];
        assert_eq!(settings(&wrong), Err(expected.map(|(at, code)| (at.to_owned(), code)).into()));
    }
}
