//! A definition as its callers see it.

use serde_json::{Value as Json, json};

use super::{
    Binding, Definition, Parameter, ParameterKind,
    parameter::{FaultCode, Relative, Value, reckon},
};
use crate::domain::tenant::Tenant;

impl Definition {
    /// Whether the tenant may see the report: its settings allow it, and every dataset that is shared by list must
    /// list it.
    pub fn visible_to(&self, tenant: &Tenant) -> bool {
        tenant.may_ask_for(&self.id)
            && self.datasets.values().all(|dataset| match &dataset.binding {
                Binding::Shared(tenants) => tenants.contains(&tenant.id),
                Binding::Path | Binding::Column(_) | Binding::Public => true,
            })
    }
}

impl FaultCode {
    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Type => "type",
            Self::Format => "format",
            Self::NotAllowed => "not_allowed",
            Self::OutOfRange => "out_of_range",
            Self::RangeReversed => "range_reversed",
        }
    }
}

impl Parameter {
    /// `{name, description, type, required, default?, not_before?, relative?, …bounds}` for the catalogue.
    pub fn describe(&self) -> Json {
        let mut shown = json!({
            "name": self.name,
            "description": self.description,
            "required": self.required,
        });
        if let Some(default) = &self.default {
            shown["default"] = default.clone();
        }
        if let Some(other) = &self.not_before {
            shown["not_before"] = json!(other);
        }
        if reckon::takes(&self.kind) {
            shown["relative"] = Relative::names().collect();
        }
        let (kind, bounds) = kind_and_bounds(&self.kind);
        shown["type"] = json!(kind);
        for (name, bound) in bounds {
            if !bound.is_null() {
                shown[name] = bound;
            }
        }
        shown
    }
}

fn kind_and_bounds(kind: &ParameterKind) -> (&'static str, Vec<(&'static str, Json)>) {
    match kind {
        ParameterKind::Text { max_length, allowed } => {
            let allowed = if allowed.is_empty() { Json::Null } else { json!(allowed) };
            ("text", vec![("max_length", json!(max_length)), ("allowed", allowed)])
        }
        ParameterKind::Integer { min, max } => ("integer", vec![("min", json!(min)), ("max", json!(max))]),
        ParameterKind::Decimal { scale, min, max } => {
            // As text: a decimal is never a float, in the catalogue neither.
            let text =
                |bound: &Option<i128>| bound.map(|unscaled| Value::Decimal { unscaled, scale: *scale }.to_string());
            ("decimal", vec![("scale", json!(scale)), ("min", json!(text(min))), ("max", json!(text(max)))])
        }
        ParameterKind::Boolean => ("boolean", vec![]),
        ParameterKind::Date => ("date", vec![]),
        ParameterKind::Timestamp => ("timestamp", vec![]),
        ParameterKind::DateRange { max_days } => ("date_range", vec![("max_days", json!(max_days))]),
    }
}
