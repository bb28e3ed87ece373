//! One event goes to the event bus, and becomes one delivery per receiver.

use waybill::{
    aws::table::{Row, Stored, TableError, Write, keys::Key},
    clock,
    domain::{
        delivery::Delivery,
        id::{EventId, RequestId},
        message::{Announcement, DeliveryMessage, DeliveryTask},
        retry::Schedule,
    },
};

use crate::{
    app::{App, Retry},
    attempt, events,
};

/// Tells the bus, makes the deliveries and removes the outbox row, the latter two in one transaction: a repeat finds
/// no row. If the bus cannot be told, the row stays and the message comes again; receivers do not wait for that.
pub async fn fan_out(app: &App, tenant: &str, request: RequestId, event: EventId) -> Result<(), Retry> {
    let Some(read) = app.table.get::<Announcement>(&Key::event(tenant, request, event)).await? else {
        return Ok(());
    };
    let published = events::publish(app, &read.row).await;
    let Plan { deliveries, outbox } = plan(&read, published.is_ok(), clock::now(), &app.schedule)?;
    let mut writes = deliveries.iter().map(Write::insert).collect::<Result<Vec<_>, _>>()?;
    writes.extend(outbox);
    match app.table.write(writes).await {
        Ok(()) => {}
        // Another copy of the message was faster; its deliveries are the same ones, and if the row is still there,
        // it is due.
        Err(TableError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    hand_over(app, tenant, request, &deliveries).await?;
    published
}

/// What is to be written of an event.
struct Plan {
    /// To be made.
    deliveries: Vec<Delivery>,
    /// What becomes of its row; none if it stays as it is.
    outbox: Option<Write>,
}

fn plan(
    read: &Stored<Announcement>,
    published: bool,
    now: jiff::Timestamp,
    schedule: &Schedule,
) -> Result<Plan, TableError> {
    let event = &read.row;
    let receivers = event.target.iter().filter(|_| !event.fanned_out);
    let deliveries =
        receivers.map(|target| Delivery::new(event.clone(), target.clone(), now, schedule)).collect::<Vec<_>>();
    let outbox = match (published, event.fanned_out) {
        (true, _) => Some(Write::delete(event.key())),
        (false, true) => None,
        (false, false) => Some(Write::replace(read, &Announcement { fanned_out: true, ..event.clone() })?),
    };
    Ok(Plan { deliveries, outbox })
}

/// A single delivery is attempted at once, which saves a message and its wait; several go to the queue, so that a slow
/// receiver holds nobody else up.
async fn hand_over(app: &App, tenant: &str, request: RequestId, deliveries: &[Delivery]) -> Result<(), Retry> {
    if let [only] = deliveries {
        return attempt::attempt(app, tenant, request, only.id).await;
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
    use jiff::Timestamp;
    use waybill::domain::{delivery::Target, message::EventKind};

    use super::*;
    use crate::facts::tests::event;

    /// Deliveries made, and what becomes of the row: gone, marked, or nothing.
    fn planned(fanned_out: bool, published: bool) -> (usize, &'static str) {
        let target = Some(Target::Webhook { url: "https://example.com/hook".into() });
        let row = Announcement { target, fanned_out, ..event(EventKind::ReportSucceeded) };
        let read = Stored { row, revision: 1 };
        let schedule = Schedule::parse("0").unwrap();
        let plan = plan(&read, published, Timestamp::UNIX_EPOCH, &schedule).unwrap();
        let outbox = match plan.outbox.map(|write| format!("{write:?}")) {
            None => "nothing",
            Some(write) if write.contains("Delete") => "gone",
            Some(_) => "marked",
        };
        (plan.deliveries.len(), outbox)
    }

    #[test]
    fn receivers_do_not_wait_for_the_bus_and_the_event_for_nobody() {
        assert_eq!(planned(false, true), (1, "gone"));
        assert_eq!(planned(false, false), (1, "marked"));
        assert_eq!(planned(true, false), (0, "nothing"), "the row is due as it is");
        assert_eq!(planned(true, true), (0, "gone"));
    }

    #[test]
    fn an_event_without_receivers_goes_to_the_bus_all_the_same() {
        let read = Stored { row: event(EventKind::ReportFailed), revision: 1 };
        let plan = plan(&read, true, Timestamp::UNIX_EPOCH, &Schedule::parse("0").unwrap()).unwrap();
        assert!(plan.deliveries.is_empty() && plan.outbox.is_some());
    }
}
