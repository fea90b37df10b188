//! What each operation does.

use futures_executor::block_on;
use rusm_store::{MAX_NAME, MAX_VALUE, StoreError};

use crate::support::new_store;

#[test]
fn what_was_set_is_there_until_it_is_deleted() {
    let (_dir, store) = new_store();
    assert_eq!(block_on(store.get("b", "k")).unwrap(), None);
    assert!(!block_on(store.exists("b", "k")).unwrap());
    block_on(store.set("b", "k", b"one".to_vec())).unwrap();
    block_on(store.set("b", "k", b"two\0\xff".to_vec())).unwrap();
    block_on(store.set("b", "empty", Vec::new())).unwrap();
    assert_eq!(
        block_on(store.get("b", "k")).unwrap().unwrap(),
        b"two\0\xff"
    );
    assert_eq!(block_on(store.get("b", "empty")).unwrap().unwrap(), b"");
    assert_eq!(block_on(store.get("other", "k")).unwrap(), None);
    assert!(block_on(store.exists("b", "k")).unwrap());
    assert!(block_on(store.delete("b", "k")).unwrap());
    assert!(!block_on(store.delete("b", "k")).unwrap());
    assert_eq!(block_on(store.get("b", "k")).unwrap(), None);
}

#[test]
fn a_list_has_the_keys_of_its_bucket_and_prefix_in_order() {
    let (_dir, store) = new_store();
    let names = [
        ("a", "zz"),
        ("a\0", "b1"),
        ("ab", "1"),
        ("b", "a"),
        ("b", "b10"),
        ("b", "b2"),
        ("b", "b1"),
        ("b", "bü"),
        ("b", "c"),
        ("b\0", "b1"),
        ("ba", "b1"),
        ("🦀", "b1"),
    ];
    for (bucket, key) in names {
        block_on(store.set(bucket, key, b"v".to_vec())).unwrap();
    }
    let list = |prefix, limit| block_on(store.list("b", prefix, limit)).unwrap();
    assert_eq!(list("", 0), ["a", "b1", "b10", "b2", "bü", "c"]);
    assert_eq!(list("b", 0), ["b1", "b10", "b2", "bü"]);
    assert_eq!(list("b1", 0), ["b1", "b10"]);
    assert_eq!(list("b", 3), ["b1", "b10", "b2"]);
    assert_eq!(list("b", 99).len(), 4);
    assert_eq!(list("d", 0), Vec::<String>::new());
    assert_eq!(
        block_on(store.list("none", "", 0)).unwrap(),
        Vec::<String>::new()
    );
    let buckets = ["a", "a\0", "ab", "b", "b\0", "ba", "🦀"];
    assert_eq!(block_on(store.buckets()).unwrap(), buckets);
    assert!(block_on(store.delete("ab", "1")).unwrap());
    assert!(
        !block_on(store.buckets())
            .unwrap()
            .contains(&"ab".to_owned())
    );
}

#[test]
fn compare_and_set_changes_only_what_is_as_expected() {
    let (_dir, store) = new_store();
    let cas = |expected: Option<&str>, value: Option<&str>| {
        let bytes = |text: &str| text.as_bytes().to_vec();
        block_on(store.compare_and_set("b", "k", expected.map(bytes), value.map(bytes))).unwrap()
    };
    let get = || block_on(store.get("b", "k")).unwrap();
    assert!(!cas(Some("x"), Some("one")));
    assert_eq!(get(), None);
    assert!(cas(None, None));
    assert!(cas(None, Some("one")));
    assert!(!cas(None, Some("two")));
    assert!(!cas(Some("on"), Some("two")));
    assert_eq!(get().unwrap(), b"one");
    assert!(cas(Some("one"), Some("two")));
    assert!(!cas(Some("one"), None));
    assert_eq!(get().unwrap(), b"two");
    assert!(cas(Some("two"), None));
    assert_eq!(get(), None);
}

