//! One order of what was asked, in the words of Waybill's own API, and its faults in Eclipse's.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json, json};
use waybill::{
    accept::{Fault, Rejected},
    aws::table::keys::Key,
    domain::{
        definition::Definition,
        endpoint::Profile,
        id::RequestId,
        interface::{Eclipse, Interface, Terms},
        link::{LinkMode, LinkPolicy},
    },
    seal::Keyring,
};

use super::query::{Faults, ORGANISATION, VALUE, Wanted};
use crate::{app::App, problem::Problem};

/// The definition's name for `organisationId`.
const ORGANISATION_PARAMETER: &str = "organisation_id";

/// The body of the request. Values that cannot be read are left out, and are faults.
pub fn body(
    wanted: &Wanted,
    definition: &Definition,
    settings: &Eclipse,
    zone: &TimeZone,
    faults: &mut Faults,
) -> Json {
    let mut body = json!({
        "report": definition.id,
        "parameters": parameters(wanted, definition, zone, faults),
        "format": wanted.format,
        "packaging": "plain",
    });
    if wanted.streams {
        body["packaging"] = json!("zip");
        // The report and nothing else, as its clients know it.
        body["package"] = json!({ "cipher": settings.cipher, "manifest": false });
        body["delivery"] = wanted.delivery.as_ref().map(|delivery| delivery.target.clone()).into();
    }
    body
}

fn parameters(wanted: &Wanted, definition: &Definition, zone: &TimeZone, faults: &mut Faults) -> Map<String, Json> {
    let mut parameters = Map::new();
    for (name, text) in &wanted.parameters {
        let own = if name == ORGANISATION { ORGANISATION_PARAMETER } else { name };
        let known = definition.parameters.iter().find(|parameter| parameter.name == own);
        // That the report has no such parameter is told where the order is judged.
        let typed = known.map_or(Ok(json!(text)), |parameter| super::parameter::typed(&parameter.kind, text, zone));
        match typed {
            Ok(value) => _ = parameters.insert(own.to_owned(), value),
            Err((code, detail)) => faults.add(name, code, detail),
        }
    }
    parameters
}

/// What is settled beside the body, for a report that is delivered.
pub fn delivered(app: &App, settings: &Eclipse, headers: BTreeMap<String, String>) -> Result<Terms, Problem> {
    let Some(retention_hours) = settings.retention_hours(&app.schedule) else {
        let why =
            "a file cannot be kept for all attempts and the promised days: link_days, or RetrySchedule, is too long";
        return Err(Problem::unavailable(&why));
    };
    Ok(Terms {
        interface: Interface::Eclipse,
        profile: Profile::Eclipse,
        headers,
        link: Some(settings.link()),
        retention_hours: Some(retention_hours),
        ..Terms::default()
    })
}

/// The same for one that is the answer. No link is made, and none is needed.
pub fn waited_for(answer_by: Timestamp) -> Terms {
    Terms {
        interface: Interface::Eclipse,
        link: Some(LinkPolicy { mode: LinkMode::Direct, ..LinkPolicy::default() }),
        answer_by: Some(answer_by),
        ..Terms::default()
    }
}

/// The additional headers, sealed for the row of the request.
pub fn sealed(
    keyring: &Keyring,
    headers: &BTreeMap<String, String>,
    (tenant, id): (&str, RequestId),
) -> Result<BTreeMap<String, String>, Problem> {
    let associated = Key::request(tenant, id).associated();
    let seal = |(name, value): (&String, &String)| Ok((name.clone(), keyring.seal(value.as_bytes(), &associated)?));
    headers.iter().map(seal).collect::<Result<_, _>>().map_err(|e: waybill::seal::SealError| Problem::unavailable(&e))
}

/// Why it was not accepted, in Eclipse's words; `known` are faults that were found before.
pub fn refused(rejected: Rejected, known: Vec<Fault>) -> Problem {
    match rejected {
        Rejected::Invalid(faults) => Problem::bad_query(merged(known, faults)),
        Rejected::UnknownReport(_) => {
            Problem::new(StatusCode::NOT_FOUND, "report_not_found", "There is no such report, or it is not yours.")
        }
        other => other.into(),
    }
}

