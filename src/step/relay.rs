//! What stands between a group's published port and its gateway: a relay in the container, so that the gateway sees whoever
//! speaks to it from this host as it did natively, on its loopback address.
//!
//! A gateway gives more to those who come over loopback: 2026.9.6 answered `openclaw cron list` of the host with `missing
//! scope: operator.read` when it came straight through a published port, which shows the bridge's address (seen).

/// The port in the container that the host's port is published to: above the ports that Linux gives to outgoing connections
/// (32768 to 60999; `ip_local_port_range` in ip(7)) and far from those that OpenClaw derives from its own.
const PORT: u16 = 61_789;

/// Returns the relay's port beside a gateway's.
pub(super) const fn port(gateway: u16) -> u16 {
    if gateway == PORT { PORT + 1 } else { PORT }
}

/// The relay, for node. Only what comes from this host is handed on: its connections come from the bridge's own address, the
/// default route's gateway in `/proc/net/route`, in hexadecimal with the last byte first.
pub(super) const PROGRAM: &str = r#"// Written by ocmigrate: hands this host's connections to the gateway on loopback, as they came natively.
import { readFileSync } from "node:fs";
import net from "node:net";
import { pipeline } from "node:stream";

const [from, to] = process.argv.slice(2).map(Number);

function bridge() {
  const routes = readFileSync("/proc/net/route", "utf8").split("\n").map((line) => line.split("\t"));
  const gateway = routes.find((route) => route[1] === "00000000")?.[2] ?? "";
  return (gateway.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)).join(".");
}

net.createServer({ allowHalfOpen: true, noDelay: true }, (outside) => {
  if (outside.remoteAddress !== bridge()) return outside.destroy();
  const inside = net.connect({ host: "127.0.0.1", port: to, allowHalfOpen: true, noDelay: true });
  pipeline(outside, inside, () => {});
  pipeline(inside, outside, () => {});
}).listen(from, "0.0.0.0");
"#;

/// Returns the script that is the container's main process: it starts the relay, again whenever it ends, and becomes the
/// gateway; POSIX sh. The relay ends with the container.
pub(super) fn main_script(gateway: u16) -> String {
    let from = port(gateway);
    format!(
        "#!/bin/sh\n\
         # Written by ocmigrate: the gateway with the environment of the native one, and a relay to it.\n\
         here=${{0%/*}}\n\
         . \"$here/environment\"\n\
         (while :; do env -i \"$1\" \"$here/relay.mjs\" {from} {gateway}; sleep 1; done) &\n\
         exec \"$@\"\n"
    )
}
