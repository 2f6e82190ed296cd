"""The exchange: a relying party that behaves like each of five crypto exchanges, chosen by a policy."""
