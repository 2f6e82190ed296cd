"""The verbs of plays: what the person does. Each is a small model; the site's adapter says how it is done."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from harness.play.language import Duration, Switch, Text, Texts, Words, in_words

Proof = Literal["codes", "passkey", "wrong codes", "nothing"]
"""How the person answers when the site asks who they are."""

Factor = Literal["email", "phone", "authenticator app"]


class Verb(Words):
    """One step. `phrase` is its key; a plain value under the key is its `main` field."""

    phrase: ClassVar[str]
    main: ClassVar[str | None] = None

    def sentence(self) -> str:
        """The step as it is told in reports: the verb, and what was written about it."""
        said = []
        for name, value in self:
            if name in self.model_fields_set and name != self.main:
                words = name.rstrip("_").replace("_", " ")
                # What is off by itself needs no "on" to be told; a switch of a device does.
                is_told = value is True and self.__class__.model_fields[name].default is False
                said.append(words if is_told else f"{words} {_plain(value)}".strip())
        main = _plain(getattr(self, self.main)) if self.main is not None else ""
        return " ".join(part for part in (self.phrase, main, ", ".join(said)) if part)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if hasattr(value, "total_seconds"):
        return in_words(value)  # type: ignore[arg-type]
    return "" if value is None else str(value)


# The account


class SignUp(Verb):
    """Open an account through the site's pages, instead of having one already."""

    phrase = "sign up"


class LogIn(Verb):
    """Log in. With `autofill` the person picks the passkey that the identifier's field offers."""

    phrase = "log in"
    main = "with_"
    with_: Literal["password", "passkey", "autofill"] = "password"
    on: str | None = Field(
        default=None, description="The device whose passkey is used; by default the one at hand."
    )
    by: Literal["email", "phone"] = "email"
    password: Literal["right", "wrong"] = "right"
    slider: Literal["right", "wrong"] = "right"
    second: Proof = Field(default="codes", description="What is given where a second factor is asked for.")
    instead: Literal["password"] | None = Field(
        default=None, description="Cancel the passkey, and go on with this instead."
    )


class LogOut(Verb):
    """Log out."""

    phrase = "log out"


class OpenApp(Verb):
    """Close the page, and open the site again as one opens an app."""

    phrase = "open app"


class RecoverAccount(Verb):
    """Ask for the account back without a passkey, finish what was asked for, or cancel it as the owner."""

    phrase = "recover account"
    main = "part"
    part: Literal["ask", "finish", "cancel"] = "ask"
    verify_with: Proof = "codes"


class Bind(Verb):
    """Bind e-mail, phone or authenticator app to the account."""

    phrase = "bind"
    main = "factor"
    factor: Factor


# Passkeys


class EnablePasskeys(Verb):
    """Turn passkeys on, where a site has a switch for that."""

    phrase = "enable passkeys"
    verify_with: Proof = "codes"


class AddPasskey(Verb):
    """Make a passkey on a device: the one at hand, another one by QR code, or a security key."""

    phrase = "add passkey"
    main = "on"
    on: str
    network: str | None = Field(
        default=None, description="What it is registered for, where there are several."
    )
    verify_with: Proof = "codes"
    face: Literal["known", "unknown", "in the dark", "in glaring light"] = Field(
        default="known", description="What the site's own face check sees."
    )
    times: int = Field(
        default=1, ge=1, le=50, description="So many, each in another account of the device's provider."
    )
    again: Switch = Field(
        default=False, description="Try again from the page that reports the failed set-up."
    )


class RenamePasskey(Verb):
    phrase = "rename passkey"
    main = "of"
    of: str
    to: Text


class RemovePasskey(Verb):
    """Remove the passkey that a device made."""

    phrase = "remove passkey"
    main = "of"
    of: str
    verify_with: Proof = "codes"
    on: str | None = Field(default=None, description="The device that verifies, where a passkey does.")
    confirm: Switch = True


class ListPasskeys(Verb):
    """Look at the list of passkeys."""

    phrase = "list passkeys"


class ChooseScenarios(Verb):
    """Choose what passkeys are used for."""

    phrase = "choose scenarios"
    main = "scenarios"
    scenarios: Texts
    verify_with: Proof = "codes"


