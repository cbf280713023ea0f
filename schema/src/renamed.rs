//! Attributes that have another name today (semantic conventions 1.44).

/// Deprecated names, and those that took their place.
const RENAMED: &[(&str, &str)] = &[
    ("deployment.environment", "deployment.environment.name"),
    ("http.method", "http.request.method"),
    ("http.status_code", "http.response.status_code"),
    ("http.scheme", "url.scheme"),
    ("http.resend_count", "http.request.resend_count"),
    ("http.user_agent", "user_agent.original"),
    ("net.sock.peer.addr", "network.peer.address"),
    ("net.peer.ip", "network.peer.address"),
    ("net.sock.peer.port", "network.peer.port"),
    ("net.protocol.version", "network.protocol.version"),
    ("db.name", "db.namespace"),
    ("db.redis.database_index", "db.namespace"),
    ("db.mssql.instance_name", "db.namespace"),
    ("db.sql.table", "db.collection.name"),
    ("db.mongodb.collection", "db.collection.name"),
    ("db.cassandra.table", "db.collection.name"),
    ("db.cosmosdb.container", "db.collection.name"),
    ("db.operation", "db.operation.name"),
    ("db.statement", "db.query.text"),
    ("db.cosmosdb.status_code", "db.response.status_code"),
    ("rpc.system", "rpc.system.name"),
    ("rpc.response.status_code", "rpc.status_code"),
    ("messaging.operation", "messaging.operation.type"),
    ("messaging.kafka.consumer.group", "messaging.consumer.group.name"),
    ("messaging.eventhubs.consumer.group", "messaging.consumer.group.name"),
    ("messaging.client_id", "messaging.client.id"),
    ("messaging.kafka.destination.partition", "messaging.destination.partition.id"),
    ("peer.service", "service.peer.name"),
    ("enduser.id", "user.id"),
    ("enduser.role", "user.roles"),
    ("code.filepath", "code.file.path"),
    ("code.lineno", "code.line.number"),
];

/// The name that attribute `name` has today.
pub fn current_name(name: &str) -> &str {
    RENAMED.iter().find(|(deprecated, _)| *deprecated == name).map_or(name, |(_, current)| current)
}
