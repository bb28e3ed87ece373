//! Who may do what: roles, resource policies, and what follows from them.

use serde_json::{Value, json};
use waybill::domain::tenant::Scope;

use super::{
    BUCKETS, FUNCTIONS, QUEUES, id_of,
    load::{Template, attribute, entries, list},
};

/// Statements of all policies of a role.
fn statements<'a>(template: &'a Template, role: &str) -> Vec<&'a Value> {
    let policies = list(&template.properties(role)["Policies"]);
    let statements = policies.into_iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    // Of a statement under a condition, what holds under it.
    statements.map(|statement| statement["Fn::If"].get(1).unwrap_or(statement)).collect()
}

/// Whether a role may do something to exactly that resource.
fn may(template: &Template, role: &str, action: &str, resource: &Value) -> bool {
    statements(template, role).iter().any(|statement| {
        list(&statement["Action"]).contains(&&json!(action)) && list(&statement["Resource"]).contains(&resource)
    })
}

/// A resource of this template: its ARN, or a prefix below it.
fn is_of_this_stack(template: &Template, resource: &Value) -> bool {
    let id = match (&resource["Fn::GetAtt"][0], &resource["Fn::Sub"]) {
        (Value::String(id), _) => id.as_str(),
        (_, Value::String(text)) => {
            let Some((id, rest)) = text.strip_prefix("${").and_then(|text| text.split_once(".Arn}/")) else {
                return false;
            };
            if rest.strip_suffix('*').unwrap_or(rest).contains('*') {
                return false;
            }
            id
        }
        _ => return false,
    };
    template.0["Resources"][id].is_object()
}

#[test]
fn roles_allow_named_actions_on_named_resources() {
    let template = Template::load();
    for (role, properties) in template.all("AWS::IAM::Role") {
        assert!(properties["ManagedPolicyArns"].is_null(), "{role}: managed policies cover every resource");
        for statement in statements(&template, role) {
            assert_eq!(statement["Effect"], "Allow");
            for action in list(&statement["Action"]) {
                assert!(action.as_str().is_some_and(|action| !action.contains('*')), "{role}: {action}");
            }
            // What SES and Scheduler know is the account's, and has tests of its own.
            if statement["Sid"] == "SendMails" || statement["Sid"] == "WakeForSchedules" {
                continue;
            }
            let resources = list(&statement["Resource"]);
            assert!(!resources.is_empty(), "{role}");
            for resource in resources {
                assert!(is_of_this_stack(&template, resource), "{role}: {resource}");
            }
        }
        let trust = &properties["AssumeRolePolicyDocument"]["Statement"];
        assert!(list(trust).iter().all(|statement| statement["Principal"]["Service"].is_string()), "{role}");
    }
    // SAM adds wide managed policies of its own wherever a function has no role.
    assert_eq!(template.all("AWS::IAM::Role").len(), FUNCTIONS.len() + 2, "one each, and two of Scheduler's");
    assert!(template.0["Globals"]["Function"]["Policies"].is_null());
    for (id, function) in template.all("AWS::Serverless::Function") {
        assert!(function["Policies"].is_null() && function["Role"].is_object(), "{id}");
    }
}

#[test]
fn the_sweeper_is_called_every_minute_and_not_again_for_a_failure() {
    let template = Template::load();
    let schedule = template.properties("SweeperSchedule");
    assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(schedule["Target"]["Arn"], attribute("SweeperFunction", "Arn"));
    assert_eq!(schedule["Target"]["RoleArn"], attribute("SweeperScheduleRole", "Arn"));
    assert!(may(&template, "SweeperScheduleRole", "lambda:InvokeFunction", &schedule["Target"]["Arn"]));
    let sweeper = template.properties("SweeperFunction");
    assert!(template.number(&sweeper["Timeout"]) < 60, "or runs overlap");
    assert_eq!(sweeper["EventInvokeConfig"]["MaximumRetryAttempts"], 0);
}

