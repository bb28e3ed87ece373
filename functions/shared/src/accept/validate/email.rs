//! Whether mails may go where they are asked for.

use crate::{
    accept::Fault,
    domain::{email::Address, tenant::Tenant},
};

/// `on`: whether the operator has given a sender's address.
pub fn check(on: bool, tenant: &Tenant, to: &[String]) -> Vec<Fault> {
    if !on {
        let detail = "The operator has not set up mail (the deployment's `EmailFrom`); ask for another delivery.";
        return vec![Fault::new("/delivery/email", "channel_off", detail)];
    }
    let refused = to.iter().enumerate().filter_map(|(index, text)| {
        let address = Address::parse(text).ok().filter(|address| !tenant.email.allows(address))?;
        let detail = format!("The tenant's settings (`email.allowed_domains`) do not allow {}.", address.domain());
        Some(Fault::new(format!("/delivery/email/to/{index}"), "domain_not_allowed", detail))
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{email::EmailSettings, outcome::Packaging, tenant::recipient_keys::tests::tenant};

    fn codes(on: bool, allowed: Option<&[&str]>, to: &[&str]) -> Vec<(String, &'static str)> {
        let allowed_domains = allowed.map(|domains| domains.iter().map(|domain| (*domain).to_owned()).collect());
        let tenant =
            Tenant { email: EmailSettings { allowed_domains, ..EmailSettings::default() }, ..tenant(Packaging::Plain) };
        let to: Vec<String> = to.iter().map(|text| (*text).to_owned()).collect();
        check(on, &tenant, &to).into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn every_address_outside_the_list_is_named() {
        let to = ["a@b.example", "a@c.example", "d@b.example"];
        assert!(codes(true, None, &to).is_empty());
        assert_eq!(codes(true, Some(&["b.example"]), &to), [("/delivery/email/to/1".into(), "domain_not_allowed")]);
        assert_eq!(codes(false, None, &to), [("/delivery/email".into(), "channel_off")]);
    }
}
