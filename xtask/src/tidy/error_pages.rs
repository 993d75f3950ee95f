//! Rule: each stable code has a page under `docs/errors/` with cause and remedy, and no page lacks its code (STYLE 18).

use super::codes::{self, Code};
use super::tree::{File, Tree};
use super::violation::Violation;

const FOLDER: &str = "docs/errors/";
const SECTIONS: [&str; 3] = ["## When it happens", "## What to do", "## What is recorded"];

/// Finds codes without a page, pages without a code, and pages that lack a section.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let codes = codes::all(tree);
    if codes.is_empty() {
        return vec![Violation::new(codes::LIST, 1, "the list of codes cannot be found here")];
    }
    let missing = codes.iter().filter_map(|code| without_page(tree, code));
    let pages = tree.files.iter().filter_map(|file| Some((file, page_name(&file.path)?)));
    missing.chain(pages.flat_map(|(file, name)| on_page(file, name, &codes))).collect()
}

fn page_name(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)?.strip_suffix(".md").filter(|name| *name != "README")
}

fn without_page(tree: &Tree, code: &Code) -> Option<Violation> {
    let page = format!("{FOLDER}{}.md", code.text);
    let message = format!("the code `{}` has no page `{page}`", code.text);
    tree.file(&page).is_none().then(|| Violation::new(codes::LIST, code.line, message))
}

fn on_page(file: &File, name: &str, codes: &[Code]) -> Vec<Violation> {
    if !codes.iter().any(|code| code.text == name) {
        return vec![Violation::new(&file.path, 1, format!("there is no code `{name}`"))];
    }
    let absent = SECTIONS.iter().filter(|section| !file.text.lines().any(|line| line.trim_end() == **section));
    absent.map(|section| Violation::new(&file.path, 1, format!("the page lacks the section `{section}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    const PAGE: &str = "# x\n\n## When it happens\n\nA.\n\n## What to do\n\nB.\n\n## What is recorded\n\nC.\n";

    fn found(pages: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = [(codes::LIST, codes::planted::LIST)].iter().chain(pages).copied().collect();
        check(&tree(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn complete_pages_pass() {
        let pages =
            [("docs/errors/killed.md", PAGE), ("docs/errors/disk-full.md", PAGE), ("docs/errors/README.md", "")];
        assert!(found(&pages).is_empty());
    }

    #[test]
    fn a_missing_page_a_stray_page_and_a_missing_section_are_found() {
        let short = PAGE.replace("## What to do", "## What");
        let found = found(&[("docs/errors/killed.md", &short), ("docs/errors/gone.md", PAGE)]);
        assert_eq!(
            found,
            [
                "crates/types/src/code.rs:9: the code `disk-full` has no page `docs/errors/disk-full.md`",
                "docs/errors/killed.md:1: the page lacks the section `## What to do`",
                "docs/errors/gone.md:1: there is no code `gone`",
            ]
        );
    }

    #[test]
    fn a_lost_list_is_found() {
        assert_eq!(check(&tree(&[])).len(), 1);
    }
}
