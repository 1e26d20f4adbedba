//! Messages about references that cannot be resolved and about broken rules.
//!
//! Names and versions in the data are already printable unless a function says otherwise.

use super::Scope;
use super::rules::ANY_CLOUD;
use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::manifest::Reference;
use crate::palette::wire::Gap;
use crate::palette::{self, HttpRefusal};
use crate::util::sanitize;
use crate::util::uid::Uid;

/// The help if Palette's lists do not suffice.
const PASTE: &str = "paste the profile's URL from the console instead";

/// `project` and the console URLs of a definition name different projects.
pub(super) fn project_mismatch(
    place: Place<'_>,
    definition: &str,
    project: &Uid,
    in_urls: &Uid,
) -> Diagnostic {
    Diagnostic::error(
        Code::ProjectMismatch,
        format!("`{definition}` has profiles from another project"),
    )
    .pointing(place, "")
    .note(format!(
        "its `project` is `{project}`, but its console URLs name `{in_urls}`"
    ))
    .help("remove `project`, or the profiles of the other project")
}

/// Palette does not list a project. If the list has a gap, the project may exist all the same.
pub(super) fn project_not_found(
    place: Place<'_>,
    name: &str,
    near: Option<&str>,
    gap: Option<&Gap>,
) -> Diagnostic {
    let told = match gap {
        None => Diagnostic::error(
            Code::ProjectNotFound,
            format!("Palette has no project `{name}`"),
        )
        .note("the project does not exist, or the API key has no access to it"),
        Some(gap) => incomplete(format!("Palette does not list project `{name}`"), gap),
    };
    told.pointing(place, "").help(match near {
        Some(near) => format!("check `project`: did you mean `{near}`?"),
        None => {
            "check `project`, or set it to the project's uid from a console URL: `…/projects/<uid>/…`"
                .into()
        }
    })
}

pub(super) fn ambiguous_project(place: Place<'_>, name: &str, uids: &[Uid]) -> Diagnostic {
    Diagnostic::error(
        Code::AmbiguousProject,
        format!("several projects are named `{name}`"),
    )
    .pointing(place, "")
    .note(format!("their uids: {}", join(uids)))
    .help("set `project` to the uid of the one that you mean")
}

pub(super) fn ambiguous_profile(
    place: Place<'_>,
    reference: &Reference,
    uids: &[Uid],
) -> Diagnostic {
    Diagnostic::error(
        Code::AmbiguousProfile,
        format!("several profiles match `{reference}`"),
    )
    .pointing(place, "ambiguous")
    .note(format!(
        "their uids: {} (a project and the tenant can have profiles of the same name)",
        join(uids)
    ))
    .help("write the uid of the profile that you mean")
}

/// Palette answered a uid with 404.
pub(super) fn unknown_uid(place: Place<'_>, uid: &Uid, refusal: &HttpRefusal) -> Diagnostic {
    Diagnostic::error(
        Code::ProfileNotFound,
        format!("Palette has no profile `{uid}`"),
    )
    .pointing(place, "not found")
    .note(format!("Palette answered {refusal}"))
    .help("paste the profile's URL from the console")
}

/// What is missing for a reference by name and version.
pub(super) enum Lacking {
    /// Palette has the name, but in other versions.
    Version {
        /// All versions, as a text from outside.
        known: String,
        /// The reference that was probably meant.
        near: Option<String>,
        /// One of the versions that exist.
        last: String,
    },
    /// Palette does not have the name.
    Name {
        /// The project that was searched in addition to the tenant.
        project: Option<Uid>,
        /// Whether Palette lists no profile of the project at all.
        nothing_listed: bool,
        /// The reference that was probably meant.
        near: Option<String>,
    },
}

/// An incomplete list of Palette.
pub(super) struct Incomplete<'a> {
    pub gap: &'a Gap,
    /// The answer to the request for the rest.
    pub refusal: Option<&'a HttpRefusal>,
}

/// Palette does not list a reference by name and version. If the list has a gap, the profile
/// may exist all the same.
pub(super) fn profile_not_found(
    place: Place<'_>,
    reference: &Reference,
    lacking: &Lacking,
    gap: Option<&Incomplete<'_>>,
) -> Diagnostic {
    let told = match gap {
        None => Diagnostic::error(
            Code::ProfileNotFound,
            format!("Palette has no profile `{reference}`"),
        ),
        Some(gap) => {
            let title = format!("Palette does not list profile `{reference}`");
            rest(incomplete(title, gap.gap), gap)
        }
    };
    let told = match lacking {
        Lacking::Version { known, near, last } => told
            .pointing(place, "no such version")
            .note(format!(
                "available versions: {}",
                sanitize::excerpt(known.as_bytes(), 200)
            ))
            .help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of them, such as `{last}`"),
            }),
        Lacking::Name {
            project,
            nothing_listed,
            near,
        } => {
            let told = told.pointing(place, "no such name").note(match project {
                Some(uid) => format!("searched project `{uid}` and the tenant"),
                None => "searched the tenant only: no project is set".into(),
            });
            match near {
                _ if *nothing_listed => told
                    .note("Palette lists no profiles there")
                    .help("check that `project` is the project of the profile"),
                Some(near) => told.help(format!("did you mean `{near}`?")),
                None if gap.is_none() => told.help(PASTE),
                None => told,
            }
        }
    };
    match gap {
        None => told,
        Some(_) => told.help(PASTE),
    }
}

