//! Measures one dispatcher process against a local cloud, which `WAYBILL_STACK` describes:
//!
//! `waybill-delivery-bench DISPATCHER DELIVERIES`
//!
//! DISPATCHER is its binary. Prints a line for each profile: CPU of the process per delivery, deliveries per second
//! (which the emulator bounds, not the process) and AWS calls per delivery. All are first attempts at an endpoint that
//! confirms at once, over HTTPS on loopback, in batches of 10 as the queue hands them out.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a failed measurement is no measurement")]

use std::{collections::BTreeMap, env, fs, time::Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{Write, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Status, Target},
        id::EventId,
        message::{Announcement, DeliveryMessage, DeliveryTask, EventKind},
        request::Request,
        retry::Schedule,
    },
};
use waybill_tests::{
    function::Function,
    hostile::{Hostile, Manner},
    lake::Lake,
    tally::Tally,
    tenant::Tenant,
    wait::LONG,
    world::World,
};

const BATCH: usize = 10;
/// Hundredths of a second, in which Linux counts a process's CPU time.
const TICK_MS: f64 = 10.0;

struct Bench {
    world: World,
    tenant: Tenant,
    finished: Request,
    dispatcher: String,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dispatcher, count] = arguments.as_slice() else {
        eprintln!("usage: waybill-delivery-bench DISPATCHER DELIVERIES");
        std::process::exit(2);
    };
    let count: usize = count.parse().unwrap();
    let dispatcher = fs::canonicalize(dispatcher).unwrap().display().to_string();
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, 1_000, 1).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(id).await;
    let finished = world.request(&tenant.id, id).await.row;
    let bench = Bench { world, tenant, finished, dispatcher };
    println!(
        "| profile | deliveries | CPU per delivery | deliveries/s | AWS calls per delivery |\n|---|---|---|---|---|"
    );
    for profile in ["waybill", "tesouro"] {
        bench.measure(profile, count).await;
    }
}

impl Bench {
    async fn measure(&self, profile: &str, count: usize) {
        let confirms = Manner::answer("200 OK", b"");
        let receiver = Hostile::start(&self.world, confirms.clone(), confirms).await;
        let settings = json!({ "url": receiver.url(), "profile": profile });
        let made = self.tenant.api.post("/v1/endpoints", &settings).await.unwrap();
        let made = made.expect_status("register an endpoint", &[201]).unwrap();
        let target = Target::Endpoint { id: made["id"].as_str().unwrap().parse().unwrap() };

        let tally = Tally::start(&self.world.stack.aws_endpoint_url).await;
        let name = &self.world.stack.functions.dispatcher;
        let changes = [("AWS_ENDPOINT_URL", tally.url.as_str()), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")];
        let function = Function::start_with(&self.world, &self.dispatcher, name, &changes).await;
        let warm_up = self.deliveries(&target, BATCH).await;
        function.invoke(&self.batch(&warm_up), LONG).await;
        let deliveries = self.deliveries(&target, count).await;

        tally.take();
        let (cpu, began) = (cpu_ms(function.id()), Instant::now());
        for batch in deliveries.chunks(BATCH) {
            let answer = function.invoke(&self.batch(batch), LONG).await;
            assert_eq!(answer, json!({ "batchItemFailures": [] }));
        }
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_ms(function.id()) - cpu);
        let calls = tally.take();
        self.are_delivered(&deliveries).await;
        let count = count as f64;
        let (cpu, rate) = (cpu / count, count / seconds);
        println!("| `{profile}` | {count} | {cpu:.2} ms | {rate:.0} | {} |", shown(&calls, count));
    }

    /// Recorded, each of an event of its own; due, and in no queue.
    async fn deliveries(&self, target: &Target, count: usize) -> Vec<Delivery> {
        let mut made = Vec::new();
        for _ in 0..count {
            let now = clock::now();
            let (id, kind) = (EventId::generate(), EventKind::ReportSucceeded);
            let event = Announcement::of(&self.finished, id, kind, Timestamp::now());
            let delivery = Delivery::new(event, target.clone(), now, &Schedule::parse("0").unwrap());
            self.world.table.write(Write::delivery(&delivery).unwrap().to_vec()).await.unwrap();
            made.push(delivery);
        }
        made
    }

    fn batch(&self, deliveries: &[Delivery]) -> Value {
        let records = deliveries.iter().map(|delivery| {
            let (tenant, request) = (self.tenant.id.clone(), self.finished.id);
            let task = DeliveryTask::Attempt(delivery.id);
            let message = DeliveryMessage::V1 { tenant, request, task, dead: None };
            json!({
                "messageId": delivery.id,
                "receiptHandle": "of-a-bench",
                "body": serde_json::to_string(&message).unwrap(),
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": self.world.stack.region,
            })
        });
        json!({ "Records": records.collect::<Vec<_>>() })
    }

    async fn are_delivered(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let key = Key::delivery(&self.tenant.id, self.finished.id, delivery.id);
            let row = self.world.table.get::<Delivery>(&key).await.unwrap().unwrap().row;
            assert_eq!((row.status, row.attempts), (Status::Delivered, 1), "{row:?}");
        }
    }
}

/// User and system time of a process, all its threads, in milliseconds.
fn cpu_ms(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) * TICK_MS
}

fn shown(calls: &BTreeMap<String, usize>, count: f64) -> String {
    let each = calls.iter().map(|(operation, calls)| {
        let (service, operation) = operation.split_once('.').unwrap_or(("", operation));
        let service = service.split('_').next().unwrap_or_default();
        format!("{service} {operation} {:.2}", *calls as f64 / count)
    });
    each.collect::<Vec<_>>().join(", ")
}
