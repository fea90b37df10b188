//! Random programs on an instance that is put back, and on fresh ones: nobody can tell them apart.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use rusm_wasm_reset::difference::Image;
use rusm_wasm_reset::module::{MARKS, PLACE, SAVED, Surroundings, image, rewrite};
use rusm_wasm_reset::{Added, RESET, RESTORE, SAVE, Unsuited};
use wasmtime::{Caller, Engine, Extern, Instance, Linker, Module, Ref, Store, Val};

const PAGE: u32 = 1 << 16;
const TABLE: u32 = 8;
/// Bytes that the host writes for a result.
const RESULT: u32 = 40;

/// What a program does, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Store {
        instruction: usize,
        address: u32,
        offset: u32,
        value: u64,
    },
    Fill(u32, u8, u32),
    Copy(u32, u32, u32),
    Init(u32, u32, u32),
    GrowMemory(u32),
    SetGlobal(usize, u64),
    SetTable(u32, bool),
    FillTable(u32, u32),
    CopyTable(u32, u32, u32),
    InitTable(u32, u32, u32),
    GrowTable(u32),
    /// The host writes a result to this address.
    HostResult(u32),
    /// The host asks for a block of this many bytes, gets this address, and writes to all of it.
    HostBlock(u32, u32),
    /// A local gets an address, or another local and a constant.
    SetLocal(u32, Base, i32),
    /// A store by a local; the last is whether the address goes through `local.tee` into another.
    StoreBy(u32, u32, u64, Option<u32>),
    Block(Vec<Step>),
    /// Twice.
    Loop(Vec<Step>),
    If(bool, Vec<Step>, Vec<Step>),
    /// Out of so many blocks, if a number that is only known at run time is even.
    BreakIf(u32, u32),
}

#[derive(Clone, Copy, Debug)]
enum Base {
    Address(u32),
    Local(u32),
}

/// Locals that hold addresses, and the ones behind them that count.
const LOCALS: u32 = 3;

const STORES: [(&str, &str); 14] = [
    ("i32.store", "i32"),
    ("i32.store8", "i32"),
    ("i32.store16", "i32"),
    ("i64.store", "i64"),
    ("i64.store8", "i64"),
    ("i64.store16", "i64"),
    ("i64.store32", "i64"),
    ("f32.store", "f32"),
    ("f64.store", "f64"),
    ("v128.store", "v128"),
    ("v128.store8_lane", "v128"),
    ("v128.store16_lane", "v128"),
    ("v128.store32_lane", "v128"),
    ("v128.store64_lane", "v128"),
];
const GLOBALS: [&str; 5] = ["i32", "i64", "f32", "f64", "v128"];

fn constant(ty: &str, value: u64) -> String {
    match ty {
        "i32" => format!("(i32.const {})", value as i32),
        "i64" => format!("(i64.const {})", value as i64),
        "f32" => format!("(f32.const {}.5)", value as i16),
        "f64" => format!("(f64.const {}.25)", value as i32),
        _ => format!("(v128.const i64x2 {} {})", value as i64, !value as i64),
    }
}

