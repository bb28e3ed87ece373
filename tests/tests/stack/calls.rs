//! What every call has: an id, a description, and nothing internal in its answer, whatever was sent. And pages of other
//! origins.

use http::Method;
use serde_json::{Value, json};
use waybill_local::{api_client::Answer, up::CORS_ORIGIN};
use waybill_tests::{tenant::Tenant, world::World};

use crate::refusal;

async fn document(world: &World) -> Value {
    world.api.get("/openapi.json").await.unwrap().expect_status("read the description", &[200]).unwrap()
}

#[tokio::test]
async fn the_description_is_served_and_tagged() {
    let world = World::load().await;
    for (path, media_type) in [("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")] {
        let answer = world.api.get(path).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=300", "{path}");
        let tag = [("if-none-match", answer.header("etag"))];
        let again = world.api.send(Method::GET, path, &tag, vec![]).await.unwrap();
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    let kept: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    let served = document(&world).await;
    assert_eq!(served["paths"], kept["paths"], "the kept description is that of the deployed code: run `make openapi`");
    assert_ne!(served["servers"], kept["servers"], "where this stack is");
    let page = world.api.get("/docs").await.unwrap();
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
}

#[tokio::test]
async fn a_call_has_the_id_that_it_came_with_or_a_new_one() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let paths =
        ["/docs", "/v1/requests", "/v1/requests/req_1", "/nowhere", "/graphql", "/processes/v1/1", "/webhooks/v1"];
    for path in paths {
        let headers = [("x-request-id", "mine:1/a~")];
        let answer = tenant.api.send(Method::GET, path, &headers, vec![]).await.unwrap();
        assert_eq!(answer.header("x-request-id"), "mine:1/a~", "{path}");
        let long = "x".repeat(129);
        for sent in ["", "a b", &long] {
            let answer = tenant.api.send(Method::GET, path, &[("x-request-id", sent)], vec![]).await.unwrap();
            let made = answer.header("x-request-id");
            assert!(uuid::Uuid::try_parse(made).is_ok(), "{path}: {made}");
        }
    }
    let answer = tenant.api.send(Method::GET, "/nowhere", &[("x-request-id", "a<b")], vec![]).await.unwrap();
    let problem = refusal::check(&world, "nowhere", &answer, 404, "no_such_route");
    assert_eq!(problem["instance"], "urn:waybill:call:a%3Cb");
}

#[tokio::test]
async fn pages_of_named_origins_may_call() {
    let world = World::load().await;
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        world.api.send(Method::OPTIONS, "/v1/requests", &headers, vec![]).await.unwrap()
    };
    // The local cloud refuses preflights before they come to the function, whose own tests have them.
    if !world.is_local() {
        let answer = preflight(CORS_ORIGIN).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, CORS_ORIGIN));
        assert!(answer.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        let other = preflight("https://elsewhere.example").await;
        assert_eq!((other.status, other.header("access-control-allow-origin")), (405, ""));
    }
    // Also where it is refused, or a page could not tell why.
    let answer = world.api.send(Method::GET, "/v1/requests", &[("origin", CORS_ORIGIN)], vec![]).await.unwrap();
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, CORS_ORIGIN));
    assert!(answer.header("access-control-expose-headers").contains("retry-after"));
}

/// What no answer may tell of.
fn tells_nothing(world: &World, what: &str, answer: &Answer) {
    let mut headers = answer.headers.clone();
    // Random letters, which say anything some day.
    headers.remove("apigw-requestid");
    headers.remove("x-request-id");
    let text = format!("{} {headers:?}", String::from_utf8_lossy(&answer.body));
    let buckets = [&world.stack.buckets.report, &world.stack.buckets.lake, &world.stack.buckets.config];
    let functions = [&world.stack.functions.api, &world.stack.functions.worker, &world.stack.functions.sweeper];
    let own = [&world.stack.table, &world.stack.queues.request, &world.stack.queues.delivery];
    for name in buckets.into_iter().chain(functions).chain(own) {
        assert!(!text.contains(name.as_str()), "{what} tells of {name}: {text}");
    }
    for word in [
        "arn:",
        "panicked",
        "RUST_BACKTRACE",
        "src/",
        ".rs:",
        "/.cargo/",
        "serde",
        "aws_sdk",
        "DynamoDb",
        "sqs.",
        "Traceback",
    ] {
        assert!(!text.contains(word), "{what} tells of {word}: {text}");
    }
}

/// Every operation that is described, with what could make it say more than it should.
#[tokio::test]
async fn no_answer_tells_of_what_is_inside() {
    let world = World::load().await;
    let tenant = Tenant::create_with(
        &world,
        json!({ "interfaces": { "tesouro": {}, "unico": {} }, "packaging": "plain", "recipient_keys": [] }),
    )
    .await;
    let tenant = Box::new(tenant);
    let document = document(&world).await;
    let ids = [
        "x",
        "req_00000000000000000000000000000000",
        "%00",
        "%ff",
        "%F0%9F%92%A9",
        "..%2f..%2fetc%2fpasswd",
        "'%22%3Cscript%3E",
    ];
    let deep = "[".repeat(2_000);
    let bodies: [&[u8]; 6] =
        [b"", b"{", b"null", b"{\"\\u0000\": \"\\ud83d\\ude00\\u0000\"}", b"\xff\xfe", deep.as_bytes()];
    let json = [("content-type", "application/json")];
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            for (index, id) in ids.iter().enumerate() {
                let filled: String =
                    path.split('{').enumerate().fold(String::new(), |filled, (part, text)| match part {
                        0 => text.to_owned(),
                        _ => format!("{filled}{id}{}", text.split_once('}').unwrap().1),
                    });
                let query = if index == 3 { "?limit=%00&%ff=1" } else { "" };
                let what = format!("{method} {filled}{query}");
                let body = if method == Method::GET { vec![] } else { bodies[index % bodies.len()].to_vec() };
                let answer = tenant.api.send(method.clone(), &format!("{filled}{query}"), &json, body).await.unwrap();
                assert!(answer.status < 500, "{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
                tells_nothing(&world, &what, &answer);
                if !path.contains('{') && method == Method::GET {
                    break;
                }
            }
        }
    }
}
