//! Every key of the table, and nowhere else.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | tenant | `T#{tenant}` | `TENANT` |
//! | request | `T#{tenant}` | `REQ#{request}` |
//! | endpoint | `T#{tenant}` | `END#{endpoint}` |
//! | lane's health | `N#{tenant}#{lane}` | `HEALTH` |
//! | lane's slot | `N#{tenant}#{lane}` | `SLOT#{number:04}` |
//! | delivery that waits in a lane | `N#{tenant}#{lane}` | `WAIT#{due:013}#{delivery}` |
//! | delivery, by its id | `T#{tenant}` | `DLI#{delivery}` |
//! | recovery | `T#{tenant}` | `RCV#{recovery}` |
//! | event of a process of the tenant's own | `T#{tenant}` | `PRC#{its story}` |
//! | schedule | `T#{tenant}` | `SCH#{schedule}` |
//! | what came of an instant of a schedule | `T#{tenant}` | `SRN#{schedule}#{at:013}#{request}` |
//! | process of the tenant's own, its latest status | `T#{tenant}` | `PST#{sha256(its id)}` |
//! | running report's slot | `T#{tenant}` | `ADM#SLOT#{number:04}` |
//! | request that waits for a slot | `T#{tenant}` | `ADM#WAIT#{request}` |
//! | licence seat that a key has | `T#{tenant}` | `LIC#AT#{sha256(waiver key)}` |
//! | request that holds a licence seat | `T#{tenant}` | `LIC#BY#{sha256(waiver key)}#{request}` |
//! | end of a request that held one | `T#{tenant}` | `LIC#END#{at:013}#{request}` |
//! | licence seat that is taken | `T#{tenant}` | `LIC#SEAT#{number:05}` |
//! | what a day has used | `T#{tenant}` | `DAY#{yyyy-mm-dd}` |
//! | idempotency key | `T#{tenant}` | `IDEM#{sha256(key)}` |
//! | identical request in flight | `T#{tenant}` | `FLIGHT#{sha256(what is asked)}` |
//! | number of a generation, as TReports counts | `T#{tenant}` | `TRN#{number:010}` |
//! | address that mails came back from | `T#{tenant}` | `EML#{sha256(address)}` |
//! | figures of past runs | `T#{tenant}` | `STATS#{report}` |
//! | progress of a request | `T#{tenant}#{request}` | `PROGRESS` |
//! | outbox event | `T#{tenant}#{request}` | `EVT#{event}` |
//! | delivery | `T#{tenant}#{request}` | `DLV#{delivery}` |
//! | attempt of a delivery | `T#{tenant}#{request}` | `DLV#{delivery}#{number:04}` |
//! | link | `T#{tenant}#{request}` | `LNK#{link}` |
//! | use of a link | `T#{tenant}#{request}` | `USE#{uuid}` |
//! | audit entry | `A#{tenant}` | `AUD#{entry}` |
//! | tenant in the list of all | `TENANTS` | `{tenant}` |
//! | erasure of a tenant | `E#{erasure}` | `ERASURE` |
//! | request that an erasure removed | `E#{erasure}` | `REQ#{request}` |
//! | identity | `ID#{sha256(issuer, subject)}` | `IDENTITY` |
//! | API key | `T#{tenant}` | `KEY#{key}` |
//! | user | `T#{tenant}` | `USR#{user}` |
//! | where the user of an identity stands | `U#{sha256(identity)}` | `USER` |
//! | tries to log in with an identity | `U#{sha256(identity)}` | `TRIES` |
//! | those from one address | `U#{sha256(identity)}` | `TRIES#{sha256(address)}` |
//! | tries to log in from an address | `S#{sha256(address)}` | `TRIES` |
//! | watch over recipient keys | `T#{tenant}` | `RECIPIENT_KEYS` |
//! | issuer of a tenant's own | `ISS#{sha256(issuer)}` | `ISSUER` |
//! | where a managed link stands | `L#{sha256(capability)}` | `LINK` |
//! | lock of the sweeper | `LOCK` | `SWEEPER` |
//!
//! A request's row stands under its tenant, so listing needs no index and another tenant's id finds
//! nothing; all else of it stands in a partition of its own, so one query tells its whole story.
//!
//! The sparse index `due` holds every row that the sweeper must look at: hash `due_shard` (`0`–`15`, from
//! the row's key), range `due_at` (epoch milliseconds). `ttl` (epoch seconds) only tidies up.

mod due;

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

pub use self::due::DueRow;
use crate::domain::id::{
    ApiKeyId, AuditId, DeliveryId, EndpointId, ErasureId, EventId, LinkId, RecoveryId, RequestId, ScheduleId, UserId,
};

/// Primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What the sort keys of slots and waiting requests begin with; slots sort before what waits.
pub const ADMISSION: &str = "ADM#";

/// What the sort keys of a tenant's API keys begin with.
pub const API_KEYS: &str = "KEY#";

/// What the sort keys of a tenant's users begin with.
pub const USERS: &str = "USR#";

/// Sort key of the watch over a tenant's recipient keys.
pub const KEY_WATCH: &str = "RECIPIENT_KEYS";

/// What the sort keys of a tenant's requests begin with.
pub const REQUESTS: &str = "REQ#";

/// What the sort keys of events of no report begin with.
pub const PROCESS_EVENTS: &str = "PRC#";

/// What the sort keys of a tenant's endpoints begin with.
pub const ENDPOINTS: &str = "END#";

/// Sort key of a request's progress.
pub const PROGRESS: &str = "PROGRESS";

/// What the sort keys of a request's links begin with.
pub const LINKS: &str = "LNK#";

/// What the sort keys of a tenant's list of deliveries begin with.
pub const DELIVERY_INDEX: &str = "DLI#";

/// What the sort keys of a request's deliveries, and of their attempts, begin with.
pub const DELIVERIES: &str = "DLV#";

/// What the sort keys of a tenant's recoveries begin with.
pub const RECOVERIES: &str = "RCV#";

/// What the sort keys of a tenant's schedules begin with.
pub const SCHEDULES: &str = "SCH#";

/// Sort key of what is remembered of a lane.
pub const HEALTH: &str = "HEALTH";

/// What the sort keys of a lane's slots begin with.
pub const LANE_SLOTS: &str = "SLOT#";

/// What the sort keys of deliveries that wait in a lane begin with.
pub const WAITING: &str = "WAIT#";

/// What the sort keys of seats that keys have begin with.
pub const SEATINGS: &str = "LIC#AT#";

/// What the sort keys of requests that hold licence seats begin with.
pub const HOLDINGS: &str = "LIC#BY#";

/// What the sort keys of ends of such requests begin with.
pub const ENDS: &str = "LIC#END#";

/// What the sort keys of taken licence seats begin with.
pub const SEATS: &str = "LIC#SEAT#";

/// What the sort keys of addresses that mails came back from begin with.
pub const DISABLED_ADDRESSES: &str = "EML#";

/// What the sort keys of an audit trail begin with.
pub const AUDIT: &str = "AUD#";

/// Partition of the list of all tenants.
pub const TENANTS: &str = "TENANTS";

