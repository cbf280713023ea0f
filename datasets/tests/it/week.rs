//! The default week, generated once for all tests, reduced to what they look at.

use std::collections::HashMap;
use std::sync::OnceLock;

use datasets::{Incident, Kind, Plan, Settings, Span, Value};

/// The default plan and its traces.
pub(crate) struct Week {
    pub(crate) plan: Plan,
    pub(crate) traces: Vec<Trace>,
}

/// All spans of a trace; the first is the root.
pub(crate) struct Trace {
    pub(crate) spans: Vec<Row>,
}

/// One span.
pub(crate) struct Row {
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_span_id: Option<[u8; 8]>,
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) version: String,
    pub(crate) region: String,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) is_error: bool,
    pub(crate) exceptions: usize,
    pub(crate) links: Vec<([u8; 16], [u8; 8])>,
    pub(crate) tier: Option<String>,
    pub(crate) query_text: Option<String>,
    pub(crate) status_code: Option<i64>,
    pub(crate) resend_count: Option<i64>,
    pub(crate) result_count: Option<i64>,
}

impl Row {
    pub(crate) fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    pub(crate) fn operation(&self) -> (&str, &'static str) {
        (&self.service, self.name)
    }
}

impl Trace {
    pub(crate) fn root(&self) -> &Row {
        &self.spans[0]
    }

    /// Whether an incident touches the trace, by what is written in its documentation.
    pub(crate) fn is_touched_by(&self, incident: &Incident) -> bool {
        let root = self.root();
        let attribute = |key| incident.attributes.iter().find(|(known, _)| *known == key);
        (incident.start_ns..incident.end_ns).contains(&root.start_ns)
            && attribute("app.customer_tier")
                .is_none_or(|tier| root.tier.as_deref() == Some(tier.1))
            && attribute("cloud.region").is_none_or(|region| root.region == region.1)
    }
}

/// The default week.
pub(crate) fn week() -> &'static Week {
    static WEEK: OnceLock<Week> = OnceLock::new();
    WEEK.get_or_init(|| {
        let plan = Plan::new(&Settings::default()).expect("the defaults are possible");
        let mut traces: HashMap<[u8; 16], Vec<Row>> = HashMap::new();
        for request in plan.requests() {
            for group in &request.resource_spans {
                for span in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
                    traces.entry(span.trace_id).or_default().push(row(&group.resource, span));
                }
            }
        }
        let mut traces: Vec<Trace> = traces.into_values().map(root_first).collect();
        traces.sort_by_key(|trace| (trace.root().start_ns, trace.root().span_id));
        Week { plan, traces }
    })
}

fn root_first(mut spans: Vec<Row>) -> Trace {
    spans.sort_by_key(|span| (span.parent_span_id.is_some(), span.start_ns));
    Trace { spans }
}

fn row(resource: &datasets::Resource, span: &Span) -> Row {
    let own = |key: &str| resource.text(key).expect("every resource has it").to_owned();
    let text = |key: &str| span.text(key).map(str::to_owned);
    let int = |key: &str| {
        let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
        let Value::Int(number) = found.value else { panic!("{key} is no integer") };
        Some(number)
    };
    Row {
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        service: resource.service_name().to_owned(),
        instance: own("service.instance.id"),
        version: own("service.version"),
        region: own("cloud.region"),
        name: span.name,
        kind: span.kind,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        is_error: span.error.is_some(),
        exceptions: span.events.iter().filter(|event| event.name == "exception").count(),
        links: span.links.iter().map(|link| (link.trace_id, link.span_id)).collect(),
        tier: text("app.customer_tier"),
        query_text: text("db.query.text"),
        status_code: int("http.response.status_code"),
        resend_count: int("http.request.resend_count"),
        result_count: int("app.result_count"),
    }
}
