//! Assertions on `template.yaml` itself: what the local cloud ignores or does not enforce, and what must not
//! change unnoticed. Everything else shows when it is deployed.

mod alarms;
mod dashboard;
mod load;
mod permissions;
mod runbook;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::load::{Template, attribute, entries, list};

const FUNCTIONS: [&str; 5] = ["api", "intake", "worker", "dispatcher", "sweeper"];
const QUEUES: [&str; 3] = ["Request", "Delivery", "Intake"];
const BUCKETS: [&str; 3] = ["ReportBucket", "LakeBucket", "ConfigBucket"];
const STATEFUL: [&str; 8] =
    ["Table", "ReportBucket", "LakeBucket", "ConfigBucket", "SealingSecret", "SigningSecret", "JiraSecret", "UserPool"];

/// The logical id that starts with a function's name, such as `ApiFunction`.
fn id_of(function: &str, suffix: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}{suffix}", first.to_uppercase())
}

#[test]
fn every_function_has_its_code_role_and_log() {
    let template = Template::load();
    assert_eq!(template.all("AWS::Serverless::Function").len(), FUNCTIONS.len());
    let defaults = &template.0["Globals"]["Function"];
    assert_eq!(defaults["Runtime"], "provided.al2023");
    assert_eq!(defaults["Handler"], "bootstrap");
    for function in FUNCTIONS {
        let properties = template.properties(&id_of(function, "Function"));
        assert_eq!(properties["CodeUri"], format!("dist/{function}/"), "the form that deployers replace");
        assert_eq!(properties["Role"], attribute(&id_of(function, "Role"), "Arn"));
        assert_eq!(properties["LoggingConfig"]["LogGroup"], json!({"Ref": id_of(function, "Logs")}));
        assert!(properties["ReservedConcurrentExecutions"].is_null(), "{function}: throttling burns receives");
    }
}

#[test]
fn the_table_expires_recovers_and_is_encrypted() {
    let template = Template::load();
    let table = template.properties("Table");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "ttl", "Enabled": true}));
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    let due = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(due["IndexName"], "due");
    assert_eq!(due["Projection"]["ProjectionType"], "KEYS_ONLY");
    assert_eq!(
        due["KeySchema"],
        json!([{"AttributeName": "due_shard", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}])
    );
}

