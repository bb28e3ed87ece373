//! The licence context of a generation: in a header, in the legacy body, or in both, where it must be the same.

use http::{HeaderMap, StatusCode};
use serde_json::json;
use waybill::domain::licence::{ContextFault, LicenceContext, SeatAsk};

use crate::{problem::Problem, routes::licences::LICENCE_CONTEXT};

/// Where faults of either say that they are.
const HEADER: &str = "X-License-Context";
const FIELD: &str = "generateParams.licenseContext";

/// The seat that a generation takes: its context's, or else the tenant's own for the user.
pub fn seat(headers: &HeaderMap, body: Option<&str>, tenant: &str, user: &str) -> Result<SeatAsk, Problem> {
    let header = of_header(headers).and_then(|text| text.map(LicenceContext::parse).transpose());
    let header = header.map_err(|faults| invalid(HEADER, &faults))?;
    let body = body.map(LicenceContext::parse).transpose().map_err(|faults| invalid(FIELD, &faults))?;
    match (&header, &body) {
        (Some(one), Some(other)) if one != other => {
            let detail = format!("Must say the same as the header {HEADER}, or be left out.");
            Err(invalid(FIELD, &[ContextFault { pointer: "", code: "not_allowed", detail }]))
        }
        (Some(context), _) | (None, Some(context)) => Ok(SeatAsk::of_context(context)),
        (None, None) => Ok(SeatAsk::of_user(tenant, user)),
    }
}

/// The header, sent once; one that is empty is none.
fn of_header(headers: &HeaderMap) -> Result<Option<&str>, Vec<ContextFault>> {
    let fault = |code, detail: &str| vec![ContextFault { pointer: "", code, detail: detail.to_owned() }];
    let mut values = headers.get_all(LICENCE_CONTEXT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(fault("not_allowed", "Send it once."));
    }
    let text = value.to_str().map_err(|_| fault("base64", "Must be base64."))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn invalid(at: &str, faults: &[ContextFault]) -> Problem {
    let errors = faults.iter().map(|fault| {
        let place = format!("{at}{}", fault.pointer.replace('/', "."));
        json!({ "pointer": place, "code": fault.code, "detail": fault.detail })
    });
    let detail =
        "Correct what `details` lists of the licence context, by places in the decoded object; nothing was recorded.";
    Problem::new(StatusCode::BAD_REQUEST, "licence_context_invalid", detail).with_errors(errors.collect())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use http::HeaderValue;
    use serde_json::Value;

    use super::*;

    fn context(thread: i64) -> String {
        let context = json!({
            "federalId": " ", "mainThreadId": thread, "threadId": 7, "moduleId": "2", "actionName": "A",
            "licenseServer": { "hostname": "l", "port": 5555 }, "client": { "hostname": "c", "port": 1235 },
            "user": { "name": "000000", "isFullDeterminado": false, "credentials": null },
        });
        BASE64_STANDARD.encode(context.to_string())
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (LICENCE_CONTEXT, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn places(refused: &Problem) -> Vec<(&Value, &Value)> {
        assert_eq!((refused.status(), refused.code), (StatusCode::BAD_REQUEST, "licence_context_invalid"));
        refused.errors().iter().map(|error| (&error["pointer"], &error["code"])).collect()
    }

    #[test]
    fn either_will_do_and_both_must_agree() {
        let (one, other) = (context(1), context(2));
        let of_header = seat(&headers(&[&one]), None, "acme", "maria").unwrap();
        assert_eq!(seat(&headers(&[]), Some(&one), "acme", "maria").unwrap(), of_header);
        assert_eq!(seat(&headers(&[&one]), Some(&one), "acme", "maria").unwrap(), of_header);
        let refused = seat(&headers(&[&one]), Some(&other), "acme", "maria").unwrap_err();
        assert_eq!(places(&refused), [(&json!(FIELD), &json!("not_allowed"))]);
        assert_eq!(seat(&headers(&[""]), None, "acme", "maria").unwrap(), SeatAsk::of_user("acme", "maria"));
    }

    #[test]
    fn faults_name_their_place() {
        let refused = seat(&headers(&["%%%"]), None, "acme", "maria").unwrap_err();
        assert_eq!(places(&refused), [(&json!(HEADER), &json!("base64"))]);
        let wrong = BASE64_STANDARD.encode(context_without_port().to_string());
        let refused = seat(&headers(&[]), Some(&wrong), "acme", "maria").unwrap_err();
        assert_eq!(places(&refused), [(&json!("generateParams.licenseContext.client.port"), &json!("type"))]);
        let twice = context(1);
        let refused = seat(&headers(&[&twice, &twice]), None, "acme", "maria").unwrap_err();
        assert_eq!(places(&refused), [(&json!(HEADER), &json!("not_allowed"))]);
    }

    fn context_without_port() -> Value {
        let decoded = BASE64_STANDARD.decode(context(1)).unwrap();
        let mut context: Value = serde_json::from_slice(&decoded).unwrap();
        context["client"]["port"] = json!("1235");
        context
    }
}
