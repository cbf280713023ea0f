//! Which addresses are served without authentication.

use super::*;

#[test]
fn only_loopback_addresses() {
    let check = |address: &str, allowed: bool| {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(check_address(address).is_ok(), allowed, "{address}");
    };
    check("127.0.0.1:1", true);
    check("127.1.2.3:1", true);
    check("[::1]:1", true);
    check("[::ffff:127.0.0.1]:1", true);
    check("0.0.0.0:1", false);
    check("[::]:1", false);
    check("192.168.1.1:1", false);
    check("[::ffff:10.0.0.1]:1", false);
}
