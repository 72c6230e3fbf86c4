#!/bin/sh
# Install bubblewrap, in which untrusted data programs run. As root through apt; otherwise say how.
set -eu
if command -v bwrap >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends bubblewrap >/dev/null
    exit 0
fi
echo "ftdojo runs untrusted code in bubblewrap, which is not installed." >&2
echo "Install it once: sudo apt-get install bubblewrap   (Fedora: sudo dnf install bubblewrap)" >&2
exit 1
