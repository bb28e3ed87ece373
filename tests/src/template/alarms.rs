//! Who is told when work is given up or does not go on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use waybill::telemetry::{NAMESPACE, STACK, Unit, metrics};

use super::{
    FUNCTIONS, QUEUES, id_of,
    load::{Template, attribute, list},
};

/// What an alarm looks at. A metric under another namespace or dimension does not exist, and never raises an alarm.
fn watched(alarm: &Value) -> String {
    let keys = ["Namespace", "MetricName", "Dimensions", "Statistic"];
    Value::Array(keys.map(|key| alarm[key].clone()).to_vec()).to_string()
}

/// Alarms that there must be, each with its threshold.
#[derive(Default)]
struct Wanted(BTreeMap<String, f64>);

impl Wanted {
    fn want(&mut self, namespace: &str, metric: &str, dimensions: &[(&str, Value)], statistic: &str, threshold: f64) {
        let dimensions: Vec<Value> =
            dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        let alarm = json!({
            "Namespace": namespace, "MetricName": metric, "Statistic": statistic, "Dimensions": dimensions,
        });
        self.0.insert(watched(&alarm), threshold);
    }

    /// Of the functions' own metrics.
    fn own(&mut self, metric: &str, dimensions: &[(&str, &str)], statistic: &str, threshold: f64) {
        let stack = (STACK, json!({"Ref": "AWS::StackName"}));
        let more = dimensions.iter().map(|(name, value)| (*name, json!(value)));
        let dimensions: Vec<_> = [stack].into_iter().chain(more).collect();
        self.want(NAMESPACE, metric, &dimensions, statistic, threshold);
    }

    fn of_aws(&mut self, run: f64) {
        for queue in QUEUES {
            let dead = [("QueueName", attribute(&format!("{queue}Dlq"), "QueueName"))];
            self.want("AWS/SQS", "ApproximateNumberOfMessagesVisible", &dead, "Maximum", 0.0);
        }
        for (queue, seconds) in [("Request", 2.0 * run), ("Delivery", 600.0), ("Intake", 600.0), ("Topic", 600.0)] {
            let source = [("QueueName", attribute(&format!("{queue}Queue"), "QueueName"))];
            self.want("AWS/SQS", "ApproximateAgeOfOldestMessage", &source, "Maximum", seconds);
        }
        for function in FUNCTIONS {
            for metric in ["Errors", "Throttles"] {
                let function = [("FunctionName", json!({"Ref": id_of(function, "Function")}))];
                self.want("AWS/Lambda", metric, &function, "Sum", 0.0);
            }
        }
        self.want("AWS/ApiGateway", "5xx", &[("ApiId", json!({"Ref": "HttpApi"}))], "Sum", 0.0);
        for metric in ["ReadThrottleEvents", "WriteThrottleEvents"] {
            self.want("AWS/DynamoDB", metric, &[("TableName", json!({"Ref": "Table"}))], "Sum", 10.0);
        }
        let mails = [("ses:configuration-set", json!({"Ref": "EmailConfigurationSet"}))];
        self.want("AWS/SES", "Reputation.BounceRate", &mails, "Average", 0.025);
        self.want("AWS/SES", "Reputation.ComplaintRate", &mails, "Average", 0.0005);
    }

    fn of_functions(&mut self) {
        for function in ["worker", "dispatcher"] {
            self.own("MessagesReturned", &[("Function", function)], "Sum", 10.0);
        }
        for (code, threshold) in [("INTERNAL", 0.0), ("SOURCE_ERROR", 2.0), ("DEFINITION_INVALID", 0.0)] {
            self.own("ReportFailures", &[("Code", code)], "Sum", threshold);
        }
        self.own("UnpreparedAttempts", &[], "Sum", 0.0);
        self.own("SweepLag", &[], "SampleCount", 1.0);
        self.own("SweepLag", &[], "Maximum", 300_000.0);
        self.own("SweptLeft", &[], "Minimum", 0.0);
        self.own("ScheduleLag", &[], "Maximum", 300_000.0);
    }
}

#[test]
fn whoever_gives_up_or_falls_behind_raises_an_alarm() {
    let template = Template::load();
    let mut wanted = Wanted::default();
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
    wanted.of_aws(template.number(&template.properties("WorkerFunction")["Timeout"]) as f64);
    wanted.of_functions();
    let alarms = template.all("AWS::CloudWatch::Alarm");
    let single: Vec<_> = alarms.iter().filter(|(_, alarm)| alarm["Metrics"].is_null()).collect();
    let found: BTreeMap<_, _> =
        single.iter().map(|(_, alarm)| (watched(alarm), alarm["Threshold"].as_f64().unwrap_or(f64::NAN))).collect();
    assert_eq!(found, wanted.0);
    assert_eq!(single.len(), wanted.0.len(), "each once");
    assert_eq!(alarms.len(), single.len() + 1, "and one by metric math");
}

#[test]
fn alarms_watch_metrics_that_the_functions_emit() {
    let template = Template::load();
    let mut own = 0;
    for (id, alarm) in template.all("AWS::CloudWatch::Alarm") {
        let math = list(&alarm["Metrics"]).into_iter().map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in math.chain([alarm]).filter(|metric| metric["Namespace"] == NAMESPACE) {
            own += 1;
            let name = metric["MetricName"].as_str().unwrap_or_default();
            let dimensions = list(&metric["Dimensions"]);
            assert_eq!(dimensions[0], &json!({"Name": STACK, "Value": {"Ref": "AWS::StackName"}}), "{id}");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let rest: Vec<(String, String)> =
                dimensions[1..].iter().map(|one| (text(&one["Name"]), text(&one["Value"]))).collect();
            let rest: Vec<(&str, &str)> = rest.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let units = [Unit::Count, Unit::Milliseconds];
            assert!(units.iter().any(|unit| metrics::is_listed(name, *unit, &rest)), "{id}: {name} {rest:?}");
        }
    }
    assert_eq!(own, 12);
}

#[test]
fn every_alarm_goes_to_the_operators_topic() {
    let template = Template::load();
    let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    for (id, alarm) in template.all("AWS::CloudWatch::Alarm") {
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{id}");
        assert!(alarm["ActionsEnabled"].is_null(), "{id}: they are, unless told otherwise");
        // The one thing that is told by silence.
        let (missing, below) = match id {
            "SweeperMissingAlarm" => ("breaching", true),
            "DeliverySuccessAlarm" => ("notBreaching", true),
            _ => ("notBreaching", false),
        };
        assert_eq!(alarm["TreatMissingData"], missing, "{id}");
        let comparison = if below { "LessThanThreshold" } else { "GreaterThanThreshold" };
        assert_eq!(alarm["ComparisonOperator"], comparison, "{id}");
    }
    let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]});
    assert_eq!(template.0["Conditions"]["HasAlarmTopic"], given);
}

#[test]
fn most_attempts_that_fail_are_an_alarm_where_there_are_enough() {
    let template = Template::load();
    let resource = &template.0["Resources"]["DeliverySuccessAlarm"];
    assert_eq!(resource["Condition"], "InAws", "the local cloud refuses metric math");
    let metrics = list(&resource["Properties"]["Metrics"]);
    let expression = metrics[0]["Expression"].as_str().unwrap_or_default();
    for id in ["good", "bad"] {
        assert!(expression.contains(&format!("FILL({id}, 0)")), "{id} is nothing where there was none");
        assert!(metrics.iter().any(|metric| metric["Id"] == id && metric["ReturnData"] == false));
    }
    assert!(expression.contains(">= 20"));
}
