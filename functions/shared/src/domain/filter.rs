//! Which rows of a report's output are wanted: conditions on its columns.
//!
//! ```text
//! {"all": [ {"column": "country", "operator": "eq", "value": "Germany"},
//!           {"any": [ {"column": "amount", "operator": "ge", "value": "100.00"},
//!                     {"column": "customer_id", "operator": "null"} ]} ]}
//! ```
//!
//! A filter is a tree and never text of SQL: columns are those that the definition documents, operators a closed list, and
//! values have the type of their column. The engine applies it to what the definition's query yields, so that it can only
//! ever leave rows out. As in SQL, a comparison with nothing (`NULL`) does not hold.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::definition::{
    Column, ColumnKind,
    parameter::{FaultCode, ParameterFault, Value, as_asked, literal},
};

/// Most conditions of one filter.
pub const MAX_CONDITIONS: usize = 50;

/// Most levels of `all` and `any` in one another.
pub const MAX_DEPTH: usize = 10;

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Those of which every part holds.
    All(Vec<Self>),
    /// Those of which one part holds, at least.
    Any(Vec<Self>),
    /// Those of which this holds.
    Is(Condition),
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Name of a column of the output.
    pub column: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what; none where the operator takes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal to the value.
    Eq,
    /// Not equal to the value, and not nothing.
    Ne,
    /// Less than the value.
    Lt,
    /// Less than the value, or equal.
    Le,
    /// Greater than the value.
    Gt,
    /// Greater than the value, or equal.
    Ge,
    /// A text like the pattern: `%` is any text, `_` any character, `\` takes the meaning from the next one.
    Like,
    /// A text unlike the pattern.
    NotLike,
    /// Nothing.
    Null,
    /// Something.
    NotNull,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 10] = [
        Self::Eq,
        Self::Ne,
        Self::Lt,
        Self::Le,
        Self::Gt,
        Self::Ge,
        Self::Like,
        Self::NotLike,
        Self::Null,
        Self::NotNull,
    ];

    /// Name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Like => "like",
            Self::NotLike => "not_like",
            Self::Null => "null",
            Self::NotNull => "not_null",
        }
    }

    /// As people write it.
    const fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "≠",
            Self::Lt => "<",
            Self::Le => "≤",
            Self::Gt => ">",
            Self::Ge => "≥",
            Self::Like => "like",
            Self::NotLike => "not like",
            Self::Null => "is empty",
            Self::NotNull => "is not empty",
        }
    }

    /// The operator of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }

    /// Whether it compares with a value.
    pub const fn takes_value(self) -> bool {
        !matches!(self, Self::Null | Self::NotNull)
    }

    /// Whether it is for texts alone.
    const fn is_of_text(self) -> bool {
        matches!(self, Self::Like | Self::NotLike)
    }
}

impl Filter {
    /// Reads what a request asks for against the columns of the report; every fault at once, with pointers that begin with
    /// `/filter`.
    pub fn parse(asked: &Json, columns: &[Column]) -> Result<Self, Vec<ParameterFault>> {
        let mut reader = Reader { columns, conditions: 0, faults: vec![] };
        let read = reader.read(asked, "/filter", 1);
        if reader.conditions > MAX_CONDITIONS {
            reader.fault("/filter", FaultCode::OutOfRange, format!("At most {MAX_CONDITIONS} conditions."));
        }
        read.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
    }

    /// What [`Self::parse`] reads as this very filter.
    pub fn as_asked(&self) -> Json {
        let each = |parts: &[Self]| parts.iter().map(Self::as_asked).collect::<Json>();
        match self {
            Self::All(parts) => json!({ "all": each(parts) }),
            Self::Any(parts) => json!({ "any": each(parts) }),
            Self::Is(condition) => {
                let mut asked = json!({ "column": condition.column, "operator": condition.operator });
                if let Some(value) = &condition.value {
                    asked["value"] = as_asked(value);
                }
                asked
            }
        }
    }

    /// For people, with the columns' titles.
    pub fn for_people(&self, title: &impl Fn(&str) -> String) -> String {
        let joined = |parts: &[Self], word: &str| {
            let parts = parts.iter().map(|part| match part {
                Self::Is(_) => part.for_people(title),
                nested => format!("({})", nested.for_people(title)),
            });
            parts.collect::<Vec<_>>().join(word)
        };
        match self {
            Self::All(parts) => joined(parts, " and "),
            Self::Any(parts) => joined(parts, " or "),
            Self::Is(Condition { column, operator, value }) => {
                let value = value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
                format!("{} {}{value}", title(column), operator.sign())
            }
        }
    }
}

