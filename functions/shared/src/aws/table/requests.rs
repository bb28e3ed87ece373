//! Writing a step of the request machine: the row, what it announces, and whether it waits, in one transaction.

use jiff::Timestamp;

use super::{Stored, Table, TableError, Write, keys::Key, rows::Waiting};
use crate::domain::{
    id::EventId,
    message::{Announcement, DeliveryMessage, DeliveryTask},
    request::{Effect, Request, Step},
};
use crate::telemetry::moves::request_moved;

/// A step that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The row as it stands now.
    pub request: Stored<Request>,
    /// Effects that are left to carry out.
    pub effects: Vec<Effect>,
    /// To send to the delivery queue, if something is announced. If that fails the sweeper does it.
    pub hand_off: Option<DeliveryMessage>,
}

impl Table {
    /// Writes `step` over what was read, with `others` in the same transaction. An announcement becomes an
    /// outbox row; a request that is parked is found among those that wait, one that ends leaves its licence seat.
    pub async fn commit(
        &self,
        read: &Stored<Request>,
        step: Step,
        others: Vec<Write>,
        now: Timestamp,
    ) -> Result<Committed, TableError> {
        let (next, effects) = step;
        let mut writes = vec![Write::replace(read, &next)?];
        writes.extend(others);
        match (read.row.waiting, next.waiting) {
            // Written anew by every step that leaves it waiting, such as the sweeper's: should it be lost, it comes back.
            (_, true) => {
                writes.push(Write::overwrite(&Waiting { tenant: next.tenant.clone(), request: next.id })?);
            }
            (true, false) => writes.push(Write::delete(Key::waiting(&next.tenant, next.id))),
            (false, false) => {}
        }
        if next.status.is_final() && !read.row.status.is_final() {
            writes.extend(Write::leave_seat(&next, now)?);
        }
        let mut hand_off = None;
        for effect in &effects {
            let Effect::Announce(kind) = effect else { continue };
            let event = Announcement::of(&next, EventId::generate(), *kind, now);
            writes.push(Write::insert(&event)?);
            hand_off = Some(DeliveryMessage::V1 {
                tenant: next.tenant.clone(),
                request: next.id,
                task: DeliveryTask::FanOut(event.id),
                dead: None,
            });
        }
        self.write(writes).await?;
        request_moved(&read.row, &next);
        let request = Stored { row: next, revision: read.revision + 1 };
        Ok(Committed { request, effects, hand_off })
    }
}
