//! Whose a gateway's files are, in a line or three.

use std::fmt::Write as _;

use crate::display;
use crate::inventory::{Census, Gateway};

/// The most owners that are named; the others are counted together.
const OWNERS: usize = 4;

/// Writes for each gateway how many entries it has, whose they are, and how many of them are out of the ordinary.
pub(super) fn write(text: &mut String, gateways: &[Gateway]) {
    for gateway in gateways {
        let Some(census) = &gateway.census else {
            continue;
        };
        let _ = writeln!(
            text,
            "Ownership  {}: {}, {}: {}",
            display::text(&gateway.name.0),
            display::count(census.entries, "entry", "entries"),
            census.size,
            owners(gateway, census)
        );
        let odd = census.oddities.iter();
        let odd: Vec<_> = odd
            .map(|(oddity, sampled)| format!("{} {oddity}", sampled.count))
            .collect();
        // Three a line: the longest of them fit into 80 columns.
        for line in odd.chunks(3) {
            let _ = writeln!(text, "  {}", line.join(", "));
        }
        for it in &census.file_systems {
            let _ = writeln!(
                text,
                "  on {} at {}: {} of {} free",
                display::text(&it.kind),
                it.mounted_at,
                it.free,
                it.size
            );
        }
    }
}

/// `1,004 joe:joe, 2 root:root, 3 of others`; numbers where no name is known from here.
fn owners(gateway: &Gateway, census: &Census) -> String {
    let user = &gateway.user;
    let owners = census.owners();
    let name = |(uid, gid): (u32, u32)| match (uid, gid) {
        (0, 0) => "root:root".to_owned(),
        own if own == (user.uid, user.gid) => format!("of {}", display::text(&user.name)),
        (uid, gid) => format!("{uid}:{gid}"),
    };
    let named = owners.iter().take(OWNERS);
    let mut shown: Vec<_> = named
        .map(|(owner, entries)| format!("{entries} {}", name(*owner)))
        .collect();
    let rest = owners.iter().skip(OWNERS).map(|(_, entries)| entries);
    let rest = rest.sum::<u64>() + census.unclassed;
    if rest > 0 {
        shown.push(format!("{rest} of others"));
    }
    shown.join(", ")
}
