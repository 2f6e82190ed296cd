"""A D-Bus system bus of one's own, for browsers that must not find the machine's."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from harness.caretaker import Caretaker
from harness.errors import SetupError

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="signal"/>
    <allow receive_type="method_return"/><allow receive_type="error"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    """Runs while it is entered; `environment` makes a program take it for the system bus."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._daemon: asyncio.subprocess.Process | None = None
        self._caretaker: Caretaker | None = None

    @property
    def address(self) -> str:
        assert self._folder is not None
        return f"unix:path={self._folder / 'bus'}"

    @property
    def environment(self) -> dict[str, str]:
        return {"DBUS_SYSTEM_BUS_ADDRESS": self.address}

    async def __aenter__(self) -> PrivateBus:
        daemon = shutil.which("dbus-daemon")
        if daemon is None:
            raise SetupError("hybrid in a browser needs dbus-daemon: apt-get install dbus")
        self._folder = Path(tempfile.mkdtemp(prefix="stuntkey-bus-"))
        configuration = self._folder / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(path=self._folder / "bus"))
        self._daemon = await asyncio.create_subprocess_exec(
            daemon,
            f"--config-file={configuration}",
            "--nofork",
            "--nopidfile",
            "--nosyslog",
            "--print-address=1",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._caretaker = Caretaker(self._daemon.pid, self._folder)
        assert self._daemon.stdout is not None
        assert self._daemon.stderr is not None
        # It prints its address when it listens
        if not await asyncio.wait_for(self._daemon.stdout.readline(), 20):
            complaint = (await self._daemon.stderr.read()).decode(errors="replace").strip()
            raise SetupError(f"dbus-daemon did not start: {complaint}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._caretaker is not None:
            self._caretaker.dismiss()
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.terminate()
            await self._daemon.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
