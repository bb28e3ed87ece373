use jiff::Timestamp;
use waybill::domain::{delivery::Delivery, delivery::Target, message::EventKind, retry::Schedule};

use super::*;
use crate::facts::tests::event;

fn settings(more: &Value) -> Settings {
    let mut settings = json!({ "project": "OPS", "issue_type": "Task" });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn delivery() -> Delivery {
    let schedule = Schedule::parse("0").unwrap();
    Delivery::new(event(EventKind::ReportSucceeded), Target::Jira { issue: None }, Timestamp::UNIX_EPOCH, &schedule)
}

fn told() -> Told {
    let line = vec![Span { text: "a_b".to_owned(), style: Style::Plain }];
    Told { summary: "s".to_owned(), lines: vec![line] }
}

#[test]
fn what_is_not_set_is_left_out() {
    let body = issue(Kind::Cloud, &settings(&json!({})), &told(), &Mark::of(&delivery()));
    let fields: Vec<&String> = body["fields"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["description", "issuetype", "labels", "project", "summary"]);
    assert_eq!(body["fields"]["issuetype"], json!({ "name": "Task" }));
}

#[test]
fn each_jira_names_people_and_writes_texts_in_its_own_way() {
    let settings = settings(&json!({ "assignee": "x", "parent": "OPS-1", "issue_type": "10001", "labels": ["a"] }));
    let delivery = delivery();
    let mark = Mark::of(&delivery);
    let cloud = issue(Kind::Cloud, &settings, &told(), &mark);
    let center = issue(Kind::Datacenter, &settings, &told(), &mark);
    assert_eq!(
        (&cloud["fields"]["assignee"], &center["fields"]["assignee"]),
        (&json!({ "id": "x" }), &json!({ "name": "x" }))
    );
    assert_eq!(
        (&cloud["fields"]["description"]["type"], &center["fields"]["description"]),
        (&json!("doc"), &json!("a\\_b"))
    );
    for body in [cloud, center] {
        assert_eq!(body["fields"]["labels"], json!(["a", format!("waybill-{}", delivery.id)]));
        assert_eq!(body["fields"]["issuetype"], json!({ "id": "10001" }));
        assert_eq!(body["fields"]["parent"], json!({ "key": "OPS-1" }));
        let property = &body["properties"][0];
        assert_eq!(
            (&property["key"], &property["value"]["delivery"]),
            (&json!("waybill.delivery"), &json!(delivery.id))
        );
    }
}

#[test]
fn a_comment_ends_with_its_mark_and_each_generation_has_its_own() {
    let first = delivery();
    let second = Delivery { generation: 1, ..first.clone() };
    let id = first.id.uuid().simple();
    let words = |delivery: &Delivery| {
        let body = comment(Kind::Datacenter, &told(), &Mark::of(delivery));
        body["body"].as_str().unwrap().lines().last().unwrap().to_owned()
    };
    assert_eq!((words(&first), words(&second)), (format!("waybill-{id}-0"), format!("waybill-{id}-1")));
    assert_eq!(Mark::of(&first).label(), Mark::of(&second).label(), "but one issue");
    assert_eq!(Mark::of(&first).jql(), format!("labels = \"waybill-{}\" ORDER BY created ASC", first.id));
    let last = &comment(Kind::Cloud, &told(), &Mark::of(&first))["body"]["content"][1]["content"][0];
    assert_eq!(last["text"], words(&first));
    // Looked through as JSON text: nothing in it may be escaped there.
    assert!(words(&first).bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
}
