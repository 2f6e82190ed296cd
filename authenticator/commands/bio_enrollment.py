"""authenticatorBioEnrollment (CTAP 2.3 §6.7), also under its preview code 0x40: fingers enrolled, named, removed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from authenticator import cbor
from authenticator.operation import Steps
from authenticator.parameters import Parameters, optional, require, unsigned
from authenticator.person import Answer, Ask, FingerSample, NotRecognised, Touched, Verified
from authenticator.pin.permissions import Permission
from authenticator.status import CtapError, Status
from authenticator.store import Fingerprint

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

FINGERPRINT = 0x01
TOUCH_SENSOR = 0x01
MAX_TEMPLATE_FRIENDLY_NAME = 64
TEMPLATE_ID_SIZE = 16
DEFAULT_TIMEOUT = 30.0
_KIND = "enrolment"


class Key(IntEnum):
    MODALITY = 0x01
    SUB_COMMAND = 0x02
    SUB_COMMAND_PARAMS = 0x03
    PIN_UV_AUTH_PROTOCOL = 0x04
    PIN_UV_AUTH_PARAM = 0x05
    GET_MODALITY = 0x06


class ParamKey(IntEnum):
    TEMPLATE_ID = 0x01
    TEMPLATE_FRIENDLY_NAME = 0x02
    TIMEOUT_MILLISECONDS = 0x03


class ResponseKey(IntEnum):
    MODALITY = 0x01
    FINGERPRINT_KIND = 0x02
    MAX_CAPTURE_SAMPLES_REQUIRED_FOR_ENROLL = 0x03
    TEMPLATE_ID = 0x04
    LAST_ENROLL_SAMPLE_STATUS = 0x05
    REMAINING_SAMPLES = 0x06
    TEMPLATE_INFOS = 0x07
    MAX_TEMPLATE_FRIENDLY_NAME = 0x08


class SubCommand(IntEnum):
    ENROLL_BEGIN = 0x01
    ENROLL_CAPTURE_NEXT_SAMPLE = 0x02
    CANCEL_CURRENT_ENROLLMENT = 0x03
    ENUMERATE_ENROLLMENTS = 0x04
    SET_FRIENDLY_NAME = 0x05
    REMOVE_ENROLLMENT = 0x06
    GET_FINGERPRINT_SENSOR_INFO = 0x07


class SampleStatus(IntEnum):
    """lastEnrollSampleStatus, as far as the key itself finds it; the rest comes from NotRecognised.feedback."""

    GOOD = 0x00
    MERGE_FAILURE = 0x0A
    EXISTS = 0x0B
    NO_USER_ACTIVITY = 0x0D


Params: TypeAlias = dict[int, Any]
Response: TypeAlias = dict[int, Any]
Enrolling: TypeAlias = Generator[Ask, Answer, Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enrolment:
    """An enrolment under way."""

    template_id: bytes
    remaining: int
    finger: int | None = None


def bio_enrollment(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    # §6.7.2: asked for by itself, and before anything else
    if optional(parameters, Key.GET_MODALITY, bool):
        return cbor.encode({ResponseKey.MODALITY: FINGERPRINT})
    try:
        sub_command = SubCommand(require(parameters, Key.SUB_COMMAND, int))
    except ValueError:
        raise CtapError(Status.INVALID_SUBCOMMAND) from None
    params = optional(parameters, Key.SUB_COMMAND_PARAMS, dict)
    if sub_command not in _WITHOUT_TOKEN:
        _require_authorised(auth, parameters, sub_command, params)
    elif require(parameters, Key.MODALITY, int) != FINGERPRINT:
        raise CtapError(Status.INVALID_PARAMETER)
    if sub_command not in (SubCommand.ENROLL_BEGIN, SubCommand.ENROLL_CAPTURE_NEXT_SAMPLE):
        response = _AT_ONCE[sub_command](auth, params or {})
    elif sub_command is SubCommand.ENROLL_BEGIN:
        response = yield from _enroll_begin(auth, params or {}, channel)
    else:
        response = yield from _enroll_capture_next_sample(auth, params or {}, channel)
    return cbor.encode(response) if response else b""


def _require_authorised(
    auth: Authenticator, parameters: Parameters, sub_command: SubCommand, params: Params | None
) -> None:
    """Steps 1 to 5 of §6.7.4 to §6.7.8."""
    param = optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes)
    if param is None:
        raise CtapError(Status.PUAT_REQUIRED)
    if require(parameters, Key.MODALITY, int) != FINGERPRINT:
        raise CtapError(Status.INVALID_PARAMETER)
    given = params or {}
    for key, kind in _MANDATORY.get(sub_command, ()):
        require(given, key, kind)
    auth.tokens.require_authorised(
        unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
        param,
        bytes((FINGERPRINT, sub_command)) + (cbor.encode(params) if params is not None else b""),
        Permission.BIO_ENROLLMENT,
    )


# Enrolling


def _enroll_begin(auth: Authenticator, params: Params, channel: int) -> Enrolling:
    """§6.7.4."""
    # Step 6
    if len(auth.state.fingerprints) >= auth.profile.limits.fingers:
        raise CtapError(Status.FP_DATABASE_FULL)
    # Steps 7 and 8: an unfinished enrolment makes way
    enrolment = _Enrolment(
        template_id=auth.environment.random.bytes(TEMPLATE_ID_SIZE),
        remaining=auth.profile.limits.finger_samples,
    )
    auth.keep(_KIND, channel, enrolment)
    # Step 9
    response = yield from _capture(auth, enrolment, params, channel)
    return {ResponseKey.TEMPLATE_ID: enrolment.template_id, **response}


def _enroll_capture_next_sample(auth: Authenticator, params: Params, channel: int) -> Enrolling:
    """§6.7.5."""
    enrolment: _Enrolment | None = auth.kept(_KIND)
    # The standard names no status for a template that is not being enrolled; as for one that is unknown.
    if enrolment is None or enrolment.template_id != params[ParamKey.TEMPLATE_ID]:
        raise CtapError(Status.INVALID_OPTION)
    return (yield from _capture(auth, enrolment, params, channel))


def _capture(auth: Authenticator, enrolment: _Enrolment, params: Params, channel: int) -> Enrolling:
    """One sample. What is wrong with it is told in the response, not as an error."""
    milliseconds = unsigned(params, ParamKey.TIMEOUT_MILLISECONDS)
    timeout = DEFAULT_TIMEOUT if milliseconds is None else milliseconds / 1000
    status: int
    try:
        answer = yield FingerSample(remaining=enrolment.remaining, timeout=timeout)
    except CtapError as error:
        if error.status is not Status.USER_ACTION_TIMEOUT:
            raise
        status = SampleStatus.NO_USER_ACTIVITY
    else:
        status, finger = _judge(auth, enrolment, answer)
        if status == SampleStatus.GOOD:
            enrolment = replace(enrolment, remaining=enrolment.remaining - 1, finger=finger)
    if enrolment.remaining:
        auth.keep(_KIND, channel, enrolment)
    else:
        assert enrolment.finger is not None
        auth.continuation = None
        new = Fingerprint(template_id=enrolment.template_id, finger=enrolment.finger)
        auth.change_state(fingerprints=(*auth.state.fingerprints, new))
    return {
        ResponseKey.LAST_ENROLL_SAMPLE_STATUS: int(status),
        ResponseKey.REMAINING_SAMPLES: enrolment.remaining,
    }


def _judge(auth: Authenticator, enrolment: _Enrolment, answer: Answer) -> tuple[int, int]:
    """The sample's status, and whose finger it is of."""
    if isinstance(answer, NotRecognised):
        return answer.feedback or SampleStatus.MERGE_FAILURE, 0
    if not isinstance(answer, Verified | Touched):
        raise CtapError(Status.OPERATION_DENIED)
    finger = answer.finger if isinstance(answer, Verified) else 0
    if enrolment.finger is None:
        known = any(each.finger == finger for each in auth.state.fingerprints)
        return (SampleStatus.EXISTS if known else SampleStatus.GOOD), finger
    # The samples of one template must be of one finger.
    return (SampleStatus.GOOD if finger == enrolment.finger else SampleStatus.MERGE_FAILURE), finger


