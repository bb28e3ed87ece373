//! The dashboard: CloudWatch takes what it cannot draw, and shows an empty chart for a metric that nobody emits.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, process::Command};

use serde_json::Value;
use waybill::telemetry::{NAMESPACE, STACK, metrics::METRICS};

use super::load::{Template, entries, list};
use crate::skip;

const FIRST_LOG: &str = "SOURCE '/aws/lambda/${AWS::StackName}/api' | ";

/// The body as CloudWatch gets it, with what CloudFormation puts in left as `${…}`; and the variables beside it.
fn dashboard(template: &Template) -> (Value, Value) {
    let sub = &template.properties("Dashboard")["DashboardBody"]["Fn::Sub"];
    let mut body = sub[0].as_str().unwrap().to_owned();
    for (name, _) in entries(&sub[1]) {
        body = body.replace(&format!("${{{name}}}"), "");
    }
    // Figures that are put in.
    let figures = body.split("\"value\":${").collect::<Vec<_>>();
    let mut quoted = figures[0].to_owned();
    for rest in &figures[1..] {
        let (figure, rest) = rest.split_once('}').unwrap();
        let zeros = rest.len() - rest.trim_start_matches('0').len();
        write!(quoted, "\"value\":\"${{{figure}}}\"{}", &rest[zeros..]).unwrap();
    }
    (serde_json::from_str(&quoted).unwrap_or_else(|error| panic!("{error}: {quoted}")), sub[1].clone())
}

/// Metrics of all charts, each as CloudWatch's array or as an expression.
fn metrics(body: &Value) -> Vec<&Value> {
    let charts = list(&body["widgets"]).into_iter().filter(|widget| widget["type"] == "metric");
    charts.flat_map(|chart| list(&chart["properties"]["metrics"])).collect()
}

#[test]
fn widgets_fill_the_grid_without_overlaps() {
    let (body, _) = dashboard(&Template::load());
    let widgets = list(&body["widgets"]);
    assert!((10..=500).contains(&widgets.len()), "CloudWatch takes 500");
    let mut taken = BTreeSet::new();
    let mut bottom = 0;
    for widget in &widgets {
        let figure = |key: &str| widget[key].as_u64().unwrap_or_else(|| panic!("{key} of {widget}"));
        let (x, y, width, height) = (figure("x"), figure("y"), figure("width"), figure("height"));
        assert!(width >= 1 && height >= 1 && x + width <= 24, "{widget}");
        bottom = bottom.max(y + height);
        for place in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(place), "two widgets at {place:?}: {widget}");
        }
    }
    assert_eq!(u64::try_from(taken.len()).unwrap(), 24 * bottom, "no gaps");
}

#[test]
fn every_widget_is_well_formed() {
    let (body, _) = dashboard(&Template::load());
    for widget in list(&body["widgets"]) {
        let properties = &widget["properties"];
        let kind = widget["type"].as_str().unwrap();
        match kind {
            "text" => assert!(!properties["markdown"].as_str().unwrap().is_empty()),
            "log" => assert!(properties["query"].as_str().unwrap().starts_with(FIRST_LOG)),
            "alarm" => assert!((1..=100).contains(&list(&properties["alarms"]).len())),
            "metric" => assert_eq!((&properties["view"], properties["stat"].is_null()), (&"timeSeries".into(), true)),
            other => panic!("CloudWatch has no widget {other}"),
        }
        if matches!(kind, "log" | "metric") {
            assert_eq!(properties["region"], "${AWS::Region}", "{widget}");
        }
        if kind != "text" {
            assert!(properties["title"].is_string(), "{widget}");
        }
    }
}

#[test]
fn metric_arrays_are_cloudwatchs() {
    let (body, _) = dashboard(&Template::load());
    let statistics = ["Sum", "Average", "Minimum", "Maximum", "p50", "p95", "p99"];
    for metric in metrics(&body) {
        let parts = metric.as_array().unwrap();
        let (last, names) = parts.split_last().unwrap();
        assert!(last["label"].is_string(), "{metric}");
        if let Some(expression) = last["expression"].as_str() {
            assert!(names.is_empty() && expression.starts_with("SEARCH('{") && last["id"].is_string(), "{metric}");
            continue;
        }
        assert!(statistics.contains(&last["stat"].as_str().unwrap()), "{metric}");
        assert!(names.len() >= 4 && names.len() % 2 == 0 && names.iter().all(Value::is_string), "{metric}");
    }
}

