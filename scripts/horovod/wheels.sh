# Sourced, with a Python as $1: sets `wheels`, where the user's cache keeps Horovod's wheel, one folder for each Horovod, torch, ABI and compiler.
horovod=$(sed -n 's/^horovod==\([0-9.]*\).*/\1/p' scripts/horovod/requirements.txt)
torch=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements.lock)
compiler=$( (c++ -dumpfullversion -dumpversion 2>/dev/null || echo none) | head -n 1)
abi=$("$1" -c 'import sysconfig; print(sysconfig.get_config_var("SOABI"))')
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/basketgraph/wheels/horovod-$horovod-torch-$torch-$abi-cxx-$compiler
