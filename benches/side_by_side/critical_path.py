"""The critical path, for systems that cannot compute it: a client fetches the spans and does it.

The rule is that of Spanlake's `critical_path_ns` (udfs/src/tree/critical_path.rs): from the end of
a root backwards, time goes to the child that finished last, and what is left is the span's own.
Compiled, so that the other systems are charged for fetching the rows and little else.
"""

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SLACK = 0.01
SERVER_LENGTHENING = 1.01
CLIENT, SERVER, PRODUCER, CONSUMER = 1, 2, 3, 4
KINDS = pa.array(["client", "server", "producer", "consumer"])


def by_operation(spans: pa.Table) -> pa.Table:
    """Columns: service_name, span_name, critical_path_ns, of operations that are on a path.

    `spans` has `span_id, parent_span_id, service_name, span_name, span_kind, is_error, start_ns,
    duration_ns`, of whole traces.
    """
    ids, parents, kinds = (
        spans[name].cast(pa.string()) for name in ("span_id", "parent_span_id", "span_kind")
    )
    parent = _numbers(pc.fill_null(pc.index_in(parents, value_set=ids.combine_chunks()), -1))
    kind = _numbers(pc.add(pc.fill_null(pc.index_in(kinds, value_set=KINDS), -1), 1))
    start, duration = _numbers(spans["start_ns"]), _numbers(spans["duration_ns"])
    is_error = _numbers(pc.cast(spans["is_error"], pa.int64()))
    # Ids decide only among children that start and end together.
    rank = _numbers(pc.rank(ids, sort_keys="ascending", tiebreaker="first"))
    own = critical_path_ns(parent, kind, start, start + duration, is_error, rank)
    grouped = (
        pa.table(
            {
                "service_name": spans["service_name"].cast(pa.string()),
                "span_name": spans["span_name"].cast(pa.string()),
                "own": own,
            }
        )
        .filter(pa.array(own > 0))
        .group_by(["service_name", "span_name"])
        .aggregate([("own", "sum")])
    )
    return grouped.rename_columns(["service_name", "span_name", "critical_path_ns"])


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.to_numpy().astype(np.int64)


@numba.njit(cache=True)
def critical_path_ns(parent, kind, start, end, is_error, rank):
    """The time of each span on the path of its root."""
    n = len(parent)
    first, following, count = _children(parent)
    own = np.zeros(n, np.int64)
    low = np.zeros(n, np.int64)
    high = np.zeros(n, np.int64)
    shift = np.zeros(n, np.int64)
    stack = np.empty(n, np.int64)
    size = 0
    for node in range(n):
        if parent[node] < 0:
            low[node], high[node] = start[node], end[node]
            stack[size] = node
            size += 1
    while size > 0:
        size -= 1
        node = stack[size]
        if low[node] >= high[node]:
            continue
        froms, tos, keys = _clip(node, first, following, count, low, high, shift,
                                 kind, start, end, is_error, rank)
        order = _latest_first(froms, tos, keys, start, shift, rank)
        slack = SLACK * (end[node] - start[node])
        current = high[node]
        for i in order:
            if current <= low[node]:
                break
            to = tos[i]
            if to > current:
                if not _tolerated(i, current, slack, froms, tos):
                    continue
                to = current
            if froms[i] >= current:
                continue
            own[node] += current - to
            child = keys[i]
            low[child], high[child] = froms[i], to
            stack[size] = child
            size += 1
            current = froms[i]
        own[node] += max(current - low[node], 0)
    return own


@numba.njit(cache=True)
def _children(parent):
    """The children of each span as a linked list."""
    n = len(parent)
    first = np.full(n, -1, np.int64)
    following = np.full(n, -1, np.int64)
    count = np.zeros(n, np.int64)
    for node in range(n):
        above = parent[node]
        if above >= 0:
            following[node] = first[above]
            first[above] = node
            count[above] += 1
    return first, following, count


@numba.njit(cache=True)
def _clip(node, first, following, count, low, high, shift, kind, start, end, is_error, rank):
    """The children that a span may wait for, cut to its window."""
    froms = np.empty(count[node], np.int64)
    tos = np.empty(count[node], np.int64)
    keys = np.empty(count[node], np.int64)
    size = 0
    child = first[node]
    while child >= 0:
        shift[child] = shift[node]
        if count[node] == 1:
            shift[child] += _clock_skew(node, child, kind, start, end, is_error)
        begin = max(start[child] + shift[child], low[node])
        until = min(end[child] + shift[child], high[node])
        if begin < until and not (kind[node] == PRODUCER and kind[child] == CONSUMER):
            froms[size], tos[size], keys[size] = begin, until, child
            size += 1
        child = following[child]
    return froms[:size], tos[:size], keys[:size]


@numba.njit(cache=True)
def _latest_first(froms, tos, keys, start, shift, rank):
    """By end, the last first; then by start and id."""
    order = np.arange(len(tos))
    for i in range(1, len(order)):
        moved = order[i]
        j = i
        while j > 0 and _before(moved, order[j - 1], tos, keys, start, shift, rank):
            order[j] = order[j - 1]
            j -= 1
        order[j] = moved
    return order


@numba.njit(cache=True)
def _before(a, b, tos, keys, start, shift, rank):
    if tos[a] != tos[b]:
        return tos[a] > tos[b]
    start_a, start_b = start[keys[a]] + shift[keys[a]], start[keys[b]] + shift[keys[b]]
    if start_a != start_b:
        return start_a < start_b
    return rank[keys[a]] < rank[keys[b]]


@numba.njit(cache=True)
def _tolerated(child, current, slack, froms, tos):
    """Whether siblings overlap so little that it is their clocks."""
    if tos[child] - current >= slack or froms[child] >= current:
        return False
    events = 0
    for i in range(len(tos)):
        events += current <= froms[i] <= tos[child]
        events += current <= tos[i] <= tos[child]
    return events == 2


@numba.njit(cache=True)
def _clock_skew(client, server, kind, start, end, is_error):
    """How far an only server span is moved, to lie in the middle of its client."""
    if kind[client] != CLIENT or kind[server] != SERVER or is_error[client]:
        return 0
    if start[client] <= start[server] and end[server] <= end[client]:
        return 0
    waited, worked = end[client] - start[client], end[server] - start[server]
    if worked > SERVER_LENGTHENING * waited:
        return 0
    # Rounded towards zero, as Rust does.
    latency = abs(waited - worked) // 2
    if worked > waited:
        latency = -latency
    return start[client] + latency - start[server]


def warm_up() -> None:
    """Compiles, or reads what was compiled before."""
    one = np.zeros(1, np.int64)
    critical_path_ns(one - 1, one, one, one + 1, one, one)
