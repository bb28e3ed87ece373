use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::definition::parameter::ValueType;
use crate::domain::definition::{Binding, Check, CheckRule, Dataset, ParameterKind, Partition, PartitionKind, Source};
use crate::domain::style::{Formulas, Style};

/// A definition with every key in it.
const VALID: &str = r##"id = "lines"
version = 3
title = "Lines"
description = "Every line."
formats = ["csv", "ndjson"]
sql = '''
SELECT day, amount -- not $this; nor /* that
FROM orders JOIN "countries" USING (code)
WHERE month BETWEEN $dates_from_month AND $dates_to_month AND day BETWEEN $dates_from AND $dates_to
  AND ($country IS NULL OR note = 'it''s $9' OR country = $country) /* ; /* $x */ ? */
  AND amount >= $least AND loud = $loud AND seen > $since AND seen < $until
;'''

[datasets.orders]
location = "orders/tenant={tenant}/"
source = "parquet"
partitions = [{ name = "month", type = "text" }]
binding = { kind = "path" }

[datasets.countries]
location = "countries/"
source = "csv"
[datasets.countries.binding]
kind = "shared"
tenants = "*"

[parameters.since]
type = "timestamp"
default = 2024-01-01T00:00:00

[parameters.dates]
type = "date_range"
required = true
max_days = 31

[parameters.country]
type = "text"
description = "Of the customer."
max_length = 2
allowed = ["DE", "FR"]

[parameters.least]
type = "decimal"
scale = 2
min = "-0.50"
max = 1000
default = 0.1

[parameters.loud]
type = "boolean"
default = false

[[columns]]
name = "day"
type = "date"

[[columns]]
name = "Amount"
title = "Amount (net)"
type = "decimal"
format = "#,##0.00"
total = true

[output]
time_zone = "Europe/Berlin"
date_format = "%d/%m/%Y"
timestamp_format = "%F %T"
decimal_separator = ","
grouping_separator = "."
null_text = "n/a"
delimiter = ";"
bom = true
formulas = "raw"

[limits]
max_rows = 1_000_000
timeout_seconds = 600

[parameters.until]
type = "timestamp"
not_before = "since"

[[columns]]
name = "lines"
type = "integer"

[[checks]]
name = "some"
kind = "rows"
min = 1
max = 2

[[checks]]
name = "all"
kind = "rows"
equals = "SELECT count(*) FROM orders WHERE $loud"

[[checks]]
name = "sum"
kind = "total"
column = "lines"
equals = """
SELECT sum(lines)
FROM orders"""

[[checks]]
name = "positive"
kind = "condition"
sql = '''
SELECT count(*) = 0
FROM output WHERE "Amount" < 0'''
"##;

/// Faults as `line: reason` of the valid file with one text replaced.
fn faults(old: &str, new: &str) -> Vec<String> {
    assert!(VALID.contains(old), "{old}");
    let text = VALID.replacen(old, new, 1);
    let found = parse("reports/lines.toml", &text).err().unwrap_or_default();
    found.iter().map(|fault| format!("{}: {}", fault.line, fault.reason)).collect()
}

/// Asserts exactly one fault, on the line where the valid file has `old`, whose reason has `part`.
fn refused(old: &str, new: &str, part: &str) {
    refused_at(old, old, new, part);
}

/// The same where the fault is on the line of `place` instead.
fn refused_at(place: &str, old: &str, new: &str, part: &str) {
    let line = 1 + VALID[..VALID.find(place).unwrap()].matches('\n').count();
    let found = faults(old, new);
    let expected = found.len() == 1 && found[0].starts_with(&format!("{line}: ")) && found[0].contains(part);
    assert!(expected, "{new}: expected line {line}, {part}; found {found:#?}");
}

