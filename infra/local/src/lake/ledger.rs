//! What happens on a tenant's wallets, in the order of time.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::columns::Columns;
use super::names::{MERCHANTS, NOTES, ORGANISATIONS, WALLETS};
use super::random::Random;

/// Amounts are in 10^-8 of a unit: the digits of a bitcoin.
const UNIT: i64 = 100_000_000;
/// And of a cent.
const CENT: i64 = UNIT / 100;

/// One row of the report.
pub struct Movement<'a> {
    /// Milliseconds since 1970.
    pub at: i64,
    pub organisation_name: &'a str,
    pub organisation_id: i64,
    pub wallet_id: i64,
    pub wallet_name: Option<&'a str>,
    pub other_wallet_id: Option<i64>,
    pub transaction_type: &'static str,
    /// Negative where money leaves the wallet.
    pub amount: i64,
    pub description: Option<&'static str>,
    /// IPv4 address of whoever caused it.
    pub location: Option<u32>,
    pub external_transaction_id: Option<u64>,
    pub unit_type: Option<&'static str>,
    pub closing_balance: i64,
    pub unique_id: u128,
}

struct Wallet {
    id: i64,
    name: Option<&'static str>,
    organisation: usize,
    currency: usize,
    /// The address that its owner mostly uses.
    home: u32,
    balance: i64,
}

struct Currency {
    unit_type: Option<&'static str>,
    /// Least difference of two amounts.
    step: i64,
    /// Deposits are up to this many steps.
    deposit: u64,
}

/// The last are loyalty points, which have no unit.
const CURRENCIES: [Currency; 4] = [
    Currency { unit_type: Some("ZAR"), step: CENT, deposit: 2_000_000 },
    Currency { unit_type: Some("USD"), step: CENT, deposit: 120_000 },
    Currency { unit_type: Some("BTC"), step: 1, deposit: 5_000_000 },
    Currency { unit_type: None, step: UNIT, deposit: 5_000 },
];

/// The slots of one month that rows still have to fill.
pub struct Month {
    start: i64,
    length: i64,
    rows: u64,
    used: u64,
}

impl Month {
    /// `month` is its first day; times are spread over it evenly.
    pub fn new(month: Date, rows: u64) -> Self {
        let length = i64::from(month.days_in_month()) * 24 * 60 * 60 * 1000;
        let start = month.to_zoned(TimeZone::UTC).map_or(0, |start| start.timestamp().as_millisecond());
        Self { start, length, rows, used: 0 }
    }

    /// Rows that the month still needs.
    pub fn rows_left(&self) -> u64 {
        self.rows - self.used
    }

    /// Time at which the slot of a row begins, in milliseconds since 1970.
    fn slot(&self, row: u64) -> i64 {
        let offset = i128::from(self.length) * i128::from(row) / i128::from(self.rows.max(1));
        self.start + i64::try_from(offset).unwrap_or(self.length)
    }

    /// A time for the next event: within its first slot, two milliseconds from its end.
    fn next_time(&self, random: &mut Random) -> i64 {
        let (begin, end) = (self.slot(self.used), self.slot(self.used + 1));
        let room = u64::try_from(end - begin - 2).unwrap_or_default().max(1);
        begin + i64::try_from(random.below(room)).unwrap_or_default()
    }
}

/// A tenant's wallets and what has become of them.
pub struct Ledger {
    random: Random,
    organisations: Vec<(i64, &'static str)>,
    /// Per currency, so that a transfer finds its other end.
    wallets: [Vec<Wallet>; CURRENCIES.len()],
    rows: u64,
}

/// Rows per wallet that a ledger aims at, and the bounds of the number of wallets.
const ROWS_PER_WALLET: u64 = 40;
const WALLETS_BOUNDS: (u64, u64) = (16, 50_000);

impl Ledger {
    /// The ledger of the tenant at `index`, sized for a number of rows to come.
    pub fn new(seed: u64, index: usize, rows: u64) -> Self {
        let tenant = u64::try_from(index).unwrap_or_default();
        let mut random = Random::new(seed, tenant);
        let first = i64::try_from(tenant + 1).unwrap_or_default();
        let organisations: Vec<_> = (0..ORGANISATIONS.len() / 2)
            .map(|number| ORGANISATIONS[(index + number * 2) % ORGANISATIONS.len()])
            .zip(first * 100 + 1..)
            .map(|(name, id)| (id, name))
            .collect();
        let mut wallets = [const { Vec::new() }; CURRENCIES.len()];
        let count = (rows / ROWS_PER_WALLET).clamp(WALLETS_BOUNDS.0, WALLETS_BOUNDS.1);
        for (id, number) in (first * 1_000_000 + 1..).zip(0..count) {
            // The first ones make sure of two of each currency.
            let currency = match number {
                0..8 => usize::try_from(number / 2).unwrap_or_default(),
                _ => random.pick(&[0, 0, 0, 0, 0, 0, 1, 1, 2, 3]),
            };
            wallets[currency].push(Wallet {
                id,
                name: random.chance(70).then(|| random.pick(&WALLETS)),
                organisation: random.index(organisations.len()),
                currency,
                home: u32::try_from(random.bits() >> 40).unwrap_or_default() | 0xc400_0000,
                balance: 0,
            });
        }
        Self { random, organisations, wallets, rows: 0 }
    }

