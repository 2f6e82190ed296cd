"""Which devices and browsers may use passkeys, by the User-Agent, client hints, and what the app or page tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.exchange.errors import Denied
from scenarios.exchange.policy import Method, Policy

PLATFORM_NAMES = {
    "ios": "iOS",
    "android": "Android",
    "windows": "Windows",
    "macos": "macOS",
    "chromeos": "ChromeOS",
    "linux": "Linux",
}
BROWSER_NAMES = {"chrome": "Chrome", "edge": "Edge", "safari": "Safari", "firefox": "Firefox"}
RELEASES = {"macos": {"13": "macOS Ventura"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of the device; None: not known."""

    screen_lock: bool | None = None
    bluetooth: bool | None = None
    google_services: bool | None = None
    incognito: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    platform: str = ""
    platform_version: str = ""
    browser: str = ""
    browser_version: str = ""

    @property
    def platform_name(self) -> str:
        return PLATFORM_NAMES.get(self.platform, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why passkeys are not to be had here, or what is to be known beforehand."""

    what: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]
    methods: dict[Method, str]
    """Why a way to add one is not open now; "" where it is."""

    def require(self) -> None:
        if self.problems:
            problem = self.problems[0]
            raise Denied(403, problem.what, problem.message)

    def require_method(self, method: Method) -> None:
        self.require()
        if self.methods[method]:
            raise Denied(403, "method-unavailable", self.methods[method])


_BROWSERS = (
    ("edge", r"\bEdg(?:A|iOS)?/(\d+[\d.]*)"),
    ("firefox", r"\b(?:Firefox|FxiOS)/(\d+[\d.]*)"),
    ("opera", r"\b(?:OPR|OPT)/(\d+[\d.]*)"),
    ("samsung", r"\bSamsungBrowser/(\d+[\d.]*)"),
    ("chrome", r"\b(?:HeadlessChrome|Chrome|Chromium|CriOS)/(\d+[\d.]*)"),
    ("safari", r"\bVersion/(\d+[\d.]*).*Safari/"),
)
"""Most of them call themselves Chrome or Safari as well, so the order counts."""


def read_user_agent(headers: Mapping[str, str]) -> Seen:
    agent = headers.get("user-agent", "")[:1000]
    browser, browser_version = "", ""
    for name, pattern in _BROWSERS:
        if found := re.search(pattern, agent):
            browser, browser_version = name, found[1]
            break
    platform, version = _platform(agent)
    hint = headers.get("sec-ch-ua-platform-version", "").strip('" ')
    if re.fullmatch(r"\d+(\.\d+)*", hint):
        version = _windows(hint, version) if platform == "windows" else hint
    return Seen(platform=platform, platform_version=version, browser=browser, browser_version=browser_version)


def _windows(hint: str, version: str) -> str:
    """Its hint counts 1 to 10 for Windows 10, 13 and above for Windows 11, and 0 for all that were before."""
    number = int(hint.split(".")[0])
    if number == 0:
        return version if version != "10.0" else "8"
    return "11" if number >= 13 else "10"


def _platform(agent: str) -> tuple[str, str]:
    if found := re.search(r"\b(?:iPhone OS|CPU OS) (\d+[\d_]*)", agent):
        return "ios", found[1].replace("_", ".")
    if found := re.search(r"\bAndroid (\d+[\d.]*)", agent):
        return "android", found[1]
    if found := re.search(r"\bWindows NT (\d+[\d.]*)", agent):
        return "windows", {"6.1": "7", "6.2": "8", "6.3": "8.1"}.get(found[1], found[1])
    if found := re.search(r"\bCrOS \S+ (\d+[\d.]*)", agent):
        # it tells the build; the version that people know is Chrome's
        chrome = re.search(r"Chrome/(\d+)", agent)
        return "chromeos", chrome[1] if chrome else ""
    if found := re.search(r"\bMac OS X (\d+[\d_.]*)", agent):
        version = found[1].replace("_", ".")
        # browsers froze it at 10.15.7: it tells nothing of a newer system
        return "macos", "" if version.startswith("10.15") else version
    return ("linux", "") if "Linux" in agent else ("", "")


def _is_older(version: str, least: str) -> bool:
    """An unknown version is not called old."""
    if not version:
        return False
    have, need = ([int(part) for part in each.split(".") if part] for each in (version, least))
    return have + [0] * (len(need) - len(have)) < need


_FACTS = {"screen-lock": "screen_lock", "bluetooth": "bluetooth", "google-services": "google_services"}


def device_facts(headers: Mapping[str, str], told: Device | None) -> Device:
    """What the app says in its header goes before what the page found out.

    X-Device-Facts: screen-lock=no, bluetooth=no, google-services=no, incognito=yes
    """
    facts = {
        name: getattr(told, name) if told else None
        for name in ("screen_lock", "bluetooth", "google_services", "incognito")
    }
    for part in headers.get("x-device-facts", "")[:300].split(","):
        name, _, value = part.strip().partition("=")
        name = _FACTS.get(name, name)
        if name in facts and value in ("yes", "no"):
            facts[name] = value == "yes"
    return Device(**facts)


def judge(policy: Policy, headers: Mapping[str, str], told: Device | None, region: str) -> Verdict:
    rules, seen, device = policy.requirements, read_user_agent(headers), device_facts(headers, told)
    problems, notices = [], []
    region = headers.get("x-region", "").upper() or region
    if region and region in rules.blocked_regions:
        problems.append(
            Problem(what="region", message=f"Passkeys are not available in your region ({region}).")
        )
    platform = _platform_problem(policy, seen)
    # a key or a phone does not mind how old the computer is; where there is neither, nothing is left
    has_other_ways = rules.other_platforms and set(policy.passkeys.methods) - {Method.THIS_DEVICE}
    if platform and not has_other_ways:
        problems.append(platform)
    if problem := _browser_problem(policy, seen):
        problems.append(problem)
    if rules.google_services_on_android and seen.platform == "android" and device.google_services is False:
        problems.append(
            Problem(
                what="google-services",
                message="This device does not support Google services, which passkeys need on Android.",
            )
        )
    methods = dict.fromkeys(policy.passkeys.methods, "")
    if platform and has_other_ways and Method.THIS_DEVICE in methods:
        methods[Method.THIS_DEVICE] = platform.message
        notices.append(platform)
    elif rules.screen_lock and device.screen_lock is False and Method.THIS_DEVICE in methods:
        methods[Method.THIS_DEVICE] = (
            "This device has no screen lock. Set one up (a PIN, fingerprint or face), then try again."
        )
        notices.append(Problem(what="screen-lock", message=methods[Method.THIS_DEVICE]))
    if rules.bluetooth_for_phones and device.bluetooth is False and Method.ANOTHER_DEVICE in methods:
        methods[Method.ANOTHER_DEVICE] = "Bluetooth is off. Turn it on to use a phone or tablet by QR code."
        notices.append(Problem(what="bluetooth", message=methods[Method.ANOTHER_DEVICE]))
    if rules.incognito_notice and device.incognito is not False:
        notices.append(
            Problem(
                what="incognito",
                message="You may not be able to create or use passkeys in Incognito mode.",
            )
        )
    return Verdict(problems=tuple(problems), notices=tuple(notices), methods=methods)


def _platform_problem(policy: Policy, seen: Seen) -> Problem | None:
    rules = policy.requirements
    if not rules.platforms:
        return None
    wanted = " or ".join(
        RELEASES.get(name, {}).get(version, f"{PLATFORM_NAMES.get(name, name)} {version}")
        for name, version in rules.platforms.items()
    )
    if seen.platform not in rules.platforms:
        have = seen.platform_name or "This device"
        return Problem(what="platform", message=f"Passkeys need {wanted} or above. {have} is not supported.")
    if _is_older(seen.platform_version, rules.platforms[seen.platform]):
        have = f"{seen.platform_name} {seen.platform_version}"
        return Problem(what="platform", message=f"Passkeys need {wanted} or above. This device runs {have}.")
    return None


def _browser_problem(policy: Policy, seen: Seen) -> Problem | None:
    rules = policy.requirements
    if not rules.browsers:
        return None
    wanted = ", ".join(f"{BROWSER_NAMES.get(name, name)} {least}" for name, least in rules.browsers.items())
    if seen.browser not in rules.browsers:
        if rules.other_browsers:
            return None
        return Problem(
            what="browser", message=f"This browser is not supported. Passkeys need {wanted} or higher."
        )
    if _is_older(seen.browser_version, rules.browsers[seen.browser]):
        have = f"{BROWSER_NAMES[seen.browser]} {seen.browser_version.split('.')[0]}"
        return Problem(
            what="browser",
            message=f"{have} is too old for passkeys: update it. Passkeys need {wanted} or higher.",
        )
    return None
