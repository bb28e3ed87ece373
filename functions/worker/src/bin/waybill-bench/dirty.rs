//! Rows that are hard to write as CSV: nulls in every column, quotes, delimiters and lines in texts, timestamps, wide
//! decimals. The same ones every time.

use std::sync::Arc;

use datafusion::arrow::{
    array::{
        ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampMillisecondArray,
    },
    error::ArrowError,
};

/// Texts as people write them; every other one needs quotes.
const TEXTS: [&str; 10] = [
    "Caneca de porcelana",
    "Parafuso 3/4\", sextavado",
    "Rua das Flores, 120, apto 31",
    "entrega combinada",
    "Disse: \"só depois das 18h\", e desligou",
    "primeira linha\nsegunda linha, com vírgula",
    "São José dos Campos",
    "\"\"",
    "ok",
    "Mesa 1,20 m x 0,80 m em madeira de demolição, com duas gavetas e puxadores \"antigos\", montada no local",
];

/// So many rows, in batches of that size.
pub fn batches(rows: usize, size: usize) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    (0..rows).step_by(size).map(|first| batch(size.min(rows - first), &mut random)).collect()
}

fn batch(rows: usize, random: &mut Random) -> Result<RecordBatch, ArrowError> {
    let integers = |random: &mut Random| (0..rows).map(|_| random.often(random_value)).collect::<Int64Array>();
    let decimals = |random: &mut Random| {
        let values = (0..rows).map(|_| random.often(|random| i128::from(random_value(random)) * 1_000_000_007));
        values.collect::<Decimal128Array>().with_precision_and_scale(38, 10)
    };
    // Of which Arrow's encoder writes three digits: never a whole second.
    let millis = |random: &mut Random| {
        random.often(|random| 1_700_000_000_000 + random.below(31_536_000) * 1_000 + 1 + random.below(999))
    };
    let times = |random: &mut Random| (0..rows).map(|_| millis(random)).collect::<TimestampMillisecondArray>();
    let text =
        |random: &mut Random| random.often(|random| TEXTS[usize::try_from(random.below(10)).unwrap_or_default()]);
    let columns: [(&str, ArrayRef); 8] = [
        ("id", Arc::new(Int64Array::from_iter_values((0..rows).map(|_| random_value(random))))),
        ("count", Arc::new(integers(random))),
        ("amount", Arc::new(decimals(random)?)),
        ("balance", Arc::new(decimals(random)?)),
        ("created_at", Arc::new(times(random))),
        ("settled_at", Arc::new(times(random))),
        ("description", Arc::new((0..rows).map(|_| text(random)).collect::<StringViewArray>())),
        ("notes", Arc::new((0..rows).map(|_| text(random)).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns)
}

fn random_value(random: &mut Random) -> i64 {
    let digits = u32::try_from(random.below(15)).unwrap_or_default();
    random.below(10_u64.pow(digits + 1)) - 5
}

/// Marsaglia's xorshift: no chance, only variety.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % bound).unwrap_or_default()
    }

    /// Three times out of four.
    fn often<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(4) > 0).then(|| make(self))
    }
}
