//! Mails as an independent parser reads them: Python's `email`.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::{
    email::{
        Address, Language,
        mime::{self, Envelope, Rendered},
        notice::{self, Notice, Part},
        values::Values,
    },
    id::{DeliveryId, EventId},
};
use waybill_tests::python::python;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn delivery() -> DeliveryId {
    DeliveryId::derive(EventId::generate(), "mailto:a@b.example")
}

async fn parsed(name: &str, id: DeliveryId, rendered: Rendered) -> Value {
    let (from, to, reply_to) =
        (address("reports@waybill.example"), address("o'neil+x@customer.example"), address("help@tenant.example"));
    let envelope = Envelope { from: &from, name, to: &to, reply_to: Some(&reply_to) };
    let message = mime::message(envelope, id, rendered, Timestamp::UNIX_EPOCH).unwrap();
    python("parse_mail.py", json!({ "message": STANDARD.encode(message) })).await
}

#[tokio::test]
async fn every_builtin_mail_is_read_as_it_was_written() {
    for language in Language::ALL {
        for notice in Notice::ALL {
            let values = if notice == Notice::Failed { Values::failed_sample("Do this.") } else { Values::sample() };
            let part = |part: Part| {
                let template = notice::parse(part, notice::builtin(language, notice, part)).unwrap();
                template.render(values.clone().data()).unwrap()
            };
            let subject = notice::subject_line(&part(Part::Subject));
            let rendered = Rendered { subject: subject.clone(), text: part(Part::Text), html: part(Part::Html) };
            let id = delivery();
            let read = parsed("Relatórios, \"Acme\"", id, rendered.clone()).await;
            assert_eq!(read["defects"], json!([]), "{read}");
            assert_eq!(read["subject"], subject);
            assert_eq!(read["from"], json!([["Relatórios, \"Acme\"", "reports@waybill.example"]]));
            assert_eq!(read["to"], json!([["", "o'neil+x@customer.example"]]));
            assert_eq!(read["reply_to"], json!([["", "help@tenant.example"]]));
            assert_eq!(read["delivery"], id.to_string());
            assert_eq!(read["date"], "1970-01-01T00:00:00+00:00");
            assert_eq!(read["parts"], json!(["text/plain", "text/html"]));
            assert_eq!(read["root"], "multipart/alternative");
            assert_eq!((&read["text"], &read["html"]), (&json!(rendered.text), &json!(rendered.html)));
            assert!(read["longest_line"].as_u64().unwrap() <= 998, "RFC 5322, 2.1.1");
        }
    }
}

/// Nothing that is not ours to choose becomes a header or a recipient.
#[tokio::test]
async fn no_text_becomes_a_header() {
    let hostile = "x\r\nBcc: victim@customer.example\r\n\r\nbody\u{2028}é\0 =?utf-8?q?=0D=0ACc:_v?=";
    let rendered = Rendered {
        subject: notice::subject_line(hostile),
        text: format!(".\r\n{hostile}\n."),
        html: hostile.to_owned(),
    };
    let read = parsed(&notice::subject_line(hostile), delivery(), rendered).await;
    let expected = [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Reply-To",
        "Subject",
        "To",
        "X-Waybill-Delivery",
    ];
    assert_eq!(read["headers"], json!(expected));
    assert_eq!(read["to"], json!([["", "o'neil+x@customer.example"]]));
    assert_eq!(read["parts"], json!(["text/plain", "text/html"]));
    assert!(read["text"].as_str().unwrap().contains("Bcc: victim"), "as text");
}
