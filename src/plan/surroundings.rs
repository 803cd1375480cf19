//! What a container changes for its gateways and no decision of the plan keeps: told to a person, and compared with nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BaseImage, Group, Image, Network, Plan};
use crate::display;
use crate::inventory::{
    Catalogued, Facilities, Finding, Gateway, GatewayName, Inventory, NeedKind, catalogued,
};

/// What else of the host gateways have, or could have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// The time zone, which goes along: containers see the host's `/etc/localtime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Graphics processors of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// What gateways use, sorted by gateway; those that use nothing are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Surrounding>,
}

/// What of its host a gateway uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surrounding {
    /// The gateway.
    pub gateway: GatewayName,
    /// What it is configured to use.
    #[serde(default)]
    pub facilities: Facilities,
    /// The browser of its agents, and the Debian package that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
}

/// A browser on the host that agents use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Browser {
    /// Its name or path.
    pub name: String,
    /// The Debian package that owns it, where one does.
    pub package: Option<String>,
}

impl Surroundings {
    /// Returns whether nothing is known of any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn of(inventory: &Inventory) -> Self {
        let gateways = inventory.gateways.iter().map(Surrounding::of);
        let gateways = gateways.filter(|it| !it.facilities.is_empty() || it.browser.is_some());
        Self {
            timezone: inventory.host.timezone.clone(),
            gpus: inventory.host.gpus.clone(),
            gateways: gateways.collect(),
        }
    }
}

impl Surrounding {
    fn of(gateway: &Gateway) -> Self {
        let browsers = gateway.needs.iter();
        let mut browsers = browsers.filter(|it| it.kind == NeedKind::Browser && it.path.is_some());
        let browser = browsers.next().map(|need| Browser {
            name: need.name.clone(),
            package: need.package.clone(),
        });
        Self {
            gateway: gateway.name.clone(),
            facilities: gateway.facilities.clone(),
            browser,
        }
    }
}

/// Says what of it changes for a group.
pub(super) fn findings(plan: &Plan, group: &Group) -> Vec<Finding> {
    let own = group.gateways();
    let gateways = plan.facts.surroundings.gateways.iter();
    let gateways = gateways.filter(|it| own.contains(&it.gateway));
    gateways.flat_map(|it| of_gateway(group, it)).collect()
}

fn of_gateway(group: &Group, surrounding: &Surrounding) -> Vec<Finding> {
    let Surrounding {
        gateway,
        facilities,
        browser,
    } = surrounding;
    let Facilities {
        mdns,
        tailscale,
        sandbox,
    } = facilities;
    let found = |kind: &Catalogued, key: &str, mode: &Option<String>| {
        let mode = display::text(mode.as_ref()?);
        Some(Finding::new(kind, gateway, format!("{key} is {mode}")))
    };
    let is_bridged = group.network != Network::Host;
    let mdns = mdns.clone().filter(|_| is_bridged);
    let lost = browser.as_ref().filter(|it| !has_browser(group, it));
    [
        found(&catalogued::SANDBOX, "sandbox.mode", sandbox),
        found(&catalogued::TAILSCALE, "gateway.tailscale.mode", tailscale),
        found(&catalogued::MDNS, "discovery.mdns.mode", &mdns),
        lost.map(|browser| {
            let summary = format!("{} is not among the packages", display::text(&browser.name));
            Finding::new(&catalogued::BROWSER, gateway, summary)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is in an image of a person's own is not known, and not told.
fn has_browser(group: &Group, browser: &Browser) -> bool {
    let Image::FromHost(recipe) = &group.image else {
        return true;
    };
    match (&recipe.base, &browser.package) {
        (BaseImage::Given { .. }, _) => true,
        (BaseImage::Own { packages, .. }, Some(package)) => packages.contains(package),
        (BaseImage::Own { .. }, None) => false,
    }
}

/// Says that no container gets the host's graphics processors.
pub(super) fn gpus(plan: &Plan) -> Option<Finding> {
    let gpus = &plan.facts.surroundings.gpus;
    (!gpus.is_empty()).then(|| {
        let names = display::text(&gpus.join(" "));
        Finding::new(&catalogued::GPU, "host", format!("it has {names}"))
    })
}
