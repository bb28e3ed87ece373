//! What reports say, cell by cell, against what Python computes from the rows that it wrote into the lake.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};
use waybill::domain::style::Style;
use waybill_tests::python::python;

use crate::{
    bench::{Bench, Case, Delivery},
    data::{self, lake},
    manifest,
    open::{Opened, open},
};

/// Reports whose content is to be verified. Python takes long to start and verifies all of them at once.
#[derive(Default)]
pub struct Book {
    reports: Vec<Report>,
    manifests: Vec<PathBuf>,
    /// Cells that must have been compared.
    cells: Vec<u64>,
}

/// One report, for Python.
#[derive(Serialize)]
struct Report {
    /// What to call it where it is not as it should be.
    name: String,
    data: &'static str,
    format: &'static str,
    style: Style,
    title: &'static str,
    description: &'static str,
    parameters: [(&'static str, &'static str); 2],
    /// Its parts, in order.
    files: Vec<PathBuf>,
}

impl Book {
    /// Makes a report, opens it, and checks its figures and manifests. Its content is verified later.
    ///
    /// # Panics
    /// If it cannot be made or opened.
    pub async fn deliver(&mut self, bench: &Bench, case: &Case) -> (Delivery, Opened) {
        let delivery = bench.make(case).await.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
        let opened = open(bench, &delivery).await;
        self.manifests.extend(manifest::check(bench, &delivery, &opened).await);
        self.reports.push(Report {
            name: format!("{} as {} in {:?} with {:?}", case.data, case.format.name(), case.pack, case.wrapping),
            data: case.data,
            format: case.format.name(),
            style: case.style.clone(),
            title: data::TITLE,
            description: data::DESCRIPTION,
            parameters: data::PARAMETERS,
            files: opened.reports(),
        });
        self.cells.push(lake().await.table(case.data).cells());
        (delivery, opened)
    }

    /// Compares every cell of every report. Returns how many reports that were.
    ///
    /// # Panics
    /// If there is any difference, or a cell that was not compared.
    pub async fn verify(self) -> usize {
        let answer = self.compare().await;
        for (report, verdict) in self.reports.iter().zip(answer["reports"].as_array().unwrap()) {
            assert_eq!(verdict["faults"], json!([]), "{}", report.name);
        }
        let compared: Vec<u64> =
            answer["reports"].as_array().unwrap().iter().map(|verdict| verdict["cells"].as_u64().unwrap()).collect();
        assert_eq!(compared, self.cells, "every cell of every report");
        assert_eq!(answer["manifests"], json!([]), "manifests are canonical JSON");
        compared.len()
    }

    /// How many cells of each report differ from those of another data set.
    pub async fn differences(mut self, data: &'static str) -> Vec<u64> {
        for report in &mut self.reports {
            report.data = data;
        }
        let answer = self.compare().await;
        answer["reports"].as_array().unwrap().iter().map(|verdict| verdict["differing"].as_u64().unwrap()).collect()
    }

    async fn compare(&self) -> Value {
        python("verify_files.py", json!({ "reports": self.reports, "manifests": self.manifests })).await
    }
}
