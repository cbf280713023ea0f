//! Messages that wait for a consumer in a trace of its own: what its links name.

use std::collections::VecDeque;

use crate::random::Random;
use crate::span::Link;

/// Older messages are dropped when nobody has consumed them.
const MOST: usize = 512;
/// A consumer takes this many messages, if there are so many.
const BATCH: (u32, u32) = (2, 12);

/// The last messages sent.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    messages: VecDeque<(u64, Link)>,
}

impl Recent {
    /// A message was sent.
    pub(super) fn remember(&mut self, sent_ns: u64, trace_id: [u8; 16], span_id: [u8; 8]) {
        if self.messages.len() == MOST {
            self.messages.pop_front();
        }
        self.messages.push_back((sent_ns, Link { trace_id, span_id }));
    }

    /// Takes the oldest messages that were sent before a moment.
    pub(super) fn links_before(&mut self, at_ns: u64, random: &mut Random) -> Vec<Link> {
        let batch = random.between(BATCH.0, BATCH.1) as usize;
        let ready =
            self.messages.iter().take(batch).take_while(|(sent_ns, _)| *sent_ns < at_ns).count();
        self.messages.drain(..ready).map(|(_, link)| link).collect()
    }
}
