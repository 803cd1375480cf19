//! What started a gateway, told by the processes above it: pm2, tmux, screen, cron, a shell's loop, or nothing any more.

use std::path::{Path, PathBuf};

use super::family::{Ancestor, Family};
use super::{pm2, script};
use crate::host::reader::Reader;
use crate::inventory::{CronStarter, LoopStarter, Pm2Starter, Starter, User};

/// The shells that run scripts and loops.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "fish", "busybox"];
/// What stands between a starter and a gateway without starting anything again.
const THROUGH: [&str; 11] = [
    "sudo", "su", "runuser", "env", "nohup", "timeout", "nice", "npm", "npx", "flock", "setpriv",
];

/// Tells what started a gateway; `None` where the processes above it do not say.
pub(super) fn starter(reader: &Reader, family: &Family, user: &User) -> Option<Starter> {
    let is_looping = |ancestor: &Ancestor| loop_of(reader, ancestor);
    let pm2 = || {
        let name = family.main.variable("name").and_then(|it| it.to_str());
        name.unwrap_or_default().to_owned()
    };
    told(&family.ancestors, user, &is_looping, &pm2)
}

fn told(
    ancestors: &[Ancestor],
    user: &User,
    loop_of: &dyn Fn(&Ancestor) -> Option<Starter>,
    application: &dyn Fn() -> String,
) -> Option<Starter> {
    let is_between = |it: &&Ancestor| is_shell(it) || is_one_of(&it.name, &THROUGH);
    for ancestor in ancestors {
        if let Some(directory) = pm2_directory(ancestor, user) {
            return Some(Starter::Pm2(Pm2Starter {
                name: application(),
                dump: directory.join("dump.pm2"),
                user: user.name.clone(),
            }));
        }
        match ancestor.name.as_str() {
            "tmux: server" | "tmux" => return Some(Starter::Tmux),
            "screen" | "SCREEN" => return Some(Starter::Screen),
            "cron" | "crond" | "CRON" => return Some(Starter::Cron(unknown_line(user))),
            "systemd" | "init" => return Some(Starter::Orphan),
            _ if ancestor.pid == 1 => return Some(Starter::Orphan),
            _ if is_shell(ancestor) => {
                if let Some(found) = loop_of(ancestor) {
                    return Some(found);
                }
            }
            _ if is_between(&ancestor) => {}
            _ => return None,
        }
    }
    None
}

/// Stands for the line of a crontab until it is known.
fn unknown_line(user: &User) -> CronStarter {
    CronStarter {
        file: PathBuf::from("/var/spool/cron/crontabs").join(&user.name),
        line: 0,
        user: user.name.clone(),
        schedule: "?".to_owned(),
    }
}

/// Returns the directory of pm2's daemon, by its title or, where that is cut off, its user's.
fn pm2_directory(ancestor: &Ancestor, user: &User) -> Option<PathBuf> {
    let is_daemon = ancestor.name.starts_with("PM2 ");
    let title = ancestor.arguments.join(" ");
    let told = pm2::daemon_directory(title.trim_end_matches(['\0', ' ']));
    told.or_else(|| is_daemon.then(|| user.home.join(".pm2")))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.contains(&name)
}

fn is_shell(ancestor: &Ancestor) -> bool {
    is_one_of(&ancestor.name, &SHELLS)
        || script_argument(ancestor).is_some_and(|it| {
            // A script with an interpreter line has its own name: proc_pid_comm(5), cut after 15 bytes.
            let name = Path::new(it)
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            !name.is_empty()
                && name.as_bytes().starts_with(ancestor.name.as_bytes())
                && runs_shell(ancestor)
        })
}

fn runs_shell(ancestor: &Ancestor) -> bool {
    let program = ancestor.arguments.first().map(Path::new);
    let name = program
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    name.is_some_and(|name| is_one_of(name, &SHELLS))
}

/// Returns the first argument that is no option.
fn script_argument(ancestor: &Ancestor) -> Option<&str> {
    let mut arguments = ancestor.arguments.iter().skip(1);
    arguments
        .find(|it| !it.starts_with('-'))
        .map(String::as_str)
}

