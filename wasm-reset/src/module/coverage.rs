//! Which stores need no mark of their own.
//!
//! A mark stays until the instance is put back. So a store whose address lies near that of one which was marked
//! before it, on every way to it, needs none: granules are restored with [`REACH`] bytes on either side. That two
//! addresses lie near each other is known where both are the same value plus constants: the fields of a structure, the
//! variables in a frame of the stack.
//!
//! Values are told apart by where they were made. Within a function, each value that a local gets has a number, and
//! what is not known to be the same has another.

use std::collections::{BTreeSet, HashMap};

use wasmparser::Operator;

/// An address lies near a marked one if it is at most so many bytes before or behind it.
pub(super) const REACH: u32 = 256;

/// A value as far as it is known: that of this number plus a constant. Number 0 is the constant 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    number: u32,
    plus: i64,
}

/// The marks that were made before an instruction, on every way to it.
pub(super) struct Coverage {
    numbers: u32,
    locals: Vec<Value>,
    /// The top of the operand stack: what lies below is not known.
    stack: Vec<Option<Value>>,
    /// Of each value, where marks were made: the constants that were added to it.
    marked: HashMap<u32, BTreeSet<i64>>,
    /// The same in the order in which they were made.
    order: Vec<(u32, i64)>,
    blocks: Vec<Block>,
    /// For each block of the function, in order: the locals that are set within it.
    assigned: std::vec::IntoIter<Locals>,
}

/// A block, loop or if that has begun.
struct Block {
    /// How many marks there were before it.
    marks: usize,
    assigned: Locals,
    /// The locals when an `if` began, for its `else`.
    locals: Option<Vec<Value>>,
}

/// A set of locals, a bit each.
#[derive(Clone, Default)]
struct Locals(Vec<u64>);

impl Locals {
    fn insert(&mut self, local: u32) {
        let word = local as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (local % 64);
        }
    }

    fn insert_all(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&others.0) {
            *bits |= more;
        }
    }

    fn contains(&self, local: usize) -> bool {
        let bits = self.0.get(local / 64).copied().unwrap_or(0);
        bits & (1 << (local % 64)) != 0
    }
}

