use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// On the internet.
    Public,
    /// On this machine.
    Loopback,
    /// In the network of a home or an organisation.
    Private,
    /// On this link, where clouds keep the metadata of their machines, or nowhere at all.
    Special,
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match carried(address) {
                Some(carried) => of_v4(carried),
                None => of_v6(address),
            },
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Network {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Network::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Network::Private,
        // "This network", links, protocol assignments, documentation, benchmarks, multicast and what is reserved (RFC 6890).
        (0, ..)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224.., ..) => Network::Special,
        _ => Network::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Network {
    let [a, b, c, ..] = address.segments();
    match (a, b) {
        _ if address.is_loopback() => Network::Loopback,
        // The latter is for translations within a network (RFC 8215).
        (0xfc00..=0xfdff, _) => Network::Private,
        (0x64, 0xff9b) if c == 1 => Network::Private,
        (0x2001, 0xdb8) | (0x3fff, 0..=0x0fff) => Network::Special,
        // What is given out today (RFC 4291, section 2.4).
        (0x2000..=0x3fff, _) => Network::Public,
        _ => Network::Special,
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, translated (RFC 6052), 6to4 or Teredo.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let at =
        |index: usize| Ipv4Addr::from((u32::from(segments[index]) << 16) | u32::from(segments[index + 1]));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(at(6)),
        [0, 0, 0, 0, 0, 0, ..] if !address.is_loopback() => Some(at(6)),
        [0x2002, ..] => Some(at(1)),
        [0x2001, 0, ..] => Some(Ipv4Addr::from(!u32::from(at(6)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_seen_through() {
        for (network, addresses) in [
            (
                Network::Public,
                "1.1.1.1 172.32.0.1 192.0.1.1 100.128.0.1 2606:4700::1111 64:ff9b::101:101 2002:101:101::",
            ),
            (
                Network::Loopback,
                "127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
            ),
            (
                Network::Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 fd00::1 ::ffff:10.1.1.1 \
                 64:ff9b:1:a9fe:a9:fe00:808:808 64:ff9b:1::101:101",
            ),
            (
                Network::Special,
                "0.0.0.0 169.254.169.254 192.0.0.192 192.0.2.1 198.18.0.1 224.0.0.1 255.255.255.255 :: fe80::1 ff02::1 \
                 ::ffff:169.254.169.254 2002:a9fe:a9fe:: 2001:db8::1 2001:0:a9fe:a9fe::5601:5601 fec0::1",
            ),
        ] {
            for address in addresses.split_ascii_whitespace() {
                assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
            }
        }
    }
}
