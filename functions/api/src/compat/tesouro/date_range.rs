//! What `dateRange` is in a report's own parameters.
//!
//! Its parameter of the type `date_range`; else the two dates or times of which one says that it is `not_before` the other;
//! else `d1` and `d2`. The first that the definition has.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;
use waybill::domain::definition::{Definition, Parameter, ParameterKind};

/// The two ends of a range, or where they are missing.
pub const ENDS: [&str; 2] = ["from", "to"];

/// Parameters that the range stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range<'a> {
    /// One that is a range itself.
    Whole(&'a Parameter),
    /// One for each end.
    Ends([&'a Parameter; 2]),
}

impl<'a> Range<'a> {
    /// Of a report; none if it has no dates.
    pub fn of(definition: &'a Definition) -> Option<Self> {
        let parameters = &definition.parameters;
        let named = |name: &str| parameters.iter().find(|parameter| parameter.name == name && is_end(parameter));
        let whole = parameters.iter().find(|parameter| matches!(parameter.kind, ParameterKind::DateRange { .. }));
        let pair = || {
            let ends = |later: &'a Parameter| Some([named(later.not_before.as_deref()?)?, later]);
            parameters.iter().filter(|parameter| is_end(parameter)).find_map(ends)
        };
        let by_name = || Some([named("d1")?, named("d2")?]);
        whole.map(Self::Whole).or_else(|| pair().or_else(by_name).map(Self::Ends))
    }

    /// What is asked of a parameter in `where`: the path of the filter that stands for it.
    pub fn filter(self, name: &str) -> Option<String> {
        match self {
            Self::Whole(parameter) => (parameter.name == name).then(|| "dateRange".to_owned()),
            Self::Ends(both) => {
                let end = both.iter().position(|parameter| parameter.name == name)?;
                Some(format!("dateRange.{}", ENDS[end]))
            }
        }
    }
}

fn is_end(parameter: &Parameter) -> bool {
    matches!(parameter.kind, ParameterKind::Date | ParameterKind::Timestamp)
}

/// A range's end as the parameter takes it: a day is its first or last moment, a time is taken in UTC. What is neither
/// stays as it is, to be refused where all parameters are judged.
pub fn end(parameter: &Parameter, which: usize, given: &Value) -> Value {
    let (ParameterKind::Timestamp, Some(text)) = (&parameter.kind, given.as_str()) else { return given.clone() };
    let moment = ["T00:00:00", "T23:59:59.999"][which];
    // A date's parser also takes a time, and leaves it out.
    if text.len() == 10 && text.parse::<Date>().is_ok() {
        return Value::String(format!("{text}{moment}"));
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Value::String(time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string()),
        Err(_) => given.clone(),
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;
    use waybill::domain::definition::parse::parse;

    use super::*;

    /// A report with these parameters, as an operator would write them.
    pub fn report(parameters: &str) -> Definition {
        // Each parameter must be used.
        let names = parameters.split("[parameters.").skip(1).map(|rest| {
            let (name, rest) = rest.split_once(']').unwrap();
            let name = name.trim_matches('"');
            let is_range = rest.trim_start().starts_with("type = \"date_range\"");
            if is_range { format!(", ${name}_from, ${name}_to") } else { format!(", ${name}") }
        });
        let used: String = names.collect();
        let head = "id = \"r\"\nversion = 1\ntitle = \"R\"\nformats = [\"csv\"]\n";
        let head = format!("{head}sql = \"SELECT a FROM t WHERE coalesce('' {used}) = ''\"\n");
        let rest = "[datasets.t]\nlocation = \"t/\"\nsource = \"csv\"\nbinding = { kind = \"shared\", tenants = \"*\" }\n\
                    [[columns]]\nname = \"a\"\ntype = \"text\"\n";
        parse("r.toml", &format!("{head}{rest}{parameters}")).unwrap()
    }

    fn parameter(name: &str, kind: &str, more: &str) -> String {
        format!("[parameters.{name}]\ntype = \"{kind}\"\n{more}\n")
    }

    fn filters(parameters: &[String]) -> Vec<Option<String>> {
        let report = report(&parameters.concat());
        let range = Range::of(&report);
        report.parameters.iter().map(|parameter| range.and_then(|range| range.filter(&parameter.name))).collect()
    }

    #[test]
    fn the_range_is_found_in_what_a_report_has() {
        let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let whole = parameter("dates", "date_range", "");
        assert_eq!(filters(std::slice::from_ref(&whole)), some(&["dateRange"]));
        let (from, to) = (parameter("since", "date", ""), parameter("until", "date", "not_before = \"since\""));
        assert_eq!(filters(&[from.clone(), to.clone()]), some(&["dateRange.from", "dateRange.to"]));
        let (d1, d2) = (parameter("d1", "timestamp", ""), parameter("d2", "timestamp", ""));
        assert_eq!(filters(&[d1.clone(), d2.clone()]), some(&["dateRange.from", "dateRange.to"]));
        let texts = [parameter("d1", "text", ""), parameter("d2", "timestamp", "")];
        assert_eq!(filters(&texts), [None, None]);
        assert_eq!(filters(&[d1]), [None], "one end is no range");
        // A range goes before ends, ends that say so before names.
        assert_eq!(filters(&[from, to, whole])[..2], [None, None]);
        assert_eq!(filters(&[]), []);
    }

    #[test]
    fn days_and_times_become_what_the_parameter_takes() {
        let report = report(&(parameter("t", "timestamp", "") + &parameter("d", "date", "")));
        let [time, day] = [&report.parameters[0], &report.parameters[1]];
        for (which, given, expected) in [
            (0, "2026-02-28", "2026-02-28T00:00:00"),
            (1, "2026-02-28", "2026-02-28T23:59:59.999"),
            (0, "2026-02-28T10:00:00-03:00", "2026-02-28T13:00:00.000"),
            (1, "2026-02-28T10:00:00.1239Z", "2026-02-28T10:00:00.123"),
            (0, "2026-02-28T10:00:00", "2026-02-28T10:00:00"),
            (0, "2026-02-30", "2026-02-30"),
            (0, "yesterday", "yesterday"),
        ] {
            assert_eq!(end(time, which, &json!(given)), json!(expected), "{given}");
        }
        assert_eq!(end(day, 1, &json!("2026-02-28")), json!("2026-02-28"));
        assert_eq!(end(time, 0, &json!(7)), json!(7));
    }
}
