//! What is recorded of training and of models besides seals: the digests of runs, evaluations, which version runs where, what runs or stands
//! around the road, which keys hosts sign with, checks of data, the steps of pipelines, and imports.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::data_check::DataChecked;
use crate::heartbeat::HostKey;
use crate::incident::Incident;
use crate::pipeline::PipelineStepped;

/// Is the status of the record of a run's digests.
pub const ANCHORED: u8 = 2;

/// Is the status of the record of an evaluation.
pub const EVALUATED: u8 = 3;

/// Is the status of the record of what runs at a target, as its host or a probe says.
pub const OBSERVED: u8 = 4;

/// Is the status of the record of an import.
pub const IMPORTED: u8 = 9;
/// Is the status of the record of a check of data.
pub const DATA_CHECKED: u8 = 6;

/// Is the status of the record of a step of a pipeline.
pub const PIPELINE_STEPPED: u8 = 7;
/// Is the status of the record of what runs or stands around the road, and of its end.
pub const INCIDENT: u8 = 20;

/// Is the status of the record of a host's key, and of its end.
pub const HOST_KEY: u8 = 21;

/// Is what is recorded of training and of models, each with the status of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attestation {
    /// What a run has logged.
    Anchored(Anchored),
    /// How a version did in an evaluation.
    Evaluated(Evaluated),
    /// Which version runs at a target.
    Observed(Observed),
    /// What was taken over from elsewhere.
    Imported(Imported),
    /// Whether a file of data is as expected.
    DataChecked(DataChecked),
    /// What became of a step of a pipeline.
    PipelineStepped(PipelineStepped),
    /// What runs or stands around the road, or does no more.
    Incident(Incident),
    /// Which key a host signs with, or does no more.
    HostKey(HostKey),
}

impl Attestation {
    /// Returns the status of its record.
    pub fn status(&self) -> u8 {
        match self {
            Self::Anchored(_) => ANCHORED,
            Self::Evaluated(_) => EVALUATED,
            Self::Observed(_) => OBSERVED,
            Self::Imported(_) => IMPORTED,
            Self::DataChecked(_) => DATA_CHECKED,
            Self::PipelineStepped(_) => PIPELINE_STEPPED,
            Self::Incident(_) => INCIDENT,
            Self::HostKey(_) => HOST_KEY,
        }
    }

    /// Returns its body, as it is recorded.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Anchored(body) => crate::cbor::encode(body),
            Self::Evaluated(body) => crate::cbor::encode(body),
            Self::Observed(body) => crate::cbor::encode(body),
            Self::Imported(body) => crate::cbor::encode(body),
            Self::DataChecked(body) => crate::cbor::encode(body),
            Self::PipelineStepped(body) => crate::cbor::encode(body),
            Self::Incident(body) => crate::cbor::encode(body),
            Self::HostKey(body) => crate::cbor::encode(body),
        }
    }

    /// Reads the body of a record with a status; nothing of another status or of what is no such body.
    pub fn from_bytes(status: u8, bytes: &[u8]) -> Option<Self> {
        match status {
            ANCHORED => crate::cbor::decode(bytes).ok().map(Self::Anchored),
            EVALUATED => crate::cbor::decode(bytes).ok().map(Self::Evaluated),
            OBSERVED => crate::cbor::decode(bytes).ok().map(Self::Observed),
            IMPORTED => crate::cbor::decode(bytes).ok().map(Self::Imported),
            DATA_CHECKED => crate::cbor::decode(bytes).ok().map(Self::DataChecked),
            PIPELINE_STEPPED => crate::cbor::decode(bytes).ok().map(Self::PipelineStepped),
            INCIDENT => crate::cbor::decode(bytes).ok().map(Self::Incident),
            HOST_KEY => crate::cbor::decode(bytes).ok().map(Self::HostKey),
            _ => None,
        }
    }
}

