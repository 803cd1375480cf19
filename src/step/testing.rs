//! What tests of single steps share.

use std::path::Path;
use std::time::Duration;

use super::{Context, Paths, Reach};
use crate::docker::fake::FakeDocker;
use crate::host::GatewayTrace;
use crate::host::fake::{FakeGateway, FakeHost, FakeProgram};
use crate::inventory::User;
use crate::openclaw::release::Health;
use crate::secret::Hasher;

/// Hands a context over: this machine, an engine without containers, and who hears what is said.
pub(super) fn with_context<R>(
    host: &FakeHost,
    say: &dyn Fn(&str),
    act: impl FnOnce(&Context) -> R,
) -> R {
    let (docker, hasher) = (FakeDocker::new(), Hasher::for_machine("step"));
    let paths = Paths::installed(Path::new("/var/lib/ocmigrate"));
    act(&Context {
        host,
        docker: &docker,
        hasher: &hasher,
        paths: &paths,
        say,
    })
}

/// How a gateway without channels is seen, of a release that tells nothing of its health.
pub(super) fn reach() -> Reach {
    let user = User {
        name: "joe".to_owned(),
        uid: 1001,
        gid: 1001,
        home: "/home/joe".into(),
    };
    Reach {
        gateway: "joe/.openclaw".to_owned(),
        port: 18789,
        trace: GatewayTrace {
            state_directory: "/home/joe/.openclaw".into(),
            config: "/home/joe/.openclaw/openclaw.json".into(),
            uid: user.uid,
            port: 18789,
        },
        user,
        health: Health::Port,
        channels_argv: Vec::new(),
        accounts: Vec::new(),
    }
}

/// Starts that gateway natively; it answers after so long.
pub(super) fn start_natively(host: &FakeHost, boot: Duration) {
    let gateway = FakeGateway {
        trace: reach().trace,
        environment: Vec::new(),
        boot,
    };
    let program = FakeProgram::Gateway(gateway);
    host.world_mut().start_program(&program);
}
