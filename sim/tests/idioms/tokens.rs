//! The programs `idiom_*.tasm` of language models: rotary embedding, attention, words in and out.

use compiler::idiom::attention::{self, Attention, AttentionPlaces};
use compiler::idiom::attention_rows::{AttentionRows, AttentionRowsPlaces};
use compiler::idiom::choose::{Embedding, Generate, Vocabulary, VocabularyPlaces};
use compiler::idiom::data::{multiplier, param_block, row, uniform_tile};
use compiler::idiom::softmax::Tail;
use compiler::idiom::{Code, rotary};
use isa::random::Rng;
use isa::{Add, Leaf, Li, Load, Loop, Lw, Operand, Store, Subtree, Sw, Wide};

use super::bench::Bench;
use super::programs::{byte, draw, near};
use super::sketch::Sketch;

fn random_rows<const N: usize>(rng: &mut Rng, reach: i64) -> [[i8; 32]; N] {
    std::array::from_fn(|_| std::array::from_fn(|_| draw(rng, reach)))
}

fn leaves(rows: &[[i8; 32]]) -> Vec<Leaf> {
    rows.iter().map(|lanes| row(lanes)).collect()
}

#[test]
fn rotary_embedding() {
    let mut sketch = Sketch::new(
        "Rotary position embedding of two heads of 32 lanes at position 5, which is word 0 of input: lane j turns with lane j + 16
         by 5 / 10000^(j/16). A position has two table rows, cosines and sines in steps of 1/127; scales stay.",
    );
    let heads = random_rows::<2>(&mut Rng::new(200), 127);
    sketch.rows("input", 0, &[row(&[0, 0, 0, 5])]);
    sketch.rows("input", 1, &leaves(&heads));
    let tables: Vec<Leaf> = (0..8).flat_map(rotary::table).collect();
    let (m, s) = multiplier(1.0 / rotary::ONE);
    sketch.row32s("const", 0, &param_block(|_| (0, m, s)));
    sketch.rows("const", 8, &tables);
    sketch.load(Subtree::Const, 0, 24, 32);
    sketch.load(Subtree::Input, 1, 2, 0);
    sketch.note("Twice the position is the row of its cosines.");
    sketch.code.push(Lw { rd: 1, ra: 0, imm: 0, region: Subtree::Input as u8 });
    sketch.code.push(Add { rd: 1, ra: 1, rb: 1, imm: 0 });
    let at = rotary::RotaryPlaces { heads: 0, exchanged: 2, table: 40, position: 1, scratch: 0, block: 32, output: 4 };
    sketch.all(rotary::rotate(2, &at));
    sketch.store(4, 2, 0);
    let outcome = sketch.finish("idiom_rotary");
    for (head, lanes) in heads.iter().enumerate() {
        let x = |lane: usize| f64::from(lanes[lane]);
        for lane in 0..32 {
            let (sin, cos) = rotary::angle(5, lane % 16).sin_cos();
            let turned =
                if lane < 16 { x(lane) * cos - x(lane + 16) * sin } else { x(lane) * cos + x(lane - 16) * sin };
            near(byte(&outcome, head, lane), turned, 1.0, "turned");
        }
    }
}

#[test]
fn rotary_embedding_is_within_its_bound() {
    // Tables err by half a step of 1/127 at most, so lanes a, b by (|a| + |b|) / 254 ≤ 256/254, besides the rounding.
    let mut rng = Rng::new(201);
    let at =
        rotary::RotaryPlaces { heads: 0, exchanged: 16, table: 64, position: 1, scratch: 0, block: 32, output: 40 };
    let mut bench = Bench::new(&rotary::rotate(16, &at));
    let (m, s) = multiplier(1.0 / rotary::ONE);
    bench.set_rows(32, &param_block(|_| (0, m, s)));
    bench.set_x(1, 0);
    let mut worst = 0f64;
    for position in 0..1024 {
        let heads = random_rows::<16>(&mut rng, 127);
        bench.set_rows(0, &leaves(&heads));
        bench.set_rows(64, &rotary::table(position));
        bench.rewind();
        bench.run();
        for (head, lanes) in (0..).zip(&heads) {
            for pair in 0..16 {
                let (sin, cos) = rotary::angle(position, pair).sin_cos();
                let (a, b) = (f64::from(lanes[pair]), f64::from(lanes[pair + 16]));
                for (lane, real) in [(pair, a * cos - b * sin), (pair + 16, b * cos + a * sin)] {
                    worst = worst.max((f64::from(bench.spad(40 + head)[lane]) - real.clamp(-128.0, 127.0)).abs());
                }
            }
        }
    }
    println!("rotary: largest error {worst} steps");
    assert!(worst <= 1.51, "rotary errs by {worst} steps");
}

