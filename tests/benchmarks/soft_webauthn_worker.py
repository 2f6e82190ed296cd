"""Runs under soft-webauthn's own environment: on each line with a count, that many registrations and log-ins."""

import json
import sys
import time

from soft_webauthn import SoftWebauthnDevice

ORIGIN = "https://example.com"
CREATE = {
    "publicKey": {
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": b"user", "name": "ann", "displayName": "Ann"},
        "challenge": bytes(32),
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "attestation": "none",
    }
}


def ceremonies() -> None:
    device = SoftWebauthnDevice()
    response = device.create(CREATE, ORIGIN)
    allowed = [{"type": "public-key", "id": response["rawId"]}]
    device.get(
        {"publicKey": {"rpId": "example.com", "challenge": bytes(32), "allowCredentials": allowed}}, ORIGIN
    )


for line in sys.stdin:
    count = int(line)
    began = time.perf_counter()
    for _ in range(count):
        ceremonies()
    print(json.dumps((time.perf_counter() - began) / count), flush=True)
