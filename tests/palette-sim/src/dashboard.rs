//! `POST /v1/dashboard/clusterprofiles`: filter, sort and pages.
//!
//! In: the profiles that the caller may see. Out: one page and where the next one
//! starts. A continue token is bound to its query: with another one it is refused.

use crate::profile::{Profile, Scope};
use crate::request::{
    Filter, FilterArray, FilterSpec, FilterString, FilterVersion, Fips, Sort, SortField, SortOrder,
};
use crate::wire::compare_versions;
use std::cmp::Ordering;

/// The most items of a page (contract, `limit`).
pub(crate) const PAGE: usize = 50;

/// Those that pass the filter, sorted.
pub(crate) fn select<'a>(mut profiles: Vec<&'a Profile>, spec: &FilterSpec) -> Vec<&'a Profile> {
    profiles.retain(|profile| passes(profile, &spec.filter));
    profiles.sort_by(|left, right| compare(left, right, &spec.sort.0));
    profiles
}

/// The token for the page that starts here.
pub(crate) fn token(start: usize, query: &[u8]) -> String {
    format!("{start:x}-{}", fingerprint(query))
}

/// Where the page of a token starts; `None` if the token belongs to another query.
pub(crate) fn start_of(token: &str, query: &[u8]) -> Option<usize> {
    let (start, fingerprinted) = token.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    (fingerprinted == fingerprint(query)).then_some(start)
}

fn fingerprint(query: &[u8]) -> String {
    crate::profile::pseudo_hex(&String::from_utf8_lossy(query), 16)
}

fn passes(profile: &Profile, filter: &Filter) -> bool {
    let scope = profile.scope.as_ref().unwrap_or(&Scope::Tenant);
    let environments = &filter.environment.0;
    let kinds = &filter.profile_type.0;
    text(&profile.name, &filter.profile_name)
        && version(&profile.version, &filter.version)
        && tags(&profile.tags, &filter.tags)
        && (kinds.is_empty() || kinds.contains(&profile.kind))
        && (environments.is_empty() || environments.contains(&profile.cloud_type))
        && filter.scope.is_none_or(|word| word.word() == scope.word())
        // No profile of the simulator claims to be FIPS compliant.
        && filter.fips.as_ref().is_none_or(|mode| *mode == Fips::None)
}

fn text(value: &str, filter: &FilterString) -> bool {
    let fold = |text: &str| {
        if filter.ignore_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let value = fold(value);
    let holds = |wanted: &Option<String>, test: fn(&str, &str) -> bool| {
        wanted
            .as_deref()
            .is_none_or(|wanted| test(&value, &fold(wanted)))
    };
    holds(&filter.eq, |value, wanted| value == wanted)
        && holds(&filter.ne, |value, wanted| value != wanted)
        && holds(&filter.contains, |value, wanted| value.contains(wanted))
        && holds(&filter.begins_with, |value, wanted| {
            value.starts_with(wanted)
        })
}

fn version(value: &str, filter: &FilterVersion) -> bool {
    let holds = |wanted: &Option<String>, test: fn(&str, &str) -> bool| {
        wanted.as_deref().is_none_or(|wanted| test(value, wanted))
    };
    holds(&filter.eq, |value, wanted| value == wanted)
        && holds(&filter.ne, |value, wanted| value != wanted)
        && holds(&filter.gt, |value, wanted| {
            compare_versions(value, wanted).is_gt()
        })
        && holds(&filter.lt, |value, wanted| {
            compare_versions(value, wanted).is_lt()
        })
        && holds(&filter.begins_with, |value, wanted| {
            value.starts_with(wanted)
        })
}

/// `eq` and `beginsWith` want one of their values among the tags, `ne` none.
fn tags(values: &[String], filter: &FilterArray) -> bool {
    let fold = |text: &String| {
        if filter.ignore_case {
            text.to_lowercase()
        } else {
            text.clone()
        }
    };
    let values: Vec<String> = values.iter().map(fold).collect();
    let any = |wanted: &[String], test: fn(&str, &str) -> bool| {
        let mut wanted = wanted.iter().map(fold);
        wanted.any(|wanted| values.iter().any(|value| test(value, &wanted)))
    };
    let is = |value: &str, wanted: &str| value == wanted;
    let begins = |value: &str, wanted: &str| value.starts_with(wanted);
    filter.eq.as_deref().is_none_or(|wanted| any(wanted, is))
        && filter.ne.as_deref().is_none_or(|wanted| !any(wanted, is))
        && filter
            .begins_with
            .as_deref()
            .is_none_or(|wanted| any(wanted, begins))
}

fn compare(left: &Profile, right: &Profile, sort: &[Sort]) -> Ordering {
    for Sort { field, order } in sort {
        let ordering = match field {
            Some(SortField::ProfileName) => left.name.cmp(&right.name),
            Some(SortField::Environment) => left.cloud_type.cmp(&right.cloud_type),
            Some(SortField::ProfileType) => left.kind.word().cmp(right.kind.word()),
            Some(SortField::CreationTimestamp) => left.created.cmp(&right.created),
            Some(SortField::LastModifiedTimestamp) => left.modified.cmp(&right.modified),
            None => Ordering::Equal,
        };
        if ordering.is_ne() {
            return match order {
                SortOrder::Asc => ordering,
                SortOrder::Desc => ordering.reverse(),
            };
        }
    }
    Ordering::Equal
}
