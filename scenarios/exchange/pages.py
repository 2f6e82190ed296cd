"""The pages: a template each, and what it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, Response

from scenarios.exchange import schema
from scenarios.exchange.api.account import account_view, recent, sessions_of
from scenarios.exchange.api.passkeys import passkey_list
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import NETWORK_NAMES
from scenarios.exchange.errors import Denied
from scenarios.exchange.help import HELP
from scenarios.exchange.history import grouped, told
from scenarios.exchange.markets import ASSETS, CHAINS, balances
from scenarios.exchange.policy import Look
from scenarios.exchange.requirements import judge
from scenarios.exchange.service import Service
from scenarios.exchange.test_hooks import read_messages

HERE = Path(__file__).parent
STATIC = HERE / "static"


def _version_of(files: Path) -> str:
    """Changes whenever one of them does."""
    digest = hashlib.sha256()
    for path in sorted(files.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


STATIC_PATH = f"/static/{_version_of(STATIC)}"
"""What lies below it never changes, and browsers ask for it once."""
USE_NAMES = {"log-in": "Log in", "withdraw": "Withdraw", "deposit": "Deposit", "c2c": "C2C / P2P trading"}
METHOD_NAMES = {
    "this-device": ("This device", "Fingerprint, face, or the screen lock of this device"),
    "another-device": ("A different device", "Scan a QR code with your phone or tablet"),
    "security-key": ("USB security key", "Insert a FIDO2 key and touch it"),
}


def look_path(look: Look) -> str:
    """Where the files lie that are made of a policy's look."""
    return f"/static/look-{hashlib.sha256(repr(look).encode()).hexdigest()[:12]}"


def _date(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds else "–"


_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["date"] = _date
_TEMPLATES.filters["number"] = grouped
_TEMPLATES.filters["told"] = told


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    path: str
    template: str
    title: str
    logged_in: bool = True
    shows: Callable[[Call], dict[str, Any]] = lambda call: {}


def render(page: Page, call: Call) -> Response:
    user = call.user_or_none
    context = {
        **_common(call.service),
        "page": page,
        "csrf": call.csrf,
        "account": None if user is None else account_view(call, user),
        "now": call.now,
        **page.shows(call),
    }
    return HTMLResponse(_TEMPLATES.get_template(page.template).render(context))


def render_problem(service: Service, denied: Denied) -> Response:
    page = Page(path="", template="problem.html", title="That did not work", logged_in=False)
    context = {**_common(service), "page": page, "csrf": "", "account": None, "denied": denied}
    return HTMLResponse(_TEMPLATES.get_template(page.template).render(context), status_code=denied.status)


def _common(service: Service) -> dict[str, Any]:
    return {
        "policy": service.policy,
        "look": service.policy.look,
        "look_path": look_path(service.policy.look),
        "static": STATIC_PATH,
        "has_outbox": service.outbox,
        "network_names": NETWORK_NAMES,
        "use_names": USE_NAMES,
    }


def _security(call: Call) -> dict[str, Any]:
    user = call.user
    return {"kept": passkey_list(call, user), "recent": recent(call, user, limit=8)}


def _passkeys(call: Call) -> dict[str, Any]:
    user = call.user
    verdict = judge(call.policy, call.headers, None, user.region)
    return {
        "kept": passkey_list(call, user),
        "verdict": verdict,
        "signals": schema.write(passkey_list(call, user).signals),
        "methods": [(each.value, *METHOD_NAMES[each.value]) for each in call.policy.passkeys.methods],
        "help": HELP[call.policy.name] if call.policy.name in HELP else HELP[""],
    }


def _assets(*kinds: str) -> Callable[[Call], dict[str, Any]]:
    """What the account has, and what of these kinds it has done."""

    def shows(call: Call) -> dict[str, Any]:
        user = call.user
        return {
            "balances": balances(call, user),
            "assets": ASSETS,
            "chains": CHAINS,
            "recent": recent(call, user, kinds, limit=12),
        }

    return shows


_wallets = _assets("withdrawal", "order", "payment", "dex-transfer", "deposit-address")


def _settings(call: Call) -> dict[str, Any]:
    user = call.user
    return {
        "chains": CHAINS,
        "whitelist": recent(call, user, ("whitelist-address",)),
        "keys": recent(call, user, ("api-key",)),
    }


def _outbox(call: Call) -> dict[str, Any]:
    if not call.service.outbox:
        raise Denied(404, "not-found", "There is no such page.")
    to = call.query.get("to")
    return {"messages": read_messages(call.db, to if to and to.isprintable() else None, 50)}


PAGES = (
    Page(path="/", template="landing.html", title="Welcome", logged_in=False),
    Page(path="/sign-up", template="sign_up.html", title="Sign up", logged_in=False),
    Page(path="/log-in", template="log_in.html", title="Log in", logged_in=False),
    Page(path="/recovery", template="recovery.html", title="Recover your account", logged_in=False),
    Page(path="/outbox", template="outbox.html", title="Outbox", logged_in=False, shows=_outbox),
    Page(
        path="/help",
        template="help.html",
        title="About passkeys",
        logged_in=False,
        shows=lambda call: {"help": HELP.get(call.policy.name, HELP[""])},
    ),
    Page(path="/dashboard", template="dashboard.html", title="Overview", shows=_wallets),
    Page(path="/security", template="security.html", title="Security", shows=_security),
    Page(path="/security/passkeys", template="passkeys.html", title="Passkeys", shows=_passkeys),
    Page(
        path="/security/sessions",
        template="sessions.html",
        title="Devices",
        shows=lambda call: {"sessions": sessions_of(call, call.user)},
    ),
    Page(path="/settings", template="settings.html", title="Sensitive settings", shows=_settings),
    Page(path="/wallets", template="wallets.html", title="Wallets", shows=_wallets),
    Page(path="/deposit", template="deposit.html", title="Deposit", shows=_wallets),
    Page(path="/withdraw", template="withdraw.html", title="Withdraw", shows=_wallets),
    Page(path="/c2c", template="c2c.html", title="C2C / P2P", shows=_assets("order")),
    Page(path="/dex", template="transfer.html", title="DEX wallet", shows=_assets("dex-transfer")),
    Page(path="/pay", template="transfer.html", title="Pay", shows=_assets("payment")),
)
