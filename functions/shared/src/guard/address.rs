//! Which addresses are public, by IANA's special-purpose registries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network as address bits and prefix length.
type Network<T> = (T, u32);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Network<u32> {
    (u32::from_be_bytes([a, b, c, d]), prefix)
}

const fn v6(high: u64, prefix: u32) -> Network<u128> {
    ((high as u128) << 64, prefix)
}

/// Everything that is not "globally reachable", and multicast.
const SPECIAL_V4: [Network<u32>; 16] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT; some clouds' metadata
    v4(127, 0, 0, 0, 8),      // loopback
    v4(169, 254, 0, 0, 16),   // link-local; metadata of AWS and others
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // IETF protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // former 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarking
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(168, 63, 129, 16, 32), // Azure's platform address: public by number, internal by use
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, broadcast
];

/// The only block from which global unicast addresses are assigned. All else is refused: loopback, `::`,
/// IPv4-mapped and -compatible, NAT64 `64:ff9b::`, discard, link-local, unique local (with AWS's `fd00:ec2::254`),
/// site-local, SRv6, multicast.
const GLOBAL_UNICAST_V6: Network<u128> = v6(0x2000_0000_0000_0000, 3);

/// What is special within the global block.
const SPECIAL_V6: [Network<u128>; 4] = [
    v6(0x2001_0000_0000_0000, 23), // IETF protocol assignments: Teredo, benchmarking, ORCHID
    v6(0x2001_0db8_0000_0000, 32), // documentation
    v6(0x2002_0000_0000_0000, 16), // 6to4, which embeds any IPv4 address
    v6(0x3fff_0000_0000_0000, 20), // documentation
];

/// Whether `address` is one that anybody on the internet may be asked to be reached at.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !SPECIAL_V4.iter().any(|&(network, prefix)| (bits ^ network) >> (32 - prefix) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |&(network, prefix): &Network<u128>| (bits ^ network) >> (128 - prefix) == 0;
    within(&GLOBAL_UNICAST_V6) && !SPECIAL_V6.iter().any(within) && !is_isatap(address)
}

/// ISATAP: an interface identifier that embeds an IPv4 address, under any prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    matches!(segments[4], 0x0000 | 0x0200) && segments[5] == 0x5efe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn edges_of_the_ipv4_registry() {
        let special = [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("168.63.129.16", "168.63.129.16"),
            ("224.0.0.0", "239.255.255.255"),
            ("240.0.0.0", "255.255.255.255"),
        ];
        for (first, last) in special {
            assert!(!public(first) && !public(last), "{first} to {last}");
        }
        let neighbours = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "168.63.129.15",
            "168.63.129.17",
            "223.255.255.255",
            "8.8.8.8",
        ];
        for address in neighbours {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn ipv6_is_public_only_where_it_is_assigned() {
        let refused = [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fec0::1",
            "febf::1",
            "ff02::1",
            "ff0e::1",
            "5f00::1",
            "1fff:ffff::1",
            "4000::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "2600::5efe:10.0.0.1",
            "2600:1f18::200:5efe:a00:1",
        ];
        for address in refused {
            assert!(!public(address), "{address}");
        }
        let public_ones = [
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2600:1f18::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:81b::200e",
            "3ffe::1",
            "3fff:1000::1",
        ];
        for address in public_ones {
            assert!(public(address), "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_embedding_of_an_ipv4_address_is_public(bits: u32) {
            let embedded = u128::from(bits);
            let prefixes: [u128; 5] = [0, 0xffff << 32, 0xffff << 48, 0x0064_ff9b << 96, (0x2002 << 112) | (embedded << 80)];
            for prefix in prefixes {
                prop_assert!(!is_public(Ipv6Addr::from_bits(prefix | embedded).into()));
            }
        }

        #[test]
        fn the_standard_library_agrees_where_it_has_an_opinion(bits: u32, bits6: u128) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(special && is_public(address.into())));
            let address = Ipv6Addr::from_bits(bits6);
            let special = address.is_loopback() || address.is_unspecified() || address.is_multicast()
                || address.is_unique_local() || address.is_unicast_link_local() || address.to_ipv4().is_some();
            prop_assert!(!(special && is_public(address.into())));
        }
    }
}
