//! Filters: lists of conditions with parentheses, as TReports' clients write them, into the tree that Waybill's own request
//! has. Nothing of them ever becomes text of SQL. `AND` binds closer than `OR`.

use serde_json::{Value as Json, json};
use waybill::{
    accept::fields::Faults,
    domain::{definition::Definition, filter::MAX_CONDITIONS},
};

use super::{
    parameters::{Declared, Kind},
    words::Words,
};

/// Longest word of a condition, in bytes.
const MAX_TEXT: usize = 4_000;

const FILTER_FIELDS: [&str; 3] = ["tableName", "active", "filterItens"];
const ITEM_FIELDS: [&str; 7] = ["andOr", "openParenth", "column", "dataType", "operator", "value", "closeParenth"];

/// Operators in lower case and without spaces, and Waybill's names for them.
const OPERATORS: [(&str, &str); 16] = [
    ("=", "eq"),
    ("==", "eq"),
    ("<>", "ne"),
    ("!=", "ne"),
    ("<", "lt"),
    ("<=", "le"),
    (">", "gt"),
    (">=", "ge"),
    ("like", "like"),
    ("notlike", "not_like"),
    ("isnull", "null"),
    ("null", "null"),
    ("isnotnull", "not_null"),
    ("notisnull", "not_null"),
    ("notnull", "not_null"),
    ("isnotempty", "not_null"),
];

/// Waybill's own `filter`, and where its parts stand in what was sent.
#[derive(Debug, Default, PartialEq)]
pub struct Translated {
    /// None if nothing is filtered.
    pub filter: Option<Json>,
    /// Pointers into it, each with the place that it comes from.
    pub places: Vec<(String, String)>,
}

impl Translated {
    /// Where a fault of the own `filter` stands in what was sent.
    pub fn place(&self, pointer: &str) -> String {
        let of = |(known, place): &(String, String)| {
            let field = pointer.strip_prefix(known.as_str())?.trim_start_matches('/');
            Some(if field.is_empty() { place.clone() } else { format!("{place}.{field}") })
        };
        self.places.iter().find_map(of).unwrap_or_else(|| "generateParams.filters".to_owned())
    }
}

/// Reads `filters`. All of them hold of the rows that are wanted.
pub fn translate(params: &Words, definition: &Definition, faults: &Faults) -> Translated {
    let filters = params.list("filters", MAX_CONDITIONS);
    let read: Vec<_> =
        filters.into_iter().filter_map(|(place, filter)| one(filter, &place, definition, faults)).collect();
    let node = match read.len() {
        0 => return Translated::default(),
        _ => Node::all(read),
    };
    let mut places = Vec::new();
    let filter = node.render("/filter", &mut places);
    Translated { filter: Some(filter), places }
}

/// One filter; none if it is not active, or asks for nothing. One that does not say whether it is active is: what leaves
/// rows out must not be forgotten.
fn one(filter: &Json, place: &str, definition: &Definition, faults: &Faults) -> Option<Node> {
    let filter = Words::of(filter, place, &FILTER_FIELDS, faults)?;
    check_table(&filter, definition, faults);
    let active = filter.flag("active") != Some(false);
    let items = filter.list("filterItens", MAX_CONDITIONS);
    let tokens: Option<Vec<Item>> =
        items.into_iter().map(|(place, item)| Item::read(item, place, definition, faults)).collect();
    let tokens = tokens.filter(|tokens| active && !tokens.is_empty())?;
    Parser { items: &tokens, at: 0, open: 0 }.whole().map_err(|fault| faults.add(fault.0, "format", fault.1)).ok()
}

/// Conditions are on the columns of the output; a table can only be one that it comes from.
fn check_table(filter: &Words, definition: &Definition, faults: &Faults) {
    let Some(table) = filter.text("tableName", MAX_TEXT) else { return };
    let known = table == definition.id || definition.datasets.contains_key(table);
    if !known {
        let datasets: Vec<&str> = definition.datasets.keys().map(String::as_str).collect();
        let detail = format!(
            "Filters are on the columns of the report's output: leave it empty, or name the report, {}, or what it is made \
             of, {}.",
            definition.id,
            datasets.join(", ")
        );
        faults.add(filter.place("tableName"), "unknown", detail);
    }
}

/// One condition with what stands around it.
struct Item {
    place: String,
    or: bool,
    opens: usize,
    closes: usize,
    condition: Json,
}

impl Item {
    fn read(item: &Json, place: String, definition: &Definition, faults: &Faults) -> Option<Self> {
        let words = Words::of(item, place.clone(), &ITEM_FIELDS, faults)?;
        let or = joint(&words, faults);
        let opens = parentheses(&words, "openParenth", '(', faults);
        let closes = parentheses(&words, "closeParenth", ')', faults);
        let condition = condition(&words, definition, faults);
        Some(Self { place, or: or?, opens: opens?, closes: closes?, condition: condition? })
    }
}

/// Whether `OR` joins it to the one before.
fn joint(words: &Words, faults: &Faults) -> Option<bool> {
    match words.text("andOr", MAX_TEXT).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "and" | "e" => Some(false),
        "or" | "ou" => Some(true),
        _ => {
            faults.add(words.place("andOr"), "not_allowed", "Must be AND or OR (E, OU).");
            None
        }
    }
}

fn parentheses(words: &Words, name: &str, one: char, faults: &Faults) -> Option<usize> {
    let text = words.text(name, MAX_TEXT).unwrap_or_default();
    let only = text.chars().all(|c| c == one || c == ' ');
    if !only {
        faults.add(words.place(name), "format", format!("Must have {one:?} only, or be empty."));
    }
    only.then(|| text.chars().filter(|c| *c == one).count())
}

