//! Dead letters of deliveries go back to the queue that they came from, as SQS's own move would take them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use futures::{StreamExt, stream};
use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::{AwsError, queue::Received},
    domain::{message::DeliveryMessage, tenant::Scope},
};

use crate::{
    app::App,
    audit,
    auth::Admin,
    body::JsonBody,
    fields::{Faults, Fields},
    openapi::{
        operation::Operation,
        parts::tenant_id,
        schema::{count, defaulted, described, flag, sent, shown, whole},
    },
    problem::Problem,
};

const FIELDS: [&str; 2] = ["tenant", "limit"];

/// Letters that one call moves unless asked for otherwise, and at most.
const DEFAULT: u32 = 100;
const MOST: u32 = 500;

/// Letters that one call looks at.
const MOST_LOOKED_AT: usize = 2000;

/// A letter is looked at once in a call: until the call lets go of it, it is hidden.
const HIDE_SECONDS: i32 = 30;

/// Well below the function's own time.
const TIME: Duration = Duration::from_secs(15);

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    tenant: Option<String>,
    limit: usize,
}

/// What was done.
#[derive(Debug, Default)]
struct Redriven {
    /// Letters that were moved, by tenant.
    moved: BTreeMap<String, usize>,
    /// Letters that were looked at and stay.
    staying: Vec<Received>,
    /// It ended because there was nothing left to see.
    all_seen: bool,
}

/// `POST /v1/dead-letters/redrive` with `{tenant?, limit?}`: letters with a reason go back to the delivery queue. What
/// each of them does there is decided by its generation.
pub async fn redrive(
    State(app): State<Arc<App>>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let wish = read(&body).map_err(Problem::invalid)?;
    let mut redriven = Redriven::default();
    let outcome = drive(&app, &wish, &mut redriven).await;
    release(&app, &redriven.staying).await;
    let moved: usize = redriven.moved.values().sum();
    for (tenant, count) in &redriven.moved {
        let entry = audit::entry(&admin, tenant, "dead_letters.redriven", json!({ "moved": count }))?;
        app.table.write(vec![entry]).await?;
    }
    tracing::info!(moved, stayed = redriven.staying.len(), caller = admin.subject, "dead letters redriven");
    match outcome {
        Err(error) if moved == 0 => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "a redrive ends early"),
        Ok(()) => {}
    }
    Ok(Json(json!({ "moved": moved, "stayed": redriven.staying.len(), "all_seen": redriven.all_seen })))
}

fn read(body: &Value) -> Result<Wish, Vec<Fault>> {
    let faults = Faults::default();
    let wish = Fields::of(body, "", &FIELDS, &faults).map(|fields| Wish {
        tenant: fields.text("tenant", 64).map(str::to_owned),
        limit: fields.whole("limit", 1..=MOST).unwrap_or(DEFAULT) as usize,
    });
    let faults = faults.into_vec();
    wish.filter(|_| faults.is_empty()).ok_or(faults)
}

async fn drive(app: &App, wish: &Wish, redriven: &mut Redriven) -> Result<(), AwsError> {
    let (began, mut moved) = (Instant::now(), 0);
    while began.elapsed() < TIME && redriven.staying.len() + moved < MOST_LOOKED_AT {
        let batch = app.dead_deliveries.receive(HIDE_SECONDS).await?;
        if batch.is_empty() {
            redriven.all_seen = true;
            return Ok(());
        }
        let mut batch = batch.into_iter();
        while let Some(letter) = batch.next() {
            let tenant = wanted(&letter, wish).filter(|_| moved < wish.limit);
            let Some((tenant, message)) = tenant else {
                redriven.staying.push(letter);
                continue;
            };
            // First there, then gone from here: at worst it is there twice, and counts once.
            let sent = async {
                app.deliveries.send(&message, &tenant, 0).await?;
                app.dead_deliveries.delete(&letter).await
            };
            if let Err(error) = sent.await {
                redriven.staying.push(letter);
                redriven.staying.extend(batch);
                return Err(error);
            }
            moved += 1;
            *redriven.moved.entry(tenant).or_default() += 1;
        }
        if moved >= wish.limit {
            return Ok(());
        }
    }
    Ok(())
}

/// Whose letter it is, and what it says, if it is wanted. One without a reason is left to the sweeper, which finds out.
fn wanted(letter: &Received, wish: &Wish) -> Option<(String, DeliveryMessage)> {
    let message: DeliveryMessage = serde_json::from_str(&letter.body).ok()?;
    let DeliveryMessage::V1 { tenant, dead, .. } = &message;
    let wanted = dead.is_some() && wish.tenant.as_ref().is_none_or(|wanted| wanted == tenant);
    wanted.then(|| (tenant.clone(), message.clone()))
}

/// What stays is seen again at once. Where that fails it is seen when it is no longer hidden.
async fn release(app: &App, staying: &[Received]) {
    let releases: Vec<_> = staying.iter().map(|letter| app.dead_deliveries.release(letter)).collect();
    let mut released = stream::iter(releases).buffer_unordered(16);
    while let Some(outcome) = released.next().await {
        if let Err(error) = outcome {
            tracing::warn!(%error, "dead letter stays hidden for a while");
        }
    }
}

/// What an administrator may do with dead letters.
pub fn operations() -> Vec<Operation> {
    let wish = sent(&FIELDS, &[], |name| match name {
        "tenant" => described(tenant_id(), "Letters of all tenants unless given."),
        "limit" => defaulted(whole(1..=MOST), DEFAULT),
        _ => Value::Null,
    });
    let redriven = shown([
        ("moved", count()),
        ("stayed", described(count(), "Were looked at and left.")),
        ("all_seen", described(flag(), "False where there may be more.")),
    ]);
    let operation = Operation::post(
        "/v1/dead-letters/redrive",
        ["redriveDeadLetters", "Deliveries", "Dead letters go back to their queue"],
    )
    .about("Letters of deliveries that died. What a letter does when it is back is decided by its generation.")
    .needs(Scope::Admin)
    .body(wish, json!({ "tenant": "acme", "limit": 100 }))
    .answers(StatusCode::OK, "What was done.", redriven);
    vec![operation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tenants_unless_one_is_named() {
        assert_eq!(read(&json!({})), Ok(Wish { tenant: None, limit: 100 }));
        let wish = Wish { tenant: Some("acme".into()), limit: 500 };
        assert_eq!(read(&json!({ "tenant": "acme", "limit": 500 })), Ok(wish));
        for (body, pointer) in [
            (json!([]), ""),
            (json!({ "tenant": 5 }), "/tenant"),
            (json!({ "limit": 0 }), "/limit"),
            (json!({ "limit": 501 }), "/limit"),
            (json!({ "queue": "x" }), "/queue"),
        ] {
            let faults = read(&body).unwrap_err();
            assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{body}");
        }
    }
}