struct Reader<'a> {
    columns: &'a [Column],
    conditions: usize,
    faults: Vec<ParameterFault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &str, code: FaultCode, detail: impl Into<String>) {
        // So many are as good as all.
        if self.faults.len() < MAX_CONDITIONS {
            self.faults.push(ParameterFault { pointer: at.to_owned(), code, detail: detail.into() });
        }
    }

    fn read(&mut self, asked: &Json, at: &str, depth: usize) -> Option<Filter> {
        if depth > MAX_DEPTH {
            self.fault(at, FaultCode::OutOfRange, format!("At most {MAX_DEPTH} levels."));
            return None;
        }
        let Some(fields) = asked.as_object() else {
            self.fault(
                at,
                FaultCode::Type,
                "Must be {\"all\": […]}, {\"any\": […]} or {\"column\", \"operator\", \"value\"}.",
            );
            return None;
        };
        match (fields.get("all"), fields.get("any")) {
            (Some(parts), None) => self.parts(fields, "all", parts, at, depth).map(Filter::All),
            (None, Some(parts)) => self.parts(fields, "any", parts, at, depth).map(Filter::Any),
            (Some(_), Some(_)) => {
                self.fault(at, FaultCode::NotAllowed, "Either `all` or `any`: put one into the other.");
                None
            }
            (None, None) => {
                self.conditions += 1;
                self.condition(fields, at).map(Filter::Is)
            }
        }
    }

    fn parts(
        &mut self,
        fields: &Map<String, Json>,
        name: &str,
        parts: &Json,
        at: &str,
        depth: usize,
    ) -> Option<Vec<Filter>> {
        self.refuse_others(fields, &[name], at);
        let within = format!("{at}/{name}");
        match parts.as_array().map(Vec::as_slice) {
            Some([_, ..]) => {}
            Some([]) => self.fault(&within, FaultCode::Missing, "Must have one part, at least."),
            None => self.fault(&within, FaultCode::Type, "Must be a list."),
        }
        let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
        if parts.len() > MAX_CONDITIONS {
            self.fault(&within, FaultCode::OutOfRange, format!("At most {MAX_CONDITIONS} parts."));
            return None;
        }
        let read: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(index, part)| self.read(part, &format!("{within}/{index}"), depth + 1))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().filter(|read| !read.is_empty())
    }

    fn condition(&mut self, fields: &Map<String, Json>, at: &str) -> Option<Condition> {
        self.refuse_others(fields, &["column", "operator", "value"], at);
        let column = self.column(fields.get("column"), &format!("{at}/column"));
        let operator = self.operator(fields.get("operator"), &format!("{at}/operator"));
        let (column, operator) = (column?, operator?);
        if operator.is_of_text() && column.kind != ColumnKind::Text {
            let detail = format!("Only texts are like a pattern, and {} is none.", column.name);
            self.fault(&format!("{at}/operator"), FaultCode::NotAllowed, detail);
            return None;
        }
        let value = match (operator.takes_value(), fields.get("value").filter(|value| !value.is_null())) {
            (true, Some(value)) => Some(self.value(column.kind, value, &format!("{at}/value"))?),
            (true, None) => {
                self.fault(&format!("{at}/value"), FaultCode::Missing, "Required. Nothing is asked for with `null`.");
                return None;
            }
            (false, Some(_)) => {
                self.fault(&format!("{at}/value"), FaultCode::NotAllowed, "The operator compares with no value.");
                return None;
            }
            (false, None) => None,
        };
        Some(Condition { column: column.name.clone(), operator, value })
    }

    fn column(&mut self, asked: Option<&Json>, at: &str) -> Option<Column> {
        let Some(name) = asked.and_then(Json::as_str) else {
            let code = if asked.is_none() { FaultCode::Missing } else { FaultCode::Type };
            self.fault(at, code, "Must be the name of a column.");
            return None;
        };
        let found = self.columns.iter().find(|column| column.name == name).cloned();
        if found.is_none() {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            self.fault(at, FaultCode::Unknown, format!("The report has no such column. It has {}.", names.join(", ")));
        }
        found
    }

    fn operator(&mut self, asked: Option<&Json>, at: &str) -> Option<Operator> {
        let found = asked.and_then(Json::as_str).and_then(Operator::from_name);
        if found.is_none() {
            let code = match asked {
                None => FaultCode::Missing,
                Some(Json::String(_)) => FaultCode::NotAllowed,
                Some(_) => FaultCode::Type,
            };
            self.fault(at, code, format!("Must be one of {}.", Operator::ALL.map(Operator::name).join(", ")));
        }
        found
    }

    fn value(&mut self, kind: ColumnKind, asked: &Json, at: &str) -> Option<Value> {
        literal(kind, asked).map_err(|(code, detail)| self.fault(at, code, detail)).ok()
    }

    fn refuse_others(&mut self, fields: &Map<String, Json>, known: &[&str], at: &str) {
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.fault(&place, FaultCode::Unknown, format!("No such field. Known here: {}.", known.join(", ")));
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