/// Palette's list of profiles has a gap, so that it does not prove that `reference` is the newest
/// version.
pub(super) fn newest_unknown(
    place: Place<'_>,
    reference: &str,
    gap: &Incomplete<'_>,
) -> Diagnostic {
    let title = format!("Palette lists no newer version of `{reference}`, but may have one");
    rest(incomplete(title, gap.gap), gap)
        .pointing(place, "")
        .help("look at the versions of the profile in the console")
}

/// Palette lists a newer version than `reference`, and its list has a gap.
pub(super) fn may_be_newer(place: Place<'_>, reference: &str, gap: &Incomplete<'_>) -> Diagnostic {
    let title = format!("there may be even newer versions of `{reference}`");
    let told = rest(incomplete(title, gap.gap), gap).pointing(place, "");
    Diagnostic {
        severity: Severity::Warning,
        ..told
    }
    .help("look at the versions of the profile in the console")
}

/// Returns the note on an invalid pack of a newer version, the profile `label`.
pub(super) fn does_not_count(label: &str) -> String {
    format!("{label} does not count as a newer version until this is fixed")
}

/// The version of `reference` has a form that has no order.
pub(super) fn version_not_comparable(place: Place<'_>, reference: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::VersionNotComparable,
        format!("the version of `{reference}` cannot be compared with others"),
    )
    .pointing(place, "not of the form `1.2.3`")
    .note("a version that can be compared has three numbers, such as `1.4.0` or `1.4.0-rc.1`")
    .help("look at the versions of the profile in the console")
}

/// Palette has versions of `reference` that have no order; they may be newer.
pub(super) fn versions_not_compared(
    place: Place<'_>,
    reference: &str,
    versions: &[&str],
) -> Diagnostic {
    Diagnostic::warning(
        Code::VersionNotComparable,
        format!("some versions cannot be compared with `{reference}`"),
    )
    .pointing(place, "")
    .note(format!(
        "they are not of the form `1.2.3`: {}",
        sanitize::excerpt(versions.join(", ").as_bytes(), 200)
    ))
    .help("to use one of them, run `edgestage upgrade PROFILE --to VERSION`")
}

/// Adds how Palette answered the request for the rest of an incomplete list.
fn rest(told: Diagnostic, Incomplete { refusal, .. }: &Incomplete<'_>) -> Diagnostic {
    match refusal {
        Some(refusal) => told.note(format!(
            "the request for the rest, {}, answered {refusal}",
            refusal.call
        )),
        None => told,
    }
}

/// A name is missing from a list with a gap.
fn incomplete(title: String, gap: &Gap) -> Diagnostic {
    Diagnostic::error(Code::ListIncomplete, title).note(format!("its list is incomplete: {gap}"))
}

/// Palette has more profiles than it lists, so that not all can be chosen.
#[must_use]
pub fn not_all_profiles_offered(gap: &Gap) -> Diagnostic {
    not_all_offered("profiles", gap)
        .help("to add a profile that is not offered, run `edgestage add URL` later")
}

/// Palette has more projects than it lists, so that not all can be chosen.
#[must_use]
pub fn not_all_projects_offered(gap: &Gap) -> Diagnostic {
    not_all_offered("projects", gap)
        .help("to use a project that is not offered, set `project` to its uid later")
}

fn not_all_offered(what: &str, gap: &Gap) -> Diagnostic {
    Diagnostic::warning(
        Code::ListIncomplete,
        format!("Palette's list of {what} is incomplete"),
    )
    .note(gap.to_string())
}

/// Two references lead to the same profile, the second at `place`.
pub(super) fn duplicate_profile(place: Place<'_>, definition: &str, profile: &str) -> Diagnostic {
    Diagnostic::error(
        Code::DuplicateProfile,
        format!("`{definition}` has the same profile twice: {profile}"),
    )
    .pointing(place, "the second reference to it")
    .help("remove one of the two")
}

