"""Who answers a key's questions, with what and when."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest

from authenticator.person import (
    DECLINED,
    TOUCHED,
    AccountChoice,
    Ask,
    Chosen,
    FingerSample,
    NotRecognised,
    Pin,
    PinEntry,
    Presence,
    Purpose,
    Verification,
    Verified,
)
from harness import (
    LATER,
    Person,
    Question,
    Reply,
    SetupError,
    choose,
    deny,
    device_password,
    enter_pin,
    ignore,
    poor_sample,
    right_finger,
    touch,
    unplug,
    wrong_finger,
)
from harness.acts import PULLED, Act
from harness.prompter import TerminalPrompter, understood, wording

PRESENCE = Presence(purpose=Purpose.LOG_IN, rp_id="example.com")
FINGER = Verification(purpose=Purpose.LOG_IN, rp_id="example.com")
PIN_PAD = Verification(purpose=Purpose.LOG_IN, method="pin-pad")
SAMPLE = FingerSample(remaining=2)
CHOICE = AccountChoice(rp_id="example.com", accounts=("ann", "bob"))
PIN = PinEntry(rp_id="example.com")
ALL: tuple[Ask, ...] = (PRESENCE, FINGER, PIN_PAD, SAMPLE, CHOICE, PIN)


def question(ask: Ask) -> Question:
    return Question(ask, lambda: 100.0)


@pytest.mark.parametrize(
    ("act", "fits"),
    [
        (touch(), {PRESENCE: TOUCHED, FINGER: Verified(), SAMPLE: Verified()}),
        (device_password(), {FINGER: Verified(by_password=True)}),
        (right_finger(finger=2), {FINGER: Verified(2), SAMPLE: Verified(2)}),
        (wrong_finger(), {FINGER: NotRecognised(), PIN_PAD: NotRecognised()}),
        (poor_sample(0x01), {SAMPLE: NotRecognised(0x01)}),
        (enter_pin("0000"), {PIN: Pin("0000"), PIN_PAD: Pin("0000")}),
        (choose("bob"), {CHOICE: Chosen(1)}),
        (choose(-1), {CHOICE: Chosen(1)}),
        (deny(), dict.fromkeys(ALL, DECLINED)),
        (unplug(), dict.fromkeys(ALL, PULLED)),
    ],
)
def test_an_act_answers_what_it_fits_and_waits_for_it(act: Act, fits: dict[Ask, object]) -> None:
    for ask in ALL:
        person = Person(act, habit="ignoring")
        reply = person.answer(ask)
        assert (reply.outcome if reply else None) == fits.get(ask)
        assert bool(person.script) == (ask not in fits)


def test_a_script_is_played_in_order_and_then_the_habit_takes_over() -> None:
    person = Person().will(touch(after=1.5), deny(), wrong_finger(times=2), ignore())
    assert person.answer(PRESENCE) == Reply(TOUCHED, 1.5)
    assert person.answer(PRESENCE) == Reply(DECLINED)
    assert person.answer(FINGER) == Reply(NotRecognised())
    assert person.answer(FINGER) == Reply(NotRecognised())
    assert person.answer(FINGER) is None
    assert person.answer(FINGER) == Reply(Verified())


def test_an_act_that_does_not_fit_lets_later_ones_pass() -> None:
    person = Person(enter_pin("0000"), deny())
    assert person.answer(PRESENCE) == Reply(DECLINED)
    assert person.answer(PRESENCE) == Reply(TOUCHED)
    assert person.answer(PIN) == Reply(Pin("0000"))


def test_habits() -> None:
    assert Person(habit="ignoring").answer(PRESENCE) is None
    assert Person(habit="refusing").answer(PRESENCE) == Reply(DECLINED)
    willing = Person(pin="2468")
    assert willing.answer(PIN_PAD) == Reply(Pin("2468"))
    assert willing.answer(CHOICE) == Reply(Chosen(0))
    assert willing.answer(PIN) == Reply(Pin("2468"))
    assert Person().answer(PIN) == Reply(DECLINED), "knows no PIN"
    with pytest.raises(SetupError, match="must be one of willing"):
        Person(habit="eager")  # type: ignore[arg-type]


def test_nobody_locks_a_key_with_the_pin_that_was_just_refused() -> None:
    person = Person(enter_pin("0000"), pin="2468")
    for ask, expected in (
        (PIN, Pin("0000")),
        (PinEntry(wrong_before=True), Pin("2468")),
        (PinEntry(wrong_before=True), DECLINED),
    ):
        asked = question(ask)
        person.hear(asked)
        assert asked.outcome == expected


def test_a_new_pin_is_remembered_and_long_enough() -> None:
    person = Person()
    person.hear(asked := question(PinEntry(new=True, min_length=6)))
    assert asked.outcome == Pin("123456")
    assert person.pin == "123456"


def test_the_record_holds_everything_but_pins() -> None:
    person = Person(ignore(), pin="2468")
    for ask in (PRESENCE, PIN):
        person.hear(question(ask))
    assert [(each.ask, each.answer, each.answered_at) for each in person.record] == [
        (PRESENCE, None, None),
        (PIN, "a PIN", 100.0),
    ]
    assert "2468" not in repr(person.record)
    assert "0000" not in repr(enter_pin("0000"))


def test_answering_live() -> None:
    held: list[Question] = []

    def on_ask(asked: Question) -> Act | Reply | None:
        if asked.ask is PRESENCE:
            held.append(asked)
            return LATER
        return deny() if asked.ask is FINGER else None

    pokes: list[None] = []
    person = Person(on_ask=on_ask)
    person.hear(later := Question(PRESENCE, lambda: 5.0, lambda: pokes.append(None)))
    assert (later.due, later.live, pokes) == (None, True, [])
    assert held[0].answer(touch(after=2))
    assert (later.due, later.outcome, len(pokes)) == (7.0, TOUCHED, 1)
    assert not held[0].answer(deny()), "answered already"
    person.hear(denied := question(FINGER))
    assert denied.outcome == DECLINED
    person.hear(by_habit := question(SAMPLE))
    assert by_habit.outcome == Verified()


def test_a_question_nobody_waits_for_takes_no_answer() -> None:
    asked = question(PRESENCE)
    asked.withdraw()
    assert not asked.answer(touch())


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: Person().will("touch"), "not something a person can do"),  # type: ignore[arg-type]
        (lambda: Person().will(touch(times=0)), "1 or more"),
        (lambda: question(PRESENCE).answer(touch(after=-1)), "-1 seconds"),
        (lambda: question(PRESENCE).answer(choose(0)), "no answer to Presence"),
        (lambda: Person(choose("eve")).answer(CHOICE), "'ann', 'bob'"),
        (lambda: Person(choose(2)).answer(CHOICE), "there are 2 accounts"),
    ],
)
def test_mistakes_are_told(mistake: object, said: str) -> None:
    assert callable(mistake)
    with pytest.raises(SetupError, match=said):
        mistake()


def test_a_prompt_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SetupError, match="standard input is not one"):
        Person(habit="prompted")


def test_a_prompt_reads_in_its_own_thread() -> None:
    typed, asked_for = threading.Event(), io.StringIO()

    def lines() -> Iterator[str]:
        typed.wait(10)
        yield "no\n"

    answered = threading.Event()
    person = Person(habit="ignoring", prompter=TerminalPrompter(lines(), asked_for))
    person.habit = "prompted"
    asked = Question(PRESENCE, lambda: 0.0, answered.set)
    person.hear(asked)
    assert asked.live
    assert not asked.answered
    assert "touch the key" in asked_for.getvalue()
    typed.set()
    assert answered.wait(10)
    assert asked.outcome == DECLINED


@pytest.mark.parametrize(
    ("line", "ask", "outcome"),
    [
        ("", PRESENCE, TOUCHED),
        ("", FINGER, Verified()),
        ("w", FINGER, NotRecognised()),
        ("p", SAMPLE, NotRecognised()),
        ("n", PIN, DECLINED),
        ("123n", PIN, Pin("123n")),
        ("1", CHOICE, Chosen(1)),
        ("bob", CHOICE, Chosen(1)),
        ("u", PRESENCE, PULLED),
    ],
)
def test_what_is_typed_is_understood(line: str, ask: Ask, outcome: object) -> None:
    act = understood(line, ask)
    assert act is not None
    reply = act.reply(ask)
    assert reply is not None
    assert reply.outcome == outcome
    assert wording(ask)


def test_what_is_not_understood_is_asked_again() -> None:
    assert understood("what?", PRESENCE) is None
    assert understood("", PIN) is None
