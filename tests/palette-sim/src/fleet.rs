//! Many sites: a profile for each, for benchmarks and for tests of many definitions.
//!
//! A definition of a site is an infrastructure profile and perhaps more that all
//! sites share, and the site's own profile. So every site has a pack of its own name:
//! no pack may be in two profiles of a definition (facts, section 1).

use crate::profile::{Pack, Profile};
use crate::variable::{Format, Variable};
use crate::world::World;

/// The uid of `site-0001` is `site_uid(1)`: the number in decimal digits behind a fixed
/// beginning, so that a script can write it without asking.
#[must_use]
pub fn site_uid(number: u32) -> String {
    format!("65c9f1ee7{number:015}")
}

impl World {
    /// Adds `site-0001@1.0.0` and so on, this many: published add-ons for edge-native
    /// clusters, of the first project.
    #[must_use]
    pub fn fleet(self, sites: u32) -> Self {
        (1..=sites).fold(self, |world, number| world.profile(site(number)))
    }
}

fn site(number: u32) -> Profile {
    let name = format!("site-{number:04}");
    let address = format!("10.{}.{}.1", number / 256 % 256, number % 256);
    Profile::add_on(&site_uid(number), &name, "1.0.0")
        .describe(&format!("What is particular to site {number}"))
        .tag("site")
        .pack(Pack::add_on(&format!("{name}-settings"), "1.0.0").values(&values(&name)))
        .variable(
            Variable::new("siteGateway")
                .shown_as("Gateway of the site")
                .required(&address)
                .format(Format::Ipv4),
        )
        .variable(
            Variable::new("siteReplicas")
                .shown_as("Replicas")
                .default_value("1")
                .format(Format::Number),
        )
}

fn values(name: &str) -> String {
    format!(
        "pack:\n  namespace: {name}\n\
         site:\n  name: {name}\n  gateway: '{{{{.spectro.var.siteGateway}}}}'\n  \
         replicas: '{{{{.spectro.var.siteReplicas}}}}'\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::site_uid;
    use crate::demo::PROJECT_DEFAULT;
    use crate::profile::{Profile, Scope};
    use crate::world::World;

    /// A demo world's sites.
    fn sites(count: u32) -> Vec<Profile> {
        let known = World::demo().profiles.len();
        World::demo().fleet(count).profiles.split_off(known)
    }

    #[test]
    fn a_site_is_a_published_add_on_of_the_first_project() {
        let sites = sites(12);
        assert_eq!(sites.len(), 12);
        let last = &sites[11];
        assert_eq!(last.uid, "65c9f1ee7000000000000012");
        assert_eq!(last.uid, site_uid(12));
        assert_eq!(
            (last.name.as_str(), last.version.as_str()),
            ("site-0012", "1.0.0")
        );
        assert_eq!(last.scope, Some(Scope::Project(PROJECT_DEFAULT.into())));
        assert_eq!(last.cloud_type, "edge-native");
        assert!(last.published && !last.has_infrastructure());
    }

    #[test]
    fn nothing_is_in_two_profiles() {
        let world = World::demo().fleet(1000);
        let unique = |of: fn(&Profile) -> &str| {
            let names: BTreeSet<&str> = world.profiles.iter().map(of).collect();
            names.len()
        };
        assert_eq!(unique(|profile| &profile.uid), world.profiles.len());
        assert!(world.profiles.iter().all(|profile| profile.uid.len() == 24));
        // Both versions of `edge-infra` have the same packs.
        assert_eq!(
            unique(|profile| &profile.packs[0].name),
            world.profiles.len() - 1
        );
    }

    #[test]
    fn the_values_name_variables_that_the_site_has() {
        for site in sites(300) {
            let values = &site.packs[0].values;
            assert!(values.contains(&format!("name: {}\n", site.name)));
            for variable in &site.variables {
                let wanted = format!("'{{{{.spectro.var.{}}}}}'", variable.name);
                assert!(values.contains(&wanted), "{values}");
            }
        }
    }

    #[test]
    fn the_same_fleet_every_time() {
        assert_eq!(format!("{:?}", sites(3)), format!("{:?}", sites(3)));
        assert!(sites(0).is_empty());
    }
}
