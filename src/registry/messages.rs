//! Messages about the team's registry and its credentials.

use super::credentials::CredentialsError;
use super::error::{RegistryError, RegistryRedirect};
use crate::diagnostic::{Code, Diagnostic};
use crate::http::{self, Route, Waited};
use crate::util::sanitize;

/// Returns the message about a call that failed.
pub(crate) fn error(error: &RegistryError) -> Diagnostic {
    match error {
        RegistryError::Refused {
            answer,
            repository,
            place,
            is_push,
        } => {
            let told = said(&answer.call, answer);
            refused(told, repository, place.as_deref(), *is_push)
        }
        RegistryError::Credentials(error) => credentials(error),
        RegistryError::Lacks { repository, sha256 } => Diagnostic::error(
            Code::RegistryLacks,
            format!("`{repository}` does not have the archive"),
        )
        .note(format!("its digest is sha256:{sha256}"))
        .help("run `edgestage push` where the archive is in the cache or Palette can be asked"),
        RegistryError::OtherBytes {
            repository,
            locked,
            served,
        } => Diagnostic::error(
            Code::RegistryOtherBytes,
            format!("`{repository}` served other bytes than the locked archive"),
        )
        .note(format!("the lock has sha256:{locked}"))
        .note(format!("the registry served sha256:{served}"))
        .help("do not use it; ask the registry's administrators, and whoever runs a proxy or cache in front of it"),
        RegistryError::Rejected { answer, repository } => Diagnostic::error(
            Code::RegistryRejected,
            format!("the registry rejected a request about `{repository}`"),
        )
        .note(said(&answer.call, answer))
        .help("fix the problem that the answer describes; check `repository` in `[registry]`"),
        RegistryError::KeptFailing { answer, attempts } => {
            let title = if *attempts > 1 {
                "the registry kept failing"
            } else {
                "the registry failed"
            };
            let times = sanitize::count(*attempts as usize, "attempt");
            Diagnostic::error(Code::RegistryUnreachable, title)
                .note(format!("{}, {times}", said(&answer.call, answer)))
                .help("try again later, or raise `retries` in `[palette]`")
        }
        RegistryError::Unreachable {
            call,
            why,
            attempts,
            route,
            waited,
        } => unreachable(call, why, *attempts, (route, *waited)),
        RegistryError::Tls { host, why } => tls(host, why),
        RegistryError::Redirect { from, to, why } => redirect(from, to, *why),
        RegistryError::WrongAnswer { call, why } => Diagnostic::error(
            Code::RegistryAnswer,
            format!("the answer to {} is not that of a registry", sanitize::line(call.as_bytes())),
        )
        .note(sanitize::excerpt(why.as_bytes(), 200))
        .help("check `repository` in `[registry]`, and whether a proxy or login page answers in the registry's place"),
        RegistryError::NoCertificate => http::messages::no_certificate("`ca-cert` file of `[registry]`"),
        RegistryError::NoThread(why) => http::messages::no_thread(why),
        RegistryError::Setup(why) => Diagnostic::error(
            Code::ConnectionSetup,
            format!("cannot set up the connection to the registry: {why}"),
        )
        .help("check `[registry]`, `HTTPS_PROXY` and the other proxy variables"),
    }
}

/// Returns the reason in one line, for a message that has several reasons.
pub(crate) fn reason(error: &RegistryError) -> String {
    let told = self::error(error);
    match told.notes.first() {
        Some(note) if !matches!(error, RegistryError::Lacks { .. }) => {
            format!("{}: {note}", told.title)
        }
        _ => told.title,
    }
}

/// Returns a note with the call and the answer.
fn said(call: &str, answer: &impl std::fmt::Display) -> String {
    format!("{} answered {answer}", sanitize::line(call.as_bytes()))
}

fn refused(answer: String, repository: &str, place: Option<&str>, is_push: bool) -> Diagnostic {
    let what = if is_push { "push to" } else { "pull from" };
    let told = Diagnostic::error(
        Code::RegistryRefused,
        match place {
            Some(_) => format!("the registry does not accept the credentials for `{repository}`"),
            None => format!("the registry requires credentials for `{repository}`"),
        },
    )
    .note(answer);
    let host = repository.split('/').next().unwrap_or(repository);
    match place {
        Some(place) => told
            .note(format!("the credentials are those of {place}"))
            .help(format!(
                "log in again with `docker login {host}` or `podman login {host}`, and check \
                 that the user may {what} the repository"
            )),
        None => told
            .note("neither docker's `config.json` nor podman's `auth.json` has any for it")
            .help(format!(
                "run `docker login {host}` or `podman login {host}`, or set `DOCKER_CONFIG` or \
                 `REGISTRY_AUTH_FILE`"
            )),
    }
}

