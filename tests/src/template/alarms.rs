//! Who is told when work is given up or does not go on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    FUNCTIONS, QUEUES, id_of,
    load::{Template, attribute},
};

/// What an alarm looks at. A metric under another namespace or dimension does not exist, and never raises an alarm.
fn watched(alarm: &Value) -> String {
    let keys = ["Namespace", "MetricName", "Dimensions", "Statistic"];
    Value::Array(keys.map(|key| alarm[key].clone()).to_vec()).to_string()
}

#[test]
fn whoever_gives_up_or_falls_behind_raises_an_alarm() {
    let template = Template::load();
    let mut wanted = BTreeMap::new();
    let mut want = |namespace: &str, metric: &str, dimension: &str, value: Value, statistic: &str, threshold: i64| {
        let alarm = json!({
            "Namespace": namespace, "MetricName": metric, "Statistic": statistic,
            "Dimensions": [{"Name": dimension, "Value": value}],
        });
        wanted.insert(watched(&alarm), threshold);
    };
    for queue in QUEUES {
        let dead = attribute(&format!("{queue}Dlq"), "QueueName");
        want("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", dead, "Maximum", 0);
    }
    let run = template.number(&template.properties("WorkerFunction")["Timeout"]);
    for (queue, seconds) in [("Request", 2 * run), ("Delivery", 600), ("Intake", 600), ("Topic", 600)] {
        let source = attribute(&format!("{queue}Queue"), "QueueName");
        want("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", source, "Maximum", seconds);
    }
    for function in FUNCTIONS {
        for metric in ["Errors", "Throttles"] {
            want("AWS/Lambda", metric, "FunctionName", json!({"Ref": id_of(function, "Function")}), "Sum", 0);
        }
    }
    want("AWS/ApiGateway", "5xx", "ApiId", json!({"Ref": "HttpApi"}), "Sum", 0);
    let alarms = template.all("AWS::CloudWatch::Alarm");
    let found: BTreeMap<_, _> =
        alarms.iter().map(|(_, alarm)| (watched(alarm), template.number(&alarm["Threshold"]))).collect();
    assert_eq!(found, wanted);
    assert_eq!(alarms.len(), wanted.len(), "each once");
}

#[test]
fn every_alarm_goes_to_the_operators_topic() {
    let template = Template::load();
    let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    for (id, alarm) in template.all("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"], topic, "{id}");
        assert!(alarm["ActionsEnabled"].is_null(), "{id}: they are, unless told otherwise");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{id}");
    }
    let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]});
    assert_eq!(template.0["Conditions"]["HasAlarmTopic"], given);
}
