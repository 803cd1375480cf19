//! What a line of an agent's own file reaches of the host: commands, paths and addresses that mean something else, or
//! nothing, in a container.

use std::path::{Path, PathBuf};

use crate::display;
use crate::inventory::ReferenceKind;
use crate::openclaw::loopback_addresses;

/// The longest line that is looked at, in bytes.
const LINE_BYTES: usize = 4096;

/// Directories that the image has of its own distribution.
const IMAGE: [&str; 11] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/dev", "/proc", "/sys", "/tmp", "/var/tmp",
    "/etc/ssl",
];
/// Below these the host has things of its own.
const OWN: [&str; 1] = ["/usr/local"];

/// Commands of container engines that act on containers; other words after `docker` are prose.
const ENGINE_COMMANDS: [&str; 14] = [
    "exec", "run", "ps", "logs", "compose", "restart", "start", "stop", "rm", "cp", "inspect",
    "build", "pull", "images",
];

/// What a container of a gateway would see of its host.
pub(super) struct Outlook<'o> {
    pub(super) home: &'o Path,
    /// The state directory, the workspaces, the package and node.
    pub(super) seen: Vec<&'o Path>,
    /// The gateway's own port.
    pub(super) port: u16,
}

/// Returns what a line reaches: the kind and the word alone. `is_there` says whether a path exists on this host.
pub(super) fn in_line(
    line: &str,
    outlook: &Outlook<'_>,
    is_there: &dyn Fn(&Path) -> bool,
) -> Vec<(ReferenceKind, String)> {
    let line = line.get(..LINE_BYTES).unwrap_or(line);
    let words: Vec<&str> = words(line).collect();
    let commands = words.iter().enumerate().filter_map(|(index, word)| {
        command(word, words.get(index + 1).copied().unwrap_or_default())
    });
    let outside =
        paths(&words, outlook.home).filter(|path| !is_seen(path, outlook) && is_there(path));
    let paths = outside.map(|path| (ReferenceKind::Path, display::path(&path)));
    let urls = loopback_addresses(line).filter(|(_, port)| *port != Some(outlook.port));
    let urls = urls.map(|(address, _)| (ReferenceKind::Loopback, display::text(&address)));
    let mut found: Vec<_> = commands.chain(paths).chain(urls).collect();
    found.sort();
    found.dedup();
    found
}

/// Returns the absolute paths of a line, `~` put in; none that climbs.
pub(super) fn paths_in<'l>(line: &'l str, home: &'l Path) -> Vec<PathBuf> {
    let line = line.get(..LINE_BYTES).unwrap_or(line);
    let words: Vec<&str> = words(line).collect();
    paths(&words, home).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_whitespace() || "'\"`()[]{}<>|;&,=$!*#".contains(c);
    line.split(is_between).filter(|word| !word.is_empty())
}

fn command(word: &str, next: &str) -> Option<(ReferenceKind, String)> {
    let name = word.rsplit('/').next().unwrap_or(word);
    let (kind, shown) = match name {
        "systemctl" | "loginctl" => (ReferenceKind::Services, name.to_owned()),
        "journalctl" => (ReferenceKind::Journal, name.to_owned()),
        "docker" | "podman" if ENGINE_COMMANDS.contains(&next) => {
            (ReferenceKind::Docker, format!("{name} {next}"))
        }
        "docker-compose" => (ReferenceKind::Docker, name.to_owned()),
        // In prose no option, address or name of a host follows.
        "ssh" | "scp" | "rsync" if next.starts_with('-') || next.contains('@') => {
            (ReferenceKind::Ssh, name.to_owned())
        }
        _ => return None,
    };
    Some((kind, shown))
}

fn paths<'w>(words: &'w [&str], home: &'w Path) -> impl Iterator<Item = PathBuf> + 'w {
    words.iter().filter_map(|word| {
        let word = word.trim_end_matches(['.', ':', '?', '/', '\\']);
        // `/a/b:12` names a line.
        let word = word.split_once(':').map_or(word, |(path, _)| path);
        let path = match word.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(word),
        };
        let is_plain = !word.contains("..") && !word.contains("//");
        (path.is_absolute() && path.parent().is_some() && is_plain).then_some(path)
    })
}

fn is_seen(path: &Path, outlook: &Outlook<'_>) -> bool {
    let below = |directory: &str| path.starts_with(directory);
    let is_images = IMAGE.iter().any(|it| below(it)) && !OWN.iter().any(|it| below(it));
    is_images
        || path.starts_with(outlook.home)
        || outlook.seen.iter().any(|it| path.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let outlook = Outlook {
            home: Path::new("/home/joe"),
            seen: vec![Path::new("/srv/claw")],
            port: 18789,
        };
        let found = in_line(line, &outlook, &|path| !path.starts_with("/nowhere"));
        let shown: Vec<_> = found
            .iter()
            .map(|(kind, what)| format!("{kind} {what}"))
            .collect();
        shown.join(", ")
    }

    #[test]
    fn commands_of_the_host_are_told_and_prose_is_not() {
        let expected = [
            ("run `systemctl --user restart bus`", "services systemctl"),
            ("$(/usr/bin/journalctl -u x)", "journal journalctl"),
            (
                "docker exec -it SEKRET bash; docker is fine",
                "docker docker exec",
            ),
            ("ssh -i key root@SEKRET.example", "ssh ssh"),
            ("we use ssh and docker here, not mysystemctl", ""),
        ];
        for (line, found) in expected {
            assert_eq!(told(line), found, "{line}");
        }
    }

    #[test]
    fn paths_outside_of_the_container_are_told_where_they_are_there() {
        let expected = [
            (
                "cat /var/log/nginx/access.log:7.",
                "path /var/log/nginx/access.log",
            ),
            (
                "source='/opt/bus/run.sh' ~/x /home/joe/y",
                "path /opt/bus/run.sh",
            ),
            (
                "/usr/bin/git /usr/local/bin/bus /tmp/x",
                "path /usr/local/bin/bus",
            ),
            ("/srv/claw/a /nowhere/b /srv/../etc //x / http://h/x", ""),
        ];
        for (line, found) in expected {
            assert_eq!(told(line), found, "{line}");
        }
    }

    #[test]
    fn loopback_addresses_are_told_without_users_and_paths() {
        let line =
            "curl http://joe:SEKRET@127.0.0.1:8788/SEKRET ws://localhost:18789 http://example.org";
        assert_eq!(told(line), "loopback 127.0.0.1:8788");
    }
}
