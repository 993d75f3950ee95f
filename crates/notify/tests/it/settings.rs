//! The file that says who is told of what: strict, and every mistake said plainly.

use countersign_notify::settings::{Channel, Protection};
use countersign_notify::{EventKind, Settings, SettingsError};
use types::Code;

fn file(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "hook.secret" => Ok(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n".to_vec()),
        "short.secret" => Ok(b"c2hvcnQ=".to_vec()),
        "slack.url" => Ok(b"https://hooks.slack.example/services/T0/B0/abc\n".to_vec()),
        "local.url" => Ok(b"https://0x7f.1/services".to_vec()),
        "empty" => Ok(Vec::new()),
        other => Err(format!("`{other}` cannot be read")),
    }
}

fn read(text: &str) -> Result<Settings, SettingsError> {
    Settings::read(text, &file)
}

const HOOK: &str = "[targets.hook]\nkind = \"webhook\"\nevents = [\"case-opened\"]\nurl = \"https://hooks.example/c\"\nsecret_file = \"hook.secret\"\n";
const SLACK: &str = "[targets.chat]\nkind = \"slack\"\nevents = [\"case-asked\"]\nurl_file = \"slack.url\"\n";
const MAIL: &str = "[targets.mail]\nkind = \"email\"\nevents = [\"kill-set\"]\nserver = \"smtp.example\"\nfrom = \"Countersign <c@example.com>\"\nto = [\"a@example.com\"]\n";

#[test]
fn each_kind_is_read_with_what_it_has_unless_the_file_says_otherwise() {
    let settings = read(&format!("link = \"https://c.example/base/\"\n{HOOK}{SLACK}{MAIL}")).unwrap();
    assert_eq!(settings.link.as_deref(), Some("https://c.example/base"));
    let [chat, hook, mail] = settings.targets.as_slice() else { panic!("{settings:?}") };
    assert_eq!((chat.per_minute, hook.per_minute, mail.per_minute), (10, 120, 10));
    assert!(matches!(&hook.channel, Channel::Webhook { secrets, .. } if secrets.len() == 1));
    let Channel::Email(own) = &mail.channel else { panic!("{mail:?}") };
    assert_eq!((own.port, own.protection), (587, Protection::StartTls));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hooks.slack.example") && !shown.contains("MfKQ"), "a secret is printed: {shown}");
}

#[test]
fn a_target_gets_what_it_names_and_what_concerns_everybody() {
    let text = HOOK.replace("[\"case-opened\"]", "[\"case-opened\", \"kill-set\"]");
    let settings = read(&format!("{text}groups = [\"sre\"]\nprofiles = [\"change\", \"pair\"]\n")).unwrap();
    let hook = settings.target("hook").unwrap();
    let wants = |kind, groups: &[&str], profiles: &[&str]| hook.wants(kind, groups, profiles);
    assert!(wants(EventKind::CaseOpened, &["ops", "sre"], &["pair"]));
    assert!(!wants(EventKind::CaseOpened, &["ops"], &["pair"]));
    assert!(!wants(EventKind::CaseOpened, &["sre"], &["other"]));
    assert!(!wants(EventKind::CaseEnded, &["sre"], &["pair"]));
    assert!(wants(EventKind::KillSet, &[], &[]));
    assert!(settings.reaches("sre", "change") && !settings.reaches("ops", "change"));
}

