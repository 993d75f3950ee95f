//! `countersign feature`: definitions of features, and whether serving computes what training did.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use models::feast::{self, DUMP_BYTES_MAX, Imported};
use models::feature::TRANSFORMATION_BYTES_MAX;
use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::{FeatureCommand, FeatureImportArgs, FeatureRegisterArgs, FeatureSkewArgs};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, command: &FeatureCommand, as_json: bool) -> Done {
    match command {
        FeatureCommand::Register(args) => register(client, args, as_json).await,
        FeatureCommand::List => show(&client.get("/v1/features").await?, as_json),
        FeatureCommand::Show { name } => show(&client.get(&format!("/v1/features/{}", segment(name))).await?, as_json),
        FeatureCommand::Import(args) => import(client, args, as_json).await,
        FeatureCommand::Skew(args) => skew(client, args, as_json).await,
    }
}

/// Reads a file, or standard input, of at most so many bytes.
fn read(path: &Path, bytes_max: usize) -> Result<String, CliError> {
    let unusable = |error: std::io::Error| CliError::machine(format!("`{}` cannot be read: {error}", path.display()));
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        fs::File::open(path).map_err(unusable)?.take(most).read_to_string(&mut text)
    };
    if read.map_err(unusable)? > bytes_max {
        return Err(CliError::usage(format!("`{}` has more than {bytes_max} bytes", path.display())));
    }
    Ok(text)
}

async fn register(client: &Client, args: &FeatureRegisterArgs, as_json: bool) -> Done {
    let transformation = read(&args.transformation, TRANSFORMATION_BYTES_MAX)?;
    let pairs = args.datasets.chunks_exact(2);
    let datasets: Vec<Value> =
        pairs.filter_map(|pair| Some(json!({ "namespace": pair.first()?, "name": pair.get(1)? }))).collect();
    let body = json!({
        "name": args.name, "concept": args.concept, "entity": args.entity, "type": args.kind.name(),
        "window": args.window, "transformation": transformation, "owner": args.owner, "datasets": datasets,
    });
    let made = client.post("/v1/features", &body).await?;
    if as_json {
        output::say_json(&made);
    } else {
        registered(&made).iter().for_each(output::say);
    }
    Ok(Exit::Done)
}

/// Tells what registering has come to.
fn registered(made: &Value) -> Vec<String> {
    let feature = made.get("feature").unwrap_or(&Value::Null);
    let how = if made.get("new") == Some(&Value::Bool(true)) { "registered" } else { "already there" };
    let (name, version) = (text(feature, "name"), text(feature, "version"));
    let digest: String = text(feature, "digest").chars().take(16).collect();
    let mut lines = vec![format!("{} {name} version {version} {how} {}", paint(GOOD, "ok"), paint(FAINT, digest))];
    lines.extend(made.get("conflict").map(conflict));
    lines
}

fn conflict(conflict: &Value) -> String {
    let names = |member: &str| list(conflict, member).filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let differing = names("differing");
    let what = if differing.is_empty() {
        "are one definition under several names".to_owned()
    } else {
        format!("define it differently: {differing}")
    };
    format!("{} `{}`: {} {what}", paint(NOTE, "conflict"), text(conflict, "concept"), names("features"))
}

fn show(found: &Value, as_json: bool) -> Done {
    if as_json {
        output::say_json(found);
        return Ok(Exit::Done);
    }
    let row = |feature: &Value| {
        let version = format!("v{}", text(feature, "version"));
        let digest: String = text(feature, "digest").chars().take(16).collect();
        let of = |name: &str| text(feature, name);
        vec![
            of("name"),
            version,
            of("concept"),
            of("entity"),
            of("window"),
            of("owner"),
            instant(feature, "at"),
            digest,
        ]
    };
    output::table(&list(found, "features").map(row).collect::<Vec<_>>());
    list(found, "conflicts").map(conflict).for_each(output::say);
    Ok(Exit::Done)
}

async fn import(client: &Client, args: &FeatureImportArgs, as_json: bool) -> Done {
    let dump = feast::read(&read(&args.dump, DUMP_BYTES_MAX)?);
    let dump = dump.map_err(|error| CliError::usage(format!("`{}`: {error}", args.dump.display())))?;
    let mut made = Vec::new();
    for Imported { definition, owner, origin } in &dump.imported {
        let body = json!({
            "name": definition.name, "concept": definition.concept, "entity": definition.entity,
            "type": definition.kind.name(), "window": definition.window, "transformation": definition.transformation,
            "owner": owner.as_deref().unwrap_or(&args.owner), "origin": origin,
        });
        made.push(client.post("/v1/features", &body).await?);
    }
    let passed: Vec<Value> = dump.passed_over.iter().map(|one| json!({ "name": one.name, "why": one.why })).collect();
    let found = json!({ "imported": made, "passed_over": passed });
    if as_json {
        output::say_json(&found);
        return Ok(Exit::Done);
    }
    made.iter().flat_map(registered).for_each(output::say);
    for one in list(&found, "passed_over") {
        output::say(format!("{} {}: {}", paint(NOTE, "not imported"), text(one, "name"), text(one, "why")));
    }
    Ok(Exit::Done)
}

