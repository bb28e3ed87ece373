//! One report to produce.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value as Json;
use waybill::domain::{
    definition::{Definition, Parameter, parameter::Value},
    filter::Filter,
    outcome::{Format, ReportFile},
    style::Style,
    wrapping::Wrapping,
};

use crate::{
    Package,
    format::{Document, Layout},
};

/// What documents call the filter, beside the parameters.
const FILTER: &str = "filter";

/// One report to produce.
#[derive(Clone)]
pub struct Job {
    /// What to run.
    pub definition: Arc<Definition>,
    /// Its placeholders, resolved.
    pub parameters: BTreeMap<String, Value>,
    /// Its parameters as they were asked for: a JSON object.
    pub asked: Json,
    /// Which rows of the output are wanted; none: all.
    pub filter: Option<Filter>,
    /// Whose report it is.
    pub tenant: String,
    /// Id of the request.
    pub request: String,
    /// How rows are written.
    pub format: Format,
    /// What is written otherwise than the definition says.
    pub style: Style,
    /// What the files are wrapped in.
    pub package: Package,
    /// How they are wrapped.
    pub wrapping: Wrapping,
    /// Where objects go: a prefix that ends in `/`, its own for every attempt.
    pub folder: String,
    /// Name of the files, without number and extensions.
    pub stem: String,
}

impl Job {
    /// Name of the packaged file, as the receiver sees it.
    pub fn file_name(&self) -> String {
        self.wrapping.file_name(&self.stem, self.format, self.package.kind())
    }

    /// Key of its object.
    pub fn key(&self) -> String {
        format!("{}{}", self.folder, self.file_name())
    }

    /// Key of the manifest beside it.
    pub fn manifest_key(&self) -> String {
        ReportFile::manifest_key(&self.key())
    }

    /// Whether the package is, or holds, a ZIP archive.
    pub fn is_archive(&self) -> bool {
        self.wrapping.is_archive(self.package.kind())
    }

    /// What encoders know besides the rows, which are as the lake was at `as_of`.
    pub fn document(&self, as_of: Timestamp) -> Document {
        let definition = &self.definition;
        let given = |name: &str| self.asked.get(name).filter(|value| !value.is_null());
        let of = |p: &Parameter| Some((p.name.clone(), text(given(&p.name).or(p.default.as_ref())?)));
        let mut parameters: Vec<_> = definition.parameters.iter().filter_map(of).collect();
        let layout = Layout::new(&definition.columns, &self.style.over(&definition.style));
        parameters.extend(self.filter.as_ref().map(|filter| (FILTER.to_owned(), filter.for_people(&self.title_of()))));
        Document {
            title: definition.title.clone(),
            description: definition.description.clone(),
            parameters,
            as_of,
            layout,
        }
    }

    /// Titles of the columns, by their names.
    fn title_of(&self) -> impl Fn(&str) -> String {
        |name| {
            let own = self.style.titles.get(name);
            let defined =
                || self.definition.columns.iter().find(|column| column.name == name).map(|column| &column.title);
            own.or_else(defined).map_or(name, String::as_str).to_owned()
        }
    }
}

/// A parameter's value for people.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Object(range) => {
            let ends: Vec<String> = ["from", "to"].iter().filter_map(|end| range.get(*end)).map(text).collect();
            ends.join(" – ")
        }
        other => other.to_string(),
    }
}
