//! The lanes of the vector unit: what an instruction does with a lane goes through one multiplier and one rounding
//! shift, whatever it is.
//!
//! `beat` treats lanes `beat · lanes ..` of a row; four cycles after `enable` they are in `row32`, or in `row8`, other
//! lanes as before. Stage 1 makes two factors and a shift from the operands, stage 2 multiplies, stage 3 shifts with
//! rounding half to even, stage 4 makes the result. Instructions that neither multiply nor shift make a factor of 1.
//! What a row needs of its instruction travels with it, so that rows of several instructions may follow each other.

use rust_hdl::prelude::*;

use super::opcode_rom::Kind;

/// `REQUANT`, `ADDQ`, `LUT`, `LUT32` and the int32 group but for its reductions, whose results come by `splat`.
///
/// Rows of 1024 bits are in lane order. `acc` and `spad` are taken in beat 0 of a row, which `keeps` the rest of them;
/// the other operands stay until its last beat. Without `go` nothing moves.
#[derive(LogicBlock)]
pub(crate) struct VectorLanes {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) keep: Signal<In, Bit>,
    pub(crate) beat: Signal<In, Bits<5>>,
    /// a; or d of `VSEL`.
    pub(crate) acc: Signal<In, Bits<1024>>,
    /// b; or the bias.
    pub(crate) row: Signal<In, Bits<1024>>,
    /// b of every lane, in place of `row`; not the bias.
    pub(crate) word: Signal<In, Bits<32>>,
    pub(crate) splats: Signal<In, Bit>,
    /// Multipliers and shifts of a parameter block.
    pub(crate) params: Signal<In, Bits<1024>>,
    /// a of the tables, b of `ADDQ`, b of form 2; rows of a table.
    pub(crate) spad: Signal<In, Bits<256>>,
    /// a of `ADDQ`.
    pub(crate) held: Signal<In, Bits<256>>,
    /// The parameter row of `ADDQ`.
    pub(crate) constants: Signal<In, Bits<256>>,
    pub(crate) form: Signal<In, Bits<2>>,
    pub(crate) shift: Signal<In, Bits<6>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) zp: Signal<In, Bits<8>>,
    pub(crate) lo: Signal<In, Bits<8>>,
    pub(crate) hi: Signal<In, Bits<8>>,
    /// Keeps which lanes of `acc` are positive, for `VSEL`.
    pub(crate) judge: Signal<In, Bit>,
    /// Puts `spad` into this row of the table.
    pub(crate) fill: Signal<In, Bit>,
    pub(crate) fill_row: Signal<In, Bits<5>>,
    /// Puts `sum` into every lane of `row32`.
    pub(crate) splat: Signal<In, Bit>,
    pub(crate) sum: Signal<In, Bits<32>>,
    /// a of the lanes of this beat, or of all lanes where a sum takes all at once.
    pub(crate) part: Signal<Out, Bits<1024>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
    pub(crate) row8: Signal<Out, Bits<256>>,
    _lanes: usize,
    _positive: u32,
    _table: [[u8; 32]; 32],
    _rest: Bits<1024>,
    _rest8: Bits<256>,
    _factors: Option<(Context, Vec<Factors>)>,
    _products: Option<(Context, Vec<(i64, u32)>)>,
    _scaled: Option<(Context, Vec<i64>)>,
}

/// What the later stages need of an instruction.
#[derive(Clone, Copy)]
struct Context {
    beat: usize,
    kind: Kind,
    n: usize,
    offset: i64,
    least: i64,
    most: i64,
}

#[derive(Clone, Copy)]
struct Factors {
    x: i32,
    y: i32,
    /// A second product, of `ADDQ`.
    u: i32,
    v: i32,
    shift: u32,
}

