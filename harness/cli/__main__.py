"""`python -m harness.cli`: the same as `stuntkey`."""

from harness.cli import main

main()
