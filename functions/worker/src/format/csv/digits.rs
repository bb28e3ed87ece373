//! Numbers and dates as text of a fixed size, all digits at the same time.

use std::sync::LazyLock;

use super::super::cells::civil;

/// Numbers of more than eight digits begin here.
pub(super) const EIGHT: u64 = 100_000_000;

/// Those of more than sixteen.
pub(super) const SIXTEEN: u64 = EIGHT * EIGHT;

/// The digit zero, eight times.
pub(super) const ASCII: u64 = 0x3030_3030_3030_3030;

/// Four decimal digits of a number that has no more, each in a byte, the first one lowest: halves and quarters at the same
/// time.
#[inline]
pub(super) fn four(value: u32) -> u32 {
    let hundreds = (value.wrapping_mul(10_486) >> 20) & 0x7F;
    let twos = hundreds | (value.wrapping_sub(100 * hundreds) << 16);
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000F_000F;
    tens | (twos.wrapping_sub(10 * tens) << 8)
}

/// Eight of them, likewise.
#[inline]
pub(super) fn eight(value: u64) -> u64 {
    // infallible: of eight digits, both have four
    let half = |value| four(u32::try_from(value).unwrap_or_default());
    u64::from(half(value / 10_000)) | u64::from(half(value % 10_000)) << 32
}

/// Sixteen digits as text, and how many zeros they begin with.
#[inline]
pub(super) fn sixteen(value: u64) -> (u128, usize) {
    let (high, low) = (eight(value / EIGHT), eight(value % EIGHT));
    let zeros = if high == 0 { 8 + leading(low) } else { leading(high) };
    (u128::from(high | ASCII) | (u128::from(low | ASCII) << 64), zeros)
}

/// How many of eight digits are zero at the beginning.
#[inline]
pub(super) fn leading(digits: u64) -> usize {
    (digits.trailing_zeros() >> 3) as usize
}

/// Days whose dates are kept: a century from 1970 on.
const DAYS: usize = 36_525;

/// Their dates, by day, made when the first one is asked for; six bytes behind each count for nothing.
pub(super) static DATES: LazyLock<Vec<[u8; 16]>> =
    LazyLock::new(|| (0..).take(DAYS).map(|day| iso(day).unwrap_or_default()).collect());

/// `YYYY-MM-DD` and six bytes, where the year has four digits.
pub(super) fn iso(days: i64) -> Option<[u8; 16]> {
    let (year, month, day) = civil(days);
    let year = u64::try_from(year).ok().filter(|year| *year <= 9_999)?;
    let d = (eight(year * 10_000 + month * 100 + day) | ASCII).to_le_bytes();
    Some([d[0], d[1], d[2], d[3], b'-', d[4], d[5], b'-', d[6], d[7], 0, 0, 0, 0, 0, 0])
}
