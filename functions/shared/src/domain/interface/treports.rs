//! A tenant's settings of TOTVS TReports, and what its interface numbers and names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    digest::sha256,
    domain::{
        failure::FailureCode,
        id::RequestId,
        outcome::{Format, Packaging},
        request::Status,
    },
};

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treports {
    /// Reports by the identifiers that the tenant's clients know them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reports: BTreeMap<Uuid, String>,
    /// Of status words and error messages.
    #[serde(default)]
    pub language: Language,
    /// What files are wrapped in; clients expect the bare file.
    #[serde(default = "plain")]
    pub packaging: Packaging,
    /// IANA name of the zone whose clock schedules go by, and on whose calendar the days of their runs are.
    #[serde(default = "sao_paulo")]
    pub time_zone: String,
    /// Whether `info` tells of a generation that has not ended, instead of answering with an empty body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub info_while_running: bool,
}

impl Default for Treports {
    fn default() -> Self {
        let language = Language::default();
        Self {
            reports: BTreeMap::new(),
            language,
            packaging: plain(),
            time_zone: sao_paulo(),
            info_while_running: false,
        }
    }
}

const fn plain() -> Packaging {
    Packaging::Plain
}

/// Where TReports is at home.
fn sao_paulo() -> String {
    "America/Sao_Paulo".to_owned()
}

/// Languages of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    /// Portuguese of Brazil, as TReports speaks unless set.
    #[default]
    #[serde(rename = "pt-BR")]
    PtBr,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::PtBr, Self::En];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PtBr => "pt-BR",
            Self::En => "en",
        }
    }

    /// The language of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }
}

/// Where an execution stands, in the words of TReports. `Stopped` (4) happens to nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionStatus {
    /// 0: it waits for a worker.
    Pending,
    /// 1: it is at work.
    Running,
    /// 2: it ended well.
    Finished,
    /// 3: it was called off.
    Canceled,
    /// 5: it ended in an error of its own.
    Error,
    /// 6: it ended with something to look at.
    Warning,
    /// 7: the service failed it.
    Failed,
    /// 8: its schedule is held before its first run.
    Disabled,
}

impl ExecutionStatus {
    /// Of a request, whose latest failure was `failure`. With `stop_on_error`, what its checks find is an error.
    pub const fn of(status: Status, failure: Option<FailureCode>, stop_on_error: bool) -> Self {
        match status {
            Status::Queued => Self::Pending,
            Status::Running => Self::Running,
            // That its file has gone since does not undo that it was made.
            Status::Succeeded | Status::Expired => Self::Finished,
            Status::Divergent if stop_on_error => Self::Error,
            Status::Divergent => Self::Warning,
            Status::Cancelled => Self::Canceled,
            Status::Failed => match failure {
                Some(FailureCode::Internal) | None => Self::Failed,
                Some(_) => Self::Error,
            },
        }
    }

    /// The word on the wire.
    pub const fn word(self, language: Language) -> &'static str {
        let (portuguese, english) = match self {
            Self::Pending => ("Pendente", "Pending"),
            Self::Running => ("Executando", "Running"),
            Self::Finished => ("Finalizado", "Finished"),
            Self::Canceled => ("Cancelado", "Canceled"),
            Self::Error => ("Erro", "Error"),
            Self::Warning => ("Aviso", "Warning"),
            Self::Failed => ("Falha", "Failed"),
            Self::Disabled => ("Desabilitado", "Disabled"),
        };
        match language {
            Language::PtBr => portuguese,
            Language::En => english,
        }
    }
}

/// Formats by their `exportFileType`, and those that TReports has and Waybill has not.
pub const EXPORT_FILE_TYPES: [(&str, Option<Format>); 11] = [
    ("PDF", Some(Format::Pdf)),
    ("NONE", None),
    ("CSV", Some(Format::Csv)),
    ("JPEG", None),
    ("HTML", Some(Format::Html)),
    ("XLSX", Some(Format::Xlsx)),
    ("MHT", None),
    ("RTF", None),
    ("TXT", Some(Format::Txt)),
    ("XLS", None),
    ("DOCX", None),
];

/// The `exportFileType` of a format, if it has one.
pub fn export_file_type(format: Format) -> Option<usize> {
    EXPORT_FILE_TYPES.iter().position(|(_, known)| *known == Some(format))
}

/// The identifier under which a report is offered where the tenant's settings give it none: always the same.
pub fn derived_uid(report: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("waybill/treports/{report}").as_bytes())
}

/// The whole number by which TReports' clients fetch a file, where a request has but a UUID: positive, of 31 bits. Two
/// requests may get the same; then the next `attempt` tells them apart.
pub fn number(request: RequestId, attempt: u8) -> u32 {
    let mut text = request.uuid().as_bytes().to_vec();
    text.push(attempt);
    let hash = sha256(&text);
    let bits = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1;
    bits.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults() {
        let settings: Treports = serde_json::from_str("{}").unwrap();
        assert_eq!((settings.language, settings.packaging), (Language::PtBr, Packaging::Plain));
        let shown = serde_json::to_value(Treports { packaging: Packaging::Zip, ..Treports::default() }).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({ "language": "pt-BR", "packaging": "zip", "time_zone": "America/Sao_Paulo" })
        );
    }

    #[test]
    fn every_status_has_its_word() {
        let of = |status, failure, stop| ExecutionStatus::of(status, failure, stop).word(Language::PtBr);
        assert_eq!(of(Status::Queued, None, true), "Pendente");
        assert_eq!(of(Status::Running, Some(FailureCode::Internal), true), "Executando");
        assert_eq!((of(Status::Succeeded, None, true), of(Status::Expired, None, true)), ("Finalizado", "Finalizado"));
        assert_eq!((of(Status::Divergent, None, true), of(Status::Divergent, None, false)), ("Erro", "Aviso"));
        assert_eq!(of(Status::Cancelled, None, true), "Cancelado");
        assert_eq!(of(Status::Failed, Some(FailureCode::TooLarge), true), "Erro");
        assert_eq!(of(Status::Failed, Some(FailureCode::Internal), true), "Falha");
        assert_eq!(ExecutionStatus::Finished.word(Language::En), "Finished");
    }

    #[test]
    fn file_types_have_the_numbers_of_treports() {
        let numbers = [Format::Pdf, Format::Csv, Format::Html, Format::Xlsx, Format::Txt].map(export_file_type);
        assert_eq!(numbers, [0, 2, 4, 5, 8].map(Some));
        assert_eq!(export_file_type(Format::Parquet), None);
    }

    #[test]
    fn numbers_are_stable_and_fit_a_signed_integer() {
        let request = RequestId::new(Uuid::from_u128(7));
        assert_eq!(number(request, 0), number(request, 0));
        assert_ne!(number(request, 0), number(request, 1));
        for bits in 0..1_000 {
            let number = number(RequestId::new(Uuid::from_u128(bits)), 0);
            assert!((1..=0x7fff_ffff).contains(&number), "{number}");
        }
    }

    #[test]
    fn identifiers_that_are_derived_stay() {
        assert_eq!(derived_uid("invoice_lines"), derived_uid("invoice_lines"));
        assert_ne!(derived_uid("invoice_lines"), derived_uid("invoice_line"));
    }
}
