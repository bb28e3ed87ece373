//! Counting tries to log in. All that counts a try is written at once, on condition of what was read, before the password
//! is looked at: of guesses at the same time each sees those before it.

use jiff::{SignedDuration, Timestamp};
use waybill::{
    aws::table::{Stored, Table, TableError, Write, keys::Key},
    clock,
    domain::tries::{Counted, Locked, Tries},
};

/// Times that it is read again because somebody else tried in between: more than the free tries of a pair.
const ROUNDS: usize = 12;

/// Counts a try, and says where it was counted; or until when nothing is looked at. Both are digests.
pub async fn admit(table: &Table, identity: &str, source: &str) -> Result<Result<Vec<Counted>, Locked>, TableError> {
    for _ in 0..ROUNDS {
        let now = clock::now();
        let rows = Box::pin(read(table, identity, source, now)).await?;
        let next: Result<Vec<Tries>, Locked> = rows.iter().map(|(tries, _)| tries.tried(now)).collect();
        let next = match next {
            Ok(next) => next,
            Err(locked) => return Ok(Err(locked)),
        };
        match table.write(writes(&rows, &next)?).await {
            Ok(()) => return Ok(Ok(next.into_iter().map(|tries| tries.of).collect())),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    // So many at once are no user.
    Ok(Err(Locked(clock::now() + SignedDuration::from_secs(1))))
}

/// The try was right. That it is not written down costs the user a try.
pub async fn settle(table: &Table, counted: &[Counted]) {
    for _ in 0..ROUNDS {
        match give_back(table, counted).await {
            Ok(()) => return,
            Err(TableError::Conflict) => {}
            Err(error) => return tracing::warn!(%error, "a try to log in was not given back"),
        }
    }
    tracing::warn!("a try to log in was not given back: too many at once");
}

async fn give_back(table: &Table, counted: &[Counted]) -> Result<(), TableError> {
    let now = clock::now();
    let mut writes = Vec::new();
    for of in counted {
        // What an erasure has removed stays away.
        let Some(stored) = table.get::<Tries>(&Key::tries(of)).await? else { continue };
        writes.push(Write::replace(&stored, &stored.row.succeeded(now))?);
    }
    table.write(writes).await
}

type Row = (Tries, Option<Stored<Tries>>);

async fn read(table: &Table, identity: &str, source: &str, now: Timestamp) -> Result<Vec<Row>, TableError> {
    let (identity, source) = (identity.to_owned(), source.to_owned());
    let pair = one(table, Counted::Pair { identity: identity.clone(), source: source.clone() }, now);
    let source = one(table, Counted::Source { source }, now);
    let everywhere = one(table, Counted::Identity { identity }, now);
    let (pair, source, everywhere) = tokio::try_join!(pair, source, everywhere)?;
    // Where the user has logged in before, strangers' tries elsewhere do not count.
    let known = pair.0.is_known(now);
    Ok([pair, source].into_iter().chain((!known).then_some(everywhere)).collect())
}

async fn one(table: &Table, of: Counted, now: Timestamp) -> Result<Row, TableError> {
    let stored = table.get::<Tries>(&Key::tries(&of)).await?;
    let tries = stored.as_ref().map_or_else(|| Tries::none(of, now), |stored| stored.row.clone());
    Ok((tries, stored))
}

fn writes(rows: &[Row], next: &[Tries]) -> Result<Vec<Write>, TableError> {
    let write = |((_, stored), next): (&Row, &Tries)| match stored {
        None => Write::insert(next),
        Some(stored) => Write::replace(stored, next),
    };
    rows.iter().zip(next).map(write).collect()
}
