"""The fuzzer of relying parties: lies with one change each, and verdicts one can trust.

An `Operator` is a kind of lie, a `Variant` one change that tells it, a `Case` a variant with a seed. A `Target` is a
relying party. A campaign plays cases against targets, judges what they did, and tells it in events.
"""