impl VectorLanes {
    /// So many lanes a cycle.
    pub(crate) fn new(lanes: usize) -> VectorLanes {
        VectorLanes {
            clock: Signal::default(),
            go: Signal::default(),
            kind: Signal::default(),
            enable: Signal::default(),
            keep: Signal::default(),
            beat: Signal::default(),
            acc: Signal::default(),
            row: Signal::default(),
            word: Signal::default(),
            splats: Signal::default(),
            params: Signal::default(),
            spad: Signal::default(),
            held: Signal::default(),
            constants: Signal::default(),
            form: Signal::default(),
            shift: Signal::default(),
            n: Signal::default(),
            zp: Signal::default(),
            lo: Signal::default(),
            hi: Signal::default(),
            judge: Signal::default(),
            fill: Signal::default(),
            fill_row: Signal::default(),
            splat: Signal::default(),
            sum: Signal::default(),
            part: Signal::default(),
            row32: Signal::default(),
            row8: Signal::default(),
            _lanes: lanes,
            _positive: 0,
            _table: [[0; 32]; 32],
            _rest: Bits::default(),
            _rest8: Bits::default(),
            _factors: None,
            _products: None,
            _scaled: None,
        }
    }

    fn constant(&self, byte: usize) -> u8 {
        self.constants.val().get_bits::<8>(8 * byte).to_u8()
    }

    fn multiplier(&self, byte: usize) -> i32 {
        i32::from_be_bytes(std::array::from_fn(|at| self.constant(byte + at)))
    }

    fn context(&self, beat: usize) -> Context {
        let adds = self.kind.val() == Kind::Addq;
        let byte = |bits: Bits<8>, byte| i64::from(if adds { self.constant(byte) } else { bits.to_u8() }.cast_signed());
        Context {
            beat,
            kind: self.kind.val(),
            n: self.n.val().index(),
            offset: byte(self.zp.val(), 11),
            least: byte(self.lo.val(), 12),
            most: byte(self.hi.val(), 13),
        }
    }

    /// Stage 1.
    fn factors(&self, beat: usize, lane: usize) -> Factors {
        let at = |row: Bits<1024>| row.get_bits::<32>(32 * lane).to_u32();
        let byte = |row: Bits<256>| row.get_bits::<8>(8 * lane).to_u8();
        let int8 = |byte: u8| i32::from(byte.cast_signed());
        let acc = if beat == 0 { self.acc.val() } else { self._rest };
        let spad = byte(if beat == 0 { self.spad.val() } else { self._rest8 });
        let (a, row) = (at(acc).cast_signed(), at(self.row.val()).cast_signed());
        let b = match (self.form.val() == 2, self.splats.val()) {
            (true, _) => int8(spad),
            (false, true) => self.word.val().to_u32().cast_signed(),
            (false, false) => row,
        };
        let params = at(self.params.val());
        let shift = u32::from(self.shift.val().to_u8());
        let entry = usize::from(spad ^ 0x80);
        let times = |y: i32, shift: u32| Factors { x: a, y, u: 0, v: 0, shift };
        let same = |x: i32| Factors { x, ..times(1, 0) };
        match self.kind.val() {
            Kind::Requant => {
                Factors { x: a.wrapping_add(row), ..times((params & 0x00ff_ffff).cast_signed(), params >> 24 & 63) }
            }
            Kind::Addq => Factors {
                x: int8(byte(self.held.val())) - int8(self.constant(8)),
                y: self.multiplier(0),
                u: int8(spad) - int8(self.constant(9)),
                v: self.multiplier(4),
                shift: u32::from(self.constant(10) & 63),
            },
            Kind::Vadd => same(a.wrapping_add(b)),
            Kind::Vsub => same(a.wrapping_sub(b)),
            Kind::Vmin => same(a.min(b)),
            Kind::Vmax => same(a.max(b)),
            Kind::Vmul => times(b, 0),
            Kind::Vmulr => times(b, shift),
            Kind::Vshr => match b.wrapping_add(shift.cast_signed()) {
                left @ ..0 => times(1u32.checked_shl(left.unsigned_abs()).unwrap_or(0).cast_signed(), 0),
                right => times(1, right.unsigned_abs().min(63)),
            },
            Kind::Vclz => same(a.leading_zeros().cast_signed()),
            Kind::Vsel => {
                let chosen = self._positive >> lane & 1 == 1 && lane < self.n.val().index();
                same(if chosen { b } else { a })
            }
            Kind::Lut => same(int8(self._table.as_flattened()[entry])),
            Kind::Lut32 => same(i32::from_be_bytes(self._table.as_flattened().as_chunks::<4>().0[entry])),
            _ => same(a),
        }
    }

