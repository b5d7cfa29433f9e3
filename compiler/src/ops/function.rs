//! Functions of one real, and expressions of them.

use crate::idiom::table::erfc;

/// A function of one real.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// |x|.
    Abs,
    /// Between two bounds.
    Clip(f32, f32),
    /// x, or α·(e^(x/α) − 1) below 0.
    Celu(f32),
    /// x, or α·(eˣ − 1) below 0.
    Elu(f32),
    /// The error function.
    Erf,
    /// eˣ.
    Exp,
    /// x·Φ(x); by tanh if set.
    Gelu(bool),
    /// max(0, min(1, α·x + β)).
    HardSigmoid(f32, f32),
    /// x · max(0, min(1, x/6 + ½)).
    HardSwish,
    /// x, or α·x below 0.
    LeakyRelu(f32),
    /// ln x.
    Log,
    /// x · tanh(ln(1 + eˣ)).
    Mish,
    /// −x.
    Neg,
    /// 1/x.
    Reciprocal,
    /// max(x, 0).
    Relu,
    /// γ·x, or γ·α·(eˣ − 1) below 0.
    Selu(f32, f32),
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// −1, 0, 1.
    Sign,
    /// ln(1 + eˣ).
    Softplus,
    /// x/(1 + |x|).
    Softsign,
    /// √x.
    Sqrt,
    /// x · sigmoid(α·x).
    Swish(f32),
    /// tanh x.
    Tanh,
    /// x above α, or 0.
    ThresholdedRelu(f32),
}

impl Unary {
    /// ONNX's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unary::Abs => "Abs",
            Unary::Clip(..) => "Clip",
            Unary::Celu(_) => "Celu",
            Unary::Elu(_) => "Elu",
            Unary::Erf => "Erf",
            Unary::Exp => "Exp",
            Unary::Gelu(_) => "Gelu",
            Unary::HardSigmoid(..) => "HardSigmoid",
            Unary::HardSwish => "HardSwish",
            Unary::LeakyRelu(_) => "LeakyRelu",
            Unary::Log => "Log",
            Unary::Mish => "Mish",
            Unary::Neg => "Neg",
            Unary::Reciprocal => "Reciprocal",
            Unary::Relu => "Relu",
            Unary::Selu(..) => "Selu",
            Unary::Sigmoid => "Sigmoid",
            Unary::Sign => "Sign",
            Unary::Softplus => "Softplus",
            Unary::Softsign => "Softsign",
            Unary::Sqrt => "Sqrt",
            Unary::Swish(_) => "Swish",
            Unary::Tanh => "Tanh",
            Unary::ThresholdedRelu(_) => "ThresholdedRelu",
        }
    }

    /// The bounds that it is, if it is no more than that.
    #[must_use]
    pub fn bounds(self) -> Option<(f32, f32)> {
        match self {
            Unary::Relu => Some((0.0, f32::INFINITY)),
            Unary::Clip(lo, hi) => Some((lo, hi)),
            _ => None,
        }
    }

    /// The value, computed in float64 and rounded once.
    #[must_use]
    pub fn apply(self, x: f32) -> f32 {
        let v = f64::from(x);
        let wide = |f: f32| f64::from(f);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        let result = match self {
            Unary::Abs => v.abs(),
            // As ONNX: the lower bound first, so that the upper one wins where they cross.
            Unary::Clip(lo, hi) => v.max(wide(lo)).min(wide(hi)),
            Unary::Celu(alpha) => v.max(0.0) + (wide(alpha) * (v / wide(alpha)).exp_m1()).min(0.0),
            Unary::Elu(alpha) => {
                if v < 0.0 {
                    wide(alpha) * v.exp_m1()
                } else {
                    v
                }
            }
            Unary::Erf => 1.0 - erfc(v),
            Unary::Exp => v.exp(),
            Unary::Gelu(false) => crate::idiom::table::gelu(v),
            Unary::Gelu(true) => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (v + 0.044_715 * v * v * v);
                0.5 * v * (1.0 + inner.tanh())
            }
            Unary::HardSigmoid(alpha, beta) => (wide(alpha) * v + wide(beta)).clamp(0.0, 1.0),
            Unary::HardSwish => v * (v / 6.0 + 0.5).clamp(0.0, 1.0),
            Unary::LeakyRelu(alpha) => {
                if v < 0.0 {
                    wide(alpha) * v
                } else {
                    v
                }
            }
            Unary::Log => v.ln(),
            Unary::Mish => v * v.exp().ln_1p().tanh(),
            Unary::Neg => -v,
            Unary::Reciprocal => 1.0 / v,
            Unary::Relu => v.max(0.0),
            Unary::Selu(alpha, gamma) => wide(gamma) * if v < 0.0 { wide(alpha) * v.exp_m1() } else { v },
            Unary::Sigmoid => sigmoid(v),
            Unary::Sign => {
                if v == 0.0 {
                    0.0
                } else {
                    v.signum()
                }
            }
            Unary::Softplus => v.max(0.0) + (-v.abs()).exp().ln_1p(),
            Unary::Softsign => v / (1.0 + v.abs()),
            Unary::Sqrt => v.sqrt(),
            Unary::Swish(alpha) => v * sigmoid(wide(alpha) * v),
            Unary::Tanh => v.tanh(),
            Unary::ThresholdedRelu(alpha) => {
                if x > alpha {
                    v
                } else {
                    0.0
                }
            }
        };
        result as f32
    }
}

