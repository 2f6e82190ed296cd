"""One process at a time: a lock that the kernel releases when its holder ends, in whatever way."""

from __future__ import annotations

import fcntl
import os

from authenticator.store import StoreError


class FileLock:
    """Holds PATH.lock, with the holder's process id in it, on behalf of PATH."""

    def __init__(self, path: str) -> None:
        self._name = path + ".lock"
        while True:
            self._fd = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                # Not fcntl's record locks: those do not exclude within one process.
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
                os.close(self._fd)
                raise StoreError(
                    f"{path} is in use by {_describe(holder)}. One key cannot be in two places"
                ) from None
            if self._is_still_there():
                break
            os.close(self._fd)  # its last holder removed it between our open and our lock
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def _is_still_there(self) -> bool:
        try:
            there = os.stat(self._name, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(self._fd), there)

    def release(self) -> None:
        try:
            os.unlink(self._name)
        except FileNotFoundError:
            pass
        os.close(self._fd)


def _describe(holder: str) -> str:
    if not holder.isdecimal():
        return "another process"
    return "this process already" if int(holder) == os.getpid() else f"process {holder}"
