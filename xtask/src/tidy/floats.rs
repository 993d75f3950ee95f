//! Rule: no float leaves a pure crate (DESIGN §5, never 1): none stands in a public signature.

use super::purity;
use super::scan;
use super::source::Source;
use super::tree::Tree;
use super::violation::Violation;

/// Finds floats in public functions, types, fields and constants of pure crates.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let pure = tree.production().filter(|(path, _)| purity::is_pure(path));
    pure.flat_map(|(path, source)| in_source(path, source)).collect()
}

fn in_source(path: &str, source: &Source) -> Vec<Violation> {
    let code = source.code.as_str();
    let public = scan::words(code, "pub").filter_map(|at| Some((at, signature(code.get(at..)?)?)));
    let floats = public.flat_map(|(at, signature)| {
        let both = scan::words(signature, "f32").chain(scan::words(signature, "f64"));
        both.map(move |inside| at + inside).collect::<Vec<_>>()
    });
    floats
        .map(|at| Violation::new(path, scan::line(code, at), "a float leaves a pure crate; use an integer unit"))
        .collect()
}

/// Returns the part of a public item that others see; nothing for `pub(crate)` and the like.
fn signature(item: &str) -> Option<&str> {
    let after = item.strip_prefix("pub")?.trim_start();
    let end = match after.split_whitespace().next()? {
        word if word.starts_with('(') => return None,
        "enum" | "trait" => {
            let open = item.find('{')?;
            open + scan::braced(item.get(open..)?)
        }
        "fn" | "unsafe" | "extern" | "struct" | "union" => item.find(['{', ';'])?,
        "const" | "static" | "type" | "use" | "mod" => item.find([';', '{'])?,
        _field => item.find([',', '}', ';', '\n'])?,
    };
    item.get(..end)
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&tree(&[("crates/models/src/a.rs", text)])).into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn public_floats_are_found() {
        assert_eq!(lines("pub fn f(\n    a: f64,\n) {}"), [2]);
        assert_eq!(lines("pub struct A {\n    pub a: f32,\n    b: f64,\n}"), [2]);
        assert_eq!(lines("pub struct A(pub f64);\npub const B: f64 = 1.0;"), [1, 1, 2]);
        assert_eq!(lines("pub enum E {\n    A(f64),\n}"), [2]);
    }

    #[test]
    fn inner_floats_may_be() {
        assert!(lines("fn f(a: f64) {}\npub(crate) fn g() -> f32 {}\npub fn h() { let a: f64 = 0.0; }").is_empty());
    }
}
