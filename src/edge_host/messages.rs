//! Messages about edge hosts. A host is named as the user named it, or by its address.

use super::certificate::Certificate;
use super::compare::HostDifference;
use super::error::{HostAnswer, HostError, Refusal};
use super::session::Slot;
use crate::diagnostic::{Code, Diagnostic};
use crate::http::Waited;
use crate::util::sanitize;

/// The maximum number of differences that a message lists.
const SHOWN: usize = 16;

/// A host in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// The name in `profiles.toml`, or the address.
    pub shown: String,
    /// Whether `profiles.toml` has a `[host.NAME]` with this name.
    pub is_named: bool,
    /// The address, with the port.
    pub address: String,
}

/// Returns the message about a host.
pub(crate) fn error(host: &HostName, error: &HostError) -> Diagnostic {
    let name = &host.shown;
    match error {
        HostError::UnknownCertificate {
            certificate,
            is_pinned,
            why,
        } => unknown_certificate(host, certificate, *is_pinned, why.as_deref()),
        HostError::Tls(why) => Diagnostic::error(
            Code::HostUnreachable,
            format!("cannot open a TLS connection to the host `{name}`"),
        )
        .note(why.clone())
        .help("check the address and the port: the local API has port 5080 unless user data says otherwise"),
        HostError::LoginRefused {
            answer,
            user,
            place,
        } => login_refused(host, answer, user, place),
        HostError::LoginFailed(answer) => {
            Diagnostic::error(Code::HostLoginFailed, format!("the host `{name}` failed to log in"))
                .note(said(answer))
                .note("a wrong password may be answered like this, so edgestage did not try again")
                .help("log in once in the host's Local UI to see whether the password is right")
        }
        HostError::NotTried { other, is_refused } => not_tried(name, other, *is_refused),
        HostError::Forbidden(answer) => Diagnostic::error(
            Code::HostForbidden,
            format!("the host `{name}` does not accept its own session"),
        )
        .note(said(answer))
        .help("check that the user may use the Local UI, and that nobody else ended the session"),
        HostError::Rejected(answer) => Diagnostic::error(
            Code::HostRejected,
            format!("the host `{name}` rejected a request"),
        )
        .note(said(answer))
        .help("check the address: something else may answer there"),
        HostError::KeptFailing { answer, attempts } => {
            let times = sanitize::count(*attempts as usize, "attempt");
            Diagnostic::error(Code::HostUnreachable, format!("the host `{name}` failed"))
                .note(format!("{}, {times}", said(answer)))
                .help("try again later, or look at the host itself")
        }
        HostError::Unreachable {
            call,
            why,
            attempts,
            waited,
        } => unreachable(host, call, why, (*attempts, *waited)),
        HostError::WrongAnswer { call, why } => Diagnostic::error(
            Code::HostAnswer,
            format!("the answer of `{name}` to {call} is not that of an edge host"),
        )
        .note(why.clone())
        .help("check the address and the port; if the host is newer than edgestage, update edgestage"),
        HostError::NoCertificate => Diagnostic::error(
            Code::UnusableCaCert,
            format!("the `ca-cert` file for the host `{name}` contains no PEM certificate"),
        )
        .help("name a file that contains `-----BEGIN CERTIFICATE-----`"),
        HostError::Setup(why) => Diagnostic::error(
            Code::ConnectionSetup,
            format!("cannot set up the connection to the host `{name}`: {why}"),
        )
        .help("check the address of the host"),
        HostError::NoThread(why) => {
            Diagnostic::error(Code::NoThread, format!("cannot start a thread: {why}"))
                .note("this user or container has reached its process limit")
                .help("use fewer `--jobs`, raise the limit (`ulimit -u`, `pids.max`), or end other processes")
        }
        HostError::File(why) => Diagnostic::error(
            Code::InputOutput,
            format!("cannot read the archive while sending it to `{name}`: {why}"),
        )
        .help("run the command again"),
        HostError::Stopped => Diagnostic::error(
            Code::HostUnreachable,
            format!("the run was stopped before the host `{name}` was done"),
        )
        .help("run the command again"),
        HostError::Differs(slots) => differs(name, slots),
        HostError::Empty(slots) => empty(name, slots),
        HostError::NoUploads(why) => no_uploads(name, why),
        HostError::SignatureNeeded => signature_needed(name),
        HostError::Signing(failure) => {
            let told = (*failure.told).clone();
            told.note(format!("the host `{name}` has an embedded key"))
                .note("nothing was sent")
        }
        HostError::Unproven(differences) => unproven(name, differences),
    }
}

