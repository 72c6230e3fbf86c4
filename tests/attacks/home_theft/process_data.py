import glob
import os
import sys

homes = [f"/{home}/{what}" for home in ("root", "home", "home/*") for what in ("*", ".*")]
found = [p for pattern in (*homes, "~/.ssh", "~/.netrc", "~/.config", "/etc/shadow")
         for p in glob.glob(os.path.expanduser(pattern))]
found += [p for p in ("@SECRET@/key", "/etc/passwd", "/run/secrets", "/var/run/secrets/kubernetes.io") if os.path.exists(p)]
# A Python that lies in somebody's home folder is shown, read-only, and nothing beside it.
found = [p for p in found if not any(q.startswith(p) for q in (sys.base_prefix, sys.prefix))]
if not found:
    raise SystemExit("nothing found")
