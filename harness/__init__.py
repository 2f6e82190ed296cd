"""The stage: virtual keys, people, browsers and relying parties, for tests to import."""

__version__ = "0.1.0"