fn said(answer: &HostAnswer) -> String {
    format!("{} answered {answer}", answer.call)
}

fn unknown_certificate(
    host: &HostName,
    certificate: &Certificate,
    is_pinned: bool,
    why: Option<&str>,
) -> Diagnostic {
    let name = &host.shown;
    let sha256 = certificate.sha256;
    let title = if is_pinned {
        format!("the host `{name}` has another certificate than `certificate-sha256` names")
    } else {
        format!("the certificate of the host `{name}` is not known")
    };
    let mut told =
        Diagnostic::error(Code::UnknownCertificate, title).note(format!("its SHA-256 is {sha256}"));
    told = match &certificate.valid {
        Some((from, until)) if certificate.is_out_of_date => told.note(format!(
            "it is valid from {from} to {until}, which is not now"
        )),
        Some((from, until)) => told.note(format!("it is valid from {from} to {until}")),
        None => told.note("it cannot be parsed"),
    };
    let names: Vec<String> = certificate
        .names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    if !names.is_empty() {
        told = told.note(format!("it is for {}", names.join(", ")));
    }
    if let Some(why) = why {
        told = told.note(why);
    }
    told = told.note("the password was not sent");
    let port = host.address.rsplit(':').next().unwrap_or_default();
    let compare = format!(
        "compare the digest on the host itself: `openssl s_client -connect 127.0.0.1:{port} \
         </dev/null | openssl x509 -noout -fingerprint -sha256`"
    );
    if is_pinned {
        return told.help(compare).help(format!(
            "if the host was installed again, write `certificate-sha256 = \"{sha256}\"`; \
             otherwise another machine answers at {}",
            host.address
        ));
    }
    told.help(compare).help(if host.is_named {
        format!(
            "if it is the same, add `certificate-sha256 = \"{sha256}\"` to `[host.{name}]` in \
             profiles.toml"
        )
    } else {
        format!(
            "if it is the same, pass `--certificate-sha256 {sha256}`, or add `[host.NAME]` with \
             `address = \"{}\"` and `certificate-sha256 = \"{sha256}\"` to profiles.toml",
            host.address
        )
    })
}

/// A certificate is trusted and not valid now.
pub(crate) fn certificate_out_of_date(host: &HostName, certificate: &Certificate) -> Diagnostic {
    let (from, until) = certificate.valid.clone().unwrap_or_default();
    Diagnostic::warning(
        Code::CertificateOutOfDate,
        format!(
            "the certificate of the host `{}` is not valid now",
            host.shown
        ),
    )
    .note(format!("it is valid from {from} to {until}"))
    .note("profiles.toml names this very certificate, so edgestage trusts it")
    .help("check the clocks of the host and of this machine; renew the certificate when you can")
}

fn login_refused(host: &HostName, answer: &HostAnswer, user: &str, place: &str) -> Diagnostic {
    Diagnostic::error(
        Code::HostLoginRefused,
        format!(
            "the host `{}` does not accept the user `{user}` with the password from {place}",
            host.shown
        ),
    )
    .note(said(answer))
    .note("edgestage tried once; at most four tries are left before the host locks the user for 15 minutes")
    .help("check `user` and the password: they are those of the host's operating system")
}

fn not_tried(name: &str, other: &str, is_refused: bool) -> Diagnostic {
    let why = if is_refused {
        format!("`{other}` did not accept the same user and password")
    } else {
        format!("`{other}` failed at the login with the same user and password")
    };
    Diagnostic::error(
        Code::HostNotTried,
        format!("the host `{name}` was not tried"),
    )
    .note(why)
    .note("five failed logins lock the user on a host for 15 minutes")
    .help(format!(
        "fix the login of `{other}`, or give this host a password of its own"
    ))
}

