//! The two forms in which S3 tells of an object: an event on EventBridge, and a notification to a queue.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Objects of one notification; S3 sends one today.
const MAX_RECORDS: usize = 100;

/// A message that S3 has not sent, or not of objects.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArrival {
    /// Neither of its forms.
    #[error("it is not what S3 sends of an object: {0}")]
    Form(String),
    /// Whoever wrote it, it was not S3.
    #[error("its source is {0:?}, not S3")]
    Source(String),
    /// There would be no telling it from another.
    #[error("the object has neither a version nor a sequencer")]
    Unidentified,
    /// The key is not UTF-8 once it is decoded.
    #[error("the object's key cannot be decoded")]
    Key,
}

/// An object that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Name of its bucket.
    pub bucket: String,
    /// Its key, plain.
    pub key: String,
    version: Option<String>,
    sequencer: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Arrival {
    /// The same for every copy of what S3 tells of it, and for nothing else.
    pub fn identity(&self) -> String {
        json!([self.bucket, self.key, self.version, self.sequencer]).to_string()
    }
}

/// EventBridge's form: its key is plain.
#[derive(Deserialize)]
struct Event {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Timestamp,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(alias = "versionId", alias = "version-id")]
    version: Option<String>,
    sequencer: Option<String>,
}

/// A queue's form: its key is encoded as in a form of HTML.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: String,
    event_name: String,
    event_time: Timestamp,
    s3: Detail,
}

/// Whether a message is of one of these forms.
pub fn is_of_s3(message: &Value) -> bool {
    message.get("detail-type").is_some() || message.get("Records").is_some() || is_test(message)
}

/// What S3 sends when a notification is set up.
fn is_test(message: &Value) -> bool {
    message.get("Event").is_some_and(|event| event == "s3:TestEvent")
}

/// Reads the objects that a message tells of. None of a test event, of other events than an arrival, and of the markers
/// that consoles put for folders.
pub fn parse(message: &Value) -> Result<Vec<Arrival>, InvalidArrival> {
    let form = |error: serde_json::Error| InvalidArrival::Form(error.to_string());
    if is_test(message) {
        return Ok(vec![]);
    }
    if let Some(records) = message.get("Records") {
        let records = Vec::<Record>::deserialize(records).map_err(form)?;
        if records.len() > MAX_RECORDS {
            return Err(InvalidArrival::Form(format!("more than {MAX_RECORDS} records")));
        }
        let read: Result<Vec<_>, _> = records.into_iter().map(of_record).collect();
        return Ok(read?.into_iter().flatten().collect());
    }
    let event = Event::deserialize(message).map_err(form)?;
    // EventBridge lets nobody but AWS put events of such a source.
    if event.source != "aws.s3" {
        return Err(InvalidArrival::Source(event.source));
    }
    if event.detail_type != "Object Created" {
        return Ok(vec![]);
    }
    let key = event.detail.object.key.clone();
    Ok(arrival(event.detail, key, event.time)?.into_iter().collect())
}

fn of_record(record: Record) -> Result<Option<Arrival>, InvalidArrival> {
    if record.event_source != "aws:s3" {
        return Err(InvalidArrival::Source(record.event_source));
    }
    if !record.event_name.starts_with("ObjectCreated:") {
        return Ok(None);
    }
    let key = decoded(&record.s3.object.key)?;
    arrival(record.s3, key, record.event_time)
}

fn arrival(detail: Detail, key: String, at: Timestamp) -> Result<Option<Arrival>, InvalidArrival> {
    let object = detail.object;
    if key.ends_with('/') && object.size.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (version, sequencer) = (given(object.version), given(object.sequencer));
    if version.is_none() && sequencer.is_none() {
        return Err(InvalidArrival::Unidentified);
    }
    Ok(Some(Arrival { bucket: detail.bucket.name, key, version, sequencer, at }))
}

