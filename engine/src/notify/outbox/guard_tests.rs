use super::*;

fn judged(url: &str, allowed: &[&str]) -> Option<&'static str> {
    let allowed: Vec<AllowedReceiver> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    let guard = Guard::new(&allowed, Arc::new(SystemLookup));
    let url = Url::parse(url).unwrap();
    assert!(literal(&url).is_some(), "{url} holds an address");
    guard.check_literal(&url).err().map(|refused| refused.kind)
}

#[test]
fn every_notation_of_an_inner_address_is_seen_through() {
    for (host, kind) in [
        ("127.0.0.1", "this machine itself"),
        ("127.255.255.254", "this machine itself"),
        ("127.1", "this machine itself"),
        ("2130706433", "this machine itself"),
        ("0x7f000001", "this machine itself"),
        ("0177.0.0.1", "this machine itself"),
        ("0x7f.1", "this machine itself"),
        ("0.0.0.0", "this machine itself"),
        ("0", "this machine itself"),
        ("10.1.2.3", "a private network"),
        ("012.1.2.3", "a private network"),
        ("172.16.0.1", "a private network"),
        ("172.31.255.255", "a private network"),
        ("192.168.1.1", "a private network"),
        ("169.254.169.254", "a link-local address"),
        ("0xa9fea9fe", "a link-local address"),
        ("2852039166", "a link-local address"),
        ("100.64.0.1", "a carrier's inner network"),
        ("100.127.255.255", "a carrier's inner network"),
        ("192.0.0.8", "a reserved address"),
        ("198.18.0.1", "a network of benchmarks"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.255", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("[::]", "this machine itself"),
        ("[::1]", "this machine itself"),
        ("[::ffff:127.0.0.1]", "this machine itself"),
        ("[::ffff:a9fe:a9fe]", "a link-local address"),
        ("[::ffff:10.0.0.1]", "a private network"),
        ("[::127.0.0.1]", "a reserved address"),
        ("[fe80::1]", "a link-local address"),
        ("[fd00:ec2::254]", "a private network"),
        ("[fc00::1]", "a private network"),
        ("[fec0::1]", "a private network"),
        ("[ff02::1]", "a multicast address"),
        ("[64:ff9b::a9fe:a9fe]", "a link-local address"),
        ("[64:ff9b:1::1]", "a reserved address"),
        ("[2002:7f00:1::]", "this machine itself"),
        ("[2001::1]", "a reserved address"),
        ("[2001:db8::1]", "a reserved address"),
        ("[100::1]", "a reserved address"),
    ] {
        let url = format!("http://{host}:8080/hook");
        assert_eq!(judged(&url, &[]), Some(kind), "{host}");
    }
}

#[test]
fn public_addresses_pass() {
    for host in [
        "1.1.1.1",
        "93.184.215.14",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "223.255.255.255",
        "[2606:4700:4700::1111]",
        "[::ffff:93.184.215.14]",
        "[64:ff9b::5db8:d70e]",
    ] {
        assert_eq!(judged(&format!("https://{host}/hook"), &[]), None, "{host}");
    }
}

#[test]
fn a_list_opens_what_it_names_and_nothing_beside() {
    let list = ["10.0.0.0/8", "192.168.1.7", "fd00::/8"];
    for (host, passes) in [
        ("10.9.8.7", true),
        ("[::ffff:10.9.8.7]", true),
        ("192.168.1.7", true),
        ("192.168.1.8", false),
        ("[fd00::1]", true),
        ("[fe80::1]", false),
        ("127.0.0.1", false),
    ] {
        let refused = judged(&format!("http://{host}/"), &list);
        assert_eq!(refused.is_none(), passes, "{host}");
    }
}

#[test]
fn a_list_holds_networks_addresses_and_names() {
    let read = |text: &str| text.parse::<AllowedReceiver>();
    assert_eq!(
        read("Hooks.Internal."),
        Ok(AllowedReceiver::Host("hooks.internal".to_owned()))
    );
    assert_eq!(read("10.0.0.1"), read("10.0.0.1/32"));
    for wrong in [
        "",
        "10.0.0.0/33",
        "http://hooks.internal/",
        "a b",
        "*.example",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
