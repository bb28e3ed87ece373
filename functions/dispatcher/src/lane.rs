//! A message wakes its delivery's lane: which deliveries are attempted now, and in which slot.
//!
//! The rule is [`waybill::domain::lane`]; this shell looks, writes on condition of what it has seen, and looks again.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use waybill::{
    aws::{
        lanes,
        table::{
            Row, Stored, TableError, Write,
            keys::{self, Key, LANE_SLOTS, WAITING},
            pages::PageQuery,
        },
    },
    clock,
    domain::{
        delivery::{Delivery, Event, Status},
        health::{self, Circuit, Health},
        id::{DeliveryId, RequestId},
        lane::{self, Look, Move, ONE_OFF_CONCURRENCY, Slot, Waiting},
    },
    telemetry::{self, Unit},
};

use crate::{
    app::{App, Retry},
    attempt, disable,
    receiver::{self, Receiver},
};

/// How often a slot is tried for when others were faster.
const CONFLICTS: usize = 20;

/// Waiting deliveries that a look sees, beyond as many as there can be slots.
const LOOK: u32 = 24;

/// What a lane attempt needs of the invocation's time besides the exchange itself: the writes around it.
const AROUND: SignedDuration = SignedDuration::from_secs(8);

/// A dispatcher at work in a lane.
struct Worker<'a> {
    app: &'a App,
    tenant: &'a str,
    lane: String,
    /// Token of its slot.
    owner: String,
    receiver: Receiver,
    /// The message's delivery, as long as it is in its hands: due, and not among those that wait.
    own: Option<Stored<Delivery>>,
    slot: Option<Stored<Slot>>,
}

/// What was seen of a lane.
struct Seen {
    health: Option<Stored<Health>>,
    slots: Vec<Stored<Slot>>,
    waiting: Vec<Waiting>,
}

/// Does what there is to do in the delivery's lane, as far as a slot and the time allow.
pub async fn wake(app: &App, tenant: &str, request: RequestId, id: DeliveryId) -> Result<(), Retry> {
    let Some(read) = app.table.get::<Delivery>(&Key::delivery(tenant, request, id)).await? else { return Ok(()) };
    let Some(receiver) = receiver::of(app, &read.row).await? else {
        return attempt::call_off(app, read).await;
    };
    let lane = lane::name(&read.row.target);
    let own = Box::pin(own(app, read)).await?;
    let owner = Uuid::new_v4().to_string();
    let mut worker = Worker { app, tenant, lane, owner, receiver, own, slot: None };
    let worked = Box::pin(worker.work()).await;
    if worked.is_err() {
        // Whatever failed: the slot is not left to lapse.
        worker.leave().await;
    }
    worked
}

/// The message's delivery, if an attempt of it is due.
async fn own(app: &App, read: Stored<Delivery>) -> Result<Option<Stored<Delivery>>, Retry> {
    let now = clock::now();
    let begins = Event::Begin { owner: String::new(), lease: SignedDuration::ZERO };
    match read.row.apply(begins, now, &app.schedule) {
        Ok(_) if read.row.announcement.expires_at.is_some_and(|end| end <= now) => {
            attempt::expire(app, read).await?;
            Ok(None)
        }
        Ok(_) => Ok(Some(read)),
        Err(refusal) => {
            tracing::info!(delivery.id = %read.row.id, %refusal, "no attempt of the message's delivery");
            Ok(None)
        }
    }
}