/// `+` is a space, `%41` a byte.
fn decoded(key: &str) -> Result<String, InvalidArrival> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut left = key.bytes();
    while let Some(byte) = left.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || left.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(InvalidArrival::Key)?;
                u8::try_from(16 * high + low).map_err(|_| InvalidArrival::Key)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| InvalidArrival::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As S3 puts it on EventBridge.
    fn event() -> Value {
        json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
            "source": "aws.s3", "account": "111122223333", "time": "2026-11-27T10:00:00Z", "region": "eu-west-1",
            "resources": ["arn:aws:s3:::lake"],
            "detail": {
                "version": "0", "bucket": {"name": "lake"}, "request-id": "N4N7GDK58NMKJ12R",
                "object": {
                    "key": "sales/a+b c=1%2B/é.csv", "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184",
                    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189",
                },
                "requester": "123456789012", "source-ip-address": "1.2.3.4", "reason": "PutObject",
            },
        })
    }

    /// As it sends it to a queue.
    fn notification() -> Value {
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
            "eventTime": "2026-11-27T10:00:00.123Z", "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "c", "bucket": {"name": "lake", "arn": "arn:aws:s3:::lake"},
                "object": {
                    "key": "sales/a%2Bb+c%3D1%252B/%C3%A9.csv", "size": 5, "eTag": "b1946ac92492d2347c6235b4d2611184",
                    "versionId": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189",
                },
            },
        }]})
    }

    #[test]
    fn both_forms_tell_of_the_same_object() {
        let (by_event, by_queue) = (parse(&event()).unwrap(), parse(&notification()).unwrap());
        assert_eq!(by_event[0].key, "sales/a+b c=1%2B/é.csv");
        assert_eq!((by_event.len(), by_queue.len()), (1, 1));
        assert_eq!(by_event[0].identity(), by_queue[0].identity());
        assert_eq!(by_event[0].key, by_queue[0].key);
    }

    #[test]
    fn another_version_or_sequencer_is_another_arrival() {
        let identity = |change: &dyn Fn(&mut Value)| {
            let mut event = event();
            change(&mut event["detail"]["object"]);
            parse(&event).map(|arrivals| arrivals[0].identity())
        };
        let first = identity(&|_| ()).unwrap();
        assert_ne!(identity(&|object| object["version-id"] = json!("x")).unwrap(), first);
        assert_ne!(identity(&|object| object["sequencer"] = json!("x")).unwrap(), first);
        assert!(identity(&|object| object["version-id"] = Value::Null).is_ok());
        let neither = identity(&|object| {
            object["version-id"] = Value::Null;
            object["sequencer"] = json!("");
        });
        assert_eq!(neither, Err(InvalidArrival::Unidentified));
    }

    #[test]
    fn what_is_no_arrival_is_nothing() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "…", "Bucket": "lake"});
        assert_eq!(parse(&test), Ok(vec![]));
        let mut deleted = event();
        deleted["detail-type"] = json!("Object Deleted");
        assert_eq!(parse(&deleted), Ok(vec![]));
        let mut removed = notification();
        removed["Records"][0]["eventName"] = json!("ObjectRemoved:Delete");
        assert_eq!(parse(&removed), Ok(vec![]));
        let mut folder = event();
        folder["detail"]["object"]["key"] = json!("sales/");
        folder["detail"]["object"]["size"] = json!(0);
        assert_eq!(parse(&folder), Ok(vec![]));
    }

    #[test]
    fn what_is_not_of_s3_is_refused() {
        let mut forged = event();
        forged["source"] = json!("acme.client");
        assert_eq!(parse(&forged), Err(InvalidArrival::Source("acme.client".to_owned())));
        let mut other = notification();
        other["Records"][0]["eventSource"] = json!("aws:sns");
        assert_eq!(parse(&other), Err(InvalidArrival::Source("aws:sns".to_owned())));
        for bad in ["%", "%4", "%zz", "%FF", "%é"] {
            let mut encoded = notification();
            encoded["Records"][0]["s3"]["object"]["key"] = json!(bad);
            assert_eq!(parse(&encoded), Err(InvalidArrival::Key), "{bad}");
        }
        for bad in [json!({"detail-type": 1}), json!({"Records": {}}), json!({"Records": [1]}), json!({})] {
            assert!(matches!(parse(&bad), Err(InvalidArrival::Form(_))), "{bad}");
        }
        let many = json!({"Records": vec![notification()["Records"][0].clone(); MAX_RECORDS + 1]});
        assert!(matches!(parse(&many), Err(InvalidArrival::Form(_))));
    }
}
