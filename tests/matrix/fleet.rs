//! The plan of the matrix: joe's gateway, one bot, one user unit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ocmigrate::host::GatewayTrace;
use ocmigrate::host::fake::FakeGateway;
use ocmigrate::inventory::{
    Agent, ChannelAccount, Distribution, GatewayName, Release, Starter, UnitScope, UnitStarter,
    User,
};
use ocmigrate::plan::{
    BaseImage, Budget, Facts, GatewayFacts, Group, HostFacts, Image, ImageRecipe, Member, Network,
    OwnerPolicy, Plan, Sight,
};
use ocmigrate::secret::Hasher;
use ocmigrate::units::Bytes;

pub(crate) const GROUP: &str = "oc-joe";
pub(crate) const NETWORK: &str = "ocmigrate_oc-joe";
pub(crate) const PORT: u16 = 18789;
pub(crate) const STATE: &str = "/home/joe/.openclaw";
pub(crate) const CONFIG: &str = "/home/joe/.openclaw/openclaw.json";
pub(crate) const NODE: &str = "/usr/bin/node";
/// The configuration, with comments that nobody may lose.
pub(crate) const CONFIG_TEXT: &str = "// joe's bots\n{\n  gateway: {\n    port: 18789, // the usual one\n    \
    bind: 'loopback',\n    auth: { mode: \"token\", token: \"t\" },\n  },\n  \
    channels: { telegram: { enabled: true, botToken: \"1:x\", }, }, /* one bot */\n}\n";

pub(crate) fn user() -> User {
    User {
        name: "joe".to_owned(),
        uid: 1001,
        gid: 1001,
        home: PathBuf::from("/home/joe"),
    }
}

pub(crate) fn unit() -> UnitStarter {
    UnitStarter {
        name: "openclaw-gateway.service".to_owned(),
        scope: UnitScope::User { uid: 1001 },
        file: PathBuf::from("/home/joe/.config/systemd/user/openclaw-gateway.service"),
        enablement: "enabled".to_owned(),
    }
}

pub(crate) fn gateway() -> FakeGateway {
    FakeGateway {
        trace: GatewayTrace {
            state_directory: PathBuf::from(STATE),
            config: PathBuf::from(CONFIG),
            uid: 1001,
            port: PORT,
        },
        environment: vec![
            ("HOME".into(), "/home/joe".into()),
            ("NODE_OPTIONS".into(), "--use-openssl-ca".into()),
            (
                "OPENCLAW_SYSTEMD_UNIT".into(),
                "openclaw-gateway.service".into(),
            ),
        ],
        boot: Duration::from_secs(5),
    }
}

pub(crate) fn plan(hasher: &Hasher) -> Plan {
    Plan {
        format: ocmigrate::plan::FORMAT,
        made_by: "0.1.0".to_owned(),
        facts: Facts {
            companions: std::collections::BTreeSet::new(),
            surroundings: ocmigrate::plan::Surroundings::default(),
            host: HostFacts {
                name: "lab".to_owned(),
                machine: hasher.hash(b"machine"),
                distribution: Distribution {
                    id: "debian".to_owned(),
                    version: "12".to_owned(),
                    codename: "bookworm".to_owned(),
                },
                architecture: "x86_64".to_owned(),
                cores: 4,
                memory: Bytes::mib(16 * 1024),
            },
            gateways: vec![gateway_facts(hasher)],
            edges: Vec::new(),
            services: Vec::new(),
            uids: [1001].into(),
        },
        measured: Vec::new(),
        reserve: Bytes::mib(2048),
        headroom_percent: 50,
        accepted: Vec::new(),
        groups: vec![group()],
    }
}

fn gateway_facts(hasher: &Hasher) -> GatewayFacts {
    GatewayFacts {
        name: name(),
        user: user(),
        release: Some(Release {
            version: "2026.9.6".to_owned(),
            package: PathBuf::from("/usr/lib/node_modules/openclaw"),
            node: PathBuf::from(NODE),
            modules: None,
        }),
        state_directory: PathBuf::from(STATE),
        config: PathBuf::from(CONFIG),
        meaning: hasher.hash(CONFIG_TEXT.as_bytes()),
        bind: Some("loopback".to_owned()),
        port: PORT,
        starter: Starter::Unit(unit()),
        revivers: Vec::new(),
        agents: vec![Agent {
            id: "main".to_owned(),
            workspace: Path::new(STATE).join("workspace"),
        }],
        accounts: vec![ChannelAccount {
            channel: "telegram".to_owned(),
            id: "default".to_owned(),
            enabled: true,
            agents: vec!["main".to_owned()],
        }],
        credentials: Vec::new(),
        environment: Vec::new(),
        supplementary_groups: vec![27, 4711],
        host_files: vec![
            "/etc/hosts".into(),
            "/home/joe/ca.pem".into(),
            "/home/joe/secrets/bot.token".into(),
            "/srv/openclaw/bot.token".into(),
        ],
    }
}

fn group() -> Group {
    Group {
        name: GROUP.to_owned(),
        members: vec![Member {
            gateway: name(),
            agent: "main".to_owned(),
            reason: "the only one".to_owned(),
        }],
        companions: Vec::new(),
        budget: Budget {
            memory: Bytes::mib(1536),
            cpu_milli: 2000,
            pids: 512,
            node_heap: None,
        },
        owner: OwnerPolicy::AsOwner { strays: 3 },
        sight: Sight::Home,
        image: Image::FromHost(ImageRecipe {
            reference: "ocmigrate/openclaw:2026.9.6-00000000".to_owned(),
            base: BaseImage::Own {
                reference: "ocmigrate/base:debian-bookworm".to_owned(),
                codename: "bookworm".to_owned(),
                packages: vec!["git".to_owned()],
            },
        }),
        network: Network::Bridge {
            name: NETWORK.to_owned(),
        },
        loopback: Vec::new(),
        accepted: Vec::new(),
    }
}

fn name() -> GatewayName {
    GatewayName("joe/.openclaw".to_owned())
}