impl Coverage {
    /// At the beginning of a function of so many locals, parameters included. In one that is too large, each store
    /// needs a mark.
    pub(super) fn begin<'a>(
        locals: u32,
        operators: impl IntoIterator<Item = wasmparser::Result<Operator<'a>>> + Clone,
    ) -> wasmparser::Result<Self> {
        let assigned = assigned_in_blocks(locals, operators)?;
        let locals = if assigned.is_some() { locals } else { 0 };
        let mut this = Self {
            numbers: 0,
            locals: Vec::new(),
            stack: Vec::new(),
            marked: HashMap::new(),
            order: Vec::new(),
            blocks: Vec::new(),
            assigned: assigned.unwrap_or_default().into_iter(),
        };
        this.locals = (0..locals).map(|_| this.unknown()).collect();
        Ok(this)
    }

    /// Follows an instruction. Whether it is a store that needs a mark.
    pub(super) fn follow(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match operator {
            O::LocalGet { local_index } => {
                let value = self.locals.get(*local_index as usize).copied();
                self.stack.push(value);
            }
            O::LocalSet { local_index } => self.set(*local_index),
            O::LocalTee { local_index } => {
                self.set(*local_index);
                let value = self.locals.get(*local_index as usize).copied();
                self.stack.push(value);
            }
            O::I32Const { value } => self.stack.push(Some(Value {
                number: 0,
                plus: i64::from(*value),
            })),
            O::I32Add => {
                let sum = match (self.pop(), self.pop()) {
                    (Some(one), Some(other)) if one.number == 0 || other.number == 0 => {
                        Some(Value {
                            number: one.number.max(other.number),
                            plus: one.plus.wrapping_add(other.plus),
                        })
                    }
                    _ => None,
                };
                self.stack.push(sum);
            }
            operator if is_block(operator) => self.enter(operator),
            O::Else => self.enter_else(),
            O::End => self.leave(),
            _ => match super::body::store_offset(operator) {
                Some(offset) => {
                    self.pop();
                    let address = self.pop();
                    return self.needs_mark(address, offset);
                }
                None => self.other(operator),
            },
        }
        false
    }

    /// Notes a store to an address and an offset from it. Whether it needs a mark.
    fn needs_mark(&mut self, address: Option<Value>, offset: u64) -> bool {
        let Some(Value { number, plus }) = address else {
            return true;
        };
        let Ok(offset) = i64::try_from(offset) else {
            return true;
        };
        let at = plus.wrapping_add(offset);
        let marked = self.marked.entry(number).or_default();
        let reach = i64::from(REACH);
        let near = at.saturating_sub(reach)..=at.saturating_add(reach);
        if marked.range(near).next().is_some() {
            return false;
        }
        marked.insert(at);
        self.order.push((number, at));
        true
    }

    fn unknown(&mut self) -> Value {
        self.numbers += 1;
        Value {
            number: self.numbers,
            plus: 0,
        }
    }

    fn pop(&mut self) -> Option<Value> {
        self.stack.pop().flatten()
    }

    fn set(&mut self, local: u32) {
        let value = self.pop();
        let value = value.unwrap_or_else(|| self.unknown());
        if let Some(place) = self.locals.get_mut(local as usize) {
            *place = value;
        }
    }

    fn enter(&mut self, operator: &Operator<'_>) {
        let assigned = self.assigned.next().unwrap_or_default();
        if matches!(operator, Operator::Loop { .. }) {
            // It begins again with what its end has set.
            self.forget(&assigned);
        }
        let is_if = matches!(operator, Operator::If { .. });
        self.blocks.push(Block {
            marks: self.order.len(),
            assigned,
            locals: is_if.then(|| self.locals.clone()),
        });
        self.stack.clear();
    }

    fn enter_else(&mut self) {
        let Some(block) = self.blocks.last_mut() else {
            return;
        };
        if let Some(locals) = block.locals.take() {
            self.locals = locals;
        }
        let marks = block.marks;
        self.unmark(marks);
        self.stack.clear();
    }

    fn leave(&mut self) {
        if let Some(block) = self.blocks.pop() {
            // A branch may have come here from anywhere within.
            self.unmark(block.marks);
            self.forget(&block.assigned);
        }
        self.stack.clear();
    }

    /// Drops the marks but the first so many.
    fn unmark(&mut self, marks: usize) {
        for (number, at) in self.order.drain(marks..) {
            if let Some(marked) = self.marked.get_mut(&number) {
                marked.remove(&at);
            }
        }
    }

    /// These locals have other values from here on.
    fn forget(&mut self, assigned: &Locals) {
        for local in 0..self.locals.len() {
            if assigned.contains(local) {
                let value = self.unknown();
                if let Some(place) = self.locals.get_mut(local) {
                    *place = value;
                }
            }
        }
    }

    fn other(&mut self, operator: &Operator<'_>) {
        let Some((pops, pushes)) = arity(operator) else {
            self.stack.clear();
            return;
        };
        self.stack.truncate(self.stack.len().saturating_sub(pops));
        self.stack.extend((0..pushes).map(|_| None));
    }
}

/// The locals that are set within each block, loop and if, in their order; none if following them would take too long.
fn assigned_in_blocks<'a>(
    locals: u32,
    operators: impl IntoIterator<Item = wasmparser::Result<Operator<'a>>> + Clone,
) -> wasmparser::Result<Option<Vec<Locals>>> {
    let mut blocks = 0u64;
    for operator in operators.clone() {
        blocks += u64::from(is_block(&operator?));
    }
    if blocks * u64::from(locals) > MAX_WORK {
        return Ok(None);
    }
    let mut all: Vec<Locals> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for operator in operators {
        match operator? {
            operator if is_block(&operator) => {
                open.push(all.len());
                all.push(Locals::default());
            }
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                if let Some(block) = open.last().and_then(|block| all.get_mut(*block)) {
                    block.insert(local_index);
                }
            }
            Operator::End => {
                let inner = open.pop().and_then(|block| all.get(block)).cloned();
                let outer = open.last().and_then(|block| all.get_mut(*block));
                if let (Some(inner), Some(outer)) = (inner, outer) {
                    outer.insert_all(&inner);
                }
            }
            _ => {}
        }
    }
    Ok(Some(all))
}

fn is_block(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(operator, O::Block { .. } | O::Loop { .. } | O::If { .. })
}

/// Blocks times locals of a function, at most: each block may set each local.
const MAX_WORK: u64 = 1 << 24;

macro_rules! arity {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
        /// How many operands an instruction takes and gives, where that is the same everywhere.
        fn arity(operator: &Operator<'_>) -> Option<(usize, usize)> {
            match operator {
                $( Operator::$op { .. } => arity!(one $($ann)*), )*
                _ => None,
            }
        }
    };
    (one arity custom) => { None };
    (one arity $pops:literal -> $pushes:literal) => { Some(($pops, $pushes)) };
}
wasmparser::for_each_operator!(arity);