const HEAD: Attention = Attention { planes: 2, capacity: 64, score_scale: 0.0009, value_ratio: 1.0 };
const PLACES: AttentionPlaces = AttentionPlaces {
    query: 0,
    key: 2,
    value: 4,
    cache: 0,
    tiles: 64,
    weights: 8,
    ones: 32,
    blocks: 16,
    output: 6,
    scratch: 0,
    position: 1,
    registers: [2, 3, 4, 5, 6, 7],
};

/// Softmax of scores and the sum of values in float64; lane by lane.
fn attend(head: &Attention, query: &[i8], keys: &[Vec<i8>], values: &[Vec<i8>]) -> Vec<f64> {
    let score = |key: &Vec<i8>| -> f64 {
        let sum: i32 = key.iter().zip(query).map(|(k, q)| i32::from(*k) * i32::from(*q)).sum();
        f64::from(sum) * head.score_scale
    };
    let scores: Vec<f64> = keys.iter().map(score).collect();
    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let lane = |lane: usize| values.iter().zip(&weights).map(|(v, w)| f64::from(v[lane]) * w).sum::<f64>();
    (0..query.len()).map(|l| lane(l) / total * head.value_ratio).collect()
}

#[test]
fn attention_with_a_growing_store() {
    let mut sketch = Sketch::new(
        "Attention of a head of 64 lanes over 35 tokens, one by one: keys and values are kept in work, and their number in x1
         decides how many are loaded, multiplied and summed; the last block of 32 keys is masked. Input has a query, a key
         and a value of two rows for each token.",
    );
    sketch.line(".profile text=8 const=8 input=8 work=9 output=8 spad=9 acc=6 limit=100000");
    let mut rng = Rng::new(202);
    let tokens: Vec<[[i8; 32]; 6]> = (0..35).map(|_| random_rows::<6>(&mut rng, 60)).collect();
    for (token, rows) in tokens.iter().enumerate() {
        sketch.rows("input", 6 * token, &leaves(rows));
    }
    sketch.row32s("const", 0, HEAD.blocks().as_flattened());
    sketch.rows("const", 16, &uniform_tile(1));
    sketch.load(Subtree::Const, 0, 48, 16);
    sketch.code.push(Li { rd: 1, imm: 0 });
    sketch.code.push(Li { rd: 8, imm: 0 });
    let top = sketch.code.here();
    sketch.note("Query, key and value of this token, by x8 = 6 times the position.");
    let m = Wide { base: 0, reg: 8, s0: 1, s1: 0 };
    let lp = Loop::new(6, 1);
    sketch.code.push(Load { lp, d: Operand::new(0, 1, 0), m, region: Subtree::Input as u8, space: false });
    HEAD.emit(&mut sketch.code, &PLACES);
    sketch.note("The result, to rows 2 and 3 times the position.");
    sketch.code.push(Add { rd: 2, ra: 1, rb: 1, imm: 0 });
    let (lp, m) = (Loop::new(2, 1), Wide { base: 0, reg: 2, s0: 1, s1: 0 });
    sketch.code.push(Store { lp, d: Operand::new(6, 1, 0), m, region: Subtree::Output as u8, space: false });
    sketch.code.push(Add { rd: 1, ra: 1, rb: 0, imm: 1 });
    sketch.code.push(Add { rd: 8, ra: 8, rb: 0, imm: 6 });
    sketch.code.push(Li { rd: 2, imm: 35 });
    sketch.code.push(isa::Bne { ra: 1, rb: 2, imm: top });
    let outcome = sketch.finish("idiom_attention");
    let of = |first: usize| -> Vec<Vec<i8>> { tokens.iter().map(|t| [t[first], t[first + 1]].concat()).collect() };
    let (queries, keys, values) = (of(0), of(2), of(4));
    for position in 0..35 {
        let want = attend(&HEAD, &queries[position], &keys[..=position], &values[..=position]);
        for (lane, want) in want.into_iter().enumerate() {
            near(byte(&outcome, 2 * position + lane / 32, lane % 32), want, 1.5, "attention");
        }
    }
}

