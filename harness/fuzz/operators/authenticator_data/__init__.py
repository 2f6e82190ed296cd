"""C: authenticator data (§6.1; §7.1 steps 13 to 19 and 25 to 27, §7.2 steps 15 to 19 and 22)."""

from __future__ import annotations

from harness.fuzz.operators.authenticator_data import (
    aaguid,
    credential_id,
    flags,
    layout,
    rp_id_hash,
    sign_count,
)

OPERATORS = (
    *rp_id_hash.OPERATORS,
    *flags.OPERATORS,
    *layout.OPERATORS,
    *credential_id.OPERATORS,
    *sign_count.OPERATORS,
    *aaguid.OPERATORS,
)