/// Returns the loop that a shell runs, in its arguments or its script.
fn loop_of(reader: &Reader, shell: &Ancestor) -> Option<Starter> {
    let found = |script| {
        Some(Starter::Loop(LoopStarter {
            pid: shell.pid,
            script,
        }))
    };
    let mut after = shell.arguments.iter().skip_while(|it| *it != "-c");
    if let Some(text) = after.nth(1) {
        return script::loops(text).then(|| found(None)).flatten();
    }
    let named = Path::new(script_argument(shell)?);
    // A shell keeps its script open, and so a relative name is told; an editor may have put a new file in its place.
    let open = shell
        .files
        .iter()
        .find(|file| file.file_name() == named.file_name());
    let below = || shell.directory.as_ref().map(|it| it.join(named));
    let path = open.cloned().or_else(below);
    let path = path.unwrap_or_else(|| named.to_path_buf());
    let text = script::text(reader, &path).filter(|_| path.is_absolute())?;
    let path = reader.resolve(&path);
    script::loops(&text).then(|| found(Some(path))).flatten()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes a script")]
mod tests {
    use super::*;

    fn ancestor(pid: i32, name: &str, arguments: &[&str]) -> Ancestor {
        Ancestor {
            pid,
            name: name.into(),
            arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
            files: Vec::new(),
            directory: None,
        }
    }

    fn shown(ancestors: &[Ancestor]) -> Option<String> {
        let user = User {
            name: "joe".into(),
            uid: 7,
            gid: 7,
            home: "/home/joe".into(),
        };
        let reader = Reader::new();
        let starter = told(ancestors, &user, &|it| loop_of(&reader, it), &|| {
            "claw".into()
        });
        starter.map(|starter| starter.to_string())
    }

    #[test]
    fn the_nearest_process_that_starts_things_is_the_starter() {
        let shell = ancestor(20, "bash", &["-bash"]);
        let script = ancestor(19, "sh", &["sh", "-c", "openclaw gateway"]);
        let tmux = ancestor(10, "tmux: server", &["tmux", "new"]);
        let init = ancestor(1, "systemd", &["/sbin/init"]);
        let told = |list: &[&Ancestor]| {
            let list: Vec<_> = list.iter().map(|it| (*it).clone()).collect();
            shown(&list)
        };
        assert_eq!(told(&[&shell, &tmux, &init]).as_deref(), Some("tmux"));
        let screen = ancestor(9, "screen", &["SCREEN"]);
        assert_eq!(told(&[&shell, &screen, &init]).as_deref(), Some("screen"));
        let cron = ancestor(8, "cron", &["/usr/sbin/CRON", "-f"]);
        assert_eq!(
            told(&[&script, &cron, &init]).as_deref(),
            Some("cron (?, joe)")
        );
        assert_eq!(told(&[&init]).as_deref(), Some("by hand (nohup)"));
        let loops = ancestor(
            7,
            "bash",
            &["bash", "-c", "while true; do openclaw gateway; done"],
        );
        assert_eq!(
            told(&[&loops, &tmux, &init]).as_deref(),
            Some("shell loop (pid 7)")
        );
        let daemon = ancestor(
            6,
            "PM2 v5.3.0: God",
            &["PM2 v5.3.0: God Daemon (/home/joe/.pm2)"],
        );
        assert_eq!(
            told(&[&daemon, &init]).as_deref(),
            Some("pm2 (claw of joe)")
        );
        let sshd = ancestor(5, "sshd", &["sshd: joe"]);
        assert_eq!(told(&[&shell, &sshd, &init]), None);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn a_loop_is_told_by_the_script_that_the_shell_holds_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keep.sh");
        std::fs::write(&path, "#!/bin/sh\nuntil false; do openclaw gateway; done\n").unwrap();
        let mut shell = ancestor(7, "keep.sh", &["/bin/sh", "./keep.sh"]);
        assert_eq!(loop_of(&Reader::new(), &shell), None);
        shell.files = vec![path.clone()];
        let expected = Starter::Loop(LoopStarter {
            pid: 7,
            script: Some(path),
        });
        assert_eq!(loop_of(&Reader::new(), &shell), Some(expected));
        assert!(is_shell(&shell));
    }
}
