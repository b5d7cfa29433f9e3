//! Tokens in and out: embedding lookup, the argmax over a vocabulary in strips, and the loop that feeds one to the other.

use isa::{Argmax, Bne, Gather, Instr, Load, Loop, Lw, Matmul, Operand, Sub, Subtree, Sw, Wide};

use super::code::Code;

/// A table of `entries` × `rows` rows in `const`, one entry a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// First row of `const`.
    pub base: u32,
    /// Rows of an entry.
    pub rows: u16,
    /// Entries; a token beyond is taken for the last.
    pub entries: u32,
}

impl Embedding {
    /// Rows of the tokens whose numbers are words in spad from row `index` on, to `d`, an entry after the other.
    #[must_use]
    pub fn look_up(self, tokens: u16, index: u32, d: u32) -> Instr {
        Gather {
            lp: Loop::new(tokens, self.rows),
            d: Operand::new(d, self.rows as i16, 1),
            m: Wide::new(self.base, i32::from(self.rows), 1),
            region: Subtree::Const as u8,
            index,
            limit_reg: 0,
            limit: self.entries,
        }
        .into()
    }
}

/// The head of a language model: the largest of `hidden · weights` over a vocabulary, 32 words a tile, in strips that fit
/// on chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// First row of the tiles in `const`: for each 32 words `planes` tiles.
    pub base: u32,
    /// Words: a multiple of 32 times the strip.
    pub words: u32,
    /// Rows of 32 lanes of the hidden state.
    pub planes: u16,
    /// Blocks of 32 words in a strip.
    pub strip: u16,
}

/// Where [`Vocabulary::emit`] finds and puts things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabularyPlaces {
    /// Spad: the hidden state, `planes` rows.
    pub hidden: u32,
    /// Spad, aligned to 32: `strip × planes` tiles.
    pub tiles: u32,
    /// Acc: `strip` row32s.
    pub logits: u32,
    /// Register that takes the index of the largest logit, the first of equals.
    pub index: u8,
    /// Register that takes its value.
    pub value: u8,
    /// Scratch registers: row of `const`, first word of the strip, words left.
    pub registers: [u8; 3],
}

impl Vocabulary {
    /// Writes it: the first strip, then a loop over the others that goes on from its registers.
    pub fn emit(self, code: &mut Code, at: &VocabularyPlaces) {
        let [row, word, left] = at.registers;
        let words = u32::from(self.strip) * 32;
        for (register, start) in [(row, 0), (word, 0), (left, self.words / words)] {
            code.push(isa::Li { rd: register, imm: start });
        }
        self.strip(code, at, false);
        if self.words > words {
            code.push(Sub { rd: left, ra: left, rb: 0, imm: 1 });
            let top = code.here();
            for (register, step) in [(row, words * u32::from(self.planes)), (word, words)] {
                code.push(isa::Add { rd: register, ra: register, rb: 0, imm: step });
            }
            self.strip(code, at, true);
            code.push(Sub { rd: left, ra: left, rb: 0, imm: 1 });
            code.push(Bne { ra: left, rb: 0, imm: top });
        }
    }

    fn strip(self, code: &mut Code, at: &VocabularyPlaces, acc: bool) {
        let [row, word, _] = at.registers;
        let rows = u32::from(self.planes) * 32;
        code.push(Load {
            lp: Loop::new(rows as u16, self.strip),
            d: Operand::new(at.tiles, 1, rows as i16),
            m: Wide { base: self.base, reg: row, s0: 1, s1: rows as i32 },
            region: Subtree::Const as u8,
            space: false,
        });
        for block in 0..u32::from(self.strip) {
            code.push(Matmul {
                lp: Loop::new(1, 1),
                d: Operand::new(at.logits + block, 0, 0),
                a: Operand::new(at.hidden, 0, 0),
                w_base: at.tiles + block * rows,
                w_sk: 32,
                a_sk: 1,
                n: 32,
                k: 32,
                kt: self.planes,
                ..Matmul::default()
            });
        }
        code.push(Argmax {
            lp: Loop::new(self.strip, 1),
            rd: at.index,
            rv: at.value,
            a: Operand::new(at.logits, 1, 0),
            i_base: 0,
            i_reg: word,
            n: 32,
            acc,
        });
    }
}

/// Generates words one by one: the first is word 0 of `input`, every further one what `body` chose for the one before;
/// words go to `output` in order, one a word, until `end` (which is written too) or `most` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generate {
    /// Most words to write, at least 1.
    pub most: u32,
    /// The word that ends the text.
    pub end: u32,
    /// Row of `work` whose word 0 holds the present word.
    pub work: u32,
    /// Row of spad that the present word is loaded to, for [`Embedding::look_up`].
    pub index: u32,
    /// Register that counts words written; `body` may read it as the position.
    pub position: u8,
    /// Register that holds the present word; `body` leaves the next one there.
    pub word: u8,
    /// Scratch register.
    pub scratch: u8,
}

impl Generate {
    /// Writes the loop around `body`.
    pub fn emit(self, code: &mut Code, body: impl FnOnce(&mut Code)) {
        let region = Subtree::Work as u8;
        code.push(Lw { rd: self.word, ra: 0, imm: 0, region: Subtree::Input as u8 });
        code.push(isa::Li { rd: self.position, imm: 0 });
        code.forget();
        let top = code.here();
        code.push(Sw { ra: 0, rb: self.word, imm: 8 * self.work, region });
        let (d, m) = (Operand::new(self.index, 0, 0), Wide::new(self.work, 0, 0));
        code.push(Load { lp: Loop::new(1, 1), d, m, region, space: false });
        body(code);
        code.push(Sw { ra: self.position, rb: self.word, imm: 0, region: Subtree::Output as u8 });
        code.push(isa::Add { rd: self.position, ra: self.position, rb: 0, imm: 1 });
        code.push(isa::Li { rd: self.scratch, imm: self.end });
        let out = code.here() + 3;
        code.push(isa::Beq { ra: self.word, rb: self.scratch, imm: out });
        code.push(isa::Li { rd: self.scratch, imm: self.most });
        code.push(isa::Bltu { ra: self.position, rb: self.scratch, imm: top });
        code.forget();
    }
}
