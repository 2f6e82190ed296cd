"""One interface for all browsers: stock Chromium and Firefox, the bridged page, and Chromium's own virtual keys."""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.closing import Closing
from harness.errors import Failure, SetupError
from harness.patience import patient
from harness.trace.events import Step

if TYPE_CHECKING:
    from harness.browsers.bridge import PageBridge
    from harness.virtual_key import VirtualKey

T = TypeVar("T")
PATIENCE = patient(30.0)
"""Seconds that a page, a dialog or a browser has before it counts as stuck. A busy machine is slow, not broken."""


class PageError(Failure):
    """A script in the page threw. `name` is the error's: NotAllowedError, InvalidStateError, TypeError, ..."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class UiStep:
    """One step of a ceremony as the browser tells of it, in the browser's own words."""

    at: float
    """time.monotonic()"""
    name: str
    detail: str = ""


class UiSteps:
    """What a browser did in its ceremonies, in order. Written by the browser's threads, waited for by anybody."""

    def __init__(self) -> None:
        self._steps: list[UiStep] = []
        self._changed = threading.Condition()
        self.listeners: list[Callable[[UiStep], None]] = []

    def add(self, name: str, detail: str = "") -> UiStep:
        step = UiStep(at=time.monotonic(), name=name, detail=detail)
        with self._changed:
            self._steps.append(step)
            self._changed.notify_all()
        for listener in list(self.listeners):
            listener(step)
        return step

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[UiStep]:
        return iter(list(self._steps))

    @property
    def names(self) -> list[str]:
        with self._changed:
            return [step.name for step in self._steps]

    def since(self, mark: int) -> list[str]:
        """The names of the steps after the first `mark`: take len() before, and ask afterwards."""
        return self.names[mark:]

    def wait_for(self, *names: str, since: int = 0, timeout: float = PATIENCE) -> UiStep:
        """The first step of these names after `since`."""

        def found() -> UiStep | None:
            return next((step for step in self._steps[since:] if step.name in names), None)

        with self._changed:
            step = self._changed.wait_for(found, timeout)
        if step is None:
            seen = ", ".join(self.since(since)) or "none"
            raise Failure(f"the browser took no step {' or '.join(names)} in {timeout:g} s; it took: {seen}")
        return step


class Pending(Generic[T]):
    """A script that runs in the page while dialogs are answered and keys are touched."""

    def __init__(self, future: Future[T], what: str) -> None:
        self._future = future
        self._what = what

    @property
    def done(self) -> bool:
        return self._future.done()

    def result(self, timeout: float = PATIENCE) -> T:
        """What it returned; PageError if it threw, Failure if it is not done by then."""
        try:
            return self._future.result(timeout)
        except NotDone:
            raise Failure(f"{self._what}: not done after {timeout:g} s") from None

    def told(self, tell: Callable[[T | PageError], None]) -> Pending[T]:
        """The same, of whose end `tell` hears before anybody who waits for it."""
        passed_on: Future[T] = Future()

        def done(future: Future[T]) -> None:
            if future.cancelled():
                passed_on.cancel()
                return
            error = future.exception()
            try:
                if error is None or isinstance(error, PageError):
                    tell(future.result() if error is None else error)
            finally:
                if error is None:
                    passed_on.set_result(future.result())
                else:
                    passed_on.set_exception(error)

        self._future.add_done_callback(done)
        return Pending(passed_on, self._what)

    def error(self, timeout: float = PATIENCE) -> PageError:
        """What it threw; Failure if it returned."""
        try:
            value = self.result(timeout)
        except PageError as error:
            return error
        raise Failure(f"{self._what}: should have been refused, and returned {value!r}"[:500])


class NotShown(Failure):
    """A page is not as whoever uses it knows it."""