/// Number of shards of the `due` index.
pub const DUE_SHARDS: u8 = 16;

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// A tenant.
    pub fn tenant(tenant: &str) -> Self {
        Self::new(format!("T#{tenant}"), "TENANT")
    }

    /// A request.
    pub fn request(tenant: &str, request: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("REQ#{request}"))
    }

    /// Progress of a request's run.
    pub fn progress(tenant: &str, request: RequestId) -> Self {
        Self::new(story(tenant, request), PROGRESS)
    }

    /// An outbox event.
    pub fn event(tenant: &str, request: RequestId, event: EventId) -> Self {
        Self::new(story(tenant, request), format!("EVT#{event}"))
    }

    /// A delivery.
    pub fn delivery(tenant: &str, request: RequestId, delivery: DeliveryId) -> Self {
        Self::new(story(tenant, request), format!("DLV#{delivery}"))
    }

    /// An attempt of a delivery.
    pub fn attempt(tenant: &str, request: RequestId, delivery: DeliveryId, number: u32) -> Self {
        Self::new(story(tenant, request), format!("DLV#{delivery}#{number:04}"))
    }

    /// A registered endpoint.
    pub fn endpoint(tenant: &str, endpoint: EndpointId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{ENDPOINTS}{endpoint}"))
    }

    /// Where a delivery stands, by its id: a tenant's list of deliveries.
    pub fn delivery_index(tenant: &str, delivery: DeliveryId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{DELIVERY_INDEX}{delivery}"))
    }

    /// What is remembered of a lane's outcomes.
    pub fn health(tenant: &str, lane: &str) -> Self {
        Self::new(self::lane(tenant, lane), HEALTH)
    }

    /// A slot of a lane, from 0.
    pub fn lane_slot(tenant: &str, lane: &str, number: u32) -> Self {
        Self::new(self::lane(tenant, lane), format!("SLOT#{number:04}"))
    }

    /// A delivery that waits in a lane since that time.
    pub fn lane_waiting(tenant: &str, lane: &str, since: Timestamp, delivery: DeliveryId) -> Self {
        Self::new(self::lane(tenant, lane), format!("{WAITING}{:013}#{delivery}", since.as_millisecond().max(0)))
    }

    /// A recovery of a tenant's deliveries.
    pub fn recovery(tenant: &str, recovery: RecoveryId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{RECOVERIES}{recovery}"))
    }

    /// A schedule of a tenant.
    pub fn schedule(tenant: &str, schedule: ScheduleId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{SCHEDULES}{schedule}"))
    }

    /// What came of an instant of a schedule, in order of time.
    pub fn schedule_run(tenant: &str, schedule: ScheduleId, at: Timestamp, run: RequestId) -> Self {
        let at = at.as_millisecond().max(0);
        Self::new(format!("T#{tenant}"), format!("{}{at:013}#{run}", runs_of(schedule)))
    }

    /// That an event of no report came, by the id of its story: a repeat finds it, and so does an erasure.
    pub fn process_event(tenant: &str, story: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{PROCESS_EVENTS}{story}"))
    }

    /// The latest status of a process of the tenant's own, whose id is the sender's word.
    pub fn process(tenant: &str, id: &str) -> Self {
        Self::new(format!("T#{tenant}"), format!("PST#{}", crate::digest::sha256_hex(id.as_bytes())))
    }

    /// A slot for a running report of the tenant, from 0.
    pub fn slot(tenant: &str, number: u32) -> Self {
        Self::new(format!("T#{tenant}"), format!("{ADMISSION}SLOT#{number:04}"))
    }

    /// A request that waits for a slot.
    pub fn waiting(tenant: &str, request: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{ADMISSION}WAIT#{request}"))
    }

    /// The licence seat of a key, by the key's digest.
    pub fn seating(tenant: &str, waiver: &str) -> Self {
        Self::new(format!("T#{tenant}"), format!("{SEATINGS}{waiver}"))
    }

    /// That a request holds its key's licence seat.
    pub fn holding(tenant: &str, waiver: &str, request: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{HOLDINGS}{waiver}#{request}"))
    }

    /// The end of a request that held a licence seat, in order of time.
    pub fn end(tenant: &str, at: Timestamp, request: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{}#{request}", ends_since(at)))
    }

    /// A licence seat of the tenant that is taken, from 0.
    pub fn seat(tenant: &str, number: u32) -> Self {
        Self::new(format!("T#{tenant}"), format!("{SEATS}{number:05}"))
    }

    /// What the tenant has used on a day (UTC).
    pub fn day(tenant: &str, day: Date) -> Self {
        Self::new(format!("T#{tenant}"), format!("DAY#{day}"))
    }

    /// An idempotency key, which is the caller's word.
    pub fn idempotency(tenant: &str, key: &str) -> Self {
        let hash = crate::digest::sha256_hex(key.as_bytes());
        Self::new(format!("T#{tenant}"), format!("IDEM#{hash}"))
    }

    /// An address, folded, that the tenant's mails do not go to.
    pub fn disabled_address(tenant: &str, address: &str) -> Self {
        let hash = crate::digest::sha256_hex(address.as_bytes());
        Self::new(format!("T#{tenant}"), format!("{DISABLED_ADDRESSES}{hash}"))
    }

    /// The request in flight that asks for what has this digest.
    pub fn flight(tenant: &str, digest: &str) -> Self {
        Self::new(format!("T#{tenant}"), format!("FLIGHT#{digest}"))
    }

    /// Figures of the tenant's past runs of a report.
    pub fn statistics(tenant: &str, report: &str) -> Self {
        Self::new(format!("T#{tenant}"), format!("STATS#{report}"))
    }

    /// The request that TReports' interface tells of by a number.
    pub fn treports_number(tenant: &str, number: u32) -> Self {
        Self::new(format!("T#{tenant}"), format!("TRN#{number:010}"))
    }

    /// A link, in the story of its request.
    pub fn link(tenant: &str, request: RequestId, link: LinkId) -> Self {
        Self::new(story(tenant, request), format!("{LINKS}{link}"))
    }

    /// A use of a link; ids are of UUIDv7, so uses stand in order.
    pub fn link_use(tenant: &str, request: RequestId, id: Uuid) -> Self {
        Self::new(story(tenant, request), format!("USE#{}", id.as_simple()))
    }

    /// An entry of a tenant's audit trail. Apart from the tenant's own rows, for it outlives them.
    pub fn audit(tenant: &str, entry: AuditId) -> Self {
        Self::new(audit_trail(tenant), format!("{AUDIT}{entry}"))
    }

    /// The erasure of a tenant. Apart from the tenant's own rows, for it outlives them.
    pub fn erasure(erasure: ErasureId) -> Self {
        Self::new(format!("E#{erasure}"), "ERASURE")
    }

    /// A request that an erasure has removed, until its story was seen empty once more.
    pub fn erased_request(erasure: ErasureId, request: RequestId) -> Self {
        Self::new(format!("E#{erasure}"), format!("{REQUESTS}{request}"))
    }

    /// A tenant, in the list of all.
    pub fn tenants_entry(tenant: &str) -> Self {
        Self::new(TENANTS.to_owned(), tenant)
    }

    /// A subject of an issuer. Both are the caller's words, so they are hashed into a fixed form.
    pub fn identity(issuer: &str, subject: &str) -> Self {
        let hash = crate::digest::sha256_hex(format!("{issuer}\n{subject}").as_bytes());
        Self::new(format!("ID#{hash}"), "IDENTITY")
    }

    /// Where the managed link with that capability, as in the URL, stands.
    pub fn link_pointer(capability: &str) -> Self {
        Self::link_pointer_of_hash(&crate::digest::sha256_hex(capability.as_bytes()))
    }

    /// The same for who knows the capability's hash alone, as its link's row does.
    pub fn link_pointer_of_hash(hash: &str) -> Self {
        Self::new(format!("L#{hash}"), "LINK")
    }

    /// An API key.
    pub fn api_key(tenant: &str, key: ApiKeyId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{API_KEYS}{key}"))
    }

    /// A user.
    pub fn user(tenant: &str, user: UserId) -> Self {
        Self::new(format!("T#{tenant}"), format!("{USERS}{user}"))
    }

    /// Where the user of an identity, in lower case, stands: whose it is is not known before.
    pub fn user_place(identity: &str) -> Self {
        Self::new(log_ins(&crate::digest::sha256_hex(identity.as_bytes())), "USER")
    }

    /// Tries to log in with the identity of that digest.
    pub fn tries_of(identity: &str) -> Self {
        Self::new(log_ins(identity), "TRIES")
    }

    /// Those from the address of that digest.
    pub fn tries_from(identity: &str, source: &str) -> Self {
        Self::new(log_ins(identity), format!("TRIES#{source}"))
    }

    /// Tries to log in from the address of that digest.
    pub fn tries_by(source: &str) -> Self {
        Self::new(format!("S#{source}"), "TRIES")
    }

    /// The watch over a tenant's recipient keys.
    pub fn key_watch(tenant: &str) -> Self {
        Self::new(format!("T#{tenant}"), KEY_WATCH)
    }

    /// An issuer of a tenant's own, by its `iss`: whose it is is not known before.
    pub fn issuer(issuer: &str) -> Self {
        Self::new(format!("ISS#{}", crate::digest::sha256_hex(issuer.as_bytes())), "ISSUER")
    }

    /// The lease that keeps sweepers from running side by side.
    pub fn sweeper_lock() -> Self {
        Self::new("LOCK".to_owned(), "SWEEPER")
    }

    /// Shard of the `due` index.
    pub fn due_shard(&self) -> u8 {
        // FNV-1a: stable across releases, which a hasher of the standard library is not promised to be.
        let hash = self
            .pk
            .bytes()
            .chain(self.sk.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        u8::try_from(hash % u64::from(DUE_SHARDS)).unwrap_or(0)
    }

    /// Associated data under which a row's secrets are sealed.
    pub fn associated(&self) -> String {
        format!("{}|{}", self.pk, self.sk)
    }
}

/// Partition of a lane: its health, its slots, what waits, in this order.
pub fn lane(tenant: &str, lane: &str) -> String {
    format!("N#{tenant}#{lane}")
}

/// What the sort keys of a schedule's history begin with.
pub fn runs_of(schedule: ScheduleId) -> String {
    format!("SRN#{schedule}#")
}

/// Least sort key of ends from that time on.
pub fn ends_since(at: Timestamp) -> String {
    format!("{ENDS}{:013}", at.as_millisecond().max(0))
}

/// Partition of all that belongs to one request.
pub fn story(tenant: &str, request: RequestId) -> String {
    format!("T#{tenant}#{request}")
}

/// Partition of all that is recorded under an identity, by its digest.
pub fn log_ins(identity: &str) -> String {
    format!("U#{identity}")
}

/// Partition of a tenant's audit trail.
pub fn audit_trail(tenant: &str) -> String {
    format!("A#{tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_spread() {
        let used: std::collections::BTreeSet<u8> =
            (0..500).map(|_| Key::request("acme", RequestId::generate()).due_shard()).collect();
        assert_eq!(used.len(), usize::from(DUE_SHARDS));
    }
}
