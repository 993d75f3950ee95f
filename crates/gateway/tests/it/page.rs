//! The reference page is the table.

use countersign_gateway::methods;

#[test]
fn the_page_of_methods_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/mcp-methods.md");
    let page = methods::page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, page, "run `UPDATE=1 cargo test -p countersign-gateway` and look at the difference");
}
