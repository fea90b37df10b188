//! Actions that are called in one piece: they see what the canonical ABI would have them see, and give what it would.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use rusm_wasm_reset::frame::{MAX, Request, Response};
use rusm_wasm_reset::{Added, CALL, RESET, RESPONSE, rewrite};
use wasmtime::component::{Component, ComponentType, Instance, Lift, Linker, Lower};
use wasmtime::{Engine, Store};

/// `echo` gives back the headers, and as its body the body; `dump` all memory that the host was given, in the order
/// in which it asked, and its status is the number of blocks. The others do what they are called.
const WAT: &str = r#"(component
  (type $types (instance
    (type $h (tuple string (list u8)))
    (export "header" (type $header (eq $h)))
    (type $headers (list $header))
    (type $params (list (tuple string string)))
    (type $bytes (list u8))
    (type $req (record (field "method" string) (field "target" string)
      (field "headers" $headers) (field "params" $params) (field "body" $bytes)))
    (export "request" (type (eq $req)))
    (type $res (record (field "status" u16) (field "headers" $headers) (field "body" $bytes)))
    (export "response" (type (eq $res)))))
  (import "rusm:runtime/http@0.1.0" (instance $http (type $types)))
  (alias export $http "request" (type $request))
  (alias export $http "response" (type $response))
  (core module $main
    (memory (export "memory") 8)
    (global $next (mut i32) (i32.const 70000))
    (global $blocks (mut i32) (i32.const 0))
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $blocks (i32.add (global.get $blocks) (i32.const 1)))
      (global.set $next (i32.add (local.get $at) (local.get $new)))
      (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
        (then (drop (memory.grow (i32.const 16)))))
      (local.get $at))
    (func $give (param $status i32) (param $headers i32) (param $count i32) (param $body i32) (param $length i32) (result i32)
      (i32.store16 (i32.const 1000) (local.get $status))
      (i32.store (i32.const 1004) (local.get $headers))
      (i32.store (i32.const 1008) (local.get $count))
      (i32.store (i32.const 1012) (local.get $body))
      (i32.store (i32.const 1016) (local.get $length))
      (i32.const 1000))
    (func (export "echo") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (call $give (i32.const 200) (local.get 4) (local.get 5) (local.get 8) (local.get 9)))
    (func (export "dump") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 900) (local.get 1)) (i32.store (i32.const 904) (local.get 3))
      (i32.store (i32.const 908) (local.get 5)) (i32.store (i32.const 912) (local.get 7))
      (call $give (global.get $blocks) (i32.const 0) (i32.const 0)
        (i32.const 70000) (i32.sub (global.get $next) (i32.const 70000))))
    (func (export "grow") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (drop (memory.grow (i32.const 1)))
      (call $give (i32.const 200) (i32.const 0) (i32.const 0) (local.get 8) (local.get 9)))
    (func (export "misplaced") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (i32.const 1002))
    (func (export "beyond") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (call $give (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0x7fffffff) (i32.const 8)))
    (func (export "many") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (call $give (i32.const 200) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)))
    (func (export "nameless") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 2000) (i32.const 2100)) (i32.store (i32.const 2004) (i32.const 1))
      (i32.store8 (i32.const 2100) (i32.const 255))
      (call $give (i32.const 200) (i32.const 2000) (i32.const 1) (i32.const 0) (i32.const 0)))
    (func (export "sum") (result i64)
      (local $at i32) (local $sum i64)
      (loop $all
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load8_u (local.get $at))))
        (br_if $all (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (i32.const 524288))))
      (i64.add (local.get $sum) (i64.extend_i32_u (i32.add (global.get $next) (global.get $blocks))))))
  (core instance $main (instantiate $main))
  ACTIONS
  (func (export "sum") (result u64) (canon lift (core func $main "sum")))
)"#;

const ACTIONS: [&str; 7] = [
    "echo",
    "dump",
    "grow",
    "misplaced",
    "beyond",
    "many",
    "nameless",
];

fn component() -> Vec<u8> {
    let actions = ACTIONS.map(|name| {
        format!(
            r#"(func (export "{name}") (param "request" $request) (result $response)
              (canon lift (core func $main "{name}")
                (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))"#
        )
    });
    wat::parse_str(WAT.replace("ACTIONS", &actions.concat())).unwrap()
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct WitRequest<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a [u8])],
    params: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

#[derive(Debug, PartialEq, ComponentType, Lift)]
#[component(record)]
struct WitResponse {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

struct Running {
    store: Store<()>,
    instance: Instance,
}

impl Running {
    fn start(engine: &Engine, component: &Component) -> Self {
        let mut linker = Linker::new(engine);
        linker.instance("rusm:runtime/http@0.1.0").unwrap();
        let mut store = Store::new(engine, ());
        let instance = linker.instantiate(&mut store, component).unwrap();
        Self { store, instance }
    }

