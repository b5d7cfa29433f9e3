//! What the integer IR says of softmax and norms, against the instructions that compute them, on the machine.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use compiler::graph::DType;
use compiler::idiom::Code;
use compiler::idiom::data::{Quant, uniform_tile};
use compiler::idiom::norm::{Norm, NormPlaces};
use compiler::idiom::softmax::{BytesPlaces, Grid, Softmax, Tail};
use compiler::int_ir::{IntGraph, IntKind, IntOp, IntTensor, Port, Quantization};
use compiler::reference::integer;
use isa::{Instr, Leaf, Memory, Profile, Stepped, Subtree, ZERO, row32, row32_leaves, step};
use ndarray::{Array2, ArrayD};
use proptest::prelude::*;

const PROFILE: Profile =
    Profile { limit: 1 << 40, text: 12, constant: 1, input: 1, work: 1, output: 1, spad: 13, acc: 11 };

/// Runs text on memories laid out beforehand, up to where it ends.
fn run(text: &[Instr], prepare: impl Fn(&mut Memory)) -> Memory {
    let words: Vec<Leaf> = text.iter().map(Instr::encode).collect();
    let mut memory = Memory::new(&[ZERO, PROFILE.to_leaf(), ZERO, ZERO], &words, &[], &[]);
    prepare(&mut memory);
    while memory.regs().pc as usize != words.len() {
        assert!(matches!(step(&mut memory).unwrap(), Stepped::Ran { .. }));
    }
    memory
}

fn set(memory: &mut Memory, row: u32, leaf: Leaf) {
    memory.tree_mut(Subtree::Onchip).set(row.into(), leaf);
}

/// Rows of bytes, `segments` leaves each; what is beyond is 7.
fn leaves(x: &Array2<i32>) -> Vec<Vec<Leaf>> {
    let leaf = |chunk: &[i32]| std::array::from_fn(|i| chunk.get(i).map_or(7, |&v| (v as i8).cast_unsigned()));
    x.rows().into_iter().map(|row| row.to_vec().chunks(32).map(leaf).collect()).collect()
}

fn read(memory: &Memory, row: impl Fn(usize, usize) -> u32, (rows, columns): (usize, usize)) -> Array2<i32> {
    Array2::from_shape_fn((rows, columns), |(r, c)| {
        let leaf = memory.tree(Subtree::Onchip).get(row(r, c / 32).into());
        i32::from(leaf[c % 32].cast_signed())
    })
}

/// The same by the reference.
fn reference(kind: IntKind, x: &Array2<i32>) -> Array2<i32> {
    let mut graph = IntGraph::default();
    let quantization = Some(Quantization { scale: 1.0, zero_point: 0, dtype: DType::I8 });
    let shape = x.shape().to_vec();
    let [input, output] =
        [0, 1].map(|_| graph.add(IntTensor { name: String::new(), shape: shape.clone(), quantization }));
    let port = |tensor| vec![Port { name: "x".into(), dtype: DType::I8, tensor }];
    (graph.inputs, graph.outputs) = (port(input), port(output));
    graph.ops = vec![IntOp { name: String::new(), op: "Op", kind, inputs: vec![input], output }];
    let x: ArrayD<i32> = x.clone().into_dyn();
    integer::output(&graph, &integer::evaluate(&graph, &[x]), 0).into_dimensionality().unwrap()
}

fn softmax(x: &Array2<i32>, scale: f64, to: Quant) -> Array2<i32> {
    let (rows, columns) = x.dim();
    let segments = columns.div_ceil(32) as u16;
    let tail = Tail::Lanes(((columns - 1) % 32 + 1) as u8);
    let idiom = Softmax { scale, rows: rows as u16, segments, tail, to };
    let grid = |base| Grid { base, row: 1, segment: rows as i16 };
    let at = BytesPlaces {
        scores: grid(512),
        largest: 128,
        scratch: [grid(0), grid(300)],
        totals: 600,
        output: grid(1024),
        table: 0,
    };
    let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 1000..1010);
    idiom.emit_bytes(&mut code, &at);
    let memory = run(code.instrs(), |memory| {
        (0..).zip(&idiom.table()).for_each(|(row, leaf)| set(memory, row, *leaf));
        for (row, leaves) in leaves(x).iter().enumerate() {
            for (segment, leaf) in leaves.iter().enumerate() {
                set(memory, 512 + (segment * rows + row) as u32, *leaf);
            }
        }
    });
    read(&memory, |row, segment| 1024 + (segment * rows + row) as u32, (rows, columns))
}

