//! A mail's texts, in the tenant's words and language.

use waybill::domain::{
    delivery::Delivery,
    email::{
        Content,
        mime::Rendered,
        notice::{self, Notice, Part},
        values::Values,
    },
    message::EventKind,
};

use super::Email;
use crate::app::{App, Retry};

/// Puts what there is to say into the templates that are in force for the tenant.
pub async fn render(
    app: &App,
    delivery: &Delivery,
    email: &Email,
    content: Content,
    values: Values,
) -> Result<Rendered, Retry> {
    let notice = notice(delivery.announcement.kind, content);
    let part = async |part: Part| {
        let template = app.config.mail_template(&email.tenant.id, email.tenant.email.language, (notice, part)).await?;
        Ok::<_, Retry>(template.render(values.clone().data())?)
    };
    let (subject, text, html) =
        Box::pin(futures::future::try_join3(part(Part::Subject), part(Part::Text), part(Part::Html))).await?;
    Ok(Rendered { subject: notice::subject_line(&subject), text, html })
}

const fn notice(kind: EventKind, content: Content) -> Notice {
    match (kind, content) {
        (EventKind::ReportFailed, _) => Notice::Failed,
        (_, Content::Password) => Notice::Password,
        (_, Content::Whole | Content::Link) => Notice::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_has_its_text() {
        assert_eq!(notice(EventKind::ReportSucceeded, Content::Whole), Notice::Ready);
        assert_eq!(notice(EventKind::ReportDivergent, Content::Link), Notice::Ready);
        assert_eq!(notice(EventKind::ReportSucceeded, Content::Password), Notice::Password);
        assert_eq!(notice(EventKind::ReportFailed, Content::Whole), Notice::Failed);
    }
}
