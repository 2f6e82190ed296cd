"""What a device's browser says of itself: User-Agent, size, and the headers that tell where and what it is."""

from __future__ import annotations

from dataclasses import dataclass

from harness.play.devices import DeviceSpec

_USUAL = {
    "icloud-keychain": ("ios 17.5", "safari 17.5"),
    "touch-id": ("macos 14.5", "safari 17.5"),
    "windows-hello": ("windows 11", "edge 126"),
    "google-password-manager": ("android 14", "chrome 126"),
    "android-device-bound": ("android 13", "chrome 126"),
}
"""Profile → platform and browser where the play does not say. Others: the browser's own words."""

_PLATFORMS = {
    "ios": "iPhone; CPU iPhone OS {under} like Mac OS X",
    "android": "Linux; Android {version}; K",
    "windows": "Windows NT {windows}; Win64; x64",
    "macos": "Macintosh; Intel Mac OS X {under}",
    "chromeos": "X11; CrOS x86_64 15117.112.0",
    "linux": "X11; Linux x86_64",
}
_WINDOWS = {"7": "6.1", "8": "6.2", "8.1": "6.3"}
_WINDOWS_HINTS = {"7": "0.1.0", "8": "0.2.0", "8.1": "0.3.0", "11": "15.0.0"}
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_PHONES = ("ios", "android")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    user_agent: str | None
    is_phone: bool

    @property
    def viewport(self) -> tuple[int, int]:
        return (390, 844) if self.is_phone else (1280, 800)


def agent_of(spec: DeviceSpec) -> Agent:
    usual_os, usual_browser = _USUAL.get(spec.profile, (None, None))
    os, browser = spec.os or usual_os, spec.browser or usual_browser
    user_agent = None
    if os is not None or browser is not None:
        user_agent = _user_agent(os or "linux 6", browser or _browser_for(os or ""))
    return Agent(user_agent=user_agent, is_phone=os is not None and os.split()[0] in _PHONES)


def headers_of(spec: DeviceSpec, *, screen_lock: bool, bluetooth: bool) -> dict[str, str]:
    """What an app tells its site of the device; a page in a browser has no way to find some of it out."""
    headers = {}
    platform, _, version = (spec.os or "").partition(" ")
    if platform == "windows":
        # User-Agent has no newer Windows than 10, and the hint counts them in its own way.
        headers["Sec-CH-UA-Platform-Version"] = f'"{_WINDOWS_HINTS.get(version, "10.0.0")}"'
    if spec.region is not None:
        headers["X-Region"] = spec.region
    facts = {"google-services": spec.google_services, "screen-lock": screen_lock, "bluetooth": bluetooth}
    if missing := [f"{name}=no" for name, present in facts.items() if not present]:
        headers["X-Device-Facts"] = ",".join(missing)
    return headers


def _browser_for(os: str) -> str:
    return "safari 17.5" if os.startswith("ios") else "chrome 126"


def _user_agent(os: str, browser: str) -> str:
    platform, version = os.split()
    name, browser_version = browser.split()
    full = browser_version if "." in browser_version else f"{browser_version}.0.0.0"
    shown = _PLATFORMS.get(platform, f"X11; {platform} {{version}}").format(
        version=version, under=version.replace(".", "_"), windows=_WINDOWS.get(version, "10.0")
    )
    if name == "safari":
        mobile = " Mobile/15E148" if platform == "ios" else ""
        return (
            f"Mozilla/5.0 ({shown}) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            f"Version/{browser_version}{mobile} Safari/605.1.15"
        )
    if name == "firefox":
        return f"Mozilla/5.0 ({shown}; rv:{browser_version}.0) Gecko/20100101 Firefox/{browser_version}.0"
    mobile = " Mobile" if platform in _PHONES else ""
    if name == "edge":
        return f"Mozilla/5.0 ({shown}) {_WEBKIT} Chrome/{full}{mobile} Safari/537.36 Edg/{full}"
    if name == "chrome":
        return f"Mozilla/5.0 ({shown}) {_WEBKIT} Chrome/{full}{mobile} Safari/537.36"
    return f"Mozilla/5.0 ({shown}) {_WEBKIT} {name.title()}/{full}"
