"""Which devices and browsers may use passkeys, and what the others are told."""

from __future__ import annotations

import pytest
from conftest import MakeExchange
from exchange_visitor import CHROME, Visitor

from scenarios.exchange.policy import Method, load_policy
from scenarios.exchange.requirements import Device, judge, read_user_agent

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/{}"


def chrome(version: str, system: str = "Windows NT 10.0; Win64; x64") -> str:
    return (
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    )


def safari(version: str, system: str = "Macintosh; Intel Mac OS X 10_15_7") -> str:
    return (
        f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version} Safari/605.1.15"
    )


def iphone(version: str) -> str:
    return safari("17.0", f"iPhone; CPU iPhone OS {version} like Mac OS X")


def firefox(version: str) -> str:
    return f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (chrome("131"), ("windows", "10.0", "chrome")),
        (chrome("120", "Linux; Android 14; Pixel 8"), ("android", "14", "chrome")),
        (chrome("120", "X11; CrOS x86_64 14541.0.0"), ("chromeos", "120", "chrome")),
        (chrome("120", "X11; Linux x86_64"), ("linux", "", "chrome")),
        (chrome("120") + " Edg/120.0.0.0", ("windows", "10.0", "edge")),
        (safari("16.1"), ("macos", "", "safari")),
        (iphone("16_0_1"), ("ios", "16.0.1", "safari")),
        (firefox("122"), ("windows", "10.0", "firefox")),
        ("", ("", "", "")),
        ("Mozilla/5.0 (Windows NT ..; Chrome/.", ("", "", "")),
    ],
)
def test_user_agents(agent: str, expected: tuple[str, str, str]) -> None:
    seen = read_user_agent({"user-agent": agent})
    assert (seen.platform, seen.platform_version, seen.browser) == expected


@pytest.mark.parametrize(
    ("policy", "agent", "what"),
    [
        ("mexc", iphone("16_0"), None),
        ("mexc", iphone("15_7_1"), "platform"),
        ("mexc", chrome("120", "Linux; Android 9; Pixel 3"), None),
        ("mexc", chrome("120", "Linux; Android 8.1; Pixel 2"), "platform"),
        ("mexc", chrome("120"), "platform"),
        ("kucoin", chrome("109"), None),
        ("kucoin", chrome("108"), "browser"),
        ("kucoin", firefox("122"), None),
        ("kucoin", firefox("121"), "browser"),
        ("kucoin", safari("15.6"), "browser"),
        ("kucoin", chrome("108") + " Edg/108.0.0.0", "browser"),
        ("kucoin", chrome("120") + " OPR/106.0.0.0", "browser"),
        # a key or a phone does not mind how old the system is
        ("kucoin", chrome("120", "Windows NT 6.1"), None),
        ("kucoin", iphone("15_0"), None),
        ("kucoin", chrome("108", "Windows NT 6.1"), "browser"),
        ("okx-web", chrome("120", "Linux; Android 6.0; Nexus 5"), None),
        ("okx-web", chrome("120", "Linux; Android 7.0; Nexus 5"), None),
        ("okx-web", firefox("100"), None),
        ("okx-web", safari("15.0"), "browser"),
        ("okx-app", iphone("15_0"), None),
        ("pionex", iphone("12_0"), None),
    ],
)
def test_versions(policy: str, agent: str, what: str | None) -> None:
    problems = judge(load_policy(policy), {"user-agent": agent}, None, "").problems
    assert [problem.what for problem in problems] == ([what] if what else [])


