//! Measures the data path without AWS.
//!
//! * `waybill-bench report LAKE DEFINITION TENANT PARAMETERS OUT [FORMAT [PACKAGE]]`: one report, on a lake in a folder.
//! * `waybill-bench stages LAKE DEFINITION TENANT KEY OUT`: each stage of it by itself, one after the other.
//! * `waybill-bench encoders PARQUET ROWS ROUNDS`: the CSV encoder beside Arrow's, which must write the same bytes.
//!
//! `docs/benchmarks/data-path.md` says what is measured with it, and how.

mod dirty;
mod encoders;
mod report;
mod stages;

use std::{env, error::Error};

const USAGE: &str = "usage: waybill-bench report LAKE DEFINITION TENANT PARAMETERS OUT [FORMAT [PACKAGE]]
       waybill-bench stages LAKE DEFINITION TENANT KEY OUT
       waybill-bench encoders PARQUET ROWS ROUNDS";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["report", lake, definition, tenant, parameters, out, how @ ..] => {
            let job = report::job(definition, tenant, parameters, how)?;
            report::run(job, lake, out).await
        }
        ["stages", lake, definition, tenant, key, out] => {
            let job = report::job(definition, tenant, "{}", &["csv", key])?;
            stages::run(&job, lake, out).await
        }
        ["encoders", parquet, rows, rounds] => encoders::run(parquet, rows.parse()?, rounds.parse()?),
        _ => Err(USAGE.into()),
    }
}