#[test]
fn a_valid_file_is_read_in_full() {
    let definition = parse("infra/reports/lines.toml", VALID).unwrap();
    assert_eq!((definition.id.as_str(), definition.version, definition.title.as_str()), ("lines", 3, "Lines"));
    assert_eq!(definition.formats, [Format::Csv, Format::Ndjson]);
    assert_eq!(definition.limits, Limits { max_rows: Some(1_000_000), timeout_seconds: Some(600) });
    let orders = Dataset {
        location: "orders/tenant={tenant}/".to_owned(),
        source: Source::Parquet,
        partitions: vec![Partition { name: "month".to_owned(), kind: PartitionKind::Text }],
        binding: Binding::Path,
    };
    assert_eq!(definition.datasets["orders"], orders);
    assert_eq!(definition.datasets["countries"].binding, Binding::Public);
    let names: Vec<_> = definition.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["since", "dates", "country", "least", "loud", "until"], "in the file's order");
    assert_eq!(definition.parameters[5].not_before.as_deref(), Some("since"));
    assert_eq!(definition.parameters[0].default, Some(json!("2024-01-01T00:00:00")));
    let least = ParameterKind::Decimal { scale: 2, min: Some(-50), max: Some(100_000) };
    assert_eq!((&definition.parameters[3].kind, &definition.parameters[3].default), (&least, &Some(json!(0.1))));
    assert_eq!(definition.parameters[2].placeholders(), [("country".to_owned(), ValueType::Text)]);
    let titles: Vec<_> =
        definition.columns.iter().map(|column| (column.name.as_str(), column.title.as_str())).collect();
    assert_eq!(titles, [("day", "day"), ("Amount", "Amount (net)"), ("lines", "lines")]);
    let written: Vec<_> = definition.columns.iter().map(|column| (column.format.as_deref(), column.total)).collect();
    assert_eq!(written, [(None, false), (Some("#,##0.00"), true), (None, false)]);
    let style = Style {
        time_zone: Some("Europe/Berlin".to_owned()),
        date_format: Some("%d/%m/%Y".to_owned()),
        timestamp_format: Some("%F %T".to_owned()),
        decimal_separator: Some(','),
        grouping_separator: Some('.'),
        null_text: Some("n/a".to_owned()),
        delimiter: Some(';'),
        bom: Some(true),
        formulas: Some(Formulas::Raw),
        ..Style::default()
    };
    assert_eq!(definition.style, style);
    let sum = CheckRule::Total { column: "lines".to_owned(), equals: "SELECT sum(lines)\nFROM orders".to_owned() };
    let positive = "SELECT count(*) = 0\nFROM output WHERE \"Amount\" < 0".to_owned();
    let rules = [
        ("some", CheckRule::Rows { min: Some(1), max: Some(2) }),
        ("all", CheckRule::RowsEqual("SELECT count(*) FROM orders WHERE $loud".to_owned())),
        ("sum", sum),
        ("positive", CheckRule::Condition(positive)),
    ];
    assert_eq!(definition.checks, rules.map(|(name, rule)| Check { name: name.to_owned(), rule }));
}

