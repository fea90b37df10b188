//! The runner as it is built (`sdk/typescript/runner.wasm`), with a bundle of the tests' in its
//! snapshot: what instances do to the objects in it, where their stack ends, and how they agree
//! with QuickJS.

mod instance;
mod test262;

use std::sync::LazyLock;

use instance::Instances;

/// What a service's many calls do to its objects, a handler does to those of the snapshot: none of
/// it is a trap, and each change is seen.
#[test]
fn objects_of_the_snapshot_can_be_changed_in_every_way() {
    let wrong: Vec<String> = names("objects")
        .into_iter()
        .filter_map(|name| match act(&format!("objects {name}")) {
            Ok(answer) if answer == "ok" => None,
            other => Some(format!("{name}: {other:?}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recursion_of_every_kind_ends_in_an_exception() {
    let names = names("recursions");
    assert!(names.len() > 150, "{}", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let answer = act(&format!("recursions {name}"));
        let thrown = answer.as_deref().unwrap_or_default().split(' ').next();
        let is_right = match thrown.unwrap_or_default() {
            "RangeError" | "nothing" | "SyntaxError" => true,
            // The recursion wraps it; names of bound functions are long.
            "Error" => name == "errorInside",
            "InternalError" => name.contains("ound"),
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_recursion_goes_a_thousand_deep() {
    for (name, least) in [
        ("plain", 1000),
        ("getter", 1000),
        ("map", 500),
        ("asyncFn", 500),
    ] {
        let answer = act(&format!("recursions {name}")).unwrap();
        let depth: u32 = answer.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(depth >= least, "{name}: {answer}");
    }
    assert_eq!(act("recursions jsonParse3000").unwrap(), "nothing 1");
}

/// The cases of a list, in the bundle.
fn names(list: &str) -> Vec<String> {
    let all: serde_json::Value = serde_json::from_str(&act("names").unwrap()).unwrap();
    serde_json::from_value(all[list].clone()).unwrap()
}

fn act(body: &str) -> Result<String, String> {
    INSTANCES.act(body)
}

static INSTANCES: LazyLock<Instances> = LazyLock::new(|| {
    let bundle = [
        include_str!("cases/objects.js"),
        include_str!("cases/recursion.js"),
        include_str!("cases/entry.js"),
    ];
    // Three quarters of what instances have in the pool (`wasm-pool/src/pool/engine.rs`): frames are not
    // as large on every processor.
    Instances::of(&bundle.join("\n"), 1536 << 10)
});