pub(super) fn not_published(place: Place<'_>, profile: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotPublished,
        format!("profile {profile} is not published"),
    )
    .pointing(place, "only a draft exists")
    .help("publish it in Palette, which exports only published profiles")
}

pub(super) fn unpublished_draft(place: Place<'_>, profile: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::UnpublishedDraft,
        format!("profile {profile} has a draft that is not published"),
    )
    .pointing(place, "")
    .note("Palette exports the published profile, without the draft's changes")
    .help("if you want the draft's changes, publish it and run `edgestage update`")
}

pub(super) fn wrong_cloud_type(
    place: Place<'_>,
    profile: &str,
    found: &str,
    wanted: &str,
) -> Diagnostic {
    Diagnostic::error(
        Code::WrongCloudType,
        format!("profile {profile} is for cloud type `{found}`, not `{wanted}`"),
    )
    .pointing(place, "wrong cloud type")
    .help(format!(
        "use a profile of cloud type `{wanted}`; an add-on profile can also be of `{ANY_CLOUD}`"
    ))
}

pub(super) fn invalid_pack(
    place: Place<'_>,
    profile: &str,
    pack: &str,
    reason: &str,
) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidPack,
        format!("pack {pack} of profile {profile} is invalid in Palette: {reason}"),
    )
    .pointing(place, "this profile has an invalid pack")
    .help("choose a version of the pack that its registry has, and publish the profile")
}

pub(super) fn other_project(place: Place<'_>, profile: &str, project: &str) -> Diagnostic {
    Diagnostic::error(
        Code::OtherProject,
        format!("profile {profile} belongs to another project"),
    )
    .pointing(place, "not of the definition's project")
    .help(format!(
        "move it to a definition for project `{project}`: all profiles of a definition must belong to one project"
    ))
}

pub(super) fn project_needed(place: Place<'_>, profile: &str, project: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ProjectNeeded,
        format!("profile {profile} belongs to a project"),
    )
    .pointing(place, "no project is set")
    .help(format!(
        "set `project = \"{project}\"` in the definition or `[palette]`"
    ))
}

/// An override names a pack that the profile does not have; the message lists its packs.
pub(super) fn no_such_pack(
    place: Place<'_>,
    profile: &str,
    pack: &str,
    near: Option<&str>,
    known: &[String],
) -> Diagnostic {
    let title = format!("profile {profile} has no pack `{pack}` to override");
    Diagnostic::error(Code::NoSuchPack, title)
        .pointing(place, "overrides a pack that the profile does not have")
        .help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("override one of its packs: {}", known.join(", ")),
        })
}

pub(super) fn no_infrastructure(place: Place<'_>, definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NoInfrastructure,
        format!("`{definition}` has no profile with infrastructure layers"),
    )
    .pointing(place, "")
    .note("a cluster needs an os, a k8s and a cni layer; the operator must add them on the host")
    .help("add a profile that has them, unless the operator adds them on the host")
}

/// A profile with infrastructure layers, for [`several_infrastructures`].
pub(super) struct Infrastructure {
    pub profile: String,
    /// The names of the layers; empty if Palette does not name them.
    pub layers: Vec<String>,
}

/// Two profiles have infrastructure layers, the second at `place`.
pub(super) fn several_infrastructures(
    place: Place<'_>,
    first: &Infrastructure,
    second: &Infrastructure,
) -> Diagnostic {
    let told = |one: &Infrastructure| match &one.layers[..] {
        [] => format!("{} (layers without a name)", one.profile),
        layers => format!("{} ({})", one.profile, layers.join(", ")),
    };
    Diagnostic::error(
        Code::SeveralInfrastructures,
        format!(
            "two profiles have infrastructure layers: {} and {}",
            told(first),
            told(second)
        ),
    )
    .pointing(place, "the second profile with infrastructure layers")
    .help("keep one of the two: a definition has at most one")
}

/// A pack is in two profiles, the second at `place`.
pub(super) fn pack_in_two_profiles(
    place: Place<'_>,
    pack: &str,
    first: &str,
    second: &str,
) -> Diagnostic {
    Diagnostic::error(
        Code::PackInTwoProfiles,
        format!("pack {pack} is in two profiles: {first} and {second}"),
    )
    .pointing(place, "this profile has it too")
    .help("remove the pack from one of the profiles")
}

fn join(uids: &[Uid]) -> String {
    uids.iter().map(Uid::as_str).collect::<Vec<_>>().join(", ")
}

/// Palette refused the scope of a definition's project, which is named at the place.
pub(crate) fn scope(scope: &Scope) -> Diagnostic {
    let uid = scope.uid.as_deref();
    let project = uid.map(|uid| (uid, scope.written.as_deref()));
    palette::messages::forbidden(&scope.refusal, project).within(Some(&scope.place))
}
