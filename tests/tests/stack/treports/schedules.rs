//! `scheduleParams`: at a date, again and again, and what its clients see of that.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::{Stored, Write, keys::Key},
    domain::{
        id::ScheduleId,
        message::ScheduleMessage,
        schedule::{Schedule, State},
    },
};
use waybill_tests::{wait::eventually, world::World};

use super::{Customer, UID, execute, fields, of_sample, refused};

/// The sample's body, of CSV, with these `ScheduleParams`.
fn scheduled(params: &Value) -> Value {
    let mut body = of_sample(2);
    body["ScheduleParams"].as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    body
}

async fn answered(customer: &Customer, body: &Value) -> (Uuid, Timestamp) {
    let told = customer.post(&execute(UID), body).await.expect_status("execute", &[200]).unwrap();
    (told["uIdRequest"].as_str().unwrap().parse().unwrap(), told["scheduleDate"].as_str().unwrap().parse().unwrap())
}

async fn row(world: &World, customer: &Customer, id: Uuid) -> Stored<Schedule> {
    world.table.get(&Key::schedule(&customer.tenant.id, ScheduleId::new(id))).await.unwrap().unwrap()
}

async fn schedules(world: &World, customer: &Customer) -> usize {
    world.table.query(&Key::tenant(&customer.tenant.id).pk, "SCH#").await.unwrap().len()
}

/// As if the time of its next run had come.
async fn run(world: &World, customer: &Customer, id: Uuid) {
    let read = row(world, customer, id).await;
    let at = Timestamp::from_second(Timestamp::now().as_second() - 1).unwrap();
    let due = Schedule { next_run: Some(at), ..read.row.clone() };
    world.table.write(vec![Write::replace(&read, &due).unwrap()]).await.unwrap();
    let message = serde_json::to_string(&ScheduleMessage::new(&customer.tenant.id, due.id, at)).unwrap();
    world.send(&world.stack.queues.intake, &customer.tenant.id, &message).await;
}

