//! Every range of addresses that is not public, in every form in which it can be reached.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_notify::address::{Names, Reach, Resolving, checked};
use types::Code;

const FORBIDDEN: [&str; 62] = [
    // unspecified and this machine
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "::",
    "::1",
    // private
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "fc00::1",
    "fd12:3456:789a::1",
    "fec0::1",
    // carriers, and where clouds give out credentials
    "100.64.0.0",
    "100.127.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "168.63.129.16",
    "100.100.100.200",
    "fe80::1",
    "febf::ffff",
    // protocols, documentation, measurement, relays
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "198.19.255.255",
    "192.88.99.1",
    "2001:db8::1",
    "3fff::1",
    "2001::1",
    "2001:0:4136:e378::1",
    "2001:20::1",
    "5f00::1",
    "100::1",
    // multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    // IPv4 within IPv6: mapped, NAT64, 6to4, compatible, translated
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:100.64.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.168.1.1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::8.8.8.8",
    "64:ff9b:0:1::8.8.8.8",
];

const PUBLIC: [&str; 14] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "169.253.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
];

/// Resolves every name to the same addresses.
struct Fixed(Vec<IpAddr>);

impl Names for Fixed {
    fn resolve(&self, _: &str) -> Resolving {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

#[test]
fn every_range_that_is_not_public_is_refused_and_nothing_else() {
    for text in FORBIDDEN {
        assert!(Reach::default().judge(text.parse().unwrap()).is_err(), "{text} passes");
    }
    for text in PUBLIC {
        assert_eq!(Reach::default().judge(text.parse().unwrap()), Ok(()), "{text}");
    }
}

#[test]
fn a_network_that_is_named_is_reached_in_all_its_forms_and_its_neighbours_are_not() {
    let reach = Reach(vec!["10.1.2.0/24".parse().unwrap(), "fd12::/64".parse().unwrap()]);
    for inside in ["10.1.2.0", "10.1.2.255", "::ffff:10.1.2.9", "64:ff9b::10.1.2.9", "fd12::7", "8.8.8.8"] {
        assert_eq!(reach.judge(inside.parse().unwrap()), Ok(()), "{inside}");
    }
    for outside in ["10.1.1.255", "10.1.3.0", "::ffff:10.1.3.0", "127.0.0.1", "fd12:0:0:1::7", "169.254.169.254"] {
        assert!(reach.judge(outside.parse().unwrap()).is_err(), "{outside}");
    }
}

#[tokio::test]
async fn a_name_is_refused_if_any_of_its_addresses_is() {
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    let both = Arc::new(Fixed(vec![public, "169.254.169.254".parse().unwrap()]));
    let failure = checked(both.as_ref(), &Reach::default(), "hooks.example", 443).await.unwrap_err();
    assert_eq!(failure.code, Code::AddressForbidden);
    assert!(failure.says.contains("169.254.169.254"), "{failure}");
    let one = checked(&Fixed(vec![public]), &Reach::default(), "hooks.example", 443).await.unwrap();
    assert_eq!(one, ["8.8.8.8:443".parse().unwrap()]);
    let none = checked(&Fixed(Vec::new()), &Reach::default(), "hooks.example", 443).await.unwrap_err();
    assert_eq!(none.code, Code::UpstreamUnavailable);
}

/// A mail server is no part of an address, so nothing has brought its host into one spelling; the resolver does.
#[tokio::test]
async fn numbers_that_a_resolver_takes_for_addresses_are_judged_as_those() {
    for host in ["2130706433", "0x7f000001", "017700000001", "127.1", "0", "localhost"] {
        let judged = checked(&countersign_notify::address::SystemNames, &Reach::default(), host, 25).await;
        let code = judged.expect_err(host).code;
        // Some resolvers take such spellings for names that they do not know.
        assert!(matches!(code, Code::AddressForbidden | Code::UpstreamUnavailable), "{host}: {code}");
    }
}
