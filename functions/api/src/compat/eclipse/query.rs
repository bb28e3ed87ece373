//! The query string: each parameter known, at most once, and going with the others. Every fault at once.

use std::collections::BTreeMap;

use waybill::{accept::Fault, domain::outcome::Format};

use super::delivery::{self, Delivery};

const FORMAT: &str = "format";
const STREAM: &str = "streamResult";
/// Which channel.
pub const TYPE: &str = "deliveryMechanismType";
/// Whom in that channel.
pub const VALUE: &str = "deliveryMechanismValue";
/// Headers of a callback.
pub const HEADERS: &str = "webhookAdditionalHeaders";
/// The one parameter of a report that has a name, not a number.
pub const ORGANISATION: &str = "organisationId";

/// Longest value, in bytes.
const MAX_VALUE: usize = 8 * 1024;

/// What is asked for, as far as the query string tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `d1`–`d8`, `s1`–`s20`, `n1`–`n8` and `organisationId`, as they were given.
    pub parameters: BTreeMap<String, String>,
    /// How rows are written.
    pub format: Format,
    /// The report is not the answer, but delivered.
    pub streams: bool,
    /// Where to; none where it is not to be delivered, or faulty.
    pub delivery: Option<Delivery>,
}

/// Collects faults by parameter.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault of that parameter.
    pub fn add(&mut self, parameter: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(Fault::new(parameter, code, detail));
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// Reads a query string as it came.
pub fn read(raw: Option<&str>) -> (Wanted, Faults) {
    let mut faults = Faults::default();
    let mut given = given(raw.unwrap_or_default(), &mut faults);
    let format = format(given.remove(FORMAT).as_deref(), &mut faults);
    let streams = streams(given.remove(STREAM).as_deref(), &mut faults);
    let mechanism =
        delivery::Asked { kind: given.remove(TYPE), value: given.remove(VALUE), headers: given.remove(HEADERS) };
    let delivery = if streams { delivery::read(mechanism, &mut faults) } else { refuse(&mechanism, &mut faults) };
    (Wanted { parameters: given, format, streams, delivery }, faults)
}

/// Values by name, of what is known and given once.
fn given(raw: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut given: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()).into_owned() {
        if !is_known(&name) {
            let detail = format!(
                "No such parameter. Known here: d1 to d8, s1 to s20, n1 to n8, {ORGANISATION}, {FORMAT}, {STREAM}, {TYPE}, \
                 {VALUE}, {HEADERS}."
            );
            faults.add(&shown(&name), "unknown", detail);
        } else if let Some(earlier) = given.get_mut(&name) {
            if earlier.take().is_some() {
                faults.add(&name, "not_allowed", "Given more than once.");
            }
        } else {
            let readable = readable(&value).map_err(|detail| faults.add(&name, "format", detail));
            given.insert(name, readable.is_ok().then_some(value));
        }
    }
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A name that a caller made up, fit to be told.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn readable(value: &str) -> Result<(), String> {
    if value.contains('\u{FFFD}') || value.contains('\0') {
        return Err("Must be text in UTF-8, percent-encoded.".to_owned());
    }
    if value.len() > MAX_VALUE { Err(format!("Must be at most {MAX_VALUE} bytes long.")) } else { Ok(()) }
}

fn is_known(name: &str) -> bool {
    [FORMAT, STREAM, TYPE, VALUE, HEADERS, ORGANISATION].contains(&name) || is_numbered(name)
}

/// `d1`–`d8`, `s1`–`s20`, `n1`–`n8`.
fn is_numbered(name: &str) -> bool {
    let most = match name.as_bytes().first() {
        Some(b'd' | b'n') => 8,
        Some(b's') => 20,
        _ => return false,
    };
    let number = name.get(1..).and_then(|number| number.parse::<u8>().ok());
    // Neither `d01` nor `d+1`.
    number.is_some_and(|number| (1..=most).contains(&number) && name[1..] == number.to_string())
}

fn format(given: Option<&str>, faults: &mut Faults) -> Format {
    match given {
        None | Some("json") => Format::Json,
        Some("csv") => Format::Csv,
        Some("xml") => Format::Xml,
        Some("xls") => Format::Xlsx,
        Some(_) => {
            faults.add(FORMAT, "not_allowed", "Must be one of json, csv, xml, xls.");
            Format::Json
        }
    }
}

fn streams(given: Option<&str>, faults: &mut Faults) -> bool {
    match given {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            faults.add(STREAM, "not_allowed", "Must be true or false.");
            // What goes with either is then not judged by the other.
            true
        }
    }
}

/// Who waits for the report gets it as the answer.
fn refuse(asked: &delivery::Asked, faults: &mut Faults) -> Option<Delivery> {
    for (name, given) in [(TYPE, &asked.kind), (VALUE, &asked.value), (HEADERS, &asked.headers)] {
        if given.is_some() {
            faults.add(name, "not_allowed", format!("Goes with {STREAM}=true only."));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(raw: &str) -> Vec<(String, &'static str)> {
        read(Some(raw)).1.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_call_as_documented_is_read() {
        let (wanted, faults) = read(Some(
            "d1=2024-01-01T00:00:00.000&d2=2024-02-01T00%3A00%3A00.000&s20=a+b&n8=-1.50&organisationId=7&format=csv\
             &streamResult=true&deliveryMechanismType=http&deliveryMechanismValue=https://app.example.com/ready",
        ));
        assert_eq!(faults.into_vec(), []);
        let expected = [
            ("d1", "2024-01-01T00:00:00.000"),
            ("d2", "2024-02-01T00:00:00.000"),
            ("n8", "-1.50"),
            ("organisationId", "7"),
            ("s20", "a b"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((wanted.parameters, wanted.format, wanted.streams), (expected.into(), Format::Csv, true));
        assert!(wanted.delivery.is_some());
        let (nothing, faults) = read(None);
        assert_eq!((nothing.format, nothing.streams, faults.into_vec()), (Format::Json, false, vec![]));
    }

    #[test]
    fn every_fault_names_its_parameter() {
        let raw = "d9=x&d0=x&d01=x&D1=x&s21=x&s=x&n1=1&n1=1&n1=2&s1=%ff&format=pdf&streamResult=yes&a%0Ab=1&callback=x";
        let mut faults = found(raw);
        faults.sort();
        let unknown = ["D1", "ab", "callback", "d0", "d01", "d9"].map(|name| (name.to_owned(), "unknown"));
        let mut expected: Vec<_> = unknown.to_vec();
        expected.extend([
            (TYPE.to_owned(), "missing"),
            (VALUE.to_owned(), "missing"),
            (FORMAT.to_owned(), "not_allowed"),
            ("n1".to_owned(), "not_allowed"),
            ("s".to_owned(), "unknown"),
            ("s1".to_owned(), "format"),
            ("s21".to_owned(), "unknown"),
            (STREAM.to_owned(), "not_allowed"),
        ]);
        expected.sort();
        assert_eq!(faults, expected);
    }

    #[test]
    fn who_waits_is_not_delivered_to() {
        let with = "deliveryMechanismType=http&deliveryMechanismValue=x&webhookAdditionalHeaders=a,b";
        let refused = [TYPE, VALUE, HEADERS].map(|name| (name.to_owned(), "not_allowed"));
        for raw in [with.to_owned(), format!("{with}&streamResult=false")] {
            assert_eq!(found(&raw), refused, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_query_is_too_strange(raw in ".{0,200}") {
            let (wanted, _) = read(Some(&raw));
            prop_assert!(wanted.parameters.keys().all(|name| is_known(name)));
        }
    }
}
