//! The erasure of a tenant: everything of it goes, and nothing of anybody else's.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Write,
        keys::{Key, lane, story},
        rows::{AttemptRow, ProcessEvent, Progress, Waiting},
    },
    clock,
    domain::{
        delivery::{Attempt, Delivery, Status, Target},
        erasure::{Erasure, State},
        health::Health,
        id::{DeliveryId, ErasureId, EventId, RequestId},
        lane as lanes,
        message::{Announcement, EventKind},
        process::Process,
        retry::Schedule,
    },
};
use waybill_local::api_client::Answer;
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, settings},
    wait::eventually,
    world::World,
};

use crate::refusal;

/// A tenant with a report, links, and an API key.
struct Settled {
    tenant: Tenant,
    request: RequestId,
    links: [String; 2],
    api_key: String,
    /// Story of an event of a process of its own.
    process: RequestId,
}

impl Settled {
    async fn create(world: &World) -> Self {
        let tenant = Tenant::create(world).await;
        let request = tenant.order(&tenant.wallet_order()).await;
        let status = tenant.succeeded(request).await;
        let link = tenant.api.post(&format!("/v1/requests/{request}/links"), &json!({})).await.unwrap();
        let link = link.expect_status("make another link", &[201]).unwrap();
        let links = [&status["link"], &link].map(|link| link["url"].as_str().unwrap().to_owned());
        let key = json!({ "name": "erp", "scopes": ["reports:read"] });
        let key = world.admin.post(&format!("/v1/tenants/{}/api-keys", tenant.id), &key).await.unwrap();
        let api_key = key.expect_status("make an API key", &[201]).unwrap()["api_key"].as_str().unwrap().to_owned();
        tenant.nothing_is_left_over(world).await;
        let schedule = json!({ "request": tenant.wallet_order(), "time_zone": "UTC", "cron": "0 8 1 1 *" });
        let schedule = tenant.api.post("/v1/schedules", &schedule).await.unwrap();
        schedule.expect_status("make a schedule", &[201]).unwrap();
        let (process, now) = (RequestId::generate(), Timestamp::now());
        let event = Announcement::apart(&tenant.id, process, EventKind::ProcessStatus, now, now);
        let event = Announcement { due_at: None, ..event };
        let came = ProcessEvent { tenant: tenant.id.clone(), story: process, recorded_at: now };
        let latest = Process { tenant: tenant.id.clone(), id: "p".into(), status: 3, at: now, recorded_at: now };
        let writes = [Write::insert(&came), Write::insert(&event), Write::insert(&latest)];
        world.table.write(writes.map(Result::unwrap).to_vec()).await.unwrap();
        leave_in_lane(world, event).await;
        Self { tenant, request, links, api_key, process }
    }

    async fn with_api_key(&self, world: &World) -> Answer {
        world.api.with_token(&self.api_key).get("/v1/reports").await.unwrap()
    }
}

const URL: &str = "https://receiver.example/hook";

/// A delivery of the event, with all that a lane may hold of it.
async fn leave_in_lane(world: &World, event: Announcement) {
    let (tenant, request, now) = (event.tenant.clone(), event.request, clock::now());
    let target = Target::webhook(URL);
    let delivery = Delivery::new(event, target, now, &Schedule::parse("0").unwrap());
    let delivery = Delivery { status: Status::Delivered, due_at: None, next_attempt_at: None, ..delivery };
    let lane = lanes::name(&delivery.target);
    let health = Health::new(&tenant, &lane, now);
    let waiting = lanes::Waiting { tenant, lane, since: now, delivery: delivery.id, request };
    let mut writes = Write::delivery(&delivery).unwrap().to_vec();
    writes.extend([Write::insert(&health).unwrap(), Write::insert(&waiting).unwrap()]);
    world.table.write(writes).await.unwrap();
}

/// Partition of that delivery's lane.
fn lane_of(tenant: &Tenant) -> String {
    lane(&tenant.id, &lanes::name(&Target::webhook(URL)))
}