def _cancel_current_enrollment(auth: Authenticator, params: Params) -> Response:
    """§6.7.6."""
    auth.continuation = None
    return {}


# What is enrolled


def _enumerate_enrollments(auth: Authenticator, params: Params) -> Response:
    """§6.7.6."""
    if not auth.state.fingerprints:
        raise CtapError(Status.INVALID_OPTION)
    return {
        ResponseKey.TEMPLATE_INFOS: [
            # The name is optional, yet python-fido2, and with it ykman, fails where it is missing.
            {ParamKey.TEMPLATE_ID: each.template_id, ParamKey.TEMPLATE_FRIENDLY_NAME: each.name or ""}
            for each in auth.state.fingerprints
        ]
    }


def _set_friendly_name(auth: Authenticator, params: Params) -> Response:
    """§6.7.7."""
    name: str = params[ParamKey.TEMPLATE_FRIENDLY_NAME]
    if len(name.encode()) > MAX_TEMPLATE_FRIENDLY_NAME:
        raise CtapError(Status.INVALID_LENGTH)
    chosen = _require_enrolled(auth, params)
    auth.change_state(
        fingerprints=tuple(
            replace(each, name=name) if each is chosen else each for each in auth.state.fingerprints
        )
    )
    return {}


def _remove_enrollment(auth: Authenticator, params: Params) -> Response:
    """§6.7.8."""
    chosen = _require_enrolled(auth, params)
    auth.change_state(fingerprints=tuple(each for each in auth.state.fingerprints if each is not chosen))
    return {}


