//! Span kinds and the ways in which they are written.

/// The role of a span in a call, with its OTLP number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Not given, or not known.
    #[default]
    Unspecified = 0,
    /// Work inside one service.
    Internal = 1,
    /// Answers a remote call.
    Server = 2,
    /// Makes a remote call and waits.
    Client = 3,
    /// Sends a message and does not wait.
    Producer = 4,
    /// Handles a message.
    Consumer = 5,
}

impl Kind {
    const ALL: [Kind; 6] = [
        Kind::Unspecified,
        Kind::Internal,
        Kind::Server,
        Kind::Client,
        Kind::Producer,
        Kind::Consumer,
    ];

    /// Whether this is the other side of a call that a span of kind `caller` makes.
    pub fn receives_from(self, caller: Kind) -> bool {
        matches!((caller, self), (Kind::Client, Kind::Server) | (Kind::Producer, Kind::Consumer))
    }

    /// The kind with this OTLP number; unspecified if there is none.
    pub fn from_otlp(number: i64) -> Kind {
        usize::try_from(number).ok().and_then(|i| Self::ALL.get(i).copied()).unwrap_or_default()
    }

    /// Reads a kind as people write it: `server`, `Server`, `SERVER` or
    /// `SPAN_KIND_SERVER`. Anything else is unspecified.
    pub fn from_text(text: &[u8]) -> Kind {
        // The forms that we write ourselves.
        match text {
            b"internal" => return Kind::Internal,
            b"server" => return Kind::Server,
            b"client" => return Kind::Client,
            b"producer" => return Kind::Producer,
            b"consumer" => return Kind::Consumer,
            _ => {}
        }
        const PREFIX: &[u8] = b"SPAN_KIND_";
        let word = match text.split_at_checked(PREFIX.len()) {
            Some((prefix, word)) if prefix.eq_ignore_ascii_case(PREFIX) => word,
            _ => text,
        };
        let Some(first) = word.first() else { return Kind::Unspecified };
        let (kind, name): (Kind, &[u8]) = match (first.to_ascii_lowercase(), word.len()) {
            (b'i', 8) => (Kind::Internal, b"internal"),
            (b's', 6) => (Kind::Server, b"server"),
            (b'c', 6) => (Kind::Client, b"client"),
            (b'p', 8) => (Kind::Producer, b"producer"),
            (b'c', 8) => (Kind::Consumer, b"consumer"),
            _ => return Kind::Unspecified,
        };
        if word.eq_ignore_ascii_case(name) { kind } else { Kind::Unspecified }
    }

    /// Whether a span of this kind answers a call or handles a message.
    pub fn is_receiver(self) -> bool {
        matches!(self, Kind::Server | Kind::Consumer)
    }

    /// Whether a span of this kind makes a call or sends a message.
    pub fn is_sender(self) -> bool {
        matches!(self, Kind::Client | Kind::Producer)
    }
}
