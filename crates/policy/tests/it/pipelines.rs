//! `pipelines/*.toml`: what stands against it is said, with its place, and all of it at once.

use crate::problems::{Case, case, check};

const REGISTRY: &str =
    "[registry]\n\n[tools.set_alias]\nclass = \"scale\"\neffect = \"reconcilable\"\nreversibility = \"reversible\"\n";
const GOOD: &str = "models = ['fraud']\n[promote]\nalias = 'champion'\nreason = 'it is new'\n";

/// The sample with a registry that moves aliases alone, and with these pipelines.
fn with(pipelines: &[(&str, &str)]) -> Case {
    let told: Vec<String> =
        pipelines.iter().map(|(name, text)| format!("{name}: {}", text.trim().escape_debug())).collect();
    case(format!("pipelines {}", told.join("; ")), |files| {
        files.insert("catalog/registry.toml", REGISTRY);
        for (name, text) in pipelines {
            files.insert(format!("pipelines/{name}.toml"), *text);
        }
    })
}

fn promoting(promote: &str) -> String {
    format!("models = ['fraud']\n[promote]\n{promote}\nreason = 'r'\n")
}

#[test]
fn what_stands_against_a_pipeline_is_said() {
    let one = |text: &str| with(&[("fraud", text)]);
    check(
        "pipelines",
        vec![
            case("a pipeline, and no registry", |files| files.insert("pipelines/fraud.toml", GOOD)),
            one(""),
            one("models = []\n[promote]\nalias = 'a'\nreason = ' '\n"),
            one(&promoting("")),
            one(&promoting("alias = 'a'\nstage = 'Production'")),
            one(&promoting("target = 'eu'")),
            one(&promoting("stage = 'Live'\narchive = true")),
            one(&format!("{GOOD}[validate]\ngaps_refused = ['no-such', 'files-differ', 'no-evaluation']\n")),
            one(&format!("{GOOD}[validate]\ngaps_refused = ['no-run']\ngaps_allowed = ['no-run']\ntags = ['', 'a']\n")),
            one(&format!("{GOOD}[evaluate]\nsuites = []\nwithin_hours = 0\n")),
            one(&format!("{GOOD}[evaluate]\nsuites = ['a,b']\nwithin_hours = 8761\n")),
            one(&format!("{GOOD}[evaluate]\nsuites = ['a']\n")),
            one(&format!("{GOOD}[approve]\nby = 'ben'\n")),
            with(&[("a", GOOD), ("b", GOOD)]),
        ],
    );
}