def _require_enrolled(auth: Authenticator, params: Params) -> Fingerprint:
    wanted = params[ParamKey.TEMPLATE_ID]
    for each in auth.state.fingerprints:
        if each.template_id == wanted:
            return each
    raise CtapError(Status.INVALID_OPTION)


def _get_fingerprint_sensor_info(auth: Authenticator, params: Params) -> Response:
    """§6.7.3."""
    return {
        ResponseKey.FINGERPRINT_KIND: TOUCH_SENSOR,
        ResponseKey.MAX_CAPTURE_SAMPLES_REQUIRED_FOR_ENROLL: auth.profile.limits.finger_samples,
        ResponseKey.MAX_TEMPLATE_FRIENDLY_NAME: MAX_TEMPLATE_FRIENDLY_NAME,
    }


_WITHOUT_TOKEN = frozenset({SubCommand.CANCEL_CURRENT_ENROLLMENT, SubCommand.GET_FINGERPRINT_SENSOR_INFO})
_AT_ONCE = {
    SubCommand.CANCEL_CURRENT_ENROLLMENT: _cancel_current_enrollment,
    SubCommand.ENUMERATE_ENROLLMENTS: _enumerate_enrollments,
    SubCommand.SET_FRIENDLY_NAME: _set_friendly_name,
    SubCommand.REMOVE_ENROLLMENT: _remove_enrollment,
    SubCommand.GET_FINGERPRINT_SENSOR_INFO: _get_fingerprint_sensor_info,
}
_MANDATORY: dict[SubCommand, tuple[tuple[int, type], ...]] = {
    SubCommand.ENROLL_CAPTURE_NEXT_SAMPLE: ((ParamKey.TEMPLATE_ID, bytes),),
    SubCommand.SET_FRIENDLY_NAME: ((ParamKey.TEMPLATE_ID, bytes), (ParamKey.TEMPLATE_FRIENDLY_NAME, str)),
    SubCommand.REMOVE_ENROLLMENT: ((ParamKey.TEMPLATE_ID, bytes),),
}
