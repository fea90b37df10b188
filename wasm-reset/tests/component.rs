//! Components: what the host writes for a call is put back too, and what does not suit is left alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use rusm_wasm_reset::difference::Image;
use rusm_wasm_reset::{Added, RESET, RESTORE, SAVE, rewrite};
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Engine, Store};

/// A host function gives a record, through a shim as linkers make them; `take` gets a list of numbers and a string;
/// `sum` tells of every byte of the memory.
const WAT: &str = r#"(component
  (type $host (instance
    (type $fields (record (field "a" u64) (field "b" string) (field "c" (option u32))))
    (export "made" (type $made (eq $fields)))
    (export "make" (func (param "text" string) (result $made)))
  ))
  (import "host" (instance $host (type $host)))
  (core module $main
    (import "host" "make" (func $make (param i32 i32 i32)))
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 70000))
    (global $calls (mut i32) (i32.const 0))
    (data (i32.const 1000) "some text")
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $new)))
      (local.get $at))
    (func (export "take") (param $list i32) (param $count i32) (param $text i32) (param $length i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (call $make (local.get $text) (local.get $length) (i32.const 40000))
      (i32.load (i32.const 40008))
      drop
      (global.get $calls))
    (func (export "sum") (result i64)
      (local $at i32) (local $sum i64)
      (loop $all
        (local.set $sum (i64.add
          (i64.mul (local.get $sum) (i64.const 31))
          (i64.load8_u (local.get $at))))
        (br_if $all (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (i32.const 131072))))
      (i64.add (local.get $sum) (i64.extend_i32_u (i32.add (global.get $next) (global.get $calls)))))
    (func (export "grow") (drop (memory.grow (i32.const 1))))
  )
  (core module $shim
    (table (export "$imports") 1 1 funcref)
    (type $t (func (param i32 i32 i32)))
    (func (export "0") (param i32 i32 i32)
      (call_indirect (type $t) (local.get 0) (local.get 1) (local.get 2) (i32.const 0)))
  )
  (core module $fixup
    (import "" "0" (func (param i32 i32 i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func 0)
  )
  (core instance $shim (instantiate $shim))
  (core instance $imports (export "make" (func $shim "0")))
  (core instance $main (instantiate $main (with "host" (instance $imports))))
  (alias export $host "make" (func $make))
  (core func $lowered (canon lower (func $make)
    (memory (core memory $main "memory")) (realloc (core func $main "realloc")) string-encoding=utf8))
  (core instance $fixup-args (export "0" (func $lowered)) (export "$imports" (table $shim "$imports")))
  (core instance (instantiate $fixup (with "" (instance $fixup-args))))
  (func (export "take") (param "list" (list u64)) (param "text" string) (result u32)
    (canon lift (core func $main "take") (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
  (func (export "sum") (result u64) (canon lift (core func $main "sum")))
  (func (export "grow") (canon lift (core func $main "grow")))
)"#;

#[derive(wasmtime::component::ComponentType, wasmtime::component::Lower)]
#[component(record)]
struct Made {
    a: u64,
    b: String,
    c: Option<u32>,
}

struct Running {
    store: Store<()>,
    instance: Instance,
}

impl Running {
    fn start(engine: &Engine, component: &Component) -> Self {
        let mut linker = Linker::new(engine);
        let mut host = linker.instance("host").unwrap();
        host.func_wrap("make", |_, (text,): (String,)| {
            let made = Made {
                a: u64::MAX,
                b: text,
                c: Some(u32::MAX),
            };
            Ok((made,))
        })
        .unwrap();
        let mut store = Store::new(engine, ());
        let instance = linker.instantiate(&mut store, component).unwrap();
        Self { store, instance }
    }

    fn take(&mut self, list: &[u64], text: &str) -> u32 {
        let take = self
            .instance
            .get_typed_func::<(&[u64], &str), (u32,)>(&mut self.store, "take");
        take.unwrap().call(&mut self.store, (list, text)).unwrap().0
    }

    fn sum(&mut self) -> u64 {
        let sum = self
            .instance
            .get_typed_func::<(), (u64,)>(&mut self.store, "sum")
            .unwrap();
        sum.call(&mut self.store, ()).unwrap().0
    }

    fn grow(&mut self) {
        let grow = self
            .instance
            .get_typed_func::<(), ()>(&mut self.store, "grow")
            .unwrap();
        grow.call(&mut self.store, ()).unwrap();
    }

    fn reset(&mut self) -> bool {
        let reset = self
            .instance
            .get_typed_func::<(), (bool,)>(&mut self.store, RESET)
            .unwrap();
        reset.call(&mut self.store, ()).unwrap().0
    }
}

impl Running {
    fn save(&mut self) -> Vec<u8> {
        let save = self
            .instance
            .get_typed_func::<(), (Vec<u8>,)>(&mut self.store, SAVE)
            .unwrap();
        save.call(&mut self.store, ()).unwrap().0
    }

    fn restore(&mut self, difference: &[u8]) -> bool {
        let restore = self
            .instance
            .get_typed_func::<(&[u8],), (bool,)>(&mut self.store, RESTORE)
            .unwrap();
        restore.call(&mut self.store, (difference,)).unwrap().0
    }
}

fn rewritten(wat: &str, added: Added) -> (Engine, Component) {
    let engine = Engine::default();
    let wasm = rewrite(&wat::parse_str(wat).unwrap(), added).unwrap();
    let component = Component::new(&engine, wasm).unwrap();
    (engine, component)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn what_the_host_wrote_is_put_back(
        calls in prop::collection::vec((prop::collection::vec(any::<u64>(), 0..600), ".{0,300}"), 1..6)
    ) {
        let (engine, component) = rewritten(WAT, Added::Reset);
        let fresh = Running::start(&engine, &component).sum();
        let mut reused = Running::start(&engine, &component);
        for (list, text) in &calls {
            prop_assert_eq!(reused.take(list, text), 1);
            prop_assert_ne!(reused.sum(), fresh);
            prop_assert!(reused.reset());
            prop_assert_eq!(reused.sum(), fresh);
        }
        reused.grow();
        prop_assert!(!reused.reset());
    }

    #[test]
    fn a_process_that_is_moved_between_any_two_calls_is_what_it_was(
        calls in prop::collection::vec((prop::collection::vec(any::<u64>(), 0..600), ".{0,300}"), 1..6)
    ) {
        let (engine, component) = rewritten(WAT, Added::ResetAndSave);
        let image = Image::of(&wat::parse_str(WAT).unwrap()).unwrap();
        let mut stays = Running::start(&engine, &component);
        let mut moves = Running::start(&engine, &component);
        for (number, (list, text)) in calls.iter().enumerate() {
            prop_assert_eq!(stays.take(list, text), moves.take(list, text));
            let difference = image.shrink(&moves.save()).unwrap();
            prop_assert_eq!(stays.sum(), moves.sum());
            match number % 2 {
                0 => prop_assert!(moves.reset()),
                _ => moves = Running::start(&engine, &component),
            }
            prop_assert!(moves.restore(&difference));
            prop_assert_eq!(stays.sum(), moves.sum());
        }
        moves.grow();
        let difference = image.shrink(&moves.save()).unwrap();
        let mut larger = Running::start(&engine, &component);
        prop_assert!(larger.restore(&difference));
        prop_assert!(!larger.reset());
    }
}

#[test]
fn what_does_not_suit_is_said() {
    for (wat, why) in [
        ("(component)", "no module with state"),
        (
            "(component (core module (memory 1)) (core module (memory 1)))",
            "no, or several, instances",
        ),
        (
            "(component (core module $a (memory 1)) (core instance (instantiate $a)) (core instance (instantiate $a)))",
            "no, or several, instances",
        ),
        (
            "(component (core module $a (memory 1)) (core module $b (memory 1))
              (core instance (instantiate $a)) (core instance (instantiate $b)))",
            "several modules with state",
        ),
        (
            // It passes a call on with the parameters in another order: what is written to would not be marked.
            r#"(component (core module $a (memory 1)) (core module $b
                (type $t (func (param i32 i32))) (table 1 funcref)
                (func (export "0") (param i32 i32)
                  (call_indirect (type $t) (local.get 1) (local.get 0) (i32.const 0))))
              (core instance (instantiate $a)) (core instance (instantiate $b)))"#,
            "several modules with state",
        ),
        (
            "(component $c (core module $m (memory 1)) (alias outer $c $m (core module $again))
              (core instance (instantiate $m)) (core instance (instantiate $again)))",
            "not its own, or are there twice",
        ),
        (
            r#"(component $c (core module $m (memory 1))
              (component $within (alias outer $c $m (core module $x)) (export "x" (core module $x)))
              (instance $w (instantiate $within)) (alias export $w "x" (core module $again))
              (core instance (instantiate $m)) (core instance (instantiate $again)))"#,
            "not its own, or are there twice",
        ),
        (
            r#"(component (import "m" (core module $again)) (core module $m (memory 1))
              (core instance (instantiate $m)) (core instance (instantiate $again)))"#,
            "not its own, or are there twice",
        ),
        (
            r#"(component (core module $m (memory 1)) (core module $shim
                (type $t (func)) (table 1 funcref)
                (func (export "0") (call_indirect (type $t) (i32.const 0))))
              (core instance (instantiate $m)) (core instance $s (instantiate $shim))
              (func (export "f") (canon lift (core func $s "0"))))"#,
            "functions of a module without state",
        ),
        (
            r#"(component (core module $m (memory 1) (table (export "t") 1 funcref))
              (core instance (instantiate $m)))"#,
            "a table that others can change",
        ),
        (
            "(component (component (core module (memory 1))))",
            "components within that have code",
        ),
        (
            r#"(component (import "r" (type $r (sub resource))) (core func (canon resource.drop $r)))"#,
            "resources",
        ),
        (
            r#"(component (core module $a (memory (export "m") 1)) (core instance $i (instantiate $a))
              (core instance (export "m" (memory $i "m"))))"#,
            "share memories",
        ),
    ] {
        let error = rewrite(&wat::parse_str(wat).unwrap(), Added::Reset)
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    let core = wat::parse_str("(module (memory 1))").unwrap();
    assert!(
        rewrite(&core, Added::Reset)
            .unwrap_err()
            .to_string()
            .contains("no component")
    );
    for bytes in [&b""[..], b"\0asm", b"hello", &[0; 100]] {
        assert!(rewrite(bytes, Added::Reset).is_err());
    }
}
