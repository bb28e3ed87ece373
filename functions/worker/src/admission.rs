//! A message wakes its tenant: which of the tenant's requests runs now, and in which of its slots.
//!
//! The rule is [`waybill::domain::admission`]. Whoever parks a request looks at the slots once more after that, and
//! whoever frees a slot looks at what waits after that: one of the two sees the other.

use tokio::sync::Mutex;
use waybill::{
    aws::table::{
        Stored, TableError, Write,
        keys::{ADMISSION, Key},
        pages::PageQuery,
        rows::Waiting,
    },
    clock,
    domain::{
        admission::{self, Admission, Slot},
        id::RequestId,
        message::RequestMessage,
        request::{Event, Request, Status, Step},
        tenant::Tenant,
    },
};

use crate::{
    app::App,
    claim::{Retry, carry_out, load},
    outcome::discard,
};

/// How often a turn is tried anew when other workers of the tenant were faster.
const CONFLICTS: usize = 10;

/// More slots than a tenant can have, and the first of what waits behind them.
const LOOK: u32 = 150;

/// A claimed request in its slot.
pub struct Turn {
    /// The request, RUNNING.
    pub claimed: Stored<Request>,
    /// Its slot.
    pub slot: Held,
}

/// A slot while its run goes on.
pub struct Held(Mutex<Stored<Slot>>);

/// The tenant's slots and the request of it that waits longest.
struct Standing {
    slots: Vec<Stored<Slot>>,
    oldest_waiting: Option<RequestId>,
}

/// Claims what is to run now, if anything; a message's request that has to wait is parked.
pub async fn take_turn(app: &App, tenant: &Tenant, id: RequestId, owner: &str) -> Result<Option<Turn>, Retry> {
    let limit = tenant.quotas.running.unwrap_or(app.tenant_max_running);
    for _ in 0..CONFLICTS {
        let now = clock::now();
        let own = runnable(app, &tenant.id, id, owner).await?;
        let standing = standing(app, &tenant.id).await?;
        // A message about what has run meanwhile, or was called off, serves whoever waits.
        let Some(request) = own.as_ref().map(|own| own.row.id).or(standing.oldest_waiting) else { return Ok(None) };
        let slots: Vec<Slot> = standing.slots.iter().map(|slot| slot.row.clone()).collect();
        match admission::admit(&slots, limit, request, standing.oldest_waiting, now) {
            Admission::Park => {
                let Some(own) = own.filter(|own| !own.row.waiting) else { return Ok(None) };
                park(app, own).await?;
            }
            Admission::Run { request: chosen, slot: number } => {
                let read = match own {
                    Some(own) if own.row.id == chosen => Some(own),
                    Some(own) if !own.row.waiting => {
                        park(app, own).await?;
                        load(app, &tenant.id, chosen).await?
                    }
                    _ => load(app, &tenant.id, chosen).await?,
                };
                let there = standing.slots.into_iter().find(|slot| slot.row.number == number);
                match Box::pin(claim(app, tenant, (chosen, read), (number, there), owner)).await? {
                    Claimed::Turn(turn) => return Ok(Some(*turn)),
                    // Its wake-up is still good for whoever waits.
                    Claimed::Ended | Claimed::Again => {}
                }
            }
        }
    }
    // The tenant's other workers are at it; what they do not get to, they wake when they are done.
    if let Some(own) = runnable(app, &tenant.id, id, owner).await? {
        park(app, own).await?;
    }
    Ok(None)
}

/// The message's request, if it may be claimed now.
async fn runnable(app: &App, tenant: &str, id: RequestId, owner: &str) -> Result<Option<Stored<Request>>, TableError> {
    let Some(read) = load(app, tenant, id).await? else {
        tracing::warn!(request.id = %id, "a message for a request that is not there");
        return Ok(None);
    };
    match read.row.apply(Event::Claim { owner: owner.to_owned() }, clock::now(), &app.rules) {
        Ok(_) => Ok(Some(read)),
        Err(refusal) => {
            tracing::info!(request.id = %id, %refusal, "nothing to run for this message");
            Ok(None)
        }
    }
}

async fn standing(app: &App, tenant: &str) -> Result<Standing, TableError> {
    let query = PageQuery {
        from: ADMISSION.to_owned(),
        to: format!("{ADMISSION}~"),
        newest_first: false,
        limit: LOOK,
        after: None,
    };
    let mut standing = Standing { slots: Vec::new(), oldest_waiting: None };
    for row in app.table.page(&Key::tenant(tenant).pk, query).await?.rows {
        if row.key.sk.contains("#SLOT#") {
            standing.slots.push(row.read()?);
        } else if standing.oldest_waiting.is_none() {
            standing.oldest_waiting = Some(row.read::<Waiting>()?.row.request);
        }
    }
    Ok(standing)
}

