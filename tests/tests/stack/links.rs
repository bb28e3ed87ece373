//! Managed links: made, counted, listed, revoked, and who used them.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use waybill::domain::{
    id::{LinkId, RequestId},
    request::{Request, Status},
};
use waybill_local::api_client::Answer;
use waybill_tests::{tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

/// A tenant with a finished report.
async fn finished(world: &World) -> (Tenant, RequestId, Value) {
    let tenant = Tenant::create(world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let status = tenant.succeeded(id).await;
    (tenant, id, status)
}

async fn make(tenant: &Tenant, id: RequestId, body: &Value) -> Answer {
    tenant.api.post(&format!("/v1/requests/{id}/links"), body).await.unwrap()
}

async fn made(tenant: &Tenant, id: RequestId, body: &Value) -> Value {
    make(tenant, id, body).await.expect_status("make a link", &[201]).unwrap()
}

async fn delete(tenant: &Tenant, path: &str) -> Answer {
    tenant.api.send(Method::DELETE, path, &[], vec![]).await.unwrap()
}

async fn list(tenant: &Tenant, id: RequestId, what: &str) -> Vec<Value> {
    let answer = tenant.get(&format!("/v1/requests/{id}/{what}?limit=100")).await;
    let listed = answer.expect_status(what, &[200]).unwrap();
    assert!(listed["next_cursor"].is_null(), "{listed}");
    listed[what].as_array().unwrap().clone()
}

/// Follows a link as some client would.
async fn follow(world: &World, method: Method, url: &str, agent: &str) -> Answer {
    let claimed = [("user-agent", agent), ("x-forwarded-for", "203.0.113.9")];
    world.api.send(method, url, &claimed, vec![]).await.unwrap()
}

#[tokio::test]
async fn links_are_made_counted_and_revoked() {
    let world = World::load().await;
    let (tenant, id, status) = finished(&world).await;
    let first = status["link"]["url"].as_str().unwrap();

    let link = made(&tenant, id, &json!({ "expires_in_seconds": 3600 })).await;
    let url = link["url"].as_str().unwrap();
    assert_eq!((&link["mode"], url == first), (&json!("managed"), false));
    let time = |name: &str| link[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(time("expires_at").duration_since(time("created_at")).as_secs(), 3600, "as long as asked for");

    for (method, status) in [(Method::GET, 302), (Method::GET, 302), (Method::HEAD, 302)] {
        assert_eq!(follow(&world, method, url, "curl/8").await.status, status);
    }
    let links = list(&tenant, id, "links").await;
    let [newest, oldest] = links.as_slice() else { panic!("{links:?}") };
    assert_eq!((&newest["id"], &newest["downloads"]), (&link["id"], &json!(2)), "HEAD downloads nothing");
    assert!(newest["created_by"].as_str().unwrap().ends_with(&tenant.subject), "{newest}");
    assert_eq!((&oldest["created_by"], &oldest["downloads"]), (&json!("worker"), &json!(0)));
    assert_eq!(oldest["expires_at"], status["link"]["expires_at"]);
    assert!(links.iter().all(|link| link["url"].is_null()), "shown once: {links:?}");

    let path = format!("/v1/requests/{id}/links/{}", link["id"].as_str().unwrap());
    let revoked = delete(&tenant, &path).await.expect_status("revoke", &[200]).unwrap();
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(delete(&tenant, &path).await.json(), revoked, "once is enough");
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(follow(&world, method, url, "curl/8").await.status, 410);
    }
    refusal::check(&world, "a revoked link", &follow(&world, Method::GET, url, "curl/8").await, 410, "link_revoked");
    assert_eq!(follow(&world, Method::GET, first, "curl/8").await.status, 302, "others live on");
    assert_eq!(tenant.status(id).await["link"], status["link"]);

    // The link that came with the file: the status shows none from then on.
    let request = format!("/v1/requests/{id}");
    let tag = tenant.get(&request).await.header("etag").to_owned();
    let path = format!("{request}/links/{}", oldest["id"].as_str().unwrap());
    delete(&tenant, &path).await.expect_status("revoke", &[200]).unwrap();
    assert_ne!(tenant.get(&request).await.header("etag"), tag);
    let status = tenant.status(id).await;
    assert!(status["link"].is_null() && status["status"] == "SUCCEEDED", "{status}");
    assert_eq!(follow(&world, Method::GET, first, "curl/8").await.status, 410);
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn who_downloads_all_the_time_does_not_put_the_end_off() {
    let world = World::load().await;
    let (tenant, id, _) = finished(&world).await;
    let link = made(&tenant, id, &json!({})).await;
    let url = link["url"].as_str().unwrap();
    let downloads = join_all((0..8).map(|_| async {
        let mut redirected = 0;
        while follow(&world, Method::GET, url, "curl/8").await.status == 302 {
            redirected += 1;
        }
        redirected
    }));
    let path = format!("/v1/requests/{id}/links/{}", link["id"].as_str().unwrap());
    let revocation = async {
        eventually("downloads", async || (list(&tenant, id, "links").await[0]["downloads"] != 0).then_some(())).await;
        delete(&tenant, &path).await
    };
    let (counts, revoked) = futures::join!(downloads, revocation);
    assert_eq!(revoked.status, 200);
    let shown = &list(&tenant, id, "links").await[0];
    assert!(shown["revoked_at"].is_string() && shown["downloads"] == counts.iter().sum::<u64>(), "{counts:?}, {shown}");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn the_access_log_tells_who_when_and_from_where() {
    let world = World::load().await;
    let (tenant, id, status) = finished(&world).await;
    let first = status["link"]["url"].as_str().unwrap();
    let link = made(&tenant, id, &json!({})).await;
    let url = link["url"].as_str().unwrap();
    follow(&world, Method::HEAD, url, "Scanner/1 (mail)").await;
    follow(&world, Method::GET, url, &"x".repeat(300)).await;
    follow(&world, Method::GET, first, "curl/8").await;
    delete(&tenant, &format!("/v1/requests/{id}/links/{}", link["id"].as_str().unwrap())).await;
    follow(&world, Method::GET, url, "curl/8").await;
    delete(&tenant, &format!("/v1/requests/{id}")).await.expect_status("delete the file", &[200]).unwrap();
    let answer = follow(&world, Method::GET, first, "curl/8").await;
    refusal::check(&world, "a link to a deleted file", &answer, 410, "file_deleted");

    let accesses = list(&tenant, id, "accesses").await;
    let seen: Vec<_> = accesses
        .iter()
        .map(|used| {
            let text = |name: &str| used[name].as_str().unwrap();
            (text("method"), text("outcome"), text("user_agent").len(), text("link_created_by") == "worker")
        })
        .collect();
    let expected = [
        ("GET", "deleted", 6, true),
        ("GET", "revoked", 6, false),
        ("GET", "redirected", 6, true),
        ("GET", "redirected", 256, false),
        ("HEAD", "redirected", 16, false),
    ];
    assert_eq!(seen, expected, "newest first");
    for used in &accesses {
        assert_eq!(used["ip"], "127.0.0.1", "what a client claims does not count: {used}");
        assert!(used["at"].is_string());
    }
    assert_eq!(accesses[4]["link_id"], link["id"]);

    let mut path = format!("/v1/requests/{id}/accesses?limit=2");
    let mut paged = Vec::new();
    loop {
        let page = tenant.get(&path).await.expect_status("a page", &[200]).unwrap();
        paged.extend(page["accesses"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/requests/{id}/accesses?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, accesses, "page by page the same");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn links_that_cannot_be_are_refused() {
    let world = World::load().await;
    let (tenant, id, status) = finished(&world).await;
    let faults = [
        (json!([]), "", "type"),
        (json!({ "mode": "public" }), "/mode", "not_allowed"),
        (json!({ "life_hours": 0 }), "/life_hours", "out_of_range"),
        (json!({ "life_hours": -1 }), "/life_hours", "type"),
        (json!({ "expires_in_seconds": 59 }), "/expires_in_seconds", "out_of_range"),
        // The file lives for 96 hours.
        (json!({ "life_hours": 97 }), "/life_hours", "out_of_range"),
        (json!({ "life_hours": u64::MAX }), "/life_hours", "out_of_range"),
        (json!({ "mode": "direct", "life_hours": 169 }), "/life_hours", "out_of_range"),
        (json!({ "expires_in_seconds": 60, "life_hours": 1 }), "/expires_in_seconds", "not_allowed"),
        (json!({ "url": "x" }), "/url", "unknown"),
    ];
    for (body, pointer, code) in faults {
        let problem =
            refusal::check(&world, &body.to_string(), &make(&tenant, id, &body).await, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    assert_eq!(list(&tenant, id, "links").await.len(), 1, "nothing was made");

    // Side by side they still keep to the bound; the one that came with the file counts.
    let empty = json!({});
    let answers = join_all((0..24).map(|_| make(&tenant, id, &empty))).await;
    let fine = answers.iter().filter(|answer| answer.status == 201).count();
    let odd: Vec<_> = answers.iter().map(|answer| answer.status).filter(|s| ![201, 409, 503].contains(s)).collect();
    assert!(odd.is_empty() && fine <= 19, "{fine} made, {odd:?}");
    for _ in fine..19 {
        made(&tenant, id, &json!({})).await;
    }
    refusal::check(&world, "a link too many", &make(&tenant, id, &json!({})).await, 409, "too_many_links");
    let link = list(&tenant, id, "links").await[0]["id"].clone();
    let path = format!("/v1/requests/{id}/links/{}", link.as_str().unwrap());
    delete(&tenant, &path).await.expect_status("revoke", &[200]).unwrap();
    made(&tenant, id, &json!({})).await;

    let unknown = format!("/v1/requests/{id}/links/{}", LinkId::generate());
    refusal::check(&world, "a link that never was", &delete(&tenant, &unknown).await, 404, "not_found");
    for path in ["links?limit=0", "accesses?limit=101", "links?cursor=x", "accesses?since=1"] {
        let answer = tenant.get(&format!("/v1/requests/{id}/{path}")).await;
        refusal::check(&world, path, &answer, 400, "query_invalid");
    }
    assert_eq!(status["status"], "SUCCEEDED");

    let stored = world.request(&tenant.id, id).await;
    for (status, expected, code) in [
        (Status::Running, 409, "request_unfinished"),
        (Status::Failed, 409, "no_file"),
        (Status::Expired, 410, "file_gone"),
    ] {
        let row = Request { status, ..stored.row.clone() };
        let read = world.request(&tenant.id, id).await;
        world.table.replace(&read, row).await.unwrap();
        refusal::check(&world, code, &make(&tenant, id, &json!({})).await, expected, code);
    }
}

#[tokio::test]
async fn another_tenants_links_are_not_there() {
    let world = World::load().await;
    let (tenant, id, _) = finished(&world).await;
    let other = Tenant::create(&world).await;
    let link = list(&tenant, id, "links").await[0]["id"].as_str().unwrap().to_owned();
    let never = RequestId::generate();
    for theirs in [id, never] {
        let routes = [
            (Method::GET, format!("/v1/requests/{theirs}/links")),
            (Method::POST, format!("/v1/requests/{theirs}/links")),
            (Method::DELETE, format!("/v1/requests/{theirs}/links/{link}")),
            (Method::GET, format!("/v1/requests/{theirs}/accesses")),
        ];
        for (method, path) in routes {
            let answer = other.api.send(method, &path, &[], b"{}".to_vec()).await.unwrap();
            let problem = refusal::check(&world, &path, &answer, 404, "not_found");
            assert_eq!(problem["detail"], "There is no such request.", "{path}");
        }
    }
    // Nor do they hang at another of its own requests.
    let own = other.order(&other.wallet_order()).await;
    other.succeeded(own).await;
    let answer = delete(&other, &format!("/v1/requests/{own}/links/{link}")).await;
    refusal::check(&world, "a link of another request", &answer, 404, "not_found");
    assert!(list(&tenant, id, "links").await[0]["revoked_at"].is_null());
}
