//! What a document asks for, before it is carried out.
//!
//! A fragment is spread as often as it is named, so a short document can stand for more fields than there are atoms; the
//! library walks all of them before its own limits hold. Here each fragment is weighed once.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::types::{ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet},
};

use http::StatusCode;

use super::bounds::too_complex;
use crate::problem::Problem;

/// Most selections once all fragments are spread.
const MAX_SELECTIONS: usize = 1000;

/// Most fields that an answer may have, by estimate. The largest introspection in use comes to about 60,000.
const MAX_COST: usize = 150_000;

/// Most fields of one query that read the table: each alias is a read of its own.
const MAX_ROOTS: usize = 10;

/// Refuses a document that asks for too much, and fragments that lead to themselves.
pub fn check(document: &ExecutableDocument) -> Result<(), Problem> {
    let mut scales = Scales { fragments: &document.fragments, known: HashMap::new(), open: vec![] };
    // Those too that nobody spreads: the library walks them.
    for name in document.fragments.keys() {
        scales.fragment(name)?;
    }
    for (_, operation) in document.operations.iter() {
        let weight = scales.set(&operation.node.selection_set.node)?;
        if weight.selections > MAX_SELECTIONS {
            return Err(too_complex(format!("The operation has more than {MAX_SELECTIONS} selections.")));
        }
        if weight.cost > MAX_COST {
            return Err(too_complex("The operation asks for lists within lists: ask for less at a time."));
        }
        check_roots(operation.node.ty, weight.roots)?;
    }
    Ok(())
}

/// A call has one `Idempotency-Key` and one status, so it asks for one report.
fn check_roots(kind: OperationType, roots: usize) -> Result<(), Problem> {
    match kind {
        OperationType::Mutation if roots > 1 => Err(too_complex("Ask for one report in each call.")),
        _ if roots > MAX_ROOTS => Err(too_complex(format!("At most {MAX_ROOTS} fields of a query in each call."))),
        _ => Ok(()),
    }
}

/// What a selection set comes to; every sum stops at the largest number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    /// Selections, fragments spread.
    selections: usize,
    /// Fields of the answer.
    cost: usize,
    /// Fields at its own level, without introspection.
    roots: usize,
}

struct Scales<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a str, Weight>,
    /// Fragments that are being weighed.
    open: Vec<&'a str>,
}

impl<'a> Scales<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Result<Weight, Problem> {
        let mut sum = Weight { selections: set.items.len(), ..Weight::default() };
        for item in &set.items {
            let inner = match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let inner = self.set(&field.node.selection_set.node)?;
                    let cost = inner.cost.saturating_mul(entries(name)).saturating_add(1);
                    Weight { selections: inner.selections, cost, roots: usize::from(!name.starts_with("__")) }
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            sum.selections = sum.selections.saturating_add(inner.selections);
            sum.cost = sum.cost.saturating_add(inner.cost);
            sum.roots = sum.roots.saturating_add(inner.roots);
        }
        Ok(sum)
    }

    /// Nothing for one that is not there: the library says so.
    fn fragment(&mut self, name: &'a str) -> Result<Weight, Problem> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        if self.open.contains(&name) {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "graphql_invalid", "A fragment leads to itself."));
        }
        let Some(fragment) = self.fragments.get(name) else { return Ok(Weight::default()) };
        self.open.push(name);
        let weight = self.set(&fragment.node.selection_set.node)?;
        self.open.pop();
        self.known.insert(name, weight);
        Ok(weight)
    }
}

/// Entries that a list of that name has, about; 1 of what is no list.
fn entries(field: &str) -> usize {
    match field {
        "types" => 40,
        "items" | "reports" => 25,
        "parameters" | "columns" => 10,
        "fields" | "enumValues" => 8,
        "inputFields" | "directives" => 6,
        "args" | "possibleTypes" | "interfaces" => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn many(count: usize, one: fn(usize) -> String) -> String {
        (0..count).map(one).collect::<Vec<_>>().concat()
    }

    fn code(source: &str) -> Option<&'static str> {
        check(&parse_query(source).unwrap()).err().map(|problem| problem.code)
    }

    /// As stock clients send it, with what the latest of them ask for.
    const INTROSPECTION: &str = "
        query IntrospectionQuery { __schema { description queryType { name } mutationType { name }
            subscriptionType { name } types { ...FullType }
            directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
        fragment FullType on __Type { kind name description specifiedByURL isOneOf
            fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue }
                type { ...TypeRef } isDeprecated deprecationReason }
            inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
            enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
            possibleTypes { ...TypeRef } }
        fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated
            deprecationReason }
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
            kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
            kind name } } } } } } } } } }";

    #[test]
    fn introspection_of_stock_clients_is_answered() {
        assert_eq!(code(INTROSPECTION), None);
        assert!(super::super::bounds::check_source(INTROSPECTION).is_ok());
        let document = parse_query(INTROSPECTION).unwrap();
        let mut scales = Scales { fragments: &document.fragments, known: HashMap::new(), open: vec![] };
        let (_, operation) = document.operations.iter().next().unwrap();
        let weight = scales.set(&operation.node.selection_set.node).unwrap();
        assert!(weight.cost < MAX_COST / 2 && weight.selections < MAX_SELECTIONS / 2, "room for more: {weight:?}");
    }

    #[test]
    fn a_flood_of_introspection_is_refused() {
        let open = "type{fields{".repeat(4);
        let nested = format!("{{__schema{{types{{fields{{{open}name{}}}}}}}}}", "}}".repeat(4));
        assert_eq!(code(&nested), Some("graphql_too_complex"));
        let aliases = |count| many(count, |n| format!("a{n}:__schema{{types{{fields{{args{{name}}}}}}}}"));
        assert_eq!(code(&format!("{{{}}}", aliases(40))), None, "some tens of thousands of names");
        assert_eq!(code(&format!("{{{}}}", aliases(150))), Some("graphql_too_complex"));
    }

    #[test]
    fn fragments_of_fragments_are_weighed_once() {
        let doubling = many(60, |n| format!("fragment f{n} on Query {{ ...f{m} ...f{m} }}", m = n + 1));
        let bomb = format!("{{ ...f0 }} {doubling} fragment f60 on Query {{ __typename }}");
        assert_eq!(code(&bomb), Some("graphql_too_complex"));
        let few = "{ ...f } fragment f on Query { ...g ...g } fragment g on Query { __typename ...nowhere }";
        assert_eq!(code(few), None);
        for cycle in [
            "{ ...f } fragment f on Query { ...f }",
            "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
            "{ __typename } fragment f on Query { reports { ... { ...f } } }",
        ] {
            assert_eq!(code(cycle), Some("graphql_invalid"), "{cycle}");
        }
    }

    #[test]
    fn roots_are_counted_through_fragments_and_aliases() {
        let aliases = |count: usize| many(count, |n| format!("a{n}:x "));
        assert_eq!(code(&format!("{{ __typename {} }}", aliases(MAX_ROOTS))), None);
        assert_eq!(code(&format!("{{ {} }}", aliases(MAX_ROOTS + 1))), Some("graphql_too_complex"));
        let spread = format!("{{ ...f ...f }} fragment f on Query {{ {} }}", aliases(6));
        assert_eq!(code(&spread), Some("graphql_too_complex"));
        assert_eq!(code("mutation { a: x }"), None);
        assert_eq!(code("mutation { a: x b: x }"), Some("graphql_too_complex"));
        assert_eq!(code("query A { x } mutation B { a: x ... { b: x } }"), Some("graphql_too_complex"));
    }
}
