//! The store does what a `BTreeMap` does, whatever the order of operations.

use std::collections::BTreeMap;

use futures_executor::block_on;
use proptest::prelude::*;
use rusm_store::{Store, StoreError};

use crate::support::new_store;

#[derive(Clone, Debug)]
enum Operation {
    Get(Name),
    Exists(Name),
    Set(Name, Vec<u8>),
    Delete(Name),
    CompareAndSet(Name, Option<Vec<u8>>, Option<Vec<u8>>),
    Increment(Name, i64),
    List(String, String, usize),
    Buckets,
    Reopen,
}

type Name = (String, String);
type Model = BTreeMap<Name, Vec<u8>>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn as_a_map(operations in prop::collection::vec(operation(), 1..60)) {
        let (dir, mut store) = new_store();
        let mut model = Model::new();
        for operation in operations {
            if let Operation::Reopen = operation {
                store.close();
                store = Store::open(&dir.path().join("store.redb")).unwrap();
                continue;
            }
            prop_assert_eq!(on_store(&store, &operation), on_model(&mut model, &operation));
        }
        for ((bucket, key), value) in &model {
            let found = block_on(store.get(bucket, key)).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
    }
}

fn on_store(store: &Store, operation: &Operation) -> String {
    match operation.clone() {
        Operation::Get((bucket, key)) => show(block_on(store.get(&bucket, &key))),
        Operation::Exists((bucket, key)) => show(block_on(store.exists(&bucket, &key))),
        Operation::Set((bucket, key), value) => show(block_on(store.set(&bucket, &key, value))),
        Operation::Delete((bucket, key)) => show(block_on(store.delete(&bucket, &key))),
        Operation::CompareAndSet((bucket, key), expected, value) => show(block_on(
            store.compare_and_set(&bucket, &key, expected, value),
        )),
        Operation::Increment((bucket, key), by) => {
            show(block_on(store.increment(&bucket, &key, by)))
        }
        Operation::List(bucket, prefix, limit) => {
            show(block_on(store.list(&bucket, &prefix, limit)))
        }
        Operation::Buckets => show(block_on(store.buckets())),
        Operation::Reopen => String::new(),
    }
}

fn on_model(model: &mut Model, operation: &Operation) -> String {
    match operation.clone() {
        Operation::Get(name) => show(Ok(model.get(&name).cloned())),
        Operation::Exists(name) => show(Ok(model.contains_key(&name))),
        Operation::Set(name, value) => {
            model.insert(name, value);
            show(Ok(()))
        }
        Operation::Delete(name) => show(Ok(model.remove(&name).is_some())),
        Operation::CompareAndSet(name, expected, value) => {
            let same = model.get(&name) == expected.as_ref();
            match value {
                Some(value) if same => drop(model.insert(name, value)),
                None if same => drop(model.remove(&name)),
                _ => {}
            }
            show(Ok(same))
        }
        Operation::Increment(name, by) => {
            let text = model
                .get(&name)
                .map_or("0".into(), |value| String::from_utf8_lossy(value));
            let Ok(number) = text.parse::<i64>() else {
                return "not a number".into();
            };
            let Some(sum) = number.checked_add(by) else {
                return "overflow".into();
            };
            model.insert(name, sum.to_string().into_bytes());
            show(Ok(sum))
        }
        Operation::List(bucket, prefix, limit) => {
            let limit = if limit == 0 { usize::MAX } else { limit };
            let keys = model
                .keys()
                .filter(|(b, k)| *b == bucket && k.starts_with(&prefix));
            show(Ok(keys
                .map(|(_, key)| key.clone())
                .take(limit)
                .collect::<Vec<_>>()))
        }
        Operation::Buckets => {
            let mut buckets: Vec<_> = model.keys().map(|(bucket, _)| bucket.clone()).collect();
            buckets.dedup();
            show(Ok(buckets))
        }
        Operation::Reopen => String::new(),
    }
}

fn show<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::NotANumber { .. }) => "not a number".into(),
        Err(StoreError::Overflow { .. }) => "overflow".into(),
        Err(error) => format!("{error:?}"),
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let value = || {
        prop_oneof![
            4 => any::<i8>().prop_map(|n| n.to_string().into_bytes()),
            1 => Just(i64::MAX.to_string().into_bytes()),
            2 => prop::collection::vec(any::<u8>(), 0..3),
            1 => (any::<u8>(), 0..20_000_usize).prop_map(|(byte, len)| vec![byte; len]),
        ]
    };
    let option = move || prop::option::of(value());
    prop_oneof![
        2 => name().prop_map(Operation::Get),
        1 => name().prop_map(Operation::Exists),
        4 => (name(), value()).prop_map(|(name, value)| Operation::Set(name, value)),
        2 => name().prop_map(Operation::Delete),
        3 => (name(), option(), option()).prop_map(|(name, old, new)| Operation::CompareAndSet(name, old, new)),
        3 => (name(), any::<i64>()).prop_map(|(name, by)| Operation::Increment(name, by % 1000)),
        2 => (part(), "[ab\0ÿ]{0,2}", 0..4_usize).prop_map(|(b, p, l)| Operation::List(b, p, l)),
        1 => Just(Operation::Buckets),
        1 => Just(Operation::Reopen),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    (part(), part())
}

/// Few and alike, so that operations meet and names are one another's prefixes.
fn part() -> impl Strategy<Value = String> {
    "[ab\0ÿ]{1,3}"
}
