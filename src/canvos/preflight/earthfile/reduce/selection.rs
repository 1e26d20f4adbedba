//! Selects the targets of an Earthfile that are reduced.
//!
//! Input: a [`File`] and the targets of the build. Output: the reduced bodies, and the targets
//! that cannot be reduced. If the build command is unknown, it may build any target, so that a
//! line that prevents the reduction of one target is no reason to give up the others. Such a
//! target, and each one that refers to it, gets a record that it was built: what the build makes
//! of it is then unknown, whatever the other records say.

use std::collections::BTreeMap;

use super::body::Body;
use super::{File, Obstacle, OtherTargets, Unreducible, is_target};

/// What becomes of the targets.
pub(super) struct Selection {
    /// The lines of the reduced targets and functions, by their names.
    pub bodies: BTreeMap<String, Vec<String>>,
    /// The targets that cannot be reduced, each with the line that prevents it.
    pub unreducible: BTreeMap<String, Unreducible>,
}

impl Selection {
    /// Selects among `targets`, all that may be built. `asked` are those that the build command
    /// names, or that CanvOS has.
    pub(super) fn of(
        file: &File<'_>,
        asked: &[&str],
        targets: &[&str],
        other_targets: OtherTargets,
    ) -> Result<Self, Unreducible> {
        let relevant: Vec<&str> = targets
            .iter()
            .copied()
            .filter(|target| file.relevant.contains(*target))
            .collect();
        let selection = match other_targets {
            OtherTargets::Kept => {
                file.check_targets()?;
                let mut bodies = BTreeMap::new();
                for target in &relevant {
                    bodies.append(&mut file.bodies_of(target, targets)?);
                }
                Self {
                    bodies,
                    unreducible: BTreeMap::new(),
                }
            }
            OtherTargets::Emptied => {
                let mut bodies = BTreeMap::new();
                let mut unreducible = file.targets_of_others();
                unreducible.extend(file.unreducible_targets());
                for target in &relevant {
                    if unreducible.contains_key(*target) {
                        continue;
                    }
                    match file.bodies_of(target, targets) {
                        Ok(mut more) => bodies.append(&mut more),
                        Err(why) => drop(unreducible.insert((*target).to_owned(), why)),
                    }
                }
                unreducible.retain(|name, _| is_target(name));
                Self {
                    bodies,
                    unreducible,
                }
            }
        };
        match selection.refusal(asked) {
            Some(why) => Err(why),
            None if selection.bodies.is_empty() => Err(match file.other_earthfile {
                Some(line) => Unreducible::Line {
                    line,
                    why: Obstacle::OtherEarthfile,
                },
                None => Unreducible::NoCopy,
            }),
            None => Ok(selection),
        }
    }

    /// Why a rehearsal would be in vain: the one target that is asked for cannot be reduced, or
    /// nothing is left that copies a definition.
    fn refusal(&self, asked: &[&str]) -> Option<Unreducible> {
        let mut lines = asked.iter().filter_map(|name| self.unreducible.get(*name));
        let line = lines.next();
        if self.bodies.is_empty() {
            return line.or_else(|| self.unreducible.values().next()).cloned();
        }
        line.filter(|_| asked.len() == 1).cloned()
    }
}

impl File<'_> {
    /// The reduced bodies of a target, and of all that it refers to.
    fn bodies_of(
        &self,
        target: &str,
        targets: &[&str],
    ) -> Result<BTreeMap<String, Vec<String>>, Unreducible> {
        let mut bodies = BTreeMap::new();
        let mut due = vec![target.to_owned()];
        while let Some(name) = due.pop() {
            if bodies.contains_key(&name) {
                continue;
            }
            let body = Body::of(self, &name, targets.contains(&name.as_str()))?;
            due.extend(body.references);
            bodies.insert(name, body.lines);
        }
        Ok(bodies)
    }

    /// The targets and functions with a line that prevents the reduction, and all that refer to
    /// one of them.
    fn unreducible_targets(&self) -> BTreeMap<String, Unreducible> {
        let own = |name: &String| Some((name.clone(), self.check_target(name).err()?));
        let mut found: BTreeMap<String, Unreducible> = self.graph.keys().filter_map(own).collect();
        // Backwards, until nothing is added.
        loop {
            let more: Vec<(String, Unreducible)> = self
                .graph
                .iter()
                .filter(|(name, _)| !found.contains_key(*name))
                .filter_map(|(name, references)| {
                    let why = references.iter().find_map(|to| found.get(to))?;
                    Some((name.clone(), why.clone()))
                })
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }
}
