//! Signatures of models: those that PyPI `model-signing` made, ours, and everything that must be refused.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::dsse::{PAYLOAD_TYPE, pre_authentication};
use countersign_evidence::model_signature::{
    Difference, Entry, IsDifferent, MEDIA_TYPE, ModelFile, SIGNATURE_BYTES_MAX, sign,
};
use countersign_evidence::{ModelKey, ModelManifest, ModelSignature, ModelSignatureError, ModelSigningKey};
use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use types::{Code, Digest};

/// Is what the vectors' model holds.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("MLmodel", b"flavors: {}\n".to_vec()),
        ("a/b/weights.bin", (0..=255).collect()),
        ("a/empty", Vec::new()),
        ("a.txt", b"beside the folder a\n".to_vec()),
        ("über 模型.txt", "ü\n".as_bytes().to_vec()),
    ]
}

fn listed() -> Vec<ModelFile> {
    files().into_iter().map(|(path, bytes)| file(path, &bytes)).collect()
}

fn file(path: &str, bytes: &[u8]) -> ModelFile {
    ModelFile { path: path.to_owned(), digest: Digest::plain(bytes) }
}

fn found() -> BTreeMap<String, Entry> {
    files().into_iter().map(|(path, bytes)| (path.to_owned(), Entry::File(Digest::plain(&bytes)))).collect()
}

fn ours() -> ModelSigningKey {
    ModelSigningKey::from_bytes(&[5; 32]).unwrap()
}

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/model_signatures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn public(name: &str) -> ModelKey {
    ModelKey::from_pem(&vector(&format!("{name}.pem"))).unwrap()
}

fn verified(bytes: &[u8], key: &ModelKey) -> Result<ModelManifest, ModelSignatureError> {
    ModelSignature::parse(bytes)?.verify(key)
}

#[test]
fn what_others_signed_with_a_key_is_verified() {
    for (name, key) in [("p256", "p256"), ("p384", "p384"), ("links", "p256")] {
        let read = verified(&vector(&format!("{name}.sig")), &public(key)).unwrap();
        assert_eq!((read.name(), read.files()), ("model", &listed()[..]), "{name}");
        assert_eq!(read.allows_links(), name == "links");
        let mut ignored = read.ignored().to_vec();
        ignored.sort();
        assert_eq!(ignored, [".git", ".gitattributes", ".github", ".gitignore", "model.sig"]);
        assert_eq!(read.compare(&found()), []);
    }
    let one = verified(&vector("one-file.sig"), &public("p256")).unwrap();
    assert_eq!(one.files(), [file(".", b"flavors: {}\n")]);
    let nothing = verified(&vector("nothing.sig"), &public("p256")).unwrap();
    assert_eq!((nothing.files(), nothing.root()), (&[][..], Digest::plain(b"")));
}

#[test]
fn another_key_has_not_signed_it() {
    for key in [public("other"), public("p384"), ours().public().clone()] {
        let refused = verified(&vector("p256.sig"), &key).unwrap_err();
        assert!(matches!(&refused, ModelSignatureError::Foreign(said) if said.contains("it hints at")), "{refused}");
        assert_eq!(refused.code(), Code::ModelSignatureForeign);
    }
    // A hint is a word that anybody can write: without it, and with the hint of the key that is tried, nothing else is accepted.
    for hint in [json!({}), json!({ "hint": "" }), json!({ "hint": public("other").fingerprint() })] {
        let mut bundle: Value = serde_json::from_slice(&vector("p256.sig")).unwrap();
        bundle["verificationMaterial"]["publicKey"] = hint.clone();
        let refused = verified(bundle.to_string().as_bytes(), &public("other")).unwrap_err();
        assert!(matches!(&refused, ModelSignatureError::Foreign(said) if said.contains("has not signed")), "{refused}");
        let by_the_key = verified(bundle.to_string().as_bytes(), &public("p256"));
        assert_eq!(by_the_key.is_ok(), hint.get("hint").is_none_or(|hint| hint == ""), "{hint}");
    }
}

