//! Patterns of numbers and of points in time, parsed once per report.

mod excel;
mod number;
mod time;

pub use self::{
    number::{NumberPattern, Separators},
    time::{Item, Moment, TimePattern, write_offset},
};

/// Characters that a pattern may have.
pub const MAX_PATTERN_LENGTH: usize = 64;

#[cfg(test)]
mod tests;
