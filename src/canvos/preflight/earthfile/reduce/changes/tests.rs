use super::super::super::lines::logical_lines;
use super::*;

const SPC: &str = "/overlay/opt/spectrocloud/clusterconfig/spc.tgz";

fn of(run: &str, directory: Option<&str>, is_copied: bool) -> Option<Obstacle> {
    let lines = logical_lines(&format!("    RUN {run}\n"));
    let targets = ["/overlay/".to_owned()];
    let state = State {
        targets: &targets,
        is_copied,
        directory,
    };
    of_run(&lines[0], state)
}

#[test]
fn what_does_not_change_a_definition() {
    for run in [
        "rm -f /overlay/opt/spectrocloud/content/*.zst; fi",
        "sed s/a/b/ /overlay/boot/grub.cfg > /overlay/boot/grub.cfg.tmp && mv /overlay/boot/grub.cfg.tmp /overlay/boot/grub.cfg",
        "if [ \"$DEBUG\" = \"true\" ]; then sed -i '/x/s/$/ y/' /overlay/boot/grub2/grub.cfg; fi",
        "tar -xf /overlay/opt/spectrocloud/local-ui.tar -C /overlay/opt/spectrocloud && rm -f /overlay/opt/spectrocloud/local-ui.tar",
        "if [ -n \"$(ls /overlay/opt/spectrocloud/content/*.zst 2>/dev/null)\" ]; then for file in /overlay/opt/spectrocloud/content/*.zst; do split --bytes=3GB --numeric-suffixes \"$file\" /overlay/opt/spectrocloud/content/$(basename \"$file\")_part; done; fi",
        "mv /iso/*.iso $ISO_NAME.iso",
        "mkdir -p /iso && mv /tmp/auroraboot/*.iso \"/iso/$ISO_NAME.iso\"",
        "sha256sum $ISO_NAME.iso > $ISO_NAME.iso.sha256",
        "mkdir -p /overlay/opt",
        "/entrypoint.sh build-iso --overlay-iso /overlay dir:/x",
        "/entrypoint.sh build-iso --overlay-iso=/overlay/ dir:/x",
        "CMD=\"/entrypoint.sh --name $ISO_NAME build-iso --overlay-iso /overlay dir:/build/image --output /iso/ --arch $ARCH\" && if [ \"$DEBUG\" = \"true\" ]; then CMD=\"$CMD --debug\"; else CMD=\"$CMD\"; fi && $CMD",
        "CMD=\"auroraboot\" && if [ \"$DEBUG\" = \"true\" ]; then CMD=\"$CMD --debug\"; fi && $CMD build-iso --overlay-iso /overlay --arch arm64 dir:/build/image",
        "docker run --rm -v /output:/aurora --privileged $IMAGE --set \"disk.raw=true\"",
        "[\"rm\", \"-rf\", \"/tmp/x\"]",
        "--mount=type=cache,target=/var/cache apt-get install -y $PACKAGES",
        "cd /tmp && rm -rf opt",
        "echo $(git describe --exact-match --tags || echo \"v0-$(git log -n 1 | cut -d\" \" -f1)\") > VERSION",
        "VERSION=$(git clone http://x /tmp/x 2>&1)",
        "echo done 2>&1 | tee /tmp/log",
        "RAW=$(find / -type f \\( -name \"*.raw\" -o -name x \\) | head -n1) 2>/dev/null",
        "tar -tzf @ > /tmp/list",
        "export A=b && echo $((1 + 1))",
        "mkdir -p /overlay/opt/spectrocloud/clusterconfig",
        "sed -i \"s/default=0/$SITE/\" /overlay/boot/grub2/grub.cfg",
        "xorriso -as mkisofs -o /iso/x.iso /overlay",
        "bash /add-content-partition.sh \"$RAW\"",
    ] {
        let run = run.replace('@', SPC);
        assert_eq!(of(&run, Some("/build"), true), None, "{run}");
    }
}

