//! Tenants of a test's own, so that tests run side by side.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::{
        Write,
        keys::{Key, story},
    },
    domain::{
        admission::Slot,
        delivery::{self, Delivery},
        id::RequestId,
        message::RequestMessage,
        outcome::ReportFile,
    },
};
use waybill_local::{
    api_client::{Answer, ApiClient},
    issuer::ISSUER,
    recipient,
    stack::Tenant as Known,
};

use crate::{wait::eventually, world::World};

/// The report over wallet transactions.
pub const WALLET: &str = "Report_digital_wallet_transaction_detail";

/// A tenant that one test made for itself.
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// The subject that may do everything for it.
    pub subject: String,
    /// Secret of its webhooks.
    pub webhook_secret: String,
    /// Its armored OpenPGP secret key.
    pub private_key: PathBuf,
    /// Its API, with its subject's token.
    pub api: ApiClient,
}

/// An id that no other test has.
pub fn fresh_id() -> String {
    format!("t-{}", &Uuid::new_v4().simple().to_string()[..12])
}

/// Settings with which tenants are made: all scopes for `subject`, the sample tenant's certificate.
pub fn settings(world: &World, subject: &str) -> Value {
    let scopes = ["reports:read", "reports:request", "endpoints:write"];
    json!({
        "name": "of a test",
        "packaging": "openpgp",
        "identities": [{ "issuer": ISSUER, "subject": subject, "scopes": scopes }],
        "recipient_keys": [certificate(world)],
    })
}

/// Making a key takes seconds, so tests use the one of a sample tenant.
fn certificate(world: &World) -> String {
    recipient::ensure(&sample(world).id).unwrap().certificate
}

/// `up` makes sample tenants.
fn sample(world: &World) -> &Known {
    &world.stack.tenants[0]
}

impl Tenant {
    /// A new tenant.
    pub async fn create(world: &World) -> Self {
        Self::create_with(world, json!({})).await
    }

    /// A new tenant with these settings besides the usual ones.
    pub async fn create_with(world: &World, more: Value) -> Self {
        let id = fresh_id();
        let subject = format!("{id}-client");
        let path = format!("/v1/tenants/{id}");
        let mut settings = settings(world, &subject);
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = world.admin.put(&path, &settings).await.unwrap();
        let made = answer.expect_status("create a tenant", &[201]).unwrap();
        let token = world.issuer.token(&subject, SignedDuration::from_hours(1)).unwrap();
        Self {
            webhook_secret: made["webhook_secret"].as_str().unwrap().to_owned(),
            private_key: sample(world).recipient_private_key_path.clone(),
            api: world.api.with_token(&token),
            subject,
            id,
        }
    }

    /// Body of a request for all of its wallet transactions.
    pub fn wallet_order(&self) -> Value {
        json!({
            "report": WALLET,
            "parameters": { "d1": "2024-01-01T00:00:00", "d2": "2024-12-31T23:59:59.999" },
        })
    }

    /// Takes the tenant's only slot, as a run of an hour would: what is asked for now waits. Of a tenant that was made
    /// with `quotas.running` 1.
    pub async fn hold_slot(&self, world: &World) {
        let until = Timestamp::now() + SignedDuration::from_hours(1);
        let request = Some(RequestId::generate());
        let slot = Slot { tenant: self.id.clone(), number: 0, request, owner: "a test".into(), until };
        world.table.write(vec![Write::overwrite(&slot).unwrap()]).await.unwrap();
    }

    /// Gives the slot back, and wakes what waits, as the run's end would.
    pub async fn free_slot(&self, world: &World, wake: RequestId) {
        world.table.write(vec![Write::delete(Key::slot(&self.id, 0))]).await.unwrap();
        let message = RequestMessage::V1 { tenant: self.id.clone(), request: wake, dead: None };
        world.send(&world.stack.queues.request, &self.id, &serde_json::to_string(&message).unwrap()).await;
    }

    /// Waits until the request is parked.
    pub async fn waits(&self, id: RequestId) {
        eventually("a request that waits for a slot", async || {
            let status = self.status(id).await;
            (status["waiting_for_slot"] == true).then_some(())
        })
        .await;
    }

    /// Asks for a report; returns its id.
    pub async fn order(&self, body: &Value) -> RequestId {
        let answer = self.api.post("/v1/requests", body).await.unwrap();
        let accepted = answer.expect_status("ask for a report", &[202]).unwrap();
        accepted["id"].as_str().unwrap().parse().unwrap()
    }

    /// A request's status.
    pub async fn status(&self, id: RequestId) -> Value {
        self.get(&format!("/v1/requests/{id}")).await.expect_status("read a status", &[200]).unwrap()
    }

    /// `GET` as its subject.
    pub async fn get(&self, path: &str) -> Answer {
        self.api.get(path).await.unwrap()
    }

    /// A request's status once it is final.
    pub async fn finished(&self, id: RequestId) -> Value {
        eventually("the end of a request", async || {
            let status = self.status(id).await;
            let running = matches!(status["status"].as_str(), Some("QUEUED" | "RUNNING"));
            (!running).then_some(status)
        })
        .await
    }

    /// A request's status once it is `SUCCEEDED`.
    pub async fn succeeded(&self, id: RequestId) -> Value {
        let status = self.finished(id).await;
        assert_eq!(status["status"], "SUCCEEDED", "{status}");
        status
    }

    /// Checks that nothing of the tenant is half done: every request has ended, every event was fanned out, every
    /// delivery has ended, and the bucket holds each file with its manifest and nothing else.
    pub async fn nothing_is_left_over(&self, world: &World) {
        let mut expected = Vec::new();
        for request in world.requests(&self.id).await {
            assert!(request.status.is_final(), "{} is still {:?}", request.id, request.status);
            let partition = story(&self.id, request.id);
            eventually("the end of all deliveries", async || {
                let rows = world.table.query(&partition, "").await.unwrap();
                let waiting = rows.into_iter().any(|row| match row.key.sk.split('#').collect::<Vec<_>>()[..] {
                    ["EVT", _] => true,
                    ["DLV", _] => {
                        let delivery = row.read::<Delivery>().unwrap().row;
                        delivery.status == delivery::Status::Pending || delivery.due_at.is_some()
                    }
                    _ => false,
                });
                (!waiting).then_some(())
            })
            .await;
            if request.status.has_file() {
                let keys = request.file.map(|file| [ReportFile::manifest_key(&file.key), file.key]);
                expected.extend(keys.into_iter().flatten());
            }
        }
        let mut found = world.objects(&format!("{}/", self.id)).await;
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "objects in the report bucket");
    }

    /// Checks that the tenant has asked for nothing, as far as the table knows.
    pub async fn nothing_is_recorded(&self, world: &World) {
        let rows = world.table.query(&Key::tenant(&self.id).pk, "REQ#").await.unwrap();
        assert!(rows.is_empty(), "{rows:?}");
    }
}
