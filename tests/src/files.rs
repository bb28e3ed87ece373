//! Report files as their receivers get them.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use waybill_local::{
    api_client::ApiClient,
    unpack::{self, Content, Opener},
};

use crate::{lake::Lake, python::python, skip, tenant::Tenant, world::World};

/// A report that was downloaded and opened.
pub struct Opened {
    /// The object as it was stored.
    pub object: Content,
    /// The file in it.
    pub plain: Content,
    /// Where the file is.
    pub path: PathBuf,
    _dir: TempDir,
}

/// Downloads the report that a status describes through its managed link, opens it, and checks all figures of the
/// status against what came.
pub async fn open(world: &World, tenant: &Tenant, status: &Value) -> Opened {
    let dir = TempDir::new().unwrap();
    let object = dir.path().join("object");
    download(&world.api, status["link"]["url"].as_str().unwrap(), &object).await;
    let path = if status["packaging"] == "openpgp" {
        let plain = dir.path().join("plain");
        decrypt(world, tenant, &object, &plain).await;
        plain
    } else {
        object.clone()
    };
    let opened =
        Opened { object: unpack::measure(&object).unwrap(), plain: unpack::measure(&path).unwrap(), path, _dir: dir };
    let figures = json!({
        "plaintext_bytes": opened.plain.bytes,
        "plaintext_sha256": opened.plain.sha256,
        "object_bytes": opened.object.bytes,
        "object_sha256": opened.object.sha256,
    });
    for (name, found) in figures.as_object().unwrap() {
        assert_eq!(&status["files"][0][name], found, "{name} of {status}");
    }
    opened
}

async fn download(api: &ApiClient, link: &str, to: &Path) {
    let mut response = api.open_link(link).await.unwrap();
    let mut file = File::create(to).unwrap();
    while let Some(chunk) = response.chunk().await.unwrap() {
        file.write_all(&chunk).unwrap();
    }
}

/// With GnuPG, which must find a good signature of the key that the service publishes.
async fn decrypt(world: &World, tenant: &Tenant, from: &Path, to: &Path) {
    let signer = world.api.get("/.well-known/waybill-openpgp.asc").await.unwrap();
    assert_eq!(signer.status, 200);
    let signer = String::from_utf8(signer.body).unwrap();
    let (from, to, key) = (from.to_owned(), to.to_owned(), tenant.private_key.clone());
    let opener = tokio::task::spawn_blocking(move || unpack::open(&from, &to, &key, &signer).unwrap()).await.unwrap();
    if opener == Opener::Rpgp {
        skip::lacking("gpg is not installed; decrypted and verified with rPGP only");
    }
}

/// A report's content as DuckDB computes it from the same Parquet files.
#[derive(Debug, Clone, Copy)]
pub struct Oracle {
    /// Name, title, and DuckDB type of each column.
    pub columns: &'static [(&'static str, &'static str, &'static str)],
    /// The columns in DuckDB's SQL, over the table `lake`; empty for a report whose query is more than a filter.
    pub select: &'static str,
    /// Columns whose sums are control totals.
    pub totals: &'static [&'static str],
}

/// All columns of the wallet report, as they stand in the lake.
pub const WALLET_ORACLE: Oracle = Oracle {
    columns: &[
        ("transaction_date", "transaction_date", "TIMESTAMP"),
        ("organisation_name", "organisation_name", "VARCHAR"),
        ("organisation_id", "organisation_id", "BIGINT"),
        ("wallet_id", "wallet_id", "BIGINT"),
        ("wallet_name", "wallet_name", "VARCHAR"),
        ("other_wallet_id", "other_wallet_id", "BIGINT"),
        ("transaction_type", "transaction_type", "VARCHAR"),
        ("amount", "amount", "DECIMAL(18,8)"),
        ("description", "description", "VARCHAR"),
        ("location", "location", "VARCHAR"),
        ("external_transaction_id", "external_transaction_id", "VARCHAR"),
        ("unit_type", "unit_type", "VARCHAR"),
        ("wallet_closing_balance", "wallet_closing_balance", "DECIMAL(18,8)"),
        ("unique_id", "unique_id", "VARCHAR"),
    ],
    select: "transaction_date, organisation_name, organisation_id, wallet_id, wallet_name, other_wallet_id, \
             transaction_type, amount, description, location, external_transaction_id, unit_type, \
             wallet_closing_balance, unique_id",
    totals: &["amount", "wallet_closing_balance", "wallet_id"],
};

/// All columns of `invoice_lines`.
pub const INVOICES_ORACLE: Oracle = Oracle {
    columns: &[
        ("invoice_no", "Invoice", "VARCHAR"),
        ("stock_code", "Stock code", "VARCHAR"),
        ("description", "Description", "VARCHAR"),
        ("quantity", "Quantity", "BIGINT"),
        ("invoice_date", "Invoice date", "TIMESTAMP"),
        ("unit_price", "Unit price", "DECIMAL(12,3)"),
        ("amount", "Amount", "DECIMAL(38,3)"),
        ("customer_id", "Customer", "BIGINT"),
        ("country", "Country", "VARCHAR"),
    ],
    select: "invoice_no, stock_code, description, quantity, invoice_date, unit_price, \
             quantity * unit_price AS amount, customer_id, country",
    totals: &["quantity", "amount"],
};

impl Oracle {
    /// Compares a file with the rows of `parquet` (a glob) that fulfil `condition`, cell by cell and in their types,
    /// whatever the order. Returns the number of rows and the control totals.
    ///
    /// # Panics
    /// If there is any difference.
    pub async fn agrees(&self, file: &Path, format: &str, parquet: &str, condition: &str) -> Value {
        let query = format!("SELECT {} FROM lake WHERE {condition}", self.select);
        self.answers(file, format, parquet, &query, &[]).await
    }

    /// The same for what a whole query of DuckDB over the table `lake` answers; the rows are sorted by the columns
    /// `order`, if there are any.
    ///
    /// # Panics
    /// If there is any difference.
    pub async fn answers(&self, file: &Path, format: &str, parquet: &str, query: &str, order: &[&str]) -> Value {
        let columns: Vec<Value> = self
            .columns
            .iter()
            .map(|(name, title, kind)| json!({ "name": name, "title": title, "type": kind }))
            .collect();
        let compared = python(
            "compare.py",
            json!({
                "file": file, "format": format, "parquet": parquet, "columns": columns,
                "query": query, "totals": self.totals, "order": order,
            }),
        )
        .await;
        assert_eq!(compared["header"], compared["expected_header"], "the header");
        assert_eq!(compared["missing"], json!([]), "rows that DuckDB finds and the report lacks");
        assert_eq!(compared["unexpected"], json!([]), "rows of the report that DuckDB does not find");
        assert_eq!(compared["actual"], compared["expected"], "row count and control totals");
        assert_eq!(compared["in_order"], true, "the order of rows");
        compared["actual"].clone()
    }

    /// The same for a tenant's whole generated lake.
    pub async fn agrees_with(&self, file: &Path, format: &str, lake: &Lake, condition: &str) -> Value {
        self.agrees(file, format, &lake.glob(), condition).await
    }
}