#[test]
fn attention_is_within_its_bound() {
    let mut rng = Rng::new(203);
    let mut worst = 0f64;
    for scale in [0.00002, 0.0003, 0.0009, 0.004] {
        let head = Attention { planes: 2, capacity: 256, score_scale: scale, value_ratio: 1.0 };
        let at = AttentionPlaces { tiles: 1024, weights: 96, ..PLACES };
        let mut code = Code::new(0, &[9, 10, 11, 12, 13, 14, 15], 1000..1008);
        head.emit(&mut code, &at);
        let mut bench = Bench::new(code.instrs());
        bench.set_rows(at.blocks, head.blocks().as_flattened());
        bench.set_rows(at.ones, &uniform_tile(1));
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for position in 0..256 {
            let rows = random_rows::<6>(&mut rng, 127);
            bench.set_rows(0, &leaves(&rows));
            bench.set_x(at.position, position);
            bench.rewind();
            bench.run();
            keys.push([rows[2], rows[3]].concat());
            values.push([rows[4], rows[5]].concat());
            for (lane, want) in attend(&head, &[rows[0], rows[1]].concat(), &keys, &values).into_iter().enumerate() {
                let have = bench.spad(at.output + (lane / 32) as u32)[lane % 32];
                worst = worst.max((f64::from(have) - want).abs());
            }
        }
    }
    println!("attention: largest error {worst} steps; weights in steps of 1/{}", attention::ONE);
    assert!(worst <= 2.5, "attention errs by {worst} steps");
}

/// Queries, keys and values of a prompt, plane after plane.
fn lay(bench: &mut dyn FnMut(u32, Leaf), base: u32, rows: usize, of: &[Vec<i8>]) {
    for (index, lanes) in of.iter().enumerate() {
        for (plane, lanes) in lanes.as_chunks::<32>().0.iter().enumerate() {
            bench(base + (plane * rows + index) as u32, row(lanes));
        }
    }
}

fn random_vectors(rng: &mut Rng, n: usize, lanes: usize, reach: i64) -> Vec<Vec<i8>> {
    (0..n).map(|_| (0..lanes).map(|_| draw(rng, reach)).collect()).collect()
}

#[test]
fn attention_of_many_queries() {
    let mut sketch = Sketch::new(
        "Attention of 3 queries of 64 lanes over 40 keys and values on chip: scores by the transposed tiles of keys, weights
         of 127 for the largest key, divided by their sum at the end. Const: keys, values, ones, parameters.",
    );
    sketch.line(".profile text=8 const=9 input=6 work=8 output=8 spad=9 acc=6 limit=100000");
    let head =
        AttentionRows { rows: 3, segments: 2, tail: Tail::Lanes(8), planes: 2, score_scale: 0.0004, value_ratio: 1.0 };
    let mut rng = Rng::new(207);
    let [queries, keys, values] = [3, 40, 40].map(|n| random_vectors(&mut rng, n, 64, 100));
    lay(&mut |at, leaf| sketch.rows("input", at as usize, &[leaf]), 0, 3, &queries);
    lay(&mut |at, leaf| sketch.rows("const", at as usize, &[leaf]), 0, 64, &keys);
    lay(&mut |at, leaf| sketch.rows("const", at as usize, &[leaf]), 128, 64, &values);
    sketch.rows("const", 256, &uniform_tile(1));
    sketch.row32s("const", 288, head.blocks().as_flattened());
    sketch.load(Subtree::Const, 0, 304, 32);
    sketch.load(Subtree::Input, 0, 6, 0);
    let at = AttentionRowsPlaces {
        queries: 0,
        keys: 32,
        values: 160,
        ones: 288,
        blocks: 320,
        weights: 8,
        output: 16,
        scratch: 0,
    };
    head.emit(&mut sketch.code, &at);
    sketch.store(16, 6, 0);
    let outcome = sketch.finish("idiom_attention_rows");
    let decode = Attention { score_scale: head.score_scale, ..HEAD };
    for (query, lanes) in queries.iter().enumerate() {
        for (lane, want) in attend(&decode, lanes, &keys, &values).into_iter().enumerate() {
            near(byte(&outcome, lane / 32 * 3 + query, lane % 32), want, 1.0, "attention");
        }
    }
}