/// What is lost is not run later, when nobody waits for it any more.
#[test]
fn the_api_alone_calls_the_worker_once_and_in_time() {
    let template = Template::load();
    let worker = attribute("WorkerFunction", "Arn");
    for function in FUNCTIONS {
        let role = id_of(function, "Role");
        let calls: Vec<_> = statements(&template, &role)
            .into_iter()
            .filter(|one| list(&one["Action"]).contains(&&json!("lambda:InvokeFunction")))
            .flat_map(|one| list(&one["Resource"]))
            .collect();
        assert_eq!(calls, if function == "api" { vec![&worker] } else { vec![] }, "{function}");
    }
    let environment = &template.properties("ApiFunction")["Environment"]["Variables"];
    assert_eq!(environment["WAYBILL_WORKER_FUNCTION"], worker);
    let config = &template.properties("WorkerFunction")["EventInvokeConfig"];
    assert_eq!(config, &json!({"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}));
    let longest = template.number(&template.0["Parameters"]["AnswerSeconds"]["MaxValue"]);
    let time = template.number(&template.properties("ApiFunction")["Timeout"]);
    assert!(longest + 5 <= time, "there must be time to answer");
}

#[test]
fn only_the_worker_reads_the_lake_and_only_the_api_reads_reports() {
    let template = Template::load();
    for function in FUNCTIONS {
        let role = id_of(function, "Role");
        let reads =
            |bucket: &str| may(&template, &role, "s3:GetObject", &json!({"Fn::Sub": format!("${{{bucket}.Arn}}/*")}));
        assert_eq!(reads("LakeBucket"), function == "worker", "{function}");
        assert_eq!(reads("ReportBucket"), function == "api", "{function}");
        let secret = |id: &str| may(&template, &role, "secretsmanager:GetSecretValue", &attribute(id, "Id"));
        assert_eq!(secret("SealingSecret"), matches!(function, "api" | "worker" | "dispatcher"), "{function}");
        assert_eq!(secret("SigningSecret"), matches!(function, "api" | "worker" | "dispatcher"), "{function}");
        assert_eq!(secret("LinkSignerSecret"), matches!(function, "api" | "dispatcher"), "{function}");
    }
}

#[test]
fn the_jira_credential_is_there_by_parameter_and_read_by_the_dispatcher_alone() {
    let template = Template::load();
    assert_eq!(template.0["Parameters"]["JiraBaseUrl"]["Default"], "");
    let secret = attribute("JiraSecret", "Id");
    for id in ["JiraSecret", "DispatcherReadsJiraSecret"] {
        assert_eq!(template.0["Resources"][id]["Condition"], "HasJira", "{id}");
    }
    let [(_, policy)] = template.all("AWS::IAM::Policy")[..] else { panic!("not one policy") };
    assert_eq!(policy["Roles"], json!([{ "Ref": "DispatcherRole" }]));
    let reads = json!({
        "Sid": "ReadJiraCredential", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret,
    });
    assert_eq!(list(&policy["PolicyDocument"]["Statement"]), [&reads]);
    for function in FUNCTIONS {
        let own = &template.properties(&id_of(function, "Function"))["Environment"]["Variables"];
        let named = own["WAYBILL_JIRA_SECRET"]["Fn::If"][1] == secret;
        assert_eq!(named, function == "dispatcher", "{function}");
        assert!(!may(&template, &id_of(function, "Role"), "secretsmanager:GetSecretValue", &secret), "{function}");
    }
}

#[test]
fn the_link_signer_reads_report_files_and_nothing_else() {
    let template = Template::load();
    let [(user, properties)] = template.all("AWS::IAM::User")[..] else { panic!("not one user") };
    let reads = json!({
        "Sid": "SignDownloads", "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${ReportBucket.Arn}/*"},
    });
    assert_eq!(statements(&template, user), [&reads]);
    assert!(properties["LoginProfile"].is_null() && properties["Groups"].is_null());
    assert!(properties["ManagedPolicyArns"].is_null());
    // CloudFormation rotates a key by deleting the old one, and every live link with it.
    assert!(entries(&template.0["Resources"]).all(|(_, resource)| resource["Type"] != "AWS::IAM::AccessKey"));
}

#[test]
fn functions_may_use_what_their_environment_names() {
    let template = Template::load();
    for function in FUNCTIONS {
        let role = id_of(function, "Role");
        let shared = &template.0["Globals"]["Function"]["Environment"]["Variables"];
        let own = &template.properties(&id_of(function, "Function"))["Environment"]["Variables"];
        for (name, value) in entries(shared).chain(entries(own)) {
            let granted = match (value["Ref"].as_str(), value["Fn::GetAtt"][0].as_str()) {
                // The API moves letters away and puts none there.
                (Some("DeliveryDlq"), _) if function == "api" => {
                    let dlq = attribute("DeliveryDlq", "Arn");
                    let may = |action: &str| may(&template, &role, action, &dlq);
                    may("sqs:ReceiveMessage")
                        && may("sqs:DeleteMessage")
                        && may("sqs:ChangeMessageVisibility")
                        && !may("sqs:SendMessage")
                }
                (Some(queue), _) if queue.ends_with("Queue") || queue.ends_with("Dlq") => {
                    may(&template, &role, "sqs:SendMessage", &attribute(queue, "Arn"))
                }
                // It signs for the link signer, which may.
                (Some("ReportBucket"), _) if function == "dispatcher" => true,
                (Some(bucket), _) if BUCKETS.contains(&bucket) => statements(&template, &role)
                    .iter()
                    .any(|statement| statement["Resource"].to_string().contains(&format!("${{{bucket}.Arn}}/"))),
                (Some("EventBus"), _) => may(&template, &role, "events:PutEvents", &attribute("EventBus", "Arn")),
                (Some("Table"), _) => may(&template, &role, "dynamodb:PutItem", &attribute("Table", "Arn")),
                (_, Some(secret)) if secret.ends_with("Secret") => {
                    may(&template, &role, "secretsmanager:GetSecretValue", &attribute(secret, "Id"))
                }
                _ => true,
            };
            assert!(granted, "{function} has {name} and may not use it");
        }
    }
}

/// Lambda stops a chain at about 16 hops: a function that feeds its own queue must opt out, no other may.
#[test]
fn functions_that_feed_their_own_queue_may_loop() {
    let template = Template::load();
    for function in FUNCTIONS {
        let properties = template.properties(&id_of(function, "Function"));
        let queue = &properties["Events"]["Queue"]["Properties"]["Queue"];
        let feeds_itself = !queue.is_null() && may(&template, &id_of(function, "Role"), "sqs:SendMessage", queue);
        assert_eq!(feeds_itself, matches!(function, "worker" | "dispatcher"));
        assert_eq!(properties["RecursiveLoop"] == "Allow", feeds_itself, "{function}");
    }
}

fn is_tls_only(statement: &Value, service: &str) -> bool {
    statement["Effect"] == "Deny"
        && statement["Principal"] == "*"
        && statement["Action"] == format!("{service}:*")
        && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
}

#[test]
fn buckets_and_queues_refuse_plain_http() {
    let template = Template::load();
    for id in BUCKETS {
        let policies = template.all("AWS::S3::BucketPolicy");
        let found: Vec<_> = policies.iter().filter(|(_, policy)| policy["Bucket"] == json!({"Ref": id})).collect();
        let [(name, policy)] = found[..] else { panic!("not one policy of {id}") };
        assert_eq!(template.0["Resources"][*name]["Condition"], "InAws");
        let statement = &policy["PolicyDocument"]["Statement"][0];
        assert!(is_tls_only(statement, "s3"), "{id}");
        assert_eq!(statement["Resource"], json!([attribute(id, "Arn"), {"Fn::Sub": format!("${{{id}.Arn}}/*")}]));
    }
    let shared = template.properties("QueuePolicy");
    assert_eq!(template.0["Resources"]["QueuePolicy"]["Condition"], "InAws");
    assert!(is_tls_only(&shared["PolicyDocument"]["Statement"][0], "sqs"));
    let mut covered: Vec<&Value> = list(&shared["Queues"]);
    for id in ["IntakeQueuePolicy", "TopicQueuePolicy"] {
        let policy = template.properties(id);
        let choice = &policy["PolicyDocument"]["Statement"][0]["Fn::If"];
        assert_eq!(choice[0], "InAws");
        assert!(is_tls_only(&choice[1], "sqs"));
        covered.extend(list(&policy["Queues"]));
    }
    covered.sort_by_key(ToString::to_string);
    let mut queues: Vec<Value> = QUEUES
        .iter()
        .flat_map(|queue| [json!({"Ref": format!("{queue}Queue")}), json!({"Ref": format!("{queue}Dlq")})])
        .chain([json!({"Ref": "TopicQueue"})])
        .collect();
    queues.sort_by_key(ToString::to_string);
    assert_eq!(covered, queues.iter().collect::<Vec<_>>());
}

#[test]
fn only_the_dispatcher_puts_events_and_none_of_them_asks_for_a_report() {
    let template = Template::load();
    let bus = attribute("EventBus", "Arn");
    for function in FUNCTIONS {
        assert_eq!(may(&template, &id_of(function, "Role"), "events:PutEvents", &bus), function == "dispatcher");
    }
    let puts = statements(&template, "DispatcherRole").into_iter().find(|one| one["Action"] == "events:PutEvents");
    let own = json!({"StringEqualsIfExists": {"events:source": "waybill"}});
    assert_eq!(puts.map(|statement| &statement["Condition"]), Some(&own));
    let listens = &template.properties("IntakeRule")["EventPattern"]["source"][0];
    assert_eq!(listens, &json!({"Ref": "IntakeSource"}));
    assert_eq!(listens, &template.properties("ProcessRule")["EventPattern"]["source"][0]);
    let rule = &template.0["Rules"]["IntakeListensToOthers"];
    assert!(rule["RuleCondition"].is_null(), "always");
    let others = json!({"Fn::Not": [{"Fn::Equals": [listens, "waybill"]}]});
    assert_eq!(rule["Assertions"][0]["Assert"], others);
}

#[test]
fn nothing_in_aws_can_pass_for_the_local_cloud() {
    let template = Template::load();
    assert_eq!(template.0["Parameters"]["LocalCloud"]["Default"], "false");
    assert_eq!(template.0["Conditions"]["InAws"], json!({"Fn::Equals": [{"Ref": "LocalCloud"}, "false"]}));
    let rule = &template.0["Rules"]["LocalCloudIsLocal"];
    assert_eq!(rule["RuleCondition"], json!({"Fn::Equals": [{"Ref": "LocalCloud"}, "true"]}));
    let account = json!({"Fn::Equals": [{"Ref": "AWS::AccountId"}, "000000000000"]});
    assert_eq!(rule["Assertions"][0]["Assert"], account);
}

#[test]
fn an_events_tenant_is_the_operators_word() {
    let template = Template::load();
    for rule in ["IntakeRule", "ProcessRule"] {
        let transformer = &template.properties(rule)["Targets"][0]["InputTransformer"];
        let text = transformer["InputTemplate"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(text.contains(r#""tenant":"${IntakeTenant}""#), "{text}");
        assert_eq!(text.matches("tenant").count(), 1);
        let paths = json!({"id": "$.id", "source": "$.source", "time": "$.time", "detail": "$.detail"});
        assert_eq!(transformer["InputPathsMap"], paths);
    }
    let admitted = &template.properties("IntakeQueuePolicy")["PolicyDocument"]["Statement"][1];
    assert_eq!(admitted["Principal"], json!({"Service": "events.amazonaws.com"}));
    assert_eq!(admitted["Action"], "sqs:SendMessage");
    let rules = admitted["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].as_str().unwrap_or_default();
    assert!(rules.ends_with(":${AWS::AccountId}:rule/${EventBus}/*"), "{rules}");
}

/// Whoever the operator names, by its own service, in a queue where it can say nothing but what that service says.
#[test]
fn other_sources_are_admitted_by_name_and_topics_to_their_own_queue() {
    let template = Template::load();
    let statements = |policy: &str| -> Vec<Value> {
        list(&template.properties(policy)["PolicyDocument"]["Statement"]).into_iter().cloned().collect()
    };
    let admitted = |queue: &str, parameter: &str, service: &str| {
        let statements = statements(&format!("{queue}Policy"));
        let found = statements.iter().map(|one| &one["Fn::If"]).find(|choice| choice[1]["Sid"] == parameter);
        let choice = found.unwrap_or_else(|| panic!("{queue}: {parameter}"));
        assert_eq!(choice[0], format!("Has{parameter}"));
        assert_eq!(choice[1]["Effect"], "Allow");
        assert_eq!(choice[1]["Principal"], json!({"Service": service}));
        assert_eq!(choice[1]["Action"], "sqs:SendMessage");
        assert_eq!(choice[1]["Resource"], attribute(queue, "Arn"));
        assert_eq!(choice[1]["Condition"]["ArnLike"], json!({"aws:SourceArn": {"Ref": parameter}}));
        let given = &template.0["Parameters"][parameter];
        assert_eq!((&given["Default"], &given["Type"]), (&json!(""), &json!("CommaDelimitedList")));
        let has = &template.0["Conditions"][format!("Has{parameter}")];
        let empty = json!({"Fn::Equals": [{"Fn::Join": ["", {"Ref": parameter}]}, ""]});
        assert_eq!(*has, json!({"Fn::Not": [empty]}));
        choice[1]["Condition"]["StringEquals"].clone()
    };
    assert_eq!(admitted("IntakeQueue", "TriggerRules", "events.amazonaws.com"), Value::Null);
    let account = json!({"aws:SourceAccount": {"Ref": "AWS::AccountId"}});
    assert_eq!(admitted("IntakeQueue", "TriggerBuckets", "s3.amazonaws.com"), account);
    assert_eq!(admitted("TopicQueue", "TriggerTopics", "sns.amazonaws.com"), Value::Null);
    // Nobody else may write there; topics never where messages name tenants.
    assert_eq!(statements("IntakeQueuePolicy").len(), 5);
    assert!(!json!(statements("IntakeQueuePolicy")).to_string().contains("sns.amazonaws.com"));
    let topics = statements("TopicQueuePolicy");
    assert_eq!(topics.len(), 2);
    assert_eq!(topics[1]["Fn::If"][2], json!({"Ref": "AWS::NoValue"}));
    let queue = &template.properties("IntakeFunction")["Environment"]["Variables"]["WAYBILL_TOPIC_QUEUE_ARN"];
    assert_eq!(*queue, attribute("TopicQueue", "Arn"), "the function must know that queue from the other");
}

/// SES writes to the account's own bus: of all its rules only the stack's, and only mails of the stack's configuration set.
#[test]
fn what_became_of_mails_comes_by_the_one_rule() {
    let template = Template::load();
    for id in ["EmailEvents", "EmailRule"] {
        assert_eq!(template.0["Resources"][id]["Condition"], "HasEmail", "{id}");
    }
    let set = json!({"Ref": "EmailConfigurationSet"});
    let events = template.properties("EmailEvents");
    assert_eq!(events["ConfigurationSetName"], set);
    assert_eq!(events["EventDestination"]["MatchingEventTypes"], json!(["bounce", "complaint"]));
    let rule = template.properties("EmailRule");
    assert!(rule["EventBusName"].is_null(), "the account's default bus");
    assert_eq!(rule["EventPattern"]["source"], json!(["aws.ses"]));
    assert_eq!(rule["EventPattern"]["detail"]["mail"]["tags"]["ses:configuration-set"], json!([set]));
    let transformer = &rule["Targets"][0]["InputTransformer"];
    assert_eq!(transformer["InputTemplate"], r#"{"v":"1","event_id":<id>,"mail":<detail>}"#);
    assert_eq!(transformer["InputPathsMap"], json!({"id": "$.id", "detail": "$.detail"}));
    let admitted = &template.properties("IntakeQueuePolicy")["PolicyDocument"]["Statement"][2]["Fn::If"];
    assert_eq!(admitted[0], "HasEmail");
    assert_eq!(admitted[1]["Action"], "sqs:SendMessage");
    assert_eq!(admitted[1]["Condition"], json!({"ArnEquals": {"aws:SourceArn": attribute("EmailRule", "Arn")}}));
}

#[test]
fn a_user_pool_has_one_client_that_may_administer_and_no_users() {
    let template = Template::load();
    assert_eq!(template.0["Parameters"]["CreateUserPool"]["Default"], "false");
    let resources = entries(&template.0["Resources"]);
    for (id, resource) in resources.filter(|(_, one)| one["Type"].as_str().is_some_and(|kind| kind.contains("Cognito")))
    {
        assert_eq!(resource["Condition"], "HasUserPool", "{id}");
    }
    assert_eq!(template.properties("UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], true);
    let server = template.properties("UserPoolScopes");
    let scopes: Vec<_> = list(&server["Scopes"]).into_iter().map(|scope| &scope["ScopeName"]).collect();
    assert_eq!(scopes, Scope::ALL.map(Scope::name), "the scopes that the API knows");
    assert_eq!(server["Identifier"], "waybill", "the prefix that the API expects");
    let [(id, client)] = template.all("AWS::Cognito::UserPoolClient")[..] else { panic!("not one client") };
    assert_eq!(
        (&client["GenerateSecret"], &client["AllowedOAuthFlows"]),
        (&json!(true), &json!(["client_credentials"]))
    );
    assert_eq!(client["AllowedOAuthScopes"], json!(["waybill/admin"]));
    let environment = &template.properties("ApiFunction")["Environment"]["Variables"];
    assert_eq!(environment["WAYBILL_USER_POOL_CLIENT"]["Fn::If"][1], json!({ "Ref": id }));
    let issuer = json!({ "Fn::Sub": "https://${UserPool.ProviderName}" });
    assert_eq!(environment["WAYBILL_USER_POOL_ISSUER"]["Fn::If"][1], issuer);
    assert_eq!(template.0["Outputs"]["UserPoolIssuer"]["Value"], issuer);
}

#[test]
fn only_the_dispatcher_sends_mails_and_only_as_the_one_sender() {
    let template = Template::load();
    for function in FUNCTIONS {
        let sends = |statement: &&Value| statement["Action"].to_string().contains("ses:");
        let found: Vec<_> = statements(&template, &id_of(function, "Role")).into_iter().filter(sends).collect();
        if function != "dispatcher" {
            assert!(found.is_empty(), "{function}");
            continue;
        }
        let [sends] = found[..] else { panic!("not one statement") };
        assert_eq!(sends["Action"], "ses:SendEmail");
        let sender = json!({"StringEqualsIfExists": {"ses:FromAddress": {"Ref": "EmailFrom"}}});
        assert_eq!(sends["Condition"], sender);
        assert_eq!(sends["Resource"]["Fn::If"][0], "InAws");
        let text = |resource: &Value| {
            let sub = &resource["Fn::Sub"];
            sub.as_str().or(sub[0].as_str()).and_then(|text| text.rsplit_once(':')).map(|(_, name)| name.to_owned())
        };
        let named: Vec<_> = list(&sends["Resource"]["Fn::If"][1]).into_iter().filter_map(text).collect();
        let expected = ["identity/${EmailFrom}", "identity/${Domain}", "configuration-set/${EmailConfigurationSet}"];
        assert_eq!(named, expected);
    }
    assert_eq!(template.0["Parameters"]["EmailFrom"]["Default"], "", "off unless the operator turns it on");
}

/// One-shots of schedules may wake the intake and do nothing else; those who make them may name no other role, and touch no
/// schedule but the stack's own.
#[test]
fn one_shots_wake_the_intake_alone() {
    let template = Template::load();
    let queues = json!([attribute("IntakeQueue", "Arn"), attribute("IntakeDlq", "Arn")]);
    let [sends] = statements(&template, "ScheduleRole")[..] else { panic!("not one statement") };
    assert_eq!((&sends["Action"], &sends["Resource"]), (&json!("sqs:SendMessage"), &queues));
    let trust = &template.properties("ScheduleRole")["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"], json!({"Service": "scheduler.amazonaws.com"}));
    assert_eq!(trust["Condition"], json!({"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}));
    for function in FUNCTIONS {
        let all = statements(&template, &id_of(function, "Role"));
        let of = |what: &str| -> Vec<&Value> {
            all.iter().copied().filter(|one| one["Action"].to_string().contains(what)).collect()
        };
        let environment = &template.properties(&id_of(function, "Function"))["Environment"]["Variables"];
        if !matches!(function, "api" | "intake") {
            assert!(of("scheduler:").is_empty() && of("iam:").is_empty(), "{function}");
            assert!(environment["WAYBILL_SCHEDULE_ROLE"].is_null(), "{function}");
            continue;
        }
        let ([makes], [passes]) = (&of("scheduler:")[..], &of("iam:")[..]) else { panic!("{function}") };
        let actions = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule"];
        assert_eq!(makes["Action"], json!(actions), "{function}");
        let named = makes["Resource"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(named.ends_with(":${AWS::AccountId}:schedule/default/${AWS::StackName}-*"), "{named}");
        assert_eq!(environment["WAYBILL_SCHEDULE_PREFIX"], json!({"Ref": "AWS::StackName"}));
        let role = attribute("ScheduleRole", "Arn");
        assert_eq!((&passes["Action"], &passes["Resource"]), (&json!("iam:PassRole"), &role));
        assert_eq!(passes["Condition"], json!({"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}));
        assert_eq!(environment["WAYBILL_SCHEDULE_ROLE"], role);
        assert_eq!(environment["WAYBILL_INTAKE_QUEUE_ARN"], queues[0]);
        assert_eq!(environment["WAYBILL_INTAKE_DLQ_ARN"], queues[1]);
    }
    // What they miss, the sweeper sends.
    assert!(may(&template, "SweeperRole", "sqs:SendMessage", &queues[0]));
    assert_eq!(
        template.properties("SweeperFunction")["Environment"]["Variables"]["WAYBILL_INTAKE_QUEUE"]["Ref"],
        "IntakeQueue"
    );
}

/// An erasure finds files by their names alone.
#[test]
fn the_sweeper_lists_and_deletes_files_and_reads_none() {
    let template = Template::load();
    let (bucket, files) = (attribute("ReportBucket", "Arn"), json!({"Fn::Sub": "${ReportBucket.Arn}/*"}));
    let sweeper = |action: &str, resource: &Value| may(&template, "SweeperRole", action, resource);
    assert!(sweeper("s3:ListBucket", &bucket) && sweeper("s3:ListBucketMultipartUploads", &bucket));
    assert!(sweeper("s3:DeleteObject", &files) && sweeper("s3:AbortMultipartUpload", &files));
    assert!(sweeper("dynamodb:Query", &attribute("Table", "Arn")));
    assert!(!statements(&template, "SweeperRole").iter().any(|s| list(&s["Action"]).contains(&&json!("s3:GetObject"))));
    for function in FUNCTIONS.into_iter().filter(|function| *function != "sweeper") {
        assert!(!may(&template, &id_of(function, "Role"), "s3:ListBucket", &bucket), "{function}");
    }
}
