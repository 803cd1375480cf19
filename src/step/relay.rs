//! The relay in a group's container. It stands between the published port and the gateway, so that the gateway sees whoever
//! speaks to it from this host as it did natively, on its loopback address; and it stands for the host's loopback services
//! that the gateway uses, on the same ports.
//!
//! A gateway gives more to those who come over loopback: 2026.9.6 answered `openclaw cron list` of the host with `missing
//! scope: operator.read` when it came straight through a published port, which shows the bridge's address (seen).

/// The port in the container that the host's port is published to: above the ports that Linux gives to outgoing connections
/// (32768 to 60999; `ip_local_port_range` in ip(7)) and far from those that OpenClaw derives from its own.
const PORT: u16 = 61_789;

/// Where the files are that lead to the host's services, below the group's files.
pub(super) const SERVICES: &str = "services";

/// Returns the relay's port beside a gateway's.
pub(super) const fn port(gateway: u16) -> u16 {
    if gateway == PORT { PORT + 1 } else { PORT }
}

/// The relay, for node. Its arguments are its own port, the gateway's, and those of the services. Only what comes from this host is handed on: its connections come from the bridge's own address, the
/// default route's gateway in `/proc/net/route`, in hexadecimal with the last byte first.
pub(super) const PROGRAM: &str = r#"// Written by ocmigrate: hands this host's connections to the gateway on loopback, as they came natively, and the gateway's
// to services on this host's loopback address.
import { readFileSync } from "node:fs";
import net from "node:net";
import { pipeline } from "node:stream";

const [from, to, ...services] = process.argv.slice(2).map(Number);
const open = { allowHalfOpen: true, noDelay: true };

function bridge() {
  const routes = readFileSync("/proc/net/route", "utf8").split("\n").map((line) => line.split("\t"));
  const gateway = routes.find((route) => route[1] === "00000000")?.[2] ?? "";
  return (gateway.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)).join(".");
}

function between(one, other) {
  pipeline(one, other, () => {});
  pipeline(other, one, () => {});
}

net.createServer(open, (outside) => {
  if (outside.remoteAddress !== bridge()) return outside.destroy();
  between(outside, net.connect({ host: "127.0.0.1", port: to, ...open }));
}).listen(from, "0.0.0.0");

for (const port of services) {
  const path = new URL(`services/${port}.sock`, import.meta.url).pathname;
  net.createServer(open, (inside) => between(inside, net.connect({ path, ...open })))
    .on("error", (error) => console.error(`ocmigrate: no relay to 127.0.0.1:${port}: ${error.message}`))
    .listen(port, "127.0.0.1");
}
"#;

/// Returns the script that is the container's main process: it starts the relay, again whenever it ends, and becomes the
/// gateway; POSIX sh. The relay ends with the container.
pub(super) fn main_script(gateway: u16, services: &[u16]) -> String {
    let ports = [port(gateway), gateway].into_iter();
    let ports = ports.chain(services.iter().copied());
    let ports: Vec<_> = ports.map(|port| port.to_string()).collect();
    let ports = ports.join(" ");
    format!(
        "#!/bin/sh\n\
         # Written by ocmigrate: the gateway with the environment of the native one, and a relay to it.\n\
         here=${{0%/*}}\n\
         . \"$here/environment\"\n\
         (while :; do env -i \"$1\" \"$here/relay.mjs\" {ports}; sleep 1; done) &\n\
         exec \"$@\"\n"
    )
}