    /// As the function that it is.
    fn action(&mut self, name: &str, request: &Request<'_>) -> wasmtime::Result<WitResponse> {
        let func = self
            .instance
            .get_typed_func::<(WitRequest<'_>,), (WitResponse,)>(&mut self.store, name)
            .unwrap();
        let request = WitRequest {
            method: request.method,
            target: request.target,
            headers: request.headers,
            params: request.params,
            body: request.body,
        };
        func.call(&mut self.store, (request,))
            .map(|(response,)| response)
    }

    /// In one piece; and whether the instance was put back.
    fn call(&mut self, name: &str, request: &Request<'_>) -> wasmtime::Result<(WitResponse, bool)> {
        let func = self
            .instance
            .get_typed_func::<(&[u8],), (Vec<u8>,)>(&mut self.store, format!("{CALL}{name}"))
            .unwrap();
        let mut bytes = Vec::new();
        assert!(request.encode(&mut bytes));
        let (response,) = func.call(&mut self.store, (&bytes,))?;
        if response.is_empty() {
            let func = self
                .instance
                .get_typed_func::<(), ((u16, Vec<(String, Vec<u8>)>, Vec<u8>),)>(
                    &mut self.store,
                    RESPONSE,
                )
                .unwrap();
            let ((status, headers, body),) = func.call(&mut self.store, ())?;
            let response = WitResponse {
                status,
                headers,
                body,
            };
            return Ok((response, false));
        }
        let response = Response::decode(&response)?;
        let is_reset = response.is_reset;
        let response = WitResponse {
            status: response.status,
            headers: response.headers,
            body: response.body,
        };
        Ok((response, is_reset))
    }

    fn number<T: ComponentType + Lift + 'static>(&mut self, name: &str) -> T {
        let func = self
            .instance
            .get_typed_func::<(), (T,)>(&mut self.store, name);
        func.unwrap().call(&mut self.store, ()).unwrap().0
    }

    fn sum(&mut self) -> u64 {
        self.number("sum")
    }

    fn reset(&mut self) -> bool {
        self.number(RESET)
    }
}

fn rewritten(added: Added) -> (Engine, Component) {
    let engine = Engine::default();
    let component = Component::new(&engine, rewrite(&component(), added).unwrap()).unwrap();
    (engine, component)
}

#[derive(Clone, Debug)]
struct Owned {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    params: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Owned {
    fn with<T>(&self, f: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_slice()))
            .collect();
        let params: Vec<_> = self
            .params
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        f(&Request {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            params: &params,
            body: &self.body,
        })
    }
}

fn requests() -> impl Strategy<Value = Owned> {
    let bytes = |most: usize| prop::collection::vec(any::<u8>(), 0..most);
    let headers = prop::collection::vec((".{0,20}", bytes(60)), 0..30);
    let params = prop::collection::vec((".{0,10}", ".{0,20}"), 0..4);
    let body = prop_oneof![4 => bytes(300), 1 => bytes(40_000)];
    (".{0,8}", ".{0,80}", headers, params, body).prop_map(
        |(method, target, headers, params, body)| Owned {
            method,
            target,
            headers,
            params,
            body,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn both_ways_are_alike(
        requests in prop::collection::vec((0usize..3, requests()), 1..6),
        saves in any::<bool>(),
    ) {
        let (engine, component) = rewritten(if saves { Added::ResetAndSave } else { Added::Reset });
        let first = Running::start(&engine, &component).sum();
        let mut reused = Running::start(&engine, &component);
        for (action, request) in &requests {
            let name = ACTIONS[*action];
            let mut fresh = Running::start(&engine, &component);
            let wanted = request.with(|request| fresh.action(name, request)).unwrap();
            let (response, is_reset) = request.with(|request| reused.call(name, request)).unwrap();
            prop_assert_eq!(&response, &wanted);
            let is_small = response.body.len() < 60_000;
            prop_assert_eq!(is_reset, is_small && name != "grow");
            if !is_reset {
                prop_assert_eq!(reused.sum(), fresh.sum());
                if !reused.reset() {
                    reused = Running::start(&engine, &component);
                }
            }
            prop_assert_eq!(reused.sum(), first);
        }
    }

    #[test]
    fn any_bytes_are_a_response_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Response::decode(&bytes);
    }
}

fn request<T>(body: &[u8], f: impl FnOnce(&Request<'_>) -> T) -> T {
    f(&Request {
        method: "POST",
        target: "/",
        headers: &[("host", b"here")],
        params: &[],
        body,
    })
}

#[test]
fn a_request_that_is_too_large_is_not_encoded() {
    let mut out = b"before".to_vec();
    assert!(!request(&vec![0; MAX], |request| request.encode(&mut out)));
    assert_eq!(out, b"before");
    let fits = MAX - (20 + 4 + 1 + 8 + 4 + 4);
    assert!(!request(&vec![0; fits + 1], |request| request.encode(&mut out)));
    assert!(request(&vec![0; fits], |request| request.encode(&mut Vec::new())));
}

/// All that fits in, and all that is too large to come out.
#[test]
fn the_largest_request_arrives_and_its_response_is_left_for_a_call() {
    let (engine, component) = rewritten(Added::Reset);
    let body: Vec<u8> = (0..MAX - (20 + 4 + 1 + 8 + 4 + 4))
        .map(|at| at as u8)
        .collect();
    let mut running = Running::start(&engine, &component);
    let (response, is_reset) = request(&body, |request| running.call("echo", request)).unwrap();
    assert_eq!((response.body == body, is_reset), (true, true));
    let (response, is_reset) = request(&body, |request| running.call("dump", request)).unwrap();
    assert!(response.body.ends_with(&body));
    assert!(!is_reset && running.reset());
}

#[test]
fn a_response_that_is_none_is_an_error_in_both_ways() {
    for name in ["misplaced", "beyond", "many", "nameless"] {
        let (engine, component) = rewritten(Added::Reset);
        let mut one = Running::start(&engine, &component);
        assert!(
            request(b"", |request| one.action(name, request)).is_err(),
            "{name}"
        );
        let mut other = Running::start(&engine, &component);
        assert!(
            request(b"", |request| other.call(name, request)).is_err(),
            "{name}"
        );
    }
}
