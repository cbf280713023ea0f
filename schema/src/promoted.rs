//! Promoted columns: semantic-convention attributes as columns of their own.
//!
//! Each column lists the attribute names it is read from, current name first,
//! deprecated names after it in the order of preference (semantic conventions
//! 1.44, semantics.md section 10). What a list of names cannot say (value maps,
//! splitting a target into path and query, names whose meaning depends on the
//! span kind) is a [`Derivation`], applied when no listed name has a value.
//! The attribute maps stay untouched, so nothing is lost by promotion.

use Derivation::{
    ClientAddress, CodeFunction, DbSystem, ErrorType, Exception, HttpFlavor, RpcMethod, RpcStatus,
    ServerAddress, ServerPort, UrlPath, UrlQuery,
};
use Origin::{Resource, Span};
use PromotedType::{Int, Text};

/// Tells instances of one service apart; the trees need it.
pub const SERVICE_INSTANCE_ID: &str = "service_instance_id";

/// The SQL type of a promoted column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromotedType {
    /// `TEXT`.
    Text,
    /// `BIGINT`; numeric text is accepted, other text is left in the map only.
    Int,
}

/// Where the attributes of a promoted column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// On the resource.
    Resource,
    /// On the span.
    Span,
}

/// A value that a list of attribute names cannot describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivation {
    /// `http.target` before the first `?`, else the path of `url.full` or `http.url`.
    UrlPath,
    /// `http.target` after the first `?`, else the query of `url.full` or `http.url`.
    UrlQuery,
    /// SERVER: `net.host.name`; CLIENT, PRODUCER and CONSUMER: `net.peer.name`; then `http.server_name`.
    ServerAddress,
    /// SERVER: `net.host.port`; CLIENT, PRODUCER and CONSUMER: `net.peer.port`.
    ServerPort,
    /// `http.client_ip`; SERVER: `net.peer.name`, `net.sock.peer.addr`.
    ClientAddress,
    /// `http.flavor`, with `2.0` read as `2` and `3.0` as `3`.
    HttpFlavor,
    /// `db.system` through the value map of the database migration guide.
    DbSystem,
    /// `rpc.service` + `/` + `rpc.method` where the method is not fully qualified.
    RpcMethod,
    /// `rpc.grpc.status_code` as a status name, `rpc.connect_rpc.error_code`, `rpc.jsonrpc.error_code`.
    RpcStatus,
    /// Exception type of the last exception event, else the HTTP, RPC or database status of a failed span.
    ErrorType,
    /// The attribute of the last event named `exception`.
    Exception,
    /// `code.namespace` + `.` + `code.function`.
    CodeFunction,
}

impl Derivation {
    /// The span attributes that the rule reads, beside the names of its column.
    pub const fn sources(self) -> &'static [&'static str] {
        match self {
            UrlPath | UrlQuery => &["http.target", "url.full", "http.url"],
            ServerAddress => &["net.peer.name", "net.host.name", "http.server_name"],
            ServerPort => &["net.peer.port", "net.host.port"],
            ClientAddress => &["http.client_ip", "net.peer.name", "net.sock.peer.addr"],
            HttpFlavor => &["http.flavor"],
            DbSystem => &["db.system"],
            RpcMethod => &["rpc.method", "rpc.service"],
            RpcStatus => {
                &["rpc.grpc.status_code", "rpc.connect_rpc.error_code", "rpc.jsonrpc.error_code"]
            }
            CodeFunction => &["code.function", "code.namespace"],
            ErrorType | Exception => &[],
        }
    }
}

/// One promoted column.
#[derive(Debug, Clone, Copy)]
pub struct Promoted {
    /// The SQL name.
    pub name: &'static str,
    /// The SQL type.
    pub data_type: PromotedType,
    /// Where its attributes are.
    pub origin: Origin,
    /// Attribute names, preferred first. The first one is current, the others are deprecated.
    /// Empty if only the derivation can tell.
    pub keys: &'static [&'static str],
    /// What to do when no name has a value.
    pub derivation: Option<Derivation>,
}