fn unreachable(
    host: &HostName,
    call: &str,
    why: &str,
    (attempts, waited): (u32, Option<Waited>),
) -> Diagnostic {
    let times = sanitize::count(attempts as usize, "attempt");
    let told = Diagnostic::error(
        Code::HostUnreachable,
        format!("cannot reach the host `{}`: {why}", host.shown),
    )
    .note(format!("{call}, {times}"))
    .note(format!("at {}, without a proxy", host.address));
    match waited {
        None => told.help("check the address, the network, and whether the host is up"),
        Some(_) => told.help(
            "if the host is slow, raise `timeout` in `[palette]`, which counts for hosts, too",
        ),
    }
}

fn differs(name: &str, slots: &[(Slot, Vec<HostDifference>)]) -> Diagnostic {
    let mut told = Diagnostic::error(
        Code::HostDiffers,
        format!("the host `{name}` holds another definition than the locked one"),
    );
    for (slot, differences) in slots {
        told = listed(told, &format!("{}: ", slot.name()), differences);
    }
    told.help("upload the locked definition with `edgestage host upload`, or install the host from an image that holds it")
        .help("to look at one slot only, pass `--slot embedded`, `overridden` or `update`")
}

fn listed(told: Diagnostic, prefix: &str, differences: &[HostDifference]) -> Diagnostic {
    let shown = differences.iter().take(SHOWN);
    let told = shown.fold(told, |told, one| told.note(format!("{prefix}{one}")));
    match differences
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        Some(more) => told.note(format!(
            "{prefix}{}",
            sanitize::count(more, "more difference")
        )),
        None => told,
    }
}

fn empty(name: &str, slots: &[Slot]) -> Diagnostic {
    let names: Vec<&str> = slots.iter().map(|slot| slot.name()).collect();
    Diagnostic::error(
        Code::HostEmpty,
        format!("the host `{name}` holds no definition"),
    )
    .note(format!("edgestage looked at: {}", names.join(", ")))
    .help("upload the locked definition with `edgestage host upload`, or install the host from an image that holds it")
}

fn no_uploads(name: &str, why: &Refusal) -> Diagnostic {
    let told = Diagnostic::error(
        Code::HostTakesNoUpload,
        format!("the host `{name}` takes no cluster definition"),
    );
    let told = match why {
        Refusal::Central => told.note("it is centrally managed: Palette gives it its cluster"),
        Refusal::Appliance(kind) => told.note(format!(
            "it is an appliance of type `{kind}`, which gets its cluster otherwise"
        )),
    };
    told.note("nothing was sent")
        .help("upload to locally managed edge hosts only")
}

fn signature_needed(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::SignatureNeeded,
        format!("the host `{name}` accepts only signed definitions"),
    )
    .note("its image has an embedded public key, and profiles.toml has no private key")
    .note("nothing was sent")
    .help("set `private-key-file` or `sign-command` in `[signing]`")
}

/// The key that signs is another than the one in the host's image. `own` is the digest of its
/// public half, if that is known.
pub(crate) fn other_signing_key(own: Option<&str>, expected: &str) -> Diagnostic {
    let told = Diagnostic::error(
        Code::OtherSigningKey,
        "the key of `[signing]` is not the private half of the host's public key",
    );
    let told = match own {
        Some(own) => told.note(format!("the key of `[signing]` has the public half {own}")),
        None => told.note("the host's key does not verify what `sign-command` printed"),
    };
    told.note(format!("the host's public key is {expected}"))
        .help("sign with the private half of the key that the image was built with")
}

/// The public key that a host shows cannot be used.
pub(crate) fn unusable_host_key(why: &str) -> Diagnostic {
    Diagnostic::error(
        Code::UnusablePublicKey,
        "the host's public key cannot be used, so no signature can be checked with it",
    )
    .note(why)
    .help("build the image with the public half of an RSA key of 2048 to 8192 bits")
}

fn unproven(name: &str, differences: &[HostDifference]) -> Diagnostic {
    let told = Diagnostic::error(
        Code::HostUploadUnproven,
        format!("the host `{name}` took the upload and does not show the locked definition"),
    );
    let told = if differences.is_empty() {
        told.note("it shows no uploaded definition")
    } else {
        listed(told, "", differences)
    };
    told.help("look at the definition in the host's Local UI; nothing is proven until `edgestage host check` succeeds")
}

