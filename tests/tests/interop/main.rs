//! Every format in every package, opened by the programs of receivers and compared, cell by cell, with what Python
//! computes from the same rows. Needs no stack: the worker's data path runs over files in a folder.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod bench;
mod content;
mod data;
mod keys;
mod mail;
mod manifest;
mod matrix;
mod open;
mod packages;
mod styles;
mod tools;
