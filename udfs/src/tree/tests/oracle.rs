//! The definitions, written down as plainly as possible: recursive, quadratic, and
//! without any of the kernel's code. Times must be small, because time is counted
//! tick by tick.

use std::cmp::Reverse;

use super::fixture::Row;
use crate::tree::Kind;

/// What the definitions say about one row.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expected {
    pub(super) parent: Option<Row>,
    pub(super) depth: i32,
    pub(super) child_count: i32,
    pub(super) subtree_size: i32,
    pub(super) nested: (i32, i32),
    pub(super) self_time: i64,
    pub(super) critical_path: i64,
    pub(super) is_root: bool,
    pub(super) is_orphan: bool,
    pub(super) is_primary_root: bool,
    pub(super) is_entry: bool,
    pub(super) error_origin: bool,
    pub(super) is_paired: bool,
    pub(super) is_parent_failed: bool,
    pub(super) is_first_error: bool,
    pub(super) is_decisive_error: bool,
    pub(super) is_duplicate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Root,
    Orphan,
    To(usize),
}

/// Solves a trace; the answer has the order of the rows.
pub(super) fn solve(rows: &[Row], tolerance: f64) -> Vec<Expected> {
    let mut spans: Vec<Row> = Vec::new();
    let mut duplicate = vec![false; rows.len()];
    for (row, duplicate) in rows.iter().zip(&mut duplicate) {
        let row = normal(row);
        *duplicate = row.id != 0 && spans.contains(&row);
        if !*duplicate {
            spans.push(row);
        }
    }
    spans.sort_by_key(order);
    let links = cut_cycles(&spans, (0..spans.len()).map(|i| link(&spans, i)).collect());
    let forest = Forest { spans: &spans, links: &links, tolerance };
    let mut solved = forest.solve();
    // Equal rows without id get one answer each, in order.
    let mut taken = vec![false; spans.len()];
    rows.iter()
        .zip(duplicate)
        .map(|(row, is_duplicate)| {
            let same = |i: &usize| spans[*i] == normal(row);
            let free = (0..spans.len()).find(|i| same(i) && !taken[*i]);
            let at = free.or_else(|| (0..spans.len()).find(same)).expect("every row was kept");
            taken[at] = true;
            let kept = &mut solved[at];
            if !is_duplicate {
                return kept.clone();
            }
            Expected {
                self_time: 0,
                critical_path: 0,
                error_origin: false,
                is_first_error: false,
                is_decisive_error: false,
                is_root: false,
                is_primary_root: false,
                is_orphan: false,
                is_duplicate: true,
                ..kept.clone()
            }
        })
        .collect()
}

pub(super) fn normal(row: &Row) -> Row {
    Row { end: row.end.max(row.start), ..*row }
}

fn order(row: &Row) -> impl Ord + use<> {
    let rest = (row.kind, row.service, row.name, row.is_error, row.parent, row.instance, row.flags);
    (row.start, Reverse(row.end), row.id, rest)
}

fn is_receiver(row: &Row) -> bool {
    matches!(row.kind, Kind::Server | Kind::Consumer)
}

fn is_call(caller: &Row, receiver: &Row) -> bool {
    matches!(
        (caller.kind, receiver.kind),
        (Kind::Client, Kind::Server) | (Kind::Producer, Kind::Consumer)
    )
}

fn is_sender(row: &Row) -> bool {
    matches!(row.kind, Kind::Client | Kind::Producer)
}

/// Semantics 1.1 step 4 and our rule of 1.2.
fn link(spans: &[Row], i: usize) -> Link {
    let span = &spans[i];
    let with_id = |id: u64| (0..spans.len()).filter(move |j| id != 0 && spans[*j].id == id);
    let earliest =
        |those: Vec<usize>| those.into_iter().min_by_key(|j| (spans[*j].start, spans[*j].end, *j));
    let client_twin = |id: u64| {
        let has_receiver = with_id(id).any(|j| is_receiver(&spans[j]));
        earliest(with_id(id).filter(|j| is_sender(&spans[*j])).collect()).filter(|_| has_receiver)
    };
    if is_receiver(span)
        && let Some(client) = client_twin(span.id)
    {
        return Link::To(client);
    }
    if span.parent == 0 {
        return Link::Root;
    }
    let Some(first) = earliest(with_id(span.parent).collect()) else { return Link::Orphan };
    let head = client_twin(span.parent).unwrap_or(first);
    if span.parent == span.id && (with_id(span.id).count() == 1 || head == i) {
        return Link::Root;
    }
    if client_twin(span.parent).is_none() || is_receiver(span) {
        return Link::To(head);
    }
    let near: Vec<usize> = with_id(span.parent)
        .filter(|j| is_receiver(&spans[*j]))
        .filter(|j| (spans[*j].service, spans[*j].instance) == (span.service, span.instance))
        .collect();
    if let [only] = near[..] {
        return Link::To(only);
    }
    let open = |j: &usize| spans[*j].start <= span.start && span.start < spans[*j].end;
    Link::To(near.into_iter().filter(open).max_by_key(|j| (spans[*j].start, *j)).unwrap_or(head))
}