    fn clocked(&mut self) {
        self.shift_stages();
        if self.splat.val() {
            let mut row32 = Bits::<1024>::default();
            for lane in 0..32 {
                row32.set_bits::<32>(32 * lane, self.sum.val());
            }
            self.row32.next = row32;
        }
        if self.enable.val() {
            let beat = self.beat.val().index() % (32 / self._lanes);
            let lanes = beat * self._lanes..(beat + 1) * self._lanes;
            self._factors = Some((self.context(beat), lanes.map(|lane| self.factors(beat, lane)).collect()));
        }
        if self.keep.val() && self.beat.val().index().is_multiple_of(32 / self._lanes) {
            (self._rest, self._rest8) = (self.acc.val(), self.spad.val());
        }
        if self.judge.val() {
            let positive = |lane: usize| self.acc.val().get_bits::<32>(32 * lane).to_u32().cast_signed() > 0;
            self._positive = (0..32).fold(0, |mask, lane| mask | u32::from(positive(lane)) << lane);
        }
        if self.fill.val() {
            let bytes = std::array::from_fn(|byte| self.spad.val().get_bits::<8>(8 * byte).to_u8());
            self._table[self.fill_row.val().index()] = bytes;
        }
    }

    /// Lanes of a beat of a sum: a narrow machine's, or the whole row.
    pub(super) fn summed(lanes: usize) -> usize {
        if lanes < 16 { lanes } else { 32 }
    }

    fn part_of_beat(&self) -> Bits<1024> {
        let (lanes, beat) = (self._lanes, self.beat.val().index() % (32 / self._lanes));
        if VectorLanes::summed(lanes) == 32 {
            return self.acc.val();
        }
        let (row, mut part) = (if beat == 0 { self.acc.val() } else { self._rest }, Bits::default());
        for lane in 0..lanes {
            part.set_bits::<32>(32 * lane, row.get_bits::<32>(32 * (beat * lanes + lane)));
        }
        part
    }

    /// Stages 2 to 4, the last one first.
    fn shift_stages(&mut self) {
        if let Some((context, scaled)) = self._scaled.take() {
            let (mut row32, mut row8) = (self.row32.val(), self.row8.val());
            for (lane, scaled) in scaled.into_iter().enumerate() {
                let lane = context.beat * self._lanes + lane;
                let result = context.result(lane, scaled);
                if context.is_narrow() {
                    row8.set_bits::<8>(8 * lane, u64::from(result & 0xff).into());
                } else {
                    row32.set_bits::<32>(32 * lane, u64::from(result).into());
                }
            }
            (self.row32.next, self.row8.next) = (row32, row8);
        }
        self._scaled = self._products.take().map(|(context, products)| {
            (context, products.into_iter().map(|(product, shift)| isa::rne(product, shift)).collect())
        });
        self._products = self._factors.take().map(|(context, factors)| {
            let product = |x: i32, y: i32| i64::from(x) * i64::from(y);
            let sum = |f: Factors| (product(f.x, f.y).wrapping_add(product(f.u, f.v)), f.shift);
            (context, factors.into_iter().map(sum).collect())
        });
    }
}

impl Context {
    fn is_narrow(&self) -> bool {
        matches!(self.kind, Kind::Requant | Kind::Addq | Kind::Lut)
    }

    /// Stage 4.
    fn result(&self, lane: usize, scaled: i64) -> u32 {
        if lane >= self.n && self.kind != Kind::Vsel {
            return 0;
        }
        match self.kind {
            Kind::Requant | Kind::Addq => (scaled + self.offset).max(self.least).min(self.most) as u32,
            Kind::Vmulr => scaled.clamp(i32::MIN.into(), i32::MAX.into()) as u32,
            _ => scaled as u32,
        }
    }
}

impl Logic for VectorLanes {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.go.val() {
            self.clocked();
        }
        self.part.next = self.part_of_beat();
    }

    fn connect(&mut self) {
        self.part.connect();
        self.row32.connect();
        self.row8.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(super::vector_lanes_hdl::text(self._lanes))
    }
}
