"""The operators, by what they are about. `harness.fuzz.catalogue` has them all."""