#[test]
fn faults_name_file_line_and_reason_all_at_once() {
    let text = VALID.replace("version = 3", "version = 0").replace("max_days = 31", "max_day = 31");
    let found = parse("reports/other.toml", &text).unwrap_err();
    let shown: Vec<_> = found.iter().map(Fault::to_string).collect();
    let expected = [
        "reports/other.toml:1: the file of the report `lines` must be named `lines.toml`",
        "reports/other.toml:2: `version` must be from 1 to 4294967295",
        "reports/other.toml:34: parameters.dates: unknown key `max_day`; known here: description, required, type, \
         max_days, default",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn syntax_and_duplicates_are_refused() {
    assert!(faults("version = 3", "version == 3").iter().all(|fault| fault.starts_with("2: ")));
    refused("version = 3", "id = \"lines\"", "duplicate key");
    assert!(faults("[limits]", "[limits").first().is_some_and(|fault| fault.starts_with("75: ")));
}

#[test]
fn the_head_is_checked() {
    refused("version = 3", "versions = 3\nversion = 3", "unknown key `versions`");
    refused_at("id = ", "version = 3\n", "", "`version` is missing");
    refused("version = 3", "version = \"3\"", "must be an integer, not string");
    refused("\"Lines\"", "\" \"", "one line, and not empty");
    refused("[\"csv\", \"ndjson\"]", "[]", "must not be empty");
    refused("\"ndjson\"]", "\"doc\"]", "unknown format `doc`");
    refused("\"ndjson\"]", "\"csv\"]", "twice");
    refused("\"ndjson\"]", "1]", "must be a string");
    refused("id = \"lines\"", "id = \"li nes\"", "letters, digits");
    refused("timeout_seconds = 600", "timeout_seconds = 901", "limits: `timeout_seconds` must be from 1 to 900");
    refused("[limits]", "[limit]", "unknown key `limit`");
}

#[test]
fn a_dataset_without_a_sound_binding_is_refused() {
    refused_at("[datasets.orders]", "binding = { kind = \"path\" }\n", "", "must be bound to the tenant");
    refused("{ kind = \"path\" }", "\"path\"", "must be a table");
    refused("{ kind = \"path\" }", "{ kind = \"none\" }", "one of: path, column, shared");
    refused("{ kind = \"path\" }", "{ kind = \"column\" }", "`column` is missing");
    refused("{ kind = \"path\" }", "{ kind = \"path\", tenants = \"*\" }", "unknown key `tenants`");
    refused("tenants = \"*\"", "tenants = []", "must not be empty");
    refused("tenants = \"*\"", "tenants = [\"acme\", \"*\"]", "`*` is no tenant's id");
    refused("tenants = \"*\"", "tenants = [\"acme\", \"acme\"]", "twice");
    assert_eq!(faults("tenants = \"*\"", "tenants = [\"acme\"]"), Vec::<String>::new());
}

#[test]
fn the_tenant_stands_in_the_location_exactly_where_it_must() {
    let path = "orders/tenant={tenant}/";
    for location in ["{tenant}/", "a/{tenant}/b/", "a/b={tenant}/"] {
        assert_eq!(faults(path, location), Vec::<String>::new(), "{location}");
    }
    for location in ["orders/", "{tenant}/{tenant}/", "{tenant}/x={tenant}/"] {
        refused(path, location, "exactly once");
    }
    for location in ["x{tenant}/", "t={tenant}x/", "=a={tenant}/", "{Tenant}/{tenant}/", "t={tenant}={tenant}/"] {
        refused(path, location, "only as a whole segment");
    }
    for location in ["/{tenant}/", "a//{tenant}/", "../{tenant}/", "a b/{tenant}/", "*/{tenant}/", "s3:/{tenant}/"] {
        refused(path, location, "must be segments");
    }
    refused(path, "{tenant}", "must end with `/`");
    refused("\"countries/\"", "\"countries/{tenant}/\"", "only if the binding is `path`");
}

#[test]
fn partitions_are_checked() {
    let partition = "{ name = \"month\", type = \"text\" }";
    refused(partition, "{ name = \"month\", type = \"float\" }", "one of: text, integer, date");
    refused(partition, "{ name = \"Month\", type = \"text\" }", "lower-case");
    refused(partition, &format!("{partition}, {partition}"), "twice");
    refused("source = \"csv\"", "source = \"xls\"", "one of: parquet, csv, ndjson");
}

#[test]
fn parameters_are_checked() {
    refused(
        "type = \"date_range\"",
        "type = \"dates\"",
        "one of: text, integer, decimal, boolean, date, timestamp, date_range",
    );
    refused_at("[parameters.dates]", "type = \"date_range\"\n", "", "`type` is missing");
    refused("max_length = 2", "max_days = 1\nmax_length = 2", "unknown key `max_days`");
}

#[test]
fn bounds_and_defaults_fit_their_type() {
    refused("[\"DE\", \"FR\"]", "[\"DE\", \"FRA\"]", "longer than");
    refused("max_length = 2", "max_length = 0", "from 1 to 10000");
    refused("[\"DE\", \"FR\"]", "[\"DE\", \"DE\"]", "twice");
    refused_at("[parameters.least]", "scale = 2\n", "", "`scale` is missing");
    refused("scale = 2", "scale = 39", "from 0 to 38");
    refused("\"-0.50\"", "-0.50", "in quotes");
    refused("\"-0.50\"", "\"-0.505\"", "at most 2 digits");
    refused_at("[parameters.least]", "max = 1000\ndefault = 0.1", "max = -1", "`min` must not be greater");
    refused("default = 0.1", "default = 0.125", "`default` does not fit");
    refused("default = 0.1", "default = \"1000.01\"", "at most 1000.00");
    refused("default = 0.1", "default = nan", "no value that a request could give");
    refused("default = false", "default = 0", "true or false");
    refused("default = 2024-01-01T00:00:00", "default = 2024-01-01", "local date and time");
    refused("max_days = 31", "default = { from = 2024-01-01, to = 2024-01-31 }", "no use for a `default`");
    refused("required = true", "default = { from = 2024-01-01, to = 2024-02-01 }", "at most 31 days");
    refused("required = true", "required = 1", "must be true or false");
    assert!(faults("[parameters.loud]", "[parameters.Loud]").iter().any(|fault| fault.contains("lower-case")));
    let found = faults("[parameters.loud]", "[parameters.dates_from]");
    assert!(found.iter().any(|fault| fault.contains("both give the placeholder `$dates_from`")), "{found:?}");
}

#[test]
fn columns_are_there_and_unique() {
    refused("name = \"Amount\"", "name = \"day\"", "twice");
    refused("name = \"Amount\"", "name = \"net amount\"", "must be a letter");
    refused("title = \"Amount (net)\"", "title = \"a\\nb\"", "one line");
    refused("title = \"Amount (net)\"", "titel = \"a\"", "unknown key `titel`");
    refused("title = \"Amount (net)\"", &format!("title = \"{}\"", "x".repeat(201)), "200 characters at most");
    refused("type = \"date\"\n", "type = \"time\"\n", "must be one of");
    let without = VALID.replace("[[columns]]", "[[column]]");
    let found = parse("lines.toml", &without).unwrap_err();
    assert!(found.iter().any(|fault| fault.reason == "`columns` is missing"), "{found:?}");
}

#[test]
fn formats_and_totals_fit_their_column() {
    refused("format = \"#,##0.00\"", "format = \"yyyy\"", "`format` does not fit: ");
    refused("format = \"#,##0.00\"", "format = 2", "must be a string");
    refused("name = \"day\"", "totals = true\nname = \"day\"", "known here: name, title, type, format, total");
    refused("name = \"day\"", "format = \"%H\"\nname = \"day\"", "`format` does not fit: ");
    refused("name = \"day\"", "total = true\nname = \"day\"", "`total` is there for integers and decimals");
    refused("total = true", "total = \"yes\"", "must be true or false");
    assert_eq!(faults("type = \"date\"\n", "type = \"timestamp\"\nformat = \"%H:%M\"\n"), Vec::<String>::new());
    for kind in ["text", "boolean", "float"] {
        let found = faults("type = \"date\"\n", &format!("type = \"{kind}\"\nformat = \"0.0\"\ntotal = true\n"));
        assert_eq!(found.len(), if kind == "float" { 1 } else { 2 }, "{found:?}");
    }
}

#[test]
fn the_output_is_checked() {
    refused("time_zone = \"Europe/Berlin\"", "time_zone = \"Berlin\"", "output: `time_zone` must be a time zone");
    refused("date_format = \"%d/%m/%Y\"", "date_format = \"%H\"", "output: `date_format` does not fit: ");
    refused("timestamp_format = \"%F %T\"", "timestamp_format = \"%Q\"", "output: `timestamp_format` does not fit: ");
    refused("decimal_separator = \",\"", "decimal_separator = \"::\"", "output: `decimal_separator` must be");
    refused("grouping_separator = \".\"", "grouping_separator = \",\"", "must not be the same as `decimal_separator`");
    refused("null_text = \"n/a\"", "null_text = \"=1\"", "must not look like a formula");
    refused("null_text = \"n/a\"", "null_text = \"a;b\"", "must not contain the delimiter");
    refused("delimiter = \";\"", "delimiter = 7", "must be a string");
    refused("delimiter = \";\"", "delimiter = \"x\"", "output: `delimiter` must be");
    refused("bom = true", "bom = 1", "must be true or false");
    refused("formulas = \"raw\"", "formulas = \"run\"", "must be one of: guard, raw");
    refused("bom = true", "titles = { day = \"Day\" }", "output: unknown key `titles`");
    let without = VALID.replace("[output]", "[limits.output]");
    assert!(parse("lines.toml", &without).is_err());
}

#[test]
fn sql_is_one_query_with_the_parameters_placeholders() {
    refused("SELECT day,", "DELETE day,", "one query");
    refused(";'''", "; DROP TABLE x;'''", "single statement");
    refused(";'''", "AND x = $y;'''", "`$y` belongs to no parameter");
    refused(";'''", "AND x = $1;'''", "must begin a placeholder");
    refused(";'''", "AND x = $;'''", "must begin a placeholder");
    refused(";'''", "AND x = ?;'''", "not `?`");
    refused(";'''", "AND x = 'y;'''", "never closed");
    refused(";'''", "/* /* */;'''", "never closed");
    refused_at("SELECT day", "AND loud = $loud", "", "`loud` is not used");
    refused_at("SELECT day", "BETWEEN $dates_from AND $dates_to\n", "> $dates_from\n", "`$dates_to` is not in the SQL");
    refused_at("SELECT day", "JOIN \"countries\" USING (code)", "", "the dataset `countries` is not used");
    refused("sql = '''\nSELECT", "sql = '''SELECT * FROM x WHERE $z\nUNION SELECT", "`$z` belongs to no");
}

#[test]
fn an_order_is_one_of_two_parameters_of_a_kind() {
    let part = "another parameter of the same type";
    refused("not_before = \"since\"", "not_before = \"until\"", part);
    refused("not_before = \"since\"", "not_before = \"none\"", part);
    refused("not_before = \"since\"", "not_before = \"loud\"", part);
    refused("not_before = \"since\"", "not_before = 1", "must be a string");
    refused("max_length = 2", "not_before = \"since\"\nmax_length = 2", "unknown key `not_before`");
}

#[test]
fn checks_are_checked() {
    let some = "name = \"some\"\nkind = \"rows\"\n";
    refused("name = \"some\"", "name = \"Some\"", "lower-case");
    refused("name = \"all\"", "name = \"some\"", "check `some` is there twice");
    refused("kind = \"total\"", "kind = \"sum\"", "one of: rows, total, condition");
    refused("max = 2", "sql = \"SELECT 1\"\nmax = 2", "unknown key `sql`");
    refused("min = 1", "min = -1", "from 0 to");
    refused_at(&format!("[[checks]]\n{some}"), "min = 1", "min = 3", "`min` must not be greater");
    refused_at(&format!("[[checks]]\n{some}"), "min = 1\nmax = 2", "", "or else `equals`");
    refused_at(&format!("[[checks]]\n{some}"), "max = 2", "equals = \"SELECT 1\"", "or else `equals`");
    refused("column = \"lines\"", "column = \"Lines\"", "no column `Lines`");
    refused("column = \"lines\"", "column = \"day\"", "neither an integer nor a decimal");
    let found = faults("[[checks]]", "[[check]]");
    assert!(found.iter().any(|fault| fault.contains("unknown key `check`")), "{found:?}");
    let one = |n: usize| format!("[[checks]]\nname = \"c{n}\"\nkind = \"rows\"\nmin = 1\n");
    let many: Vec<_> = (0..13).map(one).collect();
    let found = parse("lines.toml", &format!("{VALID}{}", many.concat())).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, "a report has at most 16 checks");
}

#[test]
fn the_sql_of_checks_is_one_query_with_the_parameters_placeholders() {
    refused("WHERE $loud\"", "WHERE $quiet\"", "`$quiet` belongs to no parameter");
    refused("WHERE $loud\"", "; DROP TABLE x\"", "single statement");
    refused("\"SELECT count(*) FROM orders WHERE $loud\"", "\"\"", "`equals` must be one query");
    refused_at("SELECT sum(lines)", "SELECT sum(lines)", "COPY orders", "`equals` must be one query");
    refused("FROM orders\"\"\"", "FROM orders WHERE 'x\"\"\"", "never closed");
    refused_at("SELECT count(*) = 0", "FROM output WHERE", "FROM orders WHERE", "the table `output`");
    refused("FROM output WHERE \"Amount\" < 0'", "FROM output WHERE ?'", "not `?`");
    let renamed = VALID.replace("countries", "output");
    let found = parse("lines.toml", &renamed).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(found[0].reason.contains("no dataset may be called `output`"), "{found:?}");
    // A dataset may be there for a control alone.
    let control =
        VALID.replace("JOIN \"countries\" USING (code)", "").replace("FROM orders WHERE $loud", "FROM countries");
    assert!(parse("lines.toml", &control).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in "(?s).*") {
        let _ = parse("lines.toml", &text);
    }

    #[test]
    fn arbitrary_sql_does_not_panic(sql in "(?s)[a-z$?;'\"/*\\-\n é]*") {
        let _ = parse("lines.toml", &VALID.replace("SELECT day", &format!("SELECT {sql}")));
    }

    /// A valid file with a piece cut out, doubled or replaced: no panic, and every fault is on a line of it.
    #[test]
    fn mutations_do_not_panic(at in 0..VALID.len(), length in 0..80_usize, with in "[a-z0-9=\\[\\]{}\"'.,$\n ]{0,8}") {
        let end = VALID.len().min(at + length);
        let text = format!("{}{with}{}", &VALID[..at], &VALID[end..]);
        for fault in parse("lines.toml", &text).err().unwrap_or_default() {
            prop_assert!((1..=text.lines().count() + 1).contains(&fault.line), "{}", fault);
        }
    }

    /// The same kinds of values under every key.
    #[test]
    fn other_types_do_not_panic(line in 0..100_usize, value in "(1|-1\\.5|true|\\[\\]|\\{\\}|\\[1\\]|2024-01-01|\"\"|nan)") {
        let replaced: Vec<_> = VALID.lines().enumerate().map(|(number, text)| match text.split_once(" = ") {
            Some((key, _)) if number == line => format!("{key} = {value}"),
            _ => text.to_owned(),
        }).collect();
        let _ = parse("lines.toml", &replaced.join("\n"));
    }
}
