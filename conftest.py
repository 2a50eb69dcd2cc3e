"""What pytest collects."""

from autograd_mini import build_info

collect_ignore = []
if build_info()["build"] == "compiled":  # tests/test_builds.py runs its examples on both builds
    collect_ignore.append("autograd_mini/value.py")