#[test]
fn attention_of_many_queries_is_within_its_bound() {
    let mut rng = Rng::new(208);
    let mut worst = 0f64;
    for (keys, scale) in [(128usize, 0.00002), (128, 0.0003), (100, 0.0009), (33, 0.004), (128, 0.0009)] {
        let (rows, tail) = (32, Tail::Lanes(((keys - 1) % 32 + 1) as u8));
        let segments = keys.div_ceil(32);
        let head =
            AttentionRows { rows, segments: segments as u16, tail, planes: 2, score_scale: scale, value_ratio: 1.0 };
        let at = AttentionRowsPlaces {
            queries: 3000,
            keys: 0,
            values: 1024,
            ones: 2048,
            blocks: 2080,
            weights: 2200,
            output: 2800,
            scratch: 0,
        };
        let mut code = Code::new(0, &[9, 10, 11, 12, 13, 14, 15], 2000..2008);
        head.emit(&mut code, &at);
        let mut bench = Bench::new(code.instrs());
        bench.set_rows(at.blocks, head.blocks().as_flattened());
        bench.set_rows(at.ones, &uniform_tile(1));
        let [q, k, v] = [32, keys, keys].map(|n| random_vectors(&mut rng, n, 64, 127));
        lay(&mut |at, leaf| bench.set_spad(at, leaf), at.queries, 32, &q);
        lay(&mut |at, leaf| bench.set_spad(at, leaf), at.keys, 32 * segments, &k);
        lay(&mut |at, leaf| bench.set_spad(at, leaf), at.values, 32 * segments, &v);
        let steps = bench.run() - bench.constants();
        let masked = if keys % 32 == 0 { 0 } else { 3 };
        let per_row = (11 + 2 * 2 + 1) * segments as u64 + 3 * 2 + 11 + masked;
        assert_eq!(steps, 32 * per_row, "{keys} keys");
        for (query, lanes) in q.iter().enumerate() {
            let decode = Attention { score_scale: scale, ..HEAD };
            for (lane, want) in attend(&decode, lanes, &k, &v).into_iter().enumerate() {
                let have = bench.spad(at.output + (lane / 32 * 32 + query) as u32)[lane % 32];
                worst = worst.max((f64::from(have) - want).abs());
            }
        }
    }
    println!("attention of many queries: largest error {worst} steps");
    assert!(worst <= 2.5, "attention errs by {worst} steps");
}

#[test]
fn embedding_look_up() {
    let mut sketch = Sketch::new(
        "Embedding lookup: five words of input choose entries of two rows; 9 is beyond the table of 6 and gives the last.",
    );
    let table = random_rows::<12>(&mut Rng::new(204), 127);
    let words = [3usize, 0, 9, 5, 3];
    sketch.line(".input 0 words 3 0 9 5 3");
    sketch.rows("const", 20, &leaves(&table));
    sketch.load(Subtree::Input, 0, 1, 0);
    sketch.code.push(Embedding { base: 20, rows: 2, entries: 6 }.look_up(5, 0, 8));
    sketch.store(8, 10, 0);
    let outcome = sketch.finish("idiom_embedding");
    for (r, lane) in (0..10).flat_map(|r| (0..32).map(move |lane| (r, lane))) {
        assert_eq!(byte(&outcome, r, lane), table[words[r / 2].min(5) * 2 + r % 2][lane]);
    }
}

