"""A web site as a relying party, described in one YAML file."""
