//! The auditor's steps on a published log and on the evidence that answers their request.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use evidence::published::{CHECKPOINT, WITNESSED, unwitnessed};
use evidence::verify::Check;
use evidence::{Archive, Leaf, Standing, published, stamped};
use replay::audit::{
    AuditError, Filter, Held, Population, Reconstruction, Request, RequestError, VerdictName, checked, open,
    reconstruct, walk,
};
use types::{Code, Millis};

use crate::told::{code, say, say_json, word};
use crate::trust::{self, Signer, TrustArgs};
use crate::{Ended, policies};

/// What an auditor does, in this order.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show a trust root with its fingerprints, to compare with what the operator reads out.
    Trust {
        /// The file.
        file: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Count the decisions of a published log, complete, after checking all of it.
    Population(Which),
    /// Draw a sample from a published log, by a seed chosen after its checkpoint was out.
    Sample(Sample),
    /// Tell each drawn decision: what is proved, and what rests on whose judgement.
    Reconstruct(Evidence),
}

/// Which decisions of which log.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The folder of the published log.
    log: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// From an instant on, such as `2026-11-01T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// Before an instant.
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// With a verdict: allow, allow_observed, escalate or deny; may be given several times.
    #[arg(long = "verdict", value_name = "VERDICT")]
    verdicts: Vec<VerdictName>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Draw a sample.
#[derive(Debug, Args)]
pub(crate) struct Sample {
    #[command(flatten)]
    which: Which,
    /// How many to draw.
    #[arg(short, long, default_value_t = 25, value_name = "COUNT")]
    n: usize,
    /// The seed.
    #[arg(long)]
    seed: String,
    /// The file to write the request into, for the operator.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Tell what evidence shows.
#[derive(Debug, Args)]
pub(crate) struct Evidence {
    /// The `.evidence` file.
    file: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// The request it answers; without it, every decision in it is told.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Your own copy of the log that the request was drawn from, to hold the evidence against.
    #[arg(long, value_name = "DIR", requires = "request")]
    log: Option<PathBuf>,
    /// A policy bundle that is not in the evidence, as a folder; may be given several times.
    #[arg(long = "policy-bundle", value_name = "DIR")]
    policies: Vec<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Says whether JSON is wanted.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Trust { json, .. } => *json,
            Self::Population(which) => which.json,
            Self::Sample(sample) => sample.which.json,
            Self::Reconstruct(evidence) => evidence.json,
        }
    }

    /// Does the step.
    pub(crate) fn run(&self) -> Ended {
        let done = match self {
            Self::Trust { file, json } => trust::show(file, *json).map(|()| Standing::Holds),
            Self::Population(which) => population(which),
            Self::Sample(args) => sample(args),
            Self::Reconstruct(args) => tell(args),
        };
        done.map_or_else(|ended| ended, Ended::Checked)
    }
}

impl Which {
    fn filter(&self) -> Filter {
        let at = |time: jiff::Timestamp| Millis(time.as_millisecond());
        Filter { from: self.from.map(at), to: self.to.map(at), verdicts: self.verdicts.iter().copied().collect() }
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.log.join(name)).ok()
    }

    /// Returns the checkpoint that is checked, the witnessed one where witnesses are demanded, and whom the reader trusts
    /// with it.
    fn headed(&self) -> Result<(Vec<u8>, Signer), Ended> {
        let missing =
            || Ended::Unusable(Code::EvidenceMissing, format!("`{}` holds no checkpoint", self.log.display()));
        let witnessed = if self.trust.demands_witnesses()? { self.read(WITNESSED) } else { None };
        let note = witnessed.or_else(|| self.read(CHECKPOINT)).ok_or_else(missing)?;
        let signer = self.trust.needed(&note)?;
        Ok((note, signer))
    }
}

fn fetch(folder: &Path) -> impl Fn(&tlog::TilePath) -> Option<Vec<u8>> {
    move |path| fs::read(folder.join(path.to_string())).ok()
}

fn population(which: &Which) -> Result<Standing, Ended> {
    let (note, signer) = which.headed()?;
    if let Some(undated) = undated(which)? {
        return Ok(undated);
    }
    let mut counted = Population::new(which.filter());
    let published = match walk(&note, &signer.trust, fetch(&which.log), |index, leaf, _| counted.take(index, leaf)) {
        Ok(published) => published,
        Err(error) => return Ok(fails(&error, which.json)),
    };
    if let Some(why) = signer.wrong_at(published.last) {
        return Ok(broken(&why, which.json));
    }
    let mut counted = counted.of(&published);
    counted.unproven.extend(signer.trust.unproven().map(str::to_owned));
    if which.trust.demands_witnesses()? {
        counted.unproven.extend(unwitnessed(&|name: &str| which.read(name), &published.checkpoint));
    }
    show(&counted.lines(), serde_json::to_value(&counted), which.json);
    Ok(Standing::Holds)
}

