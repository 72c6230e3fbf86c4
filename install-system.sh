#!/bin/sh
# What ftdojo needs of the system: Python 3.11 with venv, and bubblewrap, in which untrusted programs run.
# As root it is installed through apt. Otherwise all that is missing is named in one round, with what to type, before
# anything is fetched.
set -u
cd "$(dirname "$0")" || exit
python=${PYTHON:-python3}
packages="" # of Debian
typed=""    # lines of what to type
fedora=""
engine=""
add() { typed="$typed  $*
"; }

if ! command -v "$python" >/dev/null; then
    packages=${python##*/}-venv
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    add "make install PYTHON=python3.12    ($("$python" --version) is too old: 3.11 or newer is needed)"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    packages=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
fi
case ${FTDOJO_SANDBOX:-bubblewrap} in
    docker | podman) ;;
    *)
        engine="To use docker or podman in place of bubblewrap, type before it
  export FTDOJO_SANDBOX=docker"
        if ! command -v bwrap >/dev/null; then
            packages="bubblewrap${packages:+ $packages}"
            fedora="    (Fedora: sudo dnf install bubblewrap)"
        fi
        ;;
esac
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # several packages
    apt-get -qq update && apt-get -qq install --no-install-recommends $packages >/dev/null && packages=""
fi
if [ -n "$packages" ]; then
    add "sudo apt-get install $packages$fedora"
fi

# Does the kernel let programs make namespaces? bubblewrap is asked as ftdojo starts it; where it is missing, unshare.
try_namespaces() {
    if ! command -v bwrap >/dev/null; then
        unshare --map-root-user --mount true
        return
    fi
    set -- bwrap --unshare-user --unshare-all --disable-userns --ro-bind / / --proc /proc --dev /dev --chdir / true
    if [ "$(id -u)" = 0 ]; then
        set -- unshare --mount setpriv --reuid=61000 --regid=61000 --clear-groups --no-new-privs "$@"
    fi
    "$@"
}
if [ -n "$engine" ] && command -v "$python" >/dev/null && ! refusal=$(try_namespaces 2>&1); then
    add "$(PYTHONPATH=src/ftdojo/sandbox "$python" -B -c '
import sys, remedy
print(remedy.find_remedy(sys.argv[1], remedy.Kernel.read()))' "$refusal")"
    add "    (no sandbox can be made here: $refusal)"
fi

if [ -n "$typed" ]; then
    {
        echo "ftdojo needs more of this system, and has fetched nothing yet. Type"
        printf '%s' "$typed"
        echo "and then the same command again.${engine:+ $engine}"
    } >&2
    exit 1
fi
