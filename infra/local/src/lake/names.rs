//! Names and texts as they occur: with commas, quotes, accents, line ends, and beginnings that a spreadsheet
//! would take for a formula.

/// Organisations.
pub const ORGANISATIONS: [&str; 12] = [
    "Karoo Stores",
    "Café São Bento, Lda",
    "Thandi & Daughters",
    "Blue Crane Logistics (Pty) Ltd",
    "Müller Getränke GmbH",
    "Ubuntu Savings Club",
    "\"Quick\" Loans",
    "Nordlys Energi A/S",
    "Table Bay Ferries",
    "Ndlovu, Naidoo and Partners",
    "Savanna Mobile",
    "Cooperativa Agrícola do Vale",
];

/// Wallets that have a name.
pub const WALLETS: [&str; 12] = [
    "Main",
    "Savings",
    "Rent, water & power",
    "School fees",
    "Till 1",
    "Till 2",
    "Petty cash",
    "Ferien",
    "Emergência",
    "Stokvel \"Sunday\"",
    "Payroll",
    "Bitcoin",
];

/// What people write beside a payment.
pub const NOTES: [&str; 16] = [
    "Rent",
    "Groceries, weekly",
    "Thank you!",
    "Invoice 2024-117",
    "Lunch with \"the team\"",
    "Café",
    "School fees, term 2",
    "Airtime",
    "Electricity prepaid",
    "- 10% discount",
    "=refund",
    "Geburtstag Jürgen 🎂",
    "Two lines:\nsecond",
    "Salary",
    "Loan repayment 3/12",
    "Stokvel contribution",
];

/// What merchants write on a purchase.
pub const MERCHANTS: [&str; 8] = [
    "Karoo Stores #114",
    "FUEL STATION N2",
    "Pharmacy, Long Street",
    "Taxi",
    "Market stall 7",
    "Online: books",
    "Cinema \"Labia\"",
    "Hardware & Co",
];
