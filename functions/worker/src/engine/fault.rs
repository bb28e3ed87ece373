//! What an error of DataFusion or the object store means for the request.

use std::{error::Error, io};

use datafusion::{arrow::error::ArrowError, error::DataFusionError};
use waybill::domain::failure::{Failure, FailureCode};

use crate::ProduceError;

/// Classes an error where it arises. The caller's sentence names nothing internal; the log gets the error,
/// unless its text may quote what stands in a row.
pub(super) fn classify(error: DataFusionError) -> ProduceError {
    let (code, detail, retryable) = kind(&error);
    let cause = if may_quote_data(&error) { withheld(&error).into() } else { error.into() };
    ProduceError::Failed { failure: Failure::new(code, detail), retryable, cause: Some(cause) }
}

/// Whether computing or decoding a value failed: such errors like to name the value.
fn may_quote_data(error: &DataFusionError) -> bool {
    if find::<object_store::Error>(error).is_some() {
        return false;
    }
    match error.find_root() {
        DataFusionError::Execution(_) => true,
        DataFusionError::ArrowError(error, _) => !matches!(
            error.as_ref(),
            ArrowError::IoError(..)
                | ArrowError::ParquetError(_)
                | ArrowError::MemoryError(_)
                | ArrowError::SchemaError(_)
                | ArrowError::DivideByZero
        ),
        _ => false,
    }
}

/// The kind of the error, without its text.
fn withheld(error: &DataFusionError) -> String {
    let debug = match error.find_root() {
        DataFusionError::ArrowError(error, _) => format!("{error:?}"),
        other => format!("{other:?}"),
    };
    let kind: String = debug.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{kind}; its text is withheld, for it may quote data: run the query on the lake to see it")
}

type Kind = (FailureCode, &'static str, bool);

const UNREADABLE: Kind = (FailureCode::SourceError, "The report's data could not be read.", true);
const FORBIDDEN: Kind = (FailureCode::SourceError, "The report's data may not be read.", false);
const CORRUPT: Kind = (FailureCode::SourceError, "The report's data is damaged or not of the declared format.", false);
const BROKEN: Kind = (FailureCode::DefinitionInvalid, "The report's query does not fit its data.", false);
const UNCOMPUTABLE: Kind = (FailureCode::DefinitionInvalid, "The report's query fails on the data.", false);
const TOO_LARGE: Kind = (FailureCode::TooLarge, "The report needs more memory or disk than there is.", false);
const INTERNAL: Kind = (FailureCode::Internal, "The report could not be produced.", true);

fn kind(error: &DataFusionError) -> Kind {
    // What the store said decides, however deep it is wrapped: Parquet and Arrow carry it as a source.
    if let Some(store) = find::<object_store::Error>(error) {
        return store_kind(store);
    }
    match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Configuration(_) => BROKEN,
        DataFusionError::ResourcesExhausted(_) => TOO_LARGE,
        DataFusionError::ParquetError(_) => CORRUPT,
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::CsvError(_) | ArrowError::JsonError(_) | ArrowError::ParquetError(_) => CORRUPT,
            ArrowError::IoError(_, error) => io_kind(error),
            ArrowError::MemoryError(_) => TOO_LARGE,
            _ => UNCOMPUTABLE,
        },
        DataFusionError::Execution(_) => UNCOMPUTABLE,
        DataFusionError::IoError(error) => io_kind(error),
        _ => INTERNAL,
    }
}

fn store_kind(error: &object_store::Error) -> Kind {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => FORBIDDEN,
        // A file that is gone since it was listed is back, or no longer listed, at the next attempt.
        _ => UNREADABLE,
    }
}

fn io_kind(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory => TOO_LARGE,
        _ => INTERNAL,
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        let found = error.downcast_ref::<E>();
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::parquet::errors::ParquetError;

    use super::*;

    fn denied() -> object_store::Error {
        object_store::Error::PermissionDenied { path: "x".to_owned(), source: "no".into() }
    }

    fn throttled() -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: "SlowDown".into() }
    }

    #[test]
    fn the_log_never_gets_a_value() {
        let cast = ArrowError::CastError("Cannot cast string 'Alice' to value of Int64 type".to_owned());
        let error = DataFusionError::Context("ctx".into(), Box::new(DataFusionError::ArrowError(Box::new(cast), None)));
        let ProduceError::Failed { failure, cause, .. } = classify(error) else { panic!("stopped") };
        let text = format!("{failure:?} {:?} {}", cause, cause.as_ref().unwrap());
        assert!(text.contains("CastError") && !text.contains("Alice"), "{text}");
    }

    #[test]
    fn what_the_store_said_decides_however_deep() {
        let wrapped = [
            DataFusionError::ObjectStore(Box::new(throttled())),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(throttled())))),
            DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(throttled()))), None),
            DataFusionError::Shared(Arc::new(DataFusionError::Context(
                "c".to_owned(),
                Box::new(DataFusionError::External(Box::new(throttled()))),
            ))),
        ];
        for error in wrapped {
            assert_eq!(kind(&error), UNREADABLE, "{error:?}");
        }
        assert_eq!(kind(&DataFusionError::ObjectStore(Box::new(denied()))), FORBIDDEN);
    }

    #[test]
    fn the_rest_by_its_root() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let cases = [
            (DataFusionError::Plan("x".to_owned()), BROKEN),
            (DataFusionError::Plan("x".to_owned()).context("y"), BROKEN),
            (DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None), UNCOMPUTABLE),
            (DataFusionError::ParquetError(Box::new(ParquetError::EOF("x".to_owned()))), CORRUPT),
            (DataFusionError::ResourcesExhausted("x".to_owned()), TOO_LARGE),
            (DataFusionError::IoError(full), TOO_LARGE),
            (DataFusionError::Internal("x".to_owned()), INTERNAL),
        ];
        for (error, expected) in cases {
            assert_eq!(kind(&error), expected, "{error:?}");
        }
    }
}