impl Worker<'_> {
    async fn work(&mut self) -> Result<(), Retry> {
        let mut conflicts = 0;
        let mut measured = false;
        // Whether others wait, as last seen: who holds a slot and saw none need not look before giving it back.
        let mut alone = false;
        loop {
            if alone && self.own.is_none() && self.slot.is_some() {
                self.leave().await;
            }
            let seen = self.look().await?;
            let now = clock::now();
            if self.own.as_ref().is_some_and(|own| seen.waiting.iter().any(|one| one.delivery == own.row.id)) {
                self.own = None;
            }
            alone = seen.waiting.is_empty();
            if !std::mem::replace(&mut measured, true) {
                self.measure(&seen, now);
            }
            let slots: Vec<Slot> = seen.slots.iter().map(|slot| slot.row.clone()).collect();
            let look = Look { slots: &slots, limit: self.limit(&seen, now), waiting: &seen.waiting };
            let own = self.own.as_ref().map(|own| since(&own.row, now));
            let mut has_time = self.has_time(now) && conflicts < CONFLICTS;
            if self.slot.is_some() && !self.holds(&seen, now) {
                // It lapsed and was taken over: this process is later than it should be.
                (self.slot, has_time) = (None, false);
            }
            match lane::next(look, &self.owner, own, has_time, pick(&self.owner), now) {
                Move::Take { slot, rouse } => {
                    if !self.take(&seen, slot).await? {
                        conflicts += 1;
                        continue;
                    }
                    if rouse {
                        self.rouse(&seen.waiting[1]).await;
                    }
                    if self.own.is_some() && alone {
                        self.attempt_own(seen.health).await?;
                    }
                }
                Move::AttemptOwn => self.attempt_own(seen.health).await?,
                Move::Attempt(waiting) => Box::pin(self.attempt(&waiting, seen.health)).await?,
                Move::Park => self.park(&seen, now).await?,
                Move::Leave => self.leave().await,
                Move::Rouse(waiting) => {
                    self.rouse(&waiting).await;
                    return Ok(());
                }
                Move::Rest => return Ok(()),
            }
        }
    }

    async fn look(&self) -> Result<Seen, Retry> {
        let query = PageQuery {
            from: "HEALTH".to_owned(),
            to: format!("{WAITING}~"),
            newest_first: false,
            limit: 1 + self.concurrency() + LOOK,
            after: None,
        };
        let mut seen = Seen { health: None, slots: Vec::new(), waiting: Vec::new() };
        for row in self.app.table.page(&keys::lane(self.tenant, &self.lane), query).await?.rows {
            if row.key.sk.starts_with(WAITING) {
                seen.waiting.push(row.read::<Waiting>()?.row);
            } else if row.key.sk.starts_with(LANE_SLOTS) {
                seen.slots.push(row.read()?);
            } else {
                seen.health = Some(row.read()?);
            }
        }
        Ok(seen)
    }

    fn concurrency(&self) -> u32 {
        self.receiver.endpoint.as_ref().map_or(ONE_OFF_CONCURRENCY, |endpoint| endpoint.settings.concurrency)
    }

    /// Attempts at a time at most, now.
    fn limit(&self, seen: &Seen, now: Timestamp) -> u32 {
        if self.receiver.endpoint.as_ref().is_some_and(waybill::domain::endpoint::Endpoint::is_held) {
            return 0;
        }
        let concurrency = self.concurrency();
        seen.health.as_ref().map_or(concurrency, |health| health.row.limit(concurrency, now))
    }

    /// How much of what its owner allows the lane is trusted with. That its owner holds it says nothing of a receiver.
    fn measure(&self, seen: &Seen, now: Timestamp) {
        if self.receiver.endpoint.as_ref().is_some_and(waybill::domain::endpoint::Endpoint::is_held) {
            return;
        }
        let share = u64::from(self.limit(seen, now)) * 100 / u64::from(self.concurrency().max(1));
        telemetry::emit(&[], &[("LaneLimit", Unit::Percent, share)]);
    }

    fn has_time(&self, now: Timestamp) -> bool {
        let needed = SignedDuration::try_from(self.receiver.timeout).unwrap_or_default() + AROUND;
        now + needed <= self.app.deadline.get()
    }

    fn holds(&self, seen: &Seen, now: Timestamp) -> bool {
        seen.slots.iter().any(|slot| slot.row.owner == self.owner && slot.row.until > now)
    }

    /// False if somebody was faster.
    async fn take(&mut self, seen: &Seen, number: u32) -> Result<bool, Retry> {
        let slot = Slot {
            tenant: self.tenant.to_owned(),
            lane: self.lane.clone(),
            number,
            owner: self.owner.clone(),
            until: self.app.deadline.get(),
        };
        let lapsed = seen.slots.iter().find(|slot| slot.row.number == number);
        let write = lapsed.map_or_else(|| Write::insert(&slot), |lapsed| Write::replace(lapsed, &slot))?;
        let revision = lapsed.map_or(1, |lapsed| lapsed.revision + 1);
        let taken = match self.app.table.write(vec![write]).await {
            Ok(()) => Some(Stored { row: slot, revision }),
            // One whose answer was lost meets itself.
            Err(TableError::Conflict) => {
                self.app.table.get::<Slot>(&slot.key()).await?.filter(|there| there.row.owner == self.owner)
            }
            Err(error) => return Err(error.into()),
        };
        self.slot = taken;
        Ok(self.slot.is_some())
    }

    /// Gives the slot back. What fails here heals by itself: the slot lapses, and the sweeper wakes the lane.
    async fn leave(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        if let Err(error) = self.app.table.write(vec![Write::remove(&slot)]).await {
            tracing::warn!(%error, "slot left to lapse");
        }
    }

    async fn attempt_own(&mut self, health: Option<Stored<Health>>) -> Result<(), Retry> {
        let Some(own) = self.own.take() else { return Ok(()) };
        let sample = Box::pin(attempt::make(self.app, own, &self.receiver)).await?;
        self.observe(sample, health).await;
        Ok(())
    }

    async fn attempt(&mut self, waiting: &Waiting, health: Option<Stored<Health>>) -> Result<(), Retry> {
        let key = Key::delivery(self.tenant, waiting.request, waiting.delivery);
        let read = self.app.table.get::<Delivery>(&key).await?;
        let Some(read) = read.filter(|read| read.row.waits_since == Some(waiting.since)) else {
            // Its delivery was erased, or ended by other means.
            return Ok(self.app.table.write(vec![Write::delete(waiting.key())]).await?);
        };
        // Settings as they are now: it may have been paused since.
        let Some(receiver) = receiver::of(self.app, &read.row).await? else {
            return attempt::call_off(self.app, read).await;
        };
        self.receiver = receiver;
        if self.receiver.endpoint.as_ref().is_some_and(waybill::domain::endpoint::Endpoint::is_held) {
            return Ok(());
        }
        let sample = Box::pin(attempt::make(self.app, read, &self.receiver)).await?;
        self.observe(sample, health).await;
        Ok(())
    }

    async fn park(&mut self, seen: &Seen, now: Timestamp) -> Result<(), Retry> {
        let Some(own) = self.own.take() else { return Ok(()) };
        let until = seen.health.as_ref().and_then(|health| match health.row.circuit(now) {
            Circuit::Open { until } => Some(until),
            _ => None,
        });
        let Ok(step) = own.row.apply(Event::Park { until }, now, &self.app.schedule) else { return Ok(()) };
        match attempt::commit(self.app, &own, step, None).await {
            Ok(parked) => {
                tracing::info!(delivery.id = %parked.row.id, ?until, "waits in its lane");
                Ok(())
            }
            // Whoever was faster has it.
            Err(Retry::Table(TableError::Conflict)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn rouse(&self, waiting: &Waiting) {
        if let Err(error) = lanes::rouse(&self.app.queue, waiting, 0).await {
            tracing::warn!(%error, "what waits is left to the sweeper");
        }
    }

    /// Remembers what was seen. Who loses a race tries once more, then drops it.
    async fn observe(&self, sample: Option<health::Event>, mut health: Option<Stored<Health>>) {
        let Some(event) = sample else { return };
        for _ in 0..2 {
            match self.record(event, health.as_ref()).await {
                Ok(()) => return,
                Err(Retry::Table(TableError::Conflict)) => {
                    health = self.app.table.get(&Key::health(self.tenant, &self.lane)).await.ok().flatten();
                }
                Err(error) => {
                    tracing::warn!(%error, "an outcome is not remembered of its lane");
                    return;
                }
            }
        }
    }

    async fn record(&self, event: health::Event, read: Option<&Stored<Health>>) -> Result<(), Retry> {
        let now = clock::now();
        let current = read.map_or_else(|| Health::new(self.tenant, &self.lane, now), |read| read.row.clone());
        let (next, effects) = current.apply(event, self.concurrency(), now);
        if next == current {
            return Ok(());
        }
        for health::Effect::Disable { since } in effects {
            if let Some(endpoint) = &self.receiver.endpoint {
                disable::disable(self.app, endpoint, &format!("It has failed since {since:.0}, without a success."))
                    .await?;
            }
        }
        if let (Circuit::Closed, Circuit::Open { until }) = (current.circuit(now), next.circuit(now)) {
            tracing::warn!(tenant.id = self.tenant, lane = self.lane, %until, "circuit opens");
            telemetry::emit(&[], &[("CircuitsOpened", Unit::Count, 1)]);
        }
        let write = read.map_or_else(|| Write::insert(&next), |read| Write::replace(read, &next))?;
        Ok(self.app.table.write(vec![write]).await?)
    }
}

/// What a change of a delivery means for its lane's list.
pub fn waiting_row(read: &Delivery, next: &Delivery) -> Result<Option<Write>, TableError> {
    let row = |delivery: &Delivery, since| Waiting {
        tenant: delivery.announcement.tenant.clone(),
        lane: lane::name(&delivery.target),
        since,
        delivery: delivery.id,
        request: delivery.announcement.request,
    };
    match (read.waits_since, next.waits_since) {
        (_, Some(since)) if next.status == Status::Pending => Write::overwrite(&row(next, since)).map(Some),
        (Some(since), _) => Ok(Some(Write::delete(row(read, since).key()))),
        (None, _) => Ok(None),
    }
}

/// Since when the attempt of a delivery in hand is due.
fn since(delivery: &Delivery, now: Timestamp) -> Timestamp {
    delivery.waits_since.or(delivery.next_attempt_at).unwrap_or(now)
}

/// A number of its own, from its token.
fn pick(owner: &str) -> u32 {
    owner.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
}
