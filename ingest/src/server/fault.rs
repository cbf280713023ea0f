//! Why a request is not accepted, and what each transport says about it.
//!
//! The table of the OTLP specification is here and nowhere else: which faults a
//! client may retry decides whether it loses data or sends the same data for ever.

use std::time::Duration;

use http::StatusCode;

/// A request that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    /// For the developer at the other end.
    pub(super) message: String,
    /// When the client may try again. Only retryable reasons have it.
    pub(super) retry_after: Option<Duration>,
}

/// Why a request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// More bytes than allowed, before or after decompression.
    TooLarge,
    /// More items than allowed.
    TooManyItems,
    /// Not a trace request, or broken.
    Malformed,
    /// Well-formed, but none of its spans can be stored.
    NothingValid,
    /// The body ended before it was complete.
    Incomplete,
    /// A content type that is not OTLP.
    ContentType,
    /// A compression that is not supported.
    Encoding,
    /// A path or a service that is not here.
    NotFound,
    /// Not a POST.
    Method,
    /// gRPC over HTTP/1.
    HttpVersion,
    /// Breaks the framing of gRPC.
    Framing,
    /// No memory for more requests.
    Busy,
    /// The sink does not take it now.
    Unavailable,
    /// The body came too slowly.
    SlowBody,
    /// The deadline that the client set has passed.
    Deadline,
    /// A fault of ours.
    Internal,
}

/// How many [`Reason`]s there are.
pub(super) const REASONS: usize = Reason::Internal as usize + 1;

/// Codes of gRPC that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

impl Fault {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry_after: None }
    }

    /// The status of HTTP.
    pub(super) fn http_status(&self) -> StatusCode {
        match self.reason {
            Reason::TooLarge | Reason::TooManyItems => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::Malformed | Reason::NothingValid | Reason::Incomplete | Reason::Framing => {
                StatusCode::BAD_REQUEST
            }
            Reason::ContentType | Reason::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::NotFound => StatusCode::NOT_FOUND,
            Reason::Method => StatusCode::METHOD_NOT_ALLOWED,
            Reason::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Reason::SlowBody => StatusCode::REQUEST_TIMEOUT,
            // 500 would make clients drop data that a retry could save.
            Reason::Busy | Reason::Unavailable | Reason::Deadline | Reason::Internal => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The status of gRPC.
    pub(super) fn grpc_code(&self) -> Code {
        match self.reason {
            Reason::TooLarge | Reason::TooManyItems => Code::ResourceExhausted,
            Reason::Malformed | Reason::NothingValid => Code::InvalidArgument,
            Reason::ContentType
            | Reason::Encoding
            | Reason::NotFound
            | Reason::Method
            | Reason::HttpVersion => Code::Unimplemented,
            Reason::Framing | Reason::Incomplete => Code::Internal,
            Reason::SlowBody | Reason::Deadline => Code::DeadlineExceeded,
            Reason::Busy | Reason::Unavailable | Reason::Internal => Code::Unavailable,
        }
    }

    /// The code in the body of an HTTP answer: as the HTTP status, where that says more.
    pub(super) fn body_code(&self) -> Code {
        match self.reason {
            Reason::NotFound => Code::NotFound,
            Reason::Framing | Reason::Incomplete | Reason::ContentType | Reason::Encoding => {
                Code::InvalidArgument
            }
            _ => self.grpc_code(),
        }
    }

    /// Whether the request itself is at fault, so that no retry can help.
    pub(super) fn is_bad_request(&self) -> bool {
        matches!(self.reason, Reason::Malformed | Reason::NothingValid)
    }
}

impl Reason {
    /// Every reason, in the order of their discriminants.
    pub(super) const ALL: [Reason; REASONS] = [
        Reason::TooLarge,
        Reason::TooManyItems,
        Reason::Malformed,
        Reason::NothingValid,
        Reason::Incomplete,
        Reason::ContentType,
        Reason::Encoding,
        Reason::NotFound,
        Reason::Method,
        Reason::HttpVersion,
        Reason::Framing,
        Reason::Busy,
        Reason::Unavailable,
        Reason::SlowBody,
        Reason::Deadline,
        Reason::Internal,
    ];

    /// Short name, for counters.
    pub(super) fn label(self) -> &'static str {
        match self {
            Reason::TooLarge => "too_large",
            Reason::TooManyItems => "too_many_items",
            Reason::Malformed => "malformed",
            Reason::NothingValid => "nothing_valid",
            Reason::Incomplete => "incomplete",
            Reason::ContentType => "content_type",
            Reason::Encoding => "encoding",
            Reason::NotFound => "not_found",
            Reason::Method => "method",
            Reason::HttpVersion => "http_version",
            Reason::Framing => "framing",
            Reason::Busy => "busy",
            Reason::Unavailable => "unavailable",
            Reason::SlowBody => "slow_body",
            Reason::Deadline => "deadline",
            Reason::Internal => "internal",
        }
    }

    /// Whether the answer asks the client to come back.
    pub(super) fn is_retryable(self) -> bool {
        matches!(self, Reason::Busy | Reason::Unavailable | Reason::Internal | Reason::Deadline)
    }
}
