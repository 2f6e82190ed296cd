"""WebAuthn level 3 §7.1 and §7.2, step by step, for a relying party that accepts nothing it need not accept.

Steps are numbered as in the editor's draft of July 2026: registration has 29, authentication 25.
Independent of the key it is tested with: nothing here is shared with the authenticator.
"""

from scenarios.exchange.webauthn.authentication import Authentication, authenticate
from scenarios.exchange.webauthn.refusal import Refused
from scenarios.exchange.webauthn.registration import Registration, register

__all__ = ["Authentication", "Refused", "Registration", "authenticate", "register"]
