//! The generated schema.

use std::path::Path;

use countersign_policy::schema::generate;

use crate::common::{inputs, load, sre};

#[test]
fn the_sample_schema_is_what_the_generator_writes() {
    // The data of a bundle does not depend on its schema, so the sample's own schema may stand in here.
    let mut files = sre();
    let bundle = load(files.clone());
    let generated = generate(bundle.data(), &inputs());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sre/schema.cedarschema");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    assert_eq!(bundle.schema_text(), generated, "run again with UPDATE_EXPECT=1 to accept the new text");
    files.insert("schema.cedarschema", generated);
    assert_eq!(load(files).digest(), bundle.digest());
}