impl Step {
    fn write(&self, out: &mut String, depth: u32) {
        match *self {
            Self::SetLocal(local, Base::Address(at), plus) => write!(
                out,
                "(local.set {local} (i32.add (i32.const {at}) (i32.const {plus})))"
            ),
            Self::SetLocal(local, Base::Local(other), plus) => write!(
                out,
                "(local.set {local} (i32.add (i32.const {plus}) (local.get {other})))"
            ),
            Self::StoreBy(local, offset, value, tee) => {
                let tee = tee.map_or(String::new(), |to| format!("local.tee {to}"));
                write!(
                    out,
                    "local.get {local} {tee} (i64.const {}) i64.store offset={offset} ",
                    value as i64
                )
            }
            Self::Block(ref steps) => {
                out.push_str("(block ");
                Self::write_all(steps, out, depth + 1);
                write!(out, ")")
            }
            Self::Loop(ref steps) => {
                let counter = LOCALS + depth.min(COUNTERS - 1);
                // A step may branch to the loop: it counts at its beginning.
                write!(
                    out,
                    "(local.set {counter} (i32.const 2)) (block $out{depth} (loop $again{depth}
                    (br_if $out{depth} (i32.eqz (local.get {counter})))
                    (local.set {counter} (i32.sub (local.get {counter}) (i32.const 1))) "
                )
                .unwrap();
                Self::write_all(steps, out, depth + 2);
                write!(out, "(br $again{depth})))")
            }
            Self::If(condition, ref then, ref otherwise) => {
                write!(out, "(if (i32.const {}) (then ", u32::from(condition)).unwrap();
                Self::write_all(then, out, depth + 1);
                out.push_str(") (else ");
                Self::write_all(otherwise, out, depth + 1);
                write!(out, "))")
            }
            Self::BreakIf(levels, at) if depth > 0 => write!(
                out,
                "(br_if {} (i32.eqz (i32.and (i32.load8_u (i32.const {at})) (i32.const 1))))",
                levels.min(depth - 1)
            ),
            Self::BreakIf(..) => Ok(()),
            Self::Store {
                instruction,
                address,
                offset,
                value,
            } => {
                let (name, ty) = STORES[instruction];
                let lane = if name.ends_with("lane") { " 0" } else { "" };
                let value = constant(ty, value);
                write!(
                    out,
                    "({name} offset={offset}{lane} (i32.const {address}) {value})"
                )
            }
            Self::Fill(to, value, length) => write!(
                out,
                "(memory.fill (i32.const {to}) (i32.const {value}) (i32.const {length}))"
            ),
            Self::Copy(to, from, length) => write!(
                out,
                "(memory.copy (i32.const {to}) (i32.const {from}) (i32.const {length}))"
            ),
            Self::Init(to, from, length) => write!(
                out,
                "(memory.init $kept (i32.const {to}) (i32.const {from}) (i32.const {length}))"
            ),
            Self::GrowMemory(pages) => write!(out, "(drop (memory.grow (i32.const {pages})))"),
            Self::SetGlobal(global, value) => {
                let value = constant(GLOBALS[global], value);
                write!(out, "(global.set {global} {value})")
            }
            Self::SetTable(at, null) => {
                let value = if null {
                    "(ref.null func)"
                } else {
                    "(ref.func $b)"
                };
                write!(out, "(table.set $t (i32.const {at}) {value})")
            }
            Self::FillTable(at, length) => write!(
                out,
                "(table.fill $t (i32.const {at}) (ref.func $b) (i32.const {length}))"
            ),
            Self::CopyTable(to, from, length) => write!(
                out,
                "(table.copy $t $t (i32.const {to}) (i32.const {from}) (i32.const {length}))"
            ),
            Self::InitTable(to, from, length) => write!(
                out,
                "(table.init $t $kept (i32.const {to}) (i32.const {from}) (i32.const {length}))"
            ),
            Self::GrowTable(by) => write!(
                out,
                "(drop (table.grow $t (ref.null func) (i32.const {by})))"
            ),
            Self::HostResult(at) => write!(out, "(call $result (i64.const 1) (i32.const {at}))"),
            Self::HostBlock(at, size) => write!(
                out,
                "(global.set $block (i32.const {at})) (call $ask (i32.const {size}))"
            ),
        }
        .unwrap();
    }

    fn write_all(steps: &[Self], out: &mut String, depth: u32) {
        for step in steps {
            step.write(out, depth);
        }
    }
}

impl Step {
    fn without_what_can_not_be_saved(&mut self) {
        match self {
            Self::Block(steps) | Self::Loop(steps) => {
                steps
                    .iter_mut()
                    .for_each(Self::without_what_can_not_be_saved);
            }
            Self::If(_, then, otherwise) => {
                for steps in [then, otherwise] {
                    steps
                        .iter_mut()
                        .for_each(Self::without_what_can_not_be_saved);
                }
            }
            Self::SetGlobal(global, _) => *global %= GLOBALS.len() - 1,
            Self::SetTable(..)
            | Self::FillTable(..)
            | Self::CopyTable(..)
            | Self::InitTable(..)
            | Self::GrowTable(_) => *self = Self::Block(Vec::new()),
            _ => {}
        }
    }
}

