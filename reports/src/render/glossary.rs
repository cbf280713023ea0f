//! What the words of the report mean, for every format.

/// Words and their meanings, in the order in which a reader meets them.
pub(super) const WORDS: &[(&str, &str)] = &[
    (
        "Root operation",
        "Service and name of the root span. Each is reviewed by itself, because a slow operation \
         is not a slow trace of a fast one.",
    ),
    (
        "Slow traces",
        "With n complete traces, the k = 1 % with the longest root spans, rounded up, and those \
         as long as the last of them. Below 368 traces p99 has no upper bound, so 5 % are \
         reviewed; below 72 none.",
    ),
    (
        "Typical traces",
        "Those from the 40th to the 60th percentile of the same root operation and range.",
    ),
    (
        "Critical path",
        "At each moment of a trace the one span that the response waits for. Its times add up to \
         the root span's duration.",
    ),
    (
        "Excess",
        "Mean critical-path time of an operation in slow traces minus that in typical ones. The \
         excesses of all operations add up to the difference between the two.",
    ),
    (
        "Main cause",
        "Of one slow trace: the operation with the largest excess. It tells a mixture of problems \
         from one.",
    ),
    (
        "Kind of slow traces",
        "Those with the same call tree, the same main cause and the same error at the root. \
         The order and the number of repeated calls do not matter. Its typical trace is the one \
         whose critical path is most like the mean one.",
    ),
    (
        "Percentiles",
        "Nearest rank: observed values. In brackets is the range that holds the true one with \
         95 % certainty.",
    ),
    (
        "Cause",
        "For the comparison with the range before: the main cause of three slow traces or more, \
         with 5 % of the difference or more. It is worse or better if that share changed by 5 \
         points or more.",
    ),
    (
        "Rose, fell",
        "The ranges that hold the true percentiles do not touch, and the values differ by 5 % and \
         by 5 ms.",
    ),
    ("Time lost", "Sum over the slow traces of duration minus median."),
];
