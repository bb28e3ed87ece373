//! Objects that arrived in S3: the operator's triggers say which reports come of them, and for whom.

mod arrival;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use waybill::{
    accept::{Accepted, Rejected, request_id_of_event},
    digest::sha256_hex,
    trigger::{ObjectTrigger, OncePer, Wanted},
};

use self::arrival::Arrival;
pub use self::arrival::{InvalidArrival, is_of_s3};
use crate::{
    app::App,
    envelope::tenant,
    error::Refused,
    kind::Taken,
    report::{self, Asking},
};

/// Reports that one message asks for at the same time.
const AT_ONCE: usize = 8;

/// Asks for every report that a trigger wants of these objects, whatever comes of the others.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let arrivals = arrival::parse(message)?;
    if arrivals.is_empty() {
        return Ok(Taken::Nothing);
    }
    let in_force = app.acceptor.config.triggers().await?;
    let triggers: Vec<&ObjectTrigger> = in_force.files.iter().flat_map(|file| &file.objects).collect();
    let mut asked = Vec::new();
    for arrival in &arrivals {
        for trigger in &triggers {
            match trigger.wanted(&arrival.bucket, &arrival.key) {
                None => {}
                Some(Err(unfit)) => asked.push(Err(Refused::Unfit(trigger.id.clone(), unfit))),
                Some(Ok(wanted)) => asked.extend(ask_all(app, arrival, trigger, &wanted).await),
            }
        }
    }
    // Any of them could have been for these objects.
    asked.extend(in_force.faulty.into_iter().map(|fault| Err(fault.into())));
    if asked.is_empty() {
        tracing::info!(objects = arrivals.len(), "no trigger is for these objects");
        return Ok(Taken::Nothing);
    }
    outcome(asked)
}

async fn ask_all(
    app: &App,
    arrival: &Arrival,
    trigger: &ObjectTrigger,
    wanted: &Wanted<'_>,
) -> Vec<Result<Taken, Refused>> {
    let asks = wanted.tenants.iter().map(async |id| {
        let asked = ask(app, arrival, trigger, wanted, id).await;
        if let Err(error) = &asked {
            error.log_faults(&trigger.id);
            tracing::warn!(trigger = trigger.id, tenant.id = id, %error, "report of a trigger not asked for");
        }
        asked
    });
    stream::iter(asks).buffer_unordered(AT_ONCE).collect().await
}

async fn ask(
    app: &App,
    arrival: &Arrival,
    trigger: &ObjectTrigger,
    wanted: &Wanted<'_>,
    tenant_id: &str,
) -> Result<Taken, Refused> {
    let tenant = tenant(app, tenant_id).await?;
    let occasion = occasion(arrival, trigger, wanted);
    let source = format!("s3 {} {tenant_id}", trigger.id);
    let asking = Asking {
        tenant: &tenant,
        by: &format!("trigger {}", trigger.id),
        id: request_id_of_event(&source, &arrival.identity(), arrival.at),
        key: &format!("trigger {occasion}"),
        body: &wanted.request,
    };
    match report::ask(app, &asking).await {
        // Or the trigger was changed in between: the object has its report.
        Ok(Accepted::Replayed { .. }) | Err(Refused::Rejected(Rejected::KeyReused)) => Ok(Taken::Again),
        Err(error) => Err(error),
        Ok(_) => Ok(Taken::New),
    }
}

/// What brings about one report: not when it was told of, so that it is the same by every way on which S3 tells it.
fn occasion(arrival: &Arrival, trigger: &ObjectTrigger, wanted: &Wanted<'_>) -> String {
    let what = match trigger.once_per {
        OncePer::Object => json!([trigger.id, "object", arrival.identity()]),
        OncePer::Partition => json!([trigger.id, "partition", arrival.bucket, wanted.partition, wanted.request]),
    };
    sha256_hex(what.to_string().as_bytes())
}

/// Of all that was asked: done only if nothing is left to do; what may yet succeed comes again first.
fn outcome(asked: Vec<Result<Taken, Refused>>) -> Result<Taken, Refused> {
    let of = asked.len();
    let (mut taken, mut errors) = (Vec::new(), Vec::new());
    for one in asked {
        match one {
            Ok(one) => taken.push(one),
            Err(error) => errors.push(error),
        }
    }
    let failed = errors.len();
    errors.sort_by_key(|error| !error.is_transient());
    match errors.into_iter().next() {
        Some(first) if of == 1 => Err(first),
        Some(first) => Err(Refused::Some { failed, of, first: Box::new(first) }),
        None if taken.contains(&Taken::New) => Ok(Taken::New),
        None => Ok(Taken::Again),
    }
}

#[cfg(test)]
mod tests {
    use waybill::aws::table::TableError;

    use super::*;

    #[test]
    fn a_message_is_done_once_all_of_it_is() {
        let tenant = || Err(Refused::Tenant("t".to_owned()));
        assert_eq!(outcome(vec![Ok(Taken::Again), Ok(Taken::New)]).unwrap(), Taken::New);
        assert_eq!(outcome(vec![Ok(Taken::Again), Ok(Taken::Again)]).unwrap(), Taken::Again);
        assert!(matches!(outcome(vec![tenant()]), Err(Refused::Tenant(_))));
        let mixed = outcome(vec![Ok(Taken::New), tenant(), Err(TableError::Conflict.into())]).unwrap_err();
        assert!(mixed.is_transient(), "{mixed}");
        assert_eq!(
            mixed.to_string(),
            format!("2 of 3 reports were not asked for, one because: {}", TableError::Conflict)
        );
    }
}
