import os
import shutil

# Where these lie below /tmp, they can be made: in the scratch space of the sandbox.
for folder in ("@HOME@/stages", "@HOME@/data", "@HOME@"):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
raise SystemExit("nothing was there")
