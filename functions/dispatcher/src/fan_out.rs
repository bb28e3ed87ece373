//! One event goes to the event bus, and becomes one delivery per receiver.

use jiff::Timestamp;
use waybill::{
    aws::table::{
        Row, Stored, TableError, Write,
        keys::{ENDPOINTS, Key},
    },
    clock,
    domain::{
        delivery::{Delivery, Target},
        email::{Content, EmailSettings},
        endpoint::Endpoint,
        id::{EventId, RequestId},
        message::{Announcement, DeliveryMessage, DeliveryTask, EventKind},
        retry::Schedule,
        tenant::Tenant,
    },
};

use crate::{
    app::{App, Retry},
    channel::jira::Jira,
    events, lane, receiver,
};

/// Deliveries of one transaction: each is two writes, beside the event's row.
const PIECE: usize = 40;

/// Tells the bus, makes the deliveries and removes the outbox row, the latter two in one transaction: a repeat finds
/// no row. If the bus cannot be told, the row stays and the message comes again; receivers do not wait for that. Where
/// there are many receivers, the row says after each transaction how far it has come.
pub async fn fan_out(app: &App, tenant: &str, request: RequestId, event: EventId) -> Result<(), Retry> {
    let Some(mut read) = app.table.get::<Announcement>(&Key::event(tenant, request, event)).await? else {
        return Ok(());
    };
    let published = events::publish(app, &read.row).await;
    let mut left = receivers(app, &read.row).await?;
    let several = left.len() > 1;
    loop {
        let rest = left.split_off(left.len().min(PIECE));
        let plan = plan(&read.row, left, !rest.is_empty(), published.is_ok(), clock::now());
        let mut writes = plan.deliveries.iter().map(Write::delivery).collect::<Result<Vec<_>, _>>()?.concat();
        writes.extend(match &plan.outbox {
            Outbox::Gone => Some(Write::delete(read.row.key())),
            Outbox::Becomes(next) => Some(Write::replace(&read, next)?),
            Outbox::Stays => None,
        });
        match app.table.write(writes).await {
            Ok(()) => {}
            // Another copy of the message was faster; its deliveries are the same ones, and if the row is still there,
            // it is due.
            Err(TableError::Conflict) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        hand_over(app, tenant, request, &plan.deliveries, several).await?;
        if let (Outbox::Becomes(next), false) = (plan.outbox, rest.is_empty()) {
            read = Stored { row: *next, revision: read.revision + 1 };
        }
        if rest.is_empty() {
            return published;
        }
        left = rest;
    }
}

/// Who is to be told, and after which waits.
type Told = (Target, Schedule);

/// The receivers that the request names; else every endpoint that wants the event and was not told yet, by id.
async fn receivers(app: &App, event: &Announcement) -> Result<Vec<Told>, Retry> {
    if event.fanned_out {
        return Ok(vec![]);
    }
    let default = || app.schedule.clone();
    match &event.target {
        None => subscribed(app, event).await,
        Some(Target::Email { to, .. }) => mailed(app, event, to).await,
        Some(target @ Target::Webhook { profile, .. }) => {
            // A URL that a request names is told in the words of one interface, which may have none for it.
            let told = profile.expresses(event.kind).then(|| (target.clone(), default()));
            Ok(told.into_iter().collect())
        }
        Some(target @ Target::Endpoint { id }) => {
            let endpoint = app.table.get::<Endpoint>(&Key::endpoint(&event.tenant, *id)).await?;
            Ok(match endpoint.map(|stored| stored.row) {
                // What its owner chose holds whoever names it.
                Some(endpoint) if event.kind != EventKind::EndpointTest && !endpoint.takes(event.kind) => vec![],
                Some(endpoint) => vec![(target.clone(), receiver::schedule(app, &endpoint))],
                // The delivery tells that it was deleted.
                None => vec![(target.clone(), default())],
            })
        }
        Some(target @ Target::Jira { .. }) => {
            let tenant = app.table.get::<Tenant>(&Key::tenant(&event.tenant)).await?;
            let settings = tenant.and_then(|tenant| tenant.row.jira);
            // Without settings any more, the delivery tells so.
            let told = settings.is_none_or(|jira| jira.takes(event.kind)) && Jira::expresses(event.kind);
            Ok(told.then(|| (target.clone(), default())).into_iter().collect())
        }
    }
}

/// The mails that tell of it: each address gets its own, so that each has its own attempts and its own end.
async fn mailed(app: &App, event: &Announcement, to: &[String]) -> Result<Vec<Told>, Retry> {
    let tenant = app.table.get::<Tenant>(&Key::tenant(&event.tenant)).await?.ok_or(Retry::Missing("the tenant"))?.row;
    let mails = mails(event, &tenant.email, to);
    Ok(mails.into_iter().map(|target| (target, app.schedule.clone())).collect())
}

/// Of a file, and of a failure unless the tenant's settings say otherwise. That somebody called a report off, or that a
/// file ends, is told to nobody by mail.
fn mails(event: &Announcement, settings: &EmailSettings, to: &[String]) -> Vec<Target> {
    let contents = match event.kind {
        EventKind::ReportSucceeded if event.empty_notice => &[Content::Whole],
        EventKind::ReportSucceeded | EventKind::ReportDivergent => {
            settings.password.mails(event.password_sealed.is_some())
        }
        EventKind::ReportFailed if settings.tells_of_failures() => &[Content::Whole],
        _ => &[],
    };
    let of_one = |address: &String| contents.iter().map(|content| (address.clone(), *content)).collect::<Vec<_>>();
    to.iter().flat_map(of_one).map(|(address, content)| Target::Email { to: vec![address], content }).collect()
}

async fn subscribed(app: &App, event: &Announcement) -> Result<Vec<Told>, Retry> {
    let mut told = Vec::new();
    for row in app.table.query(&Key::tenant(&event.tenant).pk, ENDPOINTS).await? {
        let endpoint = row.read::<Endpoint>()?.row;
        if event.told_up_to.is_none_or(|last| endpoint.id > last) && event.wanted_by(&endpoint) {
            told.push((Target::Endpoint { id: endpoint.id }, receiver::schedule(app, &endpoint)));
        }
    }
    Ok(told)
}

/// What is to be written of an event.
struct Plan {
    /// To be made.
    deliveries: Vec<Delivery>,
    /// What becomes of its row.
    outbox: Outbox,
}

enum Outbox {
    Gone,
    Becomes(Box<Announcement>),
    Stays,
}

/// `more`: there are receivers beyond these.
fn plan(event: &Announcement, receivers: Vec<Told>, more: bool, published: bool, now: Timestamp) -> Plan {
    let deliveries: Vec<Delivery> =
        receivers.into_iter().map(|(target, schedule)| Delivery::new(event.clone(), target, now, &schedule)).collect();
    let last = deliveries.last().and_then(|delivery| delivery.target.endpoint());
    let outbox = match (more, published, event.fanned_out) {
        (true, ..) => Outbox::Becomes(Box::new(Announcement { told_up_to: last, ..event.clone() })),
        (false, true, _) => Outbox::Gone,
        (false, false, true) => Outbox::Stays,
        (false, false, false) => Outbox::Becomes(Box::new(Announcement { fanned_out: true, ..event.clone() })),
    };
    Plan { deliveries, outbox }
}

/// A single delivery is attempted at once, which saves a message and its wait; several go to the queue, so that a slow
/// receiver holds nobody else up.
async fn hand_over(
    app: &App,
    tenant: &str,
    request: RequestId,
    deliveries: &[Delivery],
    several: bool,
) -> Result<(), Retry> {
    if let ([only], false) = (deliveries, several) {
        return Box::pin(lane::wake(app, tenant, request, only.id)).await;
    }
    for delivery in deliveries {
        let task = DeliveryTask::Attempt(delivery.id);
        let message = DeliveryMessage::V1 { tenant: tenant.to_owned(), request, task, dead: None };
        if let Err(error) = app.queue.send(&message, tenant, 0).await {
            tracing::warn!(delivery.id = %delivery.id, %error, "hand-off left to the sweeper");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use waybill::domain::{
        email::{MAX_RECIPIENTS, PasswordRule},
        id::EndpointId,
    };

    use super::*;
    use crate::facts::tests::event;

    fn told(count: usize) -> Vec<Told> {
        let schedule = Schedule::parse("0").unwrap();
        (0..count).map(|_| (Target::Endpoint { id: EndpointId::generate() }, schedule.clone())).collect()
    }

    /// What becomes of the row: gone, marked, or nothing.
    fn planned(fanned_out: bool, published: bool) -> &'static str {
        let row = Announcement { fanned_out, ..event(EventKind::ReportSucceeded) };
        match plan(&row, vec![], false, published, Timestamp::UNIX_EPOCH).outbox {
            Outbox::Stays => "nothing",
            Outbox::Gone => "gone",
            Outbox::Becomes(next) => {
                assert!(next.fanned_out);
                "marked"
            }
        }
    }

    #[test]
    fn receivers_do_not_wait_for_the_bus_and_the_event_for_nobody() {
        assert_eq!(planned(false, true), "gone");
        assert_eq!(planned(false, false), "marked");
        assert_eq!(planned(true, false), "nothing", "the row is due as it is");
        assert_eq!(planned(true, true), "gone");
    }

    #[test]
    fn every_address_gets_mails_of_its_own() {
        let to = ["a@b.example".to_owned(), "c@b.example".to_owned()];
        let sealed = |kind, password: bool| Announcement {
            password_sealed: password.then(|| "sealed".to_owned()),
            ..event(kind)
        };
        let settings = |password| EmailSettings { password, ..EmailSettings::default() };
        let contents = |event: &Announcement, settings: &EmailSettings| -> Vec<(String, Content)> {
            let one = |target| match target {
                Target::Email { to, content } if to.len() == 1 => (to[0].clone(), content),
                other => panic!("{other:?}"),
            };
            mails(event, settings, &to).into_iter().map(one).collect()
        };
        let both = |content| vec![(to[0].clone(), content), (to[1].clone(), content)];
        let ready = sealed(EventKind::ReportSucceeded, true);
        assert_eq!(contents(&ready, &settings(PasswordRule::Same)), both(Content::Whole));
        assert_eq!(contents(&ready, &settings(PasswordRule::Never)), both(Content::Link));
        assert_eq!(contents(&ready, &settings(PasswordRule::Second)).len(), 4);
        let without = sealed(EventKind::ReportDivergent, false);
        assert_eq!(contents(&without, &settings(PasswordRule::Second)), both(Content::Whole));

        let empty = Announcement { empty_notice: true, ..ready };
        assert_eq!(contents(&empty, &settings(PasswordRule::Second)), both(Content::Whole), "there is nothing to open");

        let failed = sealed(EventKind::ReportFailed, false);
        assert_eq!(contents(&failed, &EmailSettings::default()), both(Content::Whole));
        let silent = EmailSettings { failure_notices: Some(false), ..EmailSettings::default() };
        assert_eq!(contents(&failed, &silent), []);
        for kind in [EventKind::ReportCancelled, EventKind::ReportExpired] {
            assert_eq!(contents(&sealed(kind, false), &EmailSettings::default()), []);
        }
        const { assert!(2 * MAX_RECIPIENTS <= PIECE, "all mails of a request fit one transaction") };
    }

    #[test]
    fn many_receivers_are_told_in_pieces() {
        let row = event(EventKind::ReportSucceeded);
        for published in [true, false] {
            let plan = plan(&row, told(3), true, published, Timestamp::UNIX_EPOCH);
            let Outbox::Becomes(next) = plan.outbox else { panic!("the row must stay for the rest") };
            assert_eq!((next.fanned_out, next.told_up_to), (false, plan.deliveries[2].target.endpoint()));
        }
        let writes = 2 * PIECE + 1;
        assert!(writes <= 100, "a transaction of DynamoDB");
    }
}
