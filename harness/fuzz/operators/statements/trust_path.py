"""The chain from a statement's certificate to a root (§7.1 step 24), whatever its format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authenticator.attestation.pki import (
    Authority,
    basic_constraints,
    derived_key,
    intermediate_template,
    issue,
    root,
    subject_public_key_info,
    with_extension,
)
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operators.lies import by, told
from harness.fuzz.operators.statements.words import (
    CHAIN,
    HIGH,
    MEDIUM,
    PACKED,
    rogue_chain,
    self_statement,
    statement_operator,
    template_with,
)
from harness.fuzz.statements import far_ahead, long_ago, rogue_root

_BEFORE, _AFTER = long_ago(), far_ahead()


def _issued_by_rogue(authority: Authority, forge: Forge) -> Authority:
    """The same name, another key."""
    return replace(authority, key=derived_key("rogue issuer"))


def _rogue_without_root(chain: list[bytes], forge: Forge) -> list[bytes]:
    return rogue_chain(chain, forge)[:1]


def _with_intermediate(**members: Any) -> Change:
    """The same chain, the intermediate issued anew with something else in it."""

    def change(chain: list[bytes], forge: Forge) -> list[bytes]:
        authority: Authority = forge.reached[Stage.LEAF_ISSUER]
        template = intermediate_template(
            "stuntkey TEST CA of stuntkey", subject_public_key_info(authority.key)
        )
        return [chain[0], issue(replace(template, **members), root().key), *chain[2:]]

    return change


def _intermediate_no_ca(chain: list[bytes], forge: Forge) -> list[bytes]:
    authority: Authority = forge.reached[Stage.LEAF_ISSUER]
    template = intermediate_template("stuntkey TEST CA of stuntkey", subject_public_key_info(authority.key))
    return [chain[0], issue(with_extension(template, basic_constraints(ca=False)), root().key)]


def _evil_leaf_first(chain: list[bytes], forge: Forge) -> list[bytes]:
    """The trusted leaf and its chain stay behind one that nobody issued, whose key signs."""
    rogue = rogue_root()
    return [issue(replace(forge.reached[Stage.LEAF], issuer=rogue.subject), rogue.key), *chain]


OPERATORS = (
    statement_operator(
        "F16",
        "7.1.24",
        "The leaf has expired, or is not valid yet",
        MEDIUM,
        "Keys of withdrawn batches live on.",
        told(
            Stage.LEAF,
            {
                "expired": template_with(not_before=_BEFORE[0], not_after=_BEFORE[1]),
                "not yet": template_with(not_before=_AFTER[0], not_after=_AFTER[1]),
            },
            base=PACKED,
            leaves=2,
        ),
        fix=CHAIN,
        cause=r"expir|valid|chain|attest|cert",
        reference="FIDO conformance Resp-5 F-6, F-7; probe R81",
    ),
    statement_operator(
        "F17",
        "7.1.24",
        "The intermediate has expired, or is no authority",
        MEDIUM,
        "Whoever holds any end certificate could issue further ones.",
        told(
            Stage.CHAIN,
            {
                "expired": _with_intermediate(not_before=_BEFORE[0], not_after=_BEFORE[1]),
                "not yet": _with_intermediate(not_before=_AFTER[0], not_after=_AFTER[1]),
                "no CA": _intermediate_no_ca,
            },
            base=PACKED,
        ),
        fix=CHAIN,
        reference="FIDO conformance Resp-5 F-12",
    ),
    statement_operator(
        "F18",
        "7.1.24",
        "An issuer that nobody trusts",
        HIGH,
        "Anyone can issue certificates in any name.",
        told(Stage.CHAIN, {"rogue root left out": _rogue_without_root}, base=PACKED, leaves=2),
        fix=CHAIN,
        reference="FIDO conformance Resp-5 F-9",
    ),
    statement_operator(
        "F19",
        "7.1.24",
        "The attacker's own root at the end of x5c",
        HIGH,
        "A chain that ends at what was sent along shows nothing.",
        told(Stage.CHAIN, {"rogue root": rogue_chain}, base=PACKED, leaves=2),
        fix="Take roots from your own list only, never from x5c.",
        reference="GHSA-6hxq-p678-4hr2; FIDO conformance Resp-5 F-10",
    ),
    statement_operator(
        "F20",
        "7.1.24",
        "The chain in the wrong order",
        MEDIUM,
        "Whose key signed is decided by position.",
        told(Stage.CHAIN, {"reversed": by(lambda chain: list(reversed(chain)))}, base=PACKED, leaves=2),
        told(Stage.CHAIN, {"leaf twice": by(lambda chain: [chain[0], *chain])}, base=PACKED),
        fix=CHAIN,
        reference="FIDO conformance Resp-5 F-11",
    ),
    statement_operator(
        "F21",
        "7.1.24",
        "The issuer's name is right, its key is not",
        HIGH,
        "Names can be copied: only signatures link certificates.",
        told(Stage.LEAF_ISSUER, {"other key": _issued_by_rogue}, base=PACKED),
        fix=CHAIN,
    ),
    statement_operator(
        "F22",
        "7.1.24",
        "A trusted leaf second, an evil one first",
        HIGH,
        "If any certificate in x5c leads to a root, the first has not been shown to.",
        told(Stage.CHAIN, {"evil first": _evil_leaf_first}, base=PACKED),
        fix="Begin the chain at x5c[0], whose key signed.",
        reference="probe R85",
    ),
    statement_operator(
        "F23",
        "7.1.24",
        "The AAGUID of a genuine model with self attestation",
        HIGH,
        "Then any software passes for any model.",
        told(Stage.STATEMENT, {"self": self_statement}, base=PACKED, leaves=2),
        fix="Believe an AAGUID only with a trusted chain.",
    ),
)