#[test]
fn what_is_signed_in_another_way_is_refused_as_that() {
    for (name, says) in [
        ("shards", "`/predicate/serialization/method` is `shards`"),
        ("blake2", "`/predicate/serialization/hash_type` is `blake2b`"),
        ("blake3", "`/predicate/serialization/hash_type` is `blake3`"),
        ("certificate", "a chain of certificates"),
    ] {
        let refused = verified(&vector(&format!("{name}.sig")), &public("p256")).unwrap_err();
        assert!(refused.to_string().contains(says), "{name}: {refused}");
        assert_eq!(refused.code(), Code::ModelSignatureUnsupported);
    }
    let p521 = ModelKey::from_pem(&vector("p521.pem")).unwrap_err();
    assert!(p521.to_string().contains("P-256 and P-384"), "{p521}");
}

#[test]
fn ours_reads_back_names_its_key_and_is_always_the_same() {
    let mut shuffled = listed();
    shuffled.reverse();
    let manifest = ModelManifest::of_model("m-1", shuffled, &["model.sig"]).unwrap();
    // The order of the format compares name by name: the folder `a` comes before `a.txt`.
    assert_eq!(manifest.files(), listed());
    assert_eq!(manifest.root(), verified(&vector("p256.sig"), &public("p256")).unwrap().root());
    let text = sign(&manifest, &ours());
    assert_eq!(sign(&manifest, &ours()), text);
    assert_eq!(verified(text.as_bytes(), ours().public()), Ok(manifest));
    let hint = ours().public().fingerprint().to_string();
    assert_eq!(ModelSignature::parse(text.as_bytes()).unwrap().hint(), Some(hint.as_str()));
}

#[test]
fn what_may_lie_beside_a_model_is_passed_over_unless_the_model_has_such_a_file() {
    let signed = |path: &str| {
        let manifest = ModelManifest::of_model("m", vec![file(path, b"1")], &["model.sig", "meta/a"]).unwrap();
        manifest.ignored().to_vec()
    };
    assert_eq!(signed("a"), ["model.sig", "meta/a"]);
    assert_eq!(signed("a/model.sig"), ["model.sig", "meta/a"]);
    assert_eq!(signed("model.sigs"), ["model.sig", "meta/a"]);
    assert_eq!(signed("model.sig"), ["meta/a"]);
    assert_eq!(signed("model.sig/a"), ["meta/a"]);
    assert_eq!(signed("meta/b"), ["model.sig", "meta/a"]);
    assert_eq!(signed("meta"), ["model.sig"]);
}

/// Returns what our key signs of the vectors' model.
fn statement() -> Value {
    let text = sign(&ModelManifest::of_model("m", listed(), &["model.sig"]).unwrap(), &ours());
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// Has our key sign anything at all.
fn signed(payload: &[u8]) -> Value {
    let key = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap();
    let signature: p256::ecdsa::DerSignature = key.sign(&pre_authentication(PAYLOAD_TYPE, payload));
    json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": ours().public().fingerprint() }, "tlogEntries": [] },
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": STANDARD.encode(signature.as_bytes()), "keyid": "" }],
        },
    })
}

fn read(bundle: &Value) -> Result<ModelManifest, ModelSignatureError> {
    verified(bundle.to_string().as_bytes(), ours().public())
}

