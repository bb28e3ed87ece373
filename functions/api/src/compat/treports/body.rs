//! The body of the legacy call, and what both calls have in common.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use waybill::{
    accept::{Fault, fields::Faults},
    domain::{definition::Definition, outcome::Format, schedule::Zone},
};

use super::{
    export,
    filters::{self, Translated},
    keeps::Keeps,
    notification,
    parameters::{self, Declared, Given},
    schedule::{self, Plan},
    words::{Words, says_something},
};

const FIELDS: [&str; 5] = ["user", "notificationParams", "generateParams", "id", "scheduleParams"];

const GENERATE_FIELDS: [&str; 7] =
    ["CustomData", "stopExecutionOnError", "licenseContext", "exportFileType", "isView", "parameters", "filters"];

const PARAMETER_FIELDS: [&str; 4] = ["type", "name", "value", "description"];

/// Longest user, in bytes.
const MAX_USER: usize = 256;

/// Largest `CustomData` and `notificationParams` that are kept, in bytes of JSON.
const MAX_KEPT: usize = 4_096;

/// Most parameters.
const MAX_PARAMETERS: usize = 200;

/// Longest description, type or name of a parameter, in bytes.
const MAX_TEXT: usize = 1_000;

/// What is wanted of a report, in the words of Waybill's own request where they are its own.
#[derive(Debug, Default)]
pub struct Wanted {
    pub parameters: Map<String, Json>,
    pub filter: Option<Json>,
    pub formats: Vec<Format>,
    pub delivery: Option<Json>,
    /// When, if not now and once.
    pub plan: Option<Plan>,
    pub keeps: Keeps,
    /// `licenseContext`, where the body has it.
    pub licence: Option<String>,
    pub places: Places,
}

/// Where what Waybill's own request names by pointers stands in what was sent.
#[derive(Debug, Default)]
pub struct Places {
    /// By pointers below `/parameters`.
    pub parameters: BTreeMap<String, String>,
    /// What holds the parameters, for those that were not sent.
    pub all_parameters: &'static str,
    pub filter: Translated,
    pub format: &'static str,
}

impl Places {
    /// The place of a fault.
    pub fn of(&self, pointer: &str) -> String {
        if let Some(rest) = pointer.strip_prefix("/parameters/") {
            let whole = rest.split('/').next().unwrap_or(rest);
            let known = self.parameters.get(rest).or_else(|| self.parameters.get(whole));
            return known.cloned().unwrap_or_else(|| format!("{}.{}", self.all_parameters, rest.replace('/', "_")));
        }
        match pointer {
            "/format" => self.format.to_owned(),
            filter if filter.starts_with("/filter") => self.filter.place(filter),
            other => notification::place(other).unwrap_or_else(|| other.trim_start_matches('/').replace('/', ".")),
        }
    }
}

impl Wanted {
    /// Reads the body of `execute`, every fault at once. Times of day are those of the zone.
    pub fn of_execution(
        body: &Json,
        definition: &Definition,
        (zone, now): (&Zone, Timestamp),
    ) -> Result<Self, Vec<Fault>> {
        let faults = Faults::default();
        let read =
            Words::of(body, "", &FIELDS, &faults).map(|words| execution(&words, definition, (zone, now), &faults));
        let faults = faults.into_vec();
        read.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

fn execution(body: &Words, definition: &Definition, when: (&Zone, Timestamp), faults: &Faults) -> Wanted {
    let nothing = Json::Object(Map::new());
    let params = body.get("generateParams").unwrap_or(&nothing);
    // A body whose parameters are no object has that fault, and is read as if it had none.
    let read = Words::of(params, "generateParams", &GENERATE_FIELDS, faults);
    let empty = Words::of(&nothing, "generateParams", &GENERATE_FIELDS, faults);
    let Some(params) = read.or(empty) else { return Wanted::default() };

    let is_view = params.flag("isView").unwrap_or(false);
    let plan = schedule::read(body, is_view, when, faults);
    let given = list(&params, "parameters", faults);
    let (parameters, places) = parameters::translate(&given, definition, faults);
    let filter = filters::translate(&params, definition, faults);
    Wanted {
        parameters,
        filter: filter.filter.clone(),
        formats: vec![format(&params, faults)],
        delivery: notification::read(body, faults),
        plan,
        licence: params.get("licenseContext").and_then(|context| licence(&params, context, faults)),
        keeps: Keeps {
            user: body.text("user", MAX_USER).map(str::to_owned),
            id: body.whole("id").filter(|id| *id != 0),
            custom_data: kept(&params, "CustomData", faults),
            // What its clients have unless they set it.
            stop_on_error: params.flag("stopExecutionOnError").unwrap_or(true),
            is_view,
            notification: kept(body, "notificationParams", faults),
            ..Keeps::default()
        },
        places: Places {
            parameters: places,
            all_parameters: "generateParams.parameters",
            filter,
            format: "generateParams.exportFileType",
        },
    }
}

/// PDF unless another is named, as TReports has it.
fn format(params: &Words, faults: &Faults) -> Format {
    let Some(value) = params.get("exportFileType") else { return Format::Pdf };
    export::read(value).unwrap_or_else(|detail| {
        faults.add(params.place("exportFileType"), "not_allowed", detail);
        Format::Pdf
    })
}

fn licence(params: &Words, context: &Json, faults: &Faults) -> Option<String> {
    let text = context.as_str();
    if text.is_none() {
        faults.add(params.place("licenseContext"), "type", "Must be a text, base64 of a JSON object.");
    }
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Kept as it was sent, if it says something.
fn kept(words: &Words, name: &str, faults: &Faults) -> Option<Json> {
    let value = words.get(name).filter(|value| says_something(value))?;
    if value.to_string().len() > MAX_KEPT {
        faults.add(words.place(name), "out_of_range", format!("Must have at most {MAX_KEPT} bytes."));
        return None;
    }
    Some(value.clone())
}

/// Parameters as a list of `{type, name, value, description}`.
pub fn list<'a>(words: &Words<'a>, name: &str, faults: &'a Faults) -> Vec<Given<'a>> {
    let entries = words.list(name, MAX_PARAMETERS).into_iter();
    let read = entries.filter_map(|(place, entry)| {
        let parameter = Words::of(entry, place.clone(), &PARAMETER_FIELDS, faults)?;
        parameter.text("description", MAX_TEXT);
        let declared = Declared::from_name(parameter.text("type", MAX_TEXT).unwrap_or_default());
        let declared = declared.map_err(|detail| faults.add(parameter.place("type"), "not_allowed", detail)).ok();
        let name = parameter.text("name", MAX_TEXT);
        if name.is_none() {
            faults.add(parameter.place("name"), "missing", "Required.");
        }
        Some(Given { name: name?, value: parameter.get("value"), declared: declared.flatten(), place })
    });
    read.collect()
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
