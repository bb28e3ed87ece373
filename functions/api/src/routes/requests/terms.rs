//! What an interface settled for a request, settled again for one that repeats it.

use std::collections::BTreeMap;

use waybill::{
    aws::table::{Row, keys::Key},
    domain::{delivery::Target, endpoint::Profile, id::RequestId, interface::Terms, request::Request},
    seal::{Keyring, SealError},
};

use crate::{app::App, problem::Problem};

/// The terms of `original` for its repetition under `id`. Nobody waits for that one, so what was asked for as an answer
/// has the tenant's own link and life of a file.
pub async fn repeated(app: &App, original: &Request, id: RequestId) -> Result<Terms, Problem> {
    if original.interface.is_own() {
        return Ok(Terms::default());
    }
    let (profile, headers) = match &original.delivery {
        Some(Target::Webhook { profile, headers, .. }) if !headers.is_empty() => {
            let keyring = app.sealing.get().await?;
            let (from, to) = (original.key().associated(), Key::request(&original.tenant, id).associated());
            (*profile, resealed(&keyring, headers, (&from, &to)).map_err(|e| Problem::unavailable(&e))?)
        }
        Some(Target::Webhook { profile, .. }) => (*profile, BTreeMap::new()),
        _ => (Profile::default(), BTreeMap::new()),
    };
    let was_answer = original.answer_by.is_some();
    Ok(Terms {
        interface: original.interface,
        keeps: original.keeps.clone(),
        profile,
        headers,
        link: (!was_answer).then_some(original.link),
        retention_hours: (!was_answer).then_some(original.retention_hours),
        answer_by: None,
        occasion: None,
    })
}

/// Values that are sealed for one row, sealed for another.
fn resealed(
    keyring: &Keyring,
    headers: &BTreeMap<String, String>,
    (from, to): (&str, &str),
) -> Result<BTreeMap<String, String>, SealError> {
    let one = |(name, sealed): (&String, &String)| {
        let value = keyring.open_text(sealed, from)?;
        Ok((name.clone(), keyring.seal(value.expose().as_bytes(), to)?))
    };
    headers.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use waybill::seal::generate_keyring;

    use super::*;

    #[test]
    fn headers_open_in_the_new_row_alone() {
        let keyring = Keyring::parse(generate_keyring().expose()).unwrap();
        let headers = BTreeMap::from([("x-key".to_owned(), keyring.seal(b"secret", "old").unwrap())]);
        let moved = resealed(&keyring, &headers, ("old", "new")).unwrap();
        assert_eq!(keyring.open_text(&moved["x-key"], "new").unwrap().expose(), "secret");
        assert_eq!(keyring.open_text(&moved["x-key"], "old").unwrap_err(), SealError::Refused);
        assert_eq!(resealed(&keyring, &headers, ("other", "new")), Err(SealError::Refused));
    }
}