/// Semantics 1.1 step 5.
fn cut_cycles(spans: &[Row], mut links: Vec<Link>) -> Vec<Link> {
    let up = |links: &[Link], i: usize| match links[i] {
        Link::To(parent) => Some(parent),
        _ => None,
    };
    for i in 0..links.len() {
        let mut ring = vec![i];
        while let Some(next) = up(&links, *ring.last().expect("not empty"))
            && ring.len() <= spans.len()
            && next != i
        {
            ring.push(next);
        }
        if up(&links, *ring.last().expect("not empty")) == Some(i) {
            let first = ring.into_iter().min_by_key(|j| (spans[*j].start, spans[*j].id, *j));
            links[first.expect("not empty")] = Link::Orphan;
        }
    }
    links
}

struct Forest<'a> {
    spans: &'a [Row],
    links: &'a [Link],
    tolerance: f64,
}

impl Forest<'_> {
    fn solve(&self) -> Vec<Expected> {
        let mut solved: Vec<Expected> = (0..self.spans.len()).map(|i| self.describe(i)).collect();
        let mut counter = 0;
        for root in self.roots() {
            self.number(root, 0, &mut counter, &mut solved);
            let span = &self.spans[root];
            self.attribute(root, 0, (span.start, span.end), &mut |at, from, to| {
                solved[at].critical_path += to - from;
            });
        }
        let roots = self.roots();
        let first = |keep: &dyn Fn(usize) -> bool| roots.iter().copied().find(|r| keep(*r));
        let primary = first(&|r| self.links[r] == Link::Root)
            .or_else(|| first(&|r| is_receiver(&self.spans[r])))
            .or_else(|| first(&|_| true));
        if let Some(primary) = primary {
            solved[primary].is_primary_root = true;
        }
        solved
    }

    fn children(&self, i: usize) -> Vec<usize> {
        (0..self.spans.len()).filter(|j| self.links[*j] == Link::To(i)).collect()
    }

    fn roots(&self) -> Vec<usize> {
        let mut roots: Vec<usize> =
            (0..self.spans.len()).filter(|i| !matches!(self.links[*i], Link::To(_))).collect();
        roots.sort_by_key(|i| {
            (self.links[*i] == Link::Orphan, self.spans[*i].start, self.spans[*i].id, *i)
        });
        roots
    }

    fn describe(&self, i: usize) -> Expected {
        let span = &self.spans[i];
        let children = self.children(i);
        let covers = |row: &Row, tick: i64| row.start <= tick && tick < row.end;
        let own = |tick: &i64| !children.iter().any(|c| covers(&self.spans[*c], *tick));
        let parent = match self.links[i] {
            Link::To(parent) => Some(self.spans[parent]),
            _ => None,
        };
        Expected {
            parent,
            child_count: children.len() as i32,
            self_time: (span.start..span.end).filter(own).count() as i64,
            is_root: self.links[i] == Link::Root,
            is_orphan: self.links[i] == Link::Orphan,
            is_entry: self.links[i] == Link::Root
                || span.flags & 0x300 == 0x300
                || is_receiver(span)
                || parent.is_some_and(|parent| parent.service != span.service),
            error_origin: self.is_origin(i),
            is_paired: parent.is_some_and(|parent| is_call(&parent, span))
                || children.iter().any(|c| is_call(span, &self.spans[*c])),
            is_parent_failed: parent.is_some_and(|parent| parent.is_error),
            is_first_error: self.first_error(self.root_of(i)) == Some(i),
            is_decisive_error: self.decisive_error(self.root_of(i)) == Some(i),
            ..Expected::default()
        }
    }

    /// Semantics 8.4: self error.
    fn is_origin(&self, i: usize) -> bool {
        self.spans[i].is_error && !self.children(i).iter().any(|c| self.spans[*c].is_error)
    }

    fn root_of(&self, i: usize) -> usize {
        match self.links[i] {
            Link::To(parent) => self.root_of(parent),
            _ => i,
        }
    }

    /// Semantics 8.4: of the self errors that reach the root by errors only, the one that ends first.
    fn first_error(&self, root: usize) -> Option<usize> {
        let mut reached = vec![root];
        let mut origins = Vec::new();
        while let Some(i) = reached.pop().filter(|i| self.spans[*i].is_error) {
            origins.extend(Some(i).filter(|i| self.is_origin(*i)));
            // The stack has children in order of the walk: equals are taken in that order.
            let failed = self.children(i).into_iter().filter(|c| self.spans[*c].is_error);
            reached.extend(failed.rev());
        }
        origins.into_iter().min_by_key(|i| self.spans[*i].end)
    }

    /// Semantics 8.4: from a failed root always to the failed child that ends last.
    fn decisive_error(&self, root: usize) -> Option<usize> {
        let failed = |i: &usize| self.spans[*i].is_error;
        let mut at = Some(root).filter(failed)?;
        while let Some(last) =
            self.children(at).into_iter().filter(failed).max_by_key(|c| self.spans[*c].end)
        {
            at = last;
        }
        Some(at)
    }

    fn number(&self, i: usize, depth: i32, counter: &mut i32, solved: &mut [Expected]) {
        *counter += 1;
        solved[i].nested.0 = *counter;
        solved[i].depth = depth;
        solved[i].subtree_size = 1;
        for child in self.children(i) {
            self.number(child, depth + 1, counter, solved);
            solved[i].subtree_size += solved[child].subtree_size;
        }
        *counter += 1;
        solved[i].nested.1 = *counter;
    }

    /// Semantics 1.6: how far the only call below a client was recorded from where it can have been.
    fn skew(&self, s: usize) -> i64 {
        let [only] = self.children(s)[..] else { return 0 };
        let (client, server) = (&self.spans[s], &self.spans[only]);
        let is_call = (client.kind, server.kind) == (Kind::Client, Kind::Server);
        let is_inside = client.start <= server.start && server.end <= client.end;
        let fits = 100 * server.duration() <= 101 * client.duration();
        if !is_call || client.is_error || is_inside || !fits {
            return 0;
        }
        client.start + (client.duration() - server.duration()) / 2 - server.start
    }

    /// Semantics 2.4, word for word, on times of the root's clock: `moved` is added to those of `s`.
    fn attribute(
        &self,
        s: usize,
        moved: i64,
        (lo, hi): (i64, i64),
        emit: &mut dyn FnMut(usize, i64, i64),
    ) {
        let span = &self.spans[s];
        let below = moved + self.skew(s);
        let mut cur = hi;
        let mut k: Vec<(i64, i64, usize)> = self
            .children(s)
            .into_iter()
            .filter(|c| !(span.kind == Kind::Producer && self.spans[*c].kind == Kind::Consumer))
            .map(|c| (c, self.spans[c].start + below, self.spans[c].end + below))
            .map(|(c, start, end)| (start.max(lo), end.min(hi), c))
            .filter(|(a, b, _)| a < b)
            .collect();
        k.sort_by_key(|(_, b, c)| (Reverse(*b), self.spans[*c].start, self.spans[*c].id, *c));
        let epsilon = self.tolerance * span.duration() as f64;
        for &(a, b, c) in &k {
            if cur <= lo {
                break;
            }
            let mut b = b;
            if b > cur {
                let within = |t: i64| cur <= t && t <= b;
                let events: usize = k
                    .iter()
                    .map(|(a, b, _)| usize::from(within(*a)) + usize::from(within(*b)))
                    .sum();
                if !(((b - cur) as f64) < epsilon && a < cur && events == 2) {
                    continue;
                }
                b = cur;
            }
            if a >= cur {
                continue;
            }
            if b < cur {
                emit(s, b, cur);
            }
            self.attribute(c, below, (a, b), emit);
            cur = a;
        }
        if cur > lo {
            emit(s, lo, cur);
        }
    }
}