/// A function of two reals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// a + b.
    Add,
    /// a / b.
    Div,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// a · b.
    Mul,
    /// a to the power of b.
    Pow,
    /// a − b.
    Sub,
}

impl Binary {
    /// ONNX's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "Add",
            Binary::Div => "Div",
            Binary::Max => "Max",
            Binary::Min => "Min",
            Binary::Mul => "Mul",
            Binary::Pow => "Pow",
            Binary::Sub => "Sub",
        }
    }

    /// The value, in float32.
    #[must_use]
    pub fn apply(self, a: f32, b: f32) -> f32 {
        match self {
            Binary::Add => a + b,
            Binary::Div => a / b,
            Binary::Max => a.max(b),
            Binary::Min => a.min(b),
            Binary::Mul => a * b,
            Binary::Pow => f64::from(a).powf(b.into()) as f32,
            Binary::Sub => a - b,
        }
    }

    /// The value of integers, as shapes are computed; `None` where there is none.
    #[must_use]
    pub fn apply_integers(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Binary::Add => a.checked_add(b),
            Binary::Div => a.checked_div(b),
            Binary::Max => Some(a.max(b)),
            Binary::Min => Some(a.min(b)),
            Binary::Mul => a.checked_mul(b),
            Binary::Pow => a.checked_pow(u32::try_from(b).ok()?),
            Binary::Sub => a.checked_sub(b),
        }
    }
}

/// An expression of one real: what a group of elementwise nodes computes, rounded to float32 after each step.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// The argument.
    X,
    /// A number.
    Number(f32),
    /// A function of an expression.
    Unary(Unary, Box<Expression>),
    /// A function of two.
    Binary(Binary, Box<Expression>, Box<Expression>),
}

impl Expression {
    /// The value at x.
    #[must_use]
    pub fn apply(&self, x: f32) -> f32 {
        match self {
            Expression::X => x,
            Expression::Number(value) => *value,
            Expression::Unary(f, a) => f.apply(a.apply(x)),
            Expression::Binary(f, a, b) => f.apply(a.apply(x), b.apply(x)),
        }
    }

    /// Number of parts: an expression that uses another twice holds it twice.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Expression::X | Expression::Number(_) => 1,
            Expression::Unary(_, a) => 1 + a.size(),
            Expression::Binary(_, a, b) => 1 + a.size() + b.size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let near = |f: Unary, x: f32, y: f32| assert!((f.apply(x) - y).abs() < 2e-6, "{f:?} {x} {}", f.apply(x));
        near(Unary::Gelu(false), 1.0, 0.841_344_7);
        near(Unary::Gelu(true), 1.0, 0.841_192);
        near(Unary::Erf, 0.5, 0.520_499_9);
        near(Unary::Sigmoid, -2.0, 0.119_202_92);
        near(Unary::HardSwish, 1.0, 0.666_666_7);
        near(Unary::Elu(2.0), -1.0, -1.264_241_1);
        near(Unary::Softplus, 100.0, 100.0);
        near(Unary::Clip(1.0, -1.0), 0.0, -1.0);
    }

    #[test]
    fn expressions() {
        // x · sigmoid(x).
        let sigmoid = Expression::Unary(Unary::Sigmoid, Box::new(Expression::X));
        let silu = Expression::Binary(Binary::Mul, Box::new(Expression::X), Box::new(sigmoid));
        assert_eq!(silu.apply(0.0), 0.0);
        assert!((silu.apply(1.0) - Unary::Swish(1.0).apply(1.0)).abs() < 1e-6);
        assert_eq!(silu.size(), 4);
    }
}