@pytest.mark.parametrize(
    ("policy", "agent", "words"),
    [
        ("kucoin", chrome("120"), ""),
        ("kucoin", chrome("120", "Windows NT 6.1"), "This device runs Windows 7."),
        ("kucoin", chrome("108", "X11; CrOS x86_64 14541.0.0"), "This device runs ChromeOS 108."),
        ("kucoin", chrome("120", "Linux; Android 14; Pixel 8"), "Android is not supported."),
        ("kucoin", chrome("120", "X11; Linux x86_64"), "Linux is not supported."),
        ("okx-web", iphone("15_0"), "This device runs iOS 15.0."),
        ("okx-web", chrome("120", "X11; CrOS x86_64 14541.0.0"), "ChromeOS is not supported."),
        ("okx-web", chrome("120", "Linux; Android 7.0; Nexus 5"), ""),
    ],
)
def test_an_old_or_unlisted_system_closes_this_device_only(policy: str, agent: str, words: str) -> None:
    verdict = judge(load_policy(policy), {"user-agent": agent}, None, "")
    told = verdict.methods[Method.THIS_DEVICE]
    assert told.endswith(words) if words else not told
    assert verdict.methods[Method.SECURITY_KEY] == verdict.methods[Method.ANOTHER_DEVICE] == ""
    assert [each.what for each in verdict.notices if each.what == "platform"] == (
        ["platform"] if words else []
    )


def test_a_hint_tells_what_the_user_agent_has_frozen() -> None:
    headers = {"user-agent": chrome("120", "Macintosh; Intel Mac OS X 10_15_7")}
    assert not judge(load_policy("kucoin"), headers, None, "").methods[Method.THIS_DEVICE]
    headers["sec-ch-ua-platform-version"] = '"12.6.0"'
    assert judge(load_policy("kucoin"), headers, None, "").methods[Method.THIS_DEVICE] == (
        "Passkeys need Windows 10 or macOS Ventura or ChromeOS 109 or iOS 16 or above. This device runs macOS 12.6.0."
    )


def test_regions_and_google_services() -> None:
    policy = load_policy("mexc")
    android = {"user-agent": chrome("120", "Linux; Android 12; Huawei")}
    problems = judge(policy, {**android, "x-device-facts": "google-services=no"}, None, "").problems
    assert [each.what for each in problems] == ["google-services"]
    assert judge(policy, android, None, "CU").problems[0].what == "region"
    assert judge(policy, {**android, "x-region": "kp"}, None, "").problems[0].what == "region"


def test_screen_lock_and_bluetooth() -> None:
    policy, headers = load_policy("kucoin"), {"user-agent": CHROME}
    methods = judge(policy, headers, Device(screen_lock=False, bluetooth=False), "").methods
    assert "screen lock" in methods[Method.THIS_DEVICE]
    assert "Bluetooth" in methods[Method.ANOTHER_DEVICE]
    assert methods[Method.SECURITY_KEY] == ""


def test_the_app_knows_better_than_the_page() -> None:
    headers = {"user-agent": CHROME, "x-device-facts": "screen-lock=no"}
    methods = judge(load_policy("kucoin"), headers, Device(screen_lock=True), "").methods
    assert methods[Method.THIS_DEVICE]


def test_an_old_browser_is_refused_where_it_counts(make_exchange: MakeExchange) -> None:
    visitor = Visitor(make_exchange("kucoin"), chrome("108")).sign_up()
    answer = visitor.refused("/api/operations", {"kind": "add-passkey", "details": {}})
    assert (answer["status"], answer["error"]) == (403, "browser")
    assert "Chrome 108 is too old" in answer["message"]
    assert "too old" in visitor.http.get("/security/passkeys").text
    visitor.log_out()
    assert visitor.refused("/api/log-in/passkey/options", {"conditional": True})["error"] == "browser"


def test_a_closed_way_is_refused_where_it_counts(make_exchange: MakeExchange) -> None:
    facts = {"X-Device-Facts": "screen-lock=no"}
    visitor = Visitor(make_exchange("kucoin"), CHROME, **facts).sign_up()
    body = {"kind": "add-passkey", "details": {"method": "this-device"}}
    assert visitor.refused("/api/operations", body)["error"] == "method-unavailable"
    body["details"] = {"method": "security-key"}
    assert visitor.post("/api/operations", body)["state"] == "verify"


def test_a_region_of_the_account_counts(make_exchange: MakeExchange) -> None:
    visitor = Visitor(make_exchange("mexc"), iphone("17_0")).sign_up(region="IR")
    answer = visitor.refused("/api/operations", {"kind": "add-passkey", "details": {}})
    assert answer["error"] == "region"