fn path(tenant: &Tenant) -> String {
    format!("/v1/tenants/{}", tenant.id)
}

/// Sort keys of a partition.
async fn rows(world: &World, partition: &str) -> Vec<String> {
    let rows = world.table.query(partition, "").await.unwrap();
    rows.into_iter().map(|row| row.key.sk).collect()
}

async fn begin(world: &World, tenant: &Tenant) -> ErasureId {
    let answer = world.admin.delete(&format!("{}?confirm={}", path(tenant), tenant.id)).await.unwrap();
    let location = answer.header("location").to_owned();
    let erasure = answer.expect_status("erase", &[202]).unwrap();
    assert_eq!(location, format!("/v1/erasures/{}", erasure["id"].as_str().unwrap()));
    assert_eq!(erasure["state"], "ERASING");
    erasure["id"].as_str().unwrap().parse().unwrap()
}

async fn show(world: &World, id: ErasureId) -> Value {
    world.admin.get(&format!("/v1/erasures/{id}")).await.unwrap().expect_status("show an erasure", &[200]).unwrap()
}

/// Sweeps until the erasure has come so far.
async fn reached(world: &World, id: ErasureId, state: State) -> Value {
    eventually("an erasure", async || {
        world.sweep().await;
        let shown = show(world, id).await;
        (shown["state"] == json!(state)).then_some(shown)
    })
    .await
}

/// Ends the pause.
async fn make_due(world: &World, id: ErasureId) {
    let read = world.table.get::<Erasure>(&Key::erasure(id)).await.unwrap().unwrap();
    let due = Erasure { due_at: Some(clock::now()), ..read.row.clone() };
    world.table.replace(&read, due).await.unwrap();
}

