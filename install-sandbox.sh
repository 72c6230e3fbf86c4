#!/bin/sh
# Install bubblewrap, in which untrusted data programs run. As root through apt; otherwise say what to type.
set -eu
case "${FTDOJO_SANDBOX:-bubblewrap}" in
    docker | podman) exit 0 ;;
esac
if command -v bwrap >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends bubblewrap >/dev/null
    exit 0
fi
echo "ftdojo runs untrusted code in bubblewrap, which is not installed. Nothing was fetched yet. Either" >&2
echo "  sudo apt-get install bubblewrap        (Fedora: sudo dnf install bubblewrap)" >&2
echo "or, with docker or podman in its place," >&2
echo "  export FTDOJO_SANDBOX=docker" >&2
echo "and then the same make command again." >&2
exit 1
