//! The mails there are, and the texts of each: those of this program, until the operator or a tenant has others.

use super::{Escaping, Language, Template, TemplateFault};
use crate::domain::failure::FailureCode;

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A file is there to be fetched.
    Ready,
    /// What opens it.
    Password,
    /// There is no file.
    Failed,
    /// There is a file, but nothing in it.
    Empty,
}

impl Notice {
    /// Every mail.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Password, Self::Failed, Self::Empty];

    /// Its name: the first part of its templates' names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Password => "password",
            Self::Failed => "failed",
            Self::Empty => "empty",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.name() == name)
    }
}

/// A part of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// One line.
    Subject,
    /// For readers of plain text.
    Text,
    /// For all others.
    Html,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// Its name in previews.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    /// How values come into it.
    pub const fn escaping(self) -> Escaping {
        match self {
            Self::Subject | Self::Text => Escaping::Plain,
            Self::Html => Escaping::Html,
        }
    }

    /// The end of its templates' names.
    const fn extension(self) -> &'static str {
        match self {
            Self::Subject => "subject.mustache",
            Self::Text => "text.mustache",
            Self::Html => "html.mustache",
        }
    }
}

/// Where in the configuration bucket a template stands: the tenant's own, and the operator's for all.
pub fn keys(tenant: Option<&str>, language: Language, notice: Notice, part: Part) -> Vec<String> {
    let file = format!("templates/email/{}/{}.{}", language.name(), notice.name(), part.extension());
    tenant.map(|tenant| format!("tenants/{tenant}/{file}")).into_iter().chain([file.clone()]).collect()
}

/// This program's own text.
pub const fn builtin(language: Language, notice: Notice, part: Part) -> &'static str {
    match (language, notice, part) {
        (Language::English, Notice::Ready, Part::Subject) => include_str!("builtin/en/ready.subject.mustache"),
        (Language::English, Notice::Ready, Part::Text) => include_str!("builtin/en/ready.text.mustache"),
        (Language::English, Notice::Ready, Part::Html) => include_str!("builtin/en/ready.html.mustache"),
        (Language::English, Notice::Password, Part::Subject) => include_str!("builtin/en/password.subject.mustache"),
        (Language::English, Notice::Password, Part::Text) => include_str!("builtin/en/password.text.mustache"),
        (Language::English, Notice::Password, Part::Html) => include_str!("builtin/en/password.html.mustache"),
        (Language::English, Notice::Failed, Part::Subject) => include_str!("builtin/en/failed.subject.mustache"),
        (Language::English, Notice::Failed, Part::Text) => include_str!("builtin/en/failed.text.mustache"),
        (Language::English, Notice::Failed, Part::Html) => include_str!("builtin/en/failed.html.mustache"),
        (Language::English, Notice::Empty, Part::Subject) => include_str!("builtin/en/empty.subject.mustache"),
        (Language::English, Notice::Empty, Part::Text) => include_str!("builtin/en/empty.text.mustache"),
        (Language::English, Notice::Empty, Part::Html) => include_str!("builtin/en/empty.html.mustache"),
        (Language::Portuguese, Notice::Ready, Part::Subject) => include_str!("builtin/pt-BR/ready.subject.mustache"),
        (Language::Portuguese, Notice::Ready, Part::Text) => include_str!("builtin/pt-BR/ready.text.mustache"),
        (Language::Portuguese, Notice::Ready, Part::Html) => include_str!("builtin/pt-BR/ready.html.mustache"),
        (Language::Portuguese, Notice::Password, Part::Subject) => {
            include_str!("builtin/pt-BR/password.subject.mustache")
        }
        (Language::Portuguese, Notice::Password, Part::Text) => include_str!("builtin/pt-BR/password.text.mustache"),
        (Language::Portuguese, Notice::Password, Part::Html) => include_str!("builtin/pt-BR/password.html.mustache"),
        (Language::Portuguese, Notice::Failed, Part::Subject) => include_str!("builtin/pt-BR/failed.subject.mustache"),
        (Language::Portuguese, Notice::Failed, Part::Text) => include_str!("builtin/pt-BR/failed.text.mustache"),
        (Language::Portuguese, Notice::Failed, Part::Html) => include_str!("builtin/pt-BR/failed.html.mustache"),
        (Language::Portuguese, Notice::Empty, Part::Subject) => include_str!("builtin/pt-BR/empty.subject.mustache"),
        (Language::Portuguese, Notice::Empty, Part::Text) => include_str!("builtin/pt-BR/empty.text.mustache"),
        (Language::Portuguese, Notice::Empty, Part::Html) => include_str!("builtin/pt-BR/empty.html.mustache"),
    }
}

