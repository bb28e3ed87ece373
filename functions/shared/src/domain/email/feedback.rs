//! What the mail service tells of a mail after it has taken it.

/// Tag of a mail: whose it is.
pub const TAG_TENANT: &str = "waybill-tenant";

/// Tag of a mail: of which request.
pub const TAG_REQUEST: &str = "waybill-request";

/// Tag of a mail: of which delivery.
pub const TAG_DELIVERY: &str = "waybill-delivery";