#[test]
fn increment_adds_to_decimal_text() {
    let (_dir, store) = new_store();
    let add = |by| block_on(store.increment("b", "n", by));
    assert_eq!(add(5).unwrap(), 5);
    assert_eq!(add(-7).unwrap(), -2);
    assert_eq!(block_on(store.get("b", "n")).unwrap().unwrap(), b"-2");
    block_on(store.set("b", "n", i64::MAX.to_string().into_bytes())).unwrap();
    let error = add(1).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Overflow {
                by: 1,
                number: i64::MAX,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        block_on(store.get("b", "n")).unwrap().unwrap(),
        i64::MAX.to_string().as_bytes()
    );
    for text in ["", "1.5", "twelve", " 1", "9223372036854775808"] {
        block_on(store.set("b", "n", text.into())).unwrap();
        let error = add(1).unwrap_err();
        assert!(
            matches!(error, StoreError::NotANumber { .. }),
            "{text:?}: {error}"
        );
        let shown = error.to_string();
        assert!(shown.contains("`b`") && shown.contains("`n`"), "{shown}");
        assert_eq!(
            block_on(store.get("b", "n")).unwrap().unwrap(),
            text.as_bytes()
        );
    }
}

#[test]
fn names_and_values_have_limits() {
    let (_dir, store) = new_store();
    let longest = "ü".repeat(MAX_NAME / 2);
    block_on(store.set(&longest, &longest, vec![1; MAX_VALUE])).unwrap();
    assert_eq!(
        block_on(store.get(&longest, &longest)).unwrap().unwrap(),
        vec![1; MAX_VALUE]
    );
    assert_eq!(
        block_on(store.list(&longest, &longest, 0)).unwrap(),
        [longest.as_str()]
    );

    let too_long = format!("{longest}x");
    let rejected = |result: Result<bool, StoreError>, name: &str, bytes: usize| {
        let error = result.unwrap_err();
        assert!(
            matches!(error, StoreError::NameLength { what, len } if what == name && len == bytes),
            "{error}"
        );
    };
    rejected(block_on(store.exists("", "k")), "bucket", 0);
    rejected(
        block_on(store.exists(&too_long, "k")),
        "bucket",
        MAX_NAME + 1,
    );
    rejected(block_on(store.delete("b", "")), "key", 0);
    rejected(block_on(store.delete("b", &too_long)), "key", MAX_NAME + 1);
    rejected(block_on(store.list("", "", 0)).map(|_| true), "bucket", 0);
    rejected(
        block_on(store.list("b", &too_long, 0)).map(|_| true),
        "prefix",
        MAX_NAME + 1,
    );

    let big = || vec![0; MAX_VALUE + 1];
    let set = block_on(store.set("b", "k", big()));
    assert!(matches!(set, Err(StoreError::ValueLength { len }) if len == MAX_VALUE + 1));
    let cas = block_on(store.compare_and_set("b", "k", None, Some(big())));
    assert!(matches!(cas, Err(StoreError::ValueLength { .. })));
    assert!(!block_on(store.exists("b", "k")).unwrap());
}

#[test]
fn a_closed_store_refuses() {
    let (dir, store) = new_store();
    let other = store.clone();
    let pending: Vec<_> = (0..100)
        .map(|n| store.set("b", &n.to_string(), vec![]))
        .collect();
    store.close();
    for write in pending {
        block_on(write).unwrap();
    }
    let rejected = block_on(other.set("b", "k", vec![]));
    assert!(matches!(rejected, Err(StoreError::Closed)), "{rejected:?}");
    let rejected = block_on(other.get("b", "k"));
    assert!(matches!(rejected, Err(StoreError::Closed)), "{rejected:?}");
    // The file is free, though a clone is still there.
    let again = rusm_store::Store::open(&dir.path().join("store.redb")).unwrap();
    assert_eq!(block_on(again.list("b", "", 0)).unwrap().len(), 100);
}

#[test]
fn a_write_is_done_even_if_nobody_waits_for_it() {
    let (_dir, store) = new_store();
    drop(store.set("b", "k", b"v".to_vec()));
    // Writes are done in order, so this one is acknowledged after that.
    block_on(store.set("b", "other", vec![])).unwrap();
    assert_eq!(block_on(store.get("b", "k")).unwrap().unwrap(), b"v");
}