fn credentials(error: &CredentialsError) -> Diagnostic {
    match error {
        CredentialsError::File { path, why } => Diagnostic::error(
            Code::RegistryCredentials,
            format!("cannot read the registry's credentials in `{path}`"),
        )
        .note(why.clone())
        .help("fix the file, or write it anew with `docker login` or `podman login`"),
        CredentialsError::Helper { program, path, why } => Diagnostic::error(
            Code::RegistryCredentials,
            format!("cannot get the registry's credentials from `{program}`"),
        )
        .note(why.clone())
        .note(format!("`{path}` names it"))
        .help(format!(
            "run `echo HOST | {program} get` with the host of the registry, and fix what it reports"
        )),
    }
}

fn unreachable(
    call: &str,
    why: &str,
    attempts: u32,
    (route, waited): (&Route, Option<Waited>),
) -> Diagnostic {
    let times = sanitize::count(attempts as usize, "attempt");
    let told = Diagnostic::error(
        Code::RegistryUnreachable,
        format!("cannot reach the registry: {why}"),
    )
    .note(format!("{}, {times}", sanitize::line(call.as_bytes())))
    .note(format!("at {route}"));
    let told = match waited {
        None => told,
        Some(Waited::Silence(time)) => told.help(format!(
            "if it is slow, raise `timeout` in `[palette]`, which is {} s and counts for the \
             registry, too",
            time.as_secs()
        )),
        Some(Waited::Whole(time)) => told.help(format!(
            "if it is slow, raise `timeout` in `[palette]`: an answer may take three times that, \
             which is {} s",
            time.as_secs()
        )),
    };
    told.help(match &route.proxy {
        Some(proxy) => format!(
            "check `repository` in `[registry]`, the network and `{}`",
            proxy.variable
        ),
        None => "check `repository` in `[registry]` and the network; if you need a proxy, set \
                 `HTTPS_PROXY`"
            .to_owned(),
    })
}

fn tls(host: &str, why: &str) -> Diagnostic {
    let host = sanitize::line(host.as_bytes());
    let told = Diagnostic::error(
        Code::RegistryUnreachable,
        format!("cannot open a TLS connection to the registry at `{host}`"),
    )
    .note(why);
    // `ca-cert` only helps if the certificate authority is unknown.
    if why.contains("an authority that is not trusted") {
        return told.help(
            "if you use your own certificate authority, set `ca-cert` in `[registry]` to its PEM file",
        );
    }
    if why.contains("does not speak TLS") {
        return told.help(
            "serve the registry over HTTPS, or pass `--allow-http` if the network is trusted",
        );
    }
    told.help("fix the server, or ask its administrators; edgestage sent no request")
}

fn redirect(from: &str, to: &str, why: RegistryRedirect) -> Diagnostic {
    let why = match why {
        RegistryRedirect::PlainHttp => "it leads to plain HTTP, which anybody can read and change",
        RegistryRedirect::Loop => "too many redirects in a row",
        RegistryRedirect::NoLocation => "it does not name a target",
        RegistryRedirect::Write => "it is the answer to a request that changes something",
    };
    Diagnostic::error(
        Code::RegistryUnreachable,
        "edgestage did not follow a redirect of the registry",
    )
    .note(match to {
        "" => format!("from `{from}`"),
        to => format!("from `{from}` to `{to}`"),
    })
    .note(why)
    .help("ask the registry's administrators; set `repository` to the address that the registry itself has")
}

/// A command needs the registry, and there is none.
pub(crate) fn no_registry(command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoRegistry,
        format!("`{command}` needs a registry, and profiles.toml names none"),
    )
    .help("add `[registry]` with `repository = \"HOST/PATH\"` to profiles.toml")
}

/// Neither the registry has the archive nor can Palette be asked; the reasons are printable.
pub(crate) fn no_source(definition: &str, registry: &RegistryError, palette: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoSource,
        format!("cannot get the locked archive of `{definition}`"),
    )
    .note("it is not in the cache")
    .note(format!("registry: {}", reason(registry)))
    .note(format!("Palette: {palette}"))
    .help(format!(
        "run `edgestage push {definition}` where the archive is in the cache; Palette may still \
         serve it if you set `PALETTE_API_KEY`"
    ))
}

/// The archive at hand has the locked content and other bytes, so it cannot be pushed.
pub(crate) fn not_the_locked_bytes(definition: &str, locked: &str, found: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotTheLockedBytes,
        format!(
            "cannot send `{definition}`: the available archive has other bytes than the locked one"
        ),
    )
    .note("its content is the same: the two were compressed differently")
    .note(format!("the lock has sha256:{locked}"))
    .note(format!("the archive is sha256:{found}"))
    .help(format!(
        "run `edgestage update {definition}`, which locks the available archive, then run the command again"
    ))
}

/// A name in the manifest of a definition contains a secret.
pub(crate) fn secret_in_manifest(definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::SecretInArtifact,
        format!("the lock entry of `{definition}` contains a secret"),
    )
    .note("everybody who may pull from the registry could read it")
    .help("remove the secret from the name of the profile or pack in Palette, and revoke it")
}

/// `--offline` with a command that does nothing but connect.
pub(crate) fn needs_network(command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        format!("`{command}` cannot run with `--offline`: it asks the registry"),
    )
    .help("remove `--offline`; to stage from the cache, run `edgestage stage --offline`")
}