const fn resource(name: &'static str, keys: &'static [&'static str]) -> Promoted {
    Promoted { name, data_type: Text, origin: Resource, keys, derivation: None }
}

const fn text(name: &'static str, keys: &'static [&'static str]) -> Promoted {
    Promoted { name, data_type: Text, origin: Span, keys, derivation: None }
}

const fn int(name: &'static str, keys: &'static [&'static str]) -> Promoted {
    Promoted { name, data_type: Int, origin: Span, keys, derivation: None }
}

const fn derived(column: Promoted, derivation: Derivation) -> Promoted {
    Promoted { derivation: Some(derivation), ..column }
}

/// Every promoted column, in the order of the stored table. Append only.
pub const PROMOTED: &[Promoted] = &[
    resource("service_namespace", &["service.namespace"]),
    resource("service_version", &["service.version"]),
    resource(SERVICE_INSTANCE_ID, &["service.instance.id"]),
    resource("service_criticality", &["service.criticality"]),
    resource("deployment_environment", &["deployment.environment.name", "deployment.environment"]),
    resource("host_name", &["host.name"]),
    resource("host_id", &["host.id"]),
    resource("k8s_cluster_name", &["k8s.cluster.name"]),
    resource("k8s_namespace_name", &["k8s.namespace.name"]),
    resource("k8s_deployment_name", &["k8s.deployment.name"]),
    resource("k8s_pod_name", &["k8s.pod.name"]),
    resource("k8s_pod_uid", &["k8s.pod.uid"]),
    resource("k8s_container_name", &["k8s.container.name"]),
    resource("k8s_node_name", &["k8s.node.name"]),
    resource("container_id", &["container.id"]),
    resource("cloud_provider", &["cloud.provider"]),
    resource("cloud_platform", &["cloud.platform"]),
    resource("cloud_region", &["cloud.region"]),
    resource("cloud_availability_zone", &["cloud.availability_zone"]),
    resource("cloud_account_id", &["cloud.account.id"]),
    resource("sdk_language", &["telemetry.sdk.language"]),
    resource("sdk_name", &["telemetry.sdk.name"]),
    resource("sdk_version", &["telemetry.sdk.version"]),
    resource("sdk_distro_name", &["telemetry.distro.name"]),
    text("http_request_method", &["http.request.method", "http.method"]),
    int("http_response_status_code", &["http.response.status_code", "http.status_code"]),
    text("http_route", &["http.route"]),
    derived(text("url_path", &["url.path"]), UrlPath),
    derived(text("url_query", &["url.query"]), UrlQuery),
    text("url_full", &["url.full", "http.url"]),
    text("url_scheme", &["url.scheme", "http.scheme"]),
    int("http_resend_count", &["http.request.resend_count", "http.resend_count"]),
    text("user_agent", &["user_agent.original", "http.user_agent"]),
    derived(text("server_address", &["server.address"]), ServerAddress),
    derived(int("server_port", &["server.port"]), ServerPort),
    derived(text("client_address", &["client.address"]), ClientAddress),
    text("network_peer_address", &["network.peer.address", "net.sock.peer.addr", "net.peer.ip"]),
    int("network_peer_port", &["network.peer.port", "net.sock.peer.port"]),
    derived(
        text("network_protocol_version", &["network.protocol.version", "net.protocol.version"]),
        HttpFlavor,
    ),
    derived(text("db_system", &["db.system.name"]), DbSystem),
    text(
        "db_namespace",
        &["db.namespace", "db.name", "db.redis.database_index", "db.mssql.instance_name"],
    ),
    text(
        "db_collection",
        &[
            "db.collection.name",
            "db.sql.table",
            "db.mongodb.collection",
            "db.cassandra.table",
            "db.cosmosdb.container",
        ],
    ),
    text("db_operation", &["db.operation.name", "db.operation"]),
    text("db_query_text", &["db.query.text", "db.statement"]),
    text("db_query_summary", &["db.query.summary"]),
    text("db_status_code", &["db.response.status_code", "db.cosmosdb.status_code"]),
    int("db_batch_size", &["db.operation.batch.size"]),
    int("db_returned_rows", &["db.response.returned_rows"]),
    text("rpc_system", &["rpc.system.name", "rpc.system"]),
    derived(text("rpc_method", &[]), RpcMethod),
    derived(text("rpc_status_code", &["rpc.status_code", "rpc.response.status_code"]), RpcStatus),
    text("messaging_system", &["messaging.system"]),
    text("messaging_destination_name", &["messaging.destination.name"]),
    text("messaging_destination_template", &["messaging.destination.template"]),
    text("messaging_operation_type", &["messaging.operation.type", "messaging.operation"]),
    text("messaging_operation_name", &["messaging.operation.name"]),
    text(
        "messaging_consumer_group_name",
        &[
            "messaging.consumer.group.name",
            "messaging.kafka.consumer.group",
            "messaging.eventhubs.consumer.group",
        ],
    ),
    text("messaging_client_id", &["messaging.client.id", "messaging.client_id"]),
    int("messaging_batch_message_count", &["messaging.batch.message_count"]),
    text("messaging_message_id", &["messaging.message.id"]),
    text(
        "messaging_destination_partition_id",
        &["messaging.destination.partition.id", "messaging.kafka.destination.partition"],
    ),
    text("peer_service", &["service.peer.name", "peer.service"]),
    derived(text("error_type", &["error.type"]), ErrorType),
    derived(text("exception_type", &["exception.type"]), Exception),
    derived(text("exception_message", &["exception.message"]), Exception),
    derived(text("exception_stacktrace", &["exception.stacktrace"]), Exception),
    text("user_id", &["user.id", "enduser.id"]),
    text("user_name", &["user.name"]),
    text("user_roles", &["user.roles", "enduser.role"]),
    text("enduser_pseudo_id", &["enduser.pseudo.id"]),
    text("session_id", &["session.id"]),
    text("session_previous_id", &["session.previous_id"]),
    derived(text("code_function_name", &["code.function.name"]), CodeFunction),
    text("code_file_path", &["code.file.path", "code.filepath"]),
    int("code_line_number", &["code.line.number", "code.lineno"]),
];