/// The metrics of ours that it shows, each with its dimensions.
fn shown(body: &Value) -> BTreeSet<(String, Vec<String>)> {
    let mut shown = BTreeSet::new();
    for metric in metrics(body) {
        let text = |at: usize| metric[at].as_str().unwrap_or_default().to_owned();
        if let Some(expression) = metric[0]["expression"].as_str() {
            let (schema, rest) = expression.trim_start_matches("SEARCH('{").split_once('}').unwrap();
            let mut schema = schema.split(',').map(str::to_owned);
            if schema.next().as_deref() != Some(NAMESPACE) {
                continue;
            }
            let name = rest.split("MetricName=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(rest.contains("Stack=\"${AWS::StackName}\""), "{expression}: another stack's, too");
            shown.insert((name.to_owned(), schema.collect()));
        } else if text(0) == NAMESPACE {
            let names = metric.as_array().unwrap();
            let dimensions = names[2..names.len() - 1].chunks(2).map(|pair| pair[0].as_str().unwrap().to_owned());
            assert_eq!(text(3), "${AWS::StackName}", "{metric}");
            let values = names[2..names.len() - 1].chunks(2).skip(1).map(|pair| pair[1].as_str().unwrap());
            let listed = METRICS.iter().find(|listed| listed.name == text(1));
            let listed = listed.unwrap_or_else(|| panic!("nobody emits {metric}"));
            for (dimension, value) in listed.dimensions.iter().zip(values) {
                assert!(dimension.values.contains(&value), "{metric}: there is no {value}");
            }
            shown.insert((text(1), dimensions.collect()));
        }
    }
    shown
}

#[test]
fn it_shows_what_is_emitted_and_all_of_it() {
    let (body, _) = dashboard(&Template::load());
    let emitted: BTreeSet<(String, Vec<String>)> = METRICS
        .iter()
        .map(|metric| {
            let dimensions = metric.dimensions.iter().map(|dimension| dimension.name);
            (metric.name.to_owned(), [STACK].into_iter().chain(dimensions).map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(shown(&body), emitted);
}

#[test]
fn what_it_names_is_in_the_template() {
    let template = Template::load();
    let (body, variables) = dashboard(&template);
    let text = format!("{body}{variables}");
    let known = |name: &str| {
        let id = name.split('.').next().unwrap_or_default();
        name.starts_with("AWS::") || ["Resources", "Parameters"].iter().any(|part| !template.0[*part][id].is_null())
    };
    let named: Vec<&str> = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect();
    assert!(named.len() > 100);
    for name in named {
        assert!(name.starts_with("!PROP('Dim.") || known(name), "{name}");
    }
    let listed: BTreeSet<&str> =
        text.split("${").filter_map(|rest| rest.split_once(".Arn}")).map(|(name, _)| name).collect();
    let alarms: BTreeSet<&str> = template.all("AWS::CloudWatch::Alarm").into_iter().map(|(id, _)| id).collect();
    assert_eq!(listed, alarms, "every alarm's state is shown");
    for (name, variable) in entries(&variables) {
        let condition = variable["Fn::If"][0].as_str().unwrap();
        assert_eq!(name, format!("Alarms{condition}"));
        let under = variable["Fn::If"][1]["Fn::Sub"].as_str().unwrap();
        for alarm in under.split("${").skip(1).filter_map(|rest| rest.split_once(".Arn}")).map(|(name, _)| name) {
            assert_eq!(template.0["Resources"][alarm]["Condition"], condition, "{alarm}");
        }
    }
}

/// `make dashboard` wrote it, nobody by hand.
#[test]
fn it_is_what_its_script_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut script = Command::new("python3");
    script.args(["infra/dashboards/waybill.py", "template.yaml", "--check"]).current_dir(root);
    let Ok(output) = script.output() else {
        return skip::lacking("python3 is not installed; the dashboard is not compared with its script");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
