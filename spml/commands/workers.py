"""Worker processes beside this one, each busy with one call at a time."""

import signal
from contextlib import suppress
from multiprocessing.connection import wait

from spml.commands.pool import process_context
from spml.errors import UserError


class Workers:
    """Processes that run functions beside this one; start them before torch has threads.

    count: 0 runs every call here and at once. on_done: called here after each call that ended well. A call that
    raises, or a process that dies, is a UserError in a later `submit` or in `finish`.
    """

    def __init__(self, count, on_done=lambda: None):
        self.on_done = on_done
        self._processes, self._connections, self._idle, self._busy = [], [], [], {}
        for _ in range(count):
            self._start(process_context())

    def _start(self, context):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, ours), daemon=True)
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        self._processes.append(process)
        self._connections.append(ours)
        self._idle.append(ours)

    def submit(self, name, function, *args):
        """Run function(*args) in a process, waiting until one is free; `name` says in messages what it works on."""
        if not self._processes:
            _raise(name, _attempt(function, args))
            self.on_done()
            return
        self._collect(timeout=None if not self._idle else 0)
        connection = self._idle.pop()
        self._busy[connection] = name
        try:
            connection.send((function, args))
        except OSError:
            raise _death(name) from None

    def _collect(self, timeout=None):
        """Take in the calls that have ended; without a timeout wait for one."""
        for connection in wait(list(self._busy), timeout):
            name = self._busy.pop(connection)
            try:
                error = connection.recv()
            except (EOFError, OSError):
                raise _death(name) from None
            _raise(name, error)
            self._idle.append(connection)
            self.on_done()

    def __enter__(self):
        return self

    def finish(self):
        """Wait until all calls have ended."""
        while self._busy:
            self._collect()

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join()  # a process ends the call it is at, so that no file is left half-written


def _death(name):
    return UserError(f"{name}: its worker process ended unexpectedly, out of memory perhaps; try fewer --workers")


def _raise(name, error):
    if error is not None:
        raise UserError(f"{name}: {error}")


def _attempt(function, args):
    """Call function(*args); None, or what went wrong in one line."""
    try:
        function(*args)
    except UserError as error:
        return str(error)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


def _serve(connection, other_end):
    """Answer calls until the other end closes."""
    other_end.close()  # fork has made a copy of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            function, args = connection.recv()
            connection.send(_attempt(function, args))
