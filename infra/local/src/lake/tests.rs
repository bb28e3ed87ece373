use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMillisecondType};
use jiff::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

const TENANTS: [&str; 2] = ["acme", "globex"];

fn lake(rows: u64, seed: u64) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let summary = generate(folder.path(), rows, seed, &TENANTS.map(str::to_owned)).unwrap();
    (folder, summary)
}

/// Files below a folder, by path relative to it, in order.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for tenant in fs::read_dir(folder).unwrap().flatten() {
        for month in fs::read_dir(tenant.path()).unwrap().flatten() {
            let file = month.path().join("part-0000.parquet");
            let name = file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.insert(name, fs::read(file).unwrap());
        }
    }
    found
}

fn batches(content: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

#[test]
fn the_number_of_rows_is_exact_and_in_every_month() {
    for rows in [1, 23, 1_000, 40_001] {
        let (folder, summary) = lake(rows, 7);
        let files = files(folder.path());
        let counted: usize = files.values().flat_map(|file| batches(file.clone())).map(|batch| batch.num_rows()).sum();
        assert_eq!((summary.rows, counted as u64), (rows, rows));
        assert_eq!(summary.files, files.len() as u64);
        assert_eq!(summary.bytes, files.values().map(|file| file.len() as u64).sum::<u64>());
    }
    let (folder, summary) = lake(1_000, 7);
    assert_eq!(summary.files, 24);
    assert!(folder.path().join("tenant=globex/month=2024-02/part-0000.parquet").is_file());
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let contents = |seed| files(lake(5_000, seed).0.path());
    assert_eq!(contents(1), contents(1));
    assert_ne!(contents(1), contents(2));
}

#[test]
fn balances_add_up_in_the_order_of_time() {
    let (folder, _) = lake(60_000, 3);
    let mut balances: BTreeMap<i64, i128> = BTreeMap::new();
    let mut latest: BTreeMap<i64, i64> = BTreeMap::new();
    let (mut kinds, mut ids, mut organisations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (name, content) in files(folder.path()) {
        for batch in batches(content) {
            let times = batch.column_by_name("transaction_date").unwrap().as_primitive::<TimestampMillisecondType>();
            let wallets = batch.column_by_name("wallet_id").unwrap().as_primitive::<Int64Type>();
            let amounts = batch.column_by_name("amount").unwrap().as_primitive::<Decimal128Type>();
            let closings = batch.column_by_name("wallet_closing_balance").unwrap().as_primitive::<Decimal128Type>();
            for row in 0..batch.num_rows() {
                let (wallet, time) = (wallets.value(row), times.value(row));
                let balance = balances.entry(wallet).or_default();
                *balance += amounts.value(row);
                assert_eq!(closings.value(row), *balance, "{name} {row}");
                assert!(*balance >= 0 && amounts.value(row) != 0, "{name} {row}");
                let before = latest.insert(wallet, time);
                assert!(before.is_none_or(|before| before < time), "{name} {row}: time orders a wallet's rows");
                let month = Timestamp::from_millisecond(time).unwrap().strftime("month=%Y-%m").to_string();
                assert!(name.contains(&month), "{name} {month}");
            }
            let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            kinds.extend(text("transaction_type").iter().flatten().map(str::to_owned));
            ids.extend(text("unique_id").iter().flatten().map(str::to_owned));
            organisations
                .extend(text("organisation_name").iter().flatten().map(|one| (name[..11].to_owned(), one.to_owned())));
        }
    }
    let expected = ["dep.credit", "fee.debit", "pur.debit", "tfr.credit", "tfr.debit", "wdl.debit"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(ids.len(), 60_000, "ids are unique");
    assert_eq!(organisations.len(), 12, "six a tenant");
}

#[test]
fn transfers_have_both_legs() {
    let (folder, _) = lake(20_000, 3);
    let mut sum = BTreeMap::new();
    for batch in files(folder.path()).into_values().flat_map(batches) {
        let times = batch.column_by_name("transaction_date").unwrap().as_primitive::<TimestampMillisecondType>();
        let wallets = batch.column_by_name("wallet_id").unwrap().as_primitive::<Int64Type>();
        let others = batch.column_by_name("other_wallet_id").unwrap().as_primitive::<Int64Type>();
        let amounts = batch.column_by_name("amount").unwrap().as_primitive::<Decimal128Type>();
        for row in (0..batch.num_rows()).filter(|row| others.is_valid(*row)) {
            let (wallet, other) = (wallets.value(row), others.value(row));
            assert_ne!(wallet, other);
            let pair = (times.value(row), wallet.min(other), wallet.max(other));
            let legs: &mut (u32, i128) = sum.entry(pair).or_default();
            *legs = (legs.0 + 1, legs.1 + amounts.value(row));
        }
    }
    assert!(sum.len() > 3_000, "{}", sum.len());
    assert!(sum.values().all(|legs| *legs == (2, 0)));
}

#[test]
fn what_may_be_null_sometimes_is_and_nothing_else() {
    let (folder, _) = lake(2_000, 3);
    let mut nulls: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for batch in files(folder.path()).into_values().flat_map(batches) {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let (null, all) = nulls.entry(field.name().clone()).or_default();
            (*null, *all) = (*null + column.null_count(), *all + column.len());
        }
    }
    let nullable =
        ["description", "external_transaction_id", "location", "other_wallet_id", "unit_type", "wallet_name"];
    for (name, (null, all)) in nulls {
        assert_eq!(null > 0, nullable.contains(&name.as_str()), "{name}");
        assert!(null < all, "{name}");
    }
}

#[test]
fn the_report_lists_the_same_columns() {
    let file = "Report_digital_wallet_transaction_detail.toml";
    let text = include_str!("../../../reports/Report_digital_wallet_transaction_detail.toml");
    let definition = waybill::domain::definition::parse::parse(file, text).unwrap();
    let listed: Vec<_> = definition.columns.into_iter().map(|column| column.name).collect();
    let columns: Vec<_> = schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(columns, listed);
}

#[test]
fn impossible_orders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |rows, tenants: &[&str]| {
        let tenants: Vec<_> = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        generate(folder.path(), rows, 1, &tenants).unwrap_err().kind() == io::ErrorKind::InvalidInput
    };
    assert!(refused(0, &["acme"]) && refused(MAX_ROWS + 1, &["acme"]));
    assert!(refused(1_000, &[]) && refused(1_000, &["acme", "acme"]) && refused(1_000, &["../acme"]));
}
