//! What every refusal has in common.

use serde_json::Value;
use waybill_local::api_client::Answer;
use waybill_tests::world::World;

/// Checks status and code, that it is problem+json, and that nothing internal shows. Returns the problem.
pub fn check(world: &World, what: &str, answer: &Answer, status: u16, code: &str) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{what}: {text}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}: {text}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{what}: {text}");
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["type"], format!("urn:waybill:problem:{code}"), "{what}");
    let (call, instance) = (answer.header("x-request-id"), problem["instance"].as_str().unwrap());
    assert!(!call.is_empty() && instance.starts_with("urn:waybill:call:"), "{what}: {call} {instance}");
    // API Gateway's own id of the call is random letters, which say anything some day.
    let mut headers = answer.headers.clone();
    headers.remove("apigw-requestid");
    let whole = format!("{text} {headers:?}");
    for internal in ["arn:", world.stack.table.as_str(), "panicked", "src/", "amazonaws", "dynamodb", "sqs"] {
        assert!(!whole.contains(internal), "{what} tells of {internal}: {whole}");
    }
    problem
}

/// What a refusal says, but for which call it was: two that are told the same are told apart by nothing else.
pub fn words(answer: &Answer) -> Value {
    let mut problem = answer.json();
    problem.as_object_mut().unwrap().remove("instance").expect("the call's id");
    problem
}

/// Pointers and codes of a problem's faults, sorted.
pub fn faults(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut faults: Vec<_> = errors.iter().map(|fault| (text(&fault["pointer"]), text(&fault["code"]))).collect();
    faults.sort();
    assert!(errors.iter().all(|fault| !text(&fault["detail"]).is_empty()), "{problem}");
    faults
}
