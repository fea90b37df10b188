//! The manifest as an operator gives it: its schema.

use crate::apps::rusm;
use crate::clients;

#[test]
fn the_schema_is_that_of_the_manifests_of_the_repository() {
    let output = rusm().arg("schema").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let dir = tempfile::tempdir().unwrap();
    let schema = dir.path().join("rusm.schema.json");
    std::fs::write(&schema, &output.stdout).unwrap();
    for lang in ["rust", "ts"] {
        let mut new = rusm();
        new.args(["new", "shop", "--lang", lang]);
        let parent = dir.path().join(lang);
        std::fs::create_dir(&parent).unwrap();
        assert!(new.current_dir(&parent).output().unwrap().status.success());
    }
    clients::python_alone("schema.py", &[schema.as_os_str(), dir.path().as_os_str()]);
}