/// Is what a run had logged at an instant: a digest for each part of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Anchored {
    /// The run.
    #[n(0)]
    pub run: String,
    /// How it stood.
    #[n(1)]
    pub status: String,
    /// The digest of each part, by name: what is said of the run, its parameters, tags, metrics, datasets and models.
    #[n(2)]
    pub parts: Vec<Part>,
    /// How many points of metrics there were.
    #[n(3)]
    pub points: u64,
    /// When it was looked at, in milliseconds since the epoch; the record may follow later.
    #[n(4)]
    pub at: i64,
}

/// Is one part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Part {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// The SHA-256 of its lines.
    #[n(1)]
    pub digest: Digest,
}

/// Is how a version of a registered model did in an evaluation, as whoever made it says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Evaluated {
    /// The registered model.
    #[n(0)]
    pub model: String,
    /// The version's number.
    #[n(1)]
    pub version: u64,
    /// What it was evaluated by.
    #[n(2)]
    pub suite: String,
    /// Whether it passed: all of its checks did.
    #[n(3)]
    pub passed: bool,
    /// The checks.
    #[n(4)]
    pub checks: Vec<Check>,
    /// The digest under which the version's files were sealed.
    #[n(5)]
    pub seal: Option<Digest>,
    /// The run that it was made in.
    #[n(6)]
    pub run: Option<String>,
    /// The data that it was made on, by whatever names them.
    #[n(7)]
    pub dataset: Option<String>,
    /// When it was told, in milliseconds since the epoch.
    #[n(8)]
    pub at: i64,
}

/// Is one check of an evaluation. Numbers are texts, as they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Check {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Whether it passed.
    #[n(1)]
    pub passed: bool,
    /// What was measured.
    #[n(2)]
    pub value: Option<String>,
    /// The interval in which what was measured is: its lower and its upper end.
    #[n(3)]
    pub interval: Option<(String, String)>,
    /// What was demanded, such as `>= 0.9`.
    #[n(4)]
    pub demanded: Option<String>,
}

/// Is what a host says that it runs, or what a probe found there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Observed {
    /// The registered model, by the name that the host has for it.
    #[n(0)]
    pub model: String,
    /// Where it runs.
    #[n(1)]
    pub target: String,
    /// The version's number; nothing runs there if it is absent.
    #[n(2)]
    pub version: Option<u64>,
    /// The digest over the files that it has loaded.
    #[n(3)]
    pub digest: Option<Digest>,
    /// The version that was to run there.
    #[n(4)]
    pub declared: Option<u64>,
    /// How the two compare, by its name in the contract.
    #[n(5)]
    pub state: String,
    /// When it was told, in milliseconds since the epoch.
    #[n(6)]
    pub at: i64,
    /// By what means it is known; by a host's report where nothing stands.
    #[n(7)]
    pub means: Option<String>,
    /// The numbers of further versions that run there at once.
    #[n(8)]
    pub others: Option<Vec<u64>>,
    /// The digests of the images that run there, as the infrastructure says.
    #[n(9)]
    pub images: Option<Vec<String>>,
    /// Why nothing is known by this means.
    #[n(10)]
    pub reason: Option<String>,
    /// What a host signed: the key, the counter, when, and the signature.
    #[n(11)]
    pub signed: Option<Signed>,
}

/// Is the signature under what a host says, with what it covers besides.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Signed {
    /// The id of the host's key.
    #[n(0)]
    pub key: String,
    /// The public key on Ed25519, in hexadecimal.
    #[n(4)]
    pub public: String,
    /// The counter of the report.
    #[n(1)]
    pub counter: u64,
    /// When the host says that it reported, in milliseconds since the epoch.
    #[n(2)]
    pub at: i64,
    /// The signature, in hexadecimal.
    #[n(3)]
    pub signature: String,
}

