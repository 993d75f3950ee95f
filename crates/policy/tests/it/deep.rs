//! deep
use crate::common::sre;
use countersign_policy::Bundle;

#[test]
fn deep() {
    let n: usize = std::env::var_os("N").unwrap().to_str().unwrap().parse().unwrap();
    let body = match std::env::var_os("K").unwrap().to_str().unwrap() {
        "paren" => format!("{}context.risk < 1{}", "(".repeat(n), ")".repeat(n)),
        "if" => format!("{}true{}", "if context.delegated then false else ".repeat(n), ""),
        "and" => format!("{}true", "context.delegated && ".repeat(n)),
        "plus" => format!("{}1 > 2", "context.risk + ".repeat(n)),
        "attr" => format!("context{}", ".x".repeat(n)),
        "when" => format!("true }} {} unless {{ false ", "when { context.delegated }\n".repeat(n)),
        _ => format!("{}{} == []", "[".repeat(n), "]".repeat(n)),
    };
    let mut files = sre();
    files.insert(
        "policies/deep.cedar",
        format!("@id(\"deep\") permit (principal, action, resource) when {{ {body} }};"),
    );
    let r = Bundle::load(files);
    eprintln!(
        "{}",
        match r {
            Ok(_) => "ok".into(),
            Err(e) =>
                e.problems().first().map(|p| p.to_string()).unwrap_or_default().chars().take(150).collect::<String>(),
        }
    );
}
