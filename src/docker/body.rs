//! What a container is asked for in: [`ContainerSpec`] in the words of the engine's API. Pure.

use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount as BindMount, MountType,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::{ContainerSpec, Mount, Published};

/// How much log a container keeps: three files of ten megabytes.
pub(super) const LOG_OPTIONS: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];
/// The security options of every container.
pub(super) const SECURITY: &str = "no-new-privileges";
/// The address that ports are published on.
pub(super) const LOOPBACK: &str = "127.0.0.1";

/// Returns the request that makes the container.
///
/// The argv goes whole into `Entrypoint`; the engine ignores an image's `Cmd` where a container has an entry point.
pub(super) fn of(spec: &ContainerSpec) -> ContainerCreateBody {
    ContainerCreateBody {
        hostname: Some(spec.hostname.clone()),
        image: Some(spec.image.clone()),
        user: Some(spec.user.clone()),
        working_dir: Some(text(&spec.directory)),
        entrypoint: Some(spec.argv.clone()),
        env: Some(spec.environment.clone()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        stop_signal: Some("SIGTERM".to_owned()),
        stop_timeout: Some(spec.stop_timeout.as_secs().cast_signed()),
        exposed_ports: Some(spec.ports.iter().copied().map(port_key).collect()),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let memory = spec.memory.0.cast_signed();
    HostConfig {
        init: Some(true),
        mounts: Some(binds(spec)),
        tmpfs: Some(empties(spec).collect()),
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.cpu_milli) * 1_000_000),
        pids_limit: Some(spec.pids.into()),
        port_bindings: Some(spec.ports.iter().copied().map(published).collect()),
        restart_policy: Some(policy(super::RestartPolicy::No)),
        security_opt: Some(vec![SECURITY.to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        log_config: Some(log_config()),
        extra_hosts: Some(spec.extra_hosts.clone()),
        group_add: Some(supplementary_groups(spec)),
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        ..HostConfig::default()
    }
}

/// Returns the groups in words that engine and docker-compose take: numbers that no name in the image has to stand for.
pub(super) fn supplementary_groups(spec: &ContainerSpec) -> Vec<String> {
    spec.supplementary_groups
        .iter()
        .map(u32::to_string)
        .collect()
}

/// Returns the engine's word for a restart policy.
pub(super) fn policy(policy: super::RestartPolicy) -> RestartPolicy {
    let name = match policy {
        super::RestartPolicy::No => RestartPolicyNameEnum::NO,
        super::RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: None,
    }
}

/// Mounts of this kind fail where the source is missing; the older `Binds` would make it, owned by root.
fn binds(spec: &ContainerSpec) -> Vec<BindMount> {
    let bind = |mount: &Mount| match mount {
        Mount::Bind {
            source,
            target,
            read_only,
        } => Some(BindMount {
            typ: Some(MountType::BIND),
            source: Some(text(source)),
            target: Some(text(target)),
            read_only: Some(*read_only),
            ..BindMount::default()
        }),
        Mount::Empty { .. } => None,
    };
    spec.mounts.iter().filter_map(bind).collect()
}

/// Yields each empty directory and its options: it belongs to the container's user, and programs in it may run. Neither
/// can be said in a mount of type tmpfs before API 1.46.
pub(super) fn empties(spec: &ContainerSpec) -> impl Iterator<Item = (String, String)> {
    let (uid, gid) = spec.user.split_once(':').unwrap_or((&spec.user, "0"));
    spec.mounts.iter().filter_map(move |mount| match mount {
        Mount::Bind { .. } => None,
        Mount::Empty { target, mode } => {
            let options = format!("mode={mode:04o},uid={uid},gid={gid},exec");
            Some((text(target), options))
        }
    })
}

fn log_config() -> HostConfigLogConfig {
    let options = LOG_OPTIONS.map(|(key, value)| (key.to_owned(), value.to_owned()));
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(options.into()),
    }
}

fn published(port: Published) -> (String, Option<Vec<PortBinding>>) {
    let binding = PortBinding {
        host_ip: Some(LOOPBACK.to_owned()),
        host_port: Some(port.host.to_string()),
    };
    (port_key(port), Some(vec![binding]))
}

fn port_key(port: Published) -> String {
    format!("{}/tcp", port.container)
}

/// Returns a path as the API's JSON takes it. What is no UTF-8 was refused before: see [`unspeakable`].
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns the first path that cannot be said in JSON, because it is no UTF-8.
pub(super) fn unspeakable(spec: &ContainerSpec) -> Option<&Path> {
    let paths = spec.mounts.iter().flat_map(|mount| match mount {
        Mount::Bind { source, target, .. } => [source, target],
        Mount::Empty { target, .. } => [target, target],
    });
    let mut paths = paths.chain([&spec.directory]);
    paths
        .find(|path| path.to_str().is_none())
        .map(PathBuf::as_path)
}

/// Returns the text with the values of these `NAME=value` lines taken out, so that an engine that repeats one in its
/// answer does not reach a log.
pub(super) fn without_values(text: &str, environment: &[String]) -> String {
    let values = environment.iter().filter_map(|line| line.split_once('='));
    let mut text = text.to_owned();
    for (_, value) in values.filter(|(_, value)| value.len() >= 4) {
        text = text.replace(value, "…");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_taken_out_of_messages() {
        let environment = ["TOKEN=s3cret".to_owned()];
        assert_eq!(
            without_values("bad: TOKEN=s3cret", &environment),
            "bad: TOKEN=…"
        );
    }
}
