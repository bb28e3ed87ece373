use proptest::prelude::*;

use super::*;

fn rendered(text: &str, escaping: Escaping) -> String {
    Template::parse(text, escaping).unwrap().render(values::sample()).unwrap()
}

/// Where and with which code each fault is found.
fn faults(text: &str) -> Vec<(usize, usize, &'static str)> {
    let faults = Template::parse(text, Escaping::Html).unwrap_err();
    faults.into_iter().map(|fault| (fault.line, fault.column, fault.code)).collect()
}

#[test]
fn eclipses_names_are_filled_in() {
    let text = "{{data.reportId}}|{{ data.password }}|{{data.linkExpiryDays}}\n{{data.reportUrl}}";
    let expected = "monthly_sales|K7m-Q2x\"<&4|3\nhttps://reports.example.com/v1/links/sample?a=1&b=2";
    assert_eq!(rendered(text, Escaping::Plain), expected);
}

#[test]
fn the_part_decides_how_a_value_is_written_and_not_the_tag() {
    for tag in ["{{data.password}}", "{{{data.password}}}", "{{&data.password}}", "{{{ data.password }}}"] {
        assert_eq!(rendered(tag, Escaping::Html), "K7m-Q2x&quot;&lt;&amp;4", "{tag}");
        assert_eq!(rendered(tag, Escaping::Plain), "K7m-Q2x\"<&4", "{tag}");
    }
}

#[test]
fn sections_say_what_there_is() {
    let text = "{{#data.password}}has {{data.password}}{{/data.password}}{{^data.failureCode}} no failure{{/data.failureCode}}";
    assert_eq!(rendered(text, Escaping::Plain), "has K7m-Q2x\"<&4 no failure");
    assert_eq!(
        rendered("{{#data}}{{reportId}} {{data.reportId}}{{/data}}", Escaping::Plain),
        "monthly_sales monthly_sales"
    );
    assert_eq!(rendered("a{{! nothing }}b", Escaping::Plain), "ab");
    assert_eq!(rendered("a\n{{! não é nada {{data }}\nb", Escaping::Html), "a\nb", "a line of its own leaves none");
    assert_eq!(rendered("a\n{{#data.password}}\nb\n{{/data.password}}\nc", Escaping::Plain), "a\nb\nc");
    assert_eq!(rendered("{ \"a\": {} } }}", Escaping::Plain), "{ \"a\": {} } }}", "single braces are text");
}

#[test]
fn faults_are_named_with_their_place() {
    assert_eq!(faults("é {{data.nothing}}\n {{name}}"), [(1, 3, "unknown_variable"), (2, 2, "unknown_variable")]);
    assert_eq!(faults("{{reportId}}"), [(1, 1, "unknown_variable")], "only within {{{{#data}}}}");
    assert_eq!(faults("\n{{data.reportId"), [(2, 1, "syntax")]);
    assert_eq!(faults("{{{data.reportId}}"), [(1, 1, "syntax")]);
    assert_eq!(faults("{{}}"), [(1, 1, "syntax")]);
    assert_eq!(faults("{{.}}"), [(1, 1, "syntax")]);
    assert_eq!(faults("{{data..reportId}}"), [(1, 1, "syntax")]);
    assert_eq!(faults("a {{#data.password}} b"), [(1, 3, "syntax")]);
    assert_eq!(faults("{{/data}}"), [(1, 1, "syntax")]);
    assert_eq!(faults("{{#data}}{{#data.rows}}{{/data}}{{/data.rows}}"), [(1, 24, "syntax")]);
    for unsupported in ["{{> header}}", "{{< parent}}", "{{$ block}}", "{{=<% %>=}}"] {
        assert_eq!(faults(unsupported), [(1, 1, "unsupported")]);
    }
    assert_eq!(faults(&"x".repeat(MAX_TEMPLATE + 1)), [(1, 1, "too_large")]);
    let deep = "{{#data}}".repeat(17) + &"{{/data}}".repeat(17);
    assert_eq!(faults(&deep), [(1, 145, "too_deep")]);
}

#[test]
fn what_a_template_makes_is_bounded() {
    let template = Template("{{data.reportUrl}}".repeat(3000));
    let long = values::Values { report_url: Some("x".repeat(1000)), ..values::Values::default() };
    assert_eq!(template.render(long.data()), Err(RenderError::TooLarge));
}

proptest! {
    /// Whatever an operator uploads, nothing panics, and what is accepted can be rendered.
    #[test]
    fn any_text_is_judged(text in r"([ -~é\n\r\t]|\{\{|\}\}|\{\{#data\}\}|\{\{/data\}\}|\{\{data\.rows\}\}|\{\{!|\{\{\{|\}\}\}){0,60}") {
        for escaping in [Escaping::Html, Escaping::Plain] {
            if let Ok(template) = Template::parse(&text, escaping) {
                prop_assert!(template.render(values::Values::default().data()).is_ok());
            }
        }
    }

    /// No value becomes markup.
    #[test]
    fn a_value_in_html_is_text(value: String) {
        let template = Template::parse("{{{data.reportId}}}", Escaping::Html).unwrap();
        let values = values::Values { report_id: value.clone(), ..values::Values::default() };
        let html = template.render(values.data()).unwrap();
        prop_assert!(!html.contains(['<', '>', '"']));
        let back = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        prop_assert_eq!(back, value);
    }
}
