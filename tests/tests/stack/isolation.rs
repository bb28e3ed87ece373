//! Two tenants, one report: each sees its own, and nothing of the other.

use waybill_tests::{
    files::{self, WALLET_ORACLE},
    lake::Lake,
    tenant::Tenant,
    world::World,
};

use crate::refusal;

#[tokio::test]
async fn a_tenant_sees_its_own_rows_only() {
    let world = World::load().await;
    let tenants = [Tenant::create(&world).await, Tenant::create(&world).await];
    let mut lakes = Vec::new();
    for (tenant, rows) in tenants.iter().zip([1_000, 1_500]) {
        lakes.push(Lake::generate(&world, &tenant.id, rows, 1).await);
    }
    let mut found = Vec::new();
    for (tenant, lake) in tenants.iter().zip(&lakes) {
        let mut order = tenant.wallet_order();
        order["packaging"] = "plain".into();
        let status = tenant.succeeded(tenant.order(&order).await).await;
        let opened = files::open(&world, tenant, &status).await;
        found.push(WALLET_ORACLE.agrees_with(&opened.path, "csv", lake, "TRUE").await["rows"].clone());
    }
    assert_eq!(found, [1_000, 1_500]);

    let [one, other] = tenants;
    for tenant in [&one, &other] {
        tenant.nothing_is_left_over(&world).await;
        let keys = world.files(&format!("{}/", tenant.id)).await;
        assert_eq!(keys.len(), 1, "one file under its own prefix: {keys:?}");
    }

    // Somebody else's id is answered as one that never was, word for word.
    let theirs = world.requests(&other.id).await[0].id;
    let never = waybill::domain::id::RequestId::generate();
    let answers = [one.get(&format!("/v1/requests/{theirs}")).await, one.get(&format!("/v1/requests/{never}")).await];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [404, 404]);
    assert_eq!(refusal::words(&answers[0]), refusal::words(&answers[1]));
    assert_eq!(answers[0].json()["code"], "not_found");
}

#[tokio::test]
async fn a_tenant_without_data_gets_an_empty_report() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let status = tenant.succeeded(tenant.order(&tenant.wallet_order()).await).await;
    assert_eq!(status["rows"], 0, "nobody else's rows");
    tenant.nothing_is_left_over(&world).await;
}
