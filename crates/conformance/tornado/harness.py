"""Runs checks against a program of this repository, and counts them."""

import asyncio
import re
import signal
import subprocess
import sys
import time
import traceback


class Program:
    """An example program, running; its standard error is kept."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen(
            [path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self.errors = []
        self.lines = []

    def listening(self):
        """The port of a server, once it listens."""
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on ws://127\.0\.0\.1:(\d+)\n", line)
        assert found, f"first line is {line!r}"
        return int(found[1])

    def interrupt(self, timeout=15):
        """Sends Ctrl-C; returns the status, the rest of standard output, and standard error."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Checks:
    """A list of checks, each a function whose name is the sentence that must be true."""

    def __init__(self):
        self.functions = []

    def __call__(self, function):
        self.functions.append(function)
        return function

    def run(self, *arguments):
        """Runs them in order; returns how many passed and failed."""
        passed = failed = 0
        for function in self.functions:
            begun = time.monotonic()
            try:
                if asyncio.iscoroutinefunction(function):
                    asyncio.run(asyncio.wait_for(function(*arguments), 30))
                else:
                    function(*arguments)
                passed += 1
            except Exception:
                failed += 1
                print(f"FAILED {function.__name__} after {time.monotonic() - begun:.1f} s")
                traceback.print_exc(file=sys.stdout)
        return passed, failed


def report(passed, failed):
    """Prints the result and ends the process."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