#[test]
fn data_outlives_the_stack_unless_told_otherwise() {
    let template = Template::load();
    assert_eq!(template.0["Parameters"]["RetainData"]["Default"], "true");
    assert_eq!(template.0["Conditions"]["KeepsData"], json!({"Fn::Equals": [{"Ref": "RetainData"}, "true"]}));
    assert_eq!(template.0["Transform"][0], "AWS::LanguageExtensions", "or DeletionPolicy takes no condition");
    let policy = json!({"Fn::If": ["KeepsData", "Retain", "Delete"]});
    for id in STATEFUL {
        let resource = &template.0["Resources"][id];
        assert_eq!(resource["DeletionPolicy"], policy, "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], policy, "{id}");
    }
    let kinds = ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Cognito::UserPool"];
    // The link signer's secret goes with its user, without whom it opens nothing.
    assert!(template.0["Resources"]["LinkSignerSecret"]["DeletionPolicy"].is_null());
    assert_eq!(kinds.iter().map(|kind| template.all(kind).len()).sum::<usize>(), STATEFUL.len() + 1);
}

#[test]
fn buckets_are_private_and_encrypted() {
    let template = Template::load();
    for (id, bucket) in template.all("AWS::S3::Bucket") {
        let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        assert_eq!(encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256", "{id}");
        let closed = json!({
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
        });
        assert_eq!(bucket["PublicAccessBlockConfiguration"], closed, "{id}");
        assert_eq!(bucket["OwnershipControls"]["Rules"], json!([{"ObjectOwnership": "BucketOwnerEnforced"}]), "{id}");
    }
    assert_eq!(template.properties("ConfigBucket")["VersioningConfiguration"]["Status"], "Enabled");
    assert!(template.properties("ReportBucket")["VersioningConfiguration"].is_null(), "deleted must mean gone");
}

#[test]
fn lifecycle_rules_stand_behind_the_sweeper() {
    let template = Template::load();
    for id in BUCKETS {
        let rules = list(&template.properties(id)["LifecycleConfiguration"]["Rules"]);
        assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"), "{id}");
        let aborts = |rule: &&&Value| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1;
        assert_eq!(rules.iter().filter(aborts).count(), 1, "{id}");
    }
    let expiry = &template.properties("ReportBucket")["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"];
    let longest_hours = template.number(&template.0["Parameters"]["RetentionHours"]["MaxValue"]);
    assert!(template.number(expiry) * 24 > longest_hours, "a file would go before its link");
}

#[test]
fn queues_have_dead_letters_that_last_longer() {
    let template = Template::load();
    assert_eq!(template.all("AWS::SQS::Queue").len(), 2 * QUEUES.len() + 1);
    let own = QUEUES.map(|queue| (queue, format!("{queue}Dlq")));
    for (queue, dlq) in own.into_iter().chain([("Topic", "IntakeDlq".to_owned())]) {
        let (source, dead) = (template.properties(&format!("{queue}Queue")), template.properties(&dlq));
        assert_eq!(source["RedrivePolicy"]["deadLetterTargetArn"], attribute(&dlq, "Arn"));
        assert!(dead["RedrivePolicy"].is_null());
        let retention = |queue: &Value| template.number(&queue["MessageRetentionPeriod"]);
        assert_eq!(retention(dead), 14 * 24 * 3600, "{queue}");
        assert!(retention(source) < retention(dead), "{queue}: age counts from the first send");
        assert!([source, dead].iter().all(|queue| queue["SqsManagedSseEnabled"] == true), "{queue}");
    }
}

#[test]
fn event_sources_report_failures_one_by_one() {
    let template = Template::load();
    let sources = [
        ("intake", "Queue", "Intake"),
        ("intake", "Topics", "Topic"),
        ("worker", "Queue", "Request"),
        ("dispatcher", "Queue", "Delivery"),
    ];
    for (function, event, queue) in sources {
        let properties = template.properties(&id_of(function, "Function"));
        let source = &properties["Events"][event]["Properties"];
        assert_eq!(source["Queue"], attribute(&format!("{queue}Queue"), "Arn"));
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{function}");
        let visibility = template.number(&template.properties(&format!("{queue}Queue"))["VisibilityTimeout"]);
        let timeout = template.number(&properties["Timeout"]);
        assert!(visibility > timeout, "{function}: a message would be seen while it is worked on");
        assert!(visibility <= 2 * timeout, "{function}: a killed function's message would be hidden for long");
    }
    assert_eq!(template.properties("WorkerFunction")["Events"]["Queue"]["Properties"]["BatchSize"], 1);
}

#[test]
fn functions_are_as_large_and_as_many_as_their_parameters_say() {
    let template = Template::load();
    let parameter = |name: &str| json!({ "Ref": name });
    let worker = template.properties("WorkerFunction");
    assert_eq!(worker["MemorySize"], parameter("WorkerMemory"));
    assert_eq!(worker["EphemeralStorage"]["Size"], parameter("WorkerEphemeral"));
    assert_eq!(worker["Timeout"], parameter("WorkerTimeout"));
    let dispatcher = template.properties("DispatcherFunction");
    assert_eq!(dispatcher["Timeout"], parameter("DispatcherTimeout"));
    for (function, limit) in [(worker, "WorkerMaxConcurrency"), (dispatcher, "DispatcherMaxConcurrency")] {
        let choice = &function["Events"]["Queue"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]["Fn::If"];
        assert_eq!((&choice[0], &choice[1]), (&json!("InAws"), &parameter(limit)));
    }
    assert_eq!(template.0["Conditions"]["InAws"], json!({"Fn::Equals": [{"Ref": "LocalCloud"}, "false"]}));
    assert_eq!(template.properties("RequestQueue")["VisibilityTimeout"], parameter("RequestVisibility"));
    assert_eq!(template.properties("DeliveryQueue")["VisibilityTimeout"], parameter("DeliveryVisibility"));
}

#[test]
fn parameters_start_from_the_designs_numbers_and_are_bounded() {
    let template = Template::load();
    let numbers = [
        ("WorkerTimeout", 900),
        ("RequestVisibility", 930),
        ("WorkerMemory", 3538),
        ("WorkerEphemeral", 4096),
        ("LeaseSeconds", 90),
        ("MaxAttempts", 3),
        ("DispatcherTimeout", 60),
        ("DeliveryVisibility", 90),
        ("DeliveryTimeoutSeconds", 30),
        ("RetentionHours", 96),
    ];
    for (name, default) in numbers {
        assert_eq!(template.0["Parameters"][name]["Default"], default, "{name}");
    }
    for (name, parameter) in entries(&template.0["Parameters"]) {
        let has = |key: &str| !parameter[key].is_null();
        let bounded =
            if parameter["Type"] == "Number" { has("MinValue") && has("MaxValue") } else { has("AllowedPattern") };
        assert!(bounded || has("AllowedValues"), "{name} admits anything");
        assert!(has("Description") && has("Default"), "{name}");
    }
}

#[test]
fn every_log_group_forgets() {
    let template = Template::load();
    for (id, group) in template.all("AWS::Logs::LogGroup") {
        assert_eq!(group["RetentionInDays"], json!({"Ref": "LogRetentionDays"}), "{id}");
    }
}

#[test]
fn the_access_log_holds_no_path() {
    let template = Template::load();
    let stage = template.properties("HttpApiStage");
    assert_eq!(stage["AccessLogSettings"]["DestinationArn"], attribute("HttpApiLogs", "Arn"));
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
    assert!(!format.contains('\n'), "API Gateway takes one line");
    let fields: Value = serde_json::from_str(format).unwrap_or_else(|error| panic!("{error}: {format}"));
    let logged: BTreeSet<&str> = entries(&fields).filter_map(|(_, value)| value.as_str()).collect();
    let harmless = BTreeSet::from([
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.httpMethod",
        "$context.routeKey",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationErrorMessage",
    ]);
    assert_eq!(logged, harmless, "a path holds the capability of a managed link");
    // The route key must not say more than that either.
    assert_eq!(template.all("AWS::ApiGatewayV2::Route"), [("HttpApiRoute", template.properties("HttpApiRoute"))]);
    assert_eq!(template.properties("HttpApiRoute")["RouteKey"], "$default");
    assert_eq!(stage["DefaultRouteSettings"]["ThrottlingRateLimit"], json!({"Ref": "ApiRateLimit"}));
    assert_eq!(stage["DefaultRouteSettings"]["ThrottlingBurstLimit"], json!({"Ref": "ApiBurstLimit"}));
}

#[test]
fn the_function_decides_whose_pages_may_call() {
    let template = Template::load();
    // API Gateway would answer preflights in the function's place.
    assert!(template.properties("HttpApi")["CorsConfiguration"].is_null());
    let environment = &template.properties("ApiFunction")["Environment"]["Variables"];
    assert_eq!(environment["WAYBILL_CORS_ORIGINS"], json!({"Ref": "CorsOrigins"}));
    assert_eq!(template.0["Parameters"]["CorsOrigins"]["Default"], "", "no page may call unless it is named");
}

#[test]
fn the_api_answers_before_its_gateway_gives_up() {
    let template = Template::load();
    let function = template.number(&template.properties("ApiFunction")["Timeout"]);
    let gateway = template.number(&template.properties("HttpApiIntegration")["TimeoutInMillis"]);
    assert!(function * 1000 < gateway && gateway <= 30_000);
}