async fn skew(client: &Client, args: &FeatureSkewArgs, as_json: bool) -> Done {
    let of = args.name.as_deref().map(|name| format!("&feature={}", segment(name))).unwrap_or_default();
    let found = client.get(&format!("/v1/skew?tolerance_millionths={}{of}", args.tolerance_millionths)).await?;
    if as_json {
        output::say_json(&found);
    } else {
        list(&found, "features").map(told).for_each(output::say);
        if list(&found, "features").next().is_none() {
            output::tell("no feature has values of training and of serving");
        }
    }
    let differs = list(&found, "features").any(|one| text(one, "finding") == "differs");
    Ok(if differs { Exit::Failed } else { Exit::Done })
}

/// Tells of one feature whether serving computes what training did.
fn told(report: &Value) -> String {
    let of = |name: &str| text(report, name);
    let alone = format!("{} in training alone, {} in serving alone", of("training_only"), of("serving_only"));
    let (style, said) = match of("finding").as_str() {
        "differs" => (BAD, format!("differs at {} of {} compared", of("differing"), of("compared"))),
        "same" => (GOOD, format!("is the same at all {} compared", of("compared"))),
        _ => (NOTE, "cannot be compared: no entity has a value on both sides at one time".to_owned()),
    };
    let mut line = format!("{} {said}; {alone}", paint(style, of("feature")));
    if let Some(first) = report.get("first") {
        let value = |name: &str| match first.get(name) {
            Some(_) => text(first, name),
            None => "nothing".to_owned(),
        };
        let (training, serving) = (value("training"), value("serving"));
        let (entity, at) = (text(first, "entity"), instant(first, "at"));
        line.push_str(&format!("; first at {at} of {entity}: {training} in training, {serving} in serving"));
    }
    let (training, serving) = (of("training_version"), of("serving_version"));
    if training != serving && !training.is_empty() && !serving.is_empty() {
        line.push_str(&format!("; training computes version {training}, serving version {serving}"));
    }
    if let Some(distance) = report.get("distance") {
        let share = |name: &str| thousandths(distance.get(name).and_then(Value::as_i64).unwrap_or(0));
        line.push_str(&format!("; PSI {}, KS {}", share("psi_millionths"), share("ks_millionths")));
    }
    line
}

/// Writes millionths with three places behind the point.
fn thousandths(millionths: i64) -> String {
    let thousandths = millionths / 1_000;
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> String {
        anstream::adapter::strip_str(line).to_string()
    }

    #[test]
    fn a_feature_is_told_with_what_differs_first() {
        let report = json!({
            "feature": "clv", "finding": "differs", "compared": 9, "differing": 2, "training_only": 1, "serving_only": 0,
            "training_version": 2, "serving_version": 1, "first": { "entity": "a", "at": 0, "training": "3.5" },
            "distance": { "training": 9, "serving": 9, "psi_millionths": 1_234_567, "ks_millionths": 500_000 },
        });
        let expected = "clv differs at 2 of 9 compared; 1 in training alone, 0 in serving alone; first at 1970-01-01 00:00:00Z of a: \
                        3.5 in training, nothing in serving; training computes version 2, serving version 1; PSI 1.234, KS 0.500";
        assert_eq!(plain(&told(&report)), expected);
        let same = json!({ "feature": "a", "finding": "same", "compared": 3, "training_only": 0, "serving_only": 0 });
        assert_eq!(plain(&told(&same)), "a is the same at all 3 compared; 0 in training alone, 0 in serving alone");
        let none = json!({ "feature": "a", "finding": "nothing-compared", "training_only": 2, "serving_only": 0 });
        assert!(plain(&told(&none)).starts_with("a cannot be compared"));
    }

    #[test]
    fn a_conflict_is_told_by_what_differs() {
        let both = json!({ "concept": "clv", "features": ["a", "b"], "differing": ["window", "transformation"] });
        assert_eq!(plain(&conflict(&both)), "conflict `clv`: a, b define it differently: window, transformation");
        let twice = json!({ "concept": "clv", "features": ["a", "b"], "differing": [] });
        assert_eq!(plain(&conflict(&twice)), "conflict `clv`: a, b are one definition under several names");
    }
}
