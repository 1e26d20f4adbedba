//! What is said of references that lead nowhere and of rules that are broken.
//!
//! Names and versions in the data are printable already, but where a function says otherwise.

use super::Scope;
use super::rules::ANY_CLOUD;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::manifest::Reference;
use crate::palette::wire::Gap;
use crate::palette::{self, HttpRefusal};
use crate::util::sanitize;
use crate::util::uid::Uid;

/// What to do where Palette's lists do not help.
const PASTE: &str = "paste the profile's URL from the console instead";

/// `project` and the console URLs of a definition name two projects.
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

/// A project that Palette does not list. With a gap in its list it may exist all the same.
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

/// A uid that Palette answered 404 to.
pub(super) fn unknown_uid(place: Place<'_>, uid: &Uid, refusal: &HttpRefusal) -> Diagnostic {
    Diagnostic::error(
        Code::ProfileNotFound,
        format!("Palette has no profile `{uid}`"),
    )
    .pointing(place, "not found")
    .note(format!("Palette answered {refusal}"))
    .help("paste the profile's URL from the console")
}

/// What a reference by name and version lacks.
pub(super) enum Lacking {
    /// Palette has the name in other versions.
    Version {
        /// All versions, as one text from outside.
        known: String,
        /// The reference that was probably meant.
        near: Option<String>,
        /// One that there is.
        last: String,
    },
    /// Palette does not have the name.
    Name {
        /// The project that was asked, besides the tenant.
        project: Option<Uid>,
        /// Whether Palette lists no profile of the project at all.
        nothing_listed: bool,
        /// The reference that was probably meant.
        near: Option<String>,
    },
}

/// Palette's list has a gap.
pub(super) struct Incomplete<'a> {
    pub gap: &'a Gap,
    /// What the request for the rest was answered.
    pub refusal: Option<&'a HttpRefusal>,
}

/// A reference by name and version that Palette does not list. With a gap in its list the
/// profile may exist all the same.
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
        Some(Incomplete { gap, refusal }) => {
            let title = format!("Palette does not list profile `{reference}`");
            let told = incomplete(title, gap);
            match refusal {
                Some(refusal) => told.note(format!(
                    "the request for the rest, {}, answered {refusal}",
                    refusal.call
                )),
                None => told,
            }
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

/// A name that is missing from a list with a gap.
fn incomplete(title: String, gap: &Gap) -> Diagnostic {
    Diagnostic::error(Code::ListIncomplete, title).note(format!("its list is incomplete: {gap}"))
}

/// Palette has more profiles to choose from than it lists.
#[must_use]
pub fn not_all_profiles_offered(gap: &Gap) -> Diagnostic {
    not_all_offered("profiles", gap)
        .help("to add a profile that is not offered, run `edgestage add URL` later")
}

/// Palette has more projects to choose from than it lists.
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

/// Two references are one profile, the second of them at `place`.
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

/// An override of a pack that the profile does not have, among those that it has.
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
    /// The names of its layers; none where Palette does not name them.
    pub layers: Vec<String>,
}

/// Two profiles with infrastructure layers, the second of them at `place`.
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

/// One pack in two profiles, the second of them at `place`.
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

/// A refusal in the scope of a definition's project, at the line that names it.
pub(crate) fn scope(scope: &Scope) -> Diagnostic {
    let uid = scope.uid.as_deref();
    let project = uid.map(|uid| (uid, scope.written.as_deref()));
    palette::messages::forbidden(&scope.refusal, project).within(Some(&scope.place))
}