/// What `info` tells once it tells of a run that was due then or later.
async fn info_since(customer: &Customer, id: Uuid, since: Timestamp) -> Value {
    eventually("a later run", async || {
        let info = customer.info(id).await;
        let at: Timestamp = info["scheduleDate"].as_str().unwrap().parse().unwrap();
        (at >= since).then_some(info)
    })
    .await
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

#[tokio::test]
async fn at_a_date_it_is_made_then() {
    let world = World::load().await;
    let customer = Customer::of(&world, 30).await;
    // As a clock in São Paulo shows it, without an offset.
    let at = in_seconds(8);
    let local = at.to_zoned(TimeZone::get("America/Sao_Paulo").unwrap()).datetime();
    let mut body = scheduled(&json!({ "Type": 1, "Date": local.to_string() }));
    body["GenerateParams"]["CustomData"] = json!("pedido 7");
    let (id, date) = answered(&customer, &body).await;
    assert_eq!(date, at);
    let info = customer.get(&format!("/api/trep/v1/generateds/{id}/info")).await;
    assert_eq!((info.status, info.body.len()), (200, 0), "nothing until then");
    let file = customer.get(&format!("/api/trep/v1/generateds/{id}/file")).await;
    refused(&world, "a file that is to come", &file, 409, "request_unfinished");
    assert!(world.requests(&customer.tenant.id).await.is_empty());

    let info = customer.info(id).await;
    let told: Timestamp = info["scheduleDate"].as_str().unwrap().parse().unwrap();
    assert_eq!((told, &info["status"], &info["customData"]), (at, &json!("Finalizado"), &json!("pedido 7")), "{info}");
    assert!(info["startDate"].as_str().unwrap().parse::<Timestamp>().unwrap() >= at, "{info}");
    assert_eq!(info["uIdRequest"], json!(id));
    for path in [format!("{}", info["id"]), id.to_string()] {
        let file = customer.get(&format!("/api/trep/v1/generateds/{path}/file?exportFileType=2")).await;
        assert_eq!(String::from_utf8(file.body).unwrap().lines().count(), 31, "{path}");
    }
    assert_eq!(row(&world, &customer, id).await.row.state, State::Ended);
    let requests = world.requests(&customer.tenant.id).await;
    assert_eq!(
        requests[0].occasion.as_ref().map(|occasion| (occasion.schedule, occasion.at)),
        Some((ScheduleId::new(id), at))
    );
}

#[tokio::test]
async fn what_repeats_from_now_is_made_at_once_and_again() {
    let world = World::load().await;
    let customer = Customer::of(&world, 20).await;
    let mut body = scheduled(&json!({ "Repeat": true, "RepeatType": 0, "RepeatTime": "04:00" }));
    let filter = json!({ "Column": "amount", "Operator": ">", "Value": "1000000000", "DataType": "Decimal" });
    body["GenerateParams"]["Filters"] = json!([{ "Active": true, "FilterItens": [filter] }]);
    let before = Timestamp::now();
    let (id, date) = answered(&customer, &body).await;
    assert!(date >= before - SignedDuration::from_secs(5) && date <= Timestamp::now(), "{date}");
    let first = customer.info(id).await;
    assert_eq!(first["status"], "Finalizado", "{first}");
    let next = row(&world, &customer, id).await.row.next_run.unwrap();
    let hours = next.duration_since(date).as_secs();
    assert!((4 * 3_600 - 5..=4 * 3_600).contains(&hours), "{hours} s");

    // Its run must be due later than the one that was made at once.
    eventually("a later second", async || (in_seconds(-1) > date).then_some(())).await;
    run(&world, &customer, id).await;
    let second = info_since(&customer, id, date + SignedDuration::from_millis(1)).await;
    assert_ne!(first["id"], second["id"], "a run of its own");
    assert_eq!((&second["status"], &second["uIdRequest"]), (&json!("Finalizado"), &json!(id)));
    // Of both the file is there, and the filter holds for each.
    for info in [&first, &second] {
        let text = String::from_utf8(customer.file(info, 2).await.body).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert_eq!(world.requests(&customer.tenant.id).await.len(), 2);
}

#[tokio::test]
async fn each_run_takes_a_seat_or_is_refused() {
    let world = World::load().await;
    let pool = json!({ "licence_pool": { "seats": 1, "linger_seconds": 0 }, "quotas": { "running": 1 } });
    let customer = Customer::with(&world, 10, pool, "").await;
    let mut body = scheduled(&json!({ "Repeat": true, "RepeatTime": "24:00" }));
    body["User"] = json!("maria");
    let (id, _) = answered(&customer, &body).await;
    assert_eq!(customer.info(id).await["status"], "Finalizado");

    // Somebody else has the seat.
    customer.tenant.hold_slot(&world).await;
    let mut other = of_sample(2);
    other["User"] = json!("joão");
    let holder = eventually("the seat", async || {
        let answer = customer.post(&execute(UID), &other).await;
        (answer.status == 200).then(|| answer.json()["uIdRequest"].as_str().unwrap().parse::<Uuid>().unwrap())
    })
    .await;
    let since = in_seconds(-1);
    run(&world, &customer, id).await;
    let info = info_since(&customer, id, since).await;
    assert_eq!((&info["status"], &info["id"]), (&json!("Erro"), &json!(0)), "{info}");
    assert!(info["errorMessage"].as_str().unwrap().starts_with("licence_unavailable: "), "{info}");
    assert_eq!(world.requests(&customer.tenant.id).await.len(), 2, "none for the run that was refused");

    // Nor is a schedule made whose first run is refused.
    let known = schedules(&world, &customer).await;
    body["User"] = json!("ana");
    refused(&world, "no seat", &customer.post(&execute(UID), &body).await, 409, "licence_unavailable");
    assert_eq!(schedules(&world, &customer).await, known);

    customer.tenant.free_slot(&world, waybill::domain::id::RequestId::new(holder)).await;
    customer.info(holder).await;
    let since = in_seconds(0);
    eventually("a second", async || (Timestamp::now() >= since + SignedDuration::from_secs(1)).then_some(())).await;
    run(&world, &customer, id).await;
    assert_eq!(info_since(&customer, id, since).await["status"], "Finalizado", "the next one finds it free");
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_its_name() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    let week = json!({ "Monday": true });
    let cases = [
        (json!({ "Type": 1 }), "date", "missing"),
        (json!({ "Type": 1, "Date": "31/12/2026" }), "date", "format"),
        (json!({ "Type": 1, "Date": "2020-01-01T00:00:00-03:00" }), "date", "never_runs"),
        (json!({ "Type": 2 }), "type", "not_allowed"),
        (json!({ "Repeat": true }), "repeatTime", "missing"),
        (json!({ "Repeat": true, "RepeatTime": "4 horas" }), "repeatTime", "format"),
        (json!({ "Repeat": true, "RepeatTime": "00:01" }), "repeatTime", "out_of_range"),
        (
            json!({ "Repeat": true, "RepeatTime": "04:00", "RepeatWeekPattern": week }),
            "repeatWeekPattern",
            "not_allowed",
        ),
        (json!({ "Repeat": true, "RepeatType": 1 }), "repeatWeekPattern", "missing"),
        (
            json!({ "Repeat": true, "RepeatType": 2, "RepeatMonthPattern": { "Day": 0 } }),
            "repeatMonthPattern",
            "missing",
        ),
        (json!({ "Repeat": true, "RepeatType": 3 }), "repeatType", "not_allowed"),
    ];
    for (params, field, code) in cases {
        let answer = customer.post(&execute(UID), &scheduled(&params)).await;
        let error = refused(&world, field, &answer, 400, "validation_failed");
        assert_eq!(fields(&error), [(format!("scheduleParams.{field}").as_str(), code)], "{error}");
    }
    // What the report itself refuses is refused at once, by the same names as without a schedule.
    let mut body = scheduled(&json!({ "Repeat": true, "RepeatTime": "24:00" }));
    body["GenerateParams"]["Parameters"] = json!([{ "Name": "codigo", "Value": "x".repeat(41) }]);
    body["NotificationParams"] = json!({ "webhook": "https://169.254.169.254/" });
    let error = refused(&world, "a value", &customer.post(&execute(UID), &body).await, 400, "validation_failed");
    let expected = [("generateParams.parameters[0]", "out_of_range"), ("notificationParams.webhook", "url_refused")];
    assert_eq!(fields(&error), expected);
    assert_eq!(schedules(&world, &customer).await, 0);
    customer.tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn a_schedule_is_made_once_seen_by_its_tenant_alone_and_held_by_the_own_api() {
    let world = World::load().await;
    let settings =
        json!({ "interfaces": { "treports": { "info_while_running": true, "time_zone": "America/Manaus" } } });
    let customer = Customer::with(&world, 10, settings, "").await;
    let path = execute(&customer.report);
    let date = in_seconds(86_400).to_string();
    let body = scheduled(&json!({
        "Type": 1, "Date": date, "Repeat": true, "RepeatType": 1, "RepeatWeekPattern": { "Sunday": true, "Monday": false },
    }));
    let once = async || {
        let answer = customer.post_with(&path, &[("idempotency-key", "agenda 7")], &body).await;
        answer.expect_status("execute", &[200]).unwrap()["uIdRequest"].as_str().unwrap().parse::<Uuid>().unwrap()
    };
    let id = once().await;
    assert_eq!((once().await, schedules(&world, &customer).await), (id, 1));
    assert_eq!(row(&world, &customer, id).await.row.settings.time_zone, "America/Manaus");
    let info = customer.info(id).await;
    assert_eq!((&info["status"], &info["id"]), (&json!("Pendente"), &json!(0)), "{info}");

    let other = Customer::of(&world, 1).await;
    for what in ["info", "file"] {
        refused(
            &world,
            "another's",
            &other.get(&format!("/api/trep/v1/generateds/{id}/{what}")).await,
            404,
            "not_found",
        );
    }
    let own = format!("/v1/schedules/{}", ScheduleId::new(id));
    let held = customer.post(&format!("{own}/pause"), &json!({})).await;
    held.expect_status("pause", &[200]).unwrap();
    assert_eq!(customer.info(id).await["status"], "Desabilitado");
    assert_eq!(customer.tenant.api.delete(&own).await.unwrap().status, 204);
    let gone = customer.get(&format!("/api/trep/v1/generateds/{id}/info")).await;
    refused(&world, "deleted", &gone, 404, "not_found");
}