#[tokio::test]
async fn everything_of_a_tenant_goes_and_nothing_of_another() {
    let world = World::load().await;
    let (gone, stays) = (Settled::create(&world).await, Settled::create(&world).await);
    let partitions = |of: &Settled| {
        let [request, process] = [of.request, of.process].map(|id| story(&of.tenant.id, id));
        [Key::tenant(&of.tenant.id).pk, request, process, lane_of(&of.tenant)]
    };
    let mut before = Vec::new();
    for partition in partitions(&stays) {
        before.push(rows(&world, &partition).await);
    }
    let objects = world.objects(&format!("{}/", stays.tenant.id)).await;

    for unconfirmed in ["", "?confirm=", &format!("?confirm={}", stays.tenant.id)] {
        let answer = world.admin.delete(&format!("{}{unconfirmed}", path(&gone.tenant))).await.unwrap();
        refusal::check(&world, unconfirmed, &answer, 422, "confirmation_missing");
    }
    assert_eq!(gone.with_api_key(&world).await.status, 200, "nothing has begun");
    let id = begin(&world, &gone.tenant).await;
    assert_eq!(begin(&world, &gone.tenant).await, id, "asked for again, it is the same");

    // From now on, whoever has not swept yet.
    let answer = gone.tenant.get("/v1/reports").await;
    refusal::check(&world, "its subject", &answer, 403, "unknown_subject");
    refusal::check(&world, "its API key", &gone.with_api_key(&world).await, 401, "token_invalid");
    for link in &gone.links {
        let answer = world.api.get(link).await.unwrap();
        refusal::check(&world, "its link", &answer, 404, "not_found");
    }
    let wanted = settings(&world, &gone.tenant.subject);
    let answer = world.admin.put(&path(&gone.tenant), &wanted).await.unwrap();
    refusal::check(&world, "a change", &answer, 409, "tenant_erasing");

    let confirming = reached(&world, id, State::Confirming).await;
    assert!(confirming["confirmed_from"].is_string() && confirming["finished_at"].is_null(), "{confirming}");
    let [tenant, story, process, lane] = partitions(&gone);
    assert_eq!(rows(&world, &tenant).await, ["TENANT"], "which keeps the id from being used anew");
    assert_eq!(rows(&world, &story).await, [""; 0]);
    assert_eq!(rows(&world, &process).await, [""; 0]);
    assert_eq!(rows(&world, &lane).await, [""; 0]);
    assert_eq!(world.objects(&format!("{}/", gone.tenant.id)).await, [""; 0]);
    for link in &gone.links {
        let pointer = Key::link_pointer(link.rsplit('/').next().unwrap());
        assert_eq!(rows(&world, &pointer.pk).await, [""; 0]);
    }
    world.sweep().await;
    assert_eq!(show(&world, id).await, confirming, "the pause is kept");

    make_due(&world, id).await;
    let receipt = reached(&world, id, State::Done).await;
    assert_eq!(receipt["tenant"], gone.tenant.id);
    assert_eq!(receipt["objects_removed"], 2, "the file and its manifest");
    assert!(receipt["rows_removed"].as_u64().unwrap() >= 6, "request, links, pointers, key: {receipt}");
    assert!(receipt["finished_at"].is_string() && receipt["requested_by"].is_string(), "{receipt}");
    assert_eq!(rows(&world, &tenant).await, [""; 0]);
    assert_eq!(rows(&world, &Key::erasure(id).pk).await, ["ERASURE"], "the receipt alone");
    let answer = world.admin.get(&path(&gone.tenant)).await.unwrap();
    refusal::check(&world, "the tenant", &answer, 404, "not_found");
    let audit = world.admin.get(&format!("{}/audit?limit=2", path(&gone.tenant))).await.unwrap().json();
    let actions = [0, 1].map(|n| audit["entries"][n]["action"].clone());
    assert_eq!(actions, ["tenant.erased", "tenant.erasure_requested"]);

    for (partition, before) in partitions(&stays).iter().zip(before) {
        assert_eq!(rows(&world, partition).await, before);
    }
    assert_eq!(world.objects(&format!("{}/", stays.tenant.id)).await, objects);
    assert_eq!(stays.tenant.status(stays.request).await["status"], "SUCCEEDED");
    assert_eq!(stays.with_api_key(&world).await.status, 200);
    for link in &stays.links {
        assert_eq!(world.api.get(link).await.unwrap().status, 302);
    }

    // The id is free: somebody else, with nothing of what was there.
    let answer = world.admin.put(&path(&gone.tenant), &wanted).await.unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(gone.tenant.get(&format!("/v1/requests/{}", gone.request)).await.status, 404);
    refusal::check(&world, "an old API key", &gone.with_api_key(&world).await, 401, "token_invalid");
    let request = gone.tenant.order(&gone.tenant.wallet_order()).await;
    gone.tenant.succeeded(request).await;
}

/// More than one look takes up.
const MANY: u32 = 450;

/// Rows under the tenant, and in the story of a request.
async fn many_rows(world: &World, tenant: &Tenant, request: RequestId) {
    let delivery = DeliveryId::derive(EventId::generate(), "a receiver");
    for piece in (1..=MANY).collect::<Vec<_>>().chunks(50) {
        let writes = piece.iter().flat_map(|number| {
            let attempt = Attempt { number: *number, ..ATTEMPT };
            let attempt = AttemptRow { tenant: tenant.id.clone(), request, delivery, attempt };
            let waiting = Waiting { tenant: tenant.id.clone(), request: RequestId::generate() };
            [Write::overwrite(&attempt).unwrap(), Write::overwrite(&waiting).unwrap()]
        });
        world.table.write(writes.collect()).await.unwrap();
    }
}

const ATTEMPT: Attempt = Attempt {
    number: 0,
    started_at: Timestamp::UNIX_EPOCH,
    finished_at: None,
    duration_ms: None,
    address: None,
    http_status: None,
    outcome: None,
    response: None,
};