# Money


class Withdraw(Verb):
    """Withdraw to an address. `with: add passkey` follows the prompt to make one on the way."""

    phrase = "withdraw"
    main = "asset"
    asset: Text = "USDT"
    amount: Text = "10"
    network: Text | None = None
    address: Text | None = None
    with_: Literal["passkey", "codes", "wrong codes", "nothing", "add passkey"] = "passkey"
    on: str | None = None
    instead: Literal["codes"] | None = Field(
        default=None, description="Cancel the passkey, and give this instead."
    )


class Deposit(Verb):
    """Ask for a deposit address."""

    phrase = "deposit"
    main = "asset"
    asset: Text = "USDT"
    with_: Proof = "passkey"
    on: str | None = None


class Trade(Verb):
    """Buy or sell C2C (person to person)."""

    phrase = "trade c2c"
    main = "asset"
    asset: Text = "USDT"
    amount: Text = "50"
    with_: Proof = "passkey"
    on: str | None = None


class UseNetwork(Verb):
    """Confirm something on another of the site's networks: its DEX wallet, or Pay."""

    phrase = "use network"
    main = "network"
    network: str
    with_: Proof = "passkey"
    on: str | None = None


class ChangeSetting(Verb):
    """Change a setting that is highly sensitive."""

    phrase = "change setting"
    main = "setting"
    setting: str
    with_: Proof = "passkey"
    on: str | None = None
    more: Proof = Field(default="codes", description="What is given where the passkey is not enough.")


# The world


class SitAt(Verb):
    """Go on at another device: its browser, its cookies."""

    phrase = "sit at"
    main = "device"
    device: str


class Wait(Verb):
    """Let time pass, on the site's clock."""

    phrase = "wait"
    main = "time"
    time: Duration


class LoseDevice(Verb):
    """A device is gone for good, with all that is bound to it."""

    phrase = "lose"
    main = "device"
    device: str


class SignInOnNewDevice(Verb):
    """Sign a new device in to the account of a passkey provider that another device has or had."""

    phrase = "sign in on new device"
    main = "device"
    device: str
    account_of: str


class SwitchOf(Verb):
    """Turn something of a device on or off."""

    phrase = "switch"
    main = "device"
    device: str
    bluetooth: Switch | None = None
    screen_lock: Switch | None = None
    locked: Switch | None = Field(
        default=None, description="Whether the screen is locked now: nobody scans with such a phone."
    )
    online: Switch | None = None


class UseIncognito(Verb):
    """Go on in a private window of the same device."""

    phrase = "use incognito"
    main = "passkeys"
    passkeys: Literal["allowed", "not allowed"] = Field(
        default="allowed", description="Whether this system's private windows let sites at passkeys."
    )


class VisitLookAlike(Verb):
    """Be lured to another origin, which relays the real site's log-in and asks for the passkey."""

    phrase = "visit look-alike"
    main = "host"
    host: str = "127.0.0.1"
    on: str | None = None


class LookAtDevice(Verb):
    """Look at the passkeys that a device lists in its own settings."""

    phrase = "look at device"
    main = "device"
    device: str


class InspectTraffic(Verb):
    """Look at all that went from the browser to the site so far."""

    phrase = "inspect traffic"


class Look(Verb):
    """Look at a page of the site."""

    phrase = "look at"
    main = "page"
    page: str


VERBS: dict[str, type[Verb]] = {
    verb.phrase: verb
    for verb in (
        *(SignUp, LogIn, LogOut, OpenApp, RecoverAccount, Bind),
        *(EnablePasskeys, AddPasskey, RenamePasskey, RemovePasskey, ListPasskeys, ChooseScenarios),
        *(Withdraw, Deposit, Trade, UseNetwork, ChangeSetting),
        *(
            SitAt,
            Wait,
            LoseDevice,
            SignInOnNewDevice,
            SwitchOf,
            UseIncognito,
            VisitLookAlike,
            LookAtDevice,
            InspectTraffic,
            Look,
        ),
    )
}
AnyVerb: TypeAlias = Verb
