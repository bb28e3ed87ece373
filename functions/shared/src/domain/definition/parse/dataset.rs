//! Datasets: location, encoding, partitions and the binding to a tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::section::Section;
use super::{ANY_CASE_NAME, LOWER_CASE_NAME, is_name, named_sections};
use crate::domain::definition::{Binding, Dataset, Partition, PartitionKind, Source};

const SOURCES: [(&str, Source); 3] = [("parquet", Source::Parquet), ("csv", Source::Csv), ("ndjson", Source::Ndjson)];

const PARTITION_KINDS: [(&str, PartitionKind); 3] =
    [("text", PartitionKind::Text), ("integer", PartitionKind::Integer), ("date", PartitionKind::Date)];

#[derive(Clone, Copy)]
enum BindingKind {
    Path,
    Column,
    Shared,
}

const BINDING_KINDS: [(&str, BindingKind); 3] =
    [("path", BindingKind::Path), ("column", BindingKind::Column), ("shared", BindingKind::Shared)];

/// The tenant's place in a location.
const TENANT: &str = "{tenant}";

pub fn read_all(root: &Section<'_>) -> BTreeMap<String, Dataset> {
    let sections = named_sections(root, "datasets");
    if sections.is_empty() {
        root.faults.add(0, "a report needs at least one dataset, `[datasets.NAME]`");
    }
    sections.into_iter().map(|(name, section)| (name, read(&section))).collect()
}

fn read(section: &Section<'_>) -> Dataset {
    let location = section.required_text("location");
    let source = section.required_choice("source", &SOURCES).unwrap_or(Source::Parquet);
    let partitions = section.get("partitions").map(|value| section.list("partitions", value)).unwrap_or_default();
    let partitions = read_partitions(&partitions);
    let binding = read_binding(section);
    if let (Some(location), Some(binding)) = (&location, &binding)
        && let Err(reason) = check_location(location.get_ref(), *binding == Binding::Path)
    {
        section.faults.add(location.span().start, format!("`location` {reason}"));
    }
    section.refuse_unknown_keys();
    Dataset {
        location: location.map(|location| (*location.get_ref()).to_owned()).unwrap_or_default(),
        source,
        partitions,
        // Stands in only where its absence has been noted as a fault.
        binding: binding.unwrap_or(Binding::Path),
    }
}

fn read_partitions(sections: &[Section<'_>]) -> Vec<Partition> {
    let mut names = BTreeSet::new();
    let mut partitions = Vec::new();
    for section in sections {
        let name = section.required_text("name");
        if let Some(name) = &name {
            if !is_name(name.get_ref(), false) {
                let reason = format!("`{}`, a partition, {LOWER_CASE_NAME}", name.get_ref());
                section.faults.add(name.span().start, reason);
            } else if !names.insert(name.get_ref().to_owned()) {
                section.faults.add(name.span().start, format!("partition `{}` is there twice", name.get_ref()));
            }
        }
        let kind = section.required_choice("type", &PARTITION_KINDS).unwrap_or(PartitionKind::Text);
        section.refuse_unknown_keys();
        partitions.push(Partition { name: name.map(|name| (*name.get_ref()).to_owned()).unwrap_or_default(), kind });
    }
    partitions
}

/// Without a binding every tenant would see every row: that is never a default.
fn read_binding(section: &Section<'_>) -> Option<Binding> {
    let Some(binding) = section.section("binding") else {
        if !section.has("binding") {
            let example = r#"`binding = { kind = "path" }`, or "column" with `column`, or "shared" with `tenants`"#;
            section.faults.add(section.at, format!("a dataset must be bound to the tenant: {example}"));
        }
        return None;
    };
    let kind = binding.required_choice("kind", &BINDING_KINDS)?;
    let read = match kind {
        BindingKind::Path => Some(Binding::Path),
        BindingKind::Column => read_binding_column(&binding),
        BindingKind::Shared => read_tenants(&binding),
    };
    binding.refuse_unknown_keys();
    read
}

fn read_binding_column(binding: &Section<'_>) -> Option<Binding> {
    let column = binding.required_text("column")?;
    if !is_name(column.get_ref(), true) {
        binding.faults.add(column.span().start, format!("`column` {ANY_CASE_NAME}"));
    }
    Some(Binding::Column((*column.get_ref()).to_owned()))
}

fn read_tenants(binding: &Section<'_>) -> Option<Binding> {
    let value = binding.required("tenants")?;
    if value.get_ref().as_str() == Some("*") {
        return Some(Binding::Public);
    }
    let mut tenants = Vec::new();
    for tenant in binding.strings("tenants", value)? {
        let name = *tenant.get_ref();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            let reason = format!("`{name}` is no tenant's id; `tenants = \"*\"` means every tenant");
            binding.faults.add(tenant.span().start, reason);
        } else if tenants.iter().any(|known| known == name) {
            binding.faults.add(tenant.span().start, format!("tenant `{name}` is there twice"));
        }
        tenants.push(name.to_owned());
    }
    Some(Binding::Shared(tenants))
}

/// A location is a folder within the lake bucket. With a path binding the tenant is a whole segment, or the
/// whole value of a `key=value` segment, exactly once: anything less would let one tenant's name begin
/// another's.
fn check_location(location: &str, tenant_in_path: bool) -> Result<(), &'static str> {
    let segments = location.strip_suffix('/').ok_or("must end with `/`")?;
    let mut tenants = 0;
    for segment in segments.split('/') {
        if segment == TENANT
            || segment.split_once('=').is_some_and(|(key, value)| is_name(key, true) && value == TENANT)
        {
            tenants += 1;
            continue;
        }
        if segment.contains(['{', '}']) {
            return Err("may hold `{tenant}` only as a whole segment or as the value of `key=value`");
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._=-".contains(c);
        if segment.is_empty() || segment.starts_with('.') || !segment.chars().all(allowed) {
            return Err("must be segments of letters, digits, `.`, `_`, `-`, `=`, which do not begin with `.`");
        }
    }
    match (tenant_in_path, tenants) {
        (true, 1) | (false, 0) => Ok(()),
        (true, _) => Err("must hold `{tenant}` exactly once, because the binding is `path`"),
        (false, _) => Err("may hold `{tenant}` only if the binding is `path`"),
    }
}