/// Loops within one another have a counter each.
const COUNTERS: u32 = 8;

/// A module whose function `run` does the steps, and what its memory holds at first.
#[derive(Clone, Debug)]
struct Program {
    pages: u32,
    data: Vec<(u32, Vec<u8>)>,
    /// Whether it has instructions that change tables.
    tables: bool,
    /// How many globals it has.
    globals: usize,
    first: Vec<Step>,
    second: Vec<Step>,
}

impl Program {
    fn wat(&self) -> String {
        let mut out = format!(
            r#"(module
            (import "host" "result" (func $result (param i64 i32)))
            (import "host" "ask" (func $ask (param i32)))
            (memory (export "memory") {})
            (table $t (export "t{}") {TABLE} funcref)
            (elem $active (i32.const 1) func $a $b)
            (elem $kept func $b $a $b)
            (data $kept "what is kept for memory.init")
            "#,
            self.pages,
            if self.tables { "" } else { "able" }
        );
        if self.tables {
            // Others can't see the table: what is in it is asked for.
            out = out.replace(r#"(export "t")"#, "");
        }
        for (index, ty) in GLOBALS[..self.globals].iter().enumerate() {
            let value = constant(ty, 77 + index as u64);
            write!(out, r#"(global (export "g{index}") (mut {ty}) {value})"#).unwrap();
        }
        out.push_str("(global $block (mut i32) (i32.const 0))");
        for (at, bytes) in &self.data {
            write!(out, "(data (i32.const {at}) \"").unwrap();
            for byte in bytes {
                write!(out, "\\{byte:02x}").unwrap();
            }
            out.push_str("\")");
        }
        out.push_str(
            r#"(func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (global.get $block))
            (func (export "element") (param i32) (result funcref) (table.get $t (local.get 0)))
            (func (export "elements") (result i32) (table.size $t))"#,
        );
        for (name, steps) in [("first", &self.first), ("second", &self.second)] {
            write!(
                out,
                r#"(func (export "{name}") (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)"#
            )
            .unwrap();
            Step::write_all(steps, &mut out, 0);
            out.push(')');
        }
        out.push(')');
        out
    }

    fn changes_size(&self) -> bool {
        let grows = |step: &Step| match step {
            Step::GrowMemory(pages) => *pages > 0,
            Step::GrowTable(by) => *by > 0,
            _ => false,
        };
        self.first.iter().any(grows)
    }
}

/// All that can be seen of an instance.
#[derive(Debug, PartialEq)]
struct State {
    memory: Vec<u8>,
    globals: Vec<String>,
    table: Vec<Option<i32>>,
}

struct Running {
    store: Store<()>,
    instance: Instance,
}

impl Running {
    fn start(engine: &Engine, module: &Module) -> Self {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::new(engine);
        let result =
            |mut caller: Caller<'_, ()>, _: i64, at: u32| write(&mut caller, at, RESULT, 0xbb);
        let ask = |mut caller: Caller<'_, ()>, size: u32| {
            let realloc = caller
                .get_export("cabi_realloc")
                .and_then(Extern::into_func);
            let realloc = realloc
                .unwrap()
                .typed::<(u32, u32, u32, u32), u32>(&caller)?;
            let at = realloc.call(&mut caller, (0, 0, 1, size))?;
            write(&mut caller, at, size, 0xcc)
        };
        linker.func_wrap("host", "result", result).unwrap();
        linker.func_wrap("host", "ask", ask).unwrap();
        let instance = linker.instantiate(&mut store, module).unwrap();
        Self { store, instance }
    }

    fn run(&mut self, name: &str) -> Result<(), String> {
        let run = self
            .instance
            .get_typed_func::<(), ()>(&mut self.store, name)
            .unwrap();
        let ran = run.call(&mut self.store, ());
        ran.map_err(|error| error.root_cause().to_string())
    }

    fn reset(&mut self) -> bool {
        let reset = self
            .instance
            .get_typed_func::<(), i32>(&mut self.store, RESET)
            .unwrap();
        reset.call(&mut self.store, ()).unwrap() == 1
    }

    /// What it differs in from its first state.
    fn save(&mut self) -> Vec<u8> {
        let store = &mut self.store;
        let save = self.instance.get_typed_func::<(), u32>(&mut *store, SAVE);
        let at = save.unwrap().call(&mut *store, ()).unwrap();
        let marks = self.instance.get_memory(&mut *store, MARKS).unwrap();
        let number = |at: u32| {
            let bytes = &marks.data(&*store)[at as usize..][..4];
            u32::from_le_bytes(bytes.try_into().unwrap()) as usize
        };
        let (place, length) = (number(at), number(at + 4));
        let bytes = marks.data(&*store)[place..][..length].to_vec();
        let saved = self.instance.get_typed_func::<u32, ()>(&mut *store, SAVED);
        saved.unwrap().call(&mut *store, at).unwrap();
        bytes
    }

    /// Makes it the one of a difference.
    fn restore(&mut self, bytes: &[u8]) {
        let store = &mut self.store;
        let place = self.instance.get_typed_func(&mut *store, PLACE).unwrap();
        let length = bytes.len() as u32;
        let at: u32 = place.call(&mut *store, (0, 0, 1, length)).unwrap();
        let marks = self.instance.get_memory(&mut *store, MARKS).unwrap();
        marks.write(&mut *store, at as usize, bytes).unwrap();
        let restore = self.instance.get_typed_func(&mut *store, RESTORE).unwrap();
        let done: u32 = restore.call(&mut *store, (at, length)).unwrap();
        assert_eq!(done, 1);
    }

    fn state(&mut self) -> State {
        let store = &mut self.store;
        let memory = self.instance.get_memory(&mut *store, "memory").unwrap();
        let memory = memory.data(&*store).to_vec();
        let globals = (0..GLOBALS.len())
            .map_while(|index| {
                let global = self.instance.get_global(&mut *store, &format!("g{index}"));
                Some(format!("{:?}", global?.get(&mut *store)))
            })
            .collect();
        let size = self
            .instance
            .get_typed_func::<(), u32>(&mut *store, "elements")
            .unwrap();
        let size = size.call(&mut *store, ()).unwrap();
        let element = self.instance.get_func(&mut *store, "element").unwrap();
        let table = (0..size)
            .map(|at| {
                let mut found = [Val::null_func_ref()];
                element
                    .call(&mut *store, &[Val::I32(at as i32)], &mut found)
                    .unwrap();
                let Some(Ref::Func(func)) = found[0].ref_() else {
                    panic!("no reference: {found:?}");
                };
                let func = func?.typed::<(), i32>(&*store).unwrap();
                Some(func.call(&mut *store, ()).unwrap())
            })
            .collect();
        State {
            memory,
            globals,
            table,
        }
    }
}

/// What the host writes to the memory of its guest.
fn write(caller: &mut Caller<'_, ()>, at: u32, size: u32, value: u8) -> wasmtime::Result<()> {
    let memory = caller
        .get_export("memory")
        .and_then(Extern::into_memory)
        .unwrap();
    let rest = memory.data_mut(caller).get_mut(at as usize..);
    let place = rest.and_then(|rest| rest.get_mut(..size as usize));
    place
        .ok_or_else(|| wasmtime::Error::msg("beyond"))?
        .fill(value);
    Ok(())
}

fn around() -> Surroundings {
    Surroundings {
        added: Added::Reset,
        reallocs: BTreeSet::from(["cabi_realloc".to_owned()]),
        result: RESULT,
        others_fill_tables: false,
        actions: None,
    }
}

fn check(program: &Program) {
    let engine = Engine::default();
    let original = wat::parse_str(program.wat()).unwrap();
    let rewritten = rewrite(&original, &around()).unwrap();
    let original = Module::new(&engine, &original).unwrap();
    let rewritten = Module::new(&engine, &rewritten).unwrap();

    let mut fresh = Running::start(&engine, &rewritten);
    let first_state = fresh.state();
    assert_eq!(Running::start(&engine, &original).state(), first_state);

    // What it does is what the module that it was made from does.
    let mut plain = Running::start(&engine, &original);
    let mut reused = Running::start(&engine, &rewritten);
    let (ran, expected) = (reused.run("first"), plain.run("first"));
    assert_eq!(ran, expected);
    assert!(reused.state() == plain.state());
    if ran.is_err() {
        return;
    }
    assert_eq!(reused.reset(), !program.changes_size());
    if program.changes_size() {
        return;
    }
    assert!(
        reused.state() == first_state,
        "{}",
        difference(&reused.state(), &first_state)
    );
    // Once more, by another program: now its own marks are what counts.
    assert_eq!(reused.run("second"), fresh.run("second"));
    assert!(reused.state() == fresh.state());
}

/// A process that is put aside between any two calls, and goes on in other instances, is what it would have been.
fn check_saved(program: &Program) {
    let engine = Engine::default();
    let original = wat::parse_str(program.wat()).unwrap();
    let with_save = Surroundings {
        added: Added::ResetAndSave,
        ..around()
    };
    let rewritten = rewrite(&original, &with_save).unwrap();
    let image = image(&original).unwrap();
    let original = Module::new(&engine, &original).unwrap();
    let rewritten = Module::new(&engine, &rewritten).unwrap();

    let mut plain = Running::start(&engine, &original);
    let mut running = Running::start(&engine, &rewritten);
    assert_same(&mut running, &mut plain);
    running = moved(running, &image, &engine, &rewritten);
    for function in ["first", "second", "first"] {
        let ran = running.run(function);
        assert_eq!(ran, plain.run(function));
        assert_same(&mut running, &mut plain);
        if ran.is_err() {
            return;
        }
        running = moved(running, &image, &engine, &rewritten);
        assert_same(&mut running, &mut plain);
    }
}

/// What was in one instance, in another.
fn moved(mut from: Running, image: &Image, engine: &Engine, module: &Module) -> Running {
    let saved = from.save();
    assert_eq!(from.save(), saved, "it changes nothing");
    let small = image.shrink(&saved).unwrap();
    assert!(small.len() <= saved.len());
    assert_eq!(image.shrink(&small).unwrap(), small);
    // All of it does the same.
    let mut whole = Running::start(engine, module);
    whole.restore(&saved);
    assert_same(&mut whole, &mut from);
    let state = from.state();
    let mut to = match from.reset() {
        true => from,
        false => Running::start(engine, module),
    };
    to.restore(&small);
    assert!(to.state() == state, "{}", difference(&to.state(), &state));
    to
}

#[track_caller]
fn assert_same(found: &mut Running, expected: &mut Running) {
    let (found, expected) = (found.state(), expected.state());
    assert!(found == expected, "{}", difference(&found, &expected));
}

fn difference(found: &State, expected: &State) -> String {
    let at = found
        .memory
        .iter()
        .zip(&expected.memory)
        .position(|(a, b)| a != b);
    format!("memory at {at:?}, {:?} {:?}", found.globals, found.table)
}

/// An address: anywhere, or about a multiple of 512, or about the end.
fn address(size: u32) -> impl Strategy<Value = u32> {
    prop_oneof![
        1 => 0..size,
        3 => (0..=size / 512, -9i32..9).prop_map(move |(block, by)| {
            (block * 512).saturating_add_signed(by).min(size)
        }),
        1 => (0u32..40).prop_map(move |by| size - by.min(size)),
    ]
}

/// A step without others in it.
fn step(pages: u32, tables: bool) -> BoxedStrategy<Step> {
    let size = pages * PAGE;
    let length = prop_oneof![0u32..40, 0u32..5000];
    let store = (
        0..STORES.len(),
        address(size),
        0u32..300,
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(|(instruction, at, offset, value, has_offset)| {
            let offset = if has_offset { offset.min(at) } else { 0 };
            Step::Store {
                instruction,
                address: at - offset,
                offset,
                value,
            }
        });
    let memory = prop_oneof![
        10 => store,
        2 => (address(size), any::<u8>(), length.clone()).prop_map(|(a, v, n)| Step::Fill(a, v, n)),
        2 => (address(size), address(size), length.clone()).prop_map(|(a, b, n)| Step::Copy(a, b, n)),
        1 => (address(size), 0u32..20, 0u32..8).prop_map(|(a, b, n)| Step::Init(a, b, n)),
        2 => (0..GLOBALS.len(), any::<u64>()).prop_map(|(g, v)| Step::SetGlobal(g, v)),
        4 => (0..LOCALS, address(size), -300i32..300).prop_map(|(l, a, p)| Step::SetLocal(l, Base::Address(a), p)),
        3 => (0..LOCALS, 0..LOCALS, -400i32..400).prop_map(|(l, a, p)| Step::SetLocal(l, Base::Local(a), p)),
        12 => (0..LOCALS, 0u32..600, any::<u64>(), prop::option::weighted(0.2, 0..LOCALS))
            .prop_map(|(l, o, v, tee)| Step::StoreBy(l, o, v, tee)),
        2 => (0u32..3, address(size)).prop_map(|(l, a)| Step::BreakIf(l, a)),
        2 => address(size).prop_map(Step::HostResult),
        2 => (address(size), length).prop_map(|(a, n)| Step::HostBlock(a, n)),
    ];
    if !tables {
        return memory.boxed();
    }
    prop_oneof![
        10 => memory,
        1 => (0..TABLE, any::<bool>()).prop_map(|(at, null)| Step::SetTable(at, null)),
        1 => (0..TABLE, 0u32..3).prop_map(|(at, n)| Step::FillTable(at, n)),
        1 => (0..TABLE, 0..TABLE, 0u32..3).prop_map(|(a, b, n)| Step::CopyTable(a, b, n)),
        1 => (0..TABLE, 0u32..2, 0u32..2).prop_map(|(a, b, n)| Step::InitTable(a, b, n)),
    ]
    .boxed()
}

fn program() -> impl Strategy<Value = Program> {
    let shape = (prop_oneof![1u32..=5, Just(40u32)], any::<bool>());
    shape.prop_flat_map(|(pages, tables)| {
        let size = pages * PAGE;
        let data = (0..size - 64, prop::collection::vec(any::<u8>(), 0..64));
        let growth = prop_oneof![
            30 => Just(None),
            1 => (0u32..2).prop_map(|pages| Some(Step::GrowMemory(pages))),
            1 => (0u32..2).prop_map(move |by| tables.then_some(Step::GrowTable(by))),
        ];
        let nested = || {
            step(pages, tables).prop_recursive(3, 24, 6, |inner| {
                let steps = || prop::collection::vec(inner.clone(), 0..6);
                prop_oneof![
                    steps().prop_map(Step::Block),
                    steps().prop_map(Step::Loop),
                    (any::<bool>(), steps(), steps()).prop_map(|(c, a, b)| Step::If(c, a, b)),
                ]
            })
        };
        let steps = || prop::collection::vec(nested(), 0..12);
        (prop::collection::vec(data, 0..5), steps(), growth, steps()).prop_map(
            move |(data, mut first, growth, second)| {
                first.extend(growth);
                Program {
                    pages,
                    data,
                    tables,
                    globals: GLOBALS.len(),
                    first,
                    second,
                }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn an_instance_that_is_put_back_is_a_fresh_one(program in program()) {
        check(&program);
    }

    #[test]
    fn a_process_goes_on_in_another_instance(program in saved_program()) {
        check_saved(&program);
    }
}

/// One whose tables don't change, and whose globals are numbers.
fn saved_program() -> impl Strategy<Value = Program> {
    program().prop_map(|mut program| {
        program.globals = GLOBALS.len() - 1;
        for steps in [&mut program.first, &mut program.second] {
            steps
                .iter_mut()
                .for_each(Step::without_what_can_not_be_saved);
        }
        program.tables = false;
        program
    })
}

#[track_caller]
fn assert_unsuited(wat: &str, why: &str) {
    let wasm = wat::parse_str(wat).unwrap();
    match rewrite(&wasm, &around()) {
        Err(Unsuited::Has(found)) => assert!(found.contains(why), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_not_be_put_back_is_said() {
    let memory = r#"(import "a" "b" (memory 1))"#;
    assert_unsuited(&format!("(module {memory})"), "imports memories");
    assert_unsuited("(module (memory 65))", "more than 4 MiB");
    assert_unsuited("(module (func $f) (start $f))", "at the start");
    let drops = r#"(module (memory 1) (data $d "x") (func (data.drop $d)))"#;
    assert_unsuited(drops, "drops segments");
    let shared = r#"(module (table (export "t") 3 funcref)
        (func (table.set 0 (i32.const 0) (ref.null func))))"#;
    assert_unsuited(shared, "others can change");
    let open = Surroundings {
        others_fill_tables: true,
        ..around()
    };
    let filled = wat::parse_str(r#"(module (memory 1) (table (export "t") 3 funcref))"#).unwrap();
    assert!(rewrite(&filled, &around()).is_ok());
    let error = rewrite(&filled, &open).unwrap_err().to_string();
    assert!(error.contains("others can change"), "{error}");
    let taken = r#"(module (memory 1) (func (export "rusm-reset")))"#;
    assert_unsuited(taken, "a name that is added");
    let tabled = r#"(module (import "a" "b" (func $f (param i32))) (memory 1) (table 1 funcref)
        (elem (i32.const 0) func $f))"#;
    assert_unsuited(tabled, "a table of the host's functions");
}

#[test]
fn proposals_that_are_not_known_are_refused() {
    for wat in [
        "(module (memory 1 1 shared))",
        "(module (memory 1) (memory 1))",
        "(module (memory i64 1))",
        "(module (type (struct (field (mut i32)))))",
    ] {
        let wasm = wat::parse_str(wat).unwrap();
        assert!(
            matches!(rewrite(&wasm, &around()), Err(Unsuited::Unknown(_))),
            "{wat}"
        );
    }
}

/// A mark counts only where it was made on every way, and for the same address.
#[test]
fn a_store_is_marked_unless_one_near_it_was_on_every_way() {
    let near = |at| Step::SetLocal(0, Base::Address(at), 0);
    let store = || Step::StoreBy(0, 0, u64::MAX, None);
    let jump = || Step::BreakIf(0, 9);
    for first in [
        // The local has either value behind the block.
        vec![
            near(5000),
            store(),
            near(61_445),
            Step::Block(vec![jump(), near(5000)]),
            store(),
        ],
        // Behind a store that was jumped over.
        vec![near(61_445), Step::Block(vec![jump(), store()]), store()],
        // One arm has stored, the other has not.
        vec![
            near(61_445),
            Step::If(false, vec![store()], vec![]),
            store(),
        ],
        vec![near(61_445), Step::If(false, vec![store()], vec![store()])],
        vec![
            near(61_445),
            Step::If(false, vec![near(5000)], vec![store()]),
        ],
        // The second time it is another address.
        vec![near(5000), store(), Step::Loop(vec![store(), near(61_445)])],
        vec![
            near(5000),
            store(),
            Step::Loop(vec![store(), Step::SetLocal(0, Base::Local(0), 300)]),
        ],
        // Near, and not near any more.
        vec![
            near(61_445),
            store(),
            Step::SetLocal(0, Base::Local(0), 256),
            store(),
        ],
        vec![
            near(61_445),
            store(),
            Step::SetLocal(0, Base::Local(0), -257),
            store(),
        ],
        vec![
            near(61_445),
            Step::StoreBy(0, 5000, 1, Some(1)),
            Step::StoreBy(1, 4000, 1, None),
        ],
    ] {
        check(&Program {
            pages: 1,
            data: vec![(60_000, vec![3; 4000])],
            tables: false,
            globals: GLOBALS.len(),
            first,
            second: Vec::new(),
        });
    }
}

/// A function whose blocks and locals are too many to follow, and one with many stores that are no neighbours: both
/// are put back, and neither takes long.
#[test]
fn large_functions_are_put_back() {
    const BLOCKS: usize = 6_000;
    let blocks = "i32.const 1 if ".repeat(BLOCKS);
    let ends = "end ".repeat(BLOCKS);
    let locals = "i32 ".repeat(3_500);
    let many: String = (0..6_000u32)
        .map(|number| format!("(i32.store (i32.const {}) (i32.const 7))", number * 600))
        .collect();
    let wat = format!(
        r#"(module (memory (export "memory") 64)
        (func (export "first") (local {locals})
            {blocks} (i32.store (i32.const 8000) (i32.const 7)) {ends})
        (func (export "second") {many}))"#
    );
    let engine = Engine::default();
    let rewritten = rewrite(&wat::parse_str(&wat).unwrap(), &around()).unwrap();
    let mut running = Running::start(&engine, &Module::new(&engine, rewritten).unwrap());
    for function in ["first", "second"] {
        running.run(function).unwrap();
        assert!(running.reset());
        let memory = running
            .instance
            .get_memory(&mut running.store, "memory")
            .unwrap();
        assert!(memory.data(&running.store).iter().all(|byte| *byte == 0));
    }
}

/// Beyond what can be marked, stores are what they were.
#[test]
fn a_memory_may_grow_beyond_what_can_be_put_back() {
    let wat = r#"(module (memory (export "memory") 1)
        (func (export "first")
            (drop (memory.grow (i32.const 1100)))
            (i32.store (i32.const 72000000) (i32.const 7))
            (memory.fill (i32.const 71000000) (i32.const 1) (i32.const 900000))))"#;
    let engine = Engine::default();
    let rewritten = rewrite(&wat::parse_str(wat).unwrap(), &around()).unwrap();
    let mut running = Running::start(&engine, &Module::new(&engine, rewritten).unwrap());
    running.run("first").unwrap();
    assert!(!running.reset());
}

/// A process that has too much stays where it is.
#[test]
fn what_is_too_much_to_be_saved_is_not() {
    let wat = r#"(module (memory (export "memory") 1)
        (func (export "first") (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000)))
        (func (export "second")
            (drop (memory.grow (i32.const 40)))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 1500000))))"#;
    let with_save = Surroundings {
        added: Added::ResetAndSave,
        ..around()
    };
    let engine = Engine::default();
    let rewritten = rewrite(&wat::parse_str(wat).unwrap(), &with_save).unwrap();
    let mut running = Running::start(&engine, &Module::new(&engine, rewritten).unwrap());
    running.run("first").unwrap();
    assert!(running.save().len() > 60_000);
    running.run("second").unwrap();
    assert_eq!(running.save(), []);
}

#[test]
fn what_can_not_be_saved_is_said() {
    for (wat, why) in [
        ("(module)", "no memory"),
        (
            "(module (memory 1) (global (mut v128) (v128.const i64x2 1 1)))",
            "no number",
        ),
        (
            "(module (memory 1) (global (mut funcref) (ref.null func)))",
            "no number",
        ),
        (
            "(module (memory 1) (table 3 funcref) (func (table.set 0 (i32.const 0) (ref.null func))))",
            "a table that changes",
        ),
    ] {
        let wasm = wat::parse_str(wat).unwrap();
        assert!(rewrite(&wasm, &around()).is_ok(), "{wat}");
        let with_save = Surroundings {
            added: Added::ResetAndSave,
            ..around()
        };
        let error = rewrite(&wasm, &with_save).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