/// A parameter that could not be read is missing where the order is judged: it is told once.
fn merged(mut known: Vec<Fault>, judged: Vec<Fault>) -> Vec<Fault> {
    for fault in judged {
        let fault = Fault { pointer: in_their_words(&fault.pointer), ..fault };
        if known.iter().all(|other| other.pointer != fault.pointer) {
            known.push(fault);
        }
    }
    known
}

/// The query parameter that a place in the body comes from.
fn in_their_words(pointer: &str) -> String {
    let mut steps = pointer.split('/').skip(1);
    match (steps.next(), steps.next()) {
        (Some("parameters"), Some(ORGANISATION_PARAMETER)) => ORGANISATION.to_owned(),
        (Some("parameters"), Some(name)) => name.to_owned(),
        (Some("delivery"), _) => VALUE.to_owned(),
        (Some(field), _) => field.to_owned(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use waybill::domain::definition::parse::parse;

    use super::*;
    use crate::compat::eclipse::query;

    const WALLET: &str = include_str!("../../../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

    fn made(raw: &str) -> (Json, Vec<(String, &'static str)>) {
        let definition = parse("Report_digital_wallet_transaction_detail.toml", WALLET).unwrap();
        let (wanted, mut faults) = query::read(Some(raw));
        let body = body(&wanted, &definition, &Eclipse::default(), &TimeZone::UTC, &mut faults);
        (body, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn an_answer_is_a_plain_file() {
        let (body, faults) = made("d1=2024-01-01T00:00:00.000&d2=2024-02-01T00:00:00.000&organisationId=101");
        let parameters = json!({
            "d1": "2024-01-01T00:00:00.000", "d2": "2024-02-01T00:00:00.000", "organisation_id": 101,
        });
        let id = "Report_digital_wallet_transaction_detail";
        let expected = json!({ "report": id, "parameters": parameters, "format": "json", "packaging": "plain" });
        assert_eq!((body, faults), (expected, vec![]));
    }

    #[test]
    fn what_is_delivered_is_an_archive() {
        let raw = "d1=2024-01-01&d2=2024-02-01&format=xls&streamResult=true&deliveryMechanismType=http\
                   &deliveryMechanismValue=https://app.example.com/";
        let (body, faults) = made(raw);
        assert_eq!(faults, []);
        assert_eq!((&body["format"], &body["packaging"]), (&json!("xlsx"), &json!("zip")));
        assert_eq!(body["package"], json!({ "cipher": "zipcrypto", "manifest": false }));
        assert_eq!(body["delivery"], json!({ "webhook": { "url": "https://app.example.com/" } }));
    }

    #[test]
    fn what_cannot_be_read_is_told_once() {
        let (body, found) = made("d1=2024-02-30&d3=x&organisationId=1.5&s1=x");
        assert_eq!(found, [("d1".to_owned(), "format"), (ORGANISATION.to_owned(), "format")]);
        assert_eq!(body["parameters"], json!({ "d3": "x", "s1": "x" }));
        let known = vec![Fault::new("d1", "format", "")];
        let judged =
            ["/parameters/d1", "/parameters/d2", "/parameters/organisation_id", "/delivery/webhook/url", "/format"];
        let judged = judged.map(|at| Fault::new(at, "missing", "")).to_vec();
        let told: Vec<_> = merged(known, judged).into_iter().map(|fault| (fault.pointer, fault.code)).collect();
        let expected = ["d2", ORGANISATION, VALUE, "format"].map(|name| (name.to_owned(), "missing"));
        assert_eq!(told[0], ("d1".to_owned(), "format"));
        assert_eq!(told[1..], expected);
    }

    #[test]
    fn headers_are_sealed_for_their_request() {
        let keyring = Keyring::parse(waybill::seal::generate_keyring().expose()).unwrap();
        let (id, headers) = (RequestId::generate(), BTreeMap::from([("x-key".to_owned(), "secret".to_owned())]));
        let sealed = sealed(&keyring, &headers, ("acme", id)).unwrap();
        let opened = keyring.open_text(&sealed["x-key"], &Key::request("acme", id).associated()).unwrap();
        assert_eq!(opened.expose(), "secret");
        assert!(keyring.open_text(&sealed["x-key"], &Key::request("other", id).associated()).is_err());
    }
}
