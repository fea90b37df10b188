//! What `#[handlers]` takes, and what it says of the rest.

#[test]
fn handlers() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