class Page(ABC):
    """A page in a browser, by CSS selectors. Each act waits until it can be done; `NotShown` if it never can.

    Scripts are expressions or functions, as Playwright takes them.
    """

    browser: Browser | None = None
    """Whose keys hear in their traces what the page calls and gets."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    @abstractmethod
    def title(self) -> str: ...

    @abstractmethod
    def goto(self, url: str) -> None:
        """Go there, and wait until the document is there."""

    @abstractmethod
    def reload(self) -> None: ...

    @abstractmethod
    def begin(self, script: str, argument: Any = None) -> Pending[Any]:
        """Start it; what it returns, or its promise, is had from the `Pending`."""

    def evaluate(self, script: str, argument: Any = None, *, timeout: float = PATIENCE) -> Any:
        return self.begin(script, argument).result(timeout)

    @abstractmethod
    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        """The first of them that is shown."""

    @abstractmethod
    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None: ...

    @abstractmethod
    def choose(self, selector: str, value: str, *, timeout: float = PATIENCE) -> None:
        """An option of a <select>, by its value."""

    @abstractmethod
    def check(self, selector: str, checked: bool = True, *, timeout: float = PATIENCE) -> None: ...

    @abstractmethod
    def text(self, selector: str = "body", *, timeout: float = PATIENCE) -> str:
        """The text a reader sees there."""

    @abstractmethod
    def wait_for(
        self,
        *selectors: str,
        text: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
    ) -> str:
        """Until one of the selectors is shown, with the text in it (or in the page), and the address contains `url`.

        Returns the first of the selectors that is shown.
        """

    @abstractmethod
    def screenshot(self) -> bytes:
        """PNG of the page."""

    @abstractmethod
    def clear_cookies(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def has(self, selector: str) -> bool:
        """Whether something of that kind is shown now."""
        return bool(self.evaluate(SHOWN, [selector]))

    def texts(self, selector: str) -> list[str]:
        """Of all there are now."""
        script = "(selector) => [...document.querySelectorAll(selector)].map((each) => each.innerText)"
        return list(self.evaluate(script, selector))

    def attribute(self, selector: str, name: str) -> str | None:
        """Of the first one, once there is one."""
        script = "([selector, name]) => document.querySelector(selector).getAttribute(name)"
        self.wait_until(f"() => document.querySelector({json.dumps(selector)}) !== null", not_=False)
        value = self.evaluate(script, [selector, name])
        return None if value is None else str(value)

    @abstractmethod
    def wait_until(self, script: str, *, not_: Any, timeout: float = PATIENCE) -> Any:
        """What a JavaScript function returns, once it is something else than `not_`."""

    # WebAuthn, by the page's own navigator.credentials

    def create(self, options: Mapping[str, Any], **others: Any) -> Pending[dict[str, Any]]:
        """navigator.credentials.create with PublicKeyCredentialCreationOptionsJSON; RegistrationResponseJSON.

        `others` go beside publicKey: `mediation`, and `abort_after` milliseconds.
        """
        return self._ceremony("create", options, others)

    def get(self, options: Mapping[str, Any], **others: Any) -> Pending[dict[str, Any]]:
        """navigator.credentials.get with PublicKeyCredentialRequestOptionsJSON; AuthenticationResponseJSON."""
        return self._ceremony("get", options, others)

    def _ceremony(
        self, kind: str, options: Mapping[str, Any], others: Mapping[str, Any]
    ) -> Pending[dict[str, Any]]:
        browser = self.browser
        if browser is not None:
            browser.note("page", f"navigator.credentials.{kind}", _about(kind, options, others))
        pending: Pending[dict[str, Any]] = self.begin(_CEREMONY, [kind, dict(options), dict(others)])
        return pending if browser is None else pending.told(lambda end: browser.page_got(kind, end))


SHOWN = """(selectors) => selectors.find((selector) => [...document.querySelectorAll(selector)].some(
    (each) => each.checkVisibility({ checkVisibilityCSS: true }))) ?? null"""
"""The first of some selectors of which something is shown."""

_CEREMONY = """async ([kind, json, others]) => {
  const parse = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  const {abort_after, ...rest} = others;
  const options = {...rest, publicKey: PublicKeyCredential[parse](json)};
  if (abort_after !== undefined) {
    const controller = new AbortController();
    options.signal = controller.signal;
    setTimeout(() => controller.abort(), abort_after);
  }
  const credential = await navigator.credentials[kind](options);
  return JSON.parse(JSON.stringify(credential.toJSON()));
}"""


def _about(kind: str, options: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """What a call is about, in a few words."""
    rp_id = options.get("rpId") if kind == "get" else _of(options.get("rp"), "id")
    user = _of(options.get("user"), "name") if kind == "create" else None
    about = " as ".join(each for each in (rp_id, user) if isinstance(each, str))
    mediation = others.get("mediation")
    return f"{about}, mediation {mediation}" if mediation else about


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What a browser context says it is."""

    user_agent: str | None = None
    """None: the browser's own words."""
    size: tuple[int, int] | None = (1280, 800)
    """Of its pages; None: as large as the window is."""
    is_phone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that left the browser."""

    method: str
    url: str
    body: str


class Context(ABC):
    """Somebody's browser: cookies, storage and looks of their own, and one page."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        """What its pages' scripts threw."""

    @property
    @abstractmethod
    def page(self) -> Page: ...

    @property
    @abstractmethod
    def sent(self) -> list[Sent]:
        """Every request of its pages, in order."""

    @abstractmethod
    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Send them with every request from now on."""

    @abstractmethod
    def close(self) -> None: ...


