use super::*;

fn read_jira(jira: &Value) -> (Option<WantedJira>, Vec<(String, &'static str)>) {
    let faults = Faults::default();
    let body = json!({ "jira": jira });
    let wanted = Fields::of(&body, "", &["jira"], &faults).and_then(|fields| read(&fields, &faults));
    (wanted, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

fn good(jira: &Value) -> WantedJira {
    let (wanted, faults) = read_jira(jira);
    assert_eq!(faults, [], "{jira}");
    wanted.unwrap()
}

fn site() -> Value {
    json!({ "base_url": "https://acme.atlassian.net/", "email": "bot@acme.example", "token": "hush" })
}

#[test]
fn a_project_is_enough() {
    let settings = good(&json!({ "project": "OPS" })).recorded(None, None);
    assert_eq!((settings.project.as_str(), settings.issue_type.as_str()), ("OPS", "Task"));
    assert_eq!((settings.password, settings.on_failure, settings.site), (PasswordRule::Told, true, None));
    assert!(read_jira(&Value::Null).0.is_none(), "none is none");
}

#[test]
fn what_is_shown_can_be_put_back() {
    let before = good(&json!({
        "site": site(), "project": "OPS", "comment_projects": ["SUP", "A1"], "issue_type": "Bug", "assignee": "x",
        "parent": "OPS-1", "labels": ["a", "b"], "summary": "{{data.reportId}}", "description": "a\n\n{{data.reportUrl}}",
        "failure": { "summary": "f" }, "password": "withheld", "on_failure": false,
    }))
    .recorded(Some("k1.x".to_owned()), None);
    assert_eq!(before.site.as_ref().unwrap().base_url, "https://acme.atlassian.net", "without its final slash");
    let shown = describe(&before);
    assert!(!shown.to_string().contains("k1.x") && shown["site"]["token_set"] == true, "{shown}");
    let again = good(&shown);
    assert!(again.sent().is_none());
    assert_eq!(again.recorded(None, Some(&before)), before);
}

#[test]
fn a_token_stays_where_it_was_sent_for() {
    let before = good(&json!({ "site": site(), "project": "OPS" })).recorded(Some("k1.x".to_owned()), None);
    let mut moved = describe(&before);
    for (name, value) in [
        ("base_url", json!("https://evil.example")),
        ("email", json!("eve@acme.example")),
        ("kind", json!("datacenter")),
    ] {
        let known = moved["site"][name].clone();
        moved["site"][name] = value;
        let wanted = good(&moved);
        assert_eq!(kept(wanted.settings.site.as_ref().unwrap(), Some(&before)), None, "{name}");
        assert_eq!(wanted.recorded(None, Some(&before)).site, None, "nothing of it is recorded");
        moved["site"][name] = known;
    }
    let renewed = good(&json!({ "site": site(), "project": "OPS" }));
    assert_eq!(renewed.sent().unwrap().expose(), "hush");
    let renewed = renewed.recorded(Some("k1.y".to_owned()), Some(&before));
    assert_eq!(renewed.site.unwrap().token_sealed, "k1.y");
}

#[test]
fn every_fault_is_found_at_once() {
    let jira = json!({
        "site": { "base_url": 7, "kind": "server", "token": "a b", "user": "x" }, "project": "ops",
        "comment_projects": ["SUP", "x y", 7], "issue_type": "", "assignee": 1, "parent": "OPS", "labels": ["a b", ""],
        "summary": "{{nothing}}", "description": " ", "failure": { "description": "{{data.rows" }, "password": "shouted",
        "on_failure": "yes", "base_url": "https://x",
    });
    let (wanted, found) = read_jira(&jira);
    let expected = [
        ("/jira/base_url", "unknown"),
        ("/jira/site/user", "unknown"),
        ("/jira/site/kind", "not_allowed"),
        ("/jira/site/email", "missing"),
        ("/jira/site/token", "format"),
        ("/jira/site/base_url", "type"),
        ("/jira/project", "format"),
        ("/jira/comment_projects/1", "format"),
        ("/jira/comment_projects/2", "format"),
        ("/jira/issue_type", "out_of_range"),
        ("/jira/assignee", "type"),
        ("/jira/parent", "format"),
        ("/jira/labels/0", "format"),
        ("/jira/labels/1", "format"),
        ("/jira/summary", "template"),
        ("/jira/description", "template"),
        ("/jira/failure/description", "template"),
        ("/jira/password", "not_allowed"),
        ("/jira/on_failure", "type"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    assert!(wanted.is_none());
    assert_eq!(read_jira(&json!({})).1, [("/jira/project".to_owned(), "missing")]);
    let center =
        json!({ "site": { "base_url": "https://jira.acme.example/jira", "kind": "datacenter" }, "project": "OPS" });
    assert_eq!(good(&center).recorded(None, None).site, None, "without a token there is no site");
}

#[test]
fn a_site_is_the_tenants_or_the_stacks_and_is_judged_by_the_guard() {
    let guard = Guard::new(waybill::guard::Policy::default()).unwrap();
    let faults = |jira: &Value, stack_has_one| {
        let found = good(jira).faults(&guard, stack_has_one, None);
        found.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>()
    };
    let missing = |pointer: &str| vec![(pointer.to_owned(), "missing")];
    assert_eq!(faults(&json!({ "project": "OPS" }), true), []);
    assert_eq!(faults(&json!({ "project": "OPS" }), false), missing("/jira/site"));
    assert_eq!(faults(&json!({ "project": "OPS", "site": site() }), false), []);
    let at = |base_url: &str| {
        let mut site = site();
        site["base_url"] = json!(base_url);
        json!({ "project": "OPS", "site": site })
    };
    for (base_url, code) in [
        ("http://acme.example", "url_refused"),
        ("https://10.0.0.1", "url_refused"),
        ("https://acme.example:8443", "url_refused"),
        ("https://u:p@acme.example", "url_refused"),
        ("https://acme.example/?a=1", "format"),
    ] {
        assert_eq!(faults(&at(base_url), true), [("/jira/site/base_url".to_owned(), code)], "{base_url}");
    }
    let mut tokenless = at("https://acme.example");
    tokenless["site"]["token"] = Value::Null;
    assert_eq!(faults(&tokenless, true), missing("/jira/site/token"));
}