async fn park(app: &App, read: Stored<Request>) -> Result<(), Retry> {
    let now = clock::now();
    let Ok(step) = read.row.apply(Event::Park, now, &app.rules) else { return Ok(()) };
    match app.table.commit(&read, step, vec![], now).await {
        Ok(_) => {
            tracing::info!(request.id = %read.row.id, "waits for a free slot of its tenant");
            Ok(())
        }
        // Whoever was faster has it, or the next look finds it as it is now.
        Err(TableError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A run that was killed between its upload and its outcome has left an object that no row names.
async fn discard_attempts(app: &App, request: &Request) {
    for attempt in 1..=request.attempt {
        discard(app, &request.object_key(attempt)).await;
    }
}

enum Claimed {
    /// Ours.
    Turn(Box<Turn>),
    /// It had no attempt left.
    Ended,
    /// Somebody was faster: look again.
    Again,
}

/// Request and slot change together.
async fn claim(
    app: &App,
    tenant: &Tenant,
    (chosen, read): (RequestId, Option<Stored<Request>>),
    (number, there): (u32, Option<Stored<Slot>>),
    owner: &str,
) -> Result<Claimed, Retry> {
    let now = clock::now();
    let step = read.as_ref().map(|read| read.row.apply(Event::Claim { owner: owner.to_owned() }, now, &app.rules));
    let (Some(read), Some(Ok(step))) = (read, step) else {
        // It waits no more, though a row says so: such as of an erased tenant.
        return match app.table.write(vec![Write::delete(Key::waiting(&tenant.id, chosen))]).await {
            // In conflict with who has just claimed it, and takes the row away.
            Ok(()) | Err(TableError::Conflict) => Ok(Claimed::Again),
            Err(error) => Err(error.into()),
        };
    };
    if step.0.status != Status::Running {
        return match app.table.commit(&read, step, vec![], now).await {
            Ok(committed) => {
                let request = carry_out(app, committed).await;
                discard_attempts(app, &request.row).await;
                tracing::error!(request.id = %chosen, "request failed: every attempt was lost");
                Ok(Claimed::Ended)
            }
            Err(TableError::Conflict) => Ok(Claimed::Again),
            Err(error) => Err(error.into()),
        };
    }
    let slot = Slot {
        tenant: tenant.id.clone(),
        number,
        request: Some(chosen),
        owner: owner.to_owned(),
        until: now + app.rules.lease,
    };
    seize(app, read, step, (there, slot)).await
}

async fn seize(
    app: &App,
    read: Stored<Request>,
    step: Step,
    (there, slot): (Option<Stored<Slot>>, Slot),
) -> Result<Claimed, Retry> {
    let write = match &there {
        None => Write::insert(&slot)?,
        Some(there) => Write::replace(there, &slot)?,
    };
    let revision = there.map_or(1, |there| there.revision + 1);
    let turn = |claimed| {
        Claimed::Turn(Box::new(Turn { claimed, slot: Held(Mutex::new(Stored { row: slot.clone(), revision })) }))
    };
    match app.table.commit(&read, step, vec![write], clock::now()).await {
        Ok(committed) => Ok(turn(carry_out(app, committed).await)),
        Err(TableError::Conflict) => {
            // A claim whose answer was lost meets itself.
            let now_there = load(app, &read.row.tenant, read.row.id).await?;
            let ours = now_there.filter(|now| now.row.lease.as_ref().is_some_and(|lease| lease.owner == slot.owner));
            Ok(ours.map_or(Claimed::Again, turn))
        }
        Err(error) => Err(error.into()),
    }
}

impl Held {
    /// Its number.
    pub async fn number(&self) -> u32 {
        self.0.lock().await.row.number
    }

    /// Keeps it for another lease. False if somebody else has it now.
    pub async fn renew(&self, app: &App) -> Result<bool, TableError> {
        let mut held = self.0.lock().await;
        let next = Slot { until: clock::now() + app.rules.lease, ..held.row.clone() };
        match app.table.replace(&held, next).await {
            Ok(renewed) => {
                *held = renewed;
                Ok(true)
            }
            Err(TableError::Conflict) => self.settle(app, &mut held).await,
            Err(error) => Err(error),
        }
    }

    /// A renewal whose answer was lost meets itself.
    async fn settle(&self, app: &App, held: &mut Stored<Slot>) -> Result<bool, TableError> {
        let there = app.table.get::<Slot>(&Key::slot(&held.row.tenant, held.row.number)).await?;
        let ours = there.filter(|there| there.row.owner == held.row.owner);
        let still = ours.is_some();
        if let Some(ours) = ours {
            *held = ours;
        }
        Ok(still)
    }

    /// A renewal that was broken off by the end of the run may have been written all the same.
    async fn free(&self, app: &App, held: &mut Stored<Slot>) -> Result<(), TableError> {
        let free = |held: &Stored<Slot>| Slot { request: None, until: clock::now(), ..held.row.clone() };
        match app.table.replace(held, free(held)).await {
            Err(TableError::Conflict) if self.settle(app, held).await? => {
                app.table.replace(held, free(held)).await.map(|_| ())
            }
            // Somebody else has it.
            Ok(_) | Err(TableError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives it back and wakes the tenant's request that waits longest. What fails here heals by itself: the slot
    /// lapses, and the sweeper hands over whatever waits.
    pub async fn leave(&self, app: &App) {
        let mut held = self.0.lock().await;
        let tenant = held.row.tenant.clone();
        if let Err(error) = self.free(app, &mut held).await {
            tracing::warn!(%error, "slot left to lapse");
        }
        let woken = async {
            if let Some(request) = standing(app, &tenant).await?.oldest_waiting {
                let message = RequestMessage::V1 { tenant: tenant.clone(), request, dead: None };
                app.requests.send(&message, &tenant, 0).await?;
            }
            Ok::<(), Retry>(())
        };
        if let Err(error) = woken.await {
            tracing::warn!(%error, "what waits is left to the sweeper");
        }
    }
}