class Browser(Closing):
    """A browser with its keys. Everything may be called from any one thread at a time."""

    name: str
    version: str = ""

    def __init__(self) -> None:
        self._keys: dict[VirtualKey, ExitStack] = {}
        self._stack = ExitStack()
        self.page_heard: list[Callable[[str, dict[str, Any] | PageError], None]] = []
        """Told what the page's own `create` and `get` got."""
        self._take_steps(UiSteps())

    def _take_steps(self, steps: UiSteps) -> None:
        """The browser's steps are these, and its keys' traces have them, too."""
        self.ui_steps = steps
        steps.listeners.append(self._note_step)
        self._stack.callback(steps.listeners.remove, self._note_step)

    @property
    @abstractmethod
    def page(self) -> Page:
        """The page it begins with."""

    @abstractmethod
    def new_page(self, url: str | None = None) -> Page: ...

    # The keys' traces

    def note(self, who: str, what: str, detail: str = "") -> None:
        """A step in the trace of every key that is plugged in here."""
        step = Step(who=who, what=what, detail=detail)
        for key in self.keys:
            key.trace.note(step)

    def _note_step(self, step: UiStep) -> None:
        self.note("browser", step.name, step.detail)

    def page_got(self, kind: str, end: dict[str, Any] | PageError) -> None:
        call = f"navigator.credentials.{kind}"
        if isinstance(end, PageError):
            self.note("page", f"{call} → {end.name}", end.message)
        else:
            self.note("page", f"{call} → {end.get('type')}", f"id {end.get('id')}")
        for hear in list(self.page_heard):
            hear(kind, end)

    def new_context(self, looks: Looks | None = None, *, bridge: PageBridge | None = None) -> Context:
        """A page without cookies or history; its ceremonies go over the bridge, where there is one."""
        raise SetupError(f"{self.name} has one context only")

    @property
    def is_running(self) -> bool:
        return True

    def screenshot_screen(self) -> bytes:
        """PNG of the whole screen, with the browser's own dialogs."""
        raise SetupError(f"{self.name} has no screen here: open it with headless=False")

    # Keys

    @property
    def keys(self) -> tuple[VirtualKey, ...]:
        return tuple(self._keys)

    @abstractmethod
    def plug_in(self, key: VirtualKey) -> None:
        """From now on the browser has this key."""

    def unplug(self, key: VirtualKey) -> None:
        """And from now on not any more."""
        self._keys.pop(key).close()

    def unplug_all(self) -> None:
        for key in self.keys:
            self.unplug(key)

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._stack.close)
            stack.callback(self.unplug_all)


class HidBrowser(Browser):
    """A browser that finds keys through its own HID stack."""

    def __init__(self, port: str | None) -> None:
        super().__init__()
        if port not in ("mock", "uhid", None):
            raise SetupError(f"port {port!r}: browsers find keys on mock and on uhid")
        self.port = port
        """None for a browser that is to have no keys."""
        self._port_options: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        """What the port adds to the browser's environment."""
        if port == "mock":
            from harness.wrap import mock_bus

            bus = self._port_options["bus"] = self._stack.enter_context(mock_bus())
            self.environment = bus.environment()

    def require_sees_keys(self, program: str) -> None:
        from harness.wrap import hidden_from

        if self.port == "mock" and (why := hidden_from(program)):
            raise SetupError(f"{program} would not see a key on the mock port: {why}")

    def plug_in(self, key: VirtualKey) -> None:
        if self.port is None:
            raise SetupError("this browser was opened without a port for keys")
        if key in self._keys:
            raise SetupError(f"{key} is plugged in already")
        stack = ExitStack()
        stack.enter_context(key.plugged_in(self.port, **self._port_options))
        self._keys[key] = stack