    /// Lets one thing happen, in one to three rows, and never more than the month still needs.
    pub fn next_event(&mut self, month: &mut Month, columns: &mut Columns) {
        let at = month.next_time(&mut self.random);
        let currency = self.random.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]);
        let wallet = self.some_wallet(currency);
        let balance = self.wallets[currency][wallet].balance;
        let before = self.rows;
        // Whoever has little is paid first: no balance is ever negative.
        match self.random.below(100) {
            0..60 if balance > 100 * CURRENCIES[currency].step && month.rows_left() >= 3 => {
                self.transfer(at, currency, wallet, columns);
            }
            60..80 if balance > 0 => self.spend(at, currency, wallet, columns),
            _ => self.deposit(at, currency, wallet, columns),
        }
        month.used += self.rows - before;
    }

    /// Some wallets are used more than others.
    fn some_wallet(&mut self, currency: usize) -> usize {
        let count = self.wallets[currency].len();
        self.random.index(count).min(self.random.index(count))
    }

    fn deposit(&mut self, at: i64, currency: usize, wallet: usize, columns: &mut Columns) {
        let kind = &CURRENCIES[currency];
        let steps = 1 + self.random.below(kind.deposit).min(self.random.below(kind.deposit));
        let amount = i64::try_from(steps).unwrap_or_default() * kind.step;
        let reference = self.random.below(10_000_000_000);
        let movement = Event { kind: "dep.credit", reference: Some(reference), ..Event::at(at) };
        self.record(currency, wallet, amount, &movement, columns);
    }

    fn spend(&mut self, at: i64, currency: usize, wallet: usize, columns: &mut Columns) {
        let amount = self.part_of_balance(currency, wallet);
        let event = if self.random.chance(50) {
            let merchant = self.random.pick(&MERCHANTS);
            let reference = self.random.below(10_000_000_000);
            Event { kind: "pur.debit", note: Some(merchant), reference: Some(reference), ..Event::at(at) }
        } else {
            Event { kind: "wdl.debit", ..Event::at(at) }
        };
        self.record(currency, wallet, -amount, &Event { located: true, ..event }, columns);
    }

    /// Both legs, at the same time on two wallets, and for every fourth a fee right after.
    fn transfer(&mut self, at: i64, currency: usize, from: usize, columns: &mut Columns) {
        let to = (from + 1 + self.random.index(self.wallets[currency].len() - 1)) % self.wallets[currency].len();
        let amount = self.part_of_balance(currency, from);
        let note = self.random.chance(60).then(|| self.random.pick(&NOTES));
        let other = |ledger: &Self, index: usize| Some(ledger.wallets[currency][index].id);
        let debit = Event { kind: "tfr.debit", note, located: true, other: other(self, to), ..Event::at(at) };
        let credit = Event { kind: "tfr.credit", note, other: other(self, from), ..Event::at(at) };
        self.record(currency, from, -amount, &debit, columns);
        self.record(currency, to, amount, &credit, columns);
        let fee = (amount / 100 / CURRENCIES[currency].step).max(1) * CURRENCIES[currency].step;
        if self.random.chance(25) && self.wallets[currency][from].balance >= fee {
            let charge = Event { kind: "fee.debit", note: Some("Transfer fee"), ..Event::at(at + 1) };
            self.record(currency, from, -fee, &charge, columns);
        }
    }

    /// From one step to about half of what is there.
    fn part_of_balance(&mut self, currency: usize, wallet: usize) -> i64 {
        let step = CURRENCIES[currency].step;
        let half = u64::try_from(self.wallets[currency][wallet].balance / step / 2).unwrap_or_default();
        (1 + i64::try_from(self.random.below(half.max(1))).unwrap_or_default()) * step
    }

    fn record(&mut self, currency: usize, wallet: usize, amount: i64, event: &Event, columns: &mut Columns) {
        let unique_id = unique_id(self.random.bits(), self.rows);
        self.rows += 1;
        let roams = event.located && self.random.chance(10);
        let away = u32::try_from(self.random.bits() >> 40).unwrap_or_default() | 0x2900_0000;
        let wallet = &mut self.wallets[currency][wallet];
        wallet.balance += amount;
        let (organisation_id, organisation_name) = self.organisations[wallet.organisation];
        columns.push(&Movement {
            at: event.at,
            organisation_name,
            organisation_id,
            wallet_id: wallet.id,
            wallet_name: wallet.name,
            other_wallet_id: event.other,
            transaction_type: event.kind,
            amount,
            description: event.note,
            location: event.located.then_some(if roams { away } else { wallet.home }),
            external_transaction_id: event.reference,
            unit_type: CURRENCIES[wallet.currency].unit_type,
            closing_balance: wallet.balance,
            unique_id,
        });
    }
}

/// What the rows of one event share.
struct Event {
    at: i64,
    kind: &'static str,
    note: Option<&'static str>,
    located: bool,
    reference: Option<u64>,
    other: Option<i64>,
}

impl Event {
    fn at(at: i64) -> Self {
        Self { at, kind: "", note: None, located: false, reference: None, other: None }
    }
}

/// A UUID of version 8. Its last 62 bits are a permutation of the row's number, so that no two rows of a tenant share
/// one; the others keep tenants apart.
fn unique_id(random: u64, row: u64) -> u128 {
    let high = (random & !0xf000) | 0x8000;
    let low = (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> 2)) | 1 << 63;
    u128::from(high) << 64 | u128::from(low)
}