/// Makes the digest over all files right again.
fn rooted(mut statement: Value) -> Value {
    let digests = statement["predicate"]["resources"].as_array().unwrap().iter();
    let bytes: Vec<u8> = digests.flat_map(|one| Digest::from_hex(one["digest"].as_str().unwrap()).unwrap().0).collect();
    statement["subject"][0]["digest"]["sha256"] = json!(Digest::plain(&bytes));
    statement
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_though_the_key_has_signed_it() {
    let renamed = |name: &str| {
        let mut said = statement();
        said["predicate"]["resources"][0]["name"] = json!(name);
        said
    };
    let cannot = "no file of a model can be called";
    for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", ".", "..", "a/./b", "a\\b", "a\0"] {
        let refused = read(&signed(renamed(name).to_string().as_bytes())).unwrap_err();
        assert!(refused.to_string().contains(cannot), "{name:?}: {refused}");
        assert_eq!(refused.code(), Code::ModelSignatureMalformed);
    }
    let mut twice = statement();
    let again = twice["predicate"]["resources"][1].clone();
    twice["predicate"]["resources"].as_array_mut().unwrap().push(again);
    let mut passed_over = statement();
    passed_over["predicate"]["serialization"]["ignore_paths"] = json!(["a"]);
    let mut everything = statement();
    everything["predicate"]["serialization"]["ignore_paths"] = json!(["."]);
    for (said, why) in [
        (rooted(twice), "it names a file twice: `a/b/weights.bin`"),
        (passed_over, "it names a file and passes it over: `a/b/weights.bin`"),
        (everything, "no path of a model that is passed over can be `.`"),
    ] {
        let refused = read(&signed(said.to_string().as_bytes())).unwrap_err();
        assert!(refused.to_string().ends_with(why), "{refused}");
        assert_eq!(refused.code(), Code::ModelSignatureMalformed);
    }
    let text = statement().to_string().replacen(r#""predicate":{"#, r#""predicate":{"resources":[],"#, 1);
    assert!(matches!(read(&signed(text.as_bytes())), Err(ModelSignatureError::Json(_))));
}

#[test]
fn the_digest_over_all_files_is_that_of_the_files_in_their_order() {
    let refused = |said: Value| match read(&signed(said.to_string().as_bytes())) {
        Err(ModelSignatureError::Malformed(why)) => assert!(why.contains("digest over all files"), "{why}"),
        other => panic!("{other:?}"),
    };
    let mut swapped = statement();
    swapped["predicate"]["resources"].as_array_mut().unwrap().swap(0, 1);
    refused(swapped.clone());
    // Others may sort in another way; what counts is that the digest is over the order that stands there.
    assert!(read(&signed(rooted(swapped).to_string().as_bytes())).is_ok());
    let mut one_less = statement();
    one_less["predicate"]["resources"].as_array_mut().unwrap().pop();
    refused(one_less);
    let mut other = statement();
    other["subject"][0]["digest"] = json!({ "sha512": "00" });
    refused(other);
    let mut large = statement();
    let digest = large["subject"][0]["digest"]["sha256"].as_str().unwrap().to_uppercase();
    large["subject"][0]["digest"]["sha256"] = json!(digest);
    refused(large);
}

#[test]
fn each_part_of_the_statement_must_be_there_and_be_known() {
    use ModelSignatureError::{Malformed, Unsupported};
    let changes: [(&str, Value, &str); 12] = [
        ("/_type", json!("https://in-toto.io/Statement/v0.1"), "unsupported"),
        ("/predicateType", json!("https://model_signing/Digests/v0.1"), "unsupported"),
        ("/predicate/serialization/method", json!(1), "malformed"),
        ("/predicate/serialization/hash_type", json!("sha512"), "unsupported"),
        ("/predicate/serialization/allow_symlinks", json!("false"), "malformed"),
        ("/predicate/serialization/ignore_paths", json!("model.sig"), "malformed"),
        ("/predicate/resources/0/algorithm", json!("sha1"), "unsupported"),
        ("/predicate/resources/0/digest", json!("00"), "malformed"),
        ("/predicate/resources/0/name", json!(7), "malformed"),
        ("/predicate/resources", json!({}), "malformed"),
        ("/subject", json!([]), "malformed"),
        ("/subject/0/digest", json!("x"), "malformed"),
    ];
    for (place, value, expected) in changes {
        let mut said = statement();
        *said.pointer_mut(place).unwrap() = value;
        let refused = read(&signed(said.to_string().as_bytes())).unwrap_err();
        let is = match &refused {
            Unsupported(_) => "unsupported",
            Malformed(_) => "malformed",
            other => panic!("{place}: {other}"),
        };
        assert_eq!(is, expected, "{place}: {refused}");
    }
    let mut two = statement();
    let again = two["subject"][0].clone();
    two["subject"].as_array_mut().unwrap().push(again);
    assert!(matches!(read(&signed(two.to_string().as_bytes())), Err(Malformed(_))));
    let mut more = statement();
    more["predicate"]["card"] = json!({ "by": "somebody" });
    assert!(read(&signed(more.to_string().as_bytes())).is_ok(), "other fields of the predicate are passed over");
    assert!(matches!(read(&signed(&[0xff])), Err(Malformed(_))));
}

#[test]
fn each_part_of_the_bundle_must_be_there_and_be_known() {
    use ModelSignatureError::{Foreign, Malformed, Unsupported};
    type Change = fn(&mut Value);
    type Is = fn(&ModelSignatureError) -> bool;
    let malformed: Is = |error| matches!(error, Malformed(_));
    let unsupported: Is = |error| matches!(error, Unsupported(_));
    let changes: [(&str, Change, Is); 19] = [
        ("another version", |b| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.2+json"), unsupported),
        ("no version", |b| drop(b.as_object_mut().unwrap().remove("mediaType")), malformed),
        ("a signed message", |b| b["messageSignature"] = json!({}), malformed),
        ("no envelope", |b| drop(b.as_object_mut().unwrap().remove("dsseEnvelope")), malformed),
        ("no key", |b| b["verificationMaterial"] = json!({}), malformed),
        ("a certificate", |b| b["verificationMaterial"] = json!({ "certificate": { "rawBytes": "" } }), unsupported),
        ("both", |b| b["verificationMaterial"]["x509CertificateChain"] = json!({ "certificates": [] }), unsupported),
        ("a log", |b| b["verificationMaterial"]["tlogEntries"] = json!([{ "logIndex": "1" }]), unsupported),
        (
            "a date",
            |b| {
                b["verificationMaterial"]["timestampVerificationData"] =
                    json!({ "rfc3161Timestamps": [{ "signedTimestamp": "" }] });
            },
            unsupported,
        ),
        ("another payload", |b| b["dsseEnvelope"]["payloadType"] = json!("application/json"), unsupported),
        ("no signature", |b| b["dsseEnvelope"]["signatures"] = json!([]), malformed),
        (
            "two signatures",
            |b| {
                let one = b["dsseEnvelope"]["signatures"][0].clone();
                b["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(one);
            },
            malformed,
        ),
        ("a part of it that nobody knows", |b| b["more"] = json!(1), malformed),
        ("one of its key", |b| b["verificationMaterial"]["publicKey"]["rawBytes"] = json!(""), malformed),
        ("one of what verifies it", |b| b["verificationMaterial"]["tlogEntry"] = json!([]), malformed),
        ("one of its signature", |b| b["dsseEnvelope"]["signatures"][0]["cert"] = json!(""), malformed),
        ("no base64", |b| b["dsseEnvelope"]["payload"] = json!("*"), malformed),
        ("no DER", |b| b["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA"), |error| matches!(error, Foreign(_))),
        (
            "another hint",
            |b| b["verificationMaterial"]["publicKey"]["hint"] = json!("00"),
            |error| matches!(error, Foreign(_)),
        ),
    ];
    for (name, change, is) in changes {
        let mut bundle = signed(statement().to_string().as_bytes());
        assert!(read(&bundle).is_ok());
        change(&mut bundle);
        let refused = read(&bundle).unwrap_err();
        assert!(is(&refused), "{name}: {refused}");
    }
    let twice = signed(statement().to_string().as_bytes()).to_string().replacen('{', r#"{"mediaType":"","#, 1);
    assert!(matches!(ModelSignature::parse(twice.as_bytes()), Err(ModelSignatureError::Json(_))));
    assert!(matches!(ModelSignature::parse(&[0xff]), Err(Malformed(_))));
    let large = vec![b' '; SIGNATURE_BYTES_MAX + 1];
    assert_eq!(ModelSignature::parse(&large), Err(ModelSignatureError::TooLarge(large.len())));
}

#[test]
fn every_altered_byte_of_a_signature_is_noticed() {
    let own = sign(&ModelManifest::of_model("m", listed(), &["model.sig"]).unwrap(), &ours()).into_bytes();
    for (text, key) in
        [(own, ours().public().clone()), (vector("p256.sig"), public("p256")), (vector("p384.sig"), public("p384"))]
    {
        assert!(verified(&text, &key).is_ok());
        for at in 0..text.len() {
            for bit in [0x01, 0x20] {
                let mut altered = text.clone();
                altered[at] ^= bit;
                assert!(verified(&altered, &key).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn each_way_a_model_can_differ_is_told() {
    let signed = verified(&vector("p256.sig"), &public("p256")).unwrap();
    let digest = |path: &str| signed.files().iter().find(|file| file.path == path).unwrap().digest;
    let mut there = found();
    there.remove("a/empty");
    there.insert("MLmodel".into(), Entry::File(Digest::plain(b"")));
    there.insert("a.txt".into(), Entry::Other("a link"));
    there.insert("a/new".into(), Entry::File(Digest::plain(b"")));
    there.insert("z".into(), Entry::Other("a socket"));
    for passed_over in ["model.sig", ".git/config", ".gitignore"] {
        there.insert(passed_over.into(), Entry::File(Digest::plain(b"")));
    }
    there.insert(".gitmodules".into(), Entry::File(Digest::plain(b"")));
    let differs = |path: &str, signed, is| Difference { path: path.into(), signed, is };
    let expected = [
        differs(".gitmodules", None, IsDifferent::Unlisted),
        differs("MLmodel", Some(digest("MLmodel")), IsDifferent::Changed(Digest::plain(b""))),
        differs("a.txt", Some(digest("a.txt")), IsDifferent::Other("a link")),
        differs("a/empty", Some(digest("a/empty")), IsDifferent::Missing),
        differs("a/new", None, IsDifferent::Unlisted),
        differs("z", None, IsDifferent::Other("a socket")),
    ];
    assert_eq!(signed.compare(&there), expected);
    let words: Vec<&str> = expected.iter().map(|one| one.is.as_str()).collect();
    assert_eq!(words, ["unlisted", "changed", "other", "missing", "unlisted", "other"]);
}

#[test]
fn a_key_has_one_fingerprint_however_it_is_written() {
    let key = ours();
    let pem = key.to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));
    let again = ModelSigningKey::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(ModelKey::from_pem(key.public().to_pem().as_bytes()).unwrap(), *key.public());
    assert_eq!(vector("p256.pem"), public("p256").to_pem().as_bytes(), "the text of others, to the byte");
    // The same point, written short.
    let short = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap().verifying_key().to_sec1_point(true);
    let head = [0x30, 0x39, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8];
    let info = [&head[..], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x22, 0], short.as_bytes()].concat();
    let text = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(info));
    assert_eq!(ModelKey::from_pem(text.as_bytes()).unwrap().fingerprint(), key.public().fingerprint());
}

#[test]
fn what_is_no_key_for_models_is_refused() {
    let refused = |text: &[u8]| ModelKey::from_pem(text).unwrap_err();
    let two = [vector("p256.pem"), vector("other.pem")].concat();
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    for (text, says) in [
        (&b""[..], "there is no public key"),
        (ours().to_pem().unwrap().as_bytes(), "there is no public key"),
        (&two, "more than one"),
        (ed25519.as_bytes(), "it is another"),
        (b"-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n", "it is not PEM"),
    ] {
        let error = refused(text);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.code(), Code::KeysUnusable);
    }
    assert!(ModelSigningKey::from_pem(ours().public().to_pem().as_bytes()).is_err());
    assert!(ModelSigningKey::from_bytes(&[0; 32]).is_err());
}

/// Makes up paths of which none lies below another.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-zA-Z0-9 ._é-]{1,6}".prop_filter("no name", |name| name != "." && name != "..");
    let path = prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    prop::collection::btree_set(path, 1..12).prop_map(|paths| paths.into_iter().collect())
}

proptest! {
    /// Whatever is changed about one file of a model is told of that file, and of no other.
    #[test]
    fn whatever_is_changed_is_told_by_its_path(paths in paths(), at in any::<prop::sample::Index>(), way in 0..3) {
        let listed: Vec<ModelFile> = paths.iter().map(|path| file(path, path.as_bytes())).collect();
        let manifest = ModelManifest::of_model("m", listed, &["model.sig"]).unwrap();
        let text = sign(&manifest, &ours());
        let read = verified(text.as_bytes(), ours().public()).unwrap();
        prop_assert_eq!(&read, &manifest);
        let mut there: BTreeMap<String, Entry> =
            paths.iter().map(|path| (path.clone(), Entry::File(Digest::plain(path.as_bytes())))).collect();
        prop_assert_eq!(read.compare(&there), []);
        let path = at.get(&paths).clone();
        let changed = match way {
            0 => { there.remove(&path); path }
            1 => { there.insert(path.clone(), Entry::File(Digest::plain(b"/"))); path }
            _ => {
                let added = format!("{path}~");
                prop_assume!(!read.ignores(&added));
                there.insert(added.clone(), Entry::File(Digest::plain(b"")));
                added
            }
        };
        let told: Vec<String> = read.compare(&there).into_iter().map(|one| one.path).collect();
        prop_assert_eq!(told, vec![changed]);
    }
}