/// As Waybill's own request has it. What is wrong with it, beyond its words, is found there.
fn condition(words: &Words, definition: &Definition, faults: &Faults) -> Option<Json> {
    let column = words.text("column", MAX_TEXT);
    if column.is_none() {
        faults.add(words.place("column"), "missing", "Required.");
    }
    let operator = operator(words, faults);
    let kind =
        definition.columns.iter().find(|known| Some(known.name.as_str()) == column).map(|known| Kind::from(known.kind));
    let declared = Declared::from_name(words.text("dataType", MAX_TEXT).unwrap_or_default());
    let refusal = match declared {
        Ok(declared) => kind.zip(column).and_then(|(kind, column)| kind.refusal(declared, column)),
        Err(refusal) => Some(refusal),
    };
    if let Some(refusal) = refusal {
        faults.add(words.place("dataType"), "type", refusal);
    }
    let (column, operator) = (column?, operator?);
    let mut condition = json!({ "column": column, "operator": operator });
    let compares = !matches!(operator, "null" | "not_null");
    // Where nothing is compared with, clients send an empty value, or any.
    if let Some(value) = words.get("value").filter(|_| compares) {
        condition["value"] = kind.map_or_else(|| value.clone(), |kind| kind.value(value));
    }
    Some(condition)
}

fn operator(words: &Words, faults: &Faults) -> Option<&'static str> {
    let given = words.text("operator", MAX_TEXT).unwrap_or_default();
    let plain: String = given.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let found = OPERATORS.into_iter().find(|(sign, _)| *sign == plain).map(|(_, name)| name);
    if found.is_none() {
        let code = if given.is_empty() { "missing" } else { "not_allowed" };
        let detail = "Must be one of =, <>, <, <=, >, >=, LIKE, NOT LIKE, ISNULL, ISNOTNULL.";
        faults.add(words.place("operator"), code, detail);
    }
    found
}

/// A part of the tree.
#[derive(Debug, PartialEq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is { place: String, condition: Json },
}

impl Node {
    fn all(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::All(parts) }
    }

    fn any(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Any(parts) }
    }

    fn render(self, at: &str, places: &mut Vec<(String, String)>) -> Json {
        let mut each = |parts: Vec<Self>, name: &str| -> Json {
            let parts = parts.into_iter().enumerate();
            parts.map(|(index, part)| part.render(&format!("{at}/{name}/{index}"), places)).collect()
        };
        match self {
            Self::All(parts) => json!({ "all": each(parts, "all") }),
            Self::Any(parts) => json!({ "any": each(parts, "any") }),
            Self::Is { place, condition } => {
                places.push((at.to_owned(), place));
                condition
            }
        }
    }
}

/// Place and sentence.
type Unbalanced = (String, &'static str);

struct Parser<'a> {
    items: &'a [Item],
    at: usize,
    /// Parentheses of the item at hand that were entered.
    open: usize,
}

impl Parser<'_> {
    /// Nested no deeper than there are parentheses, which are counted first.
    fn whole(mut self) -> Result<Node, Unbalanced> {
        let opens = self.items.iter().map(|item| item.opens).sum::<usize>();
        if let Some(first) = self.items.iter().find(|item| item.opens > 0).filter(|_| opens > MAX_CONDITIONS) {
            return Err((format!("{}.openParenth", first.place), "Too many parentheses."));
        }
        let (node, closes) = self.any()?;
        let last = || self.items.last().map(|item| item.place.clone()).unwrap_or_default();
        if closes > 0 || self.at < self.items.len() {
            let place = self.items.get(self.at.saturating_sub(1)).map_or_else(last, |item| item.place.clone());
            return Err((format!("{place}.closeParenth"), "It closes a parenthesis that was not opened."));
        }
        Ok(node)
    }

    /// Parts joined by `OR`, up to the end or a closing parenthesis: with how many are left to close.
    fn any(&mut self) -> Result<(Node, usize), Unbalanced> {
        let mut parts = Vec::new();
        loop {
            let (part, closes) = self.all()?;
            parts.push(part);
            let goes_on = closes == 0 && self.items.get(self.at).is_some_and(|next| next.or);
            if !goes_on {
                return Ok((Node::any(parts), closes));
            }
        }
    }

    /// Parts joined by `AND`.
    fn all(&mut self) -> Result<(Node, usize), Unbalanced> {
        let mut parts = Vec::new();
        loop {
            let (part, closes) = self.part()?;
            parts.push(part);
            let goes_on = closes == 0 && self.items.get(self.at).is_some_and(|next| !next.or);
            if !goes_on {
                return Ok((Node::all(parts), closes));
            }
        }
    }

    /// A condition, or what stands in parentheses.
    fn part(&mut self) -> Result<(Node, usize), Unbalanced> {
        // infallible: called only where there is an item.
        let Some(item) = self.items.get(self.at) else { return Err((String::new(), "It ends too early.")) };
        if self.open < item.opens {
            self.open += 1;
            let (node, closes) = self.any()?;
            let Some(left) = closes.checked_sub(1) else {
                return Err((format!("{}.openParenth", item.place), "The parenthesis is not closed."));
            };
            return Ok((node, left));
        }
        self.at += 1;
        self.open = 0;
        let condition = Node::Is { place: item.place.clone(), condition: item.condition.clone() };
        Ok((condition, item.closes))
    }
}

#[cfg(test)]
#[path = "filters_tests.rs"]
mod tests;
