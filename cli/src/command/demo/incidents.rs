//! Compares what was made to go wrong with what the report says.

use datasets::Incident;
use reports::TuesdayReport;

/// Where a report names an incident.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Named<'r> {
    /// The root operation under which it stands, by service and span name.
    group: (&'r str, &'r str),
    /// Its place among the causes, from 1.
    rank: usize,
    /// How much of the difference between slow and typical traces it explains.
    share: Option<f64>,
}

/// Two lines per incident.
pub(super) fn lines(incidents: &[Incident], report: &TuesdayReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut found = 0;
    for (number, incident) in incidents.iter().enumerate() {
        lines.push(format!("  {}. {}", number + 1, incident.title));
        let operation = format!("{} {}", incident.service_name, incident.span_name);
        lines.push(match named(incident, report) {
            Some(Named { group: (service, span), rank, share }) => {
                found += 1;
                let share = share.map_or_else(String::new, |share| {
                    format!(", {:.0} % of the time lost", share * 100.0)
                });
                format!("     {service} {span}: cause {rank} is {operation}{share}")
            }
            None => format!("     not found: {operation} is no cause in the report"),
        });
    }
    lines.push(format!("  {found} of {} found.", incidents.len()));
    lines
}

/// The best place at which the report names the incident, under a root operation that it touched.
fn named<'r>(incident: &Incident, report: &'r TuesdayReport) -> Option<Named<'r>> {
    let reviews = report.reviews.iter().filter(|review| {
        let header = &review.header;
        incident.root_operations.iter().any(|(service, span)| {
            header.root_service_name == *service && header.root_span_name == *span
        })
    });
    let named = reviews.filter_map(|review| {
        let place = review.causes.iter().position(|cause| {
            cause.service_name == incident.service_name && cause.span_name == incident.span_name
        })?;
        Some(Named {
            group: (&review.header.root_service_name, &review.header.root_span_name),
            rank: place + 1,
            share: review.causes[place].share,
        })
    });
    named.min_by_key(|named| named.rank)
}
