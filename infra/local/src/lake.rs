//! A lake of wallet transactions to try reports on: any size, plausible, and the same for the same seed.
//!
//! Every tenant has organisations, organisations have wallets, and wallets have movements over the months of
//! [`YEAR`]: deposits, withdrawals, purchases, fees, and transfers with both their legs. Balances add up: ordered by
//! time, a wallet's closing balance is the one before plus the amount. It is written as
//! `tenant=<id>/month=YYYY-MM/part-0000.parquet`, each file ordered by time, by streaming: memory does not grow
//! with the number of rows.

mod columns;
mod ledger;
mod names;
mod random;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;
use std::thread;

use jiff::civil::{Date, date};
use parquet::arrow::ArrowWriter;

use self::columns::{Columns, schema, writer_properties};
use self::ledger::Ledger;

/// The year that the transactions are of.
pub const YEAR: i16 = 2024;

/// Most rows that one call makes.
pub const MAX_ROWS: u64 = 1_000_000_000;

/// Rows that are held before they are written.
const BATCH: u64 = 16_384;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Transactions, in all files.
    pub rows: u64,
    /// Parquet files.
    pub files: u64,
    /// Their size in all.
    pub bytes: u64,
}

/// Writes exactly `rows` transactions of the tenants, in even shares, below `out`. Files of an earlier run with the
/// same names are replaced; others stay, so give it a folder of its own.
pub fn generate(out: &Path, rows: u64, seed: u64, tenants: &[String]) -> io::Result<Summary> {
    check(rows, tenants)?;
    let shares = shares(rows, &vec![1; tenants.len()]);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut summary = Summary::default();
    let jobs: Vec<_> = tenants.iter().zip(shares).enumerate().collect();
    for together in jobs.chunks(workers) {
        // A tenant's data depends on nothing but the seed and its place in the list: threads cannot change it.
        let written: Vec<io::Result<Summary>> = thread::scope(|scope| {
            let start = |(index, (tenant, rows)): &(usize, (&String, u64))| {
                let (folder, ledger, rows) =
                    (out.join(format!("tenant={tenant}")), Ledger::new(seed, *index, *rows), *rows);
                scope.spawn(move || write_tenant(&folder, rows, ledger))
            };
            let started: Vec<_> = together.iter().map(start).collect();
            let lost = |_| Err(io::Error::other("a thread of the generator panicked"));
            started.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
        });
        for one in written {
            summary.add(one?);
        }
    }
    Ok(summary)
}

fn check(rows: u64, tenants: &[String]) -> io::Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let named = |tenant: &String| (1..=64).contains(&tenant.len()) && tenant.chars().all(allowed);
    let unique = tenants.iter().enumerate().all(|(index, tenant)| !tenants[..index].contains(tenant));
    let reason = if !(1..=MAX_ROWS).contains(&rows) {
        format!("the number of rows must be from 1 to {MAX_ROWS}")
    } else if tenants.is_empty() || !unique || !tenants.iter().all(named) {
        "tenants must be one or more different ids of lower-case letters, digits and `-`".to_owned()
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

/// `total` in whole parts that are proportional to the weights and sum up to it.
fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum();
    let up_to = |weight: u64| u64::try_from(u128::from(total) * u128::from(weight) / u128::from(sum)).unwrap_or(total);
    let mut before = 0;
    let mut share = |weight: &u64| {
        let start = up_to(before);
        before += weight;
        up_to(before) - start
    };
    weights.iter().map(&mut share).collect()
}

fn write_tenant(folder: &Path, rows: u64, mut ledger: Ledger) -> io::Result<Summary> {
    let months: Vec<Date> = (1..=12).map(|month| date(YEAR, month, 1)).collect();
    let days: Vec<u64> = months.iter().map(|month| month.days_in_month().unsigned_abs().into()).collect();
    let mut summary = Summary::default();
    for (month, rows) in months.iter().zip(shares(rows, &days)).filter(|(_, rows)| *rows > 0) {
        let folder = folder.join(format!("month={}", month.strftime("%Y-%m")));
        fs::create_dir_all(&folder)?;
        let file = folder.join("part-0000.parquet");
        write_month(&file, *month, rows, &mut ledger)?;
        summary.add(Summary { rows, files: 1, bytes: fs::metadata(&file)?.len() });
    }
    Ok(summary)
}

fn write_month(file: &Path, month: Date, rows: u64, ledger: &mut Ledger) -> io::Result<()> {
    let file = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let mut writer = ArrowWriter::try_new(file, schema(), Some(writer_properties()))?;
    let mut month = ledger::Month::new(month, rows);
    let mut columns = Columns::default();
    while month.rows_left() > 0 {
        ledger.next_event(&mut month, &mut columns);
        if columns.len() >= BATCH || month.rows_left() == 0 {
            writer.write(&std::mem::take(&mut columns).into_batch()?)?;
        }
    }
    writer.close()?;
    Ok(())
}

#[cfg(test)]
mod tests;
