//! The memory that a query gets.

use std::fmt;

use datafusion::{
    common::{DataFusionError, Result},
    execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation},
};

/// What an operator that can spill may hold, in bytes. Sorts hold several times of it for a while: columns that are
/// merged, and a copy of each row's key.
const BEFORE_SPILLING: usize = 96 << 20;

/// A pool of which operators that can spill get little: more would not make a sort faster, and what they hold is told
/// only in part. What cannot spill, such as the hash table of a join, may have the rest.
#[derive(Debug)]
pub(super) struct SpillEarly {
    pool: FairSpillPool,
}

impl SpillEarly {
    /// Of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { pool: FairSpillPool::new(bytes) }
    }
}

impl fmt::Display for SpillEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} that spills at {BEFORE_SPILLING} bytes", self.pool)
    }
}

impl MemoryPool for SpillEarly {
    fn name(&self) -> &'static str {
        "spill early"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if reservation.consumer().can_spill() && reservation.size() + additional > BEFORE_SPILLING {
            let spills = format!("{} holds enough and spills", reservation.consumer().name());
            return Err(DataFusionError::ResourcesExhausted(spills));
        }
        self.pool.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_can_spill_gets_little_and_all_else_the_rest() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SpillEarly::new(4 * BEFORE_SPILLING));
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        let join = MemoryConsumer::new("join").register(&pool);
        sort.try_grow(BEFORE_SPILLING).unwrap();
        assert!(matches!(sort.try_grow(1), Err(DataFusionError::ResourcesExhausted(_))));
        join.try_grow(3 * BEFORE_SPILLING).unwrap();
        assert!(join.try_grow(1).is_err(), "the pool has an end");
        sort.shrink(BEFORE_SPILLING);
        sort.try_grow(1).unwrap();
    }
}
