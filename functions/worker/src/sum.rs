//! Exact sums of integers and decimals.

use datafusion::arrow::{
    array::{Array, AsArray},
    compute::cast,
    datatypes::{DECIMAL256_MAX_PRECISION, DataType, Decimal256Type, DecimalType, i256},
    error::ArrowError,
};

/// The sum of what was added; none while it was nothing, or nulls only.
#[derive(Debug, Default)]
pub struct Sum {
    unscaled: Option<i256>,
    scale: i8,
}

impl Sum {
    /// Adds the values of an array of integers or decimals; every array of a sum has the same type. There is room for
    /// 10^38 values of 38 digits; beyond that, an [`ArithmeticOverflow`](ArrowError::ArithmeticOverflow).
    pub fn add(&mut self, array: &dyn Array) -> Result<(), ArrowError> {
        self.scale = scale(array.data_type());
        let wide = cast(array, &DataType::Decimal256(DECIMAL256_MAX_PRECISION, self.scale))?;
        for value in wide.as_primitive::<Decimal256Type>().iter().flatten() {
            let sum = self.unscaled.unwrap_or(i256::ZERO).checked_add(value);
            self.unscaled = Some(sum.ok_or_else(|| ArrowError::ArithmeticOverflow("of a sum".to_owned()))?);
        }
        Ok(())
    }

    /// It, with all digits of the column's scale.
    pub fn text(&self) -> Option<String> {
        self.unscaled.map(|sum| Decimal256Type::format_decimal(sum, DECIMAL256_MAX_PRECISION, self.scale))
    }

    /// As [`text`](Self::text), with zero for none.
    pub fn text_or_zero(&self) -> String {
        let sum = self.unscaled.unwrap_or(i256::ZERO);
        Decimal256Type::format_decimal(sum, DECIMAL256_MAX_PRECISION, self.scale)
    }
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        DataType::Dictionary(_, values) => scale(values),
        _ => 0,
    }
}