#[test]
fn what_may_change_a_definition() {
    for run in [
        "rm -rf /overlay/opt",
        "rm -rf /overlay",
        "rm -rf /overlay/*",
        "rm -rf /over*",
        "rm -rf /x/../overlay",
        "rm -rf $X",
        "rm -rf \"/overlay/$X\"",
        "rm -rf \"/overlay/$(echo opt)\"",
        "[\"rm\", \"-rf\", \"/overlay\"]",
        "for f in /overlay/opt; do rm -r $f; done",
        "X=/overlay && rm -rf $X/opt",
        "X=\"rm -rf\" && $X /overlay/opt",
        "cp -r extra/. /overlay/",
        "cp -r extra/. /",
        "mv /overlay /overlay2",
        "/bin/cp x /overlay/opt/spectrocloud/clusterconfig/",
        "tar -xf more.tar -C /overlay",
        "tar -xf more.tar --directory=/overlay",
        "cd /overlay && tar -xf more.tar",
        "cd /overlay && wget http://x/opt",
        "true; cd /overlay; rm -rf opt",
        "cd \"$X\" && rm -rf opt",
        "wget -O @ http://x",
        "curl -o@ http://x",
        "cd /overlay && curl -sSLO http://x",
        "curl -sSLo @ http://x",
        "curl $X > @",
        "curl $X >@",
        "cat x >|@",
        "cat x &> @",
        "cat x | tee @",
        "sed -i s/a/b/ @",
        "sed -n 'w @' x",
        "find /overlay -type f -delete",
        "find / -name spc.tgz -exec rm {} +",
        "find /overlay -execdir rm -rf opt ;",
        "find . -type f -okdir rm {} ;",
        "case $X in a) rm -rf /overlay ;; esac",
        "case $X in a) ls ;; esac",
        "cd /overlay && ./tidy",
        "./tidy.sh",
        "sh -c 'rm -rf /overlay'",
        "eval \"$X\"",
        "curl $X | sh",
        "python3 x.py",
        "xargs rm < list",
        "$TOOL /overlay",
        "cat <<EOF > x",
        "echo $(rm -rf /overlay)",
        "echo `rm -rf /overlay`",
        "if rm -rf /overlay; then true; fi",
        "(rm -rf /overlay)",
        "{ rm -rf /overlay; }",
        "true & rm -rf /overlay",
        "! rm -rf /overlay",
        "A=b rm -rf /overlay",
        "--mount=type=cache,target=/overlay ls",
        "--entrypoint x",
        "docker run -v /overlay:/x image",
        "mv \"$CLUSTERCONFIG\" /x",
        "rm 'unclosed",
        "mkdir -p @",
        "cd /overlay && (cd boot) && rm -rf opt",
        "cd /overlay && cd nonexistent; rm -rf opt",
        "TRIM=\"/overlay/config.yaml /overlay/opt\" && rm -rf $TRIM",
        "ARGS=\"-rf /overlay/opt\" && rm $ARGS",
        "cd /overlay && DROP=\"boot opt\" && rm -rf $DROP",
        "for d in \"/overlay/boot /overlay/opt\"; do rm -rf $d; done",
        "IFS=:; D=/x:/overlay/opt; rm -rf $D",
        "export D=/overlay/opt && rm -rf $D",
        "cd /overlay && find -name '*.tgz' -delete",
        "sed -Ei 's/a/b/' $(find /overlay -type f)",
        "tar -xzC/overlay -f /tmp/extra.tgz",
        "docker run -itv/overlay:/x image",
        "docker compose up",
        "--mount type=tmpfs,target=/overlay/opt ls",
        "rm -rf $'/overlay/opt'",
        "xorriso -indev x -rm_r /opt -- -outdev y",
        "dpkg -x a.deb /overlay",
        "rpm --root /overlay -e x",
        "dnf --installroot=/overlay remove x",
    ] {
        let run = run.replace('@', SPC);
        assert_eq!(
            of(&run, Some("/build"), true),
            Some(Obstacle::Changes),
            "{run}"
        );
    }
    // A directory that may not be entered, in one that holds a definition.
    for run in [
        "(cd /tmp && ls) && rm -rf opt",
        "[ -d /work ] && cd /work; rm -rf opt",
        "if [ -d /nonexistent ]; then cd /nonexistent; fi; rm -rf opt",
    ] {
        assert_eq!(
            of(run, Some("/overlay"), true),
            Some(Obstacle::Changes),
            "{run}"
        );
    }
    // The directory of the command counts.
    for (directory, expected) in [
        (Some("/build"), None),
        (Some("/overlay"), Some(Obstacle::Changes)),
        (None, Some(Obstacle::Changes)),
    ] {
        assert_eq!(of("rm -rf opt", directory, true), expected);
    }
}

#[test]
fn a_tool_that_gets_no_overlay_or_another_one() {
    let other = Some(Obstacle::OtherOverlay);
    for (run, expected) in [
        (
            "auroraboot build-iso dir:/x --overlay-iso /overlay",
            Some(Obstacle::DropsOverlay),
        ),
        ("auroraboot build-iso --overlay-iso /overlay2 dir:/x", other),
        ("auroraboot build-iso dir:/x", other),
        ("xorriso -as mkisofs -o /iso/x.iso /isoroot", other),
        ("enki build-uki --overlay-iso $OTHER dir:/x", other),
    ] {
        assert_eq!(of(run, Some("/build"), true), expected, "{run}");
    }
}

/// Before anything is copied, a program that is not known cannot change it.
#[test]
fn what_runs_before_the_copies() {
    assert_eq!(of("./prepare.sh", Some("/build"), false), None);
    assert_eq!(
        of("rm -rf /overlay && mkdir -p /overlay", None, false),
        None
    );
    assert_eq!(
        of("./prepare.sh /overlay", Some("/build"), false),
        Some(Obstacle::Changes)
    );
    assert_eq!(
        of("ln -s /x /overlay", Some("/build"), false),
        Some(Obstacle::Changes)
    );
}

#[test]
fn a_copy_over_a_definition() {
    let targets = ["/overlay/".to_owned()];
    let state = State {
        targets: &targets,
        is_copied: true,
        directory: Some("/build"),
    };
    for (target, expected) in [
        ("/overlay/", true),
        ("/overlay/opt/spectrocloud/clusterconfig/spc.tgz", true),
        ("/overlay/opt/", true),
        ("/", true),
        ("$X", true),
        ("/overlay/$X", true),
        ("../overlay", true),
        ("/overlay/luet", false),
        ("/overlay/config.yaml", false),
        ("/overlay/boot/$X/y", false),
        ("/build/image", false),
        (".", false),
    ] {
        assert_eq!(covers(target, state), expected, "{target}");
    }
}