fn norm(x: &Array2<i32>, norm: &Norm) -> Array2<i32> {
    let (tokens, features) = x.dim();
    let norm = Norm { tokens: tokens as u16, ..norm.clone() };
    let segments = features.div_ceil(32);
    let rows = (tokens * segments) as u32;
    let at = NormPlaces {
        input: 2048,
        output: 2048 + rows,
        ones: 0,
        blocks: 64,
        gammas: 0,
        scratch: 200,
        totals: 200 + rows,
        sums: 200 + rows + 5 * tokens as u32,
    };
    let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 2000..2010);
    norm.emit(&mut code, &at);
    let memory = run(code.instrs(), |memory| {
        (at.ones..).zip(&uniform_tile(1)).for_each(|(row, leaf)| set(memory, row, *leaf));
        (at.blocks..).zip(norm.blocks().as_flattened()).for_each(|(row, leaf)| set(memory, row, *leaf));
        for (row, four) in (at.gammas..).zip(norm.gammas().as_chunks::<4>().0) {
            for (index, leaf) in (PROFILE.acc_leaf(row.into())..).zip(row32_leaves(&row32(four))) {
                memory.tree_mut(Subtree::Onchip).set(index, leaf);
            }
        }
        for (row, leaf) in leaves(x).iter().flatten().enumerate() {
            set(memory, at.input + row as u32, *leaf);
        }
    });
    read(&memory, |token, segment| at.output + (token * segments + segment) as u32, (tokens, features))
}

/// Bytes of some width around some middle.
fn bytes(rows: usize, columns: usize) -> impl Strategy<Value = Array2<i32>> {
    let values = proptest::collection::vec(any::<i8>(), rows * columns);
    (values, 0u32..8, any::<i8>()).prop_map(move |(values, narrow, middle)| {
        let value = |v: i8| ((i32::from(v) >> narrow) + i32::from(middle)).clamp(-128, 127);
        Array2::from_shape_vec((rows, columns), values.into_iter().map(value).collect()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn softmax_is_the_machine_s(
        (x, scale, to) in (1usize..200, 0.0005f64..2.0, 0.00002f64..0.01, any::<i8>()).prop_flat_map(|(columns, scale, step, zero)| {
            (bytes(3, columns), Just(scale), Just(Quant { scale: step, zero }))
        })
    ) {
        prop_assert_eq!(softmax(&x, scale, to), reference(IntKind::Softmax { scale, to }, &x));
    }

    #[test]
    fn norms_are_the_machine_s(
        (x, centred, scale, step, gammas) in (1usize..700, any::<bool>(), 0.0001f64..0.5, 0.001f64..0.1).prop_flat_map(
            |(features, centred, scale, step)| {
                let gammas = proptest::collection::vec((-2.0f64..2.0, -1.0f64..1.0), features);
                (bytes(2, features), Just(centred), Just(scale), Just(step), gammas)
            }
        ),
        epsilon in 1e-12f64..1e-3,
        zero in any::<i8>(),
    ) {
        let (gamma, beta): (Vec<f64>, Vec<f64>) = gammas.into_iter().unzip();
        let beta = if centred { beta } else { vec![] };
        let of = Norm { tokens: 1, centred, scale, epsilon, gamma, beta, to: Quant { scale: step, zero } };
        prop_assert_eq!(norm(&x, &of), reference(IntKind::Norm(Box::new(of)), &x));
    }
}