/// Is what an import has taken over: what is kept of it is the word of the source, and this says what that word was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Imported {
    /// The import.
    #[n(0)]
    pub import: String,
    /// Where it was taken from, without credentials.
    #[n(1)]
    pub source: String,
    /// How many things were taken, by their kind.
    #[n(2)]
    pub taken: Vec<Taken>,
    /// The SHA-256 of a line for each thing that was taken: a JSON array of its kind, its id and the digest of what was taken, by kind and
    /// id.
    #[n(3)]
    pub digest: Digest,
    /// How many things the source has that were refused or could not be taken, as whoever imports says.
    #[n(4)]
    pub left: u64,
    /// When it began, in milliseconds since the epoch.
    #[n(5)]
    pub began: i64,
    /// When it ended.
    #[n(6)]
    pub at: i64,
}

/// Says how many things of a kind were taken.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Taken {
    /// The kind.
    #[n(0)]
    pub kind: String,
    /// How many.
    #[n(1)]
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_check::DataFinding;
    use crate::pipeline::{Step, StepState};

    #[test]
    fn what_is_recorded_is_read_again() {
        let parts = vec![Part { name: "params".into(), digest: Digest([7; 32]) }];
        let anchored = Anchored { run: "r".into(), status: "FINISHED".into(), parts, points: 3, at: 5 };
        let check = Check {
            name: "auc".into(),
            passed: true,
            value: Some("0.93".into()),
            interval: Some(("0.91".into(), "0.95".into())),
            demanded: Some(">= 0.9".into()),
        };
        let evaluated = Evaluated {
            model: "m".into(),
            version: 2,
            suite: "holdout".into(),
            passed: true,
            checks: vec![check],
            seal: Some(Digest([1; 32])),
            run: None,
            dataset: Some("2026-10".into()),
            at: 5,
        };
        let observed = Observed {
            model: "m".into(),
            target: "eu".into(),
            version: Some(2),
            digest: None,
            declared: Some(1),
            state: "other-version".into(),
            at: 5,
            means: Some("cluster".into()),
            others: Some(vec![3]),
            ..Observed::default()
        };
        let imported = Imported {
            import: "i".into(),
            source: "http://mlflow.example".into(),
            taken: vec![Taken { kind: "run".into(), count: 2 }],
            digest: Digest([3; 32]),
            left: 1,
            began: 4,
            at: 5,
        };
        let stepped = PipelineStepped {
            model: "m".into(),
            version: 2,
            pipeline: "p".into(),
            definition: Digest([3; 32]),
            step: Step::Promote,
            state: StepState::Failed,
            why: Some("denied".into()),
            action: Some("a".into()),
            at: 5,
        };
        let finding = DataFinding {
            check: "nulls".into(),
            column: Some("age".into()),
            passed: false,
            count: 3,
            line: Some(2),
            found: Some("0.5".into()),
            demanded: "<= 0.1".into(),
        };
        let checked = DataChecked {
            dataset: "d".into(),
            run: Some("r".into()),
            digest: Digest([4; 32]),
            bytes: 9,
            rows: 6,
            expectations: Digest([5; 32]),
            passed: false,
            findings: vec![finding],
            as_of: 4,
            at: 5,
        };
        let incident = Incident {
            thing: "alias".into(),
            model: "m".into(),
            name: "champion".into(),
            wrong: "alias-around-the-road".into(),
            declared: Some("1".into()),
            observed: Some("2".into()),
            means: None,
            since: 4,
            ended: None,
            at: 5,
        };
        let key = HostKey { id: "host_1".into(), target: "eu".into(), public: "ab".into(), revoked: false, at: 5 };
        let all = [
            Attestation::Anchored(anchored),
            Attestation::Evaluated(evaluated),
            Attestation::Observed(observed),
            Attestation::Imported(imported),
            Attestation::DataChecked(checked),
            Attestation::PipelineStepped(stepped),
            Attestation::Incident(incident),
            Attestation::HostKey(key),
        ];
        for one in all {
            assert_eq!(Attestation::from_bytes(one.status(), &one.to_bytes()), Some(one.clone()));
            assert_eq!(Attestation::from_bytes(1, &one.to_bytes()), None);
        }
    }
}
