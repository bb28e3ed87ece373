//! A tenant's settings of Eclipse's interface.

use jiff::tz::TimeZone;
use serde_json::Value;
use waybill::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    domain::{
        interface::{
            Eclipse,
            eclipse::{MAX_LINK_DAYS, most_link_days},
        },
        password,
        retry::Schedule,
        wrapping::ZipCipher,
    },
};

use crate::openapi::schema::{Schema, bytes, described, names, sent, whole};

const FIELDS: [&str; 4] = ["time_zone", "link_days", "cipher", "password_length"];

/// Longest name of a zone that is looked at, in bytes.
const MAX_ZONE: usize = 64;

/// Reads `eclipse`: `{time_zone?, link_days?, cipher?, password_length?}`.
pub fn read(interfaces: &Fields, faults: &Faults) -> Option<Eclipse> {
    let fields = interfaces.object("eclipse", &FIELDS)?;
    let unless_given = Eclipse::default();
    Some(Eclipse {
        time_zone: zone(&fields, faults).unwrap_or(unless_given.time_zone),
        link_days: fields.whole("link_days", 1..=MAX_LINK_DAYS).unwrap_or(unless_given.link_days),
        cipher: fields
            .choice("cipher", ZipCipher::from_name, &ZipCipher::ALL.map(ZipCipher::name))
            .unwrap_or(unless_given.cipher),
        password_length: fields.whole("password_length", password::LENGTHS).unwrap_or(unless_given.password_length),
    })
}

fn zone(fields: &Fields, faults: &Faults) -> Option<String> {
    let name = fields.text("time_zone", MAX_ZONE)?;
    if TimeZone::get(name).is_err() {
        faults.add(
            fields.pointer("time_zone"),
            "format",
            "Must be the IANA name of a zone, such as Africa/Johannesburg.",
        );
    }
    Some(name.to_owned())
}

/// What of the settings cannot be kept with that schedule of attempts.
pub fn unkeepable(eclipse: &Eclipse, schedule: &Schedule) -> Option<Fault> {
    let most = most_link_days(schedule);
    let detail = format!(
        "A file is kept for 7 days at most: for all attempts at telling of it (RetrySchedule), and from the last one on \
         for these days. That leaves {most}."
    );
    let fault = Fault::new("/interfaces/eclipse/link_days", "out_of_range", detail);
    (eclipse.link_days > most).then_some(fault)
}

/// What to say of the settings, in a sentence.
pub fn warning(eclipse: &Eclipse) -> Option<String> {
    let warning = "The cipher zipcrypto of the interface eclipse is weak: whoever knows a part of a file's content can \
                   open it without the password. It is what `unzip -P` opens; use aes256 where the receiver's tools \
                   open that.";
    (eclipse.cipher == ZipCipher::Zipcrypto).then(|| warning.to_owned())
}

/// The settings, as the API's description has them.
pub fn schema() -> Schema {
    sent(&FIELDS, &[], |name| match name {
        "time_zone" => described(bytes(MAX_ZONE), "IANA name of a zone."),
        "link_days" => described(whole(1..=MAX_LINK_DAYS), "No more than the schedule of attempts leaves of 7 days."),
        "cipher" => names(ZipCipher::ALL.map(ZipCipher::name)),
        "password_length" => whole(password::LENGTHS),
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_of(eclipse: &Value) -> (Option<Eclipse>, Vec<(String, &'static str)>) {
        let (body, faults) = (json!({ "eclipse": eclipse }), Faults::default());
        let settings =
            Fields::of(&body, "/interfaces", &["eclipse"], &faults).and_then(|fields| read(&fields, &faults));
        (settings, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn settings_have_defaults_and_are_shown_as_they_are_read() {
        assert_eq!(read_of(&json!({})), (Some(Eclipse::default()), vec![]));
        assert_eq!(read_of(&Value::Null), (None, vec![]));
        let given = json!({
            "time_zone": "Africa/Johannesburg", "link_days": 3, "cipher": "aes256", "password_length": 20,
        });
        let (settings, faults) = read_of(&given);
        assert_eq!((json!(settings), faults), (given, vec![]));
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let (_, found) = read_of(&json!({
            "time_zone": "Mars/Olympus", "link_days": 8, "cipher": "rot13", "password_length": 9, "bucket": "x",
        }));
        let expected = [
            ("bucket", "unknown"),
            ("time_zone", "format"),
            ("link_days", "out_of_range"),
            ("cipher", "not_allowed"),
            ("password_length", "out_of_range"),
        ];
        assert_eq!(found, expected.map(|(at, code)| (format!("/interfaces/eclipse/{at}"), code)));
        let zone = read_of(&json!({ "time_zone": "../../etc/passwd" })).1;
        assert_eq!(zone, [("/interfaces/eclipse/time_zone".to_owned(), "format")]);
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_refused() {
        let schedule = Schedule::parse("0,86400,86400,86400").unwrap();
        let refused = |link_days| unkeepable(&Eclipse { link_days, ..Eclipse::default() }, &schedule);
        assert_eq!(refused(3), None);
        let fault = refused(4).unwrap();
        assert!(fault.code == "out_of_range" && fault.detail.ends_with("leaves 3."), "{fault:?}");
    }
}
