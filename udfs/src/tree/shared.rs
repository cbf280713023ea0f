//! Spans that share an id: Zipkin's shared spans, retries that reuse an id.
//!
//! Our rule of semantics.md 1.2. Where a sender (client, producer) and receivers
//! (server, consumer) have one id, the earliest sender is the *client twin* and
//! the parent of the receivers. A child of the id goes to the client twin if it
//! is a receiver itself, else to the receiver of its own service and instance.
//! Where no such split exists, children go to the earliest span of the id.

use super::link::Node;
use super::{NONE, Trace};

/// In a list of parents: the span names no parent, or itself.
pub(super) const NO_PARENT_ID: u32 = NONE - 1;

/// All nodes with one id.
#[derive(Debug, Clone, Copy)]
struct Group {
    id: u64,
    /// The client twin if there is a split, else the earliest node.
    head: u32,
    is_split: bool,
    len: u32,
}

/// A receiver of a split group, or a child that looks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    group: u32,
    service: u64,
    instance: u64,
    node: u32,
}

impl Seat {
    fn key(&self) -> (u32, u64, u64) {
        (self.group, self.service, self.instance)
    }
}

/// Buffers for traces with shared ids.
#[derive(Debug, Default)]
pub(super) struct Shared {
    groups: Vec<Group>,
    receivers: Vec<Seat>,
    children: Vec<Seat>,
    open: Vec<u32>,
}

impl Shared {
    /// Appends the parent of every node: a node, [`NO_PARENT_ID`], or [`NONE`] if
    /// the parent is absent. `by_id` is `(id, node)`, sorted.
    pub(super) fn resolve(
        &mut self,
        trace: &Trace<'_>,
        nodes: &[Node],
        by_id: &[(u64, u32)],
        parent: &mut Vec<u32>,
    ) {
        self.group(nodes, by_id);
        self.receivers.clear();
        self.children.clear();
        for (node, at) in nodes.iter().zip(0..) {
            parent.push(self.place(trace, node, at));
        }
        self.receivers.sort_unstable();
        self.children.sort_unstable();
        self.seat_children(nodes, parent);
    }

    fn group(&mut self, nodes: &[Node], by_id: &[(u64, u32)]) {
        self.groups.clear();
        for members in by_id.chunk_by(|a, b| a.0 == b.0) {
            let earliest = |senders_only: bool| {
                let members = members.iter().map(|(_, node)| *node);
                members
                    .filter(|node| !senders_only || nodes[*node as usize].kind.is_sender())
                    .min_by_key(|node| {
                        (nodes[*node as usize].start, nodes[*node as usize].end, *node)
                    })
            };
            let has_receiver = members.iter().any(|(_, at)| nodes[*at as usize].kind.is_receiver());
            let client = earliest(true).filter(|_| has_receiver);
            self.groups.push(Group {
                id: members[0].0,
                head: client.or_else(|| earliest(false)).expect("a group has members"),
                is_split: client.is_some(),
                len: members.len() as u32,
            });
        }
    }

    /// The parent of one node; a child whose receiver must be looked for gets the
    /// client twin and a seat in `children`.
    fn place(&mut self, trace: &Trace<'_>, node: &Node, at: u32) -> u32 {
        let row = node.row as usize;
        let own = self.find(node.id);
        let seat = |group: usize| Seat {
            group: group as u32,
            service: trace.service[row],
            instance: trace.instance(row),
            node: at,
        };
        if let Some(own) = own
            && self.groups[own].is_split
            && node.kind.is_receiver()
        {
            self.receivers.push(seat(own));
            return self.groups[own].head;
        }
        let wanted = trace.parent_id[row];
        if wanted == 0 {
            return NO_PARENT_ID;
        }
        let Some(found) = self.find(wanted) else { return NONE };
        let group = self.groups[found];
        if wanted == node.id && (group.len == 1 || group.head == at) {
            return NO_PARENT_ID;
        }
        if group.is_split && !node.kind.is_receiver() {
            self.children.push(seat(found));
        }
        group.head
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.groups.binary_search_by_key(&id, |group| group.id).ok()
    }

    /// Gives every waiting child the receiver of its service and instance: the
    /// only one, or the latest-starting one that is open when the child starts.
    fn seat_children(&mut self, nodes: &[Node], parent: &mut [u32]) {
        let mut receivers = self.receivers.chunk_by(|a, b| a.key() == b.key()).peekable();
        for children in self.children.chunk_by(|a, b| a.key() == b.key()) {
            while receivers.next_if(|seats| seats[0].key() < children[0].key()).is_some() {}
            match receivers.peek() {
                Some(seats) if seats[0].key() == children[0].key() => {
                    if let [only] = seats {
                        children.iter().for_each(|child| parent[child.node as usize] = only.node);
                    } else {
                        sweep(nodes, seats, children, &mut self.open, parent);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Walks receivers and children by start time. The stack holds the receivers that
/// have started; one that has ended by now has ended for all later children too.
fn sweep(
    nodes: &[Node],
    receivers: &[Seat],
    children: &[Seat],
    open: &mut Vec<u32>,
    parent: &mut [u32],
) {
    open.clear();
    let mut waiting = receivers.iter().map(|seat| seat.node).peekable();
    for child in children {
        let now = nodes[child.node as usize].start;
        while let Some(started) = waiting.next_if(|node| nodes[*node as usize].start <= now) {
            open.push(started);
        }
        while open.pop_if(|node| nodes[*node as usize].end <= now).is_some() {}
        if let Some(latest) = open.last() {
            parent[child.node as usize] = *latest;
        }
    }
}