fn sample(args: &Sample) -> Result<Standing, Ended> {
    let which = &args.which;
    let (note, signer) = which.headed()?;
    if let Some(undated) = undated(which)? {
        return Ok(undated);
    }
    let drawn = Request::draw(&note, &signer.trust, fetch(&which.log), &args.seed, args.n, which.filter());
    let request = match drawn {
        Ok(request) => request,
        Err(RequestError::Log(error)) => return Ok(fails(&error, which.json)),
        Err(error) => return Err(Ended::Unusable(Code::UsageInvalid, error.to_string())),
    };
    if let Some(file) = &args.output {
        fs::write(file, request.to_json()).map_err(|e| unusable(file, &e))?;
    }
    let checks = open(&note, &signer.trust).map(|(_, checks)| checks).unwrap_or_default();
    let lines = [checked(&checks), request.lines()].concat();
    show(&lines, serde_json::to_value(&request), which.json);
    Ok(Standing::Holds)
}

fn tell(args: &Evidence) -> Result<Standing, Ended> {
    let bytes = fs::read(&args.file).map_err(|e| unusable(&args.file, &e))?;
    let archive = Archive::from_bytes(&bytes).map_err(|e| Ended::Unusable(e.code(), e.to_string()))?;
    let signer = args.trust.needed(&archive.checkpoint)?;
    let request = args.request.as_deref().map(requested).transpose()?;
    let own = policies::all(&args.policies).map_err(|why| Ended::Unusable(Code::FileUnusable, why))?;
    let held = match (&args.log, &request) {
        (Some(log), Some(request)) => match Held::by(request, &archive, &signer.trust, fetch(log)) {
            Ok(held) => Some(held),
            Err(error) => return Ok(fails(&error, args.json)),
        },
        _ => None,
    };
    if let Some(why) = newest(&archive).and_then(|at| signer.wrong_at(at)) {
        return Ok(broken(&why, args.json));
    }
    if let Some(dated_by) = args.trust.authorities()? {
        let dated = stamped::check(archive.timestamp.as_deref(), &archive.checkpoint, &dated_by);
        if let Some(undated) = failing([&dated.signature, &dated.claim], args.json) {
            return Ok(undated);
        }
    }
    let told = reconstruct(&archive, &signer.trust, own, request.as_ref(), held.as_ref());
    let standing = told.standing();
    print(&told, standing, args.json);
    Ok(standing)
}

/// Says how a log stands that none of the authorities has dated which the reader demands; `None` if one has, or none must.
fn undated(which: &Which) -> Result<Option<Standing>, Ended> {
    let Some(dated_by) = which.trust.authorities()? else { return Ok(None) };
    let read = |name: &str| which.read(name);
    let trust = which.trust.trust_for(&which.log)?;
    let mut report = published::check(&read, &trust, &[]).unwrap_or_default();
    stamped::of_log(&read, &dated_by, &mut report);
    Ok(failing(&report.checks, which.json))
}

/// Tells the first check that does not hold, if there is one.
fn failing<'a>(checks: impl IntoIterator<Item = &'a Check>, json: bool) -> Option<Standing> {
    let check = checks.into_iter().find(|check| check.standing != Standing::Holds)?;
    let detail = check.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    Some(failed(check.standing, &format!("{}{detail}", check.claim), json))
}

fn print(told: &Reconstruction, standing: Standing, json: bool) {
    if json {
        let (claim, code) = (told.claim(), code(standing));
        say_json(&serde_json::json!({ "standing": standing, "claim": claim, "code": code, "report": told }));
        return;
    }
    told.lines().iter().for_each(|line| say(line));
    if let Some(code) = code(standing) {
        say(&format!("{:<19}{code}", "code"));
    }
}

/// Returns when the newest record was written.
fn newest(archive: &Archive) -> Option<Millis> {
    archive.records.iter().filter_map(|record| Leaf::from_bytes(&record.leaf).ok()).map(|leaf| leaf.at).max()
}

fn requested(file: &Path) -> Result<Request, Ended> {
    let bytes = fs::read(file).map_err(|e| unusable(file, &e))?;
    let named = |e: RequestError| Ended::Unusable(Code::FileUnusable, format!("`{}`: {e}", file.display()));
    Request::from_json(&bytes).map_err(named)
}

fn unusable(file: &Path, error: &std::io::Error) -> Ended {
    Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be used: {error}", file.display()))
}

fn show(lines: &[String], value: serde_json::Result<serde_json::Value>, json: bool) {
    if json {
        say_json(&value.unwrap_or_default());
    } else {
        lines.iter().for_each(|line| say(line));
    }
}

/// Says why a log does not hold, and how it stands then.
fn fails(error: &AuditError, json: bool) -> Standing {
    failed(error.standing(), &error.to_string(), json)
}

fn broken(why: &str, json: bool) -> Standing {
    failed(Standing::Broken, why, json)
}

fn failed(standing: Standing, why: &str, json: bool) -> Standing {
    let code = code(standing);
    if json {
        say_json(&serde_json::json!({ "standing": standing, "code": code, "why": why }));
    } else {
        say(&format!("{:<19}{why}", word(standing)));
        if let Some(code) = code {
            say(&format!("{:<19}{code}", "code"));
        }
    }
    standing
}