/// `hidden · weights` of word `w`; tiles are for 32 words each.
fn logit(hidden: &[i8; 32], tiles: &[[i8; 32]], w: usize) -> i32 {
    (0..32).map(|i| i32::from(hidden[i]) * i32::from(tiles[w / 32 * 32 + i][w % 32])).sum()
}

const WORDS: usize = 192;

#[test]
fn argmax_over_a_vocabulary() {
    let mut sketch = Sketch::new(
        "The largest of 192 logits, in strips of 64 words: ARGMAX goes on from its registers. Index and value are stored.",
    );
    sketch.line(".profile text=8 const=8 input=6 work=8 output=8 spad=8 acc=6 limit=100000");
    let mut rng = Rng::new(205);
    let (hidden, tiles) = (random_rows::<1>(&mut rng, 127), random_rows::<WORDS>(&mut rng, 127));
    sketch.rows("input", 0, &leaves(&hidden));
    sketch.rows("const", 0, &leaves(&tiles));
    sketch.load(Subtree::Input, 0, 1, 0);
    let vocabulary = Vocabulary { base: 0, words: WORDS as u32, planes: 1, strip: 2 };
    let at = VocabularyPlaces { hidden: 0, tiles: 32, logits: 0, index: 1, value: 2, registers: [3, 4, 5] };
    vocabulary.emit(&mut sketch.code, &at);
    for (imm, rb) in [(0, 1), (1, 2)] {
        sketch.code.push(Sw { ra: 0, rb, imm, region: Subtree::Output as u8 });
    }
    let outcome = sketch.finish("idiom_argmax");
    let best = (0..WORDS).rev().max_by_key(|&w| logit(&hidden[0], &tiles, w)).unwrap();
    let words = outcome.output.get(0).as_chunks::<4>().0.iter().map(|w| u32::from_be_bytes(*w)).collect::<Vec<_>>();
    assert_eq!((words[0], words[1].cast_signed()), (best as u32, logit(&hidden[0], &tiles, best)));
}

#[test]
fn generating_words() {
    let mut sketch = Sketch::new(
        "A loop over tokens: each word's embedding times the vocabulary chooses the next, until the end word or 20 of them.
         The first word is word 0 of input.",
    );
    sketch.line(".profile text=8 const=9 input=6 work=8 output=8 spad=8 acc=6 limit=1000000");
    let mut rng = Rng::new(210);
    let tiles = random_rows::<64>(&mut rng, 127);
    let embedding = random_rows::<64>(&mut rng, 127);
    let next = |word: usize| (0..64).rev().max_by_key(|&w| logit(&embedding[word], &tiles, w)).unwrap();
    let story: Vec<usize> = std::iter::successors(Some(next(7)), |&word| Some(next(word))).take(20).collect();
    // The end is the first word to come that did not come before, as late as possible.
    let last = (0..20).rev().find(|&i| !story[..i].contains(&story[i])).unwrap();
    sketch.line(".input 0 words 7");
    sketch.rows("const", 0, &leaves(&tiles));
    sketch.rows("const", 64, &leaves(&embedding));
    let generate = Generate { most: 20, end: story[last] as u32, work: 3, index: 1, position: 1, word: 2, scratch: 3 };
    let vocabulary = Vocabulary { base: 0, words: 64, planes: 1, strip: 2 };
    let at = VocabularyPlaces { hidden: 0, tiles: 32, logits: 0, index: 2, value: 4, registers: [5, 6, 7] };
    let notes = sketch.code.here() as usize;
    generate.emit(&mut sketch.code, |code| {
        code.push(Embedding { base: 64, rows: 1, entries: 64 }.look_up(1, 1, 0));
        vocabulary.emit(code, &at);
    });
    assert_eq!(notes, 0);
    let outcome = sketch.finish("idiom_generate");
    for position in 0..20 {
        let leaf = outcome.output.get(position as u64 / 8);
        let word = u32::from_be_bytes(leaf.as_chunks::<4>().0[position % 8]);
        assert_eq!(
            word as usize,
            if position <= last { story[position] } else { 0 },
            "position {position}, of {story:?}"
        );
    }
}