#[test]
fn every_mistake_is_said_with_its_place_and_its_code() {
    let hook = |from: &str, to: &str| HOOK.replace(from, to);
    let mail = |more: &str| format!("{MAIL}{more}\n");
    for (text, says) in [
        (String::new(), "there is no target"),
        ("link = 1\n".into(), "line 1: invalid type"),
        (format!("{HOOK}colour = \"red\"\n"), "line 6: unknown field `colour`"),
        (format!("extra = 1\n{HOOK}"), "line 1: unknown field `extra`"),
        (hook("webhook", "pager"), "line 2: unknown variant `pager`"),
        (hook("events = [\"case-opened\"]\n", ""), "missing field `events`"),
        (hook("[\"case-opened\"]", "[]"), "`events` names nothing"),
        (hook("case-opened", "case-open"), "`case-open` is no event; there are case-opened, case-asked"),
        (hook("targets.hook", "targets.\"a b\""), "a name is 1 to 64"),
        (hook("https://", "ftp://"), "begins neither with https nor with http"),
        (hook("https://", "https://me:pass@"), "holds a name or a password"),
        (hook("https://", "http://"), "begins with http, which is for private networks alone"),
        (hook("/c\"", "/c#part\""), "has a fragment"),
        (hook("secret_file = \"hook.secret\"\n", ""), "`secret_file` is missing: a webhook is signed"),
        (hook("hook.secret", "short.secret"), "`short.secret` holds no secret: 24 to 64 random bytes"),
        (hook("hook.secret", "nowhere"), "`nowhere` cannot be read"),
        (format!("{HOOK}server = \"x\"\n"), "`server` is no key of this kind of target"),
        (format!("{HOOK}per_minute = 0\n"), "`per_minute` is from 1 to 600"),
        (format!("{HOOK}per_minute = 601\n"), "`per_minute` is from 1 to 600"),
        (format!("{HOOK}allow_private = true\n"), "`allow_private` needs `private`"),
        (format!("{HOOK}private = [\"10.0.0.0/8\"]\n"), "only `allow_private = true` allows"),
        (format!("{HOOK}allow_private = true\nprivate = [\"10.0.0.1/8\"]\n"), "has bits set behind its length"),
        (format!("{HOOK}allow_private = true\nprivate = [\"0.0.0.0/0\"]\n"), "is not wholly within a private network"),
        (format!("{HOOK}ca_file = \"hook.secret\"\n"), "`hook.secret` holds no certificate in PEM"),
        (format!("{SLACK}url = \"https://x.example/\"\n"), "such an address is a secret"),
        (SLACK.replace("slack.url", "empty"), "`empty` is empty"),
        (mail("tls = \"none\""), "`tls = \"none\"` is for private networks alone"),
        (
            mail(
                "allow_private = true\nprivate = [\"10.0.0.0/8\"]\ntls = \"none\"\nuser = \"me\"\n\
                 password_file = \"hook.secret\"",
            ),
            "and without a password",
        ),
        (mail("user = \"me\""), "`user` and `password_file` go together"),
        (mail("").replace("smtp.example", "smtp.example:25"), "`server` is no host"),
        (mail("").replace("\"a@example.com\"", ""), "`to` names from 1 to 20 addresses"),
        (
            mail("").replace("\"a@example.com\"", &vec!["\"a@example.com\""; 21].join(", ")),
            "`to` names from 1 to 20 addresses",
        ),
        (
            (0..33).map(|n| HOOK.replace("targets.hook", &format!("targets.hook-{n}"))).collect(),
            "there are more than 32 targets",
        ),
        (mail("").replace("\"a@example.com\"", "\"a@example.com\\nBcc: x@evil.example\""), "is no address"),
        (mail("").replace("Countersign <", "Counter\\u202esign <"), "characters that cannot be seen"),
        (format!("link = \"https://c.example/?a=1\"\n{HOOK}"), "`link` has a query"),
    ] {
        let error = read(&text).expect_err(says);
        assert_eq!(error.code(), Code::NotifyInvalid, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

#[test]
fn an_address_in_any_spelling_that_is_not_sent_to_is_refused_when_it_is_read() {
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "100.64.0.1",
        "224.0.0.1",
        "[fd00:ec2::254]",
    ] {
        let error = read(&HOOK.replace("hooks.example", host)).expect_err(host);
        assert_eq!(error.code(), Code::AddressForbidden, "{host}: {error}");
    }
    assert_eq!(read(&SLACK.replace("slack.url", "local.url")).unwrap_err().code(), Code::AddressForbidden);
    assert_eq!(read(&MAIL.replace("smtp.example", "0x7f.1")).unwrap_err().code(), Code::AddressForbidden);
    let named =
        format!("{}allow_private = true\nprivate = [\"10.1.2.3/32\"]\n", HOOK.replace("hooks.example", "10.1.2.3"));
    read(&named).unwrap();
    let beside = named.replace("https://10.1.2.3", "https://10.1.2.4");
    assert_eq!(read(&beside).unwrap_err().code(), Code::AddressForbidden);
}

#[test]
fn a_change_of_anything_about_a_target_changes_its_fingerprint() {
    let of = |text: &str| read(text).unwrap().targets[0].fingerprint;
    let first = of(HOOK);
    assert_eq!(first, of(HOOK));
    for other in
        [HOOK.replace("/c\"", "/d\""), format!("{HOOK}per_minute = 7\n"), HOOK.replace("case-opened", "case-asked")]
    {
        assert_ne!(first, of(&other));
    }
}
