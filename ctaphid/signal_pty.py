"""A character device that polls readable when it is told to: the slave of a PTY. Nobody reads or writes it.

Hosts insist that a hidraw node is a character device (libfido2 by fstat), and a PTY is the one that an ordinary user
can make. It has one catch: a session leader without a terminal (Playwright's browsers) that opens it gets it as its
controlling terminal, and closing the master would then send it SIGHUP. So a PTY is kept, and used again, for as long
as the programs live that may have opened it: in a pool.
"""

from __future__ import annotations

import os
import select
import tty

from ctaphid.ports import PortError


class SignalPty:
    def __init__(self) -> None:
        try:
            self._master, self._slave = os.openpty()
        except OSError as error:
            raise PortError(
                f"the mock port needs a PTY, and has none: {error.strerror} (is /dev/pts mounted?)"
            ) from None
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._readable = False

    def set_readable(self, readable: bool) -> None:
        if readable == self._readable:
            return
        if readable:
            os.write(self._master, b"\0")
        else:
            # A byte takes a moment from one end to the other, in the kernel's own time.
            if select.select([self._slave], [], [], 1)[0]:
                os.read(self._slave, 1)
        self._readable = readable

    def close(self) -> None:
        os.close(self._slave)
        os.close(self._master)


class PtyPool:
    def __init__(self) -> None:
        self._all: list[SignalPty] = []
        self._free: list[SignalPty] = []

    def take(self) -> SignalPty:
        if self._free:
            return self._free.pop()
        pty = SignalPty()
        self._all.append(pty)
        return pty

    def give_back(self, pty: SignalPty) -> None:
        """Nobody has it open any more."""
        pty.set_readable(False)
        self._free.append(pty)

    def close(self) -> None:
        for pty in self._all:
            pty.close()
        self._all.clear()
        self._free.clear()