#[tokio::test]
async fn what_is_written_late_goes_too() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let request = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(request).await;
    many_rows(&world, &tenant, request).await;
    let id = begin(&world, &tenant).await;
    let removed = reached(&world, id, State::Confirming).await["rows_removed"].as_u64().unwrap();

    assert!(removed > 2 * u64::from(MANY), "{removed}");

    // As somebody does who was at work when the request's row was removed.
    let late = Progress { tenant: tenant.id.clone(), request, attempt: 1, rows: 1, bytes: 1, at: clock::now() };
    world.table.write(vec![Write::overwrite(&late).unwrap()]).await.unwrap();
    let object = format!("{}/{request}/1/late", tenant.id);
    world.put(&world.stack.buckets.report, &object, b"late".to_vec()).await;
    make_due(&world, id).await;
    let again = eventually("a second pause", async || {
        world.sweep().await;
        let shown = show(&world, id).await;
        (shown["state"] == "CONFIRMING" && shown["objects_removed"] == 3).then_some(shown)
    })
    .await;
    make_due(&world, id).await;
    // The object was found first; the row is found where nothing else is any more.
    let shown = eventually("the late row", async || {
        world.sweep().await;
        let shown = show(&world, id).await;
        (shown["state"] == "CONFIRMING" && shown["rows_removed"] == removed + 1).then_some(shown)
    })
    .await;
    assert!(shown["confirmed_from"].as_str() > again["confirmed_from"].as_str(), "a pause anew");
    make_due(&world, id).await;
    reached(&world, id, State::Done).await;
    assert_eq!(rows(&world, &story(&tenant.id, request)).await, [""; 0]);
    assert_eq!(world.objects(&format!("{}/", tenant.id)).await, [""; 0]);
}

/// With the pause as it is: the worker notices that its request is gone, and leaves nothing.
#[tokio::test]
async fn a_report_that_runs_meanwhile_leaves_nothing() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, 60_000, 10).await;
    let request = tenant.order(&tenant.wallet_order()).await;
    let waiting = tenant.order(&tenant.wallet_order()).await;
    eventually("progress", async || tenant.status(request).await["progress"].is_object().then_some(())).await;
    let id = begin(&world, &tenant).await;
    let mut shown = reached(&world, id, State::Confirming).await;
    // What the worker wrote before it noticed makes for a second pause.
    for _ in 0..2 {
        let pause_ends: Timestamp = shown["confirmed_from"].as_str().unwrap().parse().unwrap();
        shown = eventually("the end of a pause", async || {
            if Timestamp::now() < pause_ends {
                return None;
            }
            world.sweep().await;
            Some(show(&world, id).await).filter(|now| now["confirmed_from"] != shown["confirmed_from"])
        })
        .await;
        if shown["state"] == "DONE" {
            break;
        }
    }
    assert_eq!(shown["state"], "DONE", "{shown}");
    for partition in [Key::tenant(&tenant.id).pk, story(&tenant.id, request), story(&tenant.id, waiting)] {
        assert_eq!(rows(&world, &partition).await, [""; 0], "{partition}");
    }
    let prefix = format!("{}/", tenant.id);
    assert_eq!((world.objects(&prefix).await, world.uploads(&prefix).await), (vec![], vec![]));
}

#[tokio::test]
async fn only_administrators_erase() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let confirmed = format!("{}?confirm={}", path(&tenant), tenant.id);
    let answer = tenant.api.delete(&confirmed).await.unwrap();
    refusal::check(&world, "the tenant itself", &answer, 403, "scope_missing");
    let answer = world.admin.delete(&format!("{confirmed}&now=1")).await.unwrap();
    refusal::check(&world, "an unknown parameter", &answer, 400, "query_invalid");
    for nobody in ["t-nobody", "UPPER"] {
        let answer = world.admin.delete(&format!("/v1/tenants/{nobody}?confirm={nobody}")).await.unwrap();
        refusal::check(&world, nobody, &answer, 404, "not_found");
    }
    let never = ErasureId::generate();
    for id in [never.to_string(), "x".to_owned(), "era_".to_owned()] {
        let answer = world.admin.get(&format!("/v1/erasures/{id}")).await.unwrap();
        refusal::check(&world, &id, &answer, 404, "not_found");
    }
    let answer = tenant.get(&format!("/v1/erasures/{never}")).await;
    refusal::check(&world, "a tenant", &answer, 403, "scope_missing");
    assert_eq!(tenant.get("/v1/reports").await.status, 200);
}
