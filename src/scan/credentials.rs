//! A gateway's credentials, each once, hashed, with every place where it stands.

use std::path::PathBuf;

use super::sighting::Sighting;
use crate::host::reader::Reader;
use crate::inventory::{Credential, Place, Starter};
use crate::openclaw::{Facts, FoundCredential, telegram_token};
use crate::secret::Hasher;

/// The most of a token file that is a token.
const TOKEN_LIMIT: usize = 4096;

/// Hashes the credentials of a gateway; secrets are dropped here.
pub(super) fn credentials(
    reader: &Reader,
    sighting: &Sighting,
    facts: &Facts,
    hasher: &Hasher,
) -> Vec<Credential> {
    let mut credentials: Vec<Credential> = Vec::new();
    for found in &facts.credentials {
        let places = found
            .place
            .clone()
            .into_iter()
            .chain(places_of_value(sighting, found.secret.expose()));
        take(&mut credentials, found, places.collect(), hasher);
    }
    for file in &facts.token_files {
        let Ok(Some(text)) = reader.file(&file.path) else {
            continue;
        };
        let Some(text) = str::from_utf8(&text)
            .ok()
            .filter(|text| text.len() <= TOKEN_LIMIT)
        else {
            continue;
        };
        let found = telegram_token(text, &file.account, &file.key);
        let place = Place {
            path: reader.resolve(&file.path),
            line: None,
        };
        take(&mut credentials, &found, vec![place], hasher);
    }
    credentials
}

fn take(
    credentials: &mut Vec<Credential>,
    found: &FoundCredential,
    places: Vec<Place>,
    hasher: &Hasher,
) {
    let hash = hasher.hash(found.secret.expose().as_bytes());
    match credentials.iter_mut().find(|known| known.hash == hash) {
        Some(known) => {
            let new = places
                .into_iter()
                .filter(|place| !known.places.contains(place));
            let new: Vec<_> = new.collect();
            known.places.extend(new);
        }
        None => credentials.push(Credential {
            kind: found.kind.clone(),
            public_id: found.public_id.clone(),
            hash,
            exclusivity: found.exclusivity,
            account: found.account.clone(),
            places,
        }),
    }
}

/// Returns where a value stands outside the configuration: in `.env`, in the unit, or only in the process.
fn places_of_value(sighting: &Sighting, value: &str) -> Vec<Place> {
    let dotenv = sighting
        .dotenv
        .iter()
        .filter(|assignment| assignment.value == value);
    let path = sighting.state_directory.join(".env");
    let mut places: Vec<_> = dotenv
        .map(|it| Place {
            path: path.clone(),
            line: Some(it.line),
        })
        .collect();
    let in_unit: Vec<_> = places_in_unit(sighting, value).collect();
    let is_exported = sighting
        .started_with
        .iter()
        .any(|(_, exported)| exported == value);
    match &sighting.family {
        Some(family) if is_exported && in_unit.is_empty() => places.push(Place {
            path: PathBuf::from(format!("/proc/{}/environ", family.main.id.pid)),
            line: None,
        }),
        Some(_) | None => places.extend(in_unit),
    }
    places
}

fn places_in_unit(sighting: &Sighting, value: &str) -> impl Iterator<Item = Place> {
    let file = match &sighting.starter {
        Starter::Unit(unit) => Some(unit.file.clone()),
        Starter::Other { .. } => None,
    };
    let assignments = sighting.unit.iter().flat_map(|unit| &unit.environment);
    assignments
        .filter(move |(_, assigned, _)| assigned == value)
        .filter_map(move |(_, _, line)| {
            Some(Place {
                path: file.clone()?,
                line: Some(*line),
            })
        })
}
