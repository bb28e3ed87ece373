//! The data sets that reports are made of. Python writes them, and computes what a report of them must hold: nothing of
//! what is expected ever passes through Waybill.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;
use waybill::domain::{
    definition::{Binding, Column, ColumnKind, Dataset, Definition, Limits, Parameter, ParameterKind, Source},
    outcome::Format,
    style::Style,
};
use waybill_tests::python::python;

/// All of them: every type at its worst, no row, one row, a thousand columns, everyday rows, random text.
pub const ALL: [&str; 6] = ["nasty", "empty", "one", "wide", "many", "fuzz"];

/// Title of every report; markup and quotes in it must reach the reader as they are.
pub const TITLE: &str = "Sales & <returns> of \"São Paulo\"";

/// Its description.
pub const DESCRIPTION: &str = "What was sold, & when: <all> of it.";

/// Its parameters: names and values.
pub const PARAMETERS: [(&str, &str); 2] = [("region", "north & <south>"), ("note", "say \"hi\", José")];

/// The data sets as Parquet files, `{name}/1.parquet`.
pub struct Lake {
    /// Where they are.
    pub folder: PathBuf,
    tables: BTreeMap<String, Table>,
}

/// One data set.
#[derive(Deserialize)]
pub struct Table {
    columns: Vec<Described>,
    /// How many there are.
    pub rows: u64,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    title: String,
    kind: String,
    total: bool,
}

/// The data sets, written once by each run of the tests.
pub async fn lake() -> &'static Lake {
    static LAKE: OnceCell<Lake> = OnceCell::const_new();
    let write = async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-lake");
        let described = python("nasty.py", json!({ "folder": folder })).await;
        Lake { folder, tables: serde_json::from_value(described).unwrap() }
    };
    LAKE.get_or_init(write).await
}

impl Lake {
    /// That data set.
    pub fn table(&self, data: &str) -> &Table {
        &self.tables[data]
    }

    /// A report of all rows of a data set, in its order.
    pub fn definition(&self, data: &str) -> Definition {
        let dataset = Dataset {
            location: format!("{data}/"),
            source: Source::Parquet,
            partitions: Vec::new(),
            binding: Binding::Public,
        };
        Definition {
            id: "sales".to_owned(),
            version: 7,
            title: TITLE.to_owned(),
            description: DESCRIPTION.to_owned(),
            sql: "SELECT * FROM lake ORDER BY n".to_owned(),
            datasets: BTreeMap::from([("lake".to_owned(), dataset)]),
            parameters: PARAMETERS.map(|(name, _)| parameter(name)).to_vec(),
            columns: self.table(data).columns.iter().map(column).collect(),
            formats: Format::ALL.to_vec(),
            style: Style::default(),
            limits: Limits::default(),
            checks: Vec::new(),
        }
    }
}

impl Table {
    /// Cells of a report of it, without the header.
    pub fn cells(&self) -> u64 {
        self.rows * self.columns.len() as u64
    }
}

fn parameter(name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        description: String::new(),
        kind: ParameterKind::Text { max_length: 1_000, allowed: Vec::new() },
        required: true,
        default: None,
        not_before: None,
    }
}

fn column(described: &Described) -> Column {
    let kind = match described.kind.as_str() {
        "text" => ColumnKind::Text,
        "integer" => ColumnKind::Integer,
        "decimal" => ColumnKind::Decimal,
        "boolean" => ColumnKind::Boolean,
        "date" => ColumnKind::Date,
        "timestamp" => ColumnKind::Timestamp,
        "float" => ColumnKind::Float,
        other => panic!("a column of kind {other}"),
    };
    Column { title: described.title.clone(), total: described.total, ..Column::new(&described.name, kind) }
}
