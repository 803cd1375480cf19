//! Addresses of the host's own loopback in a configuration: inside a container they lead elsewhere.

use super::config::MAX_ENTRIES;
use super::merged::Merged;
use crate::inventory::Place;

/// A loopback service that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackUrl {
    /// The keys that lead to it.
    pub key: String,
    /// Where it stands.
    pub place: Place,
    /// Host and port, never the user or password of the address.
    pub address: String,
    /// The port, where it is named or known of the scheme.
    pub port: Option<u16>,
}

/// Returns the loopback addresses in all texts but the origins of browsers; one more than [`MAX_ENTRIES`] at most.
pub(super) fn loopback_urls(config: &Merged) -> Vec<LoopbackUrl> {
    const ORIGINS: [&str; 3] = ["gateway", "controlUi", "allowedOrigins"];
    let mut found = Vec::new();
    config.texts(&mut |path, text, at| {
        if path.iter().take(3).map(String::as_str).eq(ORIGINS) {
            return;
        }
        let urls = addresses(text).map(|(address, port)| LoopbackUrl {
            key: path.join("."),
            place: config.place(at),
            address,
            port,
        });
        found.extend(urls.take((MAX_ENTRIES + 1).saturating_sub(found.len())));
    });
    found
}

/// Returns the loopback addresses of the URLs in a text, without user, password and path, and their ports.
pub fn addresses(text: &str) -> impl Iterator<Item = (String, Option<u16>)> {
    text.match_indices("://").filter_map(|(at, _)| {
        let scheme = text
            .get(..at)?
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+')
            .next()?;
        let rest = text.get(at + 3..)?;
        let end = rest
            .find(|c: char| c.is_whitespace() || "/?#\"'<>,;`".contains(c))
            .unwrap_or(rest.len());
        let authority = rest.get(..end)?;
        let host_and_port = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (host, port) = split_port(host_and_port);
        is_loopback(host).then(|| {
            let port = port.or_else(|| usual_port(scheme));
            (
                port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
                port,
            )
        })
    })
}

fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (text, None),
    }
}

fn is_loopback(host: &str) -> bool {
    let is_v4 = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|address| address.is_loopback());
    is_v4 || host.eq_ignore_ascii_case("localhost") || host == "[::1]"
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "redis" => Some(6379),
        "postgres" | "postgresql" => Some(5432),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_found_without_their_passwords() {
        let text = "{models: {baseUrl: 'http://127.0.0.1:11434/v1'},\n list: ['redis://u:SEKRET@localhost',\n \
                    'ws://[::1]:9/x', 'http://example.org:80', 'see http://LOCALHOST:1, please'],\n \
                    gateway: {controlUi: {allowedOrigins: ['http://localhost:5']}}}";
        let found = loopback_urls(&Merged::alone(text));
        let shown: Vec<_> = found
            .iter()
            .map(|url| {
                let line = url.place.line.unwrap_or_default();
                format!("{}:{line} {}", url.key, url.address)
            })
            .collect();
        let expected = [
            "models.baseUrl:1 127.0.0.1:11434",
            "list.0:2 localhost:6379",
            "list.1:3 [::1]:9",
            "list.3:3 LOCALHOST:1",
        ];
        assert_eq!(shown, expected);
    }
}