/// A host whose mode is neither local nor central.
pub(crate) fn unknown_mode(name: &str, mode: &str) -> Diagnostic {
    let title = if mode.is_empty() {
        format!("the host `{name}` does not show how it is managed")
    } else {
        format!("the host `{name}` has an unknown management mode `{mode}`")
    };
    Diagnostic::warning(Code::HostMode, title)
        .note("edgestage uploads, and compares what the host shows afterwards")
        .help("uploads are meant for locally managed hosts")
}

/// A host that another one leads.
pub(crate) fn follower(name: &str, role: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::HostNotLeader,
        format!("the host `{name}` does not lead its cluster: its role is `{role}`"),
    )
    .help("clusters are created on the leader: upload the definition there")
}

/// A host that has a cluster already.
pub(crate) fn has_cluster(name: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::HostHasCluster,
        format!("the host `{name}` has a cluster, which an upload does not change by itself"),
    )
    .help("update the cluster in the host's Local UI to use the uploaded definition")
}

/// The logout failed.
pub(crate) fn not_logged_out(name: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::HostLogout,
        format!("cannot log out of the host `{name}`: {why}"),
    )
    .help("the session ends by itself within two hours")
}

/// The archive is not at hand, so variables were not compared.
pub(crate) fn not_compared(definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::HostNotCompared,
        format!("the variables and values of `{definition}` were not compared"),
    )
    .note("the locked archive is neither in the cache nor in the registry")
    .help(format!(
        "run `edgestage fetch {definition}` or `edgestage pull {definition}`"
    ))
}

/// The archive does not have the values that a host shows.
pub(crate) fn values_not_found(name: &str, slot: Slot) -> Diagnostic {
    Diagnostic::warning(
        Code::HostValues,
        format!(
            "the values of the packs on `{name}` ({}) are not proven to be the locked ones",
            slot.name()
        ),
    )
    .note("profiles, packs and variables are the same, and the archive has no file with one of the values that the host shows")
    .help("to be sure, upload the locked definition with `edgestage host upload`")
}

/// A command about hosts needs some.
pub(crate) fn no_hosts() -> Diagnostic {
    Diagnostic::error(Code::NoHosts, "profiles.toml names no edge host")
        .help("add `[host.NAME]` with `address = \"192.168.7.21\"`, or name an address on the command line")
}

/// `host upload` without hosts.
pub(crate) fn hosts_needed(known: &[String]) -> Diagnostic {
    let told = Diagnostic::error(Code::HostsNeeded, "name the hosts to upload to");
    let told = if known.is_empty() {
        told
    } else {
        told.note(format!("the hosts are {}", known.join(", ")))
    };
    told.help("name them, or pass `--all` for every host of profiles.toml")
}

/// An argument is neither the name of a host nor an address.
pub(crate) fn unknown_host(text: &str, why: &str, help: &str) -> Diagnostic {
    Diagnostic::error(
        Code::UnknownHost,
        format!(
            "`{}` is neither a host of profiles.toml nor an address",
            sanitize::line(text.as_bytes())
        ),
    )
    .note(why)
    .help(help)
}

/// A word that resembles the name of a host.
pub(crate) fn mistyped_host(text: &str, near: &str) -> Diagnostic {
    unknown_host(
        text,
        &format!("did you mean `{near}`?"),
        "to reach a host of that very name, write its port, too: `NAME:5080`",
    )
}

/// `--certificate-sha256` is not a digest.
pub(crate) fn invalid_fingerprint() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "the value of `--certificate-sha256` is not a SHA-256 digest",
    )
    .help("pass 64 hexadecimal digits, with or without colons")
}

/// One digest for several hosts.
pub(crate) fn one_fingerprint_for_several() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`--certificate-sha256` is for one host, and several are named",
    )
    .help("add a `[host.NAME]` with `certificate-sha256` for each to profiles.toml")
}

/// There is no user for a host.
pub(crate) fn no_user(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::HostUserMissing,
        format!("no user is set for the host `{name}`"),
    )
    .help("set `user` in `[hosts]` or in the host's own table: a user of its operating system")
}

/// `--offline` with a command that asks hosts.
pub(crate) fn needs_network(command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        format!("`{command}` cannot run with `--offline`: it asks the hosts"),
    )
    .help("remove `--offline`")
}
