//! A mail's texts, in the tenant's words and language.

use waybill::domain::{
    delivery::Delivery,
    email::{
        Content,
        mime::Rendered,
        notice::{self, Notice, Part},
        values::Values,
    },
    message::{Announcement, EventKind},
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
    let notice = notice(&delivery.announcement, content);
    let part = async |part: Part| {
        let template = app.config.mail_template(&email.tenant.id, email.tenant.email.language, (notice, part)).await?;
        Ok::<_, Retry>(template.render(values.clone().data())?)
    };
    let (subject, text, html) =
        Box::pin(futures::future::try_join3(part(Part::Subject), part(Part::Text), part(Part::Html))).await?;
    Ok(Rendered { subject: notice::subject_line(&subject), text, html })
}

const fn notice(event: &Announcement, content: Content) -> Notice {
    match (event.kind, content) {
        (EventKind::ReportFailed, _) => Notice::Failed,
        _ if event.empty_notice => Notice::Empty,
        (_, Content::Password) => Notice::Password,
        (_, Content::Whole | Content::Link) => Notice::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::event;

    #[test]
    fn every_mail_has_its_text() {
        let of = |kind, content| notice(&event(kind), content);
        assert_eq!(of(EventKind::ReportSucceeded, Content::Whole), Notice::Ready);
        assert_eq!(of(EventKind::ReportDivergent, Content::Link), Notice::Ready);
        assert_eq!(of(EventKind::ReportSucceeded, Content::Password), Notice::Password);
        assert_eq!(of(EventKind::ReportFailed, Content::Whole), Notice::Failed);
        let empty = Announcement { empty_notice: true, ..event(EventKind::ReportSucceeded) };
        assert_eq!(notice(&empty, Content::Link), Notice::Empty);
    }
}
