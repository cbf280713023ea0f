//! What becomes of sketches that are handed on from step to step.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::{Answer, Question, Rows, SketchAccumulator, SketchGroups};
use crate::sketch::Sketch;

fn groups(answer: Answer) -> SketchGroups {
    SketchGroups::new(Question { function: "test", rows: Rows::Sketches, answer })
}

fn maximum() -> SketchGroups {
    groups(Answer::Quantile(1.0, DataType::Float64))
}

fn sketch(values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let mut sketch = Sketch::default();
    values.into_iter().for_each(|value| sketch.add(value));
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    bytes
}

fn column(sketches: &[Vec<u8>]) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values(sketches))
}

fn numbers(answer: &ArrayRef) -> Vec<Option<f64>> {
    answer.as_primitive::<Float64Type>().iter().collect()
}

/// Sketches of a group each: of nothing, of one value, of values and of buckets; and a group that none is for.
const PLACES: [usize; 6] = [0, 1, 2, 2, 4, 4];

fn sketches() -> Vec<Vec<u8>> {
    vec![
        sketch([]),
        sketch([7.0]),
        sketch([1.0, 2.5]),
        sketch([3.0]),
        sketch((0..200).map(f64::from)),
        sketch([-1.0, 900.0]),
    ]
}

const MAXIMA: [Option<f64>; 5] = [None, Some(7.0), Some(3.0), None, Some(900.0)];

/// Scenario: groups that see no sketch, one, and several; their states go through two more steps.
/// Guarantees: the answers are those of all values together; a sketch that is alone is handed on as it came.
#[test]
fn states_go_from_step_to_step() {
    let mut first = maximum();
    first.update_batch(&[column(&sketches())], &PLACES, None, 5).unwrap();
    let states = first.state(EmitTo::All).unwrap();
    assert_eq!(states[0].as_binary::<i32>().value(1), sketch([7.0]));
    let mut second = maximum();
    second.merge_batch(&states, &[0, 1, 2, 3, 4], 5).unwrap();
    let states = second.state(EmitTo::All).unwrap();
    let mut last = maximum();
    last.merge_batch(&states, &[0, 1, 2, 3, 4], 5).unwrap();
    assert_eq!(numbers(&last.evaluate(EmitTo::All).unwrap()), MAXIMA);
}

/// Scenario: groups are emitted two at a time, and more sketches come in between.
/// Guarantees: the same answers as at once; nothing that was emitted stays in memory.
#[test]
fn groups_leave_one_after_the_other() {
    let mut held = maximum();
    held.update_batch(&[column(&sketches())], &PLACES, None, 5).unwrap();
    let mut answers = numbers(&held.evaluate(EmitTo::First(2)).unwrap());
    // What was the third group is the first one now; a new one comes.
    held.update_batch(&[column(&[sketch([2.0]), sketch([5.0])])], &[0, 3], None, 4).unwrap();
    answers.extend(numbers(&held.evaluate(EmitTo::First(2)).unwrap()));
    answers.extend(numbers(&held.evaluate(EmitTo::All).unwrap()));
    assert_eq!(answers, [MAXIMA.as_slice(), &[Some(5.0)]].concat());
    assert_eq!(held.size(), 0);
}

/// Scenario: bytes that are no sketch, alone in a group and beside others, and in a window.
/// Guarantees: an error that says so, at the latest with the answer.
#[test]
fn what_is_no_sketch_is_an_error() {
    let forged = column(&[vec![9, 9, 9]]);
    for answer in [Answer::Sketch, Answer::Quantile(0.5, DataType::Float64), Answer::Histogram(0)] {
        let mut alone = groups(answer.clone());
        alone.update_batch(&[Arc::clone(&forged)], &[0], None, 1).unwrap();
        let states = alone.state(EmitTo::All).unwrap();
        alone.merge_batch(&states, &[0], 1).unwrap();
        let error = alone.evaluate(EmitTo::All).unwrap_err().to_string();
        assert!(error.contains("test: the bytes are no sketch"), "{error}");
    }
    let mut beside = maximum();
    beside.update_batch(&[Arc::clone(&forged)], &[0], None, 1).unwrap();
    let other = column(&[sketch([1.0])]);
    assert!(beside.update_batch(&[other], &[0], None, 1).is_err());
    let question = Question { function: "test", rows: Rows::Sketches, answer: Answer::Sketch };
    let mut window = SketchAccumulator::new(question);
    window.update_batch(&[forged]).unwrap();
    assert!(window.evaluate().is_err());
}
