//! How large a document may be, before it is parsed: the parser recurses with it, and would run out of stack.
//!
//! Only the number of tokens and the depth of brackets are looked at. Where this reader and the parser could disagree
//! about where a string ends, it counts more, not less.

use async_graphql::ServerError;
use http::StatusCode;

use crate::problem::Problem;

/// Most tokens: names, strings and punctuation, and the parts of numbers. The largest introspection in use has some 300.
const MAX_TOKENS: usize = 1000;

/// Deepest brackets of all kinds. Those of the largest introspection in use are 12.
const MAX_DEPTH: usize = 24;

/// Refuses a document that is too large, or too deep.
pub fn check_source(source: &str) -> Result<(), Problem> {
    let Size { tokens, depth } = size(source);
    if tokens > MAX_TOKENS {
        return Err(too_complex(format!("The document has more than {MAX_TOKENS} names, values and signs.")));
    }
    if depth > MAX_DEPTH {
        return Err(too_complex(format!("The document is nested more than {MAX_DEPTH} deep.")));
    }
    Ok(())
}

/// The document asks for too much.
pub fn too_complex(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "graphql_too_complex", detail)
}

/// The document is none. The parser's own words name its rules, which help nobody.
pub fn syntax(error: &ServerError) -> Problem {
    let place = error.locations.first().map(|at| format!(" at line {}, column {}", at.line, at.column));
    let detail = format!("The document is not GraphQL{}.", place.unwrap_or_default());
    Problem::new(StatusCode::BAD_REQUEST, "graphql_invalid", detail)
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Size {
    tokens: usize,
    depth: usize,
}

fn size(source: &str) -> Size {
    let (mut size, mut open) = (Size::default(), 0_usize);
    let mut rest = source.as_bytes();
    while let Some(first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => 1,
            b'#' => rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len()),
            _ => {
                size.tokens += 1;
                match first {
                    b'{' | b'(' | b'[' => open += 1,
                    b'}' | b')' | b']' => open = open.saturating_sub(1),
                    _ => {}
                }
                size.depth = size.depth.max(open);
                token(rest)
            }
        };
        rest = &rest[length.min(rest.len())..];
    }
    size
}

/// Length of the token that begins here, in bytes.
fn token(rest: &[u8]) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if rest.starts_with(b"...") {
        return 3;
    }
    if rest.starts_with(b"\"\"\"") {
        return block_string(rest);
    }
    match rest[0] {
        b'"' => string(rest),
        byte if is_word(&byte) => rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len()),
        _ => 1,
    }
}

/// To its end, or that of the line.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\r' | b'\n' => return at,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block_string(rest: &[u8]) -> usize {
    let mut at = 3;
    while at < rest.len() {
        let from = &rest[at..];
        if from.starts_with(b"\\\"\"\"") {
            at += 4;
        } else if from.starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use proptest::prelude::*;

    use super::*;

    fn sized(source: &str) -> (usize, usize) {
        let Size { tokens, depth } = size(source);
        (tokens, depth)
    }

    #[test]
    fn tokens_and_brackets_are_counted_where_they_are() {
        assert_eq!(sized("query Q($a: [Int!]) { b(c: {d: [1, -2.5e+3]}) ...f } # }}}"), (33, 4));
        assert_eq!(sized("{...a...b ... on C{d}}"), (12, 2), "spreads need no space between");
        assert_eq!(sized(r#"{ a(b: "{[(\"{", c: """ {{{ \""" [ """) }"#), (11, 2));
        assert_eq!(sized("# {{{\r{ a }"), (3, 1));
        assert_eq!(sized("\"not closed {\n{ a"), (3, 1), "a string ends with its line");
        assert_eq!(sized("\"\"\"never closed {"), (1, 0));
        assert_eq!(sized("}}}]]) é"), (8, 0));
        assert_eq!(sized(""), (0, 0));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_parsed() {
        let code = |source: &str| check_source(source).err().map(|problem| problem.code);
        assert_eq!(code(&format!("{{{}}}", "a ".repeat(MAX_TOKENS - 2))), None);
        assert_eq!(code(&format!("{{{}}}", "a ".repeat(MAX_TOKENS - 1))), Some("graphql_too_complex"));
        assert_eq!(code(&"{a".repeat(MAX_DEPTH)), None);
        // The parser would overflow its stack with these.
        for open in ["{a", "{a(b:[", "{a(b:{c:"] {
            assert_eq!(code(&open.repeat(10_000)), Some("graphql_too_complex"), "{open}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_sized_and_what_is_small_parses_or_not(source in "[{}\\[\\]()\"\\\\#\\n a$:!@.é]{0,200}") {
            if check_source(&source).is_ok() {
                let _ = parse_query(&source);
            }
        }

        /// Neither strings nor comments hide brackets from the count.
        #[test]
        fn brackets_that_the_parser_sees_are_counted(depth in 1_usize..20, noise in "[\"#\\\\ {}a]{0,20}") {
            let quoted = serde_json::to_string(&noise).unwrap();
            let source = format!("{}b(c: {quoted}){}", "{a".repeat(depth), "}".repeat(depth));
            let source = source.replacen("{ab", "{b", 1).replace("ab(", "b(");
            if parse_query(&source).is_ok() {
                prop_assert_eq!(size(&source).depth, depth + 1);
            }
        }
    }
}
