//! Reports as the schema shows them: what may be asked for, and how.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use serde_json::Value;
use waybill::domain::definition::{Definition, Parameter};

use super::{
    date_range::Range,
    scalars::{Anything, ReportFormat},
};

/// A published report.
pub struct Report(pub Arc<Definition>);

/// A parameter of a report.
#[derive(SimpleObject)]
pub struct ReportParameter {
    /// Where it stands in `where`: `dateRange`, `dateRange.from`, `dateRange.to`, or its own name.
    filter: String,
    /// Its own name.
    name: String,
    /// text, integer, decimal, boolean, date, timestamp, or date_range.
    #[graphql(name = "type")]
    kind: String,
    /// For people; may be empty.
    description: String,
    /// Refused if missing.
    required: bool,
    /// What its values keep, by name, such as `max_length`, `allowed`, `min`, `max_days`; and `default`.
    bounds: Anything,
}

/// A column of a report.
#[derive(SimpleObject)]
pub struct ReportColumn {
    /// Its name.
    name: String,
    /// Its header in formats for people.
    title: String,
}

/// A report that may be asked for.
#[Object]
impl Report {
    /// Its id.
    async fn id(&self) -> &str {
        &self.0.id
    }

    /// Raised with every change of meaning.
    async fn version(&self) -> u32 {
        self.0.version
    }

    /// For people.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// For people; may be empty.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Formats that it is offered in, the first unless another is asked for.
    async fn formats(&self) -> Vec<ReportFormat> {
        self.0.formats.iter().copied().map(ReportFormat::from).collect()
    }

    /// What `where` takes.
    async fn parameters(&self) -> Vec<ReportParameter> {
        let range = Range::of(&self.0);
        self.0.parameters.iter().map(|parameter| shown(parameter, range)).collect()
    }

    /// What the file has.
    async fn columns(&self) -> Vec<ReportColumn> {
        let column = |name: &String, title: &String| ReportColumn { name: name.clone(), title: title.clone() };
        self.0.columns.iter().map(|one| column(&one.name, &one.title)).collect()
    }
}

fn shown(parameter: &Parameter, range: Option<Range>) -> ReportParameter {
    let mut bounds = parameter.describe();
    let mut taken = |name: &str| bounds.as_object_mut().and_then(|fields| fields.remove(name)).unwrap_or_default();
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let (name, kind, description) = (text(taken("name")), text(taken("type")), text(taken("description")));
    let required = taken("required") == true;
    ReportParameter {
        filter: range.and_then(|range| range.filter(&name)).unwrap_or_else(|| name.clone()),
        name,
        kind,
        description,
        required,
        bounds: Anything(bounds),
    }
}
