//! Links: followed by whoever has one; made, listed and revoked by the tenant, who also sees who used them.

mod accesses;
mod contract;
mod describe;
mod follow;
mod make;
mod revoke;
mod wish;

use waybill::aws::table::{RawRow, Row};

pub use self::{
    accesses::accesses,
    contract::{components, operations},
    describe::list,
    follow::{Client, follow, open, redirect},
    make::make,
    revoke::revoke,
};

/// What the sort keys of a request's links begin with, and those of their uses.
const LINKS: &str = "LNK#";
const USES: &str = "USE#";

/// Rows of one kind. One that this release cannot read must not hide the others.
fn read<T: Row>(rows: Vec<RawRow>) -> Vec<T> {
    let rows = rows.into_iter().map(RawRow::read::<T>);
    rows.filter_map(|row| row.inspect_err(|error| tracing::error!(%error, "row left out")).ok())
        .map(|stored| stored.row)
        .collect()
}
