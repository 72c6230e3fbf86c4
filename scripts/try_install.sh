#!/bin/sh
# Install ftdojo on a fresh Debian as a newcomer does, and score a run there; docs/install.md has the results:
#
#   TRY=/var/tmp/try scripts/try_install.sh bookworm user make    # SUITE: bookworm, trixie; USER: user, root
#   TRY=/var/tmp/try scripts/try_install.sh trixie root pip       # WAY: make, pip, uv
#
# It needs root, debootstrap, minutes to an hour and up to 8 GB below $TRY, where everything stays for a look.
# TRY_FILES: files and folders of this machine that go in, TRY_ENV: names of variables that are kept, such as those of a
# proxy or of certificates. TRY_PLACE: the folder of the sources in the home of the user. TRY_UMASK: as for umask.
# TRY_RUN: the lines that make runs/tried.
#
# What a message says to type is typed as it stands there, as root; nothing else is installed after the start.
set -eu
suite=$1 user=$2 way=$3
home=/home/newcomer
[ "$user" = root ] && home=/root || user=newcomer
place=${TRY_PLACE:-ftdojo}
cd "$(dirname "$0")/.."
base=$TRY/$suite
root=$TRY/$suite-$2-$way

# Run a command in the new system: `within USER COMMAND …`. In a chroot Linux would make no user namespace.
within() {
    as=$1 && shift
    case $as in root) its_home=/root ;; *) its_home=$home ;; esac
    kept=$(for name in ${TRY_ENV:-}; do eval "printf '%s ' \"$name=\${$name:-}\""; done)
    # shellcheck disable=SC2016,SC2086 # the variables are those of the inner shell; values have no blanks
    unshare --mount --pid --fork --kill-child --propagation private sh -euc '
        root=$0
        mount --rbind "$root" "$root"
        cd "$root"
        mount --rbind /dev dev
        mount --rbind /sys sys
        mount -t proc proc proc
        mount -t tmpfs tmpfs run
        pivot_root . mnt
        umount -l /mnt
        cd /
        exec "$@"' "$root" \
        setpriv --reuid="$as" --regid="$as" --init-groups \
        env -i HOME="$its_home" USER="$as" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        LANG=C.UTF-8 TERM=dumb $kept "$@"
}

# Run lines of shell in the folder of the sources, as the newcomer.
newcomer() { within "$user" sh -euc "umask ${TRY_UMASK:-022}; cd \"\$HOME/$place\"; $1" </dev/null; }

# Type what a log says to type as root.
obey() {
    sed -n 's/.*\(apt-get install [a-z0-9. -]*[a-z0-9]\).*/\1/p' "$1" | sort -u | while read -r line; do
        echo "typed as root: $line"
        within root sh -c "$line" >"$root.typed.log" 2>&1 </dev/null
    done
}

if ! [ -d "$base" ]; then
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$base.making" >"$base.log"
    mv "$base.making" "$base"
fi
rm -rf "$root"
cp -a "$base" "$root"
for file in ${TRY_FILES:-}; do
    mkdir -p "$root${file%/*}"
    cp -rL "$file" "$root$file"
done
case $way in make) given="python3 make" ;; *) given=python3-venv ;; esac # what the pages name first
echo 'APT::Get::Assume-Yes "true";' >"$root/etc/apt/apt.conf.d/90try"
within root sh -c "apt-get -qq update && apt-get -qq install --no-install-recommends $given" >"$root.base.log" 2>&1
[ "$user" = root ] || within root useradd --create-home --shell /bin/bash newcomer
mkdir -p "$root$home/$place"
git archive HEAD | tar -x -C "$root$home/$place"
[ "$user" = root ] || within root chown -R newcomer: "$home"

echo "$suite, $2, $way: $(within root python3 --version)"
activate='. .venv/bin/activate'
start=$(date +%s)
case $way in
    make)
        if ! newcomer 'make install' >"$root.install.log" 2>&1; then
            tail -n 8 "$root.install.log"
            obey "$root.install.log"
            newcomer 'make install' >"$root.install.log" 2>&1
        fi
        ;;
    pip)
        newcomer "python3 -m venv .venv; $activate; pip install --quiet . ./packages/ftdojo-tasks; ftdojo setup" \
            >"$root.install.log" 2>&1
        ;;
    uv)
        newcomer 'python3 -m venv ../uv; ../uv/bin/pip install --quiet uv; ../uv/bin/uv sync --quiet' \
            >"$root.install.log" 2>&1
        ;;
esac
installed=$(date +%s)
if ! newcomer "$activate; ftdojo doctor" >"$root.doctor.log" 2>&1; then
    grep -A 1 FAIL "$root.doctor.log"
    obey "$root.doctor.log"
    newcomer "$activate; ftdojo doctor" >"$root.doctor.log" 2>&1
fi
checked=$(date +%s)
run=${TRY_RUN:-ftdojo task new reviews; ftdojo run reviews --budget 2m --out runs/tried}
newcomer "$activate; $run" >"$root.run.log" 2>&1
ended=$(date +%s)
grep "^ test" "$root.run.log" || true
tail -n 1 "$root.run.log"
newcomer "$activate; ftdojo verify runs/tried" >"$root.verify.log" 2>&1
echo "install $((installed - start)) s, doctor $((checked - installed)) s, run $((ended - checked)) s," \
    "$(du -sm "$root$home" | cut -f 1) MB in the home folder"