/// Judges a part's template.
pub fn parse(part: Part, text: &str) -> Result<Template, Vec<TemplateFault>> {
    Template::parse(text, part.escaping())
}

/// What to do about a failure, in the reader's language.
pub const fn advice(language: Language, code: FailureCode) -> &'static str {
    match (language, code) {
        (Language::English, _) => code.next_action(),
        (Language::Portuguese, FailureCode::ParameterInvalid) => "Corrija o parâmetro e solicite o relatório de novo.",
        (Language::Portuguese, FailureCode::DefinitionInvalid) => {
            "Avise o operador: a definição do relatório precisa ser corrigida."
        }
        (Language::Portuguese, FailureCode::SourceError) => {
            "Solicite o relatório de novo mais tarde; se falhar outra vez, avise o operador."
        }
        (Language::Portuguese, FailureCode::TimedOut) => {
            "Reduza o período ou acrescente um filtro, e solicite o relatório de novo."
        }
        (Language::Portuguese, FailureCode::TooLarge) => {
            "Siga o que diz o detalhe, ou reduza o período, e solicite o relatório de novo."
        }
        (Language::Portuguese, FailureCode::EncryptionKeyInvalid) => {
            "Peça o cadastro de uma chave de destinatário válida, e solicite o relatório de novo."
        }
        (Language::Portuguese, FailureCode::Internal) => {
            "Solicite o relatório de novo; se falhar outra vez, avise o operador."
        }
    }
}

/// A subject is one line, as its template may not be.
pub fn subject_line(text: &str) -> String {
    /// Longest subject, in characters.
    const MAX: usize = 200;
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::values::Values, *};

    #[test]
    fn every_builtin_text_can_be_rendered_and_says_what_it_is_for() {
        for language in Language::ALL {
            for notice in Notice::ALL {
                let values = match notice {
                    Notice::Failed => Values::failed_sample("Do this."),
                    Notice::Empty => Values::empty_sample(),
                    _ => Values::sample(),
                };
                for part in Part::ALL {
                    let name = format!("{}/{}.{}", language.name(), notice.name(), part.name());
                    let template = parse(part, builtin(language, notice, part));
                    let template = template.unwrap_or_else(|faults| panic!("{name}: {}", faults[0]));
                    let text = template.render(values.clone().data()).unwrap();
                    assert!(text.contains("monthly_sales"), "{name} names the report");
                    if part == Part::Subject {
                        assert_eq!(subject_line(&text), text.trim_end(), "{name} is one line");
                        assert!(!text.contains("K7m"), "{name}: a subject is shown everywhere");
                        continue;
                    }
                    let escaped = text.contains("K7m-Q2x&quot;&lt;&amp;4");
                    match (notice, part) {
                        (Notice::Failed, _) => {
                            assert!(text.contains("Do this.") && text.contains("900 seconds"), "{name}");
                        }
                        (Notice::Empty, _) => assert!(!text.contains("K7m") && !text.contains("12345"), "{name}"),
                        (_, Part::Html) => assert!(escaped, "{name}"),
                        _ => assert!(text.contains("K7m-Q2x\"<&4"), "{name}"),
                    }
                    assert_eq!(notice == Notice::Ready, text.contains("/v1/links/sample"), "{name}");
                }
            }
        }
    }

    #[test]
    fn builtin_texts_say_where_a_password_is_that_they_do_not_tell() {
        for language in Language::ALL {
            for part in [Part::Text, Part::Html] {
                let template = parse(part, builtin(language, Notice::Ready, part)).unwrap();
                let render = |values: Values| template.render(values.data()).unwrap();
                let without = Values { password: None, ..Values::sample() };
                let plain = render(without.clone());
                let follows = render(Values { password_follows: true, ..without.clone() });
                let kept = render(Values { password_kept: true, ..without });
                assert!(plain != follows && follows != kept && plain != kept);
                assert!(!plain.contains("K7m") && !follows.contains("K7m") && !kept.contains("K7m"));
            }
        }
    }

    #[test]
    fn subjects_are_one_line_whatever_is_in_them() {
        assert_eq!(subject_line("a\r\nBcc: b@c.example\n"), "a Bcc: b@c.example");
        assert_eq!(subject_line(" a\t\0 b "), "a b");
        assert_eq!(subject_line(&"é".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn a_tenants_own_template_comes_first() {
        let keys = keys(Some("acme"), Language::Portuguese, Notice::Ready, Part::Html);
        let expected =
            ["tenants/acme/templates/email/pt-BR/ready.html.mustache", "templates/email/pt-BR/ready.html.mustache"];
        assert_eq!(keys, expected);
        assert_eq!(super::keys(None, Language::English, Notice::Failed, Part::Subject).len(), 1);
    }
}
