//! How calls fail: statuses, and the exceptions of each language.

/// Why a call did not give what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The thing asked for does not exist.
    NotFound,
    /// The session is not valid.
    Unauthorized,
    /// The items are sold out.
    SoldOut,
    /// The payment was refused.
    Declined,
    /// The callee broke.
    Internal,
    /// The callee, or something behind it, does not answer.
    Unavailable,
}

impl Failure {
    /// Whether the caller asked for something it should not have: unset on the
    /// SERVER span, an error on the CLIENT span.
    pub(crate) fn is_callers_fault(self) -> bool {
        !matches!(self, Failure::Internal | Failure::Unavailable)
    }

    /// The HTTP status code, as a number and as `error.type`.
    pub(crate) fn http(self) -> (u32, &'static str) {
        match self {
            Failure::NotFound => (404, "404"),
            Failure::Unauthorized => (401, "401"),
            Failure::SoldOut => (409, "409"),
            Failure::Declined => (402, "402"),
            Failure::Internal => (500, "500"),
            Failure::Unavailable => (503, "503"),
        }
    }

    /// The gRPC status name.
    pub(crate) fn grpc(self) -> &'static str {
        match self {
            Failure::NotFound => "NOT_FOUND",
            Failure::Unauthorized => "UNAUTHENTICATED",
            Failure::SoldOut | Failure::Declined => "FAILED_PRECONDITION",
            Failure::Internal => "INTERNAL",
            Failure::Unavailable => "UNAVAILABLE",
        }
    }
}

/// What a language throws, and where.
#[derive(Debug)]
pub(crate) struct Exceptions {
    /// A fault of the handler itself.
    pub(crate) own: Exception,
    /// A call to another service failed.
    pub(crate) upstream: Exception,
    /// A query of this `db.system.name` failed.
    pub(crate) database: (&'static str, Exception),
    /// The lines of a stack trace; `{service}` is filled in.
    pub(crate) frames: &'static str,
}

/// One exception.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exception {
    pub(crate) class: &'static str,
    pub(crate) message: &'static str,
}

const fn throws(class: &'static str, message: &'static str) -> Exception {
    Exception { class, message }
}

/// Java, thrown in the handler, by gRPC and by the driver.
pub(crate) static JAVA: Exceptions = Exceptions {
    own: throws(
        "java.lang.NullPointerException",
        "Cannot read field \"currency\" because \"price\" is null",
    ),
    upstream: throws("io.grpc.StatusRuntimeException", "UNAVAILABLE: upstream call failed"),
    database: (
        "postgresql",
        throws("org.postgresql.util.PSQLException", "ERROR: deadlock detected"),
    ),
    frames: "\tat com.shop.{service}.Handler.handle(Handler.java:118)\n\tat com.shop.{service}.Server.dispatch(Server.java:64)\n\tat java.base/java.lang.VirtualThread.run(VirtualThread.java:329)",
};

/// Go.
pub(crate) static GO: Exceptions = Exceptions {
    own: throws("*errors.errorString", "unexpected end of rule table"),
    upstream: throws("*status.Error", "rpc error: code = Unavailable desc = upstream call failed"),
    database: (
        "postgresql",
        throws("*pgconn.PgError", "ERROR: deadlock detected (SQLSTATE 40P01)"),
    ),
    frames: "goroutine 4127 [running]:\nshop.example/{service}/internal/server.(*Server).handle(0xc0004a2000)\n\t/src/{service}/internal/server/server.go:142 +0x1d4",
};

/// Node.js.
pub(crate) static NODE: Exceptions = Exceptions {
    own: throws("TypeError", "Cannot read properties of undefined (reading 'items')"),
    upstream: throws("ServiceError", "14 UNAVAILABLE: upstream call failed"),
    database: ("mongodb", throws("MongoServerError", "not primary")),
    frames: "    at handle (/app/{service}/dist/handler.js:88:17)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
};

/// Python.
pub(crate) static PYTHON: Exceptions = Exceptions {
    own: throws("ValueError", "feature vector has a NaN at index 14"),
    upstream: throws("grpc.RpcError", "StatusCode.UNAVAILABLE: upstream call failed"),
    database: ("postgresql", throws("psycopg.errors.DeadlockDetected", "deadlock detected")),
    frames: "Traceback (most recent call last):\n  File \"/app/{service}/server.py\", line 97, in handle\n    return self._handle(request)\n  File \"/app/{service}/handler.py\", line 41, in _handle",
};

/// C# and the rest of .NET.
pub(crate) static DOTNET: Exceptions = Exceptions {
    own: throws("System.InvalidOperationException", "Sequence contains no matching element"),
    upstream: throws(
        "Grpc.Core.RpcException",
        "Status(StatusCode=\"Unavailable\", Detail=\"upstream call failed\")",
    ),
    database: (
        "redis",
        throws("StackExchange.Redis.RedisTimeoutException", "Timeout awaiting response"),
    ),
    frames: "   at Shop.{service}.Handlers.HandleAsync(Request request) in /src/Handlers.cs:line 73\n   at Grpc.Shared.Server.UnaryServerMethodInvoker`3.Invoke(HttpContext httpContext)",
};

/// Ruby.
pub(crate) static RUBY: Exceptions = Exceptions {
    own: throws("NoMethodError", "undefined method 'rating' for nil"),
    upstream: throws("GRPC::Unavailable", "14:upstream call failed"),
    database: (
        "mongodb",
        throws("Mongo::Error::OperationFailure", "[10107:NotWritablePrimary]: not primary"),
    ),
    frames: "/app/lib/{service}/handler.rb:57:in 'handle'\n/app/lib/{service}/server.rb:23:in 'call'",
};

/// Rust.
pub(crate) static RUST: Exceptions = Exceptions {
    own: throws("shop::Error::Malformed", "record 3 has no weight"),
    upstream: throws("tonic::Status", "status: Unavailable, message: \"upstream call failed\""),
    database: ("postgresql", throws("tokio_postgres::Error", "db error: ERROR: deadlock detected")),
    frames: "   0: {service}::handler::handle\n             at ./src/handler.rs:64:9\n   1: {service}::server::serve\n             at ./src/server.rs:31:5",
};
