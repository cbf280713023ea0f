//! Tests of `shop`.

use super::failures::Failure;
use super::incidents::INCIDENTS;
use super::roots::ROOTS;
use super::services::SERVICES;

#[test]
fn services_stand_where_their_name_says() {
    for (place, line) in SERVICES.iter().enumerate() {
        assert_eq!(line.service as usize, place, "{}", line.name);
        assert!(line.pods > 0, "{} has no pods", line.name);
    }
}

#[test]
fn roots_share_all_traces() {
    let sum: f64 = ROOTS.iter().map(|root| root.share).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
}

#[test]
fn incidents_name_roots_that_exist() {
    for incident in &INCIDENTS {
        for (service, name) in incident.roots {
            let known = ROOTS.iter().any(|root| {
                root.endpoint.service == *service && root.endpoint.api.span_name() == *name
            });
            assert!(known, "{}: no root {name}", incident.id);
        }
    }
}

#[test]
fn only_broken_callees_are_server_errors() {
    assert!(!Failure::Internal.is_callers_fault());
    assert!(Failure::NotFound.is_callers_fault());
    assert_eq!(Failure::SoldOut.http().0, 409);
}
